package dev.lockkeeper.admin;

import dev.lockkeeper.access.Project;
import dev.lockkeeper.ledger.Span;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.ledger.Statements.By;
import dev.lockkeeper.ledger.Statements.Line;
import dev.lockkeeper.ledger.Statements.Unusual;
import dev.lockkeeper.ledger.Statements.UnusualSum;
import dev.lockkeeper.ledger.Sums;
import java.time.Instant;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a project used in a month, and what it is charged. In each table the amounts add up to the total, exactly.
 *
 * @param days one for each day of the month, in order
 * @param models the dearest first
 * @param keys the dearest first
 * @param total of all
 * @param charged what the total is charged, in nano-dollars
 * @param unusualSums overruns and recovered entries, added up
 * @param unusual the newest of them
 * @param made when this was read
 */
record Statement(
        Project project,
        String organization,
        Markup markup,
        YearMonth month,
        ZoneId zone,
        List<Row> days,
        List<Row> models,
        List<Row> keys,
        Sums total,
        long charged,
        List<UnusualSum> unusualSums,
        List<Unusual> unusual,
        Instant made) {
    /** Overruns and recovered entries that are shown one by one. */
    static final int MOST_UNUSUAL = 20;

    /**
     * A line of a table.
     *
     * @param id what it is of, in the books
     * @param name the same for people
     * @param charged in nano-dollars
     */
    record Row(String id, String name, Sums sums, long charged) {}

    Statement {
        days = List.copyOf(days);
        models = List.copyOf(models);
        keys = List.copyOf(keys);
        unusualSums = List.copyOf(unusualSums);
        unusual = List.copyOf(unusual);
    }

    /**
     * Reads it; blocks.
     *
     * @param organization its name
     * @param keyNames by id
     */
    static Statement of(
            Statements statements,
            Project project,
            String organization,
            Markup markup,
            Map<String, String> keyNames,
            YearMonth month,
            ZoneId zone,
            Instant now) {
        Span span = Span.of(month, zone);
        List<Line> lines = statements.usage(span, List.of(By.DAY, By.MODEL, By.KEY), Map.of(By.PROJECT, project.id()));
        Map<String, Sums> days = new TreeMap<>();
        for (int day = 1; day <= month.lengthOfMonth(); day++) {
            days.put(month.atDay(day).toString(), Sums.NONE);
        }
        Map<String, Sums> models = new TreeMap<>();
        Map<String, Sums> keys = new TreeMap<>();
        Sums total = Sums.NONE;
        for (Line each : lines) {
            days.merge(each.of(By.DAY), each.sums(), Sums::plus);
            models.merge(each.of(By.MODEL), each.sums(), Sums::plus);
            keys.merge(each.of(By.KEY), each.sums(), Sums::plus);
            total = total.plus(each.sums());
        }
        return new Statement(
                project,
                organization,
                markup,
                month,
                zone,
                rows(days, Map.of(), markup, false),
                rows(models, Map.of(), markup, true),
                rows(keys, keyNames, markup, true),
                total,
                markup.charged(total.costNanos()),
                statements.unusualSums(span, null, null, project.id()),
                statements.unusual(span, null, null, project.id(), MOST_UNUSUAL),
                now);
    }

    private static List<Row> rows(
            Map<String, Sums> sums, Map<String, String> names, Markup markup, boolean dearestFirst) {
        List<Map.Entry<String, Sums>> sorted = new ArrayList<>(sums.entrySet());
        if (dearestFirst) {
            sorted.sort(Comparator.comparingLong(
                            (Map.Entry<String, Sums> each) -> each.getValue().costNanos())
                    .reversed());
        }
        long[] charged = markup.charged(
                sorted.stream().mapToLong(each -> each.getValue().costNanos()).toArray());
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < charged.length; i++) {
            String id = sorted.get(i).getKey();
            rows.add(new Row(id, names.getOrDefault(id, id), sorted.get(i).getValue(), charged[i]));
        }
        return rows;
    }

    /** How many overruns or recovered entries there are. */
    long entries(String kind) {
        return unusualSums.stream()
                .filter(each -> each.kind().equals(kind))
                .mapToLong(UnusualSum::entries)
                .sum();
    }
}
