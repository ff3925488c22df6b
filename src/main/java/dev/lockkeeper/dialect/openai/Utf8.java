package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Passes over UTF-8 bytes, eight at a time where nothing stands out. */
final class Utf8 {
    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH = 0x8080808080808080L;
    private static final long ONES = 0x0101010101010101L;
    private static final long BACKSLASHES = ONES * '\\';

    private Utf8() {}

    /** The index of the first byte that is not well-formed UTF-8, -1 for none. */
    static int firstWrong(Bytes text) {
        byte[] a = text.array();
        int to = text.offset() + text.length();
        int i = text.offset();
        while (i < to) {
            int b = a[i] & 0xff;
            if (b < 0x80) {
                i++;
                while (i + 8 <= to && ((long) EIGHT.get(a, i) & HIGH) == 0) {
                    i += 8;
                }
                continue;
            }
            int length = b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
            if (length == 0 || i + length > to) {
                return i - text.offset();
            }
            int second = a[i + 1] & 0xff;
            int least = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
            int most = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
            if (second < least || second > most) {
                return i - text.offset();
            }
            for (int k = 2; k < length; k++) {
                if ((a[i + k] & 0xc0) != 0x80) {
                    return i - text.offset();
                }
            }
            i += length;
        }
        return -1;
    }

    /** How many bytes fewer a JSON string's content is once its escapes are undone. */
    static int escapeBytes(Bytes text, int from, int to) {
        byte[] a = text.array();
        int i = text.offset() + from;
        int end = text.offset() + to;
        int fewer = 0;
        while (i < end) {
            if (i + 8 <= end) {
                long x = (long) EIGHT.get(a, i) ^ BACKSLASHES;
                if (((x - ONES) & ~x & HIGH) == 0) {
                    i += 8;
                    continue;
                }
            }
            if (a[i] != '\\') {
                i++;
            } else if (i + 1 < end && a[i + 1] == 'u') {
                // A unit of UTF-16 is at most three bytes, half a pair two.
                if (i + 4 < end) {
                    int high = Character.digit(a[i + 2], 16) * 16 + Character.digit(a[i + 3], 16);
                    boolean half = high >= 0xd8 && high < 0xe0;
                    boolean ascii = high == 0 && a[i + 4] < '8';
                    fewer += ascii ? 5 : half || high < 8 ? 4 : 3;
                }
                i += 6;
            } else {
                fewer++;
                i += 2;
            }
        }
        return fewer;
    }
}
