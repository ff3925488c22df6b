package dev.lockkeeper.ledger;

import org.jspecify.annotations.Nullable;

/** A budget as the database has it, and its newest account there. The applier's thread. */
final class Tracked {
    Budget budget;

    /** When the period began in which the budget was made: what was spent before does not count. */
    final long first;

    long start;
    long end;
    /** What all processes have booked, as of the last time that this one wrote. */
    long spent;

    /** The highest percentage that was told in this period; 0 for none. */
    int told;

    Tracked(Budget budget, long start, long end, long spent, int told) {
        this.budget = budget;
        this.first = budget.period().start(budget.createdMillis());
        this.start = start;
        this.end = end;
        this.spent = spent;
        this.told = told;
    }

    /** Nothing is known of its account. */
    static Tracked of(Budget budget) {
        return new Tracked(budget, budget.period().start(0), Long.MIN_VALUE, 0, 0);
    }

    /** Adds an entry to a batch where it counts. */
    void add(Entry entry, Batch batch) {
        long at = entry.hold().atMillis;
        if (at < first) {
            return;
        }
        if (at >= end) {
            start = budget.period().start(at);
            end = budget.period().end(at);
            spent = 0;
            told = 0;
        }
        if (at >= start) {
            batch.spend(budget, start, entry);
        } else {
            batch.spend(budget, budget.period().start(at), entry);
        }
    }

    /** Notes how the account stands in the database, where it is the newest one. */
    void learn(Store.Row row) {
        if (row.start() == start) {
            spent = row.spent();
            told = Math.max(told, row.told());
        }
    }

    /** The alert that is due now; null for none. */
    @Nullable Alert due(long grantedNanos, long nowMillis) {
        int reached = 0;
        for (int percent : budget.terms().alertPercents()) {
            if (spent >= grantedNanos / 100 * percent + grantedNanos % 100 * percent / 100) {
                reached = percent;
            }
        }
        return reached <= told
                ? null
                : new Alert(
                        budget.id() + ":" + (start == Long.MIN_VALUE ? "always" : start) + ":" + reached,
                        Alert.Kind.THRESHOLD,
                        budget,
                        start,
                        reached,
                        grantedNanos,
                        spent,
                        nowMillis);
    }
}
