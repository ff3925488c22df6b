package dev.lockkeeper;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** Lines of cells under one another, as wide as the widest: how commands show lists. */
final class Table {
    private final List<List<String>> rows = new ArrayList<>();

    Table(List<String> columns) {
        rows.add(List.copyOf(columns));
    }

    /** A column of a table of things: its heading, and what stands in it of each. */
    record Column(String heading, Function<JsonNode, String> cell) {
        /** Of a member, {@code -} where there is none. */
        static Column of(String heading, String member) {
            return new Column(heading, each -> text(each.path(member)));
        }

        /** Of a moment, to the second. */
        static Column time(String heading, String member) {
            return new Column(heading, each -> Table.time(each.path(member)));
        }

        /** Of a list, divided by commas. */
        static Column list(String heading, String member, String whenEmpty) {
            return new Column(heading, each -> Table.list(each.path(member), whenEmpty));
        }
    }

    /** A row for each of some things. */
    static Table of(JsonNode things, Column... columns) {
        Table table = new Table(Stream.of(columns).map(Column::heading).toList());
        for (JsonNode each : things) {
            table.add(
                    Stream.of(columns).map(column -> column.cell().apply(each)).toList());
        }
        return table;
    }

    void add(List<String> cells) {
        rows.add(List.copyOf(cells));
    }

    void print(PrintWriter out) {
        int columns = rows.getFirst().size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                String cell = row.get(i);
                line.append(cell).append(" ".repeat(widths[i] - cell.length() + 2));
            }
            out.println(line.toString().stripTrailing());
        }
    }

    /** A text; {@code -} for none. */
    static String text(JsonNode value) {
        return value.isMissingNode() || value.isNull() || value.asString().isEmpty() ? "-" : value.asString();
    }

    /** A moment to the second; {@code -} for none. */
    static String time(JsonNode time) {
        return time.isString()
                ? Instant.parse(time.asString()).truncatedTo(ChronoUnit.SECONDS).toString()
                : "-";
    }

    /** A list's texts, divided by commas. */
    static String list(JsonNode list, String whenEmpty) {
        List<String> texts = new ArrayList<>();
        list.forEach(each -> texts.add(each.asString()));
        return texts.isEmpty() ? whenEmpty : String.join(",", texts);
    }
}
