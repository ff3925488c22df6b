package dev.lockkeeper.units;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A run of bytes inside an array, not copied. Whoever makes one gives the array away: it is not written to afterwards.
 * Equality is by content.
 *
 * @param array the array that holds the bytes, shared
 * @param offset index of the first byte
 * @param length number of bytes
 */
@SuppressWarnings("ArrayRecordComponent") // Sharing an array without a copy is what this type is for.
public record Bytes(byte[] array, int offset, int length) {
    /** No bytes. */
    public static final Bytes EMPTY = new Bytes(new byte[0], 0, 0);

    public Bytes {
        if (offset < 0 || length < 0 || offset > array.length - length) {
            throw new IndexOutOfBoundsException(
                    "offset " + offset + ", length " + length + " in an array of " + array.length);
        }
    }

    /** All of an array. */
    public static Bytes of(byte[] array) {
        return new Bytes(array, 0, array.length);
    }

    /** The UTF-8 bytes of a text. */
    public static Bytes utf8(String text) {
        return of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The byte at an index counted from this run's start; not checked against {@link #length}. */
    public byte at(int index) {
        return array[offset + index];
    }

    /** The bytes from {@code from} (inclusive) to {@code to} (exclusive), counted from this run's start. */
    public Bytes slice(int from, int to) {
        if (from < 0 || to < from || to > length) {
            throw new IndexOutOfBoundsException("slice " + from + ".." + to + " of " + length + " bytes");
        }
        return new Bytes(array, offset + from, to - from);
    }

    /** A copy of the bytes in an array of their own. */
    public byte[] toArray() {
        return Arrays.copyOfRange(array, offset, offset + length);
    }

    /** The bytes read as UTF-8. */
    public String utf8() {
        return new String(array, offset, length, StandardCharsets.UTF_8);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Bytes(byte[] a, int o, int l)
                && Arrays.equals(array, offset, offset + length, a, o, o + l);
    }

    @Override
    public int hashCode() {
        int hash = 1;
        for (int i = offset; i < offset + length; i++) {
            hash = 31 * hash + array[i];
        }
        return hash;
    }

    /** The number of bytes only: content may be a prompt or a secret. */
    @Override
    public String toString() {
        return "Bytes[" + length + "]";
    }
}
