package dev.lockkeeper.relay;

/**
 * An attempt of a call that came to nothing.
 *
 * @param provider who was asked
 * @param upstreamModel what it calls the model
 * @param key the name of the provider's key, empty where it has one only
 * @param failure the kind of failure: {@code busy}, {@code broken}, {@code silent}, {@code unreached}, …
 * @param code the error's code as the provider told it, or this gateway's; may be empty
 * @param delivered characters of its answer that the client was shown, which another attempt had to go on with
 * @param nanos how long it took
 * @param costNanos what was booked for it, in nano-dollars; {@link CallReport#NO_COST} when nothing was
 */
public record FailedAttempt(
        String provider,
        String upstreamModel,
        String key,
        String failure,
        String code,
        int delivered,
        long nanos,
        long costNanos) {}
