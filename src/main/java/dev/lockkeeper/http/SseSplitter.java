package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Splits a stream of server-sent events into its events, however its bytes are cut. Lines end with CR, LF or CRLF; a byte
 * order mark at the start is skipped. One per stream, used by one thread at a time.
 */
public final class SseSplitter {
    private static final byte[] BOM = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
    private static final byte[] DATA = "data".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] EVENT = "event".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NOTHING = {};

    /** Bytes of the first array that a cut event is kept in. */
    private static final int FIRST_KEPT = 512;

    private final int maxEvent;

    // The bytes of the event at hand that came in earlier chunks.
    private byte[] kept = NOTHING;
    private int keptLength;

    // Places inside the event at hand, counted from its first byte.
    private int lineFrom;
    private int dataFrom;
    private int dataTo;
    private int nameFrom = -1;
    private int nameTo;
    private int dataLines;
    private boolean fields;

    private boolean afterCr;
    private boolean pairs;
    private boolean endsAfterPair;
    private boolean first = true;
    private boolean over;
    private @Nullable String lastName;

    /** What was found. Bytes are views: they stay valid, but are not to be written to. */
    public interface Sink {
        /**
         * An event.
         *
         * @param raw all its bytes as they came, the empty line at the end included
         * @param name its {@code event:} field, or null
         * @param data its {@code data:} lines, joined by LF; a part of {@code raw} when there is one line only
         */
        void event(Bytes raw, @Nullable String name, Bytes data);

        /** Lines that make no event: comments, fields without data, an empty line; as they came. */
        void comment(Bytes raw);

        /** An event has grown longer than the bound. Nothing is told after. */
        void tooLong();
    }

    /** @param maxEvent bytes of one event, its line breaks included */
    public SseSplitter(int maxEvent) {
        this.maxEvent = maxEvent;
    }

    /** Whether an event has begun and not ended: at the end of the stream it is lost. */
    public boolean inside() {
        return fields || (lineFrom < keptLength && kept[lineFrom] != ':' && kept[lineFrom] != '\n');
    }

    /** Takes the next bytes and tells the events that end in them. */
    public void feed(Bytes chunk, Sink sink) {
        byte[] a = chunk.array();
        int end = chunk.offset() + chunk.length();
        int start = chunk.offset();
        int i = start;
        while (i < end && !over) {
            if (afterCr) {
                afterCr = false;
                pairs = a[i] == '\n';
                if (pairs) {
                    i++;
                }
                if (endsAfterPair) {
                    endsAfterPair = false;
                    dispatch(a, start, i, sink);
                    start = i;
                } else {
                    lineFrom = keptLength + i - start;
                }
                continue;
            }
            while (i < end && a[i] != '\n' && a[i] != '\r') {
                i++;
            }
            if (i == end) {
                break;
            }
            boolean cr = a[i] == '\r';
            i++;
            boolean blank;
            if (keptLength > 0) {
                keep(a, start, i);
                start = i;
                blank = line(kept, 0, keptLength - 1);
            } else {
                blank = line(a, start, i - 1 - start);
            }
            if (cr) {
                afterCr = true;
                // Where lines end in pairs, the LF that is still to come is this event's own.
                if (blank && pairs) {
                    endsAfterPair = true;
                    continue;
                }
            } else {
                pairs = false;
            }
            if (blank) {
                dispatch(a, start, i, sink);
                start = i;
            } else {
                lineFrom = keptLength + i - start;
            }
        }
        if (over) {
            return;
        }
        if (keptLength + end - start > maxEvent) {
            over = true;
            sink.tooLong();
        } else if (start < end) {
            keep(a, start, end);
        }
    }

    /** Takes a line of the event that begins at {@code base}; true: it is empty. */
    private boolean line(byte[] a, int base, int to) {
        int from = lineFrom;
        if (first && from == 0 && to >= 3 && Arrays.equals(a, base, base + 3, BOM, 0, 3)) {
            from = 3;
        }
        if (from == to) {
            return true;
        }
        if (a[base + from] == ':') {
            return false;
        }
        fields = true;
        if (is(a, base + from, base + to, DATA)) {
            dataFrom = value(a, base, from + DATA.length, to);
            dataTo = to;
            dataLines++;
        } else if (is(a, base + from, base + to, EVENT)) {
            nameFrom = value(a, base, from + EVENT.length, to);
            nameTo = to;
        }
        return false;
    }

    private static boolean is(byte[] a, int from, int to, byte[] field) {
        int end = from + field.length;
        return end <= to && Arrays.equals(a, from, end, field, 0, field.length) && (end == to || a[end] == ':');
    }

    /** Where a field's value begins; {@code from} is behind its name. */
    private static int value(byte[] a, int base, int from, int to) {
        int at = from < to ? from + 1 : from;
        return at < to && a[base + at] == ' ' ? at + 1 : at;
    }

    private void dispatch(byte[] a, int start, int end, Sink sink) {
        Bytes raw;
        if (keptLength == 0) {
            raw = new Bytes(a, start, end - start);
        } else {
            keep(a, start, end);
            raw = new Bytes(kept, 0, keptLength);
            kept = NOTHING;
            keptLength = 0;
        }
        int mark =
                first && raw.length() >= 3 && raw.at(0) == BOM[0] && raw.at(1) == BOM[1] && raw.at(2) == BOM[2] ? 3 : 0;
        Bytes shown = mark == 0 ? raw : raw.slice(mark, raw.length());
        int lines = dataLines;
        String name = nameFrom < 0 ? null : name(raw);
        first = false;
        lineFrom = 0;
        nameFrom = -1;
        dataLines = 0;
        fields = false;
        if (raw.length() > maxEvent) {
            over = true;
            sink.tooLong();
        } else if (lines == 0) {
            sink.comment(shown);
        } else {
            sink.event(shown, name, lines == 1 ? raw.slice(dataFrom, dataTo) : joined(shown));
        }
    }

    private @Nullable String name(Bytes raw) {
        int length = nameTo - nameFrom;
        if (length == 0) {
            return null;
        }
        String last = lastName;
        if (last != null && last.length() == length) {
            int i = 0;
            while (i < length && last.charAt(i) == raw.at(nameFrom + i)) {
                i++;
            }
            if (i == length) {
                return last;
            }
        }
        lastName = raw.slice(nameFrom, nameTo).utf8();
        return lastName;
    }

    /** The data lines of an event, joined by LF. */
    private static Bytes joined(Bytes raw) {
        byte[] a = raw.array();
        int end = raw.offset() + raw.length();
        byte[] out = new byte[raw.length()];
        int length = 0;
        int i = raw.offset();
        boolean more = false;
        while (i < end) {
            int from = i;
            while (i < end && a[i] != '\n' && a[i] != '\r') {
                i++;
            }
            if (is(a, from, i, DATA)) {
                if (more) {
                    out[length++] = '\n';
                }
                more = true;
                int at = value(a, 0, from + DATA.length, i);
                System.arraycopy(a, at, out, length, i - at);
                length += i - at;
            }
            i++;
        }
        return new Bytes(out, 0, length);
    }

    private void keep(byte[] a, int from, int to) {
        int length = keptLength + to - from;
        if (length > kept.length) {
            kept = Arrays.copyOf(kept, Math.max(length, Math.max(FIRST_KEPT, kept.length * 2)));
        }
        System.arraycopy(a, from, kept, keptLength, to - from);
        keptLength = length;
    }
}
