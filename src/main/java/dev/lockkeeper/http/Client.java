package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import java.util.concurrent.CompletionStage;

/**
 * The way from one event loop to one provider: a pool of connections of this loop. Used on its loop only, but for
 * {@link #fetch}. Redirects are never followed, answers are asked for in identity encoding.
 */
public interface Client {
    /**
     * Starts a request. The body is written to what is returned, once {@link Listener#ready} was called.
     *
     * @param method upper case
     * @param target path and query, percent-encoded
     * @param headers fields to send; {@code host}, {@code content-length}, {@code connection} and the like are ours and
     *     left out; given away: not to be used again
     * @param contentLength bytes of the body, 0 for none (then neither write nor end is needed), -1 for a chunked one
     * @param listener never called before this returns
     */
    Outgoing send(String method, String target, Headers headers, long contentLength, Listener listener);

    /**
     * Sends a small request and gathers the answer. May be called from any thread.
     *
     * @param maxBytes bound of the answer's body; a longer one is a {@link Fault}
     * @param timeoutMillis from now to the answer's last byte
     * @return completed on the loop; exceptionally with a {@link FaultException}
     */
    CompletionStage<Fetched> fetch(
            String method, String target, Headers headers, Bytes body, int maxBytes, long timeoutMillis);

    /** A gathered answer. */
    record Fetched(int status, Headers headers, Bytes body) {}

    /** A request under way. */
    interface Outgoing {
        /** Sends a piece of the body; false: wait for {@link Listener#drained}. */
        boolean write(Bytes piece);

        /** The body is whole. */
        void end();

        /** Stops reading the answer from the socket. */
        void pause();

        /** Goes on reading the answer. */
        void resume();

        /**
         * Breaks the request off at once, also while it waits or connects: a reset stream, or a closed connection.
         * Nothing is called back after.
         */
        void cancel();
    }

    /** Hears what becomes of a request: {@code ready? head? piece* (end | fault)}, on the loop. */
    interface Listener {
        /** A connection is there: the body may be written now. */
        void ready();

        /** The answer's status and fields (never an informational status). */
        void head(int status, Headers headers);

        /** Bytes of the answer. They stay valid after the call. */
        void piece(Bytes piece);

        /**
         * The answer is whole as HTTP tells it: by its length or its last chunk; where it has neither, by the end of
         * its connection. Nothing follows, and what was not sent of the request is not.
         */
        void end();

        /** It will not be whole. Nothing follows. */
        void fault(Fault fault);

        /** The queue towards the upstream, once full, has room again. */
        default void drained() {}
    }
}
