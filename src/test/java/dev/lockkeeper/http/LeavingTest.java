package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.units.Bytes;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A server that leaves: what its clients see on connections they have open, frame by frame. */
class LeavingTest {
    private static final String GET = "GET /x HTTP/1.1\r\nhost: h\r\n\r\n";

    private final Loops loops = Loops.start(2, new Random(1));

    /** Requests for /slow wait here until the test answers them. */
    private final BlockingQueue<Exchange> slow = new LinkedBlockingQueue<>();

    private final Server server = loops.serve(
            new ServerSettings(
                    "127.0.0.1",
                    0,
                    null,
                    4 << 10,
                    1 << 20,
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20),
                    500),
            exchange -> {
                if (exchange.path().equals("/slow")) {
                    slow.add(exchange);
                } else {
                    ok(exchange);
                }
            },
            (status, message) -> Bytes.EMPTY);

    @AfterEach
    void stop() {
        loops.close();
    }

    private static void ok(Exchange exchange) {
        exchange.answer(200, Headers.empty(), Bytes.utf8("ok"));
    }

    private Exchange waiting() throws InterruptedException {
        Exchange exchange = slow.poll(5, TimeUnit.SECONDS);
        assertThat(exchange).isNotNull();
        return exchange;
    }

    // HTTP/1.1

    @Test
    void answersSayCloseWhileNewConnectionsAreStillTaken() throws Exception {
        try (RawClient old = new RawClient(server.port())) {
            assertThat(old.send(GET).readAnswer()).doesNotContainIgnoringCase("connection: close");

            server.turnAway();

            assertThat(old.send(GET).readToEnd())
                    .containsIgnoringCase("connection: close")
                    .endsWith("ok");
            try (RawClient fresh = new RawClient(server.port())) {
                assertThat(fresh.send(GET).readToEnd())
                        .containsIgnoringCase("connection: close")
                        .endsWith("ok");
            }
        }
    }

    @Test
    void anIdleConnectionStaysUntilThePortIsClosedAndThenEndsWithoutAReset() throws Exception {
        try (RawClient idle = new RawClient(server.port())) {
            idle.send(GET).readAnswer();
            server.turnAway();
            assertThat(idle.isSilent(200)).as("open").isTrue();

            server.shut();

            assertThat(idle.readToEnd()).as("the end, and nothing before it").isEmpty();
            assertThatThrownBy(() -> new RawClient(server.port())).isInstanceOf(IOException.class);
            await().until(() -> server.connections() == 0);
        }
    }

    @Test
    void aCallUnderWayEndsAndWhatHalfCameIsServed() throws Exception {
        try (RawClient busy = new RawClient(server.port());
                RawClient half = new RawClient(server.port())) {
            busy.send("GET /slow HTTP/1.1\r\nhost: h\r\n\r\n");
            Exchange underWay = waiting();
            half.send(GET.substring(0, 10));
            await().until(() -> server.connections() == 2);

            server.turnAway();
            server.shut();
            assertThat(busy.isSilent(100)).isTrue();
            assertThat(half.isSilent(100)).isTrue();
            half.send(GET.substring(10));
            underWay.loop().run(() -> ok(underWay));

            assertThat(busy.readToEnd())
                    .containsIgnoringCase("connection: close")
                    .endsWith("ok");
            assertThat(half.readToEnd())
                    .containsIgnoringCase("connection: close")
                    .endsWith("ok");
            await().until(() -> server.connections() == 0);
        }
    }

    @Test
    void aStreamWhoseHeadWentOutBeforeEndsAndThenItsConnection() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET /slow HTTP/1.1\r\nhost: h\r\n\r\n");
            Exchange underWay = waiting();
            underWay.loop().run(() -> {
                underWay.head(200, Headers.empty());
                underWay.write(Bytes.utf8("begun"));
            });
            client.readUntil("begun");

            server.turnAway();
            server.shut();
            underWay.loop().run(() -> {
                underWay.write(Bytes.utf8("done"));
                underWay.end();
            });

            assertThat(client.readToEnd()).contains("done").endsWith("0\r\n\r\n");
            await().until(() -> server.connections() == 0);
        }
    }

    @Test
    void aConnectionThatNeverSaysAWordDoesNotHoldTheServerUp() throws Exception {
        try (RawClient silent = new RawClient(server.port())) {
            await().until(() -> server.connections() == 1);

            server.turnAway();
            server.shut();

            assertThat(silent.isSilent(Http1Connection.SILENT_MILLIS / 2))
                    .as("its first request may be on its way")
                    .isTrue();
            assertThat(silent.readToEnd()).isEmpty();
            await().until(() -> server.connections() == 0);
        }
    }

    @Test
    void manyIdleConnectionsAllEnd() throws Exception {
        RawClient[] clients = new RawClient[300];
        for (int i = 0; i < clients.length; i++) {
            clients[i] = new RawClient(server.port());
            clients[i].send(GET).readAnswer();
        }

        server.turnAway();
        server.shut();

        for (RawClient each : clients) {
            assertThat(each.readToEnd()).isEmpty();
            each.close();
        }
        await().until(() -> server.connections() == 0);
    }

    // HTTP/2

    private static String text(RawHttp2.Frame data) {
        return new String(data.payload(), StandardCharsets.ISO_8859_1);
    }

    private static int lastStream(RawHttp2.Frame goAway) {
        return ByteBuffer.wrap(goAway.payload()).getInt();
    }

    @Test
    void goAwayComesTwiceAndStreamsBetweenTheTwoAreServed() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            DataInputStream in = new DataInputStream(client.socket.getInputStream());
            client.send(RawHttp2.PREFACE).send(RawHttp2.settings());
            client.send(RawHttp2.request(1, "GET", "/slow", true));
            Exchange underWay = waiting();

            server.turnAway();
            RawHttp2.Frame first = RawHttp2.readUntil(in, RawHttp2.GOAWAY);
            assertThat(lastStream(first)).as("any stream").isEqualTo(Integer.MAX_VALUE);
            assertThat(first.code()).as("no error").isZero();

            client.send(RawHttp2.request(3, "GET", "/x", true));
            RawHttp2.Frame crossed = RawHttp2.readUntil(in, RawHttp2.DATA);
            assertThat(crossed.stream()).isEqualTo(3);
            assertThat(text(crossed)).isEqualTo("ok");

            server.shut();
            RawHttp2.Frame second = RawHttp2.readUntil(in, RawHttp2.GOAWAY);
            assertThat(lastStream(second)).isEqualTo(3);
            assertThat(second.code()).isZero();

            client.send(RawHttp2.request(5, "GET", "/x", true)); // not begun, as the second GOAWAY says
            underWay.loop().run(() -> ok(underWay));
            RawHttp2.Frame answered = RawHttp2.readUntil(in, RawHttp2.DATA);
            assertThat(answered.stream()).isEqualTo(1);
            assertThat(text(answered)).isEqualTo("ok");
            await().until(() -> server.connections() == 0);
        }
    }

    @Test
    void anIdleConnectionThatCameLateIsToldAndClosed() throws Exception {
        server.turnAway();
        try (RawClient client = new RawClient(server.port())) {
            DataInputStream in = new DataInputStream(client.socket.getInputStream());
            client.send(RawHttp2.PREFACE).send(RawHttp2.settings());
            client.send(RawHttp2.request(1, "GET", "/x", true));
            assertThat(text(RawHttp2.readUntil(in, RawHttp2.DATA))).isEqualTo("ok");

            server.shut();

            assertThat(lastStream(RawHttp2.readUntil(in, RawHttp2.GOAWAY))).isEqualTo(Integer.MAX_VALUE);
            assertThat(lastStream(RawHttp2.readUntil(in, RawHttp2.GOAWAY)))
                    .as("also where the client answers no PING")
                    .isEqualTo(1);
            await().until(() -> server.connections() == 0);
        }
    }
}
