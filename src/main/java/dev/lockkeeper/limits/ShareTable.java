package dev.lockkeeper.limits;

import dev.lockkeeper.limits.Subject.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/** The tables of shares: which nodes there are, and what each has of which limit. Times are the database's. */
final class ShareTable {
    /** Rows are locked in this order, by all nodes. */
    static final Comparator<DayBook.Row> ORDER = Comparator.comparing(
                    (DayBook.Row row) -> row.kind().word())
            .thenComparing(DayBook.Row::id)
            .thenComparing(row -> row.measure().word());

    private static final String KEYS = "kind, subject, measure";

    private ShareTable() {}

    /**
     * What a node has of a limit.
     *
     * @param live whether that node lives: the others' shares are over
     */
    record Share(long node, boolean live, long size, long rate, SharedPart.Demand demand) {}

    /**
     * What no node has of a limit.
     *
     * @param whole what all have together
     * @param tokens what is left in the part that no node has; below 0 where more was used than there was
     * @param filled when that was
     */
    record Pot(long whole, double tokens, long filled) {}

    static long now(Handle handle) {
        return handle.createQuery("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
                .mapTo(Long.class)
                .one();
    }

    static long newNode(Handle handle, long now) {
        return handle.createUpdate("INSERT INTO limit_nodes (heard) VALUES (?)")
                .bind(0, now)
                .executeAndReturnGeneratedKeys("id")
                .mapTo(Long.class)
                .one();
    }

    /** Says that a node lives; false where the others have taken it for dead. Its row is locked until the commit. */
    static boolean heard(Handle handle, long node, long now) {
        return handle.createUpdate("UPDATE limit_nodes SET heard = ? WHERE id = ? AND heard > 0")
                        .bind(0, now)
                        .bind(1, node)
                        .execute()
                == 1;
    }

    /** Takes a node for dead, whose process is. */
    static void bury(Handle handle, long node) {
        handle.createUpdate("UPDATE limit_nodes SET heard = 0 WHERE id = ?")
                .bind(0, node)
                .execute();
    }

    /** Takes nodes for dead that were not heard for some time; they can't come back as the same. */
    static void buryBefore(Handle handle, long time) {
        handle.createUpdate("UPDATE limit_nodes SET heard = 0 WHERE id IN"
                        // Who is locked says just now that it lives.
                        + " (SELECT id FROM limit_nodes WHERE heard > 0 AND heard < ? FOR UPDATE SKIP LOCKED)")
                .bind(0, time)
                .execute();
    }

    static int living(Handle handle) {
        return handle.createQuery("SELECT count(*) FROM limit_nodes WHERE heard > 0")
                .mapTo(Integer.class)
                .one();
    }

    /** The shares of all limits of which a node has one. */
    static Map<DayBook.Row, List<Share>> beside(Handle handle, long node) {
        return shares(
                handle.createQuery("SELECT s.kind, s.subject, s.measure, s.node, s.size, s.rate, s.least, s.wants,"
                                + " s.wants_rate, n.heard FROM limit_shares m JOIN limit_shares s"
                                + " USING (kind, subject, measure) LEFT JOIN limit_nodes n ON n.id = s.node"
                                + " WHERE m.node = ? ORDER BY s.node")
                        .bind(0, node));
    }

    /** Limits of which dead nodes have shares. */
    static List<DayBook.Row> left(Handle handle, int most) {
        return handle
                .createQuery("SELECT DISTINCT s.kind, s.subject, s.measure FROM limit_shares s"
                        + " JOIN limit_nodes n ON n.id = s.node WHERE n.heard = 0 LIMIT " + most)
                .map((row, _) -> row(row.getString("kind"), row.getString("subject"), row.getString("measure")))
                .stream()
                .flatMap(java.util.stream.Stream::ofNullable)
                .toList();
    }

    /** Forgets dead nodes without shares, and limits that are whole again. */
    static void tidy(Handle handle, long now) {
        handle.execute("DELETE FROM limit_nodes WHERE heard = 0"
                + " AND NOT EXISTS (SELECT 1 FROM limit_shares s WHERE s.node = limit_nodes.id)");
        // Those that any node has a share of are never whole.
        handle.execute("DELETE FROM limit_pots WHERE whole_at < ?", now);
    }

    /** Locks what no node has of some limits, making it where it is new: then it is the whole. */
    static SequencedMap<DayBook.Row, Pot> lock(Handle handle, SequencedMap<DayBook.Row, Long> wholes, long now) {
        PreparedBatch made = handle.prepareBatch("INSERT INTO limit_pots (" + KEYS
                + ", whole, tokens, filled, whole_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
        wholes.forEach((row, whole) -> made.add(
                row.kind().word(), row.id(), row.measure().word(), whole, (double) whole, now, Long.MAX_VALUE));
        made.execute();
        SequencedMap<DayBook.Row, Pot> pots = new TreeMap<>(ORDER);
        keyed(
                        handle,
                        "SELECT p.kind, p.subject, p.measure, p.whole, p.tokens, p.filled FROM limit_pots p JOIN",
                        " ORDER BY p.kind COLLATE \"C\", p.subject COLLATE \"C\", p.measure COLLATE \"C\" FOR UPDATE OF p",
                        wholes.sequencedKeySet())
                .map((row, _) -> pots.put(
                        known(row.getString("kind"), row.getString("subject"), row.getString("measure")),
                        new Pot(row.getLong("whole"), row.getDouble("tokens"), row.getLong("filled"))))
                .list();
        return pots;
    }

    /** The shares of some limits. */
    static Map<DayBook.Row, List<Share>> of(Handle handle, Iterable<DayBook.Row> rows) {
        return shares(keyed(
                handle,
                "SELECT p.kind, p.subject, p.measure, p.node, p.size, p.rate, p.least, p.wants, p.wants_rate, n.heard"
                        + " FROM limit_shares p LEFT JOIN limit_nodes n ON n.id = p.node JOIN",
                " ORDER BY p.node",
                rows));
    }

    private static Query keyed(Handle handle, String select, String end, Iterable<DayBook.Row> rows) {
        List<String> values = new ArrayList<>();
        StringBuilder sql = new StringBuilder(select).append(" (VALUES ");
        for (DayBook.Row each : rows) {
            sql.append(values.isEmpty() ? "(?, ?, ?)" : ", (?, ?, ?)");
            values.add(each.kind().word());
            values.add(each.id());
            values.add(each.measure().word());
        }
        Query query = handle.createQuery(sql.append(") AS w (" + KEYS + ") USING (" + KEYS + ")")
                .append(end)
                .toString());
        for (int i = 0; i < values.size(); i++) {
            query.bind(i, values.get(i));
        }
        return query;
    }

    private static Map<DayBook.Row, List<Share>> shares(Query query) {
        Map<DayBook.Row, List<Share>> shares = new HashMap<>();
        query.map((row, _) -> {
                    DayBook.Row of = row(row.getString("kind"), row.getString("subject"), row.getString("measure"));
                    if (of != null) {
                        shares.computeIfAbsent(of, _ -> new ArrayList<>())
                                .add(new Share(
                                        row.getLong("node"),
                                        row.getLong("heard") > 0,
                                        row.getLong("size"),
                                        row.getLong("rate"),
                                        new SharedPart.Demand(
                                                row.getLong("least"),
                                                row.getLong("wants"),
                                                row.getLong("wants_rate"))));
                    }
                    return 0;
                })
                .list();
        return shares;
    }

    /** Null for what only a newer program knows. */
    private static DayBook.@Nullable Row row(String kind, String subject, String measure) {
        Kind ofKind = Kind.of(kind);
        Measure ofMeasure = Measure.of(measure);
        return ofKind == null || ofMeasure == null ? null : new DayBook.Row(ofKind, subject, ofMeasure);
    }

    private static DayBook.Row known(String kind, String subject, String measure) {
        DayBook.Row row = row(kind, subject, measure);
        if (row == null) {
            throw new IllegalStateException(kind + " " + measure + " was asked for and is not known");
        }
        return row;
    }

    /** What is to be written of one limit. */
    record Written(
            DayBook.Row row,
            Pot pot,
            long wholeAt,
            @Nullable Share mine,
            List<Long> gone) {}

    static void write(Handle handle, long node, List<Written> all) {
        PreparedBatch pots = handle.prepareBatch("UPDATE limit_pots SET whole = ?, tokens = ?, filled = ?, whole_at = ?"
                + " WHERE kind = ? AND subject = ? AND measure = ?");
        PreparedBatch shares = handle.prepareBatch("INSERT INTO limit_shares (" + KEYS
                + ", node, size, rate, least, wants, wants_rate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                + " ON CONFLICT (" + KEYS + ", node) DO UPDATE SET size = excluded.size, rate = excluded.rate,"
                + " least = excluded.least, wants = excluded.wants, wants_rate = excluded.wants_rate");
        PreparedBatch gone = handle.prepareBatch(
                "DELETE FROM limit_shares WHERE kind = ? AND subject = ? AND measure = ? AND node = ?");
        for (Written each : all) {
            String kind = each.row.kind().word();
            String measure = each.row.measure().word();
            pots.add(each.pot.whole, each.pot.tokens, each.pot.filled, each.wholeAt, kind, each.row.id(), measure);
            Share mine = each.mine;
            if (mine != null) {
                shares.add(
                        kind,
                        each.row.id(),
                        measure,
                        node,
                        mine.size,
                        mine.rate,
                        mine.demand.least(),
                        mine.demand.wants(),
                        mine.demand.rate());
            }
            each.gone.forEach(dead -> gone.add(kind, each.row.id(), measure, dead));
        }
        for (PreparedBatch each : List.of(pots, shares, gone)) {
            if (each.size() > 0) {
                each.execute();
            }
        }
    }

    /**
     * A day's limit in the database.
     *
     * @param used what was used of it, slices that are handed out included
     */
    record Day(long day, long used) {}

    /** Locks what was used of a day, of some limits, making rows where they are new. */
    static SequencedMap<DayBook.Row, Day> lockDays(Handle handle, Iterable<DayBook.Row> rows, long today) {
        PreparedBatch made = handle.prepareBatch(
                "INSERT INTO limit_days (" + KEYS + ", day, used) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO NOTHING");
        rows.forEach(row -> made.add(row.kind().word(), row.id(), row.measure().word(), today));
        made.execute();
        SequencedMap<DayBook.Row, Day> days = new TreeMap<>(ORDER);
        keyed(
                        handle,
                        "SELECT p.kind, p.subject, p.measure, p.day, p.used FROM limit_days p JOIN",
                        " ORDER BY p.kind COLLATE \"C\", p.subject COLLATE \"C\", p.measure COLLATE \"C\" FOR UPDATE OF p",
                        rows)
                .map((row, _) -> days.put(
                        known(row.getString("kind"), row.getString("subject"), row.getString("measure")),
                        new Day(row.getLong("day"), row.getLong("used"))))
                .list();
        return days;
    }

    static void writeDays(Handle handle, Map<DayBook.Row, Day> days) {
        PreparedBatch batch = handle.prepareBatch(
                "UPDATE limit_days SET day = ?, used = ? WHERE kind = ? AND subject = ? AND measure = ?");
        days.forEach((row, day) -> batch.add(
                day.day, day.used, row.kind().word(), row.id(), row.measure().word()));
        if (batch.size() > 0) {
            batch.execute();
        }
    }

    /** How often limits were changed. */
    static long changes(Handle handle) {
        return handle.createQuery("SELECT n FROM limit_changes WHERE id = 1")
                .mapTo(Long.class)
                .one();
    }
}
