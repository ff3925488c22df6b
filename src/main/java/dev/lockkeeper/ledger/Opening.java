package dev.lockkeeper.ledger;

import dev.lockkeeper.ledger.Store.Row;
import java.util.Map;
import java.util.NavigableMap;

/** How a budget's current period stands in the database. */
record Opening(long start, long end, long carried, long spent, long overrun, int told) {
    static Opening of(Budget budget, Store store, long nowMillis) {
        Period period = budget.period();
        long start = period.start(nowMillis);
        NavigableMap<Long, Row> rows = store.accounts(budget.number(), budget.carryOver() ? Long.MIN_VALUE : start);
        Row current = rows.get(start);
        long carried = budget.carryOver() ? carried(budget, rows, start) : 0;
        return current == null
                ? new Opening(start, period.end(nowMillis), carried, 0, 0, 0)
                : new Opening(
                        start, period.end(nowMillis), carried, current.spent(), current.overrun(), current.told());
    }

    /** What came into the period from those before: each gives to the next what it has left, at most its own amount. */
    private static long carried(Budget budget, NavigableMap<Long, Row> rows, long start) {
        Period period = budget.period();
        long begins = period.start(budget.createdMillis());
        long carried;
        long rest = 0;
        long end = begins;
        for (Map.Entry<Long, Row> each : rows.headMap(start, false).entrySet()) {
            Row row = each.getValue();
            carried = into(row.start(), row.amount(), begins, end, rest);
            rest = Account.carry(row.amount() + carried - row.spent(), row.amount());
            end = period.end(row.start());
        }
        return into(start, budget.terms().amountNanos(), begins, end, rest);
    }

    private static long into(long start, long amount, long begins, long endBefore, long rest) {
        if (start <= begins) {
            return 0;
        }
        // Where nobody called in the period before, it is carried over whole.
        return start == endBefore ? rest : amount;
    }
}
