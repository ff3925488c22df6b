package dev.lockkeeper.routing;

/** What is known of one candidate. Guarded by its provider. */
final class CandidateHealth {
    final ProviderHealth provider;
    final Candidate candidate;
    final Breaker breaker;
    final Latency latency = new Latency();
    final Rest rest = new Rest();

    /** Shared by the candidates with its key. */
    final Rest keyRest;

    int busy;
    long usedNanos;

    /** When it last said something of an answer. */
    long heardNanos;

    CandidateHealth(ProviderHealth provider, Candidate candidate, Breaker breaker, Rest keyRest, long nowNanos) {
        this.provider = provider;
        this.candidate = candidate;
        this.breaker = breaker;
        this.keyRest = keyRest;
        this.usedNanos = nowNanos;
        this.heardNanos = nowNanos;
    }

    boolean isOld(long nowNanos) {
        return busy == 0 && nowNanos - usedNanos >= Health.FORGET_NANOS;
    }

    /** A time in which nobody is asked, because it was said so. */
    static final class Rest {
        private long untilNanos;
        private boolean resting;
        private String why = "";

        void until(long nowNanos, long millis, String reason) {
            long bounded = Math.min(millis, Health.LONGEST_REST_MILLIS);
            long until = nowNanos + bounded * 1_000_000;
            if (bounded > 0 && (nanos(nowNanos) == 0 || until - untilNanos > 0)) {
                untilNanos = until;
                resting = true;
                why = reason;
            }
        }

        /** How long it lasts yet; 0: not at all. */
        long nanos(long nowNanos) {
            if (resting && untilNanos - nowNanos <= 0) {
                resting = false;
            }
            return resting ? untilNanos - nowNanos : 0;
        }

        String why() {
            return why;
        }
    }
}
