package dev.lockkeeper.ledger;

import java.time.Clock;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** The budgets, and how they stand. Any thread but an event loop's: what changes something blocks. */
public final class Budgets {
    private final Books books;
    private final Clock clock;
    private final AtomicLong numbers = new AtomicLong();

    Budgets(Books books, Clock clock) {
        this.books = books;
        this.clock = clock;
    }

    /** A change of budgets, or why it was refused. */
    public sealed interface Changed {
        /**
         * It is done, and applies.
         *
         * @param budget as it stands now
         */
        record Done(Budget budget) implements Changed {}

        /**
         * Nothing has changed.
         *
         * @param field what of the wish is wrong, such as {@code amount}
         * @param value what it is
         * @param reason what is expected, and what to do
         */
        record Refused(String field, String value, String reason) implements Changed {}
    }

    /**
     * Makes a budget. It applies at once, also to calls under way; what was spent in its scope in the current period counts.
     *
     * @param within the scopes that the scope lies in: of a key its project and organization
     */
    public Changed create(Budget.Wanted wanted, List<Scope> within) {
        Budget budget = new Budget(
                numbers.incrementAndGet(),
                wanted.scope(),
                wanted.period(),
                wanted.carryOver(),
                wanted.terms(),
                books.time(clock.millis()));
        books.add(budget, 0);
        return new Changed.Done(budget);
    }

    /** Gives a budget other terms. They apply at once. */
    public Changed change(long number, Budget.Terms terms) {
        Budget before = books.find(number);
        if (before == null) {
            return new Changed.Refused("budget", "bud_" + number, "there is no such budget");
        }
        Budget after =
                new Budget(number, before.scope(), before.period(), before.carryOver(), terms, before.createdMillis());
        books.change(after);
        return new Changed.Done(after);
    }

    /** Ends a budget: it bounds nothing any more. What it booked stays in the books. */
    public Changed close(long number) {
        Budget before = books.find(number);
        if (before == null) {
            return new Changed.Refused("budget", "bud_" + number, "there is no such budget");
        }
        books.remove(number);
        return new Changed.Done(before);
    }

    /** The budgets that stand, and how, by number. */
    public List<Balance> balances() {
        return books.balances(clock.millis());
    }
}
