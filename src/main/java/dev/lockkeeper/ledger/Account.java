package dev.lockkeeper.ledger;

import org.jspecify.annotations.Nullable;

/**
 * One budget in one period: {@code granted = free + held + spent}, each a running sum of its own, so that an audit can
 * compare them. All amounts in nano-dollars. Guarded by {@link Books}.
 */
final class Account {
    final Standing standing;

    /** When the period begins, milliseconds since 1970. */
    final long start;

    /** When it ends, exclusive. */
    final long end;

    /** The amount of the budget in this period, without what was carried over. */
    private long own;

    /** What came from the period before. */
    private long carried;

    private long free;
    private long held;
    private long spent;
    private long overrun;

    /** What calls under way are likely to need beyond what they hold: new calls may not take it. */
    long promised;

    /** How it is shared with other processes, of which the amount here is what this one has leased; null: it is not. */
    @Nullable Share share;

    /** The period behind this one, where the rest is carried over and this one may still change; null else. */
    private @Nullable Account next;

    Account(Standing standing, long start, long end, long own, long carried) {
        this.standing = standing;
        this.start = start;
        this.end = end;
        this.own = own;
        this.carried = carried;
        this.free = Math.addExact(own, carried);
    }

    long granted() {
        return own + carried;
    }

    long free() {
        return free;
    }

    long held() {
        return held;
    }

    long spent() {
        return spent;
    }

    long overrun() {
        return overrun;
    }

    /** The budget and the period. */
    Batch.AccountKey key() {
        return new Batch.AccountKey(standing.budget.number(), start);
    }

    boolean holds(long millis) {
        return start <= millis && millis < end;
    }

    /** What can be taken here and leaves nothing below zero, in the periods behind this one neither; 0 or more. */
    long available() {
        if (free <= 0) {
            return 0;
        }
        Account behind = next;
        return behind == null ? free : Math.min(free, free - behind.carried + behind.available());
    }

    /** What is missing here, or in a period behind this one that got the rest of it. */
    long shortage() {
        long here = Math.max(0, -free);
        return next == null ? here : Math.max(here, next.shortage());
    }

    /** Sets money aside; what is below zero gives it back. */
    void hold(long nanos) {
        held = Math.addExact(held, nanos);
        addFree(-nanos);
    }

    /** Books what was spent, whether it was held or not. */
    void spend(long nanos) {
        spent = Math.addExact(spent, nanos);
        addFree(-nanos);
    }

    /** Notes that so much of what was spent is an overrun. */
    void overran(long nanos) {
        overrun = Math.addExact(overrun, nanos);
    }

    /** Gives the budget another amount. */
    void amount(long nanos) {
        long more = Math.subtractExact(nanos, own);
        own = nanos;
        addFree(more);
    }

    /** Opens the next period with what is left of this one. */
    Account open(long nextStart, long nextEnd, long amount) {
        Account opened = new Account(standing, nextStart, nextEnd, amount, carry(free, own));
        next = opened;
        return opened;
    }

    /** What a period of such an amount gives to the next one when so much is left of it. */
    static long carry(long left, long amount) {
        return Math.clamp(left, 0, amount);
    }

    private void addFree(long nanos) {
        free = Math.addExact(free, nanos);
        Account behind = next;
        if (behind != null) {
            long now = carry(free, own);
            long more = now - behind.carried;
            behind.carried = now;
            if (more != 0) {
                behind.addFree(more);
            }
        }
    }
}
