package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.ledger.Batch.AccountKey;
import dev.lockkeeper.ledger.Batch.Moved;
import dev.lockkeeper.ledger.Batch.Rollup;
import dev.lockkeeper.ledger.Batch.RollupKey;
import dev.lockkeeper.ledger.Batch.Spending;
import dev.lockkeeper.ledger.Leases.Answer;
import dev.lockkeeper.ledger.Leases.Round;
import dev.lockkeeper.ledger.Leases.Wished;
import dev.lockkeeper.units.Storable;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/** The ledger's tables. All methods block. */
class Store {
    private static final List<String> ENTRY = Stream.concat(
                    Stream.of(
                            "taken",
                            "call_id",
                            "attempt",
                            "kind",
                            "organization",
                            "project",
                            "key_id",
                            "end_user",
                            "tag",
                            "provider",
                            "model",
                            "upstream_model",
                            "endpoint",
                            "status",
                            "outcome",
                            "started",
                            "millis",
                            "held",
                            "cost",
                            "overrun",
                            "estimated",
                            "tier"),
                    Arrays.stream(Counts.COLUMNS))
            .toList();
    private static final Rows ENTRIES = new Rows("entries", ENTRY, "");
    private static final List<String> SUMS = Stream.concat(
                    Stream.of("calls", "estimated", "cost", "overrun"), Arrays.stream(Counts.COLUMNS))
            .toList();
    private static final List<String> COARSE = List.of("organization", "project", "key_id", "model", "provider");
    private static final List<String> FINE =
            List.of("organization", "project", "key_id", "end_user", "model", "provider", "tag");
    private static final Rows ROLLUPS = adding("rollups", "hour", FINE);
    private static final Rows HOURS = adding("rollup_hours", "hour", COARSE);
    private static final Rows DAYS = adding("rollup_days", "day", COARSE);
    private static final Rows USER_DAYS = adding("rollup_user_days", "day", FINE);
    private static final String ADD_SPENDING = """
            INSERT INTO accounts (budget, period_start, amount, spent, overrun, told)
            VALUES (?, ?, coalesce((SELECT later.amount FROM accounts later WHERE later.budget = ?
              AND later.period_start > ? ORDER BY later.period_start LIMIT 1), ?), ?, ?, 0)
            ON CONFLICT (budget, period_start) DO UPDATE SET
              spent = accounts.spent + excluded.spent, overrun = accounts.overrun + excluded.overrun
            """;
    private static final String STORE_HOLD = """
            INSERT INTO open_holds (node, journal, position, taken, call_id, attempt, organization, project, key_id, end_user,
              tag, provider, model, upstream_model, held, awaits, awaited, endpoint, tier, input, output, until)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (node, journal, position) DO UPDATE SET held = excluded.held, awaits = excluded.awaits,
              awaited = excluded.awaited, endpoint = excluded.endpoint, tier = excluded.tier, input = excluded.input,
              output = excluded.output, until = excluded.until
            """;

    /** The latest instant that periods are added up to: the year 9999. */
    private static final long LATEST = 253_402_300_799_999L;

    /** How other processes' changes of budgets are kept apart from what this one books meanwhile. */
    private static final String LOCK = "LOCK TABLE budget_changes IN ";

    private static final String FIND_ACCOUNT =
            "SELECT period_start, amount, spent, overrun, told FROM accounts WHERE budget = ? AND period_start = ?";

    /** Milliseconds since 1970 by the database's clock, which is one for all processes. */
    private static final String NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

    private static final String ADD_ACCOUNT = """
            INSERT INTO accounts (budget, period_start, amount, spent, overrun, told)
            VALUES (?, ?, coalesce((SELECT later.amount FROM accounts later WHERE later.budget = ?
              AND later.period_start > ? ORDER BY later.period_start LIMIT 1), ?), 0, 0, 0)
            ON CONFLICT (budget, period_start) DO NOTHING
            """;
    private static final String SHARES = """
            SELECT a.budget, a.period_start, a.amount, a.spent, a.overrun,
              coalesce(sum(l.granted) FILTER (WHERE l.node = :node), 0) AS own_granted,
              coalesce(sum(l.spent) FILTER (WHERE l.node = :node), 0) AS own_spent,
              coalesce(sum(l.overrun) FILTER (WHERE l.node = :node), 0) AS own_overrun,
              coalesce(sum(greatest(0, l.granted - l.spent)) FILTER (WHERE l.node <> :node AND n.heard > :live), 0)
                AS elsewhere,
              coalesce(sum(greatest(0, l.granted - l.spent)) FILTER (WHERE l.node <> :node AND n.heard <= :live), 0)
                AS lost,
              coalesce(sum(l.wish) FILTER (WHERE l.node <> :node AND n.heard > :live), 0) AS wished,
              coalesce(sum(l.wish) FILTER (WHERE l.node < :node AND n.heard > :live), 0) AS wished_before
            FROM accounts a
            LEFT JOIN leases l ON l.budget = a.budget AND l.period_start = a.period_start
            LEFT JOIN nodes n ON n.id = l.node
            WHERE
            """;
    private static final String SHARES_EACH = """

            GROUP BY a.budget, a.period_start, a.amount, a.spent, a.overrun
            ORDER BY a.budget, a.period_start
            """;
    private static final String ADD_LEASE = """
            INSERT INTO leases (budget, period_start, node, granted, spent, overrun, wish) VALUES (?, ?, ?, ?, 0, 0, ?)
            ON CONFLICT (budget, period_start, node) DO UPDATE SET granted = excluded.granted, wish = excluded.wish
            """;
    private static final String ADD_LEASED = """
            INSERT INTO leases (budget, period_start, node, granted, spent, overrun, wish) VALUES (?, ?, ?, 0, ?, ?, 0)
            ON CONFLICT (budget, period_start, node) DO UPDATE SET
              spent = leases.spent + excluded.spent, overrun = leases.overrun + excluded.overrun
            """;

