package dev.lockkeeper.routing;

import java.util.Arrays;

/**
 * A circuit breaker: closed while most attempts are answered, open for a while after too many failed or were slow, then half
 * open, when a few attempts show whether to close it. What was sent under an earlier state is not counted. Its owner's lock
 * guards it.
 */
final class Breaker {
    /** How it stands. */
    enum State {
        CLOSED,
        OPEN,
        HALF_OPEN
    }

    /** What a verdict has changed, for those who are told. */
    enum Change {
        NONE,
        OPENED,
        CLOSED
    }

    /** A breaker is never open for longer at a time, unless the operator wants its first time longer. */
    static final long LONGEST_NANOS = 3_000_000_000L;

    /** While the probes are under way, their end may come at any time: whoever waits for it looks again after that. */
    static final long LOOK_AGAIN_NANOS = 200_000_000L;

    private static final int BUCKETS = 10;
    private static final long FREE = Long.MIN_VALUE;
    private static final int PLACE_BITS = 16;
    private static final long NOT_COUNTED = -1;

    private HealthSettings.Breaker settings;
    private final long baseNanos;
    private final int[] good = new int[BUCKETS];
    private final int[] failed = new int[BUCKETS];
    private final int[] slow = new int[BUCKETS];
    private long bucket;

    /** Attempts that failed since one was good. */
    private int row;

    private State state = State.CLOSED;

    /** Counts the changes of state: a ticket of another one says nothing any more. */
    private long generation;

    private long openedNanos;
    private long untilNanos;
    private long openNanos;

    /** When the probe of each place began, or {@link #FREE}. */
    private long[] probes;

    private int goodProbes;

    Breaker(HealthSettings.Breaker settings, long nowNanos) {
        this.settings = settings;
        this.baseNanos = nowNanos;
        this.openNanos = settings.open().toNanos();
        this.probes = places(settings);
    }

    /** Goes on by other settings; what was counted over another window is forgotten. */
    void follow(HealthSettings.Breaker next, long nowNanos) {
        if (next.equals(settings)) {
            return;
        }
        settings = next;
        probes = places(next);
        clear(nowNanos);
        if (state == State.CLOSED || next.calls() == 0) {
            state = State.CLOSED;
            openNanos = next.open().toNanos();
        }
        generation++;
    }

    private static long[] places(HealthSettings.Breaker settings) {
        long[] places = new long[settings.probes()];
        Arrays.fill(places, FREE);
        return places;
    }

    State state(long nowNanos) {
        return state == State.OPEN && nowNanos - untilNanos >= 0 ? State.HALF_OPEN : state;
    }

    /** How long nobody is let through, in nanoseconds: 0 when an attempt is. Changes nothing. */
    long closedNanos(long nowNanos) {
        return switch (state) {
            case CLOSED -> 0;
            case OPEN -> Math.max(0, untilNanos - nowNanos);
            case HALF_OPEN -> {
                long soonest = LOOK_AGAIN_NANOS;
                for (long since : probes) {
                    soonest = Math.min(soonest, since == FREE ? 0 : Math.max(0, since + openNanos - nowNanos));
                }
                yield soonest;
            }
        };
    }

    /**
     * Lets an attempt through; the ticket goes with what comes of it. What is let through although the breaker is open says
     * nothing to it: probes do.
     */
    long ticket(long nowNanos) {
        return closedNanos(nowNanos) == 0 ? admit(nowNanos) : NOT_COUNTED;
    }

    private long admit(long nowNanos) {
        if (state == State.OPEN) {
            state = State.HALF_OPEN;
            goodProbes = 0;
            Arrays.fill(probes, FREE);
        }
        if (state == State.CLOSED) {
            return generation << PLACE_BITS;
        }
        for (int place = 0; place < probes.length; place++) {
            if (probes[place] == FREE || nowNanos - probes[place] >= openNanos) {
                probes[place] = nowNanos;
                return (generation << PLACE_BITS) | (place + 1);
            }
        }
        throw new IllegalStateException("no probe is due");
    }

    /** An attempt, which was let through at a time, has shown that all is well. */
    Change good(long ticket, long startedNanos, long nowNanos) {
        if (isOld(ticket)) {
            return Change.NONE;
        }
        if (state == State.CLOSED) {
            good[bucket(nowNanos)]++;
            row = 0;
            return Change.NONE;
        }
        leave(ticket, startedNanos);
        return anotherGood(nowNanos);
    }

    private Change anotherGood(long nowNanos) {
        if (++goodProbes < settings.probes()) {
            return Change.NONE;
        }
        state = State.CLOSED;
        generation++;
        row = 0;
        openNanos = settings.open().toNanos();
        clear(nowNanos);
        return Change.CLOSED;
    }

    /** An attempt took too long for its first token. */
    Change slow(long ticket, long nowNanos) {
        if (isOld(ticket)) {
            return Change.NONE;
        }
        if (state == State.CLOSED) {
            slow[bucket(nowNanos)]++;
            return judge(nowNanos);
        }
        return reopen(nowNanos, nowNanos);
    }

