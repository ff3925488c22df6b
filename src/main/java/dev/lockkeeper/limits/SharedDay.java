package dev.lockkeeper.limits;

import java.time.Clock;
import java.util.concurrent.TimeUnit;

/**
 * This node's slice of what may be used from midnight to midnight, UTC. The database counts slices as used when they are
 * handed out, so all nodes together never use more than there is; what a node has not used it gives back.
 */
final class SharedDay extends SharedGauge {
    /** Rounds for which a slice should do. */
    private static final long ROUNDS = 10;

    /** A slice is at least this part of what is left, divided by the nodes. */
    private static final long LEAST_PART = 32;

    private final Clock clock;
    private long day; // guarded by this, as all below
    private long granted;
    private long used;
    private boolean seen;

    SharedDay(Limit limit, DayBook.Row row, Cluster cluster, Clock clock) {
        super(limit, row, cluster);
        this.clock = clock;
        day = Gauge.Day.of(clock);
    }

    @Override
    synchronized void follow(Limit changed) {
        Limit before = limit();
        super.follow(changed);
        changed(before);
    }

    private void today(long today) {
        if (today > day) {
            day = today;
            granted = 0;
            used = 0;
            if (held()) {
                holds(whole());
            }
        }
    }

    /** What no node has, as far as is known; the whole where it was never seen. */
    private long known() {
        return seen ? free() : whole();
    }

    private long unused() {
        today(Gauge.Day.of(clock));
        return granted - used + (alone(cluster.nanos()) ? alike(known()) : 0);
    }

    @Override
    synchronized boolean take(long some) {
        if (some > 0) {
            note(some, some);
        }
        if (some > 0 && some > unused()) {
            return false;
        }
        used += some;
        return true;
    }

    @Override
    synchronized void force(long some) {
        today(Gauge.Day.of(clock));
        used += some;
        if (!held()) {
            ask();
        }
    }

    @Override
    synchronized void giveBack(long some) {
        today(Gauge.Day.of(clock));
        used = Math.max(0, used - some);
    }

    @Override
    synchronized long left() {
        return unused();
    }

    @Override
    synchronized long most() {
        return Math.max(0, unused()) + used;
    }

    @Override
    synchronized long opensInMillis(long some) {
        long left = unused();
        return some > whole()
                ? NEVER
                : some <= left ? 0 : some <= left + known() ? Shares.MOVED.toMillis() : resetInMillis();
    }

    @Override
    synchronized long resetInMillis() {
        return leftInAll() == whole() ? 0 : TimeUnit.DAYS.toMillis(day + 1) - clock.millis();
    }

    /** The day that its slice is of. */
    synchronized long day() {
        today(Gauge.Day.of(clock));
        return day;
    }

    /** Whether its slice should become another one. */
    synchronized boolean unsettled() {
        today(Gauge.Day.of(clock));
        long left = granted - used;
        long wish = wish(free());
        return left < 0 || (left < wish / 2 && free() > 0) || left < useful() || left > 2 * wish;
    }

    private long wish(long rest) {
        return Math.max(Math.max(1, useful()), Math.max(ROUNDS * wanted(), rest / LEAST_PART / cluster.nodes()));
    }

    /**
     * Settles its slice with what the database knows. What is given back is out of the slice at once; what is taken is not
     * in it before {@link #took}.
     *
     * @param rowDay the day that the database counts; this node goes on to it where it is behind
     * @param rest what no node has, below 0 where more was used than there is
     * @param release whether all is to be given back
     * @return what is taken, below 0 what is given back
     */
    synchronized long settle(long rowDay, long rest, boolean release) {
        today(rowDay);
        long left = granted - used;
        if (left < 0) {
            // Used already, whether it was there or not.
            return -left + Math.clamp(wish(rest), 0, Math.max(0, (rest + left) / cluster.nodes()));
        }
        long wish = release ? 0 : wish(rest);
        if (left > wish) {
            granted -= left - wish;
            return wish - left;
        }
        long fair = Math.max(useful() - left, rest / cluster.nodes());
        return Math.clamp(wish - left, 0, Math.max(0, Math.min(rest, fair)));
    }

    /** Has what it took of a day. */
    synchronized void took(long ofDay, long some, long nowFree) {
        today(ofDay);
        if (ofDay == day) {
            granted += Math.max(0, some);
        }
        seen = true;
        holds(Math.max(0, nowFree));
    }

    /** Has no slice any more; false where it is in use again. */
    synchronized boolean released() {
        boolean over = granted == used;
        if (over) {
            letGo();
        }
        return over;
    }

    @Override
    synchronized void lost() {
        // Its slice is its own: the database counts it as used.
        ask();
    }

    @Override
    boolean owes() {
        return granted != used;
    }
}
