package dev.lockkeeper.routing;

/** How candidates are doing, as far as they are chosen by it. Read for each call: from memory, any thread. */
public interface Pulse {
    /** Nothing is known of anybody. */
    Pulse NONE = new Pulse() {};

    /** How long it is not to be asked: 0 when it may be asked now, -1 when it may not and nobody knows for how long. */
    default long restsMillis(Candidate at) {
        return 0;
    }

    /** Why it rests, in a sentence: no secrets. */
    default String whyItRests(Candidate at) {
        return "";
    }

    /** What its first token takes, a moving average in nanoseconds; 0 when that isn't known. */
    default long firstTokenNanos(Candidate at) {
        return 0;
    }

    /** Attempts under way at it. */
    default int busy(Candidate at) {
        return 0;
    }
}
