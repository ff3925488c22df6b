package dev.lockkeeper.ledger;

import dev.lockkeeper.units.Usage;

/**
 * What an attempt cost, and what there is to say about it in the books.
 *
 * @param costNanos the cost in nano-dollars
 * @param usage what it is made of
 * @param estimated whether the upstream told nothing that could be relied on
 * @param endpoint what was called, such as {@code chat.completions}; at most 64 bytes are kept
 * @param status the status of the answer; 0 when there was none
 * @param outcome how the attempt ended; at most 64 bytes are kept
 * @param startedMillis when it began, milliseconds since 1970
 * @param durationMillis how long it took
 */
public record Bill(
        long costNanos,
        Usage usage,
        boolean estimated,
        String endpoint,
        int status,
        String outcome,
        long startedMillis,
        long durationMillis) {
    public Bill {
        if (costNanos < 0) {
            throw new IllegalArgumentException("cost: " + costNanos + " nanos (expected: 0 or more)");
        }
    }
}
