package dev.lockkeeper.relay;

import java.nio.file.Path;
import java.time.Duration;

/**
 * How calls are carried.
 *
 * @param heartbeat how long an upstream may be silent in a stream before the client gets an SSE comment; zero: never
 * @param gather how long events wait for company before they leave together; zero: an event alone leaves at once
 * @param maxEvent bytes of one server-sent event; a longer one breaks the stream
 * @param maxBytesInFlight bytes held of JSON bodies, of forms, of batch inputs being checked, and in full queues
 *     towards slow clients, in the whole process; beyond it 503
 * @param maxCalls calls under way at once in the whole process; a further one is 503
 * @param spill folder for multipart bodies whose model stands behind a large file
 * @param peek bytes of a multipart body held in memory while its model is looked for; the rest is spilled
 * @param maxInputTokens tokens of a prompt; beyond it 413
 * @param unbounded whether calls whose cost has no bound are open to callers under a hard budget
 * @param endUsers how the people behind calls are named
 * @param fair where calls wait for a provider's limit
 * @param later how long and how often is looked for what is billed later
 * @param resume how streams are kept for clients that come back
 */
public record RelaySettings(
        Duration heartbeat,
        Duration gather,
        int maxEvent,
        long maxBytesInFlight,
        int maxCalls,
        Path spill,
        int peek,
        long maxInputTokens,
        boolean unbounded,
        EndUsers endUsers,
        FairSettings fair,
        LaterSettings later,
        ResumeSettings resume) {
    /** The same with other queues for what is scarce. */
    public RelaySettings sharing(FairSettings queues) {
        return new RelaySettings(
                heartbeat,
                gather,
                maxEvent,
                maxBytesInFlight,
                maxCalls,
                spill,
                peek,
                maxInputTokens,
                unbounded,
                endUsers,
                queues,
                later,
                resume);
    }

    /** The same where the people behind calls are named otherwise. */
    public RelaySettings naming(EndUsers others) {
        return new RelaySettings(
                heartbeat,
                gather,
                maxEvent,
                maxBytesInFlight,
                maxCalls,
                spill,
                peek,
                maxInputTokens,
                unbounded,
                others,
                fair,
                later,
                resume);
    }

    /** The same with another folder for what is spilled. */
    public RelaySettings spilling(Path folder) {
        return new RelaySettings(
                heartbeat,
                gather,
                maxEvent,
                maxBytesInFlight,
                maxCalls,
                folder,
                peek,
                maxInputTokens,
                unbounded,
                endUsers,
                fair,
                later,
                resume);
    }
}
