package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads a multipart form while its bytes go by, cut anywhere, and finds the few short fields a gateway has to know. Keeps
 * nothing of the files. One per request, used by one thread at a time.
 */
public final class MultipartPeek {
    /** Bytes of one part's header lines, and of what precedes the first part. */
    public static final int MAX_HEAD = 16 << 10;

    /** Bytes of a field that is read here; a longer one is refused. */
    public static final int MAX_FIELD = 4 << 10;

    /** Parts of one form. */
    public static final int MAX_PARTS = 1_000;

    /** With two boundaries the upstream might read another form than is read here. */
    private static final Pattern SECOND_BOUNDARY =
            Pattern.compile(";\\s*boundary\\s*=.*;\\s*boundary\\s*=", Pattern.CASE_INSENSITIVE);

    /**
     * A field that was found.
     *
     * @param value its text
     * @param from where its first byte stands, counted from the form's first byte
     * @param to behind its last byte
     */
    public record Field(String value, long from, long to) {}

    private enum State {
        PREAMBLE,
        AFTER_BOUNDARY,
        HEAD,
        CONTENT,
        EPILOGUE
    }

    /** The line break before it belongs to the boundary. */
    private final byte[] boundary;

    private State state = State.PREAMBLE;
    private int matched = 2;
    private long seen;
    private int parts;
    private final byte[] line = new byte[MAX_HEAD];
    private int lineLength;
    private int headLength;
    private @Nullable String name;
    private final byte[] content = new byte[MAX_FIELD];
    private int contentLength;
    private long contentFrom;
    private @Nullable Field model;
    private @Nullable String purpose;
    private boolean stream;
    private final List<Reference> references = new ArrayList<>(0);

    private MultipartPeek(byte[] boundary) {
        this.boundary = boundary;
    }

    /**
     * A reader for a form.
     *
     * @param contentType the request's {@code content-type}
     * @throws Malformed when it is not {@code multipart/form-data} with a boundary of 1 to 70 characters
     */
    public static MultipartPeek of(String contentType) throws Malformed {
        String[] parts = contentType.split(";", -1);
        if (!parts[0].strip().toLowerCase(Locale.ROOT).equals("multipart/form-data")) {
            throw new Malformed("content-type: multipart/form-data was expected.", null, null);
        }
        String found = parameter(contentType, "boundary");
        if (found == null || found.isEmpty() || found.length() > 70) {
            throw new Malformed(
                    "content-type: multipart/form-data needs a boundary of 1 to 70 characters.", null, null);
        }
        if (SECOND_BOUNDARY.matcher(contentType).find()) {
            throw new Malformed("content-type: one boundary was expected, not two.", null, null);
        }
        return new MultipartPeek(("\r\n--" + found).getBytes(StandardCharsets.ISO_8859_1));
    }

    /** The model's field, once all of it was read; null until then. */
    public @Nullable Field model() {
        return model;
    }

    /** Whether a field {@code stream} said {@code true}. */
    public boolean stream() {
        return stream;
    }

    /** The field {@code purpose}; null if none was seen. */
    public @Nullable String purpose() {
        return purpose;
    }

    /** Objects that fields named by their ids, so far. */
    public List<Reference> references() {
        return List.copyOf(references);
    }

    /** Whether the closing boundary was seen: no further field follows. */
    boolean complete() {
        return state == State.EPILOGUE;
    }

    /** The form's bytes have all come. */
    public void end() throws Malformed {
        if (!complete()) {
            throw new Malformed(
                    "The multipart form ends at byte " + seen + " without its closing boundary.", null, null);
        }
    }

    /**
     * Takes the next bytes.
     *
     * @throws Malformed when they are no form, or beyond a bound of this class
     */
    public void feed(Bytes piece) throws Malformed {
        byte[] a = piece.array();
        int i = piece.offset();
        int to = i + piece.length();
        while (i < to) {
            switch (state) {
                case PREAMBLE, CONTENT -> i = content(a, i, to);
                case AFTER_BOUNDARY, HEAD -> {
                    line(a[i]);
                    i++;
                    seen++;
                }
                case EPILOGUE -> {
                    seen += to - i;
                    i = to;
                }
            }
        }
    }

    /** Looks for the boundary; what is not part of it belongs to the field. */
    private int content(byte[] a, int from, int to) throws Malformed {
        int i = from;
        while (i < to) {
            byte b = a[i];
            if (b == boundary[matched]) {
                i++;
                seen++;
                if (++matched == boundary.length) {
                    matched = 0;
                    if (state == State.CONTENT) {
                        field();
                    }
                    state = State.AFTER_BOUNDARY;
                    lineLength = 0;
                    return i;
                }
            } else if (matched > 0) {
                // Only the boundary's first byte is a CR, so what matched can't hold the start of another match.
                keep(boundary, 0, matched);
                matched = 0;
            } else {
                int start = i;
                while (i < to && a[i] != '\r') {
                    i++;
                }
                keep(a, start, i);
                seen += i - start;
            }
        }
        return i;
    }

