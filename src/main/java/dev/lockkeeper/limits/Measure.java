package dev.lockkeeper.limits;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a limit counts, and in which time. */
public enum Measure {
    REQUESTS_PER_SECOND(Unit.REQUESTS, 1),
    REQUESTS_PER_MINUTE(Unit.REQUESTS, 60),
    REQUESTS_PER_DAY(Unit.REQUESTS, Measure.DAY_SECONDS),
    TOKENS_PER_MINUTE(Unit.TOKENS, 60),
    TOKENS_PER_DAY(Unit.TOKENS, Measure.DAY_SECONDS),
    CONCURRENT_CALLS(Unit.CALLS, 0);

    static final int DAY_SECONDS = 86_400;

    /** What is counted. */
    enum Unit {
        REQUESTS,
        TOKENS,
        CALLS
    }

    private final Unit unit;
    private final int seconds;
    private final String word = name().toLowerCase(Locale.ROOT).replace('_', '-');

    Measure(Unit unit, int seconds) {
        this.unit = unit;
        this.seconds = seconds;
    }

    /** As it is written: {@code requests-per-second}, {@code concurrent-calls} … */
    public String word() {
        return word;
    }

    /** As it is told: {@code requests per second}. */
    String said() {
        return word.replace('-', ' ');
    }

    Unit unit() {
        return unit;
    }

    /** The time that it counts in; 0 for concurrent calls. */
    int seconds() {
        return seconds;
    }

    /** Whether it counts from midnight to midnight, UTC, rather than filling up all the time. */
    boolean byDay() {
        return seconds == DAY_SECONDS;
    }

    /** Whether a burst can be stated: how much may come at once after a rest. */
    public boolean bursts() {
        return seconds > 0 && !byDay();
    }

    /** The measure that is written so; null for none. */
    public static @Nullable Measure of(String word) {
        for (Measure each : values()) {
            if (each.word.equals(word)) {
                return each;
            }
        }
        return null;
    }
}
