package dev.lockkeeper.routing;

import java.util.Arrays;

/** Which share of the calls of the last ten seconds were retries. Its owner's lock guards it. */
final class RetryBudget {
    /** So many retries are always within it: the first failures of a quiet provider are tried again. */
    static final int ALWAYS = 10;

    private static final int BUCKETS = 10;
    private static final long WIDTH_NANOS = 1_000_000_000L;

    private final int[] calls = new int[BUCKETS];
    private final int[] retries = new int[BUCKETS];
    private final long baseNanos;
    private long bucket;

    RetryBudget(long nowNanos) {
        this.baseNanos = nowNanos;
    }

    void call(long nowNanos) {
        calls[bucket(nowNanos)]++;
    }

    /** Whether one more retry is within the share; then it is counted. */
    boolean retry(int percent, long nowNanos) {
        int at = bucket(nowNanos);
        int done = sum(retries);
        // What was entered holds the retries that were made; the share is one of first tries.
        long firsts = Math.max(0, sum(calls) - done);
        if (done >= ALWAYS && 100L * (done - ALWAYS + 1) > percent * firsts) {
            return false;
        }
        retries[at]++;
        return true;
    }

    int calls(long nowNanos) {
        int _ = bucket(nowNanos);
        return sum(calls);
    }

    int retries(long nowNanos) {
        int _ = bucket(nowNanos);
        return sum(retries);
    }

    private int bucket(long nowNanos) {
        long now = (nowNanos - baseNanos) / WIDTH_NANOS;
        if (now - bucket >= BUCKETS) {
            Arrays.fill(calls, 0);
            Arrays.fill(retries, 0);
        } else {
            for (long each = bucket + 1; each <= now; each++) {
                calls[(int) (each % BUCKETS)] = 0;
                retries[(int) (each % BUCKETS)] = 0;
            }
        }
        bucket = Math.max(bucket, now);
        return (int) (bucket % BUCKETS);
    }

    private static int sum(int[] counts) {
        int sum = 0;
        for (int each : counts) {
            sum += each;
        }
        return sum;
    }
}
