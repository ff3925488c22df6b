package dev.lockkeeper.ledger;

import dev.lockkeeper.units.Usage;

/** A row to be booked: a hold and how it ended. */
record Entry(OpenHold hold, Bill bill, long overrunNanos, Kind kind) {
    /** How a hold came to its end. */
    enum Kind {
        SETTLED("settled"),
        /** Settled for more than was allowed and left. */
        OVERRUN("overrun"),
        /** Found open when the ledger was opened: booked at what it held. */
        RECOVERED("recovered");

        final String text;

        Kind(String text) {
            this.text = text;
        }
    }

    static Entry settled(OpenHold hold, JournalRecord.Ended ended) {
        return new Entry(
                hold, ended.bill(), ended.overrunNanos(), ended.overrunNanos() > 0 ? Kind.OVERRUN : Kind.SETTLED);
    }

    /** The same where nothing was left that could have paid for it. */
    Entry beyond() {
        long all = bill.costNanos();
        return all == 0 ? this : new Entry(hold, bill, all, kind == Kind.SETTLED ? Kind.OVERRUN : kind);
    }

    static Entry recovered(OpenHold hold) {
        Usage unknown = Usage.NONE.toBuilder().estimated(true).build();
        return new Entry(
                hold,
                new Bill(hold.grantedNanos, unknown, true, "", 0, "recovered", hold.atMillis, 0),
                0,
                Kind.RECOVERED);
    }
}
