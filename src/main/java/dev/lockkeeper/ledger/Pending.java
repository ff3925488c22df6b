package dev.lockkeeper.ledger;

/**
 * Money that is set aside for something a provider bills later.
 *
 * @param awaited what
 * @param callId the call that began it
 * @param payer who pays
 * @param provider where it is
 * @param model the model that the client asked for
 * @param upstreamModel what the provider calls it
 * @param heldNanos what is set aside, in nano-dollars
 * @param sinceMillis when it was set aside, milliseconds since 1970
 */
public record Pending(
        Awaited awaited,
        String callId,
        Payer payer,
        String provider,
        String model,
        String upstreamModel,
        long heldNanos,
        long sinceMillis) {}