    private final Database database;

    /** Which of the processes that write this database this is: journals and open holds are its own. */
    private final long node;

    /** Whether other processes may write the same tables. */
    private final boolean shared;

    /** @param node what {@link #newNode} returned for the folder of the journals */
    Store(Database database, long node) {
        this.database = database;
        this.node = node;
        this.shared = database.isPostgres();
        database.<Integer>write(
                handle -> handle.execute(
                        "INSERT INTO nodes (id, created) VALUES (?, 0) ON CONFLICT (id) DO NOTHING", node),
                _ -> {});
    }

    /** Adds sums to the row that has the same time and key, or makes it. */
    private static Rows adding(String table, String time, List<String> keys) {
        List<String> key = Stream.concat(Stream.of(time), keys.stream()).toList();
        return new Rows(
                table,
                Stream.concat(key.stream(), SUMS.stream()).toList(),
                " ON CONFLICT (" + String.join(", ", key) + ") DO UPDATE SET "
                        + SUMS.stream()
                                .map(each -> each + " = " + table + "." + each + " + excluded." + each)
                                .collect(Collectors.joining(", ")));
    }

    /** A number for a new folder of journals. */
    static long newNode(Database database, long nowMillis) {
        return database.write(
                handle -> handle.createQuery("INSERT INTO nodes (created) VALUES (?) RETURNING id")
                        .bind(0, nowMillis)
                        .mapTo(Long.class)
                        .one(),
                _ -> {});
    }

    /**
     * What the database knows of a journal.
     *
     * @param position how far it is read
     * @param sequence of the record that stands there
     * @param latestMillis the latest time in it
     */
    record Known(long position, long sequence, long latestMillis) {}

    /**
     * A row of an account.
     *
     * @param amount the budget's amount in that period
     */
    record Row(long start, long amount, long spent, long overrun, int told) {}

    /**
     * The budgets, as they stood at one moment.
     *
     * @param changes how often budgets were changed until then, by any process; always 0 where there is only this one
     * @param budgets those that stand, by number
     * @param fenced whether an operator has taken this process's leases away
     */
    record Heard(long changes, List<Budget> budgets, boolean fenced) {}

