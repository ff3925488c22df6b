package dev.lockkeeper.settings;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The effective configuration as text: every key with its value and where that came from, secrets masked. */
public final class Effective {
    /** What YAML reads as the same text without quotes, whatever stands around it. */
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9/.]([A-Za-z0-9/._+:%-]*[A-Za-z0-9/._+%-])?");

    private static final int COMMENT_COLUMN = 56;

    private final List<Reading.Entry> entries;

    Effective(List<Reading.Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    /**
     * A configuration file that says what file, environment and command line say together: every key, secrets masked
     * with {@code ********}, the origin of each value in a comment behind it.
     */
    public String render() {
        Map<String, Object> root = new LinkedHashMap<>();
        for (Reading.Entry entry : entries) {
            put(root, entry.path(), entry);
        }
        StringBuilder out = new StringBuilder();
        print(root, "", out);
        return out.toString();
    }

    /** Every key that was asked for, in the order of asking. */
    List<Reading.Entry> entries() {
        return entries;
    }

    /** A text as YAML that reads as the same text. */
    static String scalar(String text) {
        String escaped = text.replace("${", "$${");
        if (PLAIN.matcher(escaped).matches() && !escaped.equalsIgnoreCase("null")) {
            return escaped;
        }
        StringBuilder quoted = new StringBuilder("\"");
        escaped.codePoints().forEach(c -> {
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                default -> {
                    if (Character.isISOControl(c)
                            || c == 0x2028
                            || c == 0x2029
                            || c == 0xFEFF
                            || c == 0xFFFE
                            || c == 0xFFFF) {
                        quoted.append("\\u%04X".formatted(c));
                    } else {
                        quoted.appendCodePoint(c);
                    }
                }
            }
        });
        return quoted.append('"').toString();
    }

    @SuppressWarnings("unchecked") // a value is an entry, or a map that this method put there
    private static void put(Map<String, Object> into, List<String> path, Reading.Entry entry) {
        String name = path.getFirst();
        if (path.size() == 1) {
            into.put(name, entry);
            return;
        }
        Map<String, Object> inside = (Map<String, Object>) into.computeIfAbsent(name, _ -> new LinkedHashMap<>());
        put(inside, path.subList(1, path.size()), entry);
    }

    private static void print(Map<?, ?> mapping, String indent, StringBuilder out) {
        mapping.forEach((name, value) -> {
            if (String.valueOf(name).startsWith("[") && value instanceof Map<?, ?> item) {
                // A mapping in a list: its first line begins with the dash.
                int from = out.length();
                print(item, indent + "  ", out);
                out.setCharAt(from + indent.length(), '-');
                return;
            }
            String key = indent + keyOf(String.valueOf(name)) + ":";
            if (value instanceof Reading.Entry entry) {
                String line = key + " " + entry.yaml();
                out.append(line)
                        .repeat(' ', Math.max(1, COMMENT_COLUMN - line.length()))
                        .append("# ")
                        .append(entry.origin())
                        .append('\n');
            } else if (value instanceof Map<?, ?> inside) {
                out.append(key).append('\n');
                print(inside, indent + "  ", out);
            }
        });
    }

    private static String keyOf(String name) {
        // No value is filled into a key.
        return scalar(name).replace("$${", "${");
    }
}
