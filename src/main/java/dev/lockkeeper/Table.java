package dev.lockkeeper;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** How commands show what the admin API answers. */
final class Table {
    private Table() {}

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
