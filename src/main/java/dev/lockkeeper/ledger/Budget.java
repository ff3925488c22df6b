package dev.lockkeeper.ledger;

import java.util.List;

/**
 * What the operator wrote: how much may be spent in a scope in each period.
 *
 * @param number its number, from 1, never used again
 * @param scope whose spending counts
 * @param period how often it begins anew
 * @param carryOver whether what was not spent of a period is added to the next one, at most that period's amount
 * @param terms what may be changed while it stands
 * @param createdMillis when it was made, milliseconds since 1970; it counts from the beginning of that period
 */
public record Budget(long number, Scope scope, Period period, boolean carryOver, Terms terms, long createdMillis) {

    /** The name in answers and commands: {@code bud_12}. */
    public String id() {
        return "bud_" + number;
    }

    /**
     * What of a budget may be changed; a change applies at once, to calls under way as well.
     *
     * @param amountNanos the amount of each period, in nano-dollars, 0 or more
     * @param hard whether calls are refused, and streams ended, when it is used up; a soft one only tells
     * @param alertPercents percentages of the amount at which an alert is told, ascending
     */
    public record Terms(long amountNanos, boolean hard, List<Integer> alertPercents) {
        /** Alerts where the operator wrote none. */
        public static final List<Integer> DEFAULT_ALERTS = List.of(50, 75, 90, 100);

        public Terms {
            alertPercents = List.copyOf(alertPercents);
        }
    }

    /**
     * A budget that is wanted.
     *
     * @param scope whose spending counts
     * @param period how often it begins anew
     * @param carryOver whether what was not spent is added to the next period
     * @param terms amount and the like
     */
    public record Wanted(Scope scope, Period period, boolean carryOver, Terms terms) {}
}
