package dev.lockkeeper.fuzz;

import dev.lockkeeper.units.Bytes;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads a client's bytes as RFC 9112 has it, with nothing of what that allows for the sake of old clients but two things:
 * line breaks before a request are skipped, and a folded field is one with a space.
 */
final class StrictReader {
    private static final Pattern REQUEST_LINE =
            Pattern.compile("([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\\x80-\\xff]+) HTTP/1\\.([01])");
    private static final Pattern FIELD =
            Pattern.compile("([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \\t]*([\\t -~\\x80-\\xff]*?)[ \\t]*");
    private static final Pattern CHUNK = Pattern.compile("(0*[0-9A-Fa-f]{1,8})([ \\t]*;.*)?", Pattern.DOTALL);

    /** A request; {@code whole} unless the bytes end before it does, or its chunks are none. */
    record Request(String method, String target, List<String> fields, String body, boolean whole) {}

    private final String all;
    private int at;
    private String why = "nothing is left";

    StrictReader(Bytes bytes) {
        all = new String(bytes.array(), bytes.offset(), bytes.length(), StandardCharsets.ISO_8859_1);
    }

    /** Why there was no further request. */
    String why() {
        return why;
    }

    /** The next request; null if there is none. */
    @Nullable Request next() {
        while (at < all.length() && (all.charAt(at) == '\r' || all.charAt(at) == '\n')) {
            at++;
        }
        String first = line();
        if (first == null) {
            return null;
        }
        var request = REQUEST_LINE.matcher(first);
        if (!request.matches()) {
            return no("the first line is none: " + first);
        }
        List<String> fields = fields();
        if (fields == null) {
            return null;
        }
        List<String> lengths = values(fields, "content-length");
        List<String> codings = values(fields, "transfer-encoding");
        boolean old = request.group(3).equals("0");
        if (!codings.isEmpty()
                && (old
                        || !lengths.isEmpty()
                        || !codings.equals(List.of(codings.getFirst()))
                        || !codings.getFirst().equalsIgnoreCase("chunked"))) {
            return no("transfer-encoding " + codings + " with lengths " + lengths);
        }
        if (lengths.size() > 1 || (lengths.size() == 1 && !isLength(lengths.getFirst()))) {
            return no("content-length " + lengths);
        }
        long hosts = values(fields, "host").size();
        if (hosts > 1 || (hosts == 0 && !old)) {
            return no(hosts + " hosts");
        }
        StringBuilder body = new StringBuilder();
        boolean whole = codings.isEmpty()
                ? fixed(lengths.isEmpty() ? 0 : Long.parseLong(lengths.getFirst()), body)
                : chunked(body);
        return new Request(request.group(1), request.group(2), fields, body.toString(), whole);
    }

    private @Nullable Request no(String reason) {
        why = reason;
        return null;
    }

    /** The next line without its end; null if it has none. A lone CR or LF ends no line and stands in none. */
    private @Nullable String line() {
        int end = all.indexOf('\n', at);
        if (end < 1 || end <= at || all.charAt(end - 1) != '\r') {
            why = "a line has no end, or a lone line feed";
            return null;
        }
        String line = all.substring(at, end - 1);
        at = end + 1;
        return line;
    }

    private @Nullable List<String> fields() {
        List<String> fields = new ArrayList<>();
        while (true) {
            String line = line();
            if (line == null) {
                return null;
            }
            if (line.isEmpty()) {
                return fields;
            }
            if (!fields.isEmpty() && (line.startsWith(" ") || line.startsWith("\t"))) {
                // Netty's trim takes control characters with it.
                fields.set(fields.size() - 1, fields.getLast() + " " + line.trim());
                continue;
            }
            var field = FIELD.matcher(line);
            if (!field.matches()) {
                why = "no field: " + line;
                return null;
            }
            fields.add(field.group(1).toLowerCase(Locale.ROOT) + ": " + field.group(2));
        }
    }

    private static List<String> values(List<String> fields, String name) {
        return fields.stream()
                .filter(field -> field.startsWith(name + ": "))
                .map(field -> field.substring(name.length() + 2))
                .toList();
    }

    /** As long as it may be: how large a body may be is not this reader's to say. */
    private static boolean isLength(String text) {
        return text.matches("[0-9]+") && new BigInteger(text).bitLength() < Long.SIZE;
    }

    private boolean fixed(long length, StringBuilder body) {
        int to = at + (int) Math.min(all.length() - at, length);
        body.append(all, at, to);
        boolean whole = to - at == length;
        at = to;
        return whole;
    }

    /** Trailers are thrown away: where they end is all that counts. */
    private boolean trailersEnd() {
        String line = line();
        while (line != null && !line.isEmpty()) {
            line = line();
        }
        return line != null;
    }

    private boolean chunked(StringBuilder body) {
        while (true) {
            String size = line();
            var chunk = size == null ? null : CHUNK.matcher(size);
            if (chunk == null || !chunk.matches()) {
                return false;
            }
            long length = Long.parseLong(chunk.group(1), 16);
            if (length == 0) {
                return trailersEnd();
            }
            if (!fixed(length, body) || !all.startsWith("\r\n", at)) {
                return false;
            }
            at += 2;
        }
    }
}
