package dev.lockkeeper.limits;

/**
 * A limit as the operator set it.
 *
 * @param subject on whom
 * @param measure on what
 * @param amount the most: per second, minute or day, or at once. {@link #NONE} says that there is none, where one for each
 *     would apply otherwise
 * @param burst the most that may come at once after a rest; the amount where the measure has no burst
 * @param changedMillis when it was set, milliseconds since 1970
 */
public record Limit(Subject subject, Measure measure, long amount, long burst, long changedMillis) {
    /** The amount that says: no limit. */
    public static final long NONE = -1;

    /** The largest amount and burst of a measure that fills up all the time: above a token in each nanosecond. */
    public static final long MAX_AMOUNT = 1_000_000_000L;

    /** The largest amount of a day. */
    public static final long MAX_DAY = 1_000_000_000_000_000L;

    /** The largest number of calls at once. */
    public static final long MAX_CALLS = 1_000_000;

    /** Whether it says that there is no limit. */
    public boolean unlimited() {
        return amount == NONE;
    }

    /** As it is told: {@code 5 requests per second (burst 5)}. */
    @Override
    public String toString() {
        return (unlimited() ? "no limit of " : amount + " ")
                + measure.said()
                + (measure.bursts() && !unlimited() ? " (burst " + burst + ")" : "");
    }
}
