package dev.lockkeeper.admin;

import dev.lockkeeper.units.Money;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A provider's invoice: what it bills by day and model. It is read from CSV (RFC 4180; divided by commas, semicolons or
 * tabs) whose first line names the columns. Capitals don't matter, and what is no letter or digit is a low line.
 *
 * <ul>
 *   <li>the day, required: {@code date}, {@code day}, {@code usage_date}, {@code start_date}, {@code start_time} or
 *       {@code timestamp}; a day, a time with its distance to UTC, or seconds since 1970
 *   <li>the model, required: {@code model}, {@code model_name}, {@code snapshot_id} or {@code line_item}
 *   <li>the cost, required: {@code cost}, {@code amount}, {@code amount_value}, {@code cost_usd}, {@code amount_usd} or
 *       {@code total}; dollars, at most nine decimals count; a credit is below zero
 *   <li>tokens: {@code input_tokens}, {@code prompt_tokens} or {@code n_context_tokens_total}, cached ones included;
 *       {@code output_tokens}, {@code completion_tokens} or {@code n_generated_tokens_total}; or {@code tokens} or
 *       {@code total_tokens}
 *   <li>{@code currency} or {@code amount_currency}: must say USD
 * </ul>
 *
 * Other columns are not looked at. Lines of the same day and model are added up.
 *
 * @param lines by day and model, in that order
 */
public record Invoice(List<Line> lines) {
    /** Lines of a file, at most. */
    static final int MAX_LINES = 200_000;

    private static final List<String> DAY =
            List.of("date", "day", "usage_date", "start_date", "start_time", "timestamp");
    private static final List<String> MODEL = List.of("model", "model_name", "snapshot_id", "line_item");
    private static final List<String> COST =
            List.of("cost", "amount", "amount_value", "cost_usd", "amount_usd", "total");
    private static final List<String> INPUT = List.of("input_tokens", "prompt_tokens", "n_context_tokens_total");
    private static final List<String> OUTPUT =
            List.of("output_tokens", "completion_tokens", "n_generated_tokens_total");
    private static final List<String> TOKENS = List.of("tokens", "total_tokens");
    private static final List<String> CURRENCY = List.of("currency", "amount_currency");

    /**
     * What is billed for a model on a day.
     *
     * @param costNanos nano-dollars; below 0 for a credit
     * @param tokens of prompts and answers; null where the file tells none
     */
    public record Line(
            LocalDate day,
            String model,
            long costNanos,
            @Nullable Long tokens) {}

    public Invoice {
        lines = List.copyOf(lines);
    }

    /**
     * Reads one.
     *
     * @param month that all its lines must be of
     * @param zone whose clocks the provider's days go by, where lines tell times
     * @throws IllegalArgumentException what is wrong in it, with line and column
     */
    public static Invoice read(String csv, YearMonth month, ZoneId zone) {
        Cells cells = new Cells(csv.startsWith("\uFEFF") ? csv.substring(1) : csv);
        List<String> header = cells.next();
        if (header == null) {
            throw new IllegalArgumentException(
                    "csv: is empty (expected: a line that names the columns, then one for each" + " day and model)");
        }
        List<String> names = header.stream().map(Invoice::name).toList();
        int day = column(names, DAY, "the day", true);
        int model = column(names, MODEL, "the model", true);
        int cost = column(names, COST, "the cost", true);
        int input = column(names, INPUT, "tokens of prompts", false);
        int output = column(names, OUTPUT, "generated tokens", false);
        int tokens = column(names, TOKENS, "tokens", false);
        int currency = column(names, CURRENCY, "the currency", false);
        Map<LocalDate, Map<String, Line>> lines = new TreeMap<>();
        int read = 0;
        for (List<String> row = cells.next(); row != null; row = cells.next()) {
            if (row.size() == 1 && row.getFirst().isBlank()) {
                continue;
            }
            if (++read > MAX_LINES) {
                throw new IllegalArgumentException(
                        "csv: more than " + MAX_LINES + " lines (expected: at most that many)");
            }
            Row one = new Row(cells.line, header, row);
            if (row.size() != header.size()) {
                throw new IllegalArgumentException("csv: line " + cells.line + " has " + row.size()
                        + " columns (expected: " + header.size() + ", as the first line)");
            }
            if (currency >= 0 && !row.get(currency).strip().equalsIgnoreCase("usd")) {
                throw one.mistake(currency, "USD");
            }
            LocalDate on = day(one, day, zone);
            if (!YearMonth.from(on).equals(month)) {
                throw one.mistake(day, "a day of " + month);
            }
            Long all = null;
            if (input >= 0 || output >= 0) {
                all = Math.addExact(count(one, input), count(one, output));
            } else if (tokens >= 0) {
                all = count(one, tokens);
            }
            String of = row.get(model).strip();
            if (of.isEmpty()) {
                throw one.mistake(model, "the name of a model");
            }
            lines.computeIfAbsent(on, _ -> new TreeMap<>())
                    .merge(of, new Line(on, of, nanos(one, cost), all), Invoice::sum);
        }
        return new Invoice(
                lines.values().stream().flatMap(each -> each.values().stream()).toList());
    }

