package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.units.Bytes;
import java.io.DataInputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A client that goes away is noticed soon, whatever its connection is doing. */
class GoneTest {
    /** How soon; the promise is 100 ms, the rest is a busy machine's. */
    private static final long SOON_MILLIS = 100;

    enum Farewell {
        FIN,
        RESET;

        void say(RawClient client) throws IOException {
            if (this == FIN) {
                client.leave();
            } else {
                client.reset();
            }
        }
    }

    private final Loops loops = Loops.start(2, new Random(1));
    private final BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
    private final BlockingQueue<Long> gone = new LinkedBlockingQueue<>();
    private final BlockingQueue<Exchange.BodyFault> faults = new LinkedBlockingQueue<>();

    @AfterEach
    void stop() {
        loops.close();
    }

    private int serve(Loops.Handler then) {
        return loops.serve(
                        ServerSettings.on("127.0.0.1", 0),
                        exchange -> {
                            exchange.onGone(() -> gone.add(System.nanoTime()));
                            then.handle(exchange);
                            exchanges.add(exchange);
                        },
                        (status, message) -> Bytes.EMPTY)
                .port();
    }

    private Exchange next() throws InterruptedException {
        Exchange exchange = exchanges.poll(5, TimeUnit.SECONDS);
        assertThat(exchange).isNotNull();
        return exchange;
    }

    private void goneSoonAfter(Farewell farewell, RawClient client) throws Exception {
        long said = System.nanoTime();
        farewell.say(client);
        Long noticed = gone.poll(5, TimeUnit.SECONDS);
        assertThat(noticed).as("noticed").isNotNull();
        assertThat(TimeUnit.NANOSECONDS.toMillis(noticed - said)).isLessThan(SOON_MILLIS);
        await().pollDelay(Duration.ofMillis(30))
                .untilAsserted(() -> assertThat(gone).isEmpty());
    }

    private Exchange.Intake intake(int pauseAfter, Exchange exchange) {
        return new Exchange.Intake() {
            private int read;

            @Override
            public void piece(Bytes piece) {
                read += piece.length();
                if (read >= pauseAfter) {
                    exchange.pause();
                }
            }

            @Override
            public void end() {}

            @Override
            public void failed(Exchange.BodyFault why) {
                faults.add(why);
            }
        };
    }

