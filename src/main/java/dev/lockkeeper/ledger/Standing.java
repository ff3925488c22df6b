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

    /** Whether other processes spend of it too: then an account has only what is leased of it. */
    private final boolean shared;

    /** Whether it is about to become hard. */
    boolean hardening;

    /** Whether it was closed, or given up. */
    boolean gone;

    Standing(Budget budget, boolean shared, long start, long end) {
        this.budget = budget;
        this.shared = shared;
        this.current = account(start, end, budget.terms().amountNanos(), 0);
    }

    /** An account without what came from another. */
    final Account account(long start, long end, long amount, long carried) {
        Account account = new Account(this, start, end, shared ? 0 : amount, shared ? 0 : carried);
        if (shared) {
            account.share = new Share(amount);
        }
        return account;
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
        if (shared || !budget.carryOver()) {
            return account(start, end, amount, 0);
        }
        // A period in which nobody called lay between: it is carried over whole.
        return start == current.end ? current.open(start, end, amount) : account(start, end, amount, amount);
    }
}
