package dev.lockkeeper.relay;

import dev.lockkeeper.units.Usage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a call when it is over. Holds no prompt, no answer, no secret and no query string.
 *
 * @param requestId as sent in {@code x-request-id}
 * @param keyId of the key that called, empty when none was accepted
 * @param project of that key, empty when none
 * @param client its address, as far as it is known ({@link dev.lockkeeper.http.Exchange#clientAddress}); a personal datum
 * @param endpoint path as in the table of endpoints, such as {@code /v1/files/{file_id}}; empty when no endpoint matched
 * @param method upper case
 * @param model what the client asked for, empty when none
 * @param upstreamModel what the provider was asked for, empty when none
 * @param provider who was asked, empty when none
 * @param status sent to the client; {@link #CLIENT_GONE} when it went away before one was sent
 * @param outcome how it ended
 * @param errorCode the code of the error told to the client, empty when none
 * @param streamed whether the answer was a stream of events
 * @param firstByteNanos from the start to the first byte of the answer sent, -1 when none was
 * @param totalNanos from the start to the end
 * @param ownNanos of {@code totalNanos}, without waiting for the upstream and for the client
 * @param usage tokens, null when there are none to tell
 * @param bytesIn of the request's body
 * @param bytesOut of the answer's body
 * @param epochMillis the time of the start, milliseconds since 1970
 * @param finish the finish reason as the upstream told it, empty when none
 * @param warnings how many warnings the answer carried
 * @param costNanos what was booked for it, all attempts together, in nano-dollars; {@link #NO_COST} when nothing was to be
 *     booked
 * @param failedAttempts the attempts before the last one, or all of them where none was left to be made
 * @param resumes how often its client had come back to its stream when it was over
 * @param resumeOf the id of the call whose stream was told on, empty when this is none that came back
 */
public record CallReport(
        String requestId,
        String keyId,
        String project,
        String client,
        String endpoint,
        String method,
        String model,
        String upstreamModel,
        String provider,
        int status,
        Outcome outcome,
        String errorCode,
        boolean streamed,
        long firstByteNanos,
        long totalNanos,
        long ownNanos,
        @Nullable Usage usage,
        long bytesIn,
        long bytesOut,
        long epochMillis,
        String finish,
        int warnings,
        long costNanos,
        List<FailedAttempt> failedAttempts,
        int resumes,
        String resumeOf) {

    public CallReport {
        failedAttempts = List.copyOf(failedAttempts);
    }

    /** The same of a call whose stream was resumed so often, or that came back to another's. */
    CallReport resumed(int often, String of) {
        return new CallReport(
                requestId,
                keyId,
                project,
                client,
                endpoint,
                method,
                model,
                upstreamModel,
                provider,
                status,
                outcome,
                errorCode,
                streamed,
                firstByteNanos,
                totalNanos,
                ownNanos,
                usage,
                bytesIn,
                bytesOut,
                epochMillis,
                finish,
                warnings,
                costNanos,
                failedAttempts,
                often,
                of);
    }

    /** The status told of a call whose client went away before a status was sent. */
    public static final int CLIENT_GONE = 499;

    /** Nothing was to be booked. */
    public static final long NO_COST = -1;

    /** How a call ended. */
    public enum Outcome {
        /** The client got a whole answer, be it an upstream's that found fault with the request. */
        SERVED,
        /** This gateway said no before an upstream was asked. */
        REFUSED,
        /** An upstream was asked, and failed (429 and 5xx too) or did not answer to the end. */
        FAILED,
        /** The client went away first. */
        ABANDONED,
        /** The client was told what another call with its idempotency key was answered: nothing was asked or used for it. */
        REPLAYED,
        /** The client came back to a stream and was told the rest of it: nothing was asked or used for it. */
        RESUMED
    }
}
