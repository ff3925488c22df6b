package dev.lockkeeper.db;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/** Files and folders that only their owner may read, where the file system knows of owners. Blocks. */
public final class OwnerOnly {
    private static final String FILE = "rw-------";
    private static final String FOLDER = "rwx------";

    private OwnerOnly() {}

    /** Makes a folder, with those above it, if it is not there; one that is there stays as it is. */
    public static void folder(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            if (posix(folder)) {
                Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(FOLDER));
            }
        }
    }

    /** Makes a file that is empty, where the file system knows of owners; elsewhere whoever writes it makes it. */
    static void empty(Path file) throws IOException {
        if (posix(file)) {
            Files.createFile(file, attributes(file));
        }
    }

    /** Writes a file whole or not at all, in place of the one that was there; nobody else can read it at any moment. */
    public static void write(Path file, String text) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Path whole = Files.createTempFile(folder, file.getFileName() + ".", ".new", attributes(file));
        try {
            Files.writeString(whole, text);
            Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(whole);
        }
    }

    /** Whether nobody else may read a file, or the file system does not know. */
    public static boolean is(Path file) throws IOException {
        return !posix(file) || PosixFilePermissions.fromString(FILE).containsAll(Files.getPosixFilePermissions(file));
    }

    /** Takes a file from all but its owner. */
    public static void close(Path file) throws IOException {
        if (posix(file)) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(FILE));
        }
    }

    private static FileAttribute<?>[] attributes(Path file) {
        return posix(file)
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FILE))}
                : new FileAttribute<?>[0];
    }

    private static boolean posix(Path file) {
        return file.getFileSystem().supportedFileAttributeViews().contains("posix");
    }
}
