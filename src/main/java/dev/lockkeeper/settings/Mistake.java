package dev.lockkeeper.settings;

import org.jspecify.annotations.Nullable;

/**
 * One thing that is wrong with the configuration. Never holds a secret.
 *
 * @param source where it was written: the file's name, an environment variable, an option of the command line
 * @param line line in the file from 1, 0 when it does not stand in a file
 * @param column column in that line from 1, 0 when it does not stand in a file
 * @param key path of the key, such as {@code server.port}; empty when it concerns no key
 * @param value what was written, null when nothing was
 * @param expected what should stand there, or what is wrong in words
 * @param instead what was probably meant, null when nothing is near
 */
public record Mistake(
        String source,
        int line,
        int column,
        String key,
        @Nullable String value,
        String expected,
        @Nullable String instead) {

    /** What the operator wrote may be part of what is expected or meant: that is told on one line, too. */
    public Mistake {
        expected = Shown.onOneLine(expected);
        instead = instead == null ? null : Shown.onOneLine(instead);
    }

    /** The mistake in one line: {@code lockkeeper.yaml:3:9: server.port: 99999 (expected: a port, 0 to 65535)}. */
    public String text() {
        StringBuilder text = new StringBuilder(source);
        if (line > 0) {
            text.append(':').append(line).append(':').append(column);
        }
        text.append(": ");
        if (!key.isEmpty()) {
            text.append(key).append(": ");
        }
        if (value == null) {
            text.append(expected);
        } else {
            text.append(value).append(" (expected: ").append(expected).append(')');
        }
        if (instead != null) {
            text.append("; did you mean ").append(instead).append('?');
        }
        return text.toString();
    }
}
