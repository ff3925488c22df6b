package dev.lockkeeper;

import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Mistake;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.SettingsLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that names the configuration, and its reading. */
final class Configuration {
    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            description =
                    "The configuration. Default: what LOCKKEEPER_CONFIG names, else lockkeeper.yaml in this folder if"
                            + " there is one, else none is needed.")
    private @Nullable Path file;

    Configuration() {}

    Configuration(Path file) {
        this.file = file;
    }

    /** Loads again what {@link #load} loaded before, for a process that runs by it. */
    Loaded again(Loaded.Good before, Shell shell, Overrides overrides) {
        return SettingsLoader.again(before, file, shell.environment(), overrides);
    }

    /** The data folder that it names, as far as it can be read: what else is wrong in it does not matter here. */
    Path data(Shell shell) {
        return switch (SettingsLoader.load(file, shell.environment(), Overrides.NONE)) {
            case Loaded.Good good -> good.settings().data();
            case Loaded.Bad bad -> bad.data();
        };
    }

    /**
     * The store of a data folder that was named instead of a configuration: what the configuration of this place says, if it
     * is about that folder, else SQLite.
     */
    DatabaseSettings databaseOf(Shell shell, Path folder) {
        return switch (SettingsLoader.load(null, shell.environment(), Overrides.NONE)) {
            case Loaded.Good good
            when same(good.settings().data(), folder) -> good.settings().database();
            case Loaded.Good _, Loaded.Bad _ -> new DatabaseSettings.Sqlite();
        };
    }

    private static boolean same(Path one, Path other) {
        return one.toAbsolutePath().normalize().equals(other.toAbsolutePath().normalize());
    }

    /** The file that was named; null when none was. */
    @Nullable Path file() {
        return file;
    }

    /** The settings; ends the command with all mistakes when there are any. */
    Loaded.Good load(Shell shell, Overrides overrides) {
        return switch (SettingsLoader.load(file, shell.environment(), overrides)) {
            case Loaded.Good good -> good;
            case Loaded.Bad bad -> {
                List<Mistake> mistakes = bad.mistakes();
                List<String> lines = new ArrayList<>();
                mistakes.forEach(mistake -> lines.add(mistake.text()));
                lines.add(
                        mistakes.size() == 1
                                ? "The configuration has a mistake; nothing was started."
                                : "The configuration has " + mistakes.size() + " mistakes; nothing was started.");
                throw CommandFailure.misused(lines);
            }
        };
    }
}