    /** Budgets were changed by others since a batch was reckoned: nothing is written. */
    static final class Outdated extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Outdated() {
            super("budgets were changed by another process", null, false, false);
        }
    }

    /** Whether other processes may write the same tables. */
    boolean shared() {
        return shared;
    }

    /** The number of this process. */
    long node() {
        return node;
    }

    /** How often budgets were changed, by any process; always 0 where there is only this one. */
    long changes() {
        return shared ? database.<Long>read(Store::changes).join() : 0;
    }

    private static long changes(Handle handle) {
        return handle.createQuery("SELECT changes FROM budget_changes")
                .mapTo(Long.class)
                .one();
    }

    /** The budgets that stand. */
    Heard heard() {
        return database.write(
                handle -> {
                    long changes = whileUnchanged(handle);
                    return new Heard(
                            changes,
                            handle.createQuery("SELECT * FROM budgets WHERE closed IS NULL ORDER BY id")
                                    .map((row, _) -> budget(row))
                                    .list(),
                            handle.createQuery("SELECT fence > joined FROM nodes WHERE id = ?")
                                    .bind(0, node)
                                    .mapTo(Boolean.class)
                                    .one());
                },
                _ -> {});
    }

    /** Keeps others from changing budgets until the end of the transaction; returns how often they were changed. */
    private long whileUnchanged(Handle handle) {
        if (!shared) {
            return 0;
        }
        handle.execute(LOCK + "ROW SHARE MODE");
        return changes(handle);
    }

    /**
     * Waits for what others are booking, and lets them go on only when the transaction has ended: they find then that
     * budgets have changed. So each of their entries is either in the sums here, or counted by them.
     */
    private void changeAlone(Handle handle) {
        if (shared) {
            handle.execute(LOCK + "EXCLUSIVE MODE");
            handle.execute("UPDATE budget_changes SET changes = changes + 1");
        }
    }

    /** A number for a new budget. */
    long number() {
        return database.write(
                handle -> {
                    long next = handle.createQuery(
                                    "UPDATE budget_changes SET numbered = numbered + 1 RETURNING numbered")
                            .mapTo(Long.class)
                            .one();
                    // Older programs number by what they see.
                    long highest = handle.createQuery("SELECT coalesce(max(id), 0) FROM budgets")
                            .mapTo(Long.class)
                            .one();
                    if (highest < next) {
                        return next;
                    }
                    handle.execute("UPDATE budget_changes SET numbered = ?", highest + 1);
                    return highest + 1;
                },
                _ -> {});
    }

    Map<Integer, Known> journals() {
        return database.write(
                handle -> {
                    Map<Integer, Known> all = new TreeMap<>();
                    handle.createQuery("SELECT journal, position, sequence, latest FROM journals WHERE node = ?")
                            .bind(0, node)
                            .map((row, _) ->
                                    Map.entry(row.getInt(1), new Known(row.getLong(2), row.getLong(3), row.getLong(4))))
                            .forEach(each -> all.put(each.getKey(), each.getValue()));
                    return all;
                },
                _ -> {});
    }

    List<OpenHold> openHolds() {
        return database.write(
                handle -> handle.createQuery("SELECT * FROM open_holds WHERE node = ?")
                        .bind(0, node)
                        .map((row, _) -> {
                            OpenHold hold = new OpenHold(
                                    row.getInt("journal"),
                                    row.getLong("position"),
                                    row.getLong("taken"),
                                    row.getString("call_id"),
                                    row.getInt("attempt"),
                                    new Payer(
                                            row.getString("organization"),
                                            row.getString("project"),
                                            row.getString("key_id"),
                                            row.getString("end_user"),
                                            row.getString("tag")),
                                    row.getString("provider"),
                                    row.getString("model"),
                                    row.getString("upstream_model"),
                                    row.getLong("held"));
                            hold.awaited = awaited(row);
                            hold.storedNanos = hold.grantedNanos;
                            hold.storedAwaited = hold.awaited != null;
                            return hold;
                        })
                        .list(),
                _ -> {});
    }

    private static @Nullable Awaited awaited(ResultSet row) throws SQLException {
        String awaits = row.getString("awaits");
        return awaits == null
                ? null
                : new Awaited(
                        Awaited.Kind.valueOf(awaits.toUpperCase(Locale.ROOT)),
                        row.getString("awaited"),
                        row.getString("endpoint"),
                        row.getString("tier"),
                        row.getLong("input"),
                        row.getLong("output"),
                        row.getLong("until"));
    }

    /** Gives a stored hold another journal, and a place in it where no record can stand. */
    void move(OpenHold hold, int journal, long position) {
        database.<Integer>write(
                handle -> handle.execute(
                        "UPDATE open_holds SET journal = ?, position = ? WHERE node = ? AND journal = ? AND position = ?",
                        journal,
                        position,
                        node,
                        hold.journal,
                        hold.position),
                _ -> {});
    }

    /** The budget of a row. */
    static Budget budget(ResultSet row) throws SQLException {
        return new Budget(
                row.getLong("id"),
                new Scope(kind(row.getString("scope_kind")), row.getString("scope_id")),
                new Period(unit(row.getString("period")), ZoneId.of(row.getString("zone"))),
                row.getInt("carry_over") != 0,
                new Budget.Terms(
                        row.getLong("amount"),
                        row.getInt("hard") != 0,
                        percents(row.getString("alerts")),
                        row.getInt("surge"),
                        row.getString("fallback_model")),
                row.getLong("created"));
    }

    private static Scope.Kind kind(String text) {
        return Stream.of(Scope.Kind.values())
                .filter(each -> each.text().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("budgets.scope_kind: " + text));
    }

    private static Period.Unit unit(String text) {
        return Stream.of(Period.Unit.values())
                .filter(each -> each.text().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("budgets.period: " + text));
    }

    private static List<Integer> percents(String text) {
        return Arrays.stream(text.split(","))
                .filter(each -> !each.isEmpty())
                .map(Integer::valueOf)
                .toList();
    }

    private static String percents(List<Integer> percents) {
        return percents.stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    /** A budget's accounts by their start; those before {@code from} left out. */
    NavigableMap<Long, Row> accounts(long budget, long from) {
        return database.write(
                handle -> handle
                        .createQuery("SELECT * FROM accounts WHERE budget = ? AND period_start >= ?")
                        .bind(0, budget)
                        .bind(1, from)
                        .map((row, _) -> row(row))
                        .stream()
                        .collect(Collectors.toMap(Row::start, row -> row, (one, _) -> one, TreeMap::new)),
                _ -> {});
    }

    private static Row row(ResultSet row) throws SQLException {
        return new Row(
                row.getLong("period_start"),
                row.getLong("amount"),
                row.getLong("spent"),
                row.getLong("overrun"),
                row.getInt("told"));
    }

    /** Tells that a journal begins, at its first segment. */
    void begin(int journal, Known known) {
        database.<Integer>write(
                handle -> handle.execute("""
                        INSERT INTO journals (node, journal, position, sequence, latest) VALUES (?, ?, ?, ?, ?)
                        ON CONFLICT (node, journal) DO UPDATE SET
                          position = excluded.position, sequence = excluded.sequence, latest = excluded.latest
                        """, node, journal, known.position(), known.sequence(), known.latestMillis()),
                _ -> {});
    }

    /**
     * Writes a batch. It may be tried again after a failure, also when that failure came after the commit: then nothing
     * is written twice.
     *
     * @throws Outdated when budgets were changed since it was reckoned
     */
    void write(Batch batch) {
        database.<Map<AccountKey, Row>>write(
                handle -> {
                    if (whileUnchanged(handle) != batch.changes) {
                        throw new Outdated();
                    }
                    if (!moved(handle, batch)) {
                        return after(handle, batch);
                    }
                    try {
                        ENTRIES.write(handle.getConnection(), batch.entries, shared, Store::bind);
                        rollups(handle, batch);
                        spending(handle, batch);
                        holds(handle, batch);
                    } catch (SQLException e) {
                        throw new IllegalStateException(e.getMessage(), e);
                    }
                    for (Alert each : batch.alerted) {
                        // Another process may have told it.
                        int rows = handle.execute(
                                "UPDATE accounts SET told = ? WHERE budget = ? AND period_start = ? AND told < ?",
                                each.percent(),
                                each.budget().number(),
                                each.startMillis(),
                                each.percent());
                        if (rows > 0) {
                            Alerts.add(handle, each);
                        }
                    }
                    batch.overruns.forEach(each -> Alerts.add(handle, each));
                    return after(handle, batch);
                },
                after -> batch.after = after);
    }

    private static Map<AccountKey, Row> after(Handle handle, Batch batch) {
        Map<AccountKey, Row> after = new HashMap<>();
        if (batch.spending.isEmpty()) {
            return after;
        }
        try (PreparedStatement find = handle.getConnection().prepareStatement(FIND_ACCOUNT)) {
            for (AccountKey each : batch.spending.keySet()) {
                find.setLong(1, each.budget());
                find.setLong(2, each.start());
                try (ResultSet found = find.executeQuery()) {
                    if (found.next()) {
                        after.put(each, row(found));
                    }
                }
            }
            return after;
        } catch (SQLException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** Moves the positions; false when they were moved by this very batch before. */
    private boolean moved(Handle handle, Batch batch) {
        for (Map.Entry<Integer, Moved> each : batch.moved.entrySet()) {
            Moved moved = each.getValue();
            int rows = handle.execute(
                    "UPDATE journals SET position = ?, sequence = ?, latest = ? WHERE node = ? AND journal = ? AND position = ?",
                    moved.to(),
                    moved.sequence(),
                    moved.latestMillis(),
                    node,
                    each.getKey(),
                    moved.from());
            if (rows == 0) {
                long found = handle.createQuery("SELECT position FROM journals WHERE node = ? AND journal = ?")
                        .bind(0, node)
                        .bind(1, each.getKey())
                        .mapTo(Long.class)
                        .one();
                if (found == moved.to()) {
                    return false;
                }
                throw new IllegalStateException("journals: journal " + each.getKey() + " is read up to " + found
                        + " (expected: " + moved.from() + "); another process writes this database");
            }
        }
        return true;
    }

    // One text that the database refuses would hold up all books behind it: what upstreams and clients wrote is made
    // storable.

    private static int bind(PreparedStatement row, int from, Entry entry) throws SQLException {
        OpenHold hold = entry.hold();
        Bill bill = entry.bill();
        int at = from;
        row.setLong(at++, hold.atMillis);
        text(row, at++, hold.callId);
        row.setInt(at++, hold.attempt);
        text(row, at++, entry.kind().text);
        at = payer(row, at, hold.payer);
        text(row, at++, hold.payer.tag());
        text(row, at++, hold.provider);
        text(row, at++, hold.model);
        text(row, at++, hold.upstreamModel);
        text(row, at++, bill.endpoint());
        row.setInt(at++, bill.status());
        text(row, at++, bill.outcome());
        row.setLong(at++, bill.startedMillis());
        row.setLong(at++, bill.durationMillis());
        row.setLong(at++, hold.grantedNanos);
        row.setLong(at++, bill.costNanos());
        row.setLong(at++, entry.overrunNanos());
        row.setInt(at++, bill.estimated() ? 1 : 0);
        text(row, at++, bill.usage().tier());
        for (long count : Counts.of(bill.usage())) {
            row.setLong(at++, count);
        }
        return at;
    }

    /** Clients and upstreams wrote some of these, and one that the database refuses would hold up all books behind it. */
    private static void text(PreparedStatement row, int at, String text) throws SQLException {
        row.setString(at, Storable.of(text));
    }

    private static int payer(PreparedStatement row, int from, Payer payer) throws SQLException {
        int at = from;
        text(row, at++, payer.organization());
        text(row, at++, payer.project());
        text(row, at++, payer.key());
        text(row, at++, payer.endUser());
        return at;
    }

    private void rollups(Handle handle, Batch batch) throws SQLException {
        add(handle, ROLLUPS, batch.rollups, true);
        add(handle, HOURS, coarse(batch.rollups, Batch.HOUR_MILLIS, false), false);
        add(handle, DAYS, coarse(batch.rollups, Batch.DAY_MILLIS, false), false);
        add(handle, USER_DAYS, coarse(batch.rollups, Batch.DAY_MILLIS, true), true);
    }

    /** The same by a longer time, with end users and tags or without. */
    private static Map<RollupKey, Rollup> coarse(Map<RollupKey, Rollup> rollups, long millis, boolean users) {
        Map<RollupKey, Rollup> coarse = new TreeMap<>(RollupKey.ORDER);
        rollups.forEach((key, sums) -> coarse.computeIfAbsent(
                        new RollupKey(
                                Math.floorDiv(key.hour(), millis) * millis,
                                key.organization(),
                                key.project(),
                                key.key(),
                                users ? key.endUser() : "",
                                key.model(),
                                key.provider(),
                                users ? key.tag() : ""),
                        _ -> new Rollup())
                .add(sums));
        return coarse;
    }

    private void add(Handle handle, Rows table, Map<RollupKey, Rollup> rollups, boolean fine) throws SQLException {
        table.write(handle.getConnection(), rollups.entrySet(), shared, (row, from, each) -> {
            RollupKey key = each.getKey();
            Rollup sums = each.getValue();
            int at = from;
            row.setLong(at++, key.hour());
            row.setString(at++, key.organization());
            row.setString(at++, key.project());
            row.setString(at++, key.key());
            if (fine) {
                row.setString(at++, key.endUser());
            }
            row.setString(at++, key.model());
            row.setString(at++, key.provider());
            if (fine) {
                row.setString(at++, key.tag());
            }
            row.setLong(at++, sums.calls);
            row.setLong(at++, sums.estimated);
            row.setLong(at++, sums.cost);
            row.setLong(at++, sums.overrun);
            for (long count : sums.counts) {
                row.setLong(at++, count);
            }
            return at;
        });
    }

    private void spending(Handle handle, Batch batch) throws SQLException {
        if (batch.spending.isEmpty()) {
            return;
        }
        try (PreparedStatement row = handle.getConnection().prepareStatement(ADD_SPENDING)) {
            for (Map.Entry<AccountKey, Spending> each : batch.spending.entrySet()) {
                row.setLong(1, each.getKey().budget());
                row.setLong(2, each.getKey().start());
                // A row that comes late has the amount of its time: a change has left it at the row behind it.
                row.setLong(3, each.getKey().budget());
                row.setLong(4, each.getKey().start());
                row.setLong(5, each.getValue().amount);
                row.setLong(6, each.getValue().spent);
                row.setLong(7, each.getValue().overrun);
                row.addBatch();
            }
            row.executeBatch();
        }
        if (!shared) {
            return;
        }
        try (PreparedStatement row = handle.getConnection().prepareStatement(ADD_LEASED)) {
            for (Map.Entry<AccountKey, Spending> each : batch.spending.entrySet()) {
                row.setLong(1, each.getKey().budget());
                row.setLong(2, each.getKey().start());
                row.setLong(3, node);
                row.setLong(4, each.getValue().spent);
                row.setLong(5, each.getValue().overrun);
                row.addBatch();
            }
            row.executeBatch();
        }
    }

    /** What of an account is this process's own. */
    Opening.Own own(long budget, Row account) {
        return shared
                ? database.write(
                        handle -> handle.createQuery("SELECT granted, spent, overrun FROM leases"
                                        + " WHERE budget = ? AND period_start = ? AND node = ?")
                                .bind(0, budget)
                                .bind(1, account.start())
                                .bind(2, node)
                                .map((row, _) -> new Opening.Own(row.getLong(1), row.getLong(2), row.getLong(3)))
                                .findOne()
                                .orElse(Opening.Own.NOTHING),
                        _ -> {})
                : new Opening.Own(account.amount(), account.spent(), account.overrun());
    }

    /**
     * Takes part again: gives back what the last process of this folder had leased and neither spent nor left in holds.
     *
     * @param held what holds are left of, by account
     * @param place where this process runs, for people
     */
    void rejoin(Map<AccountKey, Long> held, String place) {
        if (!shared) {
            return;
        }
        database.<Integer>write(
                handle -> {
                    handle.execute(
                            "UPDATE nodes SET joined = fence, place = ?, heard = " + NOW + " WHERE id = ?",
                            place,
                            node);
                    List<AccountKey> unspent = handle.createQuery(
                                    "SELECT budget, period_start FROM leases WHERE node = ? AND (granted > spent OR wish > 0)")
                            .bind(0, node)
                            .map((row, _) -> new AccountKey(row.getLong(1), row.getLong(2)))
                            .list();
                    for (AccountKey each : unspent) {
                        handle.execute(
                                "UPDATE leases SET granted = least(granted, spent + ?), wish = 0"
                                        + " WHERE budget = ? AND period_start = ? AND node = ?",
                                held.getOrDefault(each, 0L),
                                each.budget(),
                                each.start(),
                                node);
                    }
                    return unspent.size();
                },
                _ -> {});
    }

    /** The processes that share the database, by number: those that run, or have something leased, or were fenced. */
    List<Node> nodes() {
        if (!shared) {
            return List.of();
        }
        return database.<List<Node>>read(handle -> {
                    Map<Long, List<Node.Lease>> leases = new HashMap<>();
                    handle.createQuery("SELECT l.node, l.budget, l.period_start, l.granted, l.spent FROM leases l"
                                    + " JOIN budgets b ON b.id = l.budget AND b.closed IS NULL"
                                    + " WHERE l.granted > l.spent ORDER BY l.budget, l.period_start")
                            .map((row, _) -> Map.entry(
                                    row.getLong(1),
                                    new Node.Lease(row.getLong(2), row.getLong(3), row.getLong(4), row.getLong(5))))
                            .forEach(each -> leases.computeIfAbsent(each.getKey(), _ -> new ArrayList<>())
                                    .add(each.getValue()));
                    long now = handle.createQuery("SELECT " + NOW)
                            .mapTo(Long.class)
                            .one();
                    return handle
                            .createQuery("SELECT * FROM nodes ORDER BY id")
                            .map((row, _) -> node(row, now, leases.getOrDefault(row.getLong("id"), List.of())))
                            .stream()
                            .filter(each -> each.state() != Node.State.STOPPED
                                    || !each.leases().isEmpty())
                            .toList();
                })
                .join();
    }

    private static Node node(ResultSet row, long now, List<Node.Lease> leases) throws SQLException {
        long heard = row.getLong("heard");
        Node.State state;
        if (row.getLong("fence") > row.getLong("joined")) {
            state = Node.State.FENCED;
        } else if (heard == 0) {
            state = Node.State.STOPPED;
        } else {
            state = heard > now - Leases.LIVE.toMillis() ? Node.State.RUNNING : Node.State.SILENT;
        }
        return new Node(row.getLong("id"), row.getString("place"), row.getLong("created"), heard, state, leases);
    }

    /**
     * Takes from a process what it has leased and not spent. What it books from then on is an overrun, until it has started
     * anew.
     *
     * @param force also where it runs
     */
    Node.Fenced fence(long number, boolean force, Witness witness) {
        if (!shared) {
            return new Node.Fenced.Unknown();
        }
        return database.<Node.Fenced>write(
                handle -> {
                    changeAlone(handle);
                    // Its own rounds wait here: then they find that it is fenced.
                    Node before = handle.createQuery(
                                    "SELECT nodes.*, " + NOW + " AS present FROM nodes WHERE id = ? FOR NO KEY UPDATE")
                            .bind(0, number)
                            .map((row, _) -> node(row, row.getLong("present"), List.of()))
                            .findOne()
                            .orElse(null);
                    if (before == null) {
                        return new Node.Fenced.Unknown();
                    }
                    if (before.state() == Node.State.RUNNING && !force) {
                        return new Node.Fenced.Runs(before);
                    }
                    long nanos = handle.createQuery(
                                    "SELECT CAST(coalesce(sum(granted - spent), 0) AS BIGINT) FROM leases"
                                            + " WHERE node = ? AND granted > spent")
                            .bind(0, number)
                            .mapTo(Long.class)
                            .one();
                    handle.execute(
                            "UPDATE leases SET granted = least(granted, spent), wish = 0 WHERE node = ?", number);
                    long fence = handle.createQuery("UPDATE nodes SET fence = fence + 1 WHERE id = ? RETURNING fence")
                            .bind(0, number)
                            .mapTo(Long.class)
                            .one();
                    Node after = new Node(
                            number,
                            before.place(),
                            before.createdMillis(),
                            before.heardMillis(),
                            Node.State.FENCED,
                            List.of());
                    witness.saw(handle, after.id(), Node.json(fence - 1, nanos), Node.json(fence, 0));
                    return new Node.Fenced.Done(after, nanos);
                },
                _ -> {});
    }

    /** Tells that this process has stopped. */
    void stopped() {
        database.<Integer>write(handle -> handle.execute("UPDATE nodes SET heard = 0 WHERE id = ?", node), _ -> {});
    }

    /** A shared account as the database has it. */
    private record Shared(
            AccountKey key,
            long amount,
            long spent,
            long overrun,
            Opening.Own own,
            long elsewhere,
            long lost,
            long wished,
            long wishedBefore) {
        static Shared of(ResultSet row) throws SQLException {
            return new Shared(
                    new AccountKey(row.getLong("budget"), row.getLong("period_start")),
                    row.getLong("amount"),
                    row.getLong("spent"),
                    row.getLong("overrun"),
                    new Opening.Own(row.getLong("own_granted"), row.getLong("own_spent"), row.getLong("own_overrun")),
                    row.getLong("elsewhere"),
                    row.getLong("lost"),
                    row.getLong("wished"),
                    row.getLong("wished_before"));
        }

        /** What is spent or leased of it, when so much is leased here. */
        long committed(long granted) {
            return spent - own.spent() + Math.max(granted, own.spent()) + elsewhere + lost;
        }

        Answer answer(Chain chain, int at, long granted) {
            return new Answer(
                    granted,
                    chain.whole(at),
                    spent,
                    overrun,
                    own.spent(),
                    own.overrun(),
                    elsewhere,
                    lost,
                    chain.left(at) < 0);
        }
    }

    private List<Shared> shares(Handle handle, String where, Map<String, Long> values, long live) {
        return handle.createQuery(SHARES + where + SHARES_EACH)
                .bind("node", node)
                .bind("live", live)
                .bindMap(values)
                .map((row, _) -> Shared.of(row))
                .list();
    }

    /** The periods of a budget: of one that carries over all, else the one. */
    private List<Shared> shares(Handle handle, Budget budget, long start, long live) {
        return shares(
                handle,
                "a.budget = :budget AND (a.period_start = :start OR :all = 1)",
                Map.of("budget", budget.number(), "start", start, "all", budget.carryOver() ? 1L : 0L),
                live);
    }

    private static Chain chain(Budget budget, List<Shared> periods, AccountKey key, long granted) {
        return new Chain(
                budget,
                periods.stream()
                        .map(each -> new Chain.Link(
                                each.key.start(),
                                each.amount,
                                each.committed(each.key.equals(key) ? granted : each.own.granted())))
                        .toList());
    }

    private static int find(List<Shared> periods, AccountKey key) {
        for (int i = 0; i < periods.size(); i++) {
            if (periods.get(i).key.equals(key)) {
                return i;
            }
        }
        throw new IllegalStateException("accounts: " + key + " is not there");
    }

    /** Tells that this process runs, and writes what it has leased, and gets more where there is more. */
    Round lease(List<Wished> wishes) {
        return database.write(
                handle -> {
                    // Keeps an operator from taking the leases away meanwhile.
                    Boolean[] fenced = new Boolean[1];
                    long now = handle.createQuery(
                                    "UPDATE nodes SET heard = " + NOW + " WHERE id = ? RETURNING heard, fence > joined")
                            .bind(0, node)
                            .map((row, _) -> {
                                fenced[0] = row.getBoolean(2);
                                return row.getLong(1);
                            })
                            .one();
                    if (fenced[0]) {
                        return new Round(true, Map.of(), Map.of());
                    }
                    long live = now - Leases.LIVE.toMillis();
                    int nodes = wishes.isEmpty()
                            ? 1
                            : handle.createQuery("SELECT count(*) FROM nodes WHERE heard > ?")
                                    .bind(0, live)
                                    .mapTo(Integer.class)
                                    .one();
                    Map<AccountKey, Answer> answers = new HashMap<>();
                    for (Wished each : wishes) {
                        lease(handle, each, live, nodes, answers);
                    }
                    return new Round(false, hungry(handle, live), answers);
                },
                _ -> {});
    }

    private Map<AccountKey, Long> hungry(Handle handle, long live) {
        Map<AccountKey, Long> hungry = new HashMap<>();
        handle.createQuery("SELECT l.budget, l.period_start, min(l.node) FROM leases l JOIN nodes n ON n.id = l.node"
                        + " WHERE l.wish > 0 AND l.node <> ? AND n.heard > ? GROUP BY l.budget, l.period_start")
                .bind(0, node)
                .bind(1, live)
                .map((row, _) -> Map.entry(new AccountKey(row.getLong(1), row.getLong(2)), row.getLong(3)))
                .forEach(each -> hungry.put(each.getKey(), each.getValue()));
        return hungry;
    }

    private void lease(Handle handle, Wished wished, long live, int nodes, Map<AccountKey, Answer> answers) {
        AccountKey key = wished.key();
        // One after the other: nobody may lease of the budget in between.
        Budget budget = handle.createQuery("SELECT * FROM budgets WHERE id = ? AND closed IS NULL FOR NO KEY UPDATE")
                .bind(0, key.budget())
                .map((row, _) -> budget(row))
                .findOne()
                .orElse(null);
        if (budget == null) {
            return;
        }
        handle.execute(
                ADD_ACCOUNT,
                key.budget(),
                key.start(),
                key.budget(),
                key.start(),
                budget.terms().amountNanos());
        List<Shared> periods = shares(handle, budget, key.start(), live);
        int at = find(periods, key);
        Shared now = periods.get(at);
        Chain before = chain(budget, periods, key, wished.granted());
        long available = before.available(at);
        // What is spent already costs nothing to lease.
        long debt = Math.max(0, now.own.spent() - wished.granted());
        long must = Math.min(wished.must(), available - now.wishedBefore);
        long slice = nodes > 1 ? available / (2L * nodes) : available;
        long ahead = Math.min(wished.more(), Math.min(available - now.wished, slice));
        long more = Math.min(wished.more(), debt + Math.max(0, Math.max(must, ahead)));
        long granted = wished.granted() + more;
        handle.execute(ADD_LEASE, key.budget(), key.start(), node, granted, Math.max(0, wished.hungry() - more));
        answers.put(key, now.answer(chain(budget, periods, key, granted), at, granted));
    }

    /** How the current accounts of budgets stand, as far as they have rows. */
    Map<AccountKey, Answer> standings(Map<Long, AccountKey> current, List<Budget> budgets) {
        return database.<Map<AccountKey, Answer>>read(handle -> {
                    long live = handle.createQuery("SELECT " + NOW)
                                    .mapTo(Long.class)
                                    .one()
                            - Leases.LIVE.toMillis();
                    Map<AccountKey, Answer> all = new HashMap<>();
                    List<Shared> newest = shares(
                            handle,
                            "a.period_start = (SELECT max(b.period_start) FROM accounts b WHERE b.budget = a.budget)"
                                    + " AND a.budget IN (SELECT id FROM budgets WHERE closed IS NULL)",
                            Map.of(),
                            live);
                    Map<AccountKey, Shared> found = new HashMap<>();
                    newest.forEach(each -> found.put(each.key, each));
                    for (Budget each : budgets) {
                        AccountKey key = current.get(each.number());
                        if (key == null) {
                            continue;
                        }
                        Shared row = found.get(key);
                        if (row != null && !each.carryOver()) {
                            all.put(key, row.answer(chain(each, List.of(row), key, row.own.granted()), 0, 0));
                        } else if (each.carryOver()) {
                            List<Shared> periods = withCurrent(shares(handle, each, key.start(), live), each, key);
                            int at = find(periods, key);
                            Shared own = periods.get(at);
                            all.put(key, own.answer(chain(each, periods, key, own.own.granted()), at, 0));
                        }
                    }
                    return all;
                })
                .join();
    }

    private static List<Shared> withCurrent(List<Shared> periods, Budget budget, AccountKey key) {
        if (periods.stream().anyMatch(each -> each.key.equals(key))) {
            return periods;
        }
        List<Shared> all = new ArrayList<>(periods);
        all.add(new Shared(key, budget.terms().amountNanos(), 0, 0, Opening.Own.NOTHING, 0, 0, 0, 0));
        all.sort(Comparator.comparing(Shared::key, AccountKey.ORDER));
        return all;
    }

    private static void awaited(PreparedStatement row, int from, @Nullable Awaited awaited) throws SQLException {
        int at = from;
        row.setString(at++, awaited == null ? null : awaited.kind().text());
        row.setString(at++, awaited == null ? null : awaited.id());
        row.setString(at++, awaited == null ? null : awaited.endpoint());
        row.setString(at++, awaited == null ? null : awaited.tier());
        row.setObject(at++, awaited == null ? null : awaited.input(), Types.BIGINT);
        row.setObject(at++, awaited == null ? null : awaited.output(), Types.BIGINT);
        row.setObject(at, awaited == null ? null : awaited.untilMillis(), Types.BIGINT);
    }

    private void holds(Handle handle, Batch batch) throws SQLException {
        if (!batch.stored.isEmpty()) {
            try (PreparedStatement row = handle.getConnection().prepareStatement(STORE_HOLD)) {
                for (OpenHold each : batch.stored) {
                    row.setLong(1, node);
                    row.setInt(2, each.journal);
                    row.setLong(3, each.position);
                    row.setLong(4, each.atMillis);
                    text(row, 5, each.callId);
                    row.setInt(6, each.attempt);
                    int at = payer(row, 7, each.payer);
                    text(row, at++, each.payer.tag());
                    text(row, at++, each.provider);
                    text(row, at++, each.model);
                    text(row, at++, each.upstreamModel);
                    row.setLong(at++, each.storedNanos);
                    awaited(row, at, each.awaited);
                    row.addBatch();
                }
                row.executeBatch();
            }
        }
        if (!batch.ended.isEmpty()) {
            try (PreparedStatement row = handle.getConnection()
                    .prepareStatement("DELETE FROM open_holds WHERE node = ? AND journal = ? AND position = ?")) {
                for (OpenHold each : batch.ended) {
                    row.setLong(1, node);
                    row.setInt(2, each.journal);
                    row.setLong(3, each.position);
                    row.addBatch();
                }
                row.executeBatch();
            }
        }
    }

    /** Makes a budget and its first account, with what the books have for it. */
    Row create(Budget budget, long start, long end, Witness witness) {
        return database.write(
                handle -> {
                    changeAlone(handle);
                    handle.execute(
                            """
                            INSERT INTO budgets (id, scope_kind, scope_id, amount, period, zone, hard, carry_over, alerts,
                              surge, fallback_model, created)
                            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                            """,
                            budget.number(),
                            budget.scope().kind().text(),
                            budget.scope().id(),
                            budget.terms().amountNanos(),
                            budget.period().unit().text(),
                            budget.period().zone().getId(),
                            budget.terms().hard() ? 1 : 0,
                            budget.carryOver() ? 1 : 0,
                            percents(budget.terms().alertPercents()),
                            budget.terms().surgePercent(),
                            budget.terms().fallbackModel(),
                            budget.createdMillis());
                    long[] sums = sums(handle, budget.scope(), start, end);
                    handle.execute(
                            "INSERT INTO accounts (budget, period_start, amount, spent, overrun, told)"
                                    + " VALUES (?, ?, ?, ?, ?, 0)",
                            budget.number(),
                            start,
                            budget.terms().amountNanos(),
                            sums[0],
                            sums[1]);
                    witness.saw(handle, budget.id(), null, budget.json().toString());
                    return new Row(start, budget.terms().amountNanos(), sums[0], sums[1], 0);
                },
                _ -> {});
    }

    /** Cost and overrun of a scope in a span of time: full hours from the rollups, the rest from the entries. */
    private static long[] sums(Handle handle, Scope scope, long start, long end) {
        long from = Math.max(start, 0);
        long to = Math.min(end, LATEST);
        long firstHour = Math.ceilDiv(from, Batch.HOUR_MILLIS) * Batch.HOUR_MILLIS;
        long lastHour = Math.floorDiv(to, Batch.HOUR_MILLIS) * Batch.HOUR_MILLIS;
        if (firstHour >= lastHour) {
            return sum(handle, "entries", "taken", scope, from, to);
        }
        long[] hours = sum(handle, "rollups", "hour", scope, firstHour, lastHour);
        long[] before = sum(handle, "entries", "taken", scope, from, firstHour);
        long[] after = sum(handle, "entries", "taken", scope, lastHour, to);
        return new long[] {
            Math.addExact(hours[0], Math.addExact(before[0], after[0])),
            Math.addExact(hours[1], Math.addExact(before[1], after[1]))
        };
    }

    private static long[] sum(Handle handle, String table, String time, Scope scope, long from, long to) {
        if (from >= to) {
            return new long[2];
        }
        Query query = handle.createQuery("SELECT coalesce(sum(cost), 0), coalesce(sum(overrun), 0) FROM " + table
                        + " WHERE " + where(scope) + " AND " + time + " >= :from AND " + time + " < :to")
                .bind("from", from)
                .bind("to", to);
        return bound(query, scope)
                .map((row, _) -> new long[] {row.getLong(1), row.getLong(2)})
                .one();
    }

    private static String where(Scope scope) {
        return switch (scope.kind()) {
            case ORGANIZATION -> "organization = :id";
            case PROJECT -> "project = :id";
            case KEY -> "key_id = :id";
            case END_USER -> "project = :project AND end_user = :id";
            case MODEL -> "model = :id";
            case PROVIDER -> "provider = :id";
        };
    }

    private static Query bound(Query query, Scope scope) {
        int slash = scope.id().indexOf('/');
        return scope.kind() == Scope.Kind.END_USER
                ? query.bind("id", scope.id().substring(slash + 1))
                        .bind("project", scope.id().substring(0, slash))
                : query.bind("id", scope.id());
    }

    /**
     * Gives a budget other terms from the current period on.
     *
     * @param start of the current period
     * @param previous the start of the one before; what is carried over from there goes by the amount of then
     */
    void change(Budget before, Budget budget, long start, long previous, Witness witness) {
        database.<Integer>write(
                handle -> {
                    changeAlone(handle);
                    handle.execute(
                            "INSERT INTO accounts (budget, period_start, amount, spent, overrun, told)"
                                    + " VALUES (?, ?, ?, 0, 0, 0) ON CONFLICT (budget, period_start) DO NOTHING",
                            budget.number(),
                            previous,
                            before.terms().amountNanos());
                    handle.execute(
                            "INSERT INTO accounts (budget, period_start, amount, spent, overrun, told)"
                                    + " VALUES (?, ?, ?, 0, 0, 0) ON CONFLICT (budget, period_start)"
                                    + " DO UPDATE SET amount = excluded.amount",
                            budget.number(),
                            start,
                            budget.terms().amountNanos());
                    int rows = handle.execute(
                            "UPDATE budgets SET amount = ?, hard = ?, alerts = ?, surge = ?, fallback_model = ? WHERE id = ?",
                            budget.terms().amountNanos(),
                            budget.terms().hard() ? 1 : 0,
                            percents(budget.terms().alertPercents()),
                            budget.terms().surgePercent(),
                            budget.terms().fallbackModel(),
                            budget.number());
                    witness.saw(
                            handle,
                            budget.id(),
                            before.json().toString(),
                            budget.json().toString());
                    return rows;
                },
                _ -> {});
    }

    void close(Budget budget, long nowMillis, Witness witness) {
        database.<Integer>write(
                handle -> {
                    changeAlone(handle);
                    int rows = handle.execute("UPDATE budgets SET closed = ? WHERE id = ?", nowMillis, budget.number());
                    witness.saw(handle, budget.id(), budget.json().toString(), null);
                    return rows;
                },
                _ -> {});
    }

    /** What a scope's calls of an hour cost, in nano-dollars. */
    long hour(Scope scope, long hour) {
        return database.<Long>read(handle -> sum(handle, "rollups", "hour", scope, hour, hour + Batch.HOUR_MILLIS)[0])
                .join();
    }

    /** The first hour in which a scope was booked, milliseconds since 1970; {@link Long#MAX_VALUE} for none. */
    long firstHour(Scope scope) {
        return database.<Long>read(handle -> bound(
                                handle.createQuery(
                                        "SELECT hour FROM rollups WHERE " + where(scope) + " ORDER BY hour LIMIT 1"),
                                scope)
                        .mapTo(Long.class)
                        .findOne()
                        .orElse(Long.MAX_VALUE))
                .join();
    }

    /** Writes an alert that is not there yet. */
    void alert(Alert alert) {
        boolean _ = database.write(handle -> Alerts.add(handle, alert), _ -> {});
    }
}
