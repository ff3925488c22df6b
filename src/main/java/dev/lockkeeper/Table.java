package dev.lockkeeper;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Lines of cells under one another, as wide as the widest: how commands show lists. */
final class Table {
    private final List<List<String>> rows = new ArrayList<>();

    Table(List<String> columns) {
        rows.add(List.copyOf(columns));
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
