package dev.lockkeeper.settings;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What the command line says; it beats the environment, which beats the file.
 *
 * @param host {@code --host}: address of {@code server}
 * @param port {@code --port}: port of {@code server}
 * @param adminPort {@code --admin-port}: port of {@code admin}
 * @param data {@code --data}: folder of the database
 */
public record Overrides(
        @Nullable String host,
        @Nullable Integer port,
        @Nullable Integer adminPort,
        @Nullable Path data) {
    /** A command line that says nothing. */
    public static final Overrides NONE = new Overrides(null, null, null, null);
}
