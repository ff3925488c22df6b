package dev.lockkeeper.ledger;

import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sees where an hour costs a multiple of what it usually does: of what the same hour of the week, by the budget's time zone,
 * cost on average in the last {@value #WEEKS} weeks. Weeks before the scope's first call don't count; where fewer than
 * {@value #LEAST_WEEKS} are left, nothing is usual yet. The hour so far is held against the whole hour, so a busy minute is
 * no alert. One thread.
 */
final class Surges {
    /** Weeks that are looked back on. */
    static final int WEEKS = 4;

    /** Weeks of history that are needed. */
    static final int LEAST_WEEKS = 2;

    /** What is less than this share of the budget's amount is never an alert: a hundredth. */
    static final int LEAST_SHARE = 100;

    private static final long HOUR = Batch.HOUR_MILLIS;

    private final Store store;

    /** When scopes were first booked, by budget: it never changes. As many as budgets stand. */
    private final Map<Long, Long> firsts = new HashMap<>();

    Surges(Store store) {
        this.store = store;
    }

    /** Looks at all budgets; writes an alert for each that needs one. */
    void look(List<Budget> budgets, long nowMillis) {
        firsts.keySet().removeIf(number -> budgets.stream().noneMatch(each -> each.number() == number));
        for (Budget each : budgets) {
            Alert alert = each.terms().surgePercent() == 0 ? null : of(each, nowMillis);
            if (alert != null) {
                store.alert(alert);
            }
        }
    }

    private @Nullable Alert of(Budget budget, long nowMillis) {
        long hour = Math.floorDiv(nowMillis, HOUR) * HOUR;
        long spent = store.hour(budget.scope(), hour);
        if (spent == 0 || spent < budget.terms().amountNanos() / LEAST_SHARE) {
            return null;
        }
        Long first = firsts.get(budget.number());
        if (first == null) {
            first = store.firstHour(budget.scope());
            firsts.put(budget.number(), first);
        }
        long sum = 0;
        int weeks = 0;
        for (int back = 1; back <= WEEKS; back++) {
            long then = Instant.ofEpochMilli(hour)
                    .atZone(budget.period().zone())
                    .minusWeeks(back)
                    .toInstant()
                    .toEpochMilli();
            long same = Math.floorDiv(then, HOUR) * HOUR;
            if (same >= first) {
                sum = Math.addExact(sum, store.hour(budget.scope(), same));
                weeks++;
            }
        }
        if (weeks < LEAST_WEEKS) {
            return null;
        }
        long usual = sum / weeks;
        int percent = percent(spent, usual);
        return percent < budget.terms().surgePercent()
                ? null
                : new Alert(
                        budget.id() + ":" + hour + ":surge",
                        Alert.Kind.SURGE,
                        budget,
                        hour,
                        percent,
                        usual,
                        spent,
                        nowMillis);
    }

    /** How many percent one is of the other; {@link Integer#MAX_VALUE} where the other is nothing, or that many. */
    private static int percent(long part, long whole) {
        long percent = whole == 0 || part > Long.MAX_VALUE / 100 ? Long.MAX_VALUE : part * 100 / whole;
        return (int) Math.min(Integer.MAX_VALUE, percent);
    }
}
