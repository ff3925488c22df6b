package dev.lockkeeper.routing;

/**
 * A moving average of times to the first token that weighs them by how long ago they were. What nobody has measured for a
 * while counts for less and less, so that who was slow once is asked again. Its owner's lock guards it.
 */
final class Latency {
    /** After so long without a sample the average counts for half. */
    private static final double HALF_NANOS = 30e9;

    private static final double WINDOW_NANOS = 10e9;

    /** However fast samples come, each has so much of a say. */
    private static final double LEAST = 0.05;

    private double nanos;
    private long lastNanos;
    private boolean known;

    void sample(long tookNanos, long nowNanos) {
        double old = known ? Math.min(1 - LEAST, Math.exp(-(nowNanos - lastNanos) / WINDOW_NANOS)) : 0;
        nanos = nanos * old + tookNanos * (1 - old);
        lastNanos = nowNanos;
        known = true;
    }

    /** The average; 0 where nothing is known, or nothing that counts any more. */
    long nanos(long nowNanos) {
        double age = nowNanos - lastNanos - WINDOW_NANOS;
        return !known ? 0 : age <= 0 ? (long) nanos : (long) (nanos * Math.exp(-Math.log(2) * age / HALF_NANOS));
    }
}
