package dev.lockkeeper.simulator;

import dev.lockkeeper.http.QueryString;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A request's query, decoded. */
final class Query {
    private static final int LIMIT = 20;
    private static final int MOST = 100;

    private final Map<String, List<String>> values;

    private Query(Map<String, List<String>> values) {
        this.values = values;
    }

    static Query of(@Nullable String written) {
        return new Query(QueryString.parameters(written));
    }

    @Nullable String get(String name) {
        List<String> all = values.get(name);
        return all == null ? null : all.getFirst();
    }

    /** What stands in brackets behind a name, with its value: {@code metadata[k]=v}. */
    Map<String, String> under(String name) {
        Map<String, String> under = new LinkedHashMap<>();
        values.forEach((key, each) -> {
            if (key.startsWith(name + "[") && key.endsWith("]")) {
                under.put(key.substring(name.length() + 1, key.length() - 1), each.getFirst());
            }
        });
        return under;
    }

    int limit() throws Refused {
        String text = get("limit");
        if (text == null) {
            return LIMIT;
        }
        try {
            int limit = Integer.parseInt(text);
            if (limit >= 1 && limit <= MOST) {
                return limit;
            }
        } catch (NumberFormatException notOne) {
            // Told below, like one out of range.
        }
        throw Refused.badRequest(
                "limit", "invalid_value", "Invalid 'limit': expected a whole number from 1 to " + MOST + ".");
    }
}
