package dev.lockkeeper.settings;

import java.util.List;

/** The effective configuration as text: every key with its value and where that came from, secrets masked. */
public final class Effective {
    private final List<String> lines;

    Effective(List<String> lines) {
        this.lines = List.copyOf(lines);
    }

    /** YAML that says the same as file, environment and command line together; each line ends in its value's origin. */
    public String render() {
        return String.join("\n", lines) + "\n";
    }
}
