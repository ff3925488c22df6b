package dev.lockkeeper.http;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

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
 * @param privateAddresses whether loopback, link-local and private addresses may be connected to; what a proxy connects
 *     to is the proxy's business
 * @param proxy what stands between; null to connect directly
 * @param certificates what TLS to the upstream trusts and shows; null for what the JDK trusts, and nothing
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
        boolean privateAddresses,
        @Nullable Proxy proxy,
        @Nullable Certificates certificates) {

    /** The same without proxy and with the usual certificates. */
    public ClientSettings(
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
        this(
                name,
                host,
                port,
                tls,
                version,
                connectTimeout,
                keepAlive,
                maxConnections,
                waitTimeout,
                maxWaiting,
                privateAddresses,
                null,
                null);
    }

    /** The same through a proxy, and with certificates of its own; null for none of either. */
    public ClientSettings through(@Nullable Proxy between, @Nullable Certificates own) {
        return with(host, port, tls, between, own);
    }

    /** The same to another server. */
    public ClientSettings to(String otherHost, int otherPort, boolean overTls) {
        return with(otherHost, otherPort, overTls, proxy, certificates);
    }

    private ClientSettings with(
            String toHost, int toPort, boolean overTls, @Nullable Proxy between, @Nullable Certificates own) {
        return new ClientSettings(
                name,
                toHost,
                toPort,
                overTls,
                version,
                connectTimeout,
                keepAlive,
                maxConnections,
                waitTimeout,
                maxWaiting,
                privateAddresses,
                between,
                own);
    }

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

    /**
     * An HTTP proxy.
     *
     * @param host name or address
     * @param port port
     * @param tls whether to speak TLS to the proxy itself
     * @param authorization what {@code proxy-authorization} says; empty to send none; secret
     * @param authorities the certificates that TLS to the proxy may lead to, as PEM; empty for the JDK's
     */
    public record Proxy(String host, int port, boolean tls, String authorization, String authorities) {
        /** Host and port: the rest is secret or long. */
        @Override
        public String toString() {
            return Addresses.inUrl(host) + ":" + port;
        }
    }

    /**
     * What TLS to an upstream trusts and shows. Contents, not files: settings with other content are other settings, so
     * that they get connections of their own.
     *
     * @param authorities the only certificates that an upstream's may lead to, as PEM; empty for the JDK's
     * @param certificate the chain that is shown to an upstream that asks for one, as PEM; empty for none
     * @param key its key, PKCS#8 as PEM; secret
     * @param serverName the name that is asked for and that the upstream's certificate must have; empty for the host
     */
    public record Certificates(String authorities, String certificate, String key, String serverName) {
        /** Nothing of the key. */
        @Override
        public String toString() {
            return "Certificates[" + (authorities.isEmpty() ? "usual" : "own") + " authorities, "
                    + (certificate.isEmpty() ? "none" : "one") + " shown, " + serverName + "]";
        }
    }
}
