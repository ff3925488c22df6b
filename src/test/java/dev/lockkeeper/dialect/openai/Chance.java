package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** JSON texts and cuttings made by chance from a seed. */
final class Chance {
    private static final String[] NAMES = {
        "model",
        "stream",
        "id",
        "choices",
        "usage",
        "a",
        "b",
        "text",
        "delta",
        "file_id",
        "ä",
        "x y",
        "type",
        "",
        "metadata"
    };
    private static final String[] STRINGS = {
        "",
        "a",
        "Hello",
        "ein Wörtchen",
        "\\\"",
        "\\\\",
        "\\n\\t\\/",
        "\\u00e4",
        "\\ud83d\\ude00",
        "日本",
        "😀",
        "[DONE]",
        "}{",
        "data: x",
        "\\u0000"
    };
    private static final String[] NUMBERS = {
        "0", "-0", "1", "-12", "3.25", "1e3", "1E-2", "12345678901234567890123", "9007199254740993", "0.10", "-1.5e+10"
    };

    private final Random random;

    Chance(long seed) {
        random = new Random(seed);
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean maybe() {
        return random.nextBoolean();
    }

    <T> T of(List<T> list) {
        return list.get(below(list.size()));
    }

    String space() {
        return switch (below(8)) {
            case 0 -> " ";
            case 1 -> "\n";
            case 2 -> " \t\r\n";
            default -> "";
        };
    }

    String string() {
        return "\"" + STRINGS[below(STRINGS.length)] + (maybe() ? STRINGS[below(STRINGS.length)] : "") + "\"";
    }

    String name() {
        return NAMES[below(NAMES.length)];
    }

    String value(int depth) {
        return switch (below(depth > 0 ? 8 : 6)) {
            case 0 -> NUMBERS[below(NUMBERS.length)];
            case 1 -> "true";
            case 2 -> "false";
            case 3 -> "null";
            case 4, 5 -> string();
            case 6 -> array(depth - 1);
            default -> object(depth - 1);
        };
    }

    String array(int depth) {
        StringBuilder out = new StringBuilder("[").append(space());
        int size = below(4);
        for (int i = 0; i < size; i++) {
            out.append(i > 0 ? "," : "").append(space()).append(value(depth)).append(space());
        }
        return out.append(space()).append("]").toString();
    }

    String object(int depth) {
        List<String> names = new ArrayList<>();
        int size = below(5);
        for (int i = 0; i < size; i++) {
            String name = name();
            if (!names.contains(name)) {
                names.add(name);
            }
        }
        StringBuilder out = new StringBuilder("{").append(space());
        for (int i = 0; i < names.size(); i++) {
            out.append(i > 0 ? "," : "")
                    .append(space())
                    .append('"')
                    .append(names.get(i))
                    .append('"')
                    .append(space())
                    .append(':')
                    .append(space())
                    .append(value(depth))
                    .append(space());
        }
        return out.append("}").toString();
    }

    /** The same bytes in pieces, somewhere inside larger arrays. */
    List<Bytes> cut(byte[] whole) {
        List<Bytes> pieces = new ArrayList<>();
        int most = 1 + below(maybe() ? 3 : 40);
        int at = 0;
        while (at < whole.length) {
            int length = Math.min(whole.length - at, 1 + below(most));
            pieces.add(within(whole, at, length));
            at += length;
        }
        return pieces;
    }

    List<Bytes> cut(String whole) {
        return cut(whole.getBytes(StandardCharsets.UTF_8));
    }

    /** A view of a copy with other bytes around it. */
    Bytes within(byte[] whole, int at, int length) {
        int before = below(3);
        byte[] array = new byte[before + length + below(3)];
        java.util.Arrays.fill(array, (byte) '"');
        System.arraycopy(whole, at, array, before, length);
        return new Bytes(array, before, length);
    }

    Bytes within(String whole) {
        byte[] bytes = whole.getBytes(StandardCharsets.UTF_8);
        return within(bytes, 0, bytes.length);
    }
}
