package dev.lockkeeper.limits;

/**
 * How many tokens something has, as far as is known without counting.
 *
 * @param likely the best guess
 * @param atMost what it does not exceed; at least {@code likely}
 */
public record Tokens(long likely, long atMost) {
    /** Nothing. */
    static final Tokens NONE = new Tokens(0, 0);

    public Tokens {
        if (likely < 0 || atMost < likely) {
            throw new IllegalArgumentException("tokens: likely " + likely + ", at most " + atMost);
        }
    }

    /** So many, known. */
    static Tokens exactly(long count) {
        return new Tokens(count, count);
    }

    Tokens plus(Tokens more) {
        return new Tokens(likely + more.likely, atMost + more.atMost);
    }
}
