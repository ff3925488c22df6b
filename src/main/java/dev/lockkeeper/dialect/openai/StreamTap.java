package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a streamed answer's events on their way to the client, and says of each what to do with it. One per attempt,
 * used by one thread at a time.
 */
public interface StreamTap {
    /** Bytes of generated text that are kept for estimates; {@link #textBytes} counts on beyond. */
    int TEXT_BOUND = 256 << 10;

    /** What to do with an event. */
    enum Verdict {
        /** Forward it now, as {@link #outgoing} gives it. */
        PASS,
        /** Don't forward it: the client did not ask for it. */
        DROP,
        /** It belongs to the end of the answer: forward it, as {@link #outgoing} gives it, once the gate is passed. */
        HOLD,
        /** It is not what this dialect sends: the stream is broken. Nothing of it is to be forwarded. */
        BROKEN
    }

    /**
     * Takes the next event.
     *
     * @param name the event's {@code event:} field, or null
     * @param data the event's data, lines joined
     */
    Verdict event(@Nullable String name, Bytes data);

    /**
     * The event last taken, as the client is to get it: the raw one, or a copy without the {@code usage: null} that only
     * stands there because the gateway asked for usage.
     *
     * @param raw the event's bytes as they came, the one that the data was taken from
     */
    default Bytes outgoing(Bytes raw) {
        return raw;
    }

    /** Whether the answer is complete, so that the end of the stream now is a good one. */
    boolean finished();

    /** Whether nothing more is awaited: the stream's end marker, its terminal event or its error came. */
    boolean done();

    /** Whether the upstream itself said that it failed. That event tells the client; {@link #afterError} follows it. */
    boolean failed();

    /**
     * What to send after the upstream's own error event, which passes as it came: the end that clients of this dialect wait
     * for, where such an event is not one.
     *
     * @param code the error's, as the upstream told it
     * @param message the error's, as the upstream told it
     */
    default Bytes afterError(String code, String message) {
        return Bytes.EMPTY;
    }

    /** What the upstream said it used, or null as long as it said nothing. */
    @Nullable Usage usage();

    /** The answer's id, such as {@code chatcmpl-…} or {@code resp_…}; null until known. */
    @Nullable String objectId();

    /** Objects that came to be besides the one of {@link #objectId}; complete once {@link #finished}. */
    default List<Made> alsoMade() {
        return List.of();
    }

    /** The model that answers, as the upstream calls it; null until known. */
    @Nullable String model();

    /** The service tier really used; null until known. */
    @Nullable String serviceTier();

    /** Why the answer ended: the finish reason told last, or a response's status; empty until told. */
    String finish();

    /**
     * What was generated so far: text, reasoning, tool arguments, in order of arrival. At most {@link #TEXT_BOUND} bytes. A
     * view: it grows with further events, and costs nothing until it is read.
     */
    CharSequence text();

    /** UTF-8 bytes generated so far, also those beyond {@link #TEXT_BOUND}. */
    long textBytes();

    /**
     * What the client has of the answer when every event that was to {@link Verdict#PASS} was sent to it: without the event
     * that broke the stream or told an error. It is made when it is asked for; until then it costs next to nothing.
     */
    Delivered delivered();

    /** What to send when the stream ended after {@link #finished} but before {@link #done}. */
    Bytes closing();

    /**
     * What to send when the stream broke off: an error as this dialect's streams tell it. No end marker follows it.
     *
     * @param code such as {@code upstream_reset}
     * @param message for the client's developer
     */
    Bytes brokenEnding(String code, String message);
}
