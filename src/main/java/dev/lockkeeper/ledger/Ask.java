package dev.lockkeeper.ledger;

/**
 * What is asked of the ledger before an attempt.
 *
 * @param callId the call's id, the same for all of its attempts
 * @param attempt which try of the call this is, from 1
 * @param payer who pays
 * @param provider the target's provider
 * @param model the model that the client asked for
 * @param upstreamModel the target's model
 * @param leastNanos the least that makes sense, in nano-dollars: with less the attempt is not made
 * @param wantedNanos the most it can cost, or what its first slice can cost where it is watched, in nano-dollars
 * @param likelyNanos what it likely costs in all, in nano-dollars: as much is kept from new calls for this one to grow
 */
public record Ask(
        String callId,
        int attempt,
        Payer payer,
        String provider,
        String model,
        String upstreamModel,
        long leastNanos,
        long wantedNanos,
        long likelyNanos) {
    public Ask {
        if (leastNanos < 0 || wantedNanos < leastNanos || likelyNanos < 0) {
            throw new IllegalArgumentException("least " + leastNanos + ", wanted " + wantedNanos + ", likely "
                    + likelyNanos + " nanos (expected: 0 <= least <= wanted, 0 <= likely)");
        }
    }
}
