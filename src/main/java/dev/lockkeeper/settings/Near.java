package dev.lockkeeper.settings;

import dev.lockkeeper.dialect.openai.Nearest;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds what was probably meant by a name that nobody knows. */
final class Near {
    /** Of fewer letters than this, nearly every name is a neighbour. */
    private static final int MIN_LENGTH = 3;

    private Near() {}

    /** The nearest of the known names, null if none is near. {@code baseUrl} and {@code base_url} are {@code base-url}. */
    static @Nullable String to(String asked, Collection<String> known) {
        String wanted = plain(asked);
        if (wanted.length() < MIN_LENGTH) {
            return null;
        }
        Map<String, String> names = new LinkedHashMap<>();
        known.forEach(name -> names.putIfAbsent(plain(name), name));
        for (Map.Entry<String, String> name : names.entrySet()) {
            // A part of a word is nearer than its letters tell: cert is certificate, warning is warn.
            if (name.getKey().startsWith(wanted) || wanted.startsWith(name.getKey() + "ing")) {
                return name.getValue();
            }
        }
        return Nearest.names(wanted, names.keySet(), 1).stream()
                .findFirst()
                .map(names::get)
                .orElse(null);
    }

    private static String plain(String name) {
        return name.substring(0, Math.min(name.length(), 64))
                .replaceAll("(?<=[a-z0-9])(?=[A-Z])", "-")
                .replace('_', '-')
                .toLowerCase(Locale.ROOT);
    }
}
