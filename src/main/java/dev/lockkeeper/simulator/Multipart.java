package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A form as multipart/form-data brings it. */
final class Multipart {
    /** The most fields of one form. */
    static final int MOST_FIELDS = 1_000;

    private static final Pattern NAME = Pattern.compile(";\\s*name=\"([^\"]*)\"", Pattern.CASE_INSENSITIVE);
    private static final Pattern FILENAME = Pattern.compile(";\\s*filename=\"([^\"]*)\"", Pattern.CASE_INSENSITIVE);
    private static final Pattern BOUNDARY =
            Pattern.compile("boundary=(?:\"([^\"]+)\"|([^;\\s]+))", Pattern.CASE_INSENSITIVE);

    /** A field of the form. */
    record Field(String name, @Nullable String filename, Bytes content) {}

    private final List<Field> fields = new ArrayList<>();

    static Multipart of(@Nullable String contentType, Bytes body) throws Refused {
        Matcher boundary = contentType == null ? null : BOUNDARY.matcher(contentType);
        if (contentType == null
                || boundary == null
                || !contentType.toLowerCase(Locale.ROOT).startsWith("multipart/form-data")
                || !boundary.find()) {
            throw new Refused(
                    415,
                    "invalid_request_error",
                    null,
                    null,
                    "Unsupported content type: this endpoint takes 'multipart/form-data'.");
        }
        String text = boundary.group(1) == null ? boundary.group(2) : boundary.group(1);
        Multipart form = new Multipart();
        form.read(body, ("\r\n--" + text).getBytes(StandardCharsets.ISO_8859_1));
        return form;
    }

    private void read(Bytes body, byte[] mark) throws Refused {
        // The first boundary may stand at the very start, without a line break before it.
        int at = startsWith(body, 0, mark, 2) ? mark.length - 2 : after(body, 0, mark);
        while (at >= 0 && !startsWith(body, at, "--".getBytes(StandardCharsets.US_ASCII), 0)) {
            int head = after(body, at, "\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            int next = head < 0 ? -1 : after(body, head - 2, mark);
            if (head < 0 || next < 0 || fields.size() == MOST_FIELDS) {
                throw Refused.badRequest(null, null, "Could not parse multipart form");
            }
            String fieldHead = body.slice(at, head).utf8();
            Matcher name = NAME.matcher(fieldHead);
            Matcher filename = FILENAME.matcher(fieldHead);
            if (name.find()) {
                int end = Math.max(next - mark.length, head);
                fields.add(new Field(
                        String.valueOf(name.group(1)),
                        filename.find() ? filename.group(1) : null,
                        body.slice(head, end)));
            }
            at = next;
        }
        if (at < 0) {
            throw Refused.badRequest(null, null, "Could not parse multipart form");
        }
    }

    private static boolean startsWith(Bytes body, int at, byte[] mark, int from) {
        if (at + mark.length - from > body.length()) {
            return false;
        }
        for (int i = from; i < mark.length; i++) {
            if (body.at(at + i - from) != mark[i]) {
                return false;
            }
        }
        return true;
    }

    /** Where what follows the mark begins, -1 where there is no mark. */
    private static int after(Bytes body, int from, byte[] mark) {
        for (int i = from; i + mark.length <= body.length(); i++) {
            if (body.at(i) == mark[0] && startsWith(body, i, mark, 0)) {
                return i + mark.length;
            }
        }
        return -1;
    }

    @Nullable Field field(String name) {
        for (Field each : fields) {
            if (each.name().equals(name) || each.name().equals(name + "[]")) {
                return each;
            }
        }
        return null;
    }

    @Nullable String text(String name) {
        Field field = field(name);
        return field == null ? null : field.content().utf8();
    }

    /** The fields that are not files, as a body. */
    ObjectNode body() {
        ObjectNode body = Json.object();
        ObjectNode metadata = Json.object();
        for (Field each : fields) {
            if (each.filename() == null) {
                if (each.name().startsWith("metadata[") && each.name().endsWith("]")) {
                    metadata.put(
                            each.name()
                                    .substring("metadata[".length(), each.name().length() - 1),
                            each.content().utf8());
                } else {
                    body.put(each.name(), each.content().utf8());
                }
            }
        }
        if (!metadata.isEmpty()) {
            body.set("metadata", metadata);
        }
        return body;
    }
}
