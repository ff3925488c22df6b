package dev.lockkeeper.relay;

import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.upstream.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Which attempt of a call comes next: the candidates of its plan one after the other, each as often as the policy has it. It
 * is told what happened and what time it is, and does nothing itself. One per call, used by one thread at a time.
 *
 * <p>A candidate that asks for patience is waited for where the wait is short or nobody else is left; else the next one
 * has its turn, and the first may come again when its time has come.
 */
final class Tries {
    /** Attempts of one call, whatever its plan and policy say. */
    static final int MOST = 32;

    /** A longer wait for a candidate is better spent on another one. */
    static final long SHORT_NANOS = 1_000_000_000L;

    private final List<Way> ways = new ArrayList<>();
    private final Policy policy;
    private final long startedNanos;
    private final long deadlineNanos;
    private final RandomGenerator random;
    private @Nullable Way current;
    private int attempts;

    /**
     * @param order the candidates
     * @param startedNanos when the call began
     * @param deadlineNanos when it has to be over; an attempt does not begin after
     */
    Tries(List<Placed> order, Policy policy, long startedNanos, long deadlineNanos, RandomGenerator random) {
        order.forEach(each -> ways.add(new Way(each)));
        this.policy = policy;
        this.startedNanos = startedNanos;
        this.deadlineNanos = deadlineNanos;
        this.random = random;
    }

    /** What has become of a candidate. */
    private static final class Way {
        final Placed at;
        int tried;
        boolean out;
        boolean tooLong;

        /** Whether it is out because it failed, and may be well again. */
        boolean mayRecover;

        boolean recovered;
        long failedNanos;
        long notBeforeNanos = Long.MIN_VALUE;
        String last = "";

        Way(Placed at) {
            this.at = at;
        }
    }

    /** What is to be done. */
    sealed interface Step {
        /** An attempt is to be made. */
        record Try(Placed at) implements Step {}

        /** Nothing is to be done for so long; then it is to be asked again. */
        record Wait(long nanos) implements Step {}

        /** There is nobody left. */
        record Give() implements Step {}
    }

    private static final Step GIVE = new Step.Give();

    /** What is to be done now. */
    Step next(long nowNanos) {
        if (attempts >= MOST || nowNanos - deadlineNanos >= 0) {
            return GIVE;
        }
        Way stay = current;
        if (stay != null && !stay.out && stay.notBeforeNanos - nowNanos <= SHORT_NANOS) {
            return at(stay, nowNanos);
        }
        Way soonest = null;
        for (Way each : ways) {
            if (each.out) {
                continue;
            }
            if (each.notBeforeNanos <= nowNanos) {
                return at(each, nowNanos);
            }
            if (soonest == null || each.notBeforeNanos < soonest.notBeforeNanos) {
                soonest = each;
            }
        }
        return soonest == null ? GIVE : at(soonest, nowNanos);
    }

    private Step at(Way way, long nowNanos) {
        if (way.notBeforeNanos <= nowNanos) {
            current = way;
            return new Step.Try(way.at);
        }
        // Waiting till the deadline would only make a late no of an early one.
        return way.notBeforeNanos - deadlineNanos >= 0 ? GIVE : new Step.Wait(way.notBeforeNanos - nowNanos);
    }

    /** An attempt begins. */
    void begun() {
        attempts++;
    }

    /** How many attempts were begun. */
    int attempts() {
        return attempts;
    }

    /** Whether another candidate than this may still be asked. */
    boolean elsewhere(Placed at) {
        for (Way each : ways) {
            if (!each.out && !each.at.sameTarget(at)) {
                return true;
            }
        }
        return false;
    }

    /** Whether more than one candidate was there to be asked. */
    boolean several() {
        return ways.size() > 1;
    }

    /**
     * Nobody is left: whoever has answered another call since it failed this one, or is known to be ill and looked at again
     * soon, is asked once more.
     *
     * @return whether there is one
     */
    boolean recover(Hope hope, long nowNanos) {
        boolean any = false;
        for (Way each : ways) {
            if (each.out && each.mayRecover && !each.recovered) {
                long opens = hope.opensInMillis(each.at, each.failedNanos);
                if (opens >= 0) {
                    waitFor(each, opens * 1_000_000, nowNanos);
                    each.recovered = !each.out;
                    any |= each.recovered;
                }
            }
        }
        return any;
    }

    /** Knows how candidates are. */
    @FunctionalInterface
    interface Hope {
        /** When one that failed at a time can be hoped to be well again; -1: nothing says so. */
        long opensInMillis(Placed at, long failedNanos);
    }

