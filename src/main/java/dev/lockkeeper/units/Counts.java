package dev.lockkeeper.units;

/** The bounds of a count. Apart from those who count, so that none of them has to be loaded for the other. */
final class Counts {
    private Counts() {}

    static void check(long count, String name) {
        if (count < 0 || count > Usage.MOST) {
            throw new IllegalArgumentException(name + ": " + count + " (expected: 0 to " + Usage.MOST + ")");
        }
    }
}
