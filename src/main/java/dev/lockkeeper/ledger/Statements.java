package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/**
 * What the books say of the past. It only reads; all methods block, on any thread that may.
 *
 * <p>Sums come from hours that were added up as calls ended. An hour, which is one of UTC, belongs to the span and the day
 * in which it begins: where clocks are off by a part of an hour, the hour around midnight is not cut.
 */
public final class Statements {
    /** Lines of an answer at most; where there would be more, that is refused. */
    public static final int MAX_LINES = 20_000;

    private static final long DAY_MILLIS = 86_400_000;
    private static final int FIXED = 4;
    private static final String SUMS = Stream.concat(
                    Stream.of("calls", "estimated", "cost", "overrun"), Arrays.stream(Counts.COLUMNS))
            .map(each -> "CAST(sum(" + each + ") AS BIGINT)")
            .collect(Collectors.joining(", "));
    private static final String ENTRY_SUMS = Stream.concat(
                    Stream.of("count(*)", "CAST(sum(estimated) AS BIGINT)"),
                    Stream.concat(Stream.of("cost", "overrun"), Arrays.stream(Counts.COLUMNS))
                            .map(each -> "CAST(sum(" + each + ") AS BIGINT)"))
            .collect(Collectors.joining(", "));
    private static final String PROMPT = Arrays.stream(Counts.COLUMNS)
            .filter(each -> each.endsWith("_input") && !each.startsWith("hosted"))
            .collect(Collectors.joining(" + "));

    private final Database database;

    /** @param database where the ledger's tables are */
    public Statements(Database database) {
        this.database = database;
    }

    /** What usage is told by. */
    public enum By {
        ORGANIZATION("organization"),
        PROJECT("project"),
        KEY("key_id"),
        /** The name that its project gives a user: two projects may mean different people by the same. */
        END_USER("end_user"),
        /** The name that clients ask for. */
        MODEL("model"),
        PROVIDER("provider"),
        TAG("tag"),
        /** As {@code 2026-11-21}, by the clocks of the span's zone. */
        DAY("");

        private final String column;

        By(String column) {
            this.column = column;
        }

        /** Its name for people and programs. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * What those come to that have the same of each.
     *
     * @param group what they have in common
     */
    public record Line(Map<By, String> group, Sums sums) {
        public Line {
            group = java.util.Collections.unmodifiableMap(
                    group.isEmpty() ? new EnumMap<>(By.class) : new EnumMap<>(group));
        }

        /** One of what they have in common. */
        public String of(By by) {
            return java.util.Objects.requireNonNull(group.get(by), by::word);
        }
    }

    /**
     * Sums by any groups.
     *
     * @param by the groups; none: one line of all
     * @param only what lines must have; not by day
     * @return in the order of the groups; no line where nothing was used
     * @throws IllegalArgumentException when there are more than {@link #MAX_LINES}
     */
    public List<Line> usage(Span span, List<By> by, Map<By, String> only) {
        Map<List<String>, Sums> found = new LinkedHashMap<>();
        for (Part part : parts(span, by, only)) {
            read(handle -> {
                for (Part each : part.table == Table.USER_DAYS ? complete(handle, part, only) : List.of(part)) {
                    collect(handle, each, by, only, found);
                }
                return found.size();
            });
        }
        return found.entrySet().stream()
                .map(each -> {
                    Map<By, String> group = new EnumMap<>(By.class);
                    for (int i = 0; i < by.size(); i++) {
                        group.put(by.get(i), each.getKey().get(i));
                    }
                    return new Line(group, each.getValue());
                })
                .sorted((one, other) -> compare(by, one, other))
                .toList();
    }

    /** The tables that hold sums, from the finest to the one with the fewest rows. */
    private enum Table {
        ROLLUPS("rollups", "hour"),
        USER_DAYS("rollup_user_days", "day"),
        HOURS("rollup_hours", "hour"),
        DAYS("rollup_days", "day");

        final String table;
        final String time;

        Table(String table, String time) {
            this.table = table;
            this.time = time;
        }
    }

    /** What is read of one table. */
    private record Part(Table table, Span span) {}

