package dev.lockkeeper.units;

/** The bounds of a count. Apart from those who count, so that none of them has to be loaded for the other. */
final class Counts {
    private Counts() {}

    static void check(long count, String name) {
        check(count, name, Usage.MOST);
    }

    static void pieces(long count, String name) {
        check(count, name, Usage.MOST_PIECES);
    }

    private static void check(long count, String name, long most) {
        if (count < 0 || count > most) {
            throw new IllegalArgumentException(name + ": " + count + " (expected: 0 to " + most + ")");
        }
    }
}
