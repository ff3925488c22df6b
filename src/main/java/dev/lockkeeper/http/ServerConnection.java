package dev.lockkeeper.http;

import io.netty.util.AttributeKey;

/** A client's connection as its exchanges and its timeouts see it. On its loop only. */
interface ServerConnection {
    /** Where a channel keeps its connection. */
    AttributeKey<ServerConnection> OF = AttributeKey.valueOf("lockkeeper.connection");

    /** Looks whether something takes too long; called every now and then. */
    void check(long nowNanos);

    /** Tells the client to open no further exchange here, where the protocol can say so outside an answer. */
    void turnAway();

    /** An exchange began. */
    void begun(ServerExchange exchange);

    /** The exchange's body may be handed on from now; nothing of it was before. */
    void openBody(ServerExchange exchange);

    /** Holds the body back, and soon the client. */
    void pauseBody(ServerExchange exchange);

    /** Hands the body on again. */
    void resumeBody(ServerExchange exchange);

    /**
     * Whether the connection must close behind this exchange's answer, as its head will say: because what is left of the
     * request cannot be told from a next one, or is more than is worth reading, or because the server is leaving.
     */
    boolean lastAnswer(ServerExchange exchange);

    /** The answer is written, whole, or the client is gone. Called once. */
    void over(ServerExchange exchange);

    /** Breaks an answer off so that the client sees it. */
    void abort(ServerExchange exchange);
}
