package dev.lockkeeper.ledger;

import dev.lockkeeper.units.Money;
import java.time.Instant;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

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

    /** As the admin API, the log of changes and webhooks write it. */
    public ObjectNode json() {
        ObjectNode json = JsonMapper.shared()
                .createObjectNode()
                .put("id", id())
                .put("scope_kind", scope.kind().word())
                .put("scope_id", scope.id())
                .put("amount", new Money(terms.amountNanos).toString())
                .put("period", period.unit().text())
                .put("time_zone", period.zone().getId())
                .put("hard", terms.hard)
                .put("carry_over", carryOver);
        ArrayNode alerts = json.putArray("alerts");
        terms.alertPercents.forEach(alerts::add);
        return json.put("surge_percent", terms.surgePercent)
                .put("fallback_model", terms.fallbackModel.isEmpty() ? null : terms.fallbackModel)
                .put("created_at", Instant.ofEpochMilli(createdMillis).toString());
    }

    /**
     * What of a budget may be changed; a change applies at once, to calls under way as well.
     *
     * @param amountNanos the amount of each period, in nano-dollars, 0 or more
     * @param hard whether calls are refused, and streams ended, when it is used up; a soft one only tells
     * @param alertPercents percentages of the amount at which an alert is told, ascending
     * @param surgePercent at how many percent of what an hour usually costs an alert is told; 0 for never
     * @param fallbackModel the model that a call goes to for which too little is left; empty: it is refused
     */
    public record Terms(
            long amountNanos, boolean hard, List<Integer> alertPercents, int surgePercent, String fallbackModel) {
        /** Alerts where the operator wrote none. */
        public static final List<Integer> DEFAULT_ALERTS = List.of(50, 75, 90, 100);

        /** Three times the usual, where the operator wrote nothing else. */
        public static final int DEFAULT_SURGE = 300;

        public Terms {
            alertPercents = List.copyOf(alertPercents);
        }

        /** The usual of all else. */
        public Terms(long amountNanos, boolean hard, List<Integer> alertPercents) {
            this(amountNanos, hard, alertPercents, DEFAULT_SURGE, "");
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
