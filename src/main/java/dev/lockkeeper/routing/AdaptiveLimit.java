package dev.lockkeeper.routing;

/**
 * How many attempts at once a provider does well with: a limit that grows while answers come as fast as usual, and shrinks as
 * they come later, after the gradient limit of Netflix's concurrency-limits. Looked at once a second. Its owner's lock guards it.
 */
final class AdaptiveLimit {
    static final int FIRST = 20;

    private static final long WINDOW_NANOS = 1_000_000_000L;
    private static final int LEAST_SAMPLES = 10;

    /** Half as long again as usual is nothing to worry about. */
    private static final double TOLERANCE = 1.5;

    private static final double SMOOTHING = 0.2;

    /** Of about two minutes of windows. */
    private static final double LONG = 2.0 / 121;

    private int min;
    private int max;
    private double limit;
    private double usualNanos;
    private long windowNanos;
    private long samples;
    private double sumNanos;
    private int mostBusy;
    private boolean refused;

    AdaptiveLimit(HealthSettings.Concurrency settings, long nowNanos) {
        this.min = settings.min();
        this.max = settings.max();
        this.limit = Math.clamp(FIRST, min, max);
        this.windowNanos = nowNanos;
    }

    void follow(HealthSettings.Concurrency settings) {
        min = settings.min();
        max = settings.max();
        limit = Math.clamp(limit, min, max);
    }

    int limit() {
        return (int) limit;
    }

    /** A first token has come, after so long as of a call that does not think. */
    void sample(long tookNanos, int busy, long nowNanos) {
        samples++;
        sumNanos += tookNanos;
        mostBusy = Math.max(mostBusy, busy);
        look(nowNanos);
    }

    /** It said that it has too much to do. */
    void refused(int busy, long nowNanos) {
        refused = true;
        mostBusy = Math.max(mostBusy, busy);
        look(nowNanos);
    }

    private void look(long nowNanos) {
        if (nowNanos - windowNanos < WINDOW_NANOS || (samples < LEAST_SAMPLES && !refused)) {
            return;
        }
        double took = samples == 0 ? usualNanos : Math.max(1, sumNanos / samples);
        if (samples >= LEAST_SAMPLES) {
            usualNanos = usualNanos == 0 ? took : usualNanos + (took - usualNanos) * LONG;
            if (usualNanos > 2 * took) {
                usualNanos *= 0.95; // it was slow for long, and no longer is
            }
        }
        if (refused) {
            limit *= 0.9;
        } else if (2 * mostBusy >= limit) {
            // A limit that is not used says nothing of what it could be.
            double gradient = Math.clamp(TOLERANCE * usualNanos / took, 0.5, 1.0);
            limit += SMOOTHING * (limit * gradient + Math.sqrt(limit) - limit);
        }
        limit = Math.clamp(limit, min, max);
        windowNanos = nowNanos;
        samples = 0;
        sumNanos = 0;
        mostBusy = 0;
        refused = false;
    }
}
