package dev.lockkeeper.ledger;

import dev.lockkeeper.ledger.Store.Row;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeSet;

/** How a budget's period stands in the database. */
record Opening(long start, long end, long amount, long carried, long spent, long overrun, int told, Own own) {
    /**
     * What of it is this process's own.
     *
     * @param granted what it has leased, where the budget is shared
     */
    record Own(long granted, long spent, long overrun) {
        static final Own NOTHING = new Own(0, 0, 0);
    }

    /**
     * The current period, as the last, behind those that holds are left of; where a period gives its rest to the next one,
     * also all that were used in between.
     *
     * @param left when the holds of the budget's scope that are left were taken
     */
    static List<Opening> of(Budget budget, Store store, long nowMillis, Collection<Long> left) {
        Period period = budget.period();
        long current = period.start(nowMillis);
        long begins = period.start(budget.createdMillis());
        TreeSet<Long> starts = new TreeSet<>();
        starts.add(current);
        for (long at : left) {
            // What was taken before the budget's first period was never held by it.
            if (at >= begins && at < current) {
                starts.add(period.start(at));
            }
        }
        long earliest = starts.getFirst();
        NavigableMap<Long, Row> rows = store.accounts(budget.number(), budget.carryOver() ? Long.MIN_VALUE : earliest);
        if (budget.carryOver()) {
            starts.addAll(rows.subMap(earliest, true, current, true).keySet());
        }
        List<Opening> all = new ArrayList<>();
        for (long start : starts) {
            Row row = rows.get(start);
            // A period that nothing was booked in yet has the amount of its time: a change has left it at the row
            // behind.
            Map.Entry<Long, Row> next = start == current ? null : rows.ceilingEntry(start);
            long amount = next == null
                    ? budget.terms().amountNanos()
                    : next.getValue().amount();
            long carried = budget.carryOver() ? carried(budget, rows, start, amount) : 0;
            long end = period.end(start);
            all.add(
                    row == null
                            ? new Opening(start, end, amount, carried, 0, 0, 0, Own.NOTHING)
                            : new Opening(
                                    start,
                                    end,
                                    amount,
                                    carried,
                                    row.spent(),
                                    row.overrun(),
                                    row.told(),
                                    store.own(budget.number(), row)));
        }
        return all;
    }

    /** What came into a period from those before: each gives to the next what it has left, at most its own amount. */
    private static long carried(Budget budget, NavigableMap<Long, Row> rows, long start, long amount) {
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
        return into(start, amount, begins, end, rest);
    }

    private static long into(long start, long amount, long begins, long endBefore, long rest) {
        if (start <= begins) {
            return 0;
        }
        // Where nobody called in the period before, it is carried over whole.
        return start == endBefore ? rest : amount;
    }
}
