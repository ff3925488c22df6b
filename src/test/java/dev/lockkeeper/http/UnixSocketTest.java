package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Pem;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A server that listens on a Unix socket beside its port. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class UnixSocketTest {
    private static final String GET = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

    private final Loops loops = Loops.start(2, new Random(1));
    private final BlockingQueue<String> gone = new LinkedBlockingQueue<>();

    @TempDir
    private Path folder;

    private Path socket;

    @BeforeEach
    void place() {
        socket = folder.resolve("s.sock");
    }

    @AfterEach
    void stop() {
        loops.close();
    }

    private Server serve(int mode, boolean trusted, ServerSettings.@Nullable Tls tls) {
        return serve(mode, new Front(List.of(), trusted, Front.Field.X_FORWARDED_FOR, false), tls);
    }

    private Server serve(int mode, Front front, ServerSettings.@Nullable Tls tls) {
        ServerSettings on = ServerSettings.on("127.0.0.1", 0);
        return loops.serve(
                new ServerSettings(
                        "127.0.0.1",
                        0,
                        tls,
                        on.maxHead(),
                        on.maxRequestBody(),
                        on.headTimeout(),
                        on.bodyTimeout(),
                        on.keepAlive(),
                        on.maxConnections(),
                        front,
                        new ServerSettings.UnixSocket(socket, mode)),
                exchange -> {
                    if (exchange.path().equals("/wait")) {
                        exchange.onGone(() -> gone.add("gone"));
                        exchange.head(200, Headers.empty());
                        exchange.write(Bytes.utf8("begun"));
                        return;
                    }
                    exchange.answer(
                            200,
                            Headers.empty(),
                            Bytes.utf8("from " + exchange.clientAddress() + (exchange.secure() ? " tls" : "") + "."));
                },
                (status, message) -> Bytes.utf8("{\"status\":" + status + "}"));
    }

    private SocketChannel open() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }

    private static String ask(SocketChannel channel, String text, String end) throws IOException {
        channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
        ByteBuffer buffer = ByteBuffer.allocate(4 << 10);
        StringBuilder read = new StringBuilder();
        while (read.indexOf(end) < 0) {
            if (channel.read(buffer.clear()) < 0) {
                throw new IOException("closed after: " + read);
            }
            read.append(StandardCharsets.ISO_8859_1.decode(buffer.flip()));
        }
        return read.toString();
    }

    @Test
    void theSocketAnswersAsThePortDoes() throws IOException {
        Server server = serve(0660, false, null);
        try (SocketChannel channel = open()) {
            for (int i = 0; i < 3; i++) {
                assertThat(ask(channel, GET, "from unix.")).startsWith("HTTP/1.1 200");
            }
            assertThat(ask(channel, "GARBAGE\r\n\r\n", "{\"status\":400}")).startsWith("HTTP/1.1 400");
        }
        try (RawClient client = new RawClient(server.port())) {
            assertThat(client.send(GET).readAnswer()).endsWith("from 127.0.0.1.");
        }
        assertThat(files()).containsExactly(socket);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    @Test
    void whoComesByTheSocketIsBelievedOnlyWhereTheSettingsSaySo() throws IOException {
        String claim = "GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n";
        try (Server _ = serve(0660, false, null);
                SocketChannel channel = open()) {
            assertThat(ask(channel, claim, "from unix.")).isNotEmpty();
        }
        try (Server _ = serve(0660, true, null);
                SocketChannel channel = open()) {
            assertThat(ask(channel, claim, "from 203.0.113.9 tls.")).isNotEmpty();
        }
    }

    @Test
    void theProxyProtocolIsSpokenThereToo() throws IOException {
        Front front = new Front(List.of(), true, Front.Field.X_FORWARDED_FOR, true);
        Server _ = serve(0660, front, null);
        try (SocketChannel channel = open()) {
            assertThat(ask(channel, "PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n" + GET, "from 203.0.113.9."))
                    .isNotEmpty();
        }
    }

    @Test
    void overTheSocketThereIsNoTls() throws IOException {
        Pem pem = Pem.of("first.test");
        Path certificate = Files.writeString(folder.resolve("c.pem"), pem.certificate());
        Path key = Files.writeString(folder.resolve("k.pem"), pem.key());
        Server _ = serve(0660, false, new ServerSettings.Tls(certificate, key));
        try (SocketChannel channel = open()) {
            assertThat(ask(channel, GET, "from unix.")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void aClientThatGoesIsSeen() throws Exception {
        Server _ = serve(0660, false, null);
        try (SocketChannel channel = open()) {
            ask(channel, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n", "begun");
            assertThat(gone).isEmpty();
        }
        assertThat(gone.poll(5, TimeUnit.SECONDS)).isEqualTo("gone");
    }

    @Test
    void theFileHasItsPermissionsAndGoesWithTheServer() throws IOException {
        Server server = serve(0640, false, null);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-r-----");
        server.close();
        assertThat(files()).isEmpty();
    }

    @Test
    void aServerThatShutsHidesItsSocketAtOnceAndEndsWhatIsUnderWay() throws IOException {
        Server server = serve(0660, false, null);
        try (SocketChannel channel = open()) {
            ask(channel, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n", "begun");
            server.shut();
            assertThat(socket).doesNotExist();
            assertThat(server.connections()).isOne();
        }
        await().until(() -> server.connections() == 0);
    }

    @Test
    void whatADeadProcessLeftIsReplaced() throws IOException {
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(socket));
        }
        assertThat(socket).exists();
        Server _ = serve(0660, false, null);
        try (SocketChannel channel = open()) {
            assertThat(ask(channel, GET, "from unix.")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void whatLivesOrIsNoSocketIsLeftAlone() throws IOException {
        try (ServerSocketChannel living = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            living.bind(UnixDomainSocketAddress.of(socket));
            assertThatThrownBy(() -> serve(0660, false, null))
                    .isInstanceOf(PortTaken.class)
                    .hasMessage("cannot listen on " + socket
                            + ": another process listens there; stop it, or choose another path");
            open().close();
        }
        Files.delete(socket);
        Files.writeString(socket, "precious");
        assertThatThrownBy(() -> serve(0660, false, null))
                .isInstanceOf(PortTaken.class)
                .hasMessageContaining("what is there is no socket");
        assertThat(socket).hasContent("precious");
        socket = folder.resolve("no/such/s.sock");
        assertThatThrownBy(() -> serve(0660, false, null)).hasMessageContaining("there is no folder");
    }

    @Test
    @Timeout(20)
    void aLivingProcessThatAcceptsNobodyIsNotWaitedFor() throws IOException {
        List<SocketChannel> waiting = new ArrayList<>();
        try (ServerSocketChannel living = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            living.bind(UnixDomainSocketAddress.of(socket), 1);
            assertThatThrownBy(() -> {
                        while (waiting.size() < 100) {
                            SocketChannel next = SocketChannel.open(StandardProtocolFamily.UNIX);
                            waiting.add(next);
                            next.configureBlocking(false);
                            next.connect(UnixDomainSocketAddress.of(socket));
                        }
                    })
                    .isInstanceOf(SocketException.class);
            assertThatThrownBy(() -> serve(0660, false, null))
                    .isInstanceOf(PortTaken.class)
                    .hasMessageContaining("another process may listen there");
        } finally {
            for (SocketChannel each : waiting) {
                each.close();
            }
        }
    }

    @Test
    void aFileThatAnotherProcessPutThereMeanwhileStays() throws IOException {
        Server server = serve(0660, false, null);
        Files.delete(socket);
        try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.bind(UnixDomainSocketAddress.of(socket));
            server.close();
            assertThat(socket).exists();
        }
    }
}
