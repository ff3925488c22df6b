package dev.lockkeeper.http;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads a request's query. Any thread. */
public final class QueryString {
    /** Parameters that are read; further ones are left out. */
    public static final int MAX_PARAMETERS = 256;

    private QueryString() {}

    /**
     * The parameters in the order in which each name came first, decoded; a name without {@code =} has an empty value.
     *
     * @param written what follows the question mark, or null
     */
    public static Map<String, List<String>> parameters(@Nullable String written) {
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        if (written != null && !written.isEmpty()) {
            String[] pairs = written.split("&", MAX_PARAMETERS + 1);
            for (String pair : pairs.length > MAX_PARAMETERS ? Arrays.copyOf(pairs, MAX_PARAMETERS) : pairs) {
                int equals = pair.indexOf('=');
                String name = decode(equals < 0 ? pair : pair.substring(0, equals));
                parameters
                        .computeIfAbsent(name, _ -> new ArrayList<>())
                        .add(equals < 0 ? "" : decode(pair.substring(equals + 1)));
            }
        }
        return parameters;
    }

    /** The parameters where each may stand but once: of a repeated one, the last value. The map is the caller's to change. */
    public static Map<String, String> lastValues(@Nullable String written) {
        Map<String, String> last = new LinkedHashMap<>();
        parameters(written).forEach((name, values) -> last.put(name, values.getLast()));
        return last;
    }

    /** A name or a value without its percent-encoding; as it is where that is broken. */
    public static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notEncoded) {
            return text;
        }
    }
}
