package dev.lockkeeper.simulator;

import java.util.concurrent.atomic.AtomicLong;

/** Makes ids in OpenAI's shapes, the same ones in the same order for the same seed. Any thread. */
final class Ids {
    private static final String LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final String HEX = "0123456789abcdef";

    private final long seed;
    private final AtomicLong made = new AtomicLong();

    Ids(long seed) {
        this.seed = seed;
    }

    /** A prefix and letters or digits. */
    String letters(String prefix, int length) {
        return make(prefix, length, LETTERS);
    }

    /** A prefix and hexadecimal digits. */
    String hex(String prefix, int length) {
        return make(prefix, length, HEX);
    }

    private String make(String prefix, int length, String alphabet) {
        long state = seed + made.incrementAndGet() * 0x9E3779B97F4A7C15L;
        StringBuilder id = new StringBuilder(prefix.length() + length).append(prefix);
        while (id.length() < prefix.length() + length) {
            state += 0x9E3779B97F4A7C15L;
            long mixed = mix(state);
            for (int i = 0; i < 8 && id.length() < prefix.length() + length; i++) {
                id.append(alphabet.charAt((int) ((mixed & 0xFF) % alphabet.length())));
                mixed >>>= 8;
            }
        }
        return id.toString();
    }

    /** A number whose bits all hang on all bits of another (SplitMix64's last step). */
    static long mix(long number) {
        long z = (number ^ (number >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
