package dev.lockkeeper.ledger;

import dev.lockkeeper.units.Money;
import java.time.Instant;
import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What an operator should know of a budget's spending.
 *
 * @param id the same each time it is told: {@code bud_12:1763683200000:75}
 * @param kind what it is
 * @param budget which
 * @param startMillis when the period began, or the hour, milliseconds since 1970; {@link Long#MIN_VALUE} for always
 * @param percent how much of {@code baseNanos} is reached: of a threshold the highest of {@link Budget.Terms#alertPercents}
 * @param baseNanos of a threshold the amount, with what was carried over; of a surge what the hour usually costs; of an
 *     overrun what was set aside for the call
 * @param spentNanos booked by then; of an overrun for the call
 * @param atMillis when it was seen, milliseconds since 1970
 */
public record Alert(
        String id,
        Kind kind,
        Budget budget,
        long startMillis,
        int percent,
        long baseNanos,
        long spentNanos,
        long atMillis) {
    /** What there are alerts for. */
    public enum Kind {
        /** Spending has reached a percentage of the budget. */
        THRESHOLD,
        /** An hour has cost a multiple of what it usually does. */
        SURGE,
        /** A provider has billed more than it was allowed, and more than the budget could pay. */
        OVERRUN;

        private final String text = name().toLowerCase(Locale.ROOT);

        /** The name in database and answers. */
        public String text() {
            return text;
        }
    }

    /** The first overrun of a budget in an hour. */
    static Alert overrun(Budget budget, Entry entry, long nowMillis) {
        long hour = Math.floorDiv(entry.hold().atMillis, Batch.HOUR_MILLIS) * Batch.HOUR_MILLIS;
        long held = entry.hold().grantedNanos;
        long cost = entry.bill().costNanos();
        return new Alert(
                budget.id() + ":" + hour + ":overrun",
                Kind.OVERRUN,
                budget,
                hour,
                percent(cost, held),
                held,
                cost,
                nowMillis);
    }

    /** How many percent one is of the other; {@link Integer#MAX_VALUE} where the other is nothing, or that many. */
    static int percent(long part, long whole) {
        long percent = whole == 0 || part > Long.MAX_VALUE / 100 ? Long.MAX_VALUE : part * 100 / whole;
        return (int) Math.min(Integer.MAX_VALUE, percent);
    }

    /** One sentence for people. */
    public String text() {
        String whose = "Budget " + budget.id() + " of " + budget.scope();
        String spent = new Money(spentNanos).toString();
        String base = new Money(baseNanos).toString();
        return switch (kind) {
            case THRESHOLD ->
                whose + " has reached " + percent + "%: " + spent + " of " + base + " are spent"
                        + (startMillis == Long.MIN_VALUE
                                ? "."
                                : " in the " + budget.period().unit().text() + " from " + time(startMillis) + ".");
            case SURGE ->
                whose + " spends fast: " + spent + " in the hour from " + time(startMillis) + ", which usually costs "
                        + base + ".";
            case OVERRUN ->
                whose + " was overrun in the hour from " + time(startMillis) + ": a provider billed " + spent
                        + " where " + base + " were set aside. 'lockkeeper usage overruns' lists such calls.";
        };
    }

    /** As the admin API and webhooks write it. */
    public ObjectNode json() {
        ObjectNode json = JsonMapper.shared()
                .createObjectNode()
                .put("id", id)
                .put("kind", kind.text())
                .put("text", text())
                .put("at", time(atMillis))
                .put("from", startMillis == Long.MIN_VALUE ? null : time(startMillis))
                .put("percent", percent)
                .put("base", new Money(baseNanos).toString())
                .put("spent", new Money(spentNanos).toString());
        json.set("budget", budget.json());
        return json;
    }

    private static String time(long millis) {
        return Instant.ofEpochMilli(millis).toString();
    }
}
