package dev.lockkeeper.ledger;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A budget that stands, and its account of the current period. Guarded by {@link Books}. */
final class Standing {
    Budget budget;
    Account current;

    /** Null once what was spent so far is added up; completes then. */
    @Nullable CompletableFuture<Void> loading;

    /** While holds are put back that outlived their process: the periods they may belong to. */
    List<Account> periods = List.of();

    /** Where the journals ended when the budget was made: what was booked before is added up by the database. */
    long[] watermarks = {};

    Standing(Budget budget, long start, long end, long carried) {
        this.budget = budget;
        this.current = new Account(this, start, end, budget.terms().amountNanos(), carried);
    }

    /** Puts one back. */
    Standing(Budget budget, Opening first) {
        this.budget = budget;
        this.current = new Account(this, first.start(), first.end(), first.amount(), first.carried());
    }

    /** The account of an instant that is not before the current period. */
    Account at(long millis) {
        if (millis >= current.end) {
            current = next(millis);
        }
        return current;
    }

    private Account next(long millis) {
        Period period = budget.period();
        long start = period.start(millis);
        long end = period.end(millis);
        long amount = budget.terms().amountNanos();
        if (!budget.carryOver()) {
            return new Account(this, start, end, amount, 0);
        }
        // A period in which nobody called lay between: it is carried over whole.
        return start == current.end ? current.open(start, end, amount) : new Account(this, start, end, amount, amount);
    }
}
