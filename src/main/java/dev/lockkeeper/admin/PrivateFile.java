package dev.lockkeeper.admin;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/** Files that only their owner may read, where the file system knows of owners. */
final class PrivateFile {
    private static final String PERMISSIONS = "rw-------";

    private PrivateFile() {}

    /** Writes a file whole or not at all; nobody else can read it at any moment. */
    static void write(Path file, String text) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        FileAttribute<?>[] attributes = posix(file)
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(PERMISSIONS))
                }
                : new FileAttribute<?>[0];
        Path whole = Files.createTempFile(folder, file.getFileName() + ".", ".new", attributes);
        try {
            Files.writeString(whole, text);
            Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(whole);
        }
    }

    static boolean isPrivate(Path file) throws IOException {
        return !posix(file)
                || PosixFilePermissions.fromString(PERMISSIONS).containsAll(Files.getPosixFilePermissions(file));
    }

    private static boolean posix(Path file) {
        return file.getFileSystem().supportedFileAttributeViews().contains("posix");
    }
}
