package dev.lockkeeper.relay;

import dev.lockkeeper.routing.Policy.Hedge;
import java.time.Clock;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * How many calls of each model were raced, and what the losers cost: both are bounded by the model's policy. It outlives all
 * calls, and changes of rules. Any thread.
 */
final class Races {
    /** Models that are remembered; those beyond share one account. */
    private static final int MAX_MODELS = 10_000;

    private static final String OTHERS = "";

    /** Races that calls without one can save up: a model that was quiet may race so many in a row. */
    private static final double SAVED = 10;

    private final Clock clock;
    private final Map<String, Account> accounts = new ConcurrentHashMap<>();

    Races(Clock clock) {
        this.clock = clock;
    }

    private static final class Account {
        private double credit = 1;
        private long day;
        private long spentNanos;

        synchronized void call(double sharePercent) {
            credit = Math.min(SAVED, credit + sharePercent / 100);
        }

        synchronized boolean begin(Hedge bounds, long today) {
            if (today != day) {
                day = today;
                spentNanos = 0;
            }
            if (bounds.sharePercent() <= 0 || credit < 1 || spentNanos >= bounds.costNanosPerDay()) {
                return false;
            }
            credit -= 1;
            return true;
        }

        synchronized void lost(long nanos, long today) {
            if (today != day) {
                day = today;
                spentNanos = 0;
            }
            spentNanos += nanos;
        }
    }

    private Account of(String model) {
        Account known = accounts.get(model);
        return known != null
                ? known
                : accounts.computeIfAbsent(accounts.size() < MAX_MODELS ? model : OTHERS, _ -> new Account());
    }

    /** A call of a model that may be raced has begun. */
    void call(String model, Hedge bounds) {
        of(model).call(bounds.sharePercent());
    }

    /** Whether one more call may be raced; then it counts. */
    boolean begin(String model, Hedge bounds) {
        return of(model).begin(bounds, today());
    }

    /** What a loser cost, in nano-dollars. */
    void lost(String model, long nanos) {
        of(model).lost(nanos, today());
    }

    private long today() {
        return TimeUnit.MILLISECONDS.toDays(clock.millis());
    }
}
