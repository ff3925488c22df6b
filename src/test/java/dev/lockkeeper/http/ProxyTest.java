package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.ForwardProxy;
import dev.lockkeeper.testing.Pem;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Upstreams behind a proxy, upstreams that want to see a certificate, and upstreams with IPv6 addresses. */
class ProxyTest {
    private static final String NAME = "upstream.test";
    private static final String BASIC = "Basic bWU6c2VjcmV0LXB3"; // me:secret-pw

    @TempDir
    Path folder;

    private final Loops loops = Loops.start(2, new Random(1));
    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void stop() throws Exception {
        loops.close();
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private <T extends AutoCloseable> T opened(T some) {
        open.add(some);
        return some;
    }

    /** An upstream that says what it was asked. */
    private int upstream(boolean tls) throws IOException {
        Pem pem = Pem.of(NAME);
        ServerSettings.Tls identity = tls
                ? new ServerSettings.Tls(
                        Files.writeString(folder.resolve("certificate.pem"), pem.certificate()),
                        Files.writeString(folder.resolve("key.pem"), pem.key()))
                : null;
        return loops.serve(
                        new ServerSettings(
                                "127.0.0.1",
                                0,
                                identity,
                                16 << 10,
                                1 << 20,
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(60),
                                100),
                        exchange -> exchange.answer(
                                200,
                                Headers.empty(),
                                Bytes.utf8(exchange.path() + " "
                                        + exchange.headers().get("host") + " "
                                        + exchange.headers().get("proxy-authorization"))),
                        (status, message) -> Bytes.utf8("{\"status\":" + status + "}"))
                .port();
    }

    private static ClientSettings.Certificates trusting(Pem pem) {
        return new ClientSettings.Certificates(pem.certificate(), "", "", "");
    }

    private static ClientSettings.Proxy plain(int port, String authorization) {
        return new ClientSettings.Proxy("proxy.test", port, false, authorization, "");
    }

    private Clients clients(
            String host,
            int port,
            ClientSettings.Version version,
            ClientSettings.@Nullable Proxy proxy,
            ClientSettings.@Nullable Certificates certificates) {
        return clients(host, port, version, proxy, certificates, Duration.ofSeconds(20));
    }

    private Clients clients(
            String host,
            int port,
            ClientSettings.Version version,
            ClientSettings.@Nullable Proxy proxy,
            ClientSettings.@Nullable Certificates certificates,
            Duration connectTimeout) {
        return loops.connect(
                new ClientSettings(
                        "test",
                        host,
                        port,
                        certificates != null,
                        version,
                        connectTimeout,
                        Duration.ofSeconds(60),
                        10,
                        Duration.ofSeconds(5),
                        10,
                        false,
                        proxy,
                        certificates),
                name -> new InetAddress[] {
                    proxy == null || name.equals(proxy.host())
                            ? InetAddress.getLoopbackAddress()
                            : InetAddress.ofLiteral("192.0.2.1")
                });
    }

    private Heard get(Clients clients, String path) throws Exception {
        Heard heard = new Heard();
        Loop loop = loops.all().getFirst();
        loop.run(() -> clients.on(loop)
                .send("GET", path, Headers.empty().add("proxy-authorization", "of-the-client"), 0, heard));
        return heard.await();
    }

    @ParameterizedTest
    @EnumSource(ClientSettings.Version.class)
    void anUpstreamWithTlsIsReachedThroughATunnelThatAloneSeesTheCredentials(ClientSettings.Version version)
            throws Exception {
        int port = upstream(true);
        ForwardProxy proxy = opened(ForwardProxy.wanting(BASIC));
        Clients clients = clients(NAME, port, version, plain(proxy.port(), BASIC), trusting(Pem.of(NAME)));

        // Over HTTP/2 the host is no field.
        String host = version == ClientSettings.Version.HTTP_1_1 ? NAME + ":" + port : "null";
        for (int i = 0; i < 3; i++) {
            Heard heard = get(clients, "/v1/" + i);
            assertThat(heard.text()).as(heard.detail()).isEqualTo("/v1/" + i + " " + host + " null");
        }
        assertThat(proxy.asked)
                .as("one connection, kept")
                .containsExactly("CONNECT " + NAME + ":" + port + " HTTP/1.1\r\nHost: " + NAME + ":" + port
                        + "\r\nProxy-Authorization: " + BASIC + "\r\n\r\n");
    }

    @Test
    void theProxyItselfMaySpeakTls() throws Exception {
        Pem identity = Pem.of("proxy.test");
        ForwardProxy proxy = opened(ForwardProxy.overTls(identity));
        ClientSettings.Proxy way =
                new ClientSettings.Proxy("proxy.test", proxy.port(), true, BASIC, identity.certificate());

        int port = upstream(true);
        Heard inside = get(clients(NAME, port, ClientSettings.Version.AUTO, way, trusting(Pem.of(NAME))), "/tls");
        assertThat(inside.text()).as(inside.detail()).startsWith("/tls ");
        int bare = upstream(false);
        Heard handed = get(clients(NAME, bare, ClientSettings.Version.AUTO, way, null), "/plain");
        assertThat(handed.text()).as(handed.detail()).startsWith("/plain ");
        assertThat(proxy.asked).hasSize(2);

        ClientSettings.Proxy stranger = new ClientSettings.Proxy("proxy.test", proxy.port(), true, BASIC, "");
        Heard refused = get(clients(NAME, bare, ClientSettings.Version.AUTO, stranger, null), "/");
        assertThat(refused.kind()).isEqualTo(Fault.Kind.TLS);
        assertThat(refused.detail()).contains("through proxy proxy.test:" + proxy.port(), "certification path");
        assertThat(proxy.asked).as("no word to a proxy that is not trusted").hasSize(2);
    }

    @Test
    void aRequestInClearTextIsHandedToTheProxyWhole() throws Exception {
        int port = upstream(false);
        ForwardProxy proxy = opened(ForwardProxy.wanting(BASIC));
        Clients clients = clients(NAME, port, ClientSettings.Version.AUTO, plain(proxy.port(), BASIC), null);

        Heard heard = get(clients, "/v1/x?y=z");

        assertThat(heard.text()).as(heard.detail()).startsWith("/v1/x " + NAME + ":" + port);
        assertThat(proxy.asked.getFirst())
                .startsWith("GET http://" + NAME + ":" + port + "/v1/x?y=z HTTP/1.1\r\n")
                .containsIgnoringCase("\r\nhost: " + NAME + ":" + port + "\r\n")
                .contains("proxy-authorization: " + BASIC)
                .doesNotContain("of-the-client");

        Clients two = clients(NAME, port, ClientSettings.Version.HTTP_2, plain(proxy.port(), BASIC), null);
        Heard tunnelled = get(two, "/h2");
        assertThat(tunnelled.text()).as(tunnelled.detail()).startsWith("/h2 ");
        assertThat(proxy.asked.getLast()).as("HTTP/2 can't be handed over").startsWith("CONNECT ");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            HTTP/1.1 403 Forbidden             | the proxy answers CONNECT with 403 Forbidden
            HTTP/1.1 502 Bad Gateway           | the proxy answers CONNECT with 502 Bad Gateway
            HTTP/1.1 407 Denied                | the proxy answers 407: it refuses the username and password
            HTTP/1.1 407 x;Proxy-Authenticate: Negotiate | the proxy answers 407 and does not offer Basic, which is the only way of signing in that is spoken
            HTTP/1.1 302 Found                 | the proxy answers CONNECT with 302 Found
            HTTP/1.1 500                       | the proxy answers CONNECT with 500
            SSH-2.0-OpenSSH_9.9                | the proxy does not speak HTTP
            """)
    void aProxyThatRefusesIsATypedFaultWithItsReasonAndNoSecret(String answer, String said) throws Exception {
        ForwardProxy proxy = opened(ForwardProxy.start(head -> answer.replace(";", "\r\n") + "\r\n\r\n"));
        Clients clients =
                clients(NAME, 443, ClientSettings.Version.AUTO, plain(proxy.port(), BASIC), trusting(Pem.of(NAME)));

        Heard heard = get(clients, "/");

        assertThat(heard.kind()).as(heard.detail()).isEqualTo(Fault.Kind.PROXY);
        assertThat(heard.detail())
                .isEqualTo(NAME + ":443 through proxy proxy.test:" + proxy.port() + ": " + said)
                .doesNotContain(BASIC);
        assertThat(proxy.asked).as("asked once").hasSize(1);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void a407ToARequestInClearTextIsTheProxysAndNotTheUpstreams() throws Exception {
        ForwardProxy proxy = opened(ForwardProxy.wanting(BASIC));
        Clients clients = clients(NAME, 80, ClientSettings.Version.AUTO, plain(proxy.port(), ""), null);
        Heard heard = get(clients, "/");
        assertThat(heard.kind()).isEqualTo(Fault.Kind.PROXY);
        assertThat(heard.detail()).endsWith("the proxy answers 407: it wants a username and password");
        await().until(() -> clients.open() == 0);
    }

    @Test
    void aProxyThatIsAwayOrSilentOrEndlessIsToldWithinTheConnectTimeout() throws Exception {
        int nobody;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = free.getLocalPort();
        }
        Heard refused =
                get(clients(NAME, 443, ClientSettings.Version.AUTO, plain(nobody, ""), trusting(Pem.of(NAME))), "/");
        assertThat(refused.kind()).isEqualTo(Fault.Kind.REFUSED);
        assertThat(refused.detail()).contains("through proxy proxy.test:" + nobody);

        ForwardProxy silent = opened(ForwardProxy.start(head -> ForwardProxy.SILENCE));
        long start = System.nanoTime();
        Clients clients = clients(
                NAME,
                443,
                ClientSettings.Version.AUTO,
                plain(silent.port(), ""),
                trusting(Pem.of(NAME)),
                Duration.ofMillis(1500));
        Heard slow = get(clients, "/");
        assertThat(slow.kind()).isEqualTo(Fault.Kind.CONNECT_TIMEOUT);
        assertThat(slow.detail()).contains("no connection within 1500 ms", "through proxy");
        assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isBetween(1400L, 15_000L);
        await().until(() -> clients.open() == 0);

        ForwardProxy endless = opened(ForwardProxy.start(head -> "HTTP/1.1 200 OK\r\nx: " + "y".repeat(100_000)));
        assertThat(get(
                                clients(
                                        NAME,
                                        443,
                                        ClientSettings.Version.AUTO,
                                        plain(endless.port(), ""),
                                        trusting(Pem.of(NAME))),
                                "/")
                        .detail())
                .endsWith("the proxy answers CONNECT without end");

        ForwardProxy closing = opened(ForwardProxy.start(head -> "HTTP/1.1 200"));
        Heard closed = get(
                clients(NAME, 443, ClientSettings.Version.AUTO, plain(closing.port(), ""), trusting(Pem.of(NAME))),
                "/");
        assertThat(closed.kind()).isEqualTo(Fault.Kind.PROXY);
        assertThat(closed.detail()).endsWith("the proxy closed the connection before it had made way");
    }

    @Test
    void theUpstreamsCertificateIsCheckedThroughATunnelToo() throws Exception {
        int port = upstream(true);
        ForwardProxy proxy = opened(ForwardProxy.start());
        Heard heard = get(
                clients(
                        "other.test",
                        port,
                        ClientSettings.Version.AUTO,
                        plain(proxy.port(), ""),
                        trusting(Pem.of(NAME))),
                "/");
        assertThat(heard.kind()).isEqualTo(Fault.Kind.TLS);
        assertThat(heard.detail()).contains("other.test");
    }

    /** An upstream that answers only who shows this certificate. */
    private int demanding(Pem client) throws IOException {
        SSLServerSocket listening = (SSLServerSocket) opened(ForwardProxy.context(Pem.of(NAME), client)
                .getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress()));
        listening.setNeedClientAuth(true);
        Thread.ofVirtual().start(() -> {
            while (!listening.isClosed()) {
                try {
                    SSLSocket socket = (SSLSocket) listening.accept();
                    Thread.ofVirtual().start(() -> greet(socket));
                } catch (IOException e) {
                    return; // closed
                }
            }
        });
        return listening.getLocalPort();
    }

    private static void greet(SSLSocket socket) {
        try (socket) {
            RawConnection connection = new RawConnection(socket);
            while (connection.readRequest() != null) {
                String who = socket.getSession().getPeerPrincipal().getName();
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + who.length() + "\r\n\r\n" + who);
            }
        } catch (Exception e) {
            return; // the handshake failed, or the client went away
        }
    }

    @ParameterizedTest
    @CsvSource({"EC", "RSA"})
    void anUpstreamThatDemandsACertificateIsShownOne(String algorithm) throws Exception {
        Pem mine = Pem.of("gateway.test", algorithm);
        int port = demanding(mine);
        String authorities = Pem.of(NAME).certificate();
        ClientSettings.Certificates showing =
                new ClientSettings.Certificates(authorities, mine.certificate(), mine.key(), "");
        Heard heard = get(local(port, showing), "/");
        assertThat(heard.text()).as(heard.detail()).isEqualTo("CN=gateway.test");

        Pem stranger = Pem.of("stranger.test");
        Heard refused = get(
                local(port, new ClientSettings.Certificates(authorities, stranger.certificate(), stranger.key(), "")),
                "/");
        // With TLS 1.3 the client is done with the handshake before the server has looked at its certificate: its alert
        // is what is read first, unless the connection is reset before.
        assertThat(refused.kind()).isIn(Fault.Kind.TLS, Fault.Kind.RESET);
        Heard none = get(local(port, trusting(Pem.of(NAME))), "/");
        assertThat(none.kind()).isIn(Fault.Kind.TLS, Fault.Kind.RESET);
    }

    @Test
    void theNameOfTheCertificateMayBeAnotherThanTheHost() throws Exception {
        int port = upstream(true);
        String authorities = Pem.of(NAME).certificate();
        Heard heard = get(local("127.0.0.1", port, new ClientSettings.Certificates(authorities, "", "", NAME)), "/");
        assertThat(heard.text()).as(heard.detail()).startsWith("/ 127.0.0.1:" + port);
        Heard other =
                get(local("127.0.0.1", port, new ClientSettings.Certificates(authorities, "", "", "other.test")), "/");
        assertThat(other.kind()).isEqualTo(Fault.Kind.TLS);
    }

    private Clients local(int port, ClientSettings.Certificates certificates) {
        return local(NAME, port, certificates);
    }

    private Clients local(String host, int port, ClientSettings.Certificates certificates) {
        return loops.connect(
                new ClientSettings(
                        "test",
                        host,
                        port,
                        true,
                        ClientSettings.Version.HTTP_1_1,
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(60),
                        10,
                        Duration.ofSeconds(5),
                        10,
                        true,
                        null,
                        certificates),
                name -> new InetAddress[] {InetAddress.getLoopbackAddress()});
    }

    @ParameterizedTest
    @CsvSource({"::1", NAME})
    void anIpv6AddressIsReachedAsALiteralAndByName(String host) throws Exception {
        InetAddress six = InetAddress.ofLiteral("::1");
        assertThat(six).isInstanceOf(Inet6Address.class);
        RawServer upstream;
        try {
            upstream = opened(new RawServer(
                    (connection, number) -> {
                        String request = connection.readRequest();
                        String said = request == null
                                ? ""
                                : request.lines()
                                        .filter(line ->
                                                line.toLowerCase(Locale.ROOT).startsWith("host:"))
                                        .findFirst()
                                        .orElse("");
                        connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + said.length() + "\r\n\r\n" + said);
                    },
                    0,
                    50,
                    six));
        } catch (IOException e) {
            Assumptions.abort("no IPv6 here: " + e);
            throw e;
        }
        Clients clients = loops.connect(
                new ClientSettings(
                        "test",
                        host,
                        upstream.port(),
                        false,
                        ClientSettings.Version.AUTO,
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(60),
                        10,
                        Duration.ofSeconds(5),
                        10,
                        true),
                host.equals("::1") ? Addresses.Source.SYSTEM : name -> new InetAddress[] {six});
        Heard heard = get(clients, "/");
        assertThat(heard.text())
                .as(heard.detail())
                .isEqualToIgnoringCase("host: " + (host.equals("::1") ? "[::1]" : host) + ":" + upstream.port());
    }
}
