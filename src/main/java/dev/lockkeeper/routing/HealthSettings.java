package dev.lockkeeper.routing;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a provider's health is judged, and what follows from it.
 *
 * @param breaker when its candidates are left alone
 * @param concurrency how many attempts are made at it at once; null: as many as there are
 * @param retryPercent how many of a hundred calls at it may be retries, 0 to 100
 * @param probe how often it is asked for its list of models, to see whether it answers; null: never
 */
public record HealthSettings(
        Breaker breaker,
        @Nullable Concurrency concurrency,
        int retryPercent,
        @Nullable Duration probe) {
    /** The usual breaker, no limit, 20% retries, no probes. */
    public static final HealthSettings DEFAULT = new HealthSettings(Breaker.DEFAULT, null, 20, null);

    /**
     * When a candidate is left alone for a while: a breaker opens.
     *
     * @param window over which attempts are looked back at
     * @param calls attempts in the window before it is judged at all; 0: it never opens
     * @param failurePercent how many of a hundred attempts fail when it opens, 1 to 100
     * @param slowPercent how many of a hundred are slow when it opens, 1 to 100
     * @param slowAfter a first token that comes later is slow; more for calls that think longer
     * @param open how long it stays open at first; doubled each time that a look finds it ill, up to 3 s
     * @param probes attempts that are let through at once after that, and good ones that close it
     */
    public record Breaker(
            Duration window,
            int calls,
            int failurePercent,
            int slowPercent,
            Duration slowAfter,
            Duration open,
            int probes) {
        /** Half of 10 attempts or more within 10 s failed, or 80% took more than 30 s: open for 1 s, then 2 probes. */
        public static final Breaker DEFAULT =
                new Breaker(Duration.ofSeconds(10), 10, 50, 80, Duration.ofSeconds(30), Duration.ofSeconds(1), 2);
    }

    /**
     * A limit of attempts at once, which adapts to how fast they are answered.
     *
     * @param min it is never less
     * @param max it is never more
     * @param queue attempts that wait at most
     * @param longestWait how long each waits at most
     */
    public record Concurrency(int min, int max, int queue, Duration longestWait) {}
}
