package dev.lockkeeper.http;

import java.time.Duration;

/**
 * How a provider's server is reached.
 *
 * @param name the provider's name, for threads, metrics and messages
 * @param host name or address
 * @param port port
 * @param tls whether to speak TLS (certificates and host names are verified)
 * @param version which HTTP to speak
 * @param connectTimeout bound of looking up the name, connecting and the TLS handshake together
 * @param keepAlive how long an idle connection is kept
 * @param maxConnections connections open at once over all loops (HTTP/2: times {@link #STREAMS} streams)
 * @param waitTimeout how long a request may wait for a connection
 * @param maxWaiting how many requests may wait at once, over all loops
 * @param privateAddresses whether loopback, link-local and private addresses may be connected to
 */
public record ClientSettings(
        String name,
        String host,
        int port,
        boolean tls,
        Version version,
        Duration connectTimeout,
        Duration keepAlive,
        int maxConnections,
        Duration waitTimeout,
        int maxWaiting,
        boolean privateAddresses) {

    /** Streams that one HTTP/2 connection carries at most; the next call opens another connection. */
    public static final int STREAMS = 64;

    /** Which HTTP to speak to an upstream. */
    public enum Version {
        /** HTTP/1.1 always. */
        HTTP_1_1,
        /** HTTP/2 where TLS's ALPN agrees on it, HTTP/1.1 otherwise and on plain connections. */
        AUTO,
        /** HTTP/2 without asking, also on plain connections. */
        HTTP_2
    }
}
