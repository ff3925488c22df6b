package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The end marker of a stream, {@code [DONE]}, with or without white space around it. */
final class Marker {
    /** The marker as an event. */
    static final Bytes CLOSING = Bytes.utf8("data: [DONE]\n\n");

    private static final byte[] DONE = "[DONE]".getBytes(StandardCharsets.US_ASCII);

    private Marker() {}

    static boolean isDone(Bytes data) {
        int from = skipSpace(data, 0);
        int to = data.length();
        while (to > from && isSpace(data.at(to - 1))) {
            to--;
        }
        return to - from == DONE.length
                && Arrays.equals(data.array(), data.offset() + from, data.offset() + to, DONE, 0, DONE.length);
    }

    /** Whether an event says nothing; official clients would fail on it as on broken JSON. */
    static boolean isBlank(Bytes data) {
        return skipSpace(data, 0) == data.length();
    }

    static int skipSpace(Bytes data, int from) {
        int at = from;
        while (at < data.length() && isSpace(data.at(at))) {
            at++;
        }
        return at;
    }

    static boolean isSpace(byte b) {
        return b == ' ' || b == '\t' || b == '\r' || b == '\n';
    }
}
