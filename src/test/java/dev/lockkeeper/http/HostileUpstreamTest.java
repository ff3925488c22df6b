package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Upstreams that answer what is no answer, or more than one: a fault with a name or the one answer, and never is what they
 * said beyond it taken for the answer to the next call.
 */
class HostileUpstreamTest {
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private static final String SMUGGLED = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled";
    private static final String CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    private static final Loops LOOPS = Loops.start(1, new Random(1));

    private final CountDownLatch heard = new CountDownLatch(1);

    @AfterAll
    static void stop() {
        LOOPS.close();
    }

    /** Calls, and waits for what becomes of it. */
    private static Heard answer(Clients clients) throws Exception {
        Heard heard = new Heard();
        Loop loop = LOOPS.all().getFirst();
        loop.run(() -> clients.on(loop).send("GET", "/", Headers.empty(), 0, heard));
        return heard.await();
    }

    private static Clients clients(int port) {
        return LOOPS.connect(new ClientSettings(
                "test",
                "127.0.0.1",
                port,
                false,
                ClientSettings.Version.HTTP_1_1,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                1,
                Duration.ofSeconds(5),
                10,
                true));
    }

    /** Says something on its first connection and OK on each later one, and keeps each open. */
    private static RawServer hostileAtFirst(String bytes) throws IOException {
        return new RawServer((connection, number) -> {
            connection.readRequest();
            connection.send(number == 1 ? bytes : OK);
            connection.readRequest();
        });
    }

    private static Stream<Arguments> answersThatAreNone() {
        return Stream.of(
                Arguments.of(
                        "two lengths",
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 39\r\n\r\nok" + SMUGGLED),
                Arguments.of("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok"),
                Arguments.of("a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok"),
                Arguments.of("NUL in a value", "HTTP/1.1 200 OK\r\nX: a\u0000b\r\nContent-Length: 2\r\n\r\nok"),
                Arguments.of("CR in a value", "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok"),
                Arguments.of("a chunk's size that is none", CHUNKED + "zz\r\nok\r\n0\r\n\r\n"),
                Arguments.of("a chunk's size that is negative", CHUNKED + "-2\r\nok\r\n0\r\n\r\n"),
                Arguments.of("a chunk's size that overflows", CHUNKED + "100000000000000002\r\nok\r\n0\r\n\r\n"),
                Arguments.of("a chunk that is longer", CHUNKED + "2\r\nokay\r\n0\r\n\r\n"),
                Arguments.of("a head that is too long", "HTTP/1.1 200 OK\r\n" + "X: y\r\n".repeat(50_000) + "\r\n"),
                Arguments.of(
                        "trailers that are too long",
                        CHUNKED + "2\r\nok\r\n0\r\n" + "X: y\r\n".repeat(50_000) + "\r\n"),
                Arguments.of("informational answers without end", "HTTP/1.1 103 Hint\r\n\r\n".repeat(10_000) + OK),
                Arguments.of(
                        "a name with a space inside",
                        "HTTP/1.1 200 OK\r\nContent-Length x: 39\r\nContent-Length: 2\r\n\r\nok"),
                Arguments.of("a field without colon", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX \r\n\r\nok"),
                Arguments.of(
                        "a protocol that nobody asked for",
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nok"),
                Arguments.of("another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("answersThatAreNone")
    void whatIsNoAnswerIsAFaultAndItsConnectionIsNotUsedAgain(String what, String bytes) throws Exception {
        try (RawServer server = hostileAtFirst(bytes);
                Clients clients = clients(server.port())) {
            Heard first = answer(clients);
            assertThat(first.kind()).as("%s: %s", first.order, first.text()).isEqualTo(Fault.Kind.PROTOCOL);
            assertThat(first.order).doesNotContain("e");
            await().until(() -> clients.open() == 0);
            assertThat(answer(clients).text()).isEqualTo("ok");
            assertThat(server.connections).hasSize(2);
        }
    }

    private static Stream<Arguments> answersWithMore() {
        return Stream.of(
                Arguments.of("a second answer", OK + SMUGGLED),
                Arguments.of("a letter", OK + "x"),
                Arguments.of("the end of a line", OK + "\r\n"),
                Arguments.of("half a first line", OK + "HTTP/1.1 200 OK"),
                Arguments.of("half a head", OK + "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX: "),
                Arguments.of("half an answer", OK + "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmug"),
                Arguments.of("more behind an answer without body", "HTTP/1.1 204 None\r\n\r\nHTTP/1.1 2"),
                Arguments.of("more behind the last chunk", CHUNKED + "2\r\nok\r\n0\r\n\r\n" + SMUGGLED),
                Arguments.of(
                        "length and coding",
                        "HTTP/1.1 200 OK\r\nContent-Length: 49\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                                + SMUGGLED));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("answersWithMore")
    void whatComesBehindAnAnswerIsNobodysAnswer(String what, String bytes) throws Exception {
        try (RawServer server = hostileAtFirst(bytes);
                Clients clients = clients(server.port())) {
            assertThat(answer(clients).text()).isIn("ok", "");
            await().until(() -> clients.open() == 0);
            assertThat(answer(clients).text()).isEqualTo("ok");
            assertThat(server.connections).hasSize(2);
        }
    }

    @Test
    void whatComesLaterBehindAnAnswerClosesItsConnection() throws Exception {
        try (RawServer server = new RawServer((connection, number) -> {
                    connection.readRequest();
                    connection.send(OK);
                    if (number == 1) {
                        heard.await();
                        connection.send("HTTP/1.1 200 OK\r\nX: ");
                    }
                    connection.readRequest();
                });
                Clients clients = clients(server.port())) {
            assertThat(answer(clients).text()).isEqualTo("ok");
            assertThat(clients.open()).isEqualTo(1);
            heard.countDown();
            await().until(() -> clients.open() == 0);
            assertThat(answer(clients).text()).isEqualTo("ok");
            assertThat(server.connections).hasSize(2);
        }
    }

    @Test
    void spaceBeforeAColonIsLeftOutAndTheFieldMeansWhatItSays() throws Exception {
        try (RawServer server = new RawServer((connection, number) -> {
                    while (connection.readRequest() != null) {
                        connection.send("HTTP/1.1 200 OK\r\nContent-Length \t: 2\r\nX : y\r\n\r\nok");
                    }
                });
                Clients clients = clients(server.port())) {
            Heard first = answer(clients);
            assertThat(first.text()).isEqualTo("ok");
            assertThat(Objects.requireNonNull(first.headers).get("x")).isEqualTo("y");
            assertThat(answer(clients).text()).isEqualTo("ok");
            assertThat(server.connections).hasSize(1);
        }
    }
}
