package dev.lockkeeper.ledger;

import org.jspecify.annotations.Nullable;

/**
 * Money set aside for one attempt, on every account that it touches. Used on the thread of its loop only. Exactly one of
 * {@link #settle} and {@link #release} counts, the first; what comes after changes nothing. It never runs out by itself.
 */
public final class Hold {
    final Ledger ledger;
    final int loop;
    final Ask ask;

    /** The ledger's time when it was taken, milliseconds since 1970: it decides the periods that pay. */
    final long atMillis;

    /** Where its record stands in its loop's journal: its name there. */
    long position;

    /** Set on the loop: whether {@link #settle} or {@link #release} was called. */
    private boolean ended;

    // All below is guarded by Books.

    Account[] accounts;

    /** Those of budgets made between this hold's charge and its end's record. */
    Account[] late = Books.NONE;

    long grantedNanos;
    boolean charged;

    /** Whether more is held than was leased: what of its cost nothing is left for is an overrun. */
    boolean beyond;

    @Nullable Awaited awaited;

    long costNanos;

    @Nullable Hold before;

    @Nullable Hold after;

    Hold(Ledger ledger, int loop, Ask ask, long atMillis, Account[] accounts, long grantedNanos) {
        this.ledger = ledger;
        this.loop = loop;
        this.ask = ask;
        this.atMillis = atMillis;
        this.accounts = accounts;
        this.grantedNanos = grantedNanos;
    }

    /** What it is likely to need beyond what it holds. Guarded by Books. */
    long promised() {
        return Math.max(0, ask.likelyNanos() - grantedNanos);
    }

    /** What is set aside, in nano-dollars. */
    public long grantedNanos() {
        return grantedNanos;
    }

    /** Whether a hard budget covers it: whether growing can fail for want of money. A budget made later counts too. */
    public boolean bounded() {
        return ledger.bounded(this);
    }

    /**
     * Sets more aside, on every account or on none.
     *
     * @param moreNanos in nano-dollars
     * @return false when a hard budget has less left; then nothing has changed
     */
    public boolean grow(long moreNanos) {
        return !ended && ledger.grow(this, moreNanos, moreNanos) == moreNanos;
    }

    /**
     * Sets aside as much more as there is.
     *
     * @param moreNanos the most that is wanted, in nano-dollars
     * @return what was added, 0 to {@code moreNanos}
     */
    public long growUpTo(long moreNanos) {
        return ended ? 0 : ledger.grow(this, 0, moreNanos);
    }

    /**
     * Leaves it open beyond the end of its call, and of the process: it waits for something that the provider bills later.
     * When this returns true, that survives the end of the process; its end is {@link #settle} or {@link #release} as ever,
     * of this object or of what {@link Ledger#waiting} tells after a restart.
     *
     * @param what has an id for which {@link Awaited#names} is true
     * @return false where it can't be written now; then nothing has changed
     */
    public boolean await(Awaited what) {
        return !ended && ledger.await(this, what);
    }

    /** What it waits for, and for whom; null while it waits for nothing. */
    public @Nullable Pending pending() {
        return ledger.pending(this);
    }

    /** The index of its loop. */
    public int loop() {
        return loop;
    }

    /**
     * Books what the attempt cost and gives the rest back. When it returns, the bill survives the end of the process.
     * Costs beyond the hold are taken from what is free; what hard budgets have not is booked all the same, as an overrun.
     */
    public void settle(Bill bill) {
        if (!ended) {
            ended = true;
            ledger.settle(this, bill);
        }
    }

    /** Gives all back: the attempt cost nothing. */
    public void release() {
        if (!ended) {
            ended = true;
            ledger.release(this);
        }
    }
}