    /** Whole days of UTC from days, the rest from hours: with the fewest rows that tell what is asked for. */
    private static List<Part> parts(Span span, List<By> by, Map<By, String> only) {
        boolean fine = Stream.concat(by.stream(), only.keySet().stream())
                .anyMatch(each -> each == By.END_USER || each == By.TAG);
        List<Part> parts = new ArrayList<>();
        for (Span each : span.steady()) {
            long firstDay = Math.ceilDiv(each.fromMillis(), DAY_MILLIS) * DAY_MILLIS;
            long lastDay = Math.floorDiv(each.toMillis(), DAY_MILLIS) * DAY_MILLIS;
            boolean days = firstDay < lastDay && (!by.contains(By.DAY) || each.offsetMillis() == 0);
            Table hours = fine ? Table.ROLLUPS : Table.HOURS;
            if (days) {
                parts.add(new Part(hours, new Span(each.fromMillis(), firstDay, span.zone())));
                parts.add(new Part(fine ? Table.USER_DAYS : Table.DAYS, new Span(firstDay, lastDay, span.zone())));
                parts.add(new Part(hours, new Span(lastDay, each.toMillis(), span.zone())));
            } else {
                parts.add(new Part(hours, each));
            }
        }
        parts.removeIf(each -> each.span.fromMillis() == each.span.toMillis());
        return parts;
    }

    /**
     * What of days by end user and tag can be read of them. A program of an older version beside this one, or before it,
     * adds to the other sums only: where they have other calls than a day here, its hours are read.
     */
    private static List<Part> complete(Handle handle, Part days, Map<By, String> only) {
        Map<By, String> coarse = new EnumMap<>(By.class);
        only.forEach((each, value) -> {
            if (each != By.END_USER && each != By.TAG) {
                coarse.put(each, value);
            }
        });
        Map<Long, Long> here = calls(handle, days, coarse);
        Map<Long, Long> all = calls(handle, new Part(Table.DAYS, days.span), coarse);
        List<Part> parts = new ArrayList<>();
        long from = days.span.fromMillis();
        for (long day = from; day < days.span.toMillis(); day += DAY_MILLIS) {
            if (!Objects.equals(here.get(day), all.get(day))) {
                parts.add(new Part(days.table, new Span(from, day, days.span.zone())));
                parts.add(new Part(Table.ROLLUPS, new Span(day, day + DAY_MILLIS, days.span.zone())));
                from = day + DAY_MILLIS;
            }
        }
        parts.add(new Part(days.table, new Span(from, days.span.toMillis(), days.span.zone())));
        parts.removeIf(each -> each.span.fromMillis() == each.span.toMillis());
        return parts;
    }

    private static Map<Long, Long> calls(Handle handle, Part days, Map<By, String> only) {
        Query query = handle.createQuery("SELECT day, CAST(sum(calls) AS BIGINT) FROM " + days.table.table
                        + " WHERE day >= :from AND day < :to" + conditions(only) + " GROUP BY day")
                .bind("from", days.span.fromMillis())
                .bind("to", days.span.toMillis());
        only.forEach((each, value) -> query.bind(each.word(), value));
        Map<Long, Long> calls = new HashMap<>();
        query.map((row, _) -> Map.entry(row.getLong(1), row.getLong(2)))
                .forEach(each -> calls.put(each.getKey(), each.getValue()));
        return calls;
    }

    private static String conditions(Map<By, String> only) {
        return only.keySet().stream()
                .map(each -> " AND " + each.column + " = :" + each.word())
                .collect(Collectors.joining());
    }

