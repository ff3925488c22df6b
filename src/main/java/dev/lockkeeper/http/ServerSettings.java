package dev.lockkeeper.http;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a server listens and what it bears with.
 *
 * @param host address to listen on
 * @param port port, 0 for any free one
 * @param tls certificate and key, null for plain HTTP; with it HTTP/2 is offered by ALPN, without it HTTP/2 is spoken
 *     with clients that begin with it (h2c prior knowledge)
 * @param maxHead bytes of request line and header fields together; more is 431
 * @param maxRequestBody bytes of a request's body; more is 413
 * @param headTimeout from the first byte of a request (or the opening of the connection) to the end of its head; longer
 *     is 408, or a closed connection where not a byte came; with TLS also the bound of the handshake
 * @param bodyTimeout between two pieces of a body; longer is 408
 * @param keepAlive how long a connection may idle between requests
 * @param maxConnections connections open at once; on a few more ({@link #allowance}) requests are answered 503, and beyond
 *     those connections are closed at once
 * @param front what stands in front of it
 * @param unixSocket where it listens besides; null for nowhere. TLS is not spoken there
 */
public record ServerSettings(
        String host,
        int port,
        @Nullable Tls tls,
        int maxHead,
        long maxRequestBody,
        Duration headTimeout,
        Duration bodyTimeout,
        Duration keepAlive,
        int maxConnections,
        Front front,
        @Nullable UnixSocket unixSocket) {

    /** With nothing in front. */
    public ServerSettings(
            String host,
            int port,
            @Nullable Tls tls,
            int maxHead,
            long maxRequestBody,
            Duration headTimeout,
            Duration bodyTimeout,
            Duration keepAlive,
            int maxConnections) {
        this(
                host,
                port,
                tls,
                maxHead,
                maxRequestBody,
                headTimeout,
                bodyTimeout,
                keepAlive,
                maxConnections,
                Front.NONE,
                null);
    }

    /**
     * A server's identity.
     *
     * @param certificate PEM file with the certificate chain
     * @param key PEM file with the private key (PKCS#8)
     */
    public record Tls(Path certificate, Path key) {
        /** What is wrong with the files' contents, in words; null if they can be used. Reads them: blocks. */
        public @Nullable String problem() {
            return switch (Identity.read(this)) {
                case Identity _ -> null;
                case Identified.Unusable(String why) -> why;
            };
        }
    }

    /**
     * A Unix socket to listen on.
     *
     * @param path its file, at most {@value #MAX_BYTES} bytes long; kernels allow 107, and a few are added
     *     while it is made
     * @param mode its permissions, as chmod has them; a client must be allowed to write
     */
    public record UnixSocket(Path path, int mode) {
        /** Bytes of a path at most. */
        public static final int MAX_BYTES = 96;
    }

    /**
     * How many connections beyond {@link #maxConnections} are let in to be told so: a tenth more, at least 16, at most
     * 1,000. A client learns more of a 503 than of a closed connection, but saying so costs a connection, too.
     */
    int allowance() {
        return Math.clamp(maxConnections / 10, 16, 1_000);
    }

    /** The defaults, on an address and port. */
    public static ServerSettings on(String host, int port) {
        return new ServerSettings(
                host,
                port,
                null,
                64 << 10,
                64L << 20,
                Duration.ofSeconds(10),
                Duration.ofSeconds(30),
                Duration.ofSeconds(75),
                20_000);
    }
}
