package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Pem;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS on both sides, with a certificate that was made for the test. */
class TlsTest {
    private static final String NAME = "gateway.test";

    private static final Pem PEM = Pem.of(NAME);

    @TempDir
    private static Path folder;

    private static ServerSettings.Tls shown;

    private final Loops loops = Loops.start(2, new Random(1));

    @BeforeAll
    static void writeCertificate() throws IOException {
        shown = new ServerSettings.Tls(
                Files.writeString(folder.resolve("certificate.pem"), PEM.certificate()),
                Files.writeString(folder.resolve("key.pem"), PEM.key()));
    }

    @AfterEach
    void stop() {
        loops.close();
    }

    private int serve() {
        return serve(Duration.ofSeconds(5));
    }

    /** @param patience with a greeting and with a head; the first greeting of a JVM takes half a second of a processor */
    private int serve(Duration patience) {
        return loops.serve(
                        new ServerSettings(
                                "127.0.0.1", 0, shown, 4 << 10, 1 << 20, patience, patience, Duration.ofSeconds(5), 50),
                        exchange -> exchange.answer(
                                200,
                                Headers.empty(),
                                Bytes.utf8("secure " + exchange.secure() + " " + exchange.path())),
                        (status, message) -> Bytes.utf8("{\"status\":" + status + "}"))
                .port();
    }

    private SSLSocket speak(int port, String... protocols) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        trusted.setCertificateEntry("server", PEM.x509());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(5000);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(protocols);
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private static String exchange(SSLSocket socket, String request, String end) throws IOException {
        socket.getOutputStream().write(request.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
        StringBuilder read = new StringBuilder();
        while (read.indexOf(end) < 0) {
            int next = socket.getInputStream().read();
            if (next < 0) {
                throw new IOException("closed after: " + read);
            }
            read.append((char) next);
        }
        return read.toString();
    }

    @Test
    void theServerAgreesOnTheProtocol() throws Exception {
        int port = serve();
        try (SSLSocket socket = speak(port, "h2", "http/1.1")) {
            assertThat(socket.getApplicationProtocol()).isEqualTo("h2");
        }
        try (SSLSocket socket = speak(port, "http/1.1")) {
            assertThat(socket.getApplicationProtocol()).isEqualTo("http/1.1");
            for (int i = 0; i < 3; i++) {
                assertThat(exchange(socket, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "secure true /x"))
                        .startsWith("HTTP/1.1 200");
            }
        }
        try (SSLSocket socket = speak(port)) {
            assertThat(exchange(socket, "GET /y HTTP/1.1\r\nHost: h\r\n\r\n", "secure true /y"))
                    .startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void theServersBoundsHoldOverTlsToo() throws Exception {
        speak(serve(), "http/1.1").close();
        int port = serve(Duration.ofMillis(500));
        try (SSLSocket socket = speak(port, "http/1.1")) {
            assertThat(exchange(socket, "GARBAGE\r\n\r\n", "{\"status\":400}")).startsWith("HTTP/1.1 400");
        }
        try (SSLSocket socket = speak(port, "http/1.1")) {
            assertThat(exchange(socket, "GET / HT", "{\"status\":408}")).startsWith("HTTP/1.1 408");
        }
        try (RawClient silent = new RawClient(port)) {
            assertThat(silent.readToEnd()).isEmpty();
        }
        try (RawClient plain = new RawClient(port)) {
            plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(plain.readToEnd()).doesNotContain("HTTP/1.1 200");
        }
    }

    private Heard call(int port, String host, ClientSettings.Version version, boolean trust) throws Exception {
        return call(port, host, version, trust, Duration.ofSeconds(5));
    }

    private Heard call(int port, String host, ClientSettings.Version version, boolean trust, Duration connect)
            throws Exception {
        Clients clients = loops.connect(
                new ClientSettings(
                        "test",
                        host,
                        port,
                        true,
                        version,
                        connect,
                        Duration.ofSeconds(60),
                        10,
                        Duration.ofSeconds(5),
                        10,
                        true,
                        null,
                        trust ? new ClientSettings.Certificates(PEM.certificate(), "", "", "") : null),
                name -> new InetAddress[] {InetAddress.getLoopbackAddress()});
        Loop loop = loops.all().getFirst();
        Heard heard = new Heard();
        loop.run(() -> clients.on(loop).send("GET", "/z", Headers.empty(), 0, heard));
        heard.await();
        if (heard.fault != null) {
            await().until(() -> clients.open() == 0);
        }
        return heard;
    }

    @Test
    void theClientAgreesOnTheProtocolAndChecksTheName() throws Exception {
        int port = serve();
        for (ClientSettings.Version version : ClientSettings.Version.values()) {
            Heard heard = call(port, NAME, version, true);
            assertThat(heard.text()).as(version + " " + heard.detail()).isEqualTo("secure true /z");
        }
        Heard wrong = call(port, "other.test", ClientSettings.Version.AUTO, true);
        assertThat(wrong.kind()).isEqualTo(Fault.Kind.TLS);
        assertThat(wrong.detail()).contains("other.test");
        Heard untrusted = call(port, NAME, ClientSettings.Version.AUTO, false);
        assertThat(untrusted.kind()).isEqualTo(Fault.Kind.TLS);
        assertThat(untrusted.detail()).contains("certification path");
    }

    @Test
    void whoDoesNotSpeakTlsIsTold() throws Exception {
        try (RawServer plain = new RawServer((connection, number) -> connection.send("HTTP/1.1 400 Bad\r\n\r\n"))) {
            assertThat(call(plain.port(), NAME, ClientSettings.Version.AUTO, true)
                            .kind())
                    .isEqualTo(Fault.Kind.TLS);
        }
        try (RawServer closing = new RawServer((connection, number) -> connection.socket.close())) {
            assertThat(call(closing.port(), NAME, ClientSettings.Version.AUTO, true)
                            .kind())
                    .isEqualTo(Fault.Kind.TLS);
        }
        try (RawServer silent = new RawServer((connection, number) -> connection.ends(5000))) {
            long start = System.nanoTime();
            assertThat(call(silent.port(), NAME, ClientSettings.Version.AUTO, true, Duration.ofMillis(300))
                            .kind())
                    .isEqualTo(Fault.Kind.CONNECT_TIMEOUT);
            assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isLessThan(1500);
        }
    }

    @Test
    void aClientThatGoesAwayOverTlsIsNoticed() throws Exception {
        BlockingQueue<Long> gone = new LinkedBlockingQueue<>();
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        int port = loops.serve(
                        new ServerSettings(
                                "127.0.0.1",
                                0,
                                shown,
                                4 << 10,
                                1 << 20,
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(5),
                                50),
                        exchange -> {
                            exchange.onGone(() -> gone.add(System.nanoTime()));
                            exchanges.add(exchange);
                        },
                        (status, message) -> Bytes.EMPTY)
                .port();
        try (SSLSocket socket = speak(port, "http/1.1")) {
            socket.getOutputStream()
                    .write("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n"
                            .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
            assertThat(exchanges.poll(5, TimeUnit.SECONDS)).isNotNull();
        }
        long said = System.nanoTime();
        Long noticed = gone.poll(5, TimeUnit.SECONDS);
        assertThat(noticed).isNotNull();
        assertThat(TimeUnit.NANOSECONDS.toMillis(noticed - said)).isLessThan(100);
    }
}
