package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Pem;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Random;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Certificates that are replaced under a running server. */
class CertificatesTest {
    private static final Pem FIRST = Pem.of("first.test");
    private static final Pem SECOND = Pem.of("second.test", "RSA");

    private final Loops loops = Loops.start(2, new Random(1));

    @TempDir
    private Path folder;

    private Path certificate;
    private Path key;

    @BeforeEach
    void write() throws IOException {
        certificate = Files.writeString(folder.resolve("tls.crt"), FIRST.certificate());
        key = Files.writeString(folder.resolve("tls.key"), FIRST.key());
    }

    @AfterEach
    void stop() {
        loops.close();
    }

    private Server serve() {
        ServerSettings on = ServerSettings.on("127.0.0.1", 0);
        return loops.serve(
                new ServerSettings(
                        "127.0.0.1",
                        0,
                        new ServerSettings.Tls(certificate, key),
                        on.maxHead(),
                        on.maxRequestBody(),
                        on.headTimeout(),
                        on.bodyTimeout(),
                        on.keepAlive(),
                        on.maxConnections()),
                exchange -> exchange.answer(200, Headers.empty(), Bytes.utf8("ok " + exchange.path())),
                (status, message) -> Bytes.utf8("{}"));
    }

    private static SSLSocket speak(int port, String... protocols) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Everybody()}, null);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(5000);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(protocols);
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private static Certificate shown(int port) {
        try (SSLSocket socket = speak(port)) {
            return socket.getSession().getPeerCertificates()[0];
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static void ask(SSLSocket socket, String path) throws IOException {
        socket.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        StringBuilder read = new StringBuilder();
        while (read.indexOf("ok " + path) < 0) {
            int next = socket.getInputStream().read();
            if (next < 0) {
                throw new IOException("closed after: " + read);
            }
            read.append((char) next);
        }
    }

    private static void awaitShown(int port, Pem pem) {
        await().atMost(Duration.ofSeconds(20)).until(() -> shown(port).equals(pem.x509()));
    }

    private static void replace(Path file, String content) throws IOException {
        Path beside = Files.writeString(file.resolveSibling(file.getFileName() + ".new"), content);
        Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE);
    }

    @Test
    void newConnectionsAreShownTheNewCertificateAndOpenOnesGoOn() throws Exception {
        Server server = serve();
        int port = server.port();
        try (SSLSocket open = speak(port, "http/1.1")) {
            ask(open, "/before");
            replace(certificate, SECOND.certificate());
            replace(key, SECOND.key());
            awaitShown(port, SECOND);
            ask(open, "/after");
            assertThat(open.getSession().getPeerCertificates()[0]).isEqualTo(FIRST.x509());
        }
        assertThat(server.certificateNotAfter())
                .contains(SECOND.x509().getNotAfter().toInstant());
        try (SSLSocket socket = speak(port, "h2", "http/1.1")) {
            assertThat(socket.getApplicationProtocol()).isEqualTo("h2");
        }
        for (int i = 0; i < 6; i++) { // by turns on either loop
            assertThat(shown(port)).isEqualTo(SECOND.x509());
        }
    }

    @Test
    void aHalfWrittenPairKeepsTheOldOneUntilItIsWhole() throws Exception {
        Server server = serve();
        int port = server.port();
        replace(certificate, SECOND.certificate());
        await().atMost(Duration.ofSeconds(20)).until(server::certificateUnusable);
        assertThat(shown(port)).isEqualTo(FIRST.x509());
        assertThat(server.certificateNotAfter())
                .contains(FIRST.x509().getNotAfter().toInstant());
        replace(key, SECOND.key().substring(0, 300));
        await().atMost(Duration.ofSeconds(20)).until(server::certificateUnusable);
        assertThat(shown(port)).isEqualTo(FIRST.x509());
        replace(key, SECOND.key());
        awaitShown(port, SECOND);
        await().atMost(Duration.ofSeconds(20)).until(() -> !server.certificateUnusable());
    }

    /** Kubernetes keeps a secret's files in a folder of its own, behind the link ..data that it turns. */
    @Test
    void aTurnedLinkIsSeen() throws Exception {
        Path old = Files.createDirectory(folder.resolve("..1"));
        Path next = Files.createDirectory(folder.resolve("..2"));
        Files.writeString(old.resolve("tls.crt"), FIRST.certificate());
        Files.writeString(old.resolve("tls.key"), FIRST.key());
        Files.writeString(next.resolve("tls.crt"), SECOND.certificate());
        Files.writeString(next.resolve("tls.key"), SECOND.key());
        Path data = Files.createSymbolicLink(folder.resolve("..data"), old.getFileName());
        Path mounted = Files.createDirectory(folder.resolve("mounted"));
        certificate = Files.createSymbolicLink(mounted.resolve("tls.crt"), data.resolve("tls.crt"));
        key = Files.createSymbolicLink(mounted.resolve("tls.key"), data.resolve("tls.key"));
        int port = serve().port();
        assertThat(shown(port)).isEqualTo(FIRST.x509());
        Path turned = Files.createSymbolicLink(folder.resolve("..data_tmp"), next.getFileName());
        Files.move(turned, data, StandardCopyOption.ATOMIC_MOVE);
        awaitShown(port, SECOND);
    }

    @ParameterizedTest
    @ValueSource(strings = {"EC", "RSA", "Ed25519"})
    void aPairIsKnownByItsKey(String algorithm) throws IOException {
        Pem mine = Pem.of("first.test", algorithm);
        Pem other = Pem.of("second.test", algorithm);
        Files.writeString(certificate, mine.certificate() + other.certificate());
        Files.writeString(key, mine.key());
        ServerSettings.Tls tls = new ServerSettings.Tls(certificate, key);
        assertThat(tls.problem()).isNull();
        Files.writeString(key, other.key());
        assertThat(tls.problem()).isEqualTo(key + " is not the key of " + certificate);
        Files.writeString(key, algorithm.equals("RSA") ? FIRST.key() : SECOND.key());
        assertThat(tls.problem()).startsWith(key + " is not ");
    }

    @Test
    void whatIsWrongWithThePairIsToldWithoutTheKey() throws IOException {
        ServerSettings.Tls tls = new ServerSettings.Tls(certificate, key);
        Files.writeString(key, FIRST.key().replace("-----END", "-----FIN"));
        assertThat(tls.problem()).isEqualTo(key + " holds no whole PRIVATE KEY");
        Files.writeString(certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assertThat(tls.problem()).startsWith(certificate + " is not a chain of certificates");
        Files.writeString(certificate, "");
        assertThat(tls.problem()).isEqualTo(certificate + " holds no certificate");
        Files.delete(certificate);
        assertThat(tls.problem()).isEqualTo("can't read " + certificate);
        assertThatThrownBy(this::serve)
                .hasMessage("cannot listen on 127.0.0.1:0: can't read " + certificate + "; see server.tls");
        assertThat(Identity.read(new ServerSettings.Tls(
                                Files.writeString(certificate, FIRST.certificate()),
                                Files.writeString(key, FIRST.key())))
                        .toString())
                .isEqualTo("CN=first.test, valid until "
                        + FIRST.x509().getNotAfter().toInstant());
    }

    /** What is looked at here is which certificate is shown, not whether it is to be trusted. */
    private static final class Everybody implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
