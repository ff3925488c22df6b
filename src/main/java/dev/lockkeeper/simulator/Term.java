package dev.lockkeeper.simulator;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A control or mishap: a name with arguments, as written.
 *
 * @param name what stands before the parenthesis
 * @param arguments what stands inside, parted by commas that are not inside further parentheses
 */
record Term(String name, List<String> arguments) {
    static Term parse(String text) {
        int open = text.indexOf('(');
        if (open < 0) {
            return new Term(text.strip().toLowerCase(Locale.ROOT), List.of());
        }
        if (!text.endsWith(")")) {
            throw new IllegalArgumentException("no closing parenthesis in " + text.substring(0, open) + "(…");
        }
        String inside = text.substring(open + 1, text.length() - 1);
        return new Term(
                text.substring(0, open).strip().toLowerCase(Locale.ROOT),
                inside.isEmpty() ? List.of() : split(inside, ','));
    }

    static List<String> split(String text, char at) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '(') {
                depth++;
            } else if (c == ')') {
                depth--;
            } else if (c == at && depth == 0) {
                parts.add(text.substring(from, i));
                from = i + 1;
            }
        }
        parts.add(text.substring(from));
        return parts;
    }

    private Map<String, String> byName() {
        Map<String, String> byName = new HashMap<>();
        for (String each : arguments) {
            int equals = each.indexOf('=');
            if (equals > 0) {
                byName.put(
                        each.substring(0, equals).strip(),
                        each.substring(equals + 1).strip());
            }
        }
        return byName;
    }

    Term only(String... names) {
        for (String name : byName().keySet()) {
            if (!List.of(names).contains(name)) {
                throw new IllegalArgumentException(this.name + " has no argument " + name
                        + (names.length == 0 ? "" : " (expected: " + String.join(", ", names) + ")"));
            }
        }
        if (arguments.size() > names.length) {
            throw new IllegalArgumentException(
                    name + ": " + arguments.size() + " arguments (expected: at most " + names.length + ")");
        }
        return this;
    }

    @Nullable String named(String key) {
        return byName().get(key);
    }

    String at(int place, String key, String otherwise) {
        String named = named(key);
        if (named != null) {
            return named;
        }
        if (place < arguments.size() && arguments.get(place).indexOf('=') < 0) {
            return arguments.get(place).strip();
        }
        return otherwise;
    }

    int number(int place, String key, int otherwise) {
        String text = at(place, key, Integer.toString(otherwise));
        try {
            int number = Integer.parseInt(text);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException notOne) {
            // Told below, like a negative one.
        }
        throw new IllegalArgumentException(name + " " + key + ": " + text + " (expected: a whole number from 0)");
    }

    Duration duration(int place, String key, Duration otherwise) {
        return Duration.ofMillis(millis(at(place, key, otherwise.toMillis() + "ms")));
    }

    static long millis(String text) {
        String number = text;
        long unit = 1;
        if (text.endsWith("ms")) {
            number = text.substring(0, text.length() - 2);
        } else if (text.endsWith("s")) {
            number = text.substring(0, text.length() - 1);
            unit = 1000;
        }
        try {
            double millis = Double.parseDouble(number.strip()) * unit;
            if (millis >= 0 && millis <= Mishap.LONGEST.toMillis()) {
                return Math.round(millis);
            }
        } catch (NumberFormatException notOne) {
            // Told below, like one out of range.
        }
        throw new IllegalArgumentException(
                "duration: " + text + " (expected: such as 250ms or 2s, at most " + Mishap.LONGEST.toSeconds() + "s)");
    }

    int size(int place, String key, int otherwise) {
        String text = at(place, key, Integer.toString(otherwise));
        String number = text;
        long unit = 1;
        if (text.endsWith("KiB")) {
            number = text.substring(0, text.length() - 3);
            unit = 1 << 10;
        } else if (text.endsWith("MiB")) {
            number = text.substring(0, text.length() - 3);
            unit = 1 << 20;
        }
        try {
            long size = Math.multiplyExact(Long.parseLong(number.strip()), unit);
            if (size >= 0 && size <= Mishap.LARGEST) {
                return (int) size;
            }
        } catch (NumberFormatException | ArithmeticException notOne) {
            // Told below, like one out of range.
        }
        throw new IllegalArgumentException(
                name + " " + key + ": " + text + " (expected: bytes such as 100, 64KiB, 10MiB, at most 256MiB)");
    }
}
