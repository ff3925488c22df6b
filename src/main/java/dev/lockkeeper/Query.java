package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What stands behind a question mark. */
final class Query {
    private final Map<String, String> values = new LinkedHashMap<>();

    /** With one more parameter; null: it is left out. */
    Query put(String name, @Nullable String value) {
        if (value != null) {
            values.put(name, value);
        }
        return this;
    }

    /** The whole, behind a path. */
    String behind(String path) {
        List<String> parts = new ArrayList<>();
        values.forEach((name, value) -> parts.add(name + "=" + Desk.escaped(value)));
        return parts.isEmpty() ? path : path + "?" + String.join("&", parts);
    }
}
