package dev.lockkeeper.testing;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** This process's own class path, for a process whose working folder is another. */
final class ClassPath {
    /**
     * As an installed gateway has it: jars, which stay open. From a folder each class is a file that is opened when it is
     * first used: what runs out of descriptors then can't go on, and nor can what runs while the folder is compiled anew.
     */
    static final String PACKED = packed();

    private ClassPath() {}

    private static String packed() {
        List<String> path = new ArrayList<>();
        for (String each : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path entry = Path.of(each).toAbsolutePath();
            path.add((Files.isDirectory(entry) ? jar(entry) : entry).toString());
        }
        return String.join(File.pathSeparator, path);
    }

    private static Path jar(Path folder) {
        try (Stream<Path> found = Files.walk(folder)) {
            Path jar = Files.createTempFile("lockkeeper-classes", ".jar");
            jar.toFile().deleteOnExit();
            try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
                zip.setLevel(Deflater.NO_COMPRESSION);
                for (Path each : (Iterable<Path>) found.filter(each -> !each.equals(folder))::iterator) {
                    String name = folder.relativize(each).toString().replace(File.separatorChar, '/');
                    boolean file = Files.isRegularFile(each);
                    zip.putNextEntry(new ZipEntry(file ? name : name + "/"));
                    if (file) {
                        Files.copy(each, zip);
                    }
                }
            }
            return jar;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