    private static Line sum(Line one, Line other) {
        return new Line(
                one.day,
                one.model,
                Math.addExact(one.costNanos, other.costNanos),
                one.tokens == null || other.tokens == null ? null : (Long) Math.addExact(one.tokens, other.tokens));
    }

    /** The same as CSV again, a line for each day and model: {@link #read} reads it back. */
    public String csv() {
        boolean tokens = lines.stream().allMatch(each -> each.tokens != null);
        StringBuilder csv = new StringBuilder(tokens ? "date,model,cost,tokens\n" : "date,model,cost\n");
        for (Line each : lines) {
            csv.append(each.day)
                    .append(",\"")
                    .append(each.model.replace("\"", "\"\""))
                    .append("\",")
                    .append(new Money(each.costNanos).toString().replace("$", ""));
            if (tokens) {
                csv.append(',').append(each.tokens);
            }
            csv.append('\n');
        }
        return csv.toString();
    }

    private static String name(String written) {
        return written.strip().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_");
    }

    private static int column(List<String> names, List<String> accepted, String what, boolean required) {
        for (String each : accepted) {
            int at = names.indexOf(each);
            if (at >= 0) {
                return at;
            }
        }
        if (required) {
            throw new IllegalArgumentException("csv: line 1 names no column of " + what + " (expected: one of "
                    + String.join(", ", accepted) + "; found: " + String.join(", ", names) + ")");
        }
        return -1;
    }

    private static LocalDate day(Row row, int column, ZoneId zone) {
        String written = row.cells.get(column).strip();
        try {
            if (written.matches("\\d{9,10}")) {
                return LocalDate.ofInstant(Instant.ofEpochSecond(Long.parseLong(written)), zone);
            }
            return written.length() > 10
                    ? OffsetDateTime.parse(written.replaceFirst(" ", "T"))
                            .atZoneSameInstant(zone)
                            .toLocalDate()
                    : LocalDate.parse(written);
        } catch (DateTimeException e) {
            throw row.mistake(
                    column, "a day such as 2026-11-01, a time such as 2026-11-01T00:00:00Z, or seconds since 1970");
        }
    }

    private static long nanos(Row row, int column) {
        String written = row.cells.get(column).strip().replaceFirst("^(-?)\\$", "$1");
        if (!written.matches("-?\\d{1,12}(\\.\\d{1,30})?([eE]-?\\d{1,2})?")) {
            throw row.mistake(column, "dollars such as 12.50, without thousands apart");
        }
        try {
            return new BigDecimal(written)
                    .setScale(9, RoundingMode.HALF_UP)
                    .movePointRight(9)
                    .longValueExact();
        } catch (ArithmeticException e) {
            throw row.mistake(column, "at most " + new Money(Long.MAX_VALUE));
        }
    }

    private static long count(Row row, int column) {
        if (column < 0) {
            return 0;
        }
        String written = row.cells.get(column).strip();
        if (written.isEmpty()) {
            return 0;
        }
        if (!written.matches("\\d{1,15}")) {
            throw row.mistake(column, "a whole number of tokens");
        }
        return Long.parseLong(written);
    }

    /** A line of the file. */
    private record Row(int line, List<String> header, List<String> cells) {
        IllegalArgumentException mistake(int column, String expected) {
            return new IllegalArgumentException("csv: line " + line + ", column "
                    + header.get(column).strip() + ": '" + cells.get(column) + "' (expected: " + expected + ")");
        }
    }

    /** Reads cells, line by line. */
    private static final class Cells {
        private final String csv;
        private final char divider;
        private int at;
        private int lines = 1;

        /** Where the row began that was read last; from 1. */
        private int line;

        Cells(String csv) {
            this.csv = csv;
            String first = csv.lines().findFirst().orElse("");
            this.divider = first.contains(",") ? ',' : first.contains(";") ? ';' : first.contains("\t") ? '\t' : ',';
        }

        @Nullable List<String> next() {
            if (at >= csv.length()) {
                return null;
            }
            line = lines;
            List<String> cells = new ArrayList<>();
            StringBuilder cell = new StringBuilder();
            boolean quoted = false;
            while (at < csv.length()) {
                char c = csv.charAt(at++);
                if (c == '\n') {
                    lines++;
                }
                if (quoted) {
                    if (c != '"') {
                        cell.append(c);
                    } else if (at < csv.length() && csv.charAt(at) == '"') {
                        cell.append('"');
                        at++;
                    } else {
                        quoted = false;
                    }
                } else if (c == '"' && cell.isEmpty()) {
                    quoted = true;
                } else if (c == divider) {
                    cells.add(cell.toString());
                    cell.setLength(0);
                } else if (c == '\n') {
                    break;
                } else if (c != '\r') {
                    cell.append(c);
                }
            }
            if (quoted) {
                throw new IllegalArgumentException(
                        "csv: line " + line + " has a quotation mark that is not closed (expected: two of them)");
            }
            cells.add(cell.toString());
            return cells;
        }
    }
}
