package dev.lockkeeper.ledger;

import dev.lockkeeper.units.Storable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What one transaction brings into the database. The applier's thread. */
final class Batch {
    static final long HOUR_MILLIS = 3_600_000;
    static final long DAY_MILLIS = 24 * HOUR_MILLIS;

    final List<Entry> entries = new ArrayList<>();
    // In an order: processes on one database must lock rows in the same one, or they wait for each other.

    final Map<RollupKey, Rollup> rollups = new TreeMap<>(RollupKey.ORDER);
    final Map<AccountKey, Spending> spending = new TreeMap<>(AccountKey.ORDER);

    /** Holds that are stored, and whose end is in this batch. */
    final List<OpenHold> ended = new ArrayList<>();

    /** Holds whose segment is about to go: they are stored until their end. */
    final List<OpenHold> stored = new ArrayList<>();

    /** Thresholds that are reached: each is noted in its account. */
    final List<Alert> alerted = new ArrayList<>();

    final List<Alert> overruns = new ArrayList<>();

    /** What of {@link Store.Heard#changes} was known when this was reckoned. */
    long changes;

    /** How the accounts stand of which something was spent, when it is written. */
    Map<AccountKey, Store.Row> after = Map.of();

    final Map<Integer, Moved> moved = new LinkedHashMap<>();

    /** How far a journal is read, before this batch and with it. */
    record Moved(long from, long to, long sequence, long latestMillis) {}

    record AccountKey(long budget, long start) {
        static final Comparator<AccountKey> ORDER =
                Comparator.comparingLong(AccountKey::budget).thenComparingLong(AccountKey::start);
    }

    /** Texts as the database keeps them: what becomes one row there is one here. */
    record RollupKey(
            long hour,
            String organization,
            String project,
            String key,
            String endUser,
            String model,
            String provider,
            String tag) {
        static final Comparator<RollupKey> ORDER = Comparator.comparingLong(RollupKey::hour)
                .thenComparing(RollupKey::organization)
                .thenComparing(RollupKey::project)
                .thenComparing(RollupKey::key)
                .thenComparing(RollupKey::endUser)
                .thenComparing(RollupKey::model)
                .thenComparing(RollupKey::provider)
                .thenComparing(RollupKey::tag);
    }

    /** What an hour's calls of one kind come to. */
    static final class Rollup {
        long calls;
        long estimated;
        long cost;
        long overrun;
        final long[] counts = new long[Counts.COLUMNS.length];

        void add(Rollup other) {
            calls += other.calls;
            estimated += other.estimated;
            cost = Math.addExact(cost, other.cost);
            overrun = Math.addExact(overrun, other.overrun);
            for (int i = 0; i < counts.length; i++) {
                counts[i] = Math.addExact(counts[i], other.counts[i]);
            }
        }
    }

    /** What is added to an account. */
    static final class Spending {
        /** The budget's amount, for an account that has no row yet. */
        final long amount;

        long spent;
        long overrun;

        Spending(long amount) {
            this.amount = amount;
        }
    }

    boolean isEmpty() {
        return moved.isEmpty() && alerted.isEmpty() && entries.isEmpty();
    }

    void add(Entry entry) {
        entries.add(entry);
        OpenHold hold = entry.hold();
        if (hold.storedNanos >= 0) {
            ended.add(hold);
        }
        Payer payer = hold.payer;
        Rollup rollup = rollups.computeIfAbsent(
                new RollupKey(
                        Math.floorDiv(hold.atMillis, HOUR_MILLIS) * HOUR_MILLIS,
                        Storable.of(payer.organization()),
                        Storable.of(payer.project()),
                        Storable.of(payer.key()),
                        Storable.of(payer.endUser()),
                        Storable.of(hold.model),
                        Storable.of(hold.provider),
                        Storable.of(payer.tag())),
                _ -> new Rollup());
        rollup.calls++;
        rollup.estimated += entry.bill().estimated() ? 1 : 0;
        rollup.cost = Math.addExact(rollup.cost, entry.bill().costNanos());
        rollup.overrun = Math.addExact(rollup.overrun, entry.overrunNanos());
        long[] counts = Counts.of(entry.bill().usage());
        for (int i = 0; i < counts.length; i++) {
            rollup.counts[i] = Math.addExact(rollup.counts[i], counts[i]);
        }
    }

    void spend(Budget budget, long start, Entry entry) {
        Spending sum = spending.computeIfAbsent(
                new AccountKey(budget.number(), start),
                _ -> new Spending(budget.terms().amountNanos()));
        sum.spent = Math.addExact(sum.spent, entry.bill().costNanos());
        sum.overrun = Math.addExact(sum.overrun, entry.overrunNanos());
    }
}
