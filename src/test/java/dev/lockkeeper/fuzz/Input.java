package dev.lockkeeper.fuzz;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** An input of a target: its first byte chooses, the rest is what a stranger sends. */
final class Input {
    private final int choice;
    private final byte[] rest;

    Input(byte[] data) {
        choice = data.length == 0 ? 0 : data[0] & 0xff;
        rest = data.length == 0 ? data : Arrays.copyOfRange(data, 1, data.length);
    }

    /** One of so many alternatives. */
    int choice(int alternatives) {
        return choice % alternatives;
    }

    Bytes rest() {
        return Bytes.of(rest);
    }

    String text() {
        return new String(rest, StandardCharsets.ISO_8859_1);
    }

    /** The same bytes in pieces of 1 to 8, inside larger arrays; how they are cut follows from the choice and the bytes. */
    List<Bytes> cut() {
        return cut(rest());
    }

    List<Bytes> cut(Bytes whole) {
        List<Bytes> pieces = new ArrayList<>();
        int state = choice * 31 + whole.length();
        int at = 0;
        while (at < whole.length()) {
            state = state * 1_103_515_245 + 12_345;
            int length = Math.min(whole.length() - at, 1 + (state >>> 16 & (choice < 128 ? 7 : 63)));
            byte[] array = new byte[length + 2];
            Arrays.fill(array, (byte) '\n');
            System.arraycopy(whole.array(), whole.offset() + at, array, 1, length);
            pieces.add(new Bytes(array, 1, length));
            at += length;
        }
        return pieces;
    }

    /** Fails the input. */
    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void same(Object first, Object second, String what) {
        if (!first.equals(second)) {
            throw new AssertionError(what + ":\n " + first + "\n " + second);
        }
    }
}