    /** An attempt has failed, which may have been counted as good before. */
    Change failed(long ticket, boolean wasGood, long nowNanos) {
        if (isOld(ticket)) {
            return Change.NONE;
        }
        if (state == State.CLOSED) {
            int at = bucket(nowNanos);
            failed[at]++;
            good[at] -= wasGood ? 1 : 0;
            row++;
            return judge(nowNanos);
        }
        long since = probes[place(ticket)];
        return reopen(nowNanos, since == FREE ? nowNanos : since);
    }

    /** An attempt has shown nothing. */
    void nothing(long ticket, long startedNanos) {
        if (!isOld(ticket) && state == State.HALF_OPEN) {
            leave(ticket, startedNanos);
        }
    }

    /** Somebody else has seen that all is well: counts where it is looked for. */
    Change seenGood(long nowNanos) {
        if (state(nowNanos) != State.HALF_OPEN) {
            return Change.NONE;
        }
        if (state == State.OPEN) {
            state = State.HALF_OPEN;
            goodProbes = 0;
            Arrays.fill(probes, FREE);
        }
        return anotherGood(nowNanos);
    }

    /** Somebody else has seen that nothing is well: opens, whatever was counted. */
    Change seenIll(long nowNanos) {
        if (settings.calls() == 0) {
            return Change.NONE;
        }
        return switch (state(nowNanos)) {
            case CLOSED -> open(nowNanos);
            case HALF_OPEN -> reopen(nowNanos, nowNanos);
            case OPEN -> Change.NONE;
        };
    }

    private boolean isOld(long ticket) {
        return ticket >> PLACE_BITS != generation || settings.calls() == 0;
    }

    /** Of the probe with a ticket. */
    private static int place(long ticket) {
        return (int) (ticket & ((1 << PLACE_BITS) - 1)) - 1;
    }

    private void leave(long ticket, long startedNanos) {
        int place = place(ticket);
        if (place >= 0 && place < probes.length && probes[place] == startedNanos) {
            probes[place] = FREE;
        }
    }

    private Change judge(long nowNanos) {
        int attempts = attempts(nowNanos);
        if (attempts < settings.calls()) {
            return Change.NONE;
        }
        // One that was busy and well has a window full of good ones: that nobody is answered any more must not wait for
        // its end.
        boolean ill = row >= settings.calls()
                || 100L * sum(failed) >= (long) settings.failurePercent() * attempts
                || 100L * sum(slow) >= (long) settings.slowPercent() * attempts;
        return ill ? open(nowNanos) : Change.NONE;
    }

    private Change open(long nowNanos) {
        openNanos = settings.open().toNanos();
        openedNanos = nowNanos;
        untilNanos = nowNanos + openNanos;
        state = State.OPEN;
        generation++;
        return Change.OPENED;
    }

    /** The time that a probe took to fail is a part of the time that it is open: one who recovered meanwhile waits no longer. */
    private Change reopen(long nowNanos, long sinceNanos) {
        openNanos =
                Math.min(openNanos * 2, Math.max(LONGEST_NANOS, settings.open().toNanos()));
        untilNanos = nowNanos + Math.max(LOOK_AGAIN_NANOS, sinceNanos + openNanos - nowNanos);
        state = State.OPEN;
        generation++;
        return Change.NONE;
    }

    /** How long it was not closed; of a breaker that has closed just now. */
    long outageNanos(long nowNanos) {
        return nowNanos - openedNanos;
    }

    /** How long it stays open this time. */
    long openNanos() {
        return openNanos;
    }

    /** Attempts of the window that say something. */
    int attempts(long nowNanos) {
        int _ = bucket(nowNanos);
        return Math.max(0, sum(good)) + sum(failed) + sum(slow);
    }

    int failedPercent(long nowNanos) {
        int attempts = attempts(nowNanos);
        return attempts == 0 ? 0 : (int) (100L * sum(failed) / attempts);
    }

    int slowPercent(long nowNanos) {
        int attempts = attempts(nowNanos);
        return attempts == 0 ? 0 : (int) (100L * sum(slow) / attempts);
    }

    /** How many attempts have failed since one was good. */
    int failedInARow() {
        return row;
    }

    /** The bucket of now; those that time has passed over are emptied. */
    private int bucket(long nowNanos) {
        long width = settings.window().toNanos() / BUCKETS;
        long now = (nowNanos - baseNanos) / width;
        if (now - bucket >= BUCKETS) {
            Arrays.fill(good, 0);
            Arrays.fill(failed, 0);
            Arrays.fill(slow, 0);
        } else {
            for (long each = bucket + 1; each <= now; each++) {
                int at = (int) (each % BUCKETS);
                good[at] = 0;
                failed[at] = 0;
                slow[at] = 0;
            }
        }
        bucket = Math.max(bucket, now);
        return (int) (bucket % BUCKETS);
    }

    private void clear(long nowNanos) {
        Arrays.fill(good, 0);
        Arrays.fill(failed, 0);
        Arrays.fill(slow, 0);
        bucket = Math.max(0, (nowNanos - baseNanos) / (settings.window().toNanos() / BUCKETS));
    }

    private static int sum(int[] counts) {
        int sum = 0;
        for (int each : counts) {
            sum += each;
        }
        return sum;
    }
}
