package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import java.nio.file.Path;
import java.time.Clock;

/**
 * What was held, spent and left. {@link #hold} and what it gives are used on event loops and never block; the rest blocks
 * and belongs on other threads.
 */
public final class Ledger implements AutoCloseable {
    private final Clock clock;
    private final Books books;
    private final Budgets budgets;

    private Ledger(Clock clock, LedgerSettings settings) {
        this.clock = clock;
        this.books = new Books(settings.maxOpenHolds(), clock.millis());
        this.budgets = new Budgets(books, clock);
    }

    /**
     * Opens the ledger of a data folder. Blocks.
     *
     * @param database where entries, budgets and balances are kept
     * @param folder where the journals are, made where it is missing
     * @param loops how many event loops will hold
     * @param clock the time on the wall
     * @param settings the bounds
     */
    public static Ledger open(Database database, Path folder, int loops, Clock clock, LedgerSettings settings) {
        return new Ledger(clock, settings);
    }

    /**
     * Sets money aside for an attempt on all accounts that it touches, or on none. On the thread of the loop; never blocks.
     *
     * @param loop the index of the loop
     */
    public Holding hold(int loop, Ask ask) {
        return books.hold(this, loop, ask, clock.millis());
    }

    /** The budgets, and how they stand. */
    public Budgets budgets() {
        return budgets;
    }

    /**
     * Checks that all sums add up: {@code granted = free + held + spent} on every account, and that what accounts hold is
     * what open holds hold.
     *
     * @throws IllegalStateException when they don't
     */
    public void audit() {
        books.audit();
    }

    boolean bounded(Hold hold) {
        return books.bounded(hold);
    }

    long grow(Hold hold, long least, long most) {
        return books.grow(hold, least, most);
    }

    void settle(Hold hold, Bill bill) {
        books.charge(hold, bill.costNanos());
        books.strike(hold);
    }

    void release(Hold hold) {
        books.charge(hold, 0);
        books.strike(hold);
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
