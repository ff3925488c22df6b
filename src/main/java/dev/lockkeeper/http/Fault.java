package dev.lockkeeper.http;

/**
 * Why an upstream did not answer, or not to the end.
 *
 * @param kind what happened
 * @param detail for the operator: host, address, cause; never a header's or a body's content
 */
public record Fault(Kind kind, String detail) {
    /** What happened on the way to an upstream. */
    public enum Kind {
        /** All connections in use and none came free in time, or too many waited already. */
        POOL_FULL,
        /** The host's name has no address. */
        DNS,
        /** The address is private and the provider may not use those. */
        PRIVATE_ADDRESS,
        /** Nobody listens there. */
        REFUSED,
        /** No connection within the connect timeout. */
        CONNECT_TIMEOUT,
        /** The TLS handshake failed. */
        TLS,
        /** The proxy refused, or does not speak as one. */
        PROXY,
        /** The connection or the stream ended before the answer was whole. */
        RESET,
        /**
         * A kept connection ended before anything of the answer came: most often the upstream closed it, idle, just as
         * the request was sent. The request may be sent again.
         */
        STALE,
        /** The bytes are not HTTP. */
        PROTOCOL,
        /** A gathered answer was longer than its bound. */
        TOO_LARGE,
        /** A gathered answer did not come in time. */
        TIMEOUT
    }
}
