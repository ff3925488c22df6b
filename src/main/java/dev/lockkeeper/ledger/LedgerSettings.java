package dev.lockkeeper.ledger;

import java.time.Duration;

/**
 * The ledger's bounds.
 *
 * @param maxOpenHolds holds that may be open at once; a further one is refused
 * @param minFreeBytes room that must be left on the disk of the journal, in bytes: with less, new holds are refused
 * @param segmentBytes size of one file of a journal, in bytes
 * @param forceEvery how often the journals are forced to the disk: a power cut loses at most twice as much
 */
public record LedgerSettings(int maxOpenHolds, long minFreeBytes, int segmentBytes, Duration forceEvery) {
    /** What holds where nothing is written. */
    public static final LedgerSettings DEFAULT = new LedgerSettings(100_000, 64L << 20, 4 << 20, Duration.ofMillis(50));
}
