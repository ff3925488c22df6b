package dev.lockkeeper.routing;

import dev.lockkeeper.routing.CandidateHealth.Rest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What is known of one provider, and of its candidates. Whoever calls holds its lock, and runs {@link #news} without it. */
final class ProviderHealth {
    /** Looks in a row that find nobody. */
    private static final int FAILED_LOOKS = 3;

    /** How much of the mean time of an attempt the last one is. */
    private static final double SHARE_OF_ONE = 0.05;

    private static final long NANOS_OF_A_MILLI = 1_000_000;

    private final String name;
    private final Health.Listener listener;
    private final LongSupplier clock;
    private final Breaker breaker;
    private final RetryBudget budget;
    private final Map<String, Rest> keys = new HashMap<>();
    private final List<CandidateHealth> candidates = new ArrayList<>();
    private final Deque<Waiter> queue = new ArrayDeque<>();
    private HealthSettings settings;
    private @Nullable AdaptiveLimit limit;
    private int busy;
    private double attemptNanos;
    private int failedLooks;
    private long usedNanos;
    private List<Runnable> news = List.of();

    ProviderHealth(String name, HealthSettings settings, Health.Listener listener, LongSupplier clock, long nowNanos) {
        this.name = name;
        this.settings = settings;
        this.listener = listener;
        this.clock = clock;
        this.breaker = new Breaker(settings.breaker(), nowNanos);
        this.budget = new RetryBudget(nowNanos);
        this.limit = settings.concurrency() == null ? null : new AdaptiveLimit(settings.concurrency(), nowNanos);
        this.usedNanos = nowNanos;
    }

    String name() {
        return name;
    }

    boolean isOld(long nowNanos) {
        return busy == 0 && queue.isEmpty() && nowNanos - usedNanos >= Health.FORGET_NANOS;
    }

    CandidateHealth candidate(Candidate at, long nowNanos) {
        candidates.removeIf(each -> each.candidate.equals(at) || each.isOld(nowNanos));
        CandidateHealth made = new CandidateHealth(
                this,
                at,
                new Breaker(settings.breaker(), nowNanos),
                keys.computeIfAbsent(at.key(), _ -> new Rest()),
                nowNanos);
        candidates.add(made);
        return made;
    }

    void follow(HealthSettings next, long nowNanos) {
        if (next.equals(settings)) {
            return;
        }
        settings = next;
        breaker.follow(next.breaker(), nowNanos);
        candidates.forEach(each -> each.breaker.follow(next.breaker(), nowNanos));
        HealthSettings.Concurrency concurrency = next.concurrency();
        AdaptiveLimit now = limit;
        if (concurrency == null) {
            limit = null;
        } else if (now == null) {
            limit = new AdaptiveLimit(concurrency, nowNanos);
        } else {
            now.follow(concurrency);
        }
        serve(nowNanos);
    }

    /** What is to be told, once, after the lock was given back. */
    List<Runnable> news() {
        List<Runnable> told = news;
        news = List.of();
        return told;
    }

    private void later(Runnable told) {
        if (news.isEmpty()) {
            news = new ArrayList<>(2);
        }
        news.add(told);
    }

    // ---- coming in ----

    Turn enter(CandidateHealth at, int stretch, boolean alone, long nowNanos) {
        Turn.Closed closed = closed(at, nowNanos);
        if (closed != null && !alone) {
            return closed;
        }
        AdaptiveLimit most = limit;
        HealthSettings.Concurrency concurrency = settings.concurrency();
        if (most == null || concurrency == null || (busy < most.limit() && queue.isEmpty())) {
            return start(at, stretch, nowNanos);
        }
        long longest = concurrency.longestWait().toNanos();
        long wait = (long) (attemptNanos * (queue.size() + 1) / most.limit());
        if (queue.size() >= concurrency.queue() || wait > longest) {
            return new Turn.Closed(
                    "it has as much to do as it does well with: " + busy + " calls, and " + queue.size() + " wait",
                    Math.max(1, wait / NANOS_OF_A_MILLI),
                    true);
        }
        Waiter waiter = new Waiter(this, at, stretch, nowNanos + longest);
        queue.add(waiter);
        return new Turn.Queued(waiter);
    }

    private Slot start(CandidateHealth at, int stretch, long nowNanos) {
        busy++;
        at.busy++;
        at.usedNanos = nowNanos;
        usedNanos = nowNanos;
        budget.call(nowNanos);
        return new Slot(this, at, stretch, nowNanos, breaker.ticket(nowNanos), at.breaker.ticket(nowNanos));
    }

    private Turn.@Nullable Closed closed(CandidateHealth at, long nowNanos) {
        long nanos = closedNanos(at, nowNanos);
        return nanos == 0 ? null : new Turn.Closed(whyClosed(at, nowNanos), millis(nanos), false);
    }

    private long closedNanos(CandidateHealth at, long nowNanos) {
        return Math.max(
                Math.max(at.rest.nanos(nowNanos), at.keyRest.nanos(nowNanos)),
                Math.max(breaker.closedNanos(nowNanos), at.breaker.closedNanos(nowNanos)));
    }

    long closedMillis(CandidateHealth at, long nowNanos) {
        return millis(closedNanos(at, nowNanos));
    }

    String whyClosed(CandidateHealth at, long nowNanos) {
        long rest = at.rest.nanos(nowNanos);
        long key = at.keyRest.nanos(nowNanos);
        if (rest > 0 || key > 0) {
            return rest >= key ? at.rest.why() : at.keyRest.why();
        }
        return breaker.closedNanos(nowNanos) > 0
                ? "its provider could not be reached of late"
                : at.breaker.closedNanos(nowNanos) > 0 ? "too many attempts at it failed of late, or were slow" : "";
    }

    /** Rounded up: a moment too early is of no use. */
    private static long millis(long nanos) {
        return (nanos + NANOS_OF_A_MILLI - 1) / NANOS_OF_A_MILLI;
    }

    boolean mayRetry(boolean elsewhere, long nowNanos) {
        return budget.retry(elsewhere ? settings.retryPercent() / 2 : settings.retryPercent(), nowNanos);
    }

    void probed(boolean answers, long nowNanos) {
        usedNanos = nowNanos;
        failedLooks = answers ? 0 : failedLooks + 1;
        if (answers) {
            changed(breaker.seenGood(nowNanos), breaker, name, "", nowNanos);
        } else if (failedLooks >= FAILED_LOOKS) {
            changed(
                    breaker.seenIll(nowNanos),
                    breaker,
                    name,
                    failedLooks + " looks in a row found that it does not answer",
                    nowNanos);
        }
    }

    // ---- what comes of an attempt ----

    void firstToken(Slot slot, long nowNanos) {
        CandidateHealth at = slot.at;
        long took = Math.max(0, nowNanos - slot.startedNanos);
        at.latency.sample(took, nowNanos);
        at.heardNanos = nowNanos;
        AdaptiveLimit most = limit;
        if (most != null) {
            most.sample(took / slot.stretch, busy, nowNanos);
        }
        changed(breaker.good(slot.providersTicket, slot.startedNanos, nowNanos), breaker, name, "", nowNanos);
        boolean slow = took / slot.stretch > settings.breaker().slowAfter().toNanos();
        judged(
                at,
                slow
                        ? at.breaker.slow(slot.ticket, nowNanos)
                        : at.breaker.good(slot.ticket, slot.startedNanos, nowNanos),
                nowNanos);
        slot.countedGood = !slow;
    }

    void ended(Slot slot, Slot.Ending how, long nowNanos) {
        CandidateHealth at = slot.at;
        busy--;
        at.busy--;
        at.usedNanos = nowNanos;
        usedNanos = nowNanos;
        switch (how) {
            case ANSWERED -> {
                long took = Math.max(0, nowNanos - slot.startedNanos);
                attemptNanos = attemptNanos == 0 ? took : attemptNanos + (took - attemptNanos) * SHARE_OF_ONE;
                well(slot, nowNanos);
            }
            case BUSY -> {
                AdaptiveLimit most = limit;
                if (most != null) {
                    most.refused(busy + 1, nowNanos);
                }
                well(slot, nowNanos);
            }
            case FAILED -> {
                breaker.nothing(slot.providersTicket, slot.startedNanos);
                judged(at, at.breaker.failed(slot.ticket, slot.countedGood, nowNanos), nowNanos);
            }
            case UNREACHED -> {
                changed(
                        breaker.failed(slot.providersTicket, slot.countedGood, nowNanos),
                        breaker,
                        name,
                        "too many attempts could not reach it",
                        nowNanos);
                judged(at, at.breaker.failed(slot.ticket, slot.countedGood, nowNanos), nowNanos);
            }
            case UNKNOWN -> {
                breaker.nothing(slot.providersTicket, slot.startedNanos);
                at.breaker.nothing(slot.ticket, slot.startedNanos);
            }
        }
        serve(nowNanos);
    }

    private void well(Slot slot, long nowNanos) {
        if (!slot.tokenSeen) {
            changed(breaker.good(slot.providersTicket, slot.startedNanos, nowNanos), breaker, name, "", nowNanos);
            judged(slot.at, slot.at.breaker.good(slot.ticket, slot.startedNanos, nowNanos), nowNanos);
        }
    }

    private void judged(CandidateHealth at, Breaker.Change change, long nowNanos) {
        if (change != Breaker.Change.NONE) {
            changed(
                    change,
                    at.breaker,
                    at.candidate.toString(),
                    at.breaker.failedPercent(nowNanos) + "% of " + at.breaker.attempts(nowNanos) + " attempts failed, "
                            + at.breaker.slowPercent(nowNanos) + "% were slow, the last "
                            + at.breaker.failedInARow() + " failed",
                    nowNanos);
        }
    }

    private void changed(Breaker.Change change, Breaker of, String who, String why, long nowNanos) {
        switch (change) {
            case NONE -> {}
            case OPENED -> {
                long open = millis(of.openNanos());
                later(() -> listener.opened(who, why, open));
            }
            case CLOSED -> {
                long outage = millis(of.outageNanos(nowNanos));
                later(() -> listener.closed(who, outage));
            }
        }
    }

    // ---- those who wait ----

    /** Gives places to those who wait, in the order in which they came. */
    private void serve(long nowNanos) {
        while (!queue.isEmpty() && (limit == null || busy < limit.limit())) {
            Waiter first = queue.remove();
            Turn.Closed closed = closed(first.at, nowNanos);
            first.tell(closed != null ? closed : start(first.at, first.stretch, nowNanos));
        }
    }

    /** An attempt that waits for a place. All but its methods' ends happens under its provider's lock. */
    private static final class Waiter implements Turn.Waiting {
        private final ProviderHealth provider;
        private final CandidateHealth at;
        private final int stretch;
        private final long deadlineNanos;
        private @Nullable Turn over;
        private @Nullable Consumer<Turn> listener;
        private boolean told;

        Waiter(ProviderHealth provider, CandidateHealth at, int stretch, long deadlineNanos) {
            this.provider = provider;
            this.at = at;
            this.stretch = stretch;
            this.deadlineNanos = deadlineNanos;
        }

        private void tell(Turn turn) {
            over = turn;
            Consumer<Turn> then = listener;
            if (then != null) {
                told = true;
                provider.later(() -> then.accept(turn));
            }
        }

        @Override
        public void whenOver(Consumer<Turn> then) {
            Health.done(provider, () -> {
                Turn turn = over;
                if (told) {
                    return;
                }
                if (turn == null) {
                    listener = then;
                } else {
                    told = true;
                    provider.later(() -> then.accept(turn));
                }
            });
        }

        @Override
        public void tick(long nowNanos) {
            if (nowNanos - deadlineNanos < 0) {
                return;
            }
            Health.done(provider, () -> {
                if (over == null && provider.queue.remove(this)) {
                    tell(new Turn.Closed(
                            "it has as much to do as it does well with, and no call ended in time",
                            Math.max(1, (long) provider.attemptNanos / NANOS_OF_A_MILLI),
                            true));
                }
            });
        }

        @Override
        public void cancel() {
            Slot[] unused = new Slot[1];
            Health.done(provider, () -> {
                if (told) {
                    return;
                }
                told = true;
                provider.queue.remove(this);
                if (over instanceof Slot slot) {
                    unused[0] = slot;
                }
            });
            if (unused[0] != null) {
                unused[0].ended(Slot.Ending.UNKNOWN, provider.clock.getAsLong());
            }
        }
    }

    // ---- what is shown ----

    Standing standing(List<CandidateHealth> of, long nowNanos) {
        AdaptiveLimit most = limit;
        List<Standing.Target> targets = of.stream()
                .map(each -> new Standing.Target(
                        each.candidate.model(),
                        each.candidate.key(),
                        state(each, nowNanos),
                        closedMillis(each, nowNanos),
                        whyClosed(each, nowNanos),
                        each.breaker.attempts(nowNanos),
                        each.breaker.failedPercent(nowNanos),
                        each.breaker.slowPercent(nowNanos),
                        each.latency.nanos(nowNanos) / NANOS_OF_A_MILLI,
                        each.busy))
                .toList();
        return new Standing(
                name,
                state(breaker, nowNanos),
                millis(breaker.closedNanos(nowNanos)),
                busy,
                most == null ? -1 : most.limit(),
                queue.size(),
                budget.calls(nowNanos),
                budget.retries(nowNanos),
                targets);
    }

    private Standing.State state(CandidateHealth at, long nowNanos) {
        if (at.rest.nanos(nowNanos) > 0 || at.keyRest.nanos(nowNanos) > 0) {
            return Standing.State.RESTING;
        }
        Standing.State whole = state(breaker, nowNanos);
        return whole == Standing.State.OK ? state(at.breaker, nowNanos) : whole;
    }

    private static Standing.State state(Breaker breaker, long nowNanos) {
        return switch (breaker.state(nowNanos)) {
            case CLOSED -> Standing.State.OK;
            case HALF_OPEN -> Standing.State.TRYING;
            case OPEN -> Standing.State.ILL;
        };
    }
}
