package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A folder with a configuration in it, on a machine of 2 cores and 1 GiB of heap. */
record Config(Path folder, Map<String, String> environment, Overrides overrides) {
    static Config in(Path folder) {
        return new Config(folder, Map.of(), Overrides.NONE);
    }

    Config with(Map<String, String> variables) {
        return new Config(folder, variables, overrides);
    }

    Config with(Overrides commandLine) {
        return new Config(folder, environment, commandLine);
    }

    Config file(String yaml) {
        return file("lockkeeper.yaml", yaml);
    }

    Config file(String name, String content) {
        try {
            Path file = folder.resolve(name);
            Files.createDirectories(file.getParent());
            Files.writeString(file, content);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Loaded load() {
        return SettingsLoader.load(null, environment, overrides, machine());
    }

    Loaded again(Loaded.Good before) {
        return SettingsLoader.again(before, null, environment, overrides, machine());
    }

    Loaded load(Path file) {
        return SettingsLoader.load(file, environment, overrides, machine());
    }

    Loaded.Good good() {
        Loaded loaded = load();
        assertThat(loaded).as(() -> texts(loaded).toString()).isInstanceOf(Loaded.Good.class);
        return (Loaded.Good) loaded;
    }

    Settings settings() {
        return good().settings();
    }

    /** The mistakes of a configuration that has some. */
    List<String> mistakes() {
        Loaded loaded = load();
        assertThat(loaded).isInstanceOf(Loaded.Bad.class);
        return texts(loaded);
    }

    static List<String> texts(Loaded loaded) {
        return switch (loaded) {
            case Loaded.Good _ -> List.of();
            case Loaded.Bad bad -> bad.mistakes().stream().map(Mistake::text).collect(Collectors.toList());
        };
    }

    private Machine machine() {
        return new Machine(folder, 2, 1L << 30, 65_536);
    }
}
