package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * A request, read whole.
 *
 * @param controls what the header {@code x-simulator} says
 */
record Request(
        String method,
        String path,
        Query query,
        @Nullable String contentType,
        @Nullable String controls,
        Bytes body) {}
