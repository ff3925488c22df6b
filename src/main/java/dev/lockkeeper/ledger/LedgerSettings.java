package dev.lockkeeper.ledger;

import java.time.Duration;

/**
 * The ledger's bounds.
 *
 * @param maxOpenHolds holds that may be open at once; a further one is refused
 * @param minFreeBytes room that must be left on the disk of the journal, in bytes: with less, new holds are refused
 * @param segmentBytes size of one file of a journal, in bytes
 * @param forceEvery how often the journals are forced to the disk: a power cut loses at most twice as much
 * @param withoutDatabase what becomes of calls that no lease covers while the database is gone
 */
public record LedgerSettings(
        int maxOpenHolds, long minFreeBytes, int segmentBytes, Duration forceEvery, WithoutDatabase withoutDatabase) {
    /** What becomes of calls that need more of a shared budget than is leased, while the database can't be asked for it. */
    public enum WithoutDatabase {
        /** They are refused. */
        REFUSE,
        /** They are made: the budget may be overspent, and what it has not is booked as an overrun. */
        ALLOW
    }

    /** With the usual of what is not named. */
    public LedgerSettings(int maxOpenHolds, long minFreeBytes, int segmentBytes, Duration forceEvery) {
        this(maxOpenHolds, minFreeBytes, segmentBytes, forceEvery, WithoutDatabase.REFUSE);
    }

    /** The most holds that may be allowed to be open. */
    public static final int MOST_HOLDS = 1_000_000;

    /** The smallest file of a journal: it must have room for some calls. */
    public static final int LEAST_SEGMENT = 64 << 10;

    /** The largest. */
    public static final int MOST_SEGMENT = 1 << 30;

    /** What holds where nothing is written. */
    public static final LedgerSettings DEFAULT = new LedgerSettings(100_000, 64L << 20, 4 << 20, Duration.ofMillis(50));
}
