package dev.lockkeeper.dialect.openai;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Text gathered in UTF-8 up to {@link StreamTap#TEXT_BOUND}, counted beyond; decoded only when somebody reads it. */
final class GeneratedText implements CharSequence {
    private byte[] bytes = new byte[256];
    private int length;
    private long counted;
    private @Nullable String decoded;

    void append(byte[] array, int from, int to) {
        int size = to - from;
        decoded = null;
        // A pair of surrogates, escaped and cut between two deltas, comes as two halves.
        if (size == 3 && low(array, from) && length >= 3 && high(bytes, length - 3)) {
            int point = 0x10000
                    + ((((bytes[length - 2] & 0x0f) << 6) | (bytes[length - 1] & 0x3f)) << 10)
                    + (((array[from + 1] & 0x0f) << 6) | (array[from + 2] & 0x3f));
            length -= 3;
            counted -= 3;
            byte[] whole = {
                (byte) (0xf0 | point >> 18),
                (byte) (0x80 | (point >> 12 & 0x3f)),
                (byte) (0x80 | (point >> 6 & 0x3f)),
                (byte) (0x80 | (point & 0x3f))
            };
            append(whole, 0, 4);
            return;
        }
        counted += size;
        int room = Math.min(size, StreamTap.TEXT_BOUND - length);
        if (room <= 0) {
            return;
        }
        if (length + room > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.min(StreamTap.TEXT_BOUND, Math.max(bytes.length * 2, length + room)));
        }
        System.arraycopy(array, from, bytes, length, room);
        length += room;
    }

    long counted() {
        return counted;
    }

    /**
     * A part of the text; null when it is not kept whole, or begins or ends within a character.
     *
     * @param from in bytes as {@link #counted} counts them
     * @param to likewise
     */
    @Nullable String part(long from, long to) {
        if (to > length) {
            return null;
        }
        int start = (int) from;
        int end = (int) to;
        if (cut(start) || cut(end)) {
            return null;
        }
        for (int i = start; i + 2 < end; i++) {
            if (high(bytes, i) || low(bytes, i)) {
                return null;
            }
        }
        return new String(bytes, start, end - start, StandardCharsets.UTF_8);
    }

    private boolean cut(int at) {
        return at < length && (bytes[at] & 0xc0) == 0x80;
    }

    @Override
    public String toString() {
        String text = decoded;
        if (text == null) {
            text = new String(bytes, 0, length, StandardCharsets.UTF_8);
            decoded = text;
        }
        return text;
    }

    @Override
    public int length() {
        return toString().length();
    }

    @Override
    public char charAt(int index) {
        return toString().charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
        return toString().subSequence(start, end);
    }

    private static boolean high(byte[] array, int at) {
        return array[at] == (byte) 0xed && (array[at + 1] & 0xf0) == 0xa0;
    }

    private static boolean low(byte[] array, int at) {
        return array[at] == (byte) 0xed && (array[at + 1] & 0xf0) == 0xb0;
    }
}
