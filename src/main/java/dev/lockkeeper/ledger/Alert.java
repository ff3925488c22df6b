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
 * @param baseNanos of a threshold the amount, with what was carried over; of a surge what the hour usually costs
 * @param spentNanos booked by then
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
        SURGE;

        private final String text = name().toLowerCase(Locale.ROOT);

        /** The name in database and answers. */
        public String text() {
            return text;
        }
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