    /** Whether an attempt at it would be another one. */
    boolean retries(Placed at) {
        return of(at).tried > 0;
    }

    /** Whether the input was too long for everybody who was asked: then asking again is no use, and the request is at fault. */
    boolean tooLong() {
        return ways.stream().allMatch(each -> each.tooLong || each.last.isEmpty());
    }

    /** An attempt has failed. */
    void failed(Placed at, Failure why, long nowNanos) {
        Way way = of(at);
        way.failedNanos = nowNanos;
        way.mayRecover = why.isIllness() || why.kind() == Failure.Kind.BUSY;
        way.tried++;
        way.last = said(why);
        way.tooLong = why.kind() == Failure.Kind.TOO_LONG;
        switch (why.next()) {
            case TELL ->
                ways.forEach(each -> {
                    each.out = true;
                    each.mayRecover = false;
                });
            // Another key asks the same servers: they are as silent, and their model's window as short.
            case ELSEWHERE, ELSEWHERE_LONGER ->
                ways.stream().filter(each -> each.at.sameTarget(at)).forEach(each -> each.out = true);
            case OTHER_KEY ->
                ways.stream()
                        .filter(each ->
                                each.at.provider().name().equals(at.provider().name())
                                        && each.at.key().equals(at.key()))
                        .forEach(each -> each.out = true);
            case AGAIN -> again(way, why, nowNanos);
            case ELSEWHERE_OR_AGAIN -> {
                again(way, why, nowNanos);
                current = null;
            }
        }
    }

    private void again(Way way, Failure why, long nowNanos) {
        long longest = policy.longestWait().toNanos();
        long wait = why.afterMillis() >= 0 ? why.afterMillis() * 1_000_000 : backoff(way.tried, longest);
        if (way.tried >= policy.attempts()) {
            way.out = true;
        } else {
            waitFor(way, wait, nowNanos);
        }
    }

    /** Waits for a candidate, where the policy has so much patience. */
    private void waitFor(Way way, long nanos, long nowNanos) {
        boolean late = nowNanos + nanos - startedNanos > policy.retryTotal().toNanos();
        way.out = late || nanos > policy.longestWait().toNanos();
        if (!way.out) {
            way.notBeforeNanos = nowNanos + nanos;
        }
    }

    /** Exponential, with full jitter: between nothing and twice as much as the last time. */
    private long backoff(int tried, long longest) {
        long first = policy.firstWait().toNanos();
        long most = Math.min(longest, first << Math.min(tried - 1, 20));
        return most <= 0 ? 0 : random.nextLong(most + 1);
    }

    /**
     * A candidate has no room for this call now: it rests, or its limit is used up.
     *
     * @param opensInMillis when it may be asked again, -1 when that isn't known
     */
    void closed(Placed at, String why, long opensInMillis, long nowNanos) {
        Way way = of(at);
        way.last = why;
        if (opensInMillis < 0) {
            way.out = true;
        } else {
            // Never at once: whoever had no room now is looked at again when time has gone on.
            waitFor(way, Math.max(1, opensInMillis) * 1_000_000, nowNanos);
            current = null;
        }
    }

    private Way of(Placed at) {
        for (Way each : ways) {
            if (each.at.equals(at)) {
                return each;
            }
        }
        throw new IllegalStateException(at + " is not among the candidates");
    }

    /** Whether the last that was seen of each candidate is the same. */
    boolean allSay(String why) {
        return ways.stream().allMatch(each -> each.last.equals(why));
    }

    /** What was seen of each candidate, for the caller and the operator: no secrets, no prompt. */
    List<String> reasons() {
        List<String> reasons = new ArrayList<>();
        for (Way each : ways) {
            if (!each.last.isEmpty()) {
                reasons.add(each.at + ": " + each.last + (each.tried > 1 ? ", " + each.tried + " attempts" : ""));
            }
        }
        return reasons;
    }

    private static String said(Failure why) {
        String kind = switch (why.kind()) {
            case REQUEST -> "it refused the request";
            case POLICY -> "it refused the content";
            case TOO_LONG -> "the input is too long for it";
            case UNFIT -> "it can't serve this";
            case KEY -> "it refused the gateway's credentials";
            case QUOTA -> "its account has no quota left";
            case BUSY -> "it has too many requests";
            case BROKEN -> "it failed";
            case UNREACHED -> "it could not be reached";
            case SILENT -> "it did not answer in time";
            case OURS -> "the gateway has no room for it";
        };
        return why.code().isEmpty() ? kind : kind + " (" + why.code() + ")";
    }
}
