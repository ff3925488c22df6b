package dev.lockkeeper.limits;

import io.github.bucket4j.Bandwidth;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.TimeMeter;
import io.github.bucket4j.TokensInheritanceStrategy;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** What is left of one limit for one subject. Any thread; nothing blocks for longer than a few additions. */
abstract sealed class Gauge permits Gauge.Rate, Gauge.Day, Gauge.Calls, SharedGauge {
    /** Says that what was asked for is more than there can ever be. */
    static final long NEVER = -1;

    /** Makes a gauge of a limit for one subject. */
    interface Maker {
        Gauge make(Limit limit, String id);
    }

    private volatile Limit limit;

    Gauge(Limit limit) {
        this.limit = limit;
    }

    /** A gauge with nothing used yet. */
    static Gauge of(Limit limit, TimeMeter nanos, Clock clock) {
        return limit.measure().unit() == Measure.Unit.CALLS
                ? new Calls(limit)
                : limit.measure().byDay() ? new Day(limit, clock) : new Rate(limit, nanos);
    }

    final Limit limit() {
        return limit;
    }

    /** Goes on with another amount or burst of the same measure: what was used stays used. */
    void follow(Limit changed) {
        limit = changed;
    }

    /** Takes some, or nothing where so much isn't left. */
    abstract boolean take(long some);

    /** Takes some even where it isn't left: what comes later pays for it. */
    abstract void force(long some);

    /** Gives back what was taken and not used. */
    abstract void giveBack(long some);

    /** What is left; below zero where more was used than there was. */
    abstract long left();

    /** Milliseconds until so much is left, 0 for now, {@link #NEVER}. */
    abstract long opensInMillis(long some);

    /** Milliseconds until all of it is left again, if nothing more is used. */
    abstract long resetInMillis();

    /** The most that is ever left. */
    long most() {
        return limit.burst();
    }

    /** Whether forgetting it would change nothing. */
    boolean asNew() {
        return left() >= most();
    }

    /** What is left, here and at other nodes, as far as this one can tell. */
    long leftInAll() {
        return left();
    }

    /** Whether this node has no share of it yet. */
    boolean unasked() {
        return false;
    }

    /**
     * Asks for a share, or for more of it.
     *
     * @return whether it is worth waiting for; false where all there is is here
     */
    boolean fetches(long some) {
        return false;
    }

    /** Notes that somebody waits until so much is left. */
    void misses(long some) {}

    /** A rate that fills up all the time, up to its burst. */
    static final class Rate extends Gauge {
        /** Keeps the reckoning of times within a long. */
        private static final long MOST_MISSING = 1_000 * Limit.MAX_AMOUNT;

        private final Bucket bucket;

        Rate(Limit limit, TimeMeter nanos) {
            super(limit);
            bucket = Bucket.builder()
                    .addLimit(bandwidth(limit))
                    .withCustomTimePrecision(nanos)
                    .build();
        }

        private static Bandwidth bandwidth(Limit limit) {
            return Bandwidth.builder()
                    .capacity(limit.burst())
                    .refillGreedy(
                            limit.amount(), Duration.ofSeconds(limit.measure().seconds()))
                    .build();
        }

        @Override
        void follow(Limit changed) {
            Limit before = limit();
            if (before.amount() != changed.amount() || before.burst() != changed.burst()) {
                bucket.replaceConfiguration(
                        BucketConfiguration.builder()
                                .addLimit(bandwidth(changed))
                                .build(),
                        TokensInheritanceStrategy.ADDITIVE);
            }
            super.follow(changed);
        }

        @Override
        boolean take(long some) {
            return some <= 0 || bucket.tryConsume(some);
        }

        @Override
        void force(long some) {
            if (some > 0) {
                bucket.consumeIgnoringRateLimits(some);
            }
        }

        @Override
        void giveBack(long some) {
            if (some > 0) {
                bucket.addTokens(some);
            }
        }

        @Override
        long left() {
            return bucket.getAvailableTokens();
        }

        @Override
        long opensInMillis(long some) {
            if (some > most()) {
                return NEVER;
            }
            long nanos = some <= 0 ? 0 : bucket.estimateAbilityToConsume(some).getNanosToWaitForRefill();
            return millisUp(nanos);
        }

        @Override
        long resetInMillis() {
            long missing = Math.clamp(most() - left(), 0, MOST_MISSING);
            return Math.ceilDiv(
                    missing * TimeUnit.SECONDS.toMillis(limit().measure().seconds()), limit().amount());
        }

        private static long millisUp(long nanos) {
            return Math.ceilDiv(nanos, TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    /** What may be used from midnight to midnight, UTC. A clock that jumps back reopens no day. */
    static final class Day extends Gauge {
        private final Clock clock;
        private long day; // guarded by this, as the two below
        private long used;
        private long written;

        Day(Limit limit, Clock clock) {
            super(limit);
            this.clock = clock;
            day = of(clock);
        }

        /** Days since 1970, UTC. */
        static long of(Clock clock) {
            return Math.floorDiv(clock.millis(), TimeUnit.DAYS.toMillis(1));
        }

        /** Goes on from what was written of a day, if it is still that day. */
        synchronized void resume(long usedDay, long usedThen) {
            turn();
            if (usedDay == day) {
                used += usedThen;
                written += usedThen;
            }
        }

        /**
         * What is to be written.
         *
         * @param used more than was written before
         * @param total all that was used, here and elsewhere, as far as is known
         */
        record Written(long day, long used, long total) {}

        synchronized boolean unwritten() {
            turn();
            return used != written;
        }

        synchronized Written toWrite() {
            turn();
            return new Written(day, used - written, used);
        }

        /** It is written; with what others have written it makes so much. */
        synchronized void written(Written some, long total) {
            turn();
            if (some.day == day) {
                used += total - some.total;
                written = total;
            }
        }

        private void turn() {
            long today = of(clock);
            if (today > day) {
                day = today;
                used = 0;
                written = 0;
            }
        }

        @Override
        synchronized boolean take(long some) {
            turn();
            if (some > 0 && some > limit().amount() - used) {
                return false;
            }
            used += some;
            return true;
        }

        @Override
        synchronized void force(long some) {
            turn();
            used += some;
        }

        @Override
        synchronized void giveBack(long some) {
            turn();
            used = Math.max(0, used - some);
        }

        @Override
        synchronized long left() {
            turn();
            return limit().amount() - used;
        }

        @Override
        long opensInMillis(long some) {
            return some > most() ? NEVER : some <= left() ? 0 : resetInMillis();
        }

        @Override
        synchronized long resetInMillis() {
            turn();
            return used == 0 ? 0 : TimeUnit.DAYS.toMillis(day + 1) - clock.millis();
        }
    }

    /** Calls at once. When one ends is not known, so it opens "in a moment". */
    static final class Calls extends Gauge {
        private final AtomicLong running = new AtomicLong();

        Calls(Limit limit) {
            super(limit);
        }

        @Override
        boolean take(long some) {
            if (running.addAndGet(some) <= limit().amount()) {
                return true;
            }
            running.addAndGet(-some);
            return false;
        }

        @Override
        void force(long some) {
            running.addAndGet(some);
        }

        @Override
        void giveBack(long some) {
            running.addAndGet(-some);
        }

        @Override
        long left() {
            return limit().amount() - running.get();
        }

        @Override
        long opensInMillis(long some) {
            return some > most() ? NEVER : some <= left() ? 0 : Limits.CALLS_RETRY_MILLIS;
        }

        @Override
        long resetInMillis() {
            return 0;
        }
    }
}
