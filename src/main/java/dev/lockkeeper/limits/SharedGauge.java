package dev.lockkeeper.limits;

import java.time.Clock;
import java.time.Duration;

/**
 * This node's share of one limit for one subject, where several nodes go by the same limits. What it lets in stays within
 * the share that the database says it has; {@link Shares} moves shares between nodes. Any thread; nothing blocks for longer
 * than a few additions.
 *
 * <p>A share is lowered in memory before the database knows, and raised after: so the shares that nodes go by are never more
 * than the limit together.
 */
abstract sealed class SharedGauge extends Gauge permits SharedDay, SharedPart {
    /** How long shares count after the database was last heard; well below {@link Shares#DEAD_AFTER}. */
    static final Duration LAPSES_AFTER = Duration.ofSeconds(10);

    /** When no call waits any more for a share, because the database has not been heard in some rounds. */
    private static final Duration UNHEARD_AFTER = Duration.ofMillis(2_500);

    /** How long a call waits at most for a share of its limits. */
    static final Duration PATIENCE = Duration.ofSeconds(1);

    /** Rounds without a call after which a share is given back whole. */
    static final int IDLE_ROUNDS = 30;

    /** What shares know of the nodes. */
    interface Cluster {
        /** Nanoseconds of a clock that never jumps. */
        long nanos();

        /** When the database was last heard, by that clock. */
        long heardNanos();

        /** Whether the last try to reach the database failed. */
        boolean away();

        /** How many nodes there were when it was last heard, at least 1. */
        int nodes();

        /** Sees to a share in a moment. */
        void ask(SharedGauge gauge);
    }

    private enum State {
        /** No share, and none is asked for. */
        NONE,
        ASKED,
        HELD
    }

    final DayBook.Row row;
    final Cluster cluster;

    private volatile State state = State.NONE; // changed under the lock

    /** Whether the database does not take what is written of it. */
    private boolean refused; // guarded by this, as all below

    /** Asked for in this round, and the largest at once in this and the last. */
    private long asked;

    private long largest;
    private long largestBefore;

    /** What is asked for in a round; it fades slowly. */
    private long usual;

    private int idleRounds;

    /** What no node has, as was last seen. */
    private long free;

    SharedGauge(Limit limit, DayBook.Row row, Cluster cluster) {
        super(limit);
        this.row = row;
        this.cluster = cluster;
    }

    /** A gauge without a share yet. */
    static SharedGauge of(Limit limit, DayBook.Row row, Cluster cluster, Clock clock) {
        return limit.measure().unit() == Measure.Unit.CALLS
                ? new SharedPart.Calls(limit, row, cluster)
                : limit.measure().byDay()
                        ? new SharedDay(limit, row, cluster, clock)
                        : new SharedPart.Rate(limit, row, cluster);
    }

    /** What is divided: the burst, the day's amount, or the calls at once. */
    final long whole() {
        return limit().burst();
    }

    final boolean held() {
        return state == State.HELD;
    }

    /** Whether it has a share, and no node had all the rest when that was last looked. */
    final synchronized boolean leavesSome() {
        return held() && free > 0;
    }

    /**
     * Whether this node goes by itself, because the database is not heard: then it may let in what each of the nodes would
     * have if all had the same.
     */
    final boolean alone(long now) {
        return now - cluster.heardNanos() > LAPSES_AFTER.toNanos()
                || (state != State.HELD && (refused || unheard(now)));
    }

    /** A node's part of something when it goes by itself. */
    final long alike(long some) {
        return Math.max(1, some / cluster.nodes());
    }

    /** Notes what was asked for, and what a single call needs of it. */
    final void note(long some, long atOnce) {
        asked = Math.min(asked + some, Limit.MAX_DAY);
        largest = Math.max(largest, atOnce);
        idleRounds = 0;
    }

    @Override
    final boolean unasked() {
        return state != State.HELD;
    }

    @Override
    final synchronized boolean fetches(long some) {
        if (some > whole() || (state == State.HELD && (free <= 0 || unheard(cluster.nanos())))) {
            return false;
        }
        if (state != State.HELD) {
            note(some, some);
        }
        ask();
        return !alone(cluster.nanos());
    }

    @Override
    final synchronized void misses(long some) {
        note(some, some);
    }

    /** Whether more than some rounds came to nothing. */
    private boolean unheard(long now) {
        return cluster.away() || now - cluster.heardNanos() > UNHEARD_AFTER.toNanos();
    }

    final void ask() {
        if (state == State.NONE) {
            state = State.ASKED;
        }
        cluster.ask(this);
    }

    /** What is asked for in a round, this one and those before. */
    final synchronized long wanted() {
        return Math.max(asked(), usual);
    }

    /** What was asked for since the round began. */
    long asked() {
        return asked;
    }

    /** What a single call needed of it lately; 0 where none came. */
    final synchronized long useful() {
        return Math.max(largest, largestBefore);
    }

    /** Begins another round. */
    synchronized void turn() {
        long now = asked();
        idleRounds++;
        usual = Math.max(now, usual * 3 / 4);
        largestBefore = largest;
        largest = 0;
        asked = 0;
    }

    /** Whether nobody has asked for it in a long time. */
    synchronized boolean idle() {
        return idleRounds > IDLE_ROUNDS;
    }

    final void holds(long nowFree) {
        state = State.HELD;
        refused = false;
        free = nowFree;
    }

    /** The database does not take what is written of it: without a share it goes by itself. */
    final synchronized void refuse() {
        refused = true;
    }

    final void letGo() {
        state = State.NONE;
        usual = 0;
        free = 0;
    }

    final long free() {
        return free;
    }

    /** Goes on with another amount: the nodes have to divide it anew. */
    final void changed(Limit from) {
        if (state != State.NONE && (from.amount() != limit().amount() || from.burst() != limit().burst())) {
            free += Math.max(0, limit().burst() - from.burst());
            cluster.ask(this);
        }
    }

    /** The share is lost, with what was left of it: another is asked for. */
    abstract void lost();

    /** Whether it has something to settle with the others, share or not. */
    abstract boolean owes();

    @Override
    final synchronized boolean asNew() {
        return state == State.NONE && !owes();
    }

    /** What is left as far as this node can tell: its own, and what nobody has. */
    @Override
    final synchronized long leftInAll() {
        return Math.min(whole(), Math.max(0, left()) + free);
    }
}
