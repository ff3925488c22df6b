package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** OpenAI's error envelope, {@code {"error":{"message","type","param","code"}}}. Any thread. */
public final class Errors {
    private Errors() {}

    /** An envelope. All four members are there, null or not, as clients expect. */
    public static Bytes envelope(String message, String type, @Nullable String param, @Nullable String code) {
        StringBuilder out = new StringBuilder(64 + message.length());
        out.append("{\"error\":");
        object(out, message, type, param, code);
        return Bytes.utf8(out.append('}').toString());
    }

    /** Whether a body is an envelope: a JSON object with a member {@code error} that is an object. */
    public static boolean isEnvelope(Bytes body) {
        ErrorSeen seen = new ErrorSeen();
        JsonWalk walk = new JsonWalk(ErrorSeen.PATHS, seen);
        return walk.feed(body) && walk.end() && seen.object;
    }

    static void object(StringBuilder out, String message, String type, @Nullable String param, @Nullable String code) {
        out.append("{\"message\":");
        text(out, message);
        out.append(",\"type\":");
        text(out, type);
        out.append(",\"param\":");
        text(out, param);
        out.append(",\"code\":");
        text(out, code);
        out.append('}');
    }

    /** Appends a JSON string, or {@code null}. */
    static void text(StringBuilder out, @Nullable String value) {
        if (value == null) {
            out.append("null");
            return;
        }
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || c == 0x7f || Character.isSurrogate(c)) {
                // A lone surrogate has no UTF-8; escaped, a pair means the same.
                out.append("\\u")
                        .append(HEX[c >> 12])
                        .append(HEX[c >> 8 & 15])
                        .append(HEX[c >> 4 & 15])
                        .append(HEX[c & 15]);
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    /** A JSON string's bytes, quotes included. */
    static Bytes text(String value) {
        StringBuilder out = new StringBuilder(value.length() + 2);
        text(out, value);
        return Bytes.of(out.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static final char[] HEX = "0123456789abcdef".toCharArray();

    private static final class ErrorSeen implements JsonWalk.Visitor {
        static final JsonWalk.Paths PATHS = JsonWalk.Paths.of("error");
        boolean object;

        @Override
        public void open(int path, boolean isObject) {
            object |= isObject;
        }
    }
}
