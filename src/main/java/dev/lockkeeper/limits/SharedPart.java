package dev.lockkeeper.limits;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A share of what is divided in parts that stay: of a burst with what fills it up, or of calls at once. The parts of all
 * nodes, and the one that no node has, make the whole.
 */
abstract sealed class SharedPart extends SharedGauge {
    /** Parts that a rate is divided into. */
    static final long RATE_PARTS = 1_000_000;

    private static final double NANOS_IN_MILLI = TimeUnit.MILLISECONDS.toNanos(1);

    /**
     * What is asked for.
     *
     * @param least what is of use, 0 for nothing
     * @param wants what could be used
     * @param rate how many {@link #RATE_PARTS} of the rate could be used
     */
    record Demand(long least, long wants, long rate) {
        static final Demand NOTHING = new Demand(0, 0, 0);
    }

    /** What is left of a share after it was lowered, and what was taken out of it. */
    record Lowered(long size, double tokens) {}

    private SharedPart(Limit limit, DayBook.Row row, Cluster cluster) {
        super(limit, row, cluster);
    }

    /** What is asked for now. */
    final synchronized Demand demand() {
        long wanted = wanted();
        return new Demand(Math.min(whole(), useful()), Math.min(whole(), wanted), rate(wanted));
    }

    abstract long rate(long wanted);

    /** Whether it goes by just this share. */
    abstract boolean is(long nowSize, long nowRate);

    /** Goes down to a share, in memory; what was let in under it stays. */
    abstract Lowered lower(long to, long toRate);

    /** Has so much from now on, as the database says, with some tokens more. */
    final synchronized void hold(long size, long rate, double tokens, long nowFree) {
        holds(nowFree);
        held(size, rate, tokens);
    }

    /** Gives all back, in memory; null where it is in use again. */
    final synchronized @Nullable Lowered release(boolean always) {
        if (!always && !idle()) {
            return null;
        }
        Lowered all = emptied();
        letGo();
        return all;
    }

    @Override
    final synchronized void lost() {
        Lowered _ = emptied();
        letGo();
        ask();
    }

    abstract void held(long size, long rate, double tokens);

    abstract Lowered emptied();

    /** A share when the whole becomes less, before the nodes have divided that anew. */
    static long scaled(long size, long whole, long before) {
        return whole >= before ? size : size * whole / before;
    }

    /** A share of a rate: a bucket with a part of the burst, and a part of what fills it up. */
    static final class Rate extends SharedPart {
        private long size; // guarded by this, as all below
        private long rate;
        private double level;
        private long at;
        private boolean wasAlone;

        Rate(Limit limit, DayBook.Row row, Cluster cluster) {
            super(limit, row, cluster);
            at = cluster.nanos();
        }

        @Override
        synchronized void follow(Limit changed) {
            Limit before = limit();
            fill(cluster.nanos());
            size = scaled(size, changed.burst(), whole());
            super.follow(changed);
            fill(cluster.nanos());
            changed(before);
        }

        private double perNano(double parts) {
            return limit().amount()
                    * parts
                    / RATE_PARTS
                    / TimeUnit.SECONDS.toNanos(limit().measure().seconds());
        }

        private void fill(long now) {
            boolean alone = alone(now);
            long most = alone ? alike(whole()) : size;
            if (alone && !wasAlone && !held()) {
                level += most;
            }
            wasAlone = alone;
            level = Math.min((double) most, level + Math.max(0, now - at) * speed(alone));
            at = now;
        }

        private double speed(boolean alone) {
            return perNano(alone ? (double) RATE_PARTS / cluster.nodes() : rate);
        }

        @Override
        synchronized boolean take(long some) {
            if (some <= 0) {
                return true;
            }
            note(some, some);
            fill(cluster.nanos());
            if (level < some) {
                return false;
            }
            level -= some;
            return true;
        }

        @Override
        synchronized void force(long some) {
            if (some > 0) {
                fill(cluster.nanos());
                level -= some;
                if (!held()) {
                    ask();
                }
            }
        }

        @Override
        synchronized void giveBack(long some) {
            if (some > 0) {
                level += some;
                fill(cluster.nanos());
            }
        }

        @Override
        synchronized long left() {
            fill(cluster.nanos());
            return (long) Math.floor(level);
        }

        @Override
        synchronized long most() {
            return alone(cluster.nanos()) ? alike(whole()) : size;
        }