    private void keep(byte[] array, int from, int to) throws Malformed {
        int length = to - from;
        if (state == State.PREAMBLE) {
            headLength += length;
            if (headLength > MAX_HEAD) {
                throw new Malformed(
                        "The multipart form does not begin with the boundary that content-type names.", null, null);
            }
            return;
        }
        if (name == null) {
            return;
        }
        if (contentLength + length > MAX_FIELD) {
            throw new Malformed(
                    "The form's field '" + name + "' is longer than " + MAX_FIELD + " bytes.",
                    name,
                    "string_above_max_length");
        }
        System.arraycopy(array, from, content, contentLength, length);
        contentLength += length;
    }

    private void line(byte b) throws Malformed {
        if (lineLength == MAX_HEAD || headLength > MAX_HEAD) {
            throw new Malformed(
                    "A part of the multipart form has header lines of more than " + MAX_HEAD + " bytes at byte " + seen
                            + ".",
                    null,
                    null);
        }
        line[lineLength++] = b;
        if (state == State.AFTER_BOUNDARY && lineLength == 2 && line[0] == '-' && b == '-') {
            state = State.EPILOGUE;
            return;
        }
        if (b != '\n') {
            return;
        }
        int length = lineLength > 1 && line[lineLength - 2] == '\r' ? lineLength - 2 : lineLength - 1;
        String text = new String(line, 0, length, StandardCharsets.UTF_8);
        headLength += lineLength;
        lineLength = 0;
        if (state == State.AFTER_BOUNDARY) {
            if (!text.isBlank()) {
                throw new Malformed(
                        "The multipart form is broken at byte " + seen
                                + ": a line break was expected behind the boundary.",
                        null,
                        null);
            }
            if (++parts > MAX_PARTS) {
                throw new Malformed("The multipart form has more than " + MAX_PARTS + " parts.", null, null);
            }
            state = State.HEAD;
            headLength = 0;
            name = null;
        } else if (!text.isEmpty()) {
            header(text);
        } else {
            state = State.CONTENT;
            contentLength = 0;
            contentFrom = seen + 1;
            matched = 0;
        }
    }

    private void header(String text) {
        int colon = text.indexOf(':');
        if (colon < 0 || !text.substring(0, colon).strip().equalsIgnoreCase("content-disposition")) {
            return;
        }
        String rest = text.substring(colon + 1);
        String found = parameter(rest, "name");
        if (found != null && parameter(rest, "filename") == null && read(found)) {
            name = found;
        }
    }

    private static boolean read(String name) {
        return switch (name) {
            case "model", "stream", "purpose" -> true;
            default -> named(name) != null;
        };
    }

    /**
     * What a field names, null for nothing. Lists and members of members are written in brackets, as in {@code file_ids[]}
     * or {@code images[0][file_id]}: the last name counts.
     */
    private static @Nullable ObjectKind named(String field) {
        String last = field;
        for (String each : field.split("[\\[\\].]")) {
            if (!each.isBlank() && !Character.isDigit(each.charAt(0))) {
                last = each;
            }
        }
        ObjectKind one = RequestScan.reference(last);
        return one == null ? RequestScan.references(last) : one;
    }

    private void field() throws Malformed {
        if (name == null) {
            return;
        }
        String value = new String(content, 0, contentLength, StandardCharsets.UTF_8);
        switch (name) {
            case "model" -> {
                if (model != null) {
                    throw new Malformed(
                            "The form has the field 'model' twice; once was expected.", "model", "duplicate_parameter");
                }
                model = new Field(value, contentFrom, contentFrom + contentLength);
            }
            case "stream" -> stream = value.strip().equalsIgnoreCase("true");
            case "purpose" -> purpose = value;
            default -> {
                ObjectKind kind = named(name);
                if (kind != null) {
                    references.add(new Reference(name, value, kind));
                }
            }
        }
        name = null;
    }

    /** A parameter of a header's value, unquoted; null if it has none of that name. */
    private static @Nullable String parameter(String header, String wanted) {
        int i = header.indexOf(';');
        while (i >= 0 && i < header.length()) {
            int equals = header.indexOf('=', i);
            if (equals < 0) {
                return null;
            }
            String key = header.substring(i + 1, equals).strip();
            StringBuilder value = new StringBuilder();
            int at = equals + 1;
            if (at < header.length() && header.charAt(at) == '"') {
                at++;
                while (at < header.length() && header.charAt(at) != '"') {
                    if (header.charAt(at) == '\\' && at + 1 < header.length()) {
                        at++;
                    }
                    value.append(header.charAt(at++));
                }
                at = header.indexOf(';', at);
            } else {
                int end = header.indexOf(';', at);
                value.append(header, at, end < 0 ? header.length() : end);
                at = end;
            }
            if (key.equalsIgnoreCase(wanted)) {
                return value.toString().strip();
            }
            i = at;
        }
        return null;
    }
}