    @ParameterizedTest
    @EnumSource
    void whileNothingHappens(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> {}))) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Exchange exchange = next();
            goneSoonAfter(farewell, client);
            assertThat(exchange.over()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileTheAnswerStreams(Farewell farewell) throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            exchange.write(Bytes.utf8("one"));
        });
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readUntil("one");
            next();
            goneSoonAfter(farewell, client);
        }
    }

    @ParameterizedTest
    @EnumSource
    void beforeTheBodyIsRead(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> {}))) {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
            next();
            goneSoonAfter(farewell, client);
            assertThat(faults).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileTheBodyIsAwaited(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> exchange.read(intake(1000, exchange))))) {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
            next();
            goneSoonAfter(farewell, client);
            assertThat(faults).containsExactly(Exchange.BodyFault.BROKEN);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileASmallBodyIsPaused(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> exchange.read(intake(1, exchange))))) {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n12345");
            next();
            client.send("67890");
            goneSoonAfter(farewell, client);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileABigBodyIsPausedAndTheSocketIsFull(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> exchange.read(intake(1, exchange))))) {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
            client.send(new byte[110_000]); // more than is read ahead, less than kernels hold
            next();
            goneSoonAfter(farewell, client);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileAPipelinedRequestWaits(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> {}))) {
            client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
            next();
            client.send("POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
            goneSoonAfter(farewell, client);
            assertThat(exchanges).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileManyPipelinedRequestsWait(Farewell farewell) throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> {}))) {
            client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n".repeat(100));
            next();
            goneSoonAfter(farewell, client);
            assertThat(exchanges).isEmpty();
        }
    }

    @Test
    void aClientThatPipelinesWithoutMeasureIsClosed() throws Exception {
        try (RawClient client = new RawClient(serve(exchange -> {}))) {
            client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000));
            next();
            assertThat(gone.poll(5, TimeUnit.SECONDS)).isNotNull();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whileItDoesNotReadItsAnswer(Farewell farewell) throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            for (int i = 0; i < 100; i++) {
                exchange.write(Bytes.of(new byte[1 << 20]));
            }
        });
        try (RawClient client = new RawClient(port, 16 << 10)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            next();
            assertThat(client.socket.getInputStream().read()).isEqualTo('H');
            goneSoonAfter(farewell, client);
        }
    }

    @Test
    void anAbortedClientThatDoesNotReadIsClosedAllTheSame() throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            for (int i = 0; i < 100; i++) {
                exchange.write(Bytes.of(new byte[1 << 20]));
            }
        });
        try (RawClient client = new RawClient(port, 16 << 10)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Exchange exchange = next();
            exchange.loop().run(exchange::abort);
            long total = client.socket.getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
            assertThat(total).isLessThan(100 << 20);
        }
    }

    @Test
    void nobodyIsGoneAfterAnAnswerThatWasWrittenOut() throws Exception {
        try (RawClient client = new RawClient(serve(e -> e.answer(200, Headers.empty(), Bytes.utf8("ok"))))) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            client.leave();
            next();
            await().during(Duration.ofMillis(150)).until(gone::isEmpty);
        }
    }

    // HTTP/2

    private RawClient http2(int port, byte[] request) throws IOException {
        RawClient client = new RawClient(port);
        client.send(RawHttp2.PREFACE).send(RawHttp2.settings()).send(request);
        return client;
    }

    @ParameterizedTest
    @EnumSource
    void overHttp2WhileNothingHappens(Farewell farewell) throws Exception {
        try (RawClient client = http2(serve(exchange -> {}), RawHttp2.request(1, "GET", "/", true))) {
            next();
            goneSoonAfter(farewell, client);
        }
    }

    @Test
    void overHttp2ByResettingTheStream() throws Exception {
        try (RawClient client = http2(serve(exchange -> {}), RawHttp2.request(1, "GET", "/", true))) {
            next();
            long said = System.nanoTime();
            client.send(RawHttp2.frame(RawHttp2.RST_STREAM, 0, 1, new byte[] {0, 0, 0, 8}));
            Long noticed = gone.poll(5, TimeUnit.SECONDS);
            assertThat(noticed).isNotNull();
            assertThat(TimeUnit.NANOSECONDS.toMillis(noticed - said)).isLessThan(SOON_MILLIS);
        }
    }

    @ParameterizedTest
    @EnumSource
    void overHttp2WhileTheBodyIsPaused(Farewell farewell) throws Exception {
        int port = serve(exchange -> exchange.read(intake(1, exchange)));
        try (RawClient client = http2(port, RawHttp2.request(1, "POST", "/", false))) {
            for (int i = 0; i < 10; i++) {
                client.send(RawHttp2.frame(RawHttp2.DATA, 0, 1, new byte[6000]));
            }
            next();
            goneSoonAfter(farewell, client);
            assertThat(faults).containsExactly(Exchange.BodyFault.BROKEN);
        }
    }

    @ParameterizedTest
    @EnumSource
    void overHttp2WhileItDoesNotReadItsAnswer(Farewell farewell) throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            boolean more = true;
            for (int i = 0; i < 100; i++) {
                more = exchange.write(Bytes.of(new byte[1 << 16]));
            }
            assertThat(more).isFalse();
        });
        try (RawClient client = http2(port, RawHttp2.request(1, "GET", "/", true))) {
            next();
            RawHttp2.readUntil(new DataInputStream(client.socket.getInputStream()), RawHttp2.DATA);
            goneSoonAfter(farewell, client);
        }
    }
}