        @Override
        synchronized long opensInMillis(long some) {
            if (some > whole()) {
                return NEVER;
            }
            long now = cluster.nanos();
            fill(now);
            double missing = some - level;
            if (missing <= 0) {
                return 0;
            }
            double own = speed(alone(now));
            long here = some > most() || own == 0 ? Long.MAX_VALUE : (long) Math.ceil(missing / own / NANOS_IN_MILLI);
            // A larger share fills up faster, but shares must have moved first.
            long moved =
                    Math.max(Shares.MOVED.toMillis(), (long) Math.ceil(missing / perNano(RATE_PARTS) / NANOS_IN_MILLI));
            return Math.min(here, moved);
        }

        @Override
        synchronized long resetInMillis() {
            return (long) Math.ceil((whole() - leftInAll()) / perNano(RATE_PARTS) / NANOS_IN_MILLI);
        }

        @Override
        long rate(long wanted) {
            double inAPeriod = (double) wanted * limit().measure().seconds() / Shares.ROUND.toSeconds();
            return (long) Math.min(RATE_PARTS, Math.ceil(inAPeriod * RATE_PARTS / limit().amount()));
        }

        @Override
        synchronized boolean is(long nowSize, long nowRate) {
            return size == nowSize && rate == nowRate;
        }

        @Override
        synchronized Lowered lower(long to, long toRate) {
            fill(cluster.nanos());
            double out = 0;
            if (to < size) {
                // What was in the part that goes.
                out = Math.max(0, level) * (size - to) / size;
                level -= out;
                size = to;
            }
            rate = Math.min(rate, toRate);
            return new Lowered(size, out);
        }

        @Override
        void held(long nowSize, long nowRate, double tokens) {
            fill(cluster.nanos());
            size = nowSize;
            rate = nowRate;
            wasAlone = false;
            level = Math.min((double) size, level + tokens);
        }

        @Override
        Lowered emptied() {
            fill(cluster.nanos());
            Lowered all = new Lowered(0, level);
            size = 0;
            rate = 0;
            level = 0;
            return all;
        }

        @Override
        boolean owes() {
            return level < 0;
        }
    }

    /** A share of calls at once. When one ends is not known. */
    static final class Calls extends SharedPart {
        private long size; // guarded by this, as the two below
        private long running;
        private long most;

        Calls(Limit limit, DayBook.Row row, Cluster cluster) {
            super(limit, row, cluster);
        }

        @Override
        synchronized void follow(Limit changed) {
            Limit before = limit();
            size = scaled(size, changed.burst(), whole());
            super.follow(changed);
            changed(before);
        }

        @Override
        synchronized boolean take(long some) {
            if (running + some > most()) {
                note(some, some);
                return false;
            }
            note(0, some);
            running += some;
            most = Math.max(most, running);
            return true;
        }

        @Override
        synchronized void force(long some) {
            running += some;
        }

        @Override
        synchronized void giveBack(long some) {
            running -= some;
        }

        @Override
        synchronized long left() {
            return most() - running;
        }

        @Override
        synchronized long most() {
            return alone(cluster.nanos()) ? alike(whole()) : size;
        }

        @Override
        synchronized long opensInMillis(long some) {
            return some > whole() ? NEVER : some <= left() ? 0 : Shares.MOVED.toMillis();
        }

        @Override
        long resetInMillis() {
            return 0;
        }

        /** Those that ran at once, or that would have run had they not been refused. */
        @Override
        long asked() {
            return Math.max(most, running + super.asked());
        }

        @Override
        synchronized void turn() {
            super.turn();
            most = running;
        }

        @Override
        synchronized boolean idle() {
            return running == 0 && super.idle();
        }

        @Override
        long rate(long wanted) {
            return 0;
        }

        @Override
        synchronized boolean is(long nowSize, long nowRate) {
            return size == nowSize;
        }

        @Override
        synchronized Lowered lower(long to, long toRate) {
            size = Math.min(size, to);
            return new Lowered(Math.max(size, running), 0);
        }

        @Override
        void held(long nowSize, long nowRate, double tokens) {
            size = nowSize;
        }

        @Override
        Lowered emptied() {
            size = 0;
            return new Lowered(0, 0);
        }

        @Override
        boolean owes() {
            return running > 0;
        }
    }
}
