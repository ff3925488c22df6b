package dev.lockkeeper.ledger;

import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

    /** What was spent on budgets at the last look, by number. */
    private Map<Long, Long> spent = new HashMap<>();

    Surges(Store store) {
        this.store = store;
    }

    /** Looks at all budgets on which something was spent since the last look; writes an alert for each that needs one. */
    void look(List<Balance> balances, long nowMillis) {
        Map<Long, Long> now = new HashMap<>();
        for (Balance each : balances) {
            Budget budget = each.budget();
            now.put(budget.number(), each.spentNanos());
            boolean same = Objects.equals(spent.get(budget.number()), each.spentNanos());
            Alert alert = same || budget.terms().surgePercent() == 0 ? null : of(budget, nowMillis);
            if (alert != null) {
                store.alert(alert);
            }
        }
        spent = now;
        firsts.keySet().retainAll(now.keySet());
    }

    private @Nullable Alert of(Budget budget, long nowMillis) {
        long hour = Math.floorDiv(nowMillis, HOUR) * HOUR;
        long cost = store.hour(budget.scope(), hour);
        if (cost == 0 || cost < budget.terms().amountNanos() / LEAST_SHARE) {
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
        int percent = Alert.percent(cost, usual);
        return percent < budget.terms().surgePercent()
                ? null
                : new Alert(
                        budget.id() + ":" + hour + ":surge",
                        Alert.Kind.SURGE,
                        budget,
                        hour,
                        percent,
                        usual,
                        cost,
                        nowMillis);
    }
}
