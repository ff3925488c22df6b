package dev.lockkeeper.fuzz;

import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Mistake;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.SettingsLoader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A configuration file: settings or mistakes, never an exception, and never a secret among what is told. */
public final class SettingsTarget {
    private static final String SECRET = "qqzzSECRETzzqq";
    private static final Path FILE = file();

    private SettingsTarget() {}

    private static Path file() {
        Path memory = Path.of("/dev/shm");
        try {
            Path file = Files.isWritable(memory)
                    ? Files.createTempFile(memory, "lockkeeper-fuzz", ".yaml")
                    : Files.createTempFile("lockkeeper-fuzz", ".yaml");
            file.toFile().deleteOnExit();
            return file;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) throws IOException {
        Files.write(FILE, data);
        switch (SettingsLoader.load(FILE, Map.of("SECRET", SECRET), Overrides.NONE)) {
            case Loaded.Good good -> {
                Input.check(!good.settings().models().isEmpty(), "no models");
                Input.check(!good.settings().providers().isEmpty(), "no providers");
                Input.check(!good.effective().render().contains("api-key: \"" + SECRET), "the key is shown");
                Input.check(!good.notes().toString().contains(SECRET), "the notes tell a secret");
            }
            case Loaded.Bad bad -> {
                List<Mistake> mistakes = bad.mistakes();
                Input.check(!mistakes.isEmpty(), "bad without a mistake");
                for (Mistake mistake : mistakes) {
                    Input.check(!mistake.text().contains("\n"), "a line break in " + mistake.text());
                    Input.check(!mistake.text().contains(SECRET), "a mistake tells a secret");
                    Input.check(mistake.line() >= 0, "line " + mistake.line());
                }
            }
        }
    }
}