    private static int compare(List<By> by, Line one, Line other) {
        for (By each : by) {
            int order = one.of(each).compareTo(other.of(each));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    private static void collect(
            Handle handle, Part part, List<By> by, Map<By, String> only, Map<List<String>, Sums> found) {
        String time = part.table.time;
        String day = "((" + time + " + " + part.span.offsetMillis() + ") / " + DAY_MILLIS + ")";
        List<String> columns =
                by.stream().map(each -> each == By.DAY ? day : each.column).toList();
        StringBuilder sql = new StringBuilder("SELECT ");
        columns.forEach(each -> sql.append(each).append(", "));
        sql.append(SUMS).append(" FROM " + part.table.table + " WHERE " + time + " >= :from AND " + time + " < :to");
        sql.append(conditions(only));
        if (!columns.isEmpty()) {
            sql.append(" GROUP BY ")
                    .append(IntStream.rangeClosed(1, columns.size())
                            .mapToObj(String::valueOf)
                            .collect(Collectors.joining(", ")));
        }
        Query query = handle.createQuery(sql.append(" HAVING count(*) > 0 LIMIT ")
                        .append(MAX_LINES + 1)
                        .toString())
                .bind("from", part.span.fromMillis())
                .bind("to", part.span.toMillis());
        only.forEach((each, value) -> query.bind(each.word(), value));
        query.map((row, _) -> {
                    List<String> key = new ArrayList<>();
                    for (int i = 0; i < by.size(); i++) {
                        key.add(
                                by.get(i) == By.DAY
                                        ? LocalDate.ofEpochDay(row.getLong(i + 1))
                                                .toString()
                                        : row.getString(i + 1));
                    }
                    return Map.entry(key, sums(row, by.size()));
                })
                .forEach(each -> found.merge(each.getKey(), each.getValue(), Sums::plus));
        if (found.size() > MAX_LINES) {
            throw new IllegalArgumentException(
                    "by: " + by.stream().map(By::word).collect(Collectors.joining(",")) + " gives more than "
                            + MAX_LINES + " lines (expected: fewer groups, filters, or a shorter span)");
        }
    }

    private static Sums sums(ResultSet row, int before) throws SQLException {
        long[] values = new long[FIXED + Counts.COLUMNS.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = row.getLong(before + i + 1);
        }
        return Sums.of(values);
    }

    /**
     * What a provider was paid for on one day, as far as calls are alike.
     *
     * @param day of the span's zone in which the money was set aside
     * @param model the name that clients asked for
     * @param upstreamModel what the provider calls it
     * @param tier the tariff that the answers reported; empty when unknown
     * @param kind {@code settled}, {@code overrun} or {@code recovered}
     * @param estimated whether the upstream told nothing that could be relied on
     * @param nearMidnight whether they began or ended close to the day's beginning or end
     * @param longPrompts whether their prompts had more tokens than was asked for
     */
    public record Paid(
            LocalDate day,
            String provider,
            String model,
            String upstreamModel,
            String tier,
            String kind,
            boolean estimated,
            boolean nearMidnight,
            boolean longPrompts,
            Sums sums) {}

    /**
     * What was booked, entry by entry, added up by what prices and invoices go by. It reads each entry of the span.
     *
     * @param provider null: all
     * @param model as clients ask for it; null: all
     * @param nearMillis how close to midnight counts as near
     * @param longOver prompts of more tokens are long
     */
    public List<Paid> paid(
            Span span, @Nullable String provider, @Nullable String model, long nearMillis, long longOver) {
        List<Paid> all = new ArrayList<>();
        for (Span day : span.days()) {
            // A day at a time: each read stays far below the time that one may take.
            all.addAll(read(handle -> paidOn(handle, day, provider, model, nearMillis, longOver)));
        }
        return all;
    }

    private static List<Paid> paidOn(
            Handle handle, Span day, @Nullable String provider, @Nullable String model, long near, long longOver) {
        Query query = handle.createQuery("SELECT provider, model, upstream_model, tier, kind, estimated,"
                        + " CASE WHEN taken < :first OR started + millis >= :last THEN 1 ELSE 0 END,"
                        + " CASE WHEN " + PROMPT + " > :over THEN 1 ELSE 0 END, " + ENTRY_SUMS
                        + " FROM entries WHERE taken >= :from AND taken < :to"
                        + (provider == null ? "" : " AND provider = :provider")
                        + (model == null ? "" : " AND model = :model")
                        + " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8")
                .bind("first", day.fromMillis() + near)
                .bind("last", day.toMillis() - near)
                .bind("over", longOver)
                .bind("from", day.fromMillis())
                .bind("to", day.toMillis());
        if (provider != null) {
            query.bind("provider", provider);
        }
        if (model != null) {
            query.bind("model", model);
        }
        return query.map((row, _) -> new Paid(
                        day.day(day.fromMillis()),
                        row.getString(1),
                        row.getString(2),
                        row.getString(3),
                        row.getString(4),
                        row.getString(5),
                        row.getInt(6) != 0,
                        row.getInt(7) != 0,
                        row.getInt(8) != 0,
                        sums(row, 8)))
                .list();
    }

    /**
     * An entry that wants to be looked at: an overrun, or one that a process left when it was killed.
     *
     * @param atMillis when its money was set aside
     * @param kind {@code overrun} or {@code recovered}
     * @param heldNanos what was set aside
     * @param overrunNanos of the cost, what neither the hold nor a hard budget could pay
     */
    public record Unusual(
            long atMillis,
            String callId,
            int attempt,
            String kind,
            String organization,
            String project,
            String key,
            String provider,
            String model,
            String upstreamModel,
            long heldNanos,
            long costNanos,
            long overrunNanos) {}

    /**
     * Overruns and recovered entries of a span, the newest first.
     *
     * @param kind {@code overrun} or {@code recovered}; null: both
     * @param provider null: all
     * @param project null: all
     * @param most how many at most
     */
    public List<Unusual> unusual(
            Span span, @Nullable String kind, @Nullable String provider, @Nullable String project, int most) {
        return read(handle -> {
            Query query = filtered(
                    handle,
                    "SELECT taken, call_id, attempt, kind, organization, project, key_id, provider, model, upstream_model,"
                            + " held, cost, overrun",
                    " ORDER BY taken DESC, id DESC LIMIT " + most,
                    span,
                    kind,
                    provider,
                    project);
            return query.map((row, _) -> new Unusual(
                            row.getLong(1),
                            row.getString(2),
                            row.getInt(3),
                            row.getString(4),
                            row.getString(5),
                            row.getString(6),
                            row.getString(7),
                            row.getString(8),
                            row.getString(9),
                            row.getString(10),
                            row.getLong(11),
                            row.getLong(12),
                            row.getLong(13)))
                    .list();
        });
    }

    /**
     * What unusual entries of a provider come to.
     *
     * @param overrunNanos of the cost, what neither holds nor hard budgets could pay
     */
    public record UnusualSum(String provider, String kind, long entries, long costNanos, long overrunNanos) {}

    /** Overruns and recovered entries of a span added up, by provider and kind; the parameters as of {@link #unusual}. */
    public List<UnusualSum> unusualSums(
            Span span, @Nullable String kind, @Nullable String provider, @Nullable String project) {
        return read(handle -> filtered(
                        handle,
                        "SELECT provider, kind, count(*), CAST(sum(cost) AS BIGINT), CAST(sum(overrun) AS BIGINT)",
                        " GROUP BY provider, kind ORDER BY provider, kind",
                        span,
                        kind,
                        provider,
                        project)
                .map((row, _) -> new UnusualSum(
                        row.getString(1), row.getString(2), row.getLong(3), row.getLong(4), row.getLong(5)))
                .list());
    }

    private static Query filtered(
            Handle handle,
            String select,
            String end,
            Span span,
            @Nullable String kind,
            @Nullable String provider,
            @Nullable String project) {
        Query query = handle.createQuery(select
                        + " FROM entries WHERE kind <> 'settled' AND taken >= :from AND taken < :to"
                        + (kind == null ? "" : " AND kind = :kind")
                        + (provider == null ? "" : " AND provider = :provider")
                        + (project == null ? "" : " AND project = :project")
                        + end)
                .bind("from", span.fromMillis())
                .bind("to", span.toMillis());
        if (kind != null) {
            query.bind("kind", kind);
        }
        if (provider != null) {
            query.bind("provider", provider);
        }
        if (project != null) {
            query.bind("project", project);
        }
        return query;
    }

    private <T> T read(Database.Work<T> work) {
        try {
            return database.read(work).join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }
}
