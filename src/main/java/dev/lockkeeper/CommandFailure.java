package dev.lockkeeper;

import java.util.List;

/** Ends a command with an exit code and lines that say why. */
final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Exit code: it could not be done. */
    static final int FAILED = 1;

    /** Exit code: the command line or the configuration is wrong. */
    static final int MISUSED = 2;

    private final int code;
    private final transient List<String> lines;

    private CommandFailure(int code, List<String> lines) {
        super(String.join("\n", lines));
        this.code = code;
        this.lines = List.copyOf(lines);
    }

    static CommandFailure failed(String line) {
        return new CommandFailure(FAILED, List.of(line));
    }

    static CommandFailure misused(List<String> lines) {
        return new CommandFailure(MISUSED, lines);
    }

    int code() {
        return code;
    }

    List<String> lines() {
        return lines;
    }
}
