package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * One request of a client and its answer. Belongs to one event loop: every method but {@link #loop} is called on it,
 * every callback comes on it. Works alike over HTTP/1.1 and HTTP/2.
 */
public interface Exchange {
    /** The loop this exchange lives on. */
    Loop loop();

    /** The request's own id, {@code req_} and 24 letters or digits; also sent as {@code x-request-id}. */
    String id();

    /** {@link System#nanoTime()} when the head had been read. */
    long startedNanos();

    /** The method, upper case. */
    String method();

    /** The path as it came, without query and fragment, still percent-encoded; starts with {@code /}. */
    String path();

    /** What follows the question mark, still encoded; null when there is none. */
    @Nullable String query();

    /** The request's header fields. */
    Headers headers();

    /**
     * The client's address, without port: the socket's peer, or who a trusted proxy says it speaks for
     * ({@link ServerSettings#front}); {@code unix} for a Unix socket. Found out when first asked for.
     */
    String clientAddress();

    /** Whether the request came over TLS, here or at a trusted proxy. */
    boolean secure();

    /**
     * Starts reading the body. Nothing of it is read before; {@code Expect: 100-continue} is answered here, so that a
     * refused request never has to send its body. Called at most once; where it is never called the server discards
     * what comes, within bounds, or closes the connection. What is there already may be handed on before this returns.
     */
    void read(Intake intake);

    /** Stops reading the body from the socket until {@link #resume}. */
    void pause();

    /** Goes on reading after {@link #pause}. */
    void resume();

    /**
     * Sends the status and the header fields. Once. The server adds {@code date} and, where it is not set,
     * {@code x-request-id}; without a {@code content-length} among the fields the body is chunked.
     */
    void head(int status, Headers headers);

    /** Adds a field to the answer's head, whoever sends it; before {@link #head}. */
    void also(String name, String value);

    /** Whether {@link #head} has been called. */
    boolean headSent();

    /**
     * Sends a piece of the answer.
     *
     * @return true when more is welcome, false when the client reads more slowly than this: then wait for the
     *     {@link #onDrain} callback (a piece written all the same is queued, never lost)
     */
    boolean write(Bytes piece);

    /** Sets what is called each time the queue towards the client, once full, has room again. */
    void onDrain(Runnable drained);

    /** Completes the answer. */
    void end();

    /**
     * Breaks the answer off so that the client sees it is not whole: a reset stream in HTTP/2, a closed connection in
     * HTTP/1.1.
     */
    void abort();

    /**
     * Breaks the answer off as a crashed peer would: a reset connection (RST, not FIN) in HTTP/1.1, whatever was not
     * sent yet is lost; in HTTP/2 as {@link #abort}.
     */
    default void reset() {
        abort();
    }

    /** Whether {@link #end} or {@link #abort} was called or the client is gone. */
    boolean over();

    /**
     * Sets what is called, at most once, when the client goes away before the answer was written out: also while its
     * connection is silent, paused, or holds a pipelined request. A client that closes only its own half counts as gone.
     * May come after {@link #end}, when what was written could not be sent. Where a body was being read, its intake has
     * heard {@link BodyFault#BROKEN} before.
     */
    void onGone(Runnable gone);

    /** Sends a whole small answer: head with {@code content-length}, body, end. */
    default void answer(int status, Headers headers, Bytes body) {
        headers.set("content-length", Integer.toString(body.length()));
        head(status, headers);
        if (body.length() > 0) {
            write(body);
        }
        end();
    }

    /** Receives a request's body. */
    interface Intake {
        /** The next bytes. They stay valid after the call. */
        void piece(Bytes piece);

        /** The body is whole. */
        void end();

        /** The body will not come; nothing follows. The exchange can still be answered unless the client is gone. */
        void failed(BodyFault why);
    }

    /** Why a body could not be read. */
    enum BodyFault {
        /** More bytes than {@link ServerSettings#maxRequestBody}. */
        TOO_LARGE,
        /** No byte for longer than {@link ServerSettings#bodyTimeout}. */
        SLOW,
        /** The client went away or its bytes are not HTTP. */
        BROKEN
    }
}
