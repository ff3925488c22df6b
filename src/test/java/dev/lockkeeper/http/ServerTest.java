package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The server's HTTP/1.1 side, spoken to byte by byte. */
class ServerTest {
    private static final Loops.Unreadable UNREADABLE =
            (status, message) -> Bytes.utf8("{\"status\":" + status + ",\"message\":\"" + message + "\"}");

    private final Loops loops = Loops.start(2, new Random(1));

    @AfterEach
    void stop() {
        loops.close();
    }

    private static ServerSettings settings() {
        return new ServerSettings(
                "127.0.0.1",
                0,
                null,
                4 << 10,
                1 << 20,
                Duration.ofMillis(300),
                Duration.ofMillis(300),
                Duration.ofMillis(600),
                50);
    }

    private int serve(Loops.Handler handler) {
        return serve(settings(), handler);
    }

    private int serve(ServerSettings settings, Loops.Handler handler) {
        return loops.serve(settings, handler, UNREADABLE).port();
    }

    @Test
    void aServerApartAnswersWhileEveryLoopOfCallsIsHeldUp() throws Exception {
        Server apart = loops.serveApart(settings(), ServerTest::ok, UNREADABLE);
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch heldUp = new CountDownLatch(loops.all().size());
        for (Loop each : loops.all()) {
            each.run(() -> {
                heldUp.countDown();
                try {
                    assertThat(go.await(30, TimeUnit.SECONDS)).isTrue();
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                }
            });
        }
        assertThat(heldUp.await(10, TimeUnit.SECONDS)).isTrue();
        try (RawClient client = new RawClient(apart.port())) {
            client.send("GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n");
            assertThat(client.readUntil("/readyz")).startsWith("HTTP/1.1 200");
        } finally {
            go.countDown();
        }
    }

    private static void ok(Exchange exchange) {
        exchange.answer(200, Headers.empty(), Bytes.utf8("ok " + exchange.path()));
    }

    /** Reads the body, then says how long it was or why it failed. */
    private static void count(Exchange exchange) {
        exchange.read(new Gather() {
            @Override
            public void end() {
                exchange.answer(200, Headers.empty(), Bytes.utf8("read " + size()));
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                exchange.answer(
                        switch (why) {
                            case TOO_LARGE -> 413;
                            case SLOW -> 408;
                            case BROKEN -> 400;
                        },
                        Headers.empty(),
                        Bytes.utf8("failed " + why));
            }
        });
    }

    private abstract static class Gather implements Exchange.Intake {
        private final ByteArrayOutputStream all = new ByteArrayOutputStream();

        @Override
        public void piece(Bytes piece) {
            all.write(piece.array(), piece.offset(), piece.length());
        }

        int size() {
            return all.size();
        }
    }

    private static String post(int length) {
        return "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + length + "\r\n\r\n";
    }

    @Test
    void anAnswerCarriesDateAndRequestIdAndTheConnectionGoesOn() throws IOException {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            for (int i = 0; i < 3; i++) {
                String answer =
                        client.send("GET /a?b=c#d HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
                assertThat(answer).startsWith("HTTP/1.1 200 OK\r\n").endsWith("\r\n\r\nok /a");
                assertThat(answer).containsPattern("date: \\w{3}, \\d+ \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT");
                assertThat(answer).containsPattern("x-request-id: req_[0-9A-Za-z]{24}\r\n");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"close", "Close", "close, x", "x , CLOSE", "keep-alive,close", "x\r\nConnection: y, close"})
    void aClientThatWantsToCloseIsToldThatItWillBe(String connection) throws IOException {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            assertThat(client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: " + connection + "\r\n\r\n")
                            .readToEnd())
                    .containsIgnoringCase("\r\nconnection: close\r\n")
                    .endsWith("ok /a");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"keep-alive", "x, closed", "cl", "TE, trailers", ""})
    void otherWordsAboutTheConnectionDoNotCloseIt(String connection) throws IOException {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            for (int i = 0; i < 2; i++) {
                assertThat(client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: " + connection + "\r\n\r\n")
                                .readAnswer())
                        .endsWith("ok /a");
            }
        }
    }

    @Test
    void theRequestIsSeenAsItCame() throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        int port = serve(exchange -> {
            seen.add(exchange.method() + " " + exchange.path() + " " + exchange.query() + " "
                    + exchange.headers().all("x-a") + " " + exchange.clientAddress() + " " + exchange.secure());
            ok(exchange);
        });
        try (RawClient client = new RawClient(port)) {
            client.send("GET /%7Ea/b%20c?x=%20y&z HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
                    .readAnswer();
            client.send("GET http://h/abs?q HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            client.send("GET /a?b?c#d?e HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            client.send("GET /folded HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n 2\r\n\r\n")
                    .readAnswer();
            client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
        }
        assertThat(seen)
                .containsExactly(
                        "GET /%7Ea/b%20c x=%20y&z [1, 2] 127.0.0.1 false",
                        "GET /abs q [] 127.0.0.1 false",
                        "GET /a b?c [] 127.0.0.1 false",
                        "GET /folded null [1 2] 127.0.0.1 false",
                        "OPTIONS / null [] 127.0.0.1 false");
    }

    @Test
    void aStreamedAnswerIsChunkedAndItsHeadDoesNotWaitForABody() throws Exception {
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty().set("content-type", "text/event-stream"));
            exchanges.add(exchange);
        });
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(client.readUntil("\r\n\r\n")).contains("transfer-encoding: chunked");
            Exchange exchange = exchanges.poll(5, TimeUnit.SECONDS);
            exchange.loop().run(() -> exchange.write(Bytes.utf8("one")));
            assertThat(client.readUntil("one\r\n")).isEqualTo("3\r\none\r\n");
            exchange.loop().run(() -> {
                exchange.write(Bytes.utf8("two"));
                exchange.write(Bytes.EMPTY);
                exchange.end();
            });
            assertThat(client.readUntil("0\r\n\r\n")).isEqualTo("3\r\ntwo\r\n0\r\n\r\n");
            assertThat(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readUntil("\r\n\r\n"))
                    .contains("200");
        }
    }

    @Test
    void anAbortedAnswerDoesNotLookWhole() throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            exchange.write(Bytes.utf8("part"));
            exchange.loop().run(() -> {
                if (exchange.path().equals("/later")) {
                    return;
                }
                exchange.abort();
            });
        });
        try (RawClient client = new RawClient(port)) {
            assertThat(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readToEnd())
                    .doesNotContain("0\r\n\r\n");
        }
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.0\r\n\r\n");
            assertThatThrownBy(client::readToEnd).hasMessageContaining("reset");
        }
    }

    @Test
    void aHandlerThatThrowsEndsItsConnection() throws Exception {
        int port = serve(exchange -> {
            throw new IllegalStateException("on purpose");
        });
        try (RawClient client = new RawClient(port)) {
            assertThat(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readToEnd())
                    .isEmpty();
        }
    }

    @Test
    void aBodyIsReadWhole() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::count))) {
            assertThat(client.send(post(300_000)).send(new byte[300_000]).readAnswer())
                    .endsWith("read 300000");
            client.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.send("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n");
            assertThat(client.readAnswer()).endsWith("read 11");
            assertThat(client.send(post(0)).readAnswer()).endsWith("read 0");
            assertThat(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer())
                    .endsWith("read 0");
        }
    }

    @Test
    void aBodyLongerThanAllowedIsRefusedBeforeItIsRead() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::count))) {
            client.send(post(2 << 20));
            String answer = client.readAnswer();
            assertThat(answer)
                    .startsWith("HTTP/1.1 413 ")
                    .contains("connection: close")
                    .endsWith("failed TOO_LARGE");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aChunkedBodyLongerThanAllowedIsRefusedWhenItIsCounted() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::count))) {
            client.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            String chunk = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
            for (int i = 0; i < 17; i++) {
                client.send(chunk);
            }
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 413 ").endsWith("failed TOO_LARGE");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aSlowBodyIsGivenUp() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::count))) {
            client.send(post(10)).send("12345");
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 408 ").endsWith("failed SLOW");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aPausedBodyIsNotSlow() throws Exception {
        int port = serve(exchange -> {
            exchange.read(new Gather() {
                private boolean paused;

                @Override
                public void piece(Bytes piece) {
                    super.piece(piece);
                    if (!paused) {
                        paused = true;
                        exchange.pause();
                        resumeAfterTicks(exchange, 30);
                    }
                }

                @Override
                public void end() {
                    exchange.answer(200, Headers.empty(), Bytes.utf8("read " + size()));
                }

                @Override
                public void failed(Exchange.BodyFault why) {
                    exchange.answer(500, Headers.empty(), Bytes.utf8("failed " + why));
                }
            });
        });
        try (RawClient client = new RawClient(port)) {
            client.send(post(200_000)).send(new byte[200_000]);
            assertThat(client.readAnswer()).endsWith("read 200000");
        }
    }

    private static void resumeAfterTicks(Exchange exchange, int count) {
        int[] ticks = {0};
        Loop.Subscription[] subscription = new Loop.Subscription[1];
        subscription[0] = exchange.loop().everyTick(now -> {
            if (++ticks[0] == count) {
                subscription[0].close();
                exchange.resume();
            }
        });
    }

    @Test
    void whatIsPausedStaysWithTheClient() throws Exception {
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        int[] read = {0};
        int port = serve(
                new ServerSettings(
                        "127.0.0.1",
                        0,
                        null,
                        4 << 10,
                        1 << 30,
                        Duration.ofSeconds(9),
                        Duration.ofSeconds(9),
                        Duration.ofSeconds(9),
                        50),
                exchange -> exchange.read(new Gather() {
                    @Override
                    public void piece(Bytes piece) {
                        boolean first = read[0] == 0;
                        read[0] += piece.length();
                        if (first) {
                            exchange.pause();
                            exchanges.add(exchange);
                        }
                    }

                    @Override
                    public void end() {
                        exchange.answer(200, Headers.empty(), Bytes.utf8("read " + read[0]));
                    }

                    @Override
                    public void failed(Exchange.BodyFault why) {
                        exchange.abort();
                    }
                }));
        int length = 64 << 20;
        try (RawClient client = new RawClient(port)) {
            client.send(post(length));
            Thread sender = Thread.ofVirtual().start(() -> {
                try {
                    client.send(new byte[length]);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            Exchange exchange = exchanges.poll(5, TimeUnit.SECONDS);
            assertThat(sender.join(Duration.ofMillis(300))).isFalse(); // the kernels' buffers are full
            assertThat(read[0]).isLessThanOrEqualTo(Server.PIECE_BYTES);
            exchange.loop().run(exchange::resume);
            assertThat(client.readAnswer()).endsWith("read " + length);
        }
    }

    @Test
    void leaveToSendIsGivenOnlyWhenTheBodyIsWanted() throws Exception {
        String head = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        int port = serve(exchanges::add);
        try (RawClient client = new RawClient(port)) {
            client.send(head);
            Exchange exchange = exchanges.poll(5, TimeUnit.SECONDS);
            assertThat(client.isSilent(100)).isTrue();
            exchange.loop().run(() -> count(exchange));
            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 100 ");
            assertThat(client.send("hello").readAnswer()).endsWith("read 5");

            client.send(head);
            Exchange refused = exchanges.poll(5, TimeUnit.SECONDS);
            refused.loop().run(() -> refused.answer(401, Headers.empty(), Bytes.utf8("no")));
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 401 ").contains("connection: close");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aSmallBodyThatNobodyWantsIsThrownAwayAndTheConnectionGoesOn() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            for (int i = 0; i < 3; i++) {
                client.send(post(100_000)).send(new byte[50_000]);
                assertThat(client.readAnswer()).endsWith("ok /p");
                client.send(new byte[50_000]);
            }
        }
    }

    @Test
    void aBigBodyThatNobodyWantsEndsTheConnectionAfterTheAnswer() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            client.send(post(1_000_000)).send(new byte[100_000]);
            assertThat(client.readAnswer()).contains("connection: close").endsWith("ok /p");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void anEndlessBodyThatNobodyWantsEndsTheConnection() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            client.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            assertThat(client.readAnswer()).endsWith("ok /p");
            String chunk = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 3000; i++) {
                            client.send(chunk);
                        }
                    })
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void pipelinedRequestsAreAnsweredInOrder() throws Exception {
        List<Exchange> exchanges = new CopyOnWriteArrayList<>();
        int port = serve(exchanges::add);
        try (RawClient client = new RawClient(port)) {
            client.send(
                    "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
            for (int i = 1; i <= 3; i++) {
                int count = i;
                await().until(() -> exchanges.size() == count);
                Exchange exchange = exchanges.get(i - 1);
                exchange.loop().run(() -> count(exchange));
                assertThat(client.readAnswer()).endsWith("read " + (i == 2 ? 3 : 0));
            }
        }
    }

    @Test
    void manyPipelinedRequestsAreAllAnswered() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            client.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2000));
            for (int i = 0; i < 2000; i++) {
                assertThat(client.readAnswer()).endsWith("ok /x");
            }
        }
    }

    @Test
    void bytesInAnyCuttingMakeTheSameRequest() throws Exception {
        try (RawClient client = new RawClient(serve(
                new ServerSettings(
                        "127.0.0.1",
                        0,
                        null,
                        4 << 10,
                        1 << 20,
                        Duration.ofSeconds(9),
                        Duration.ofSeconds(9),
                        Duration.ofSeconds(9),
                        50),
                ServerTest::count))) {
            for (char each : (post(5) + "hello").toCharArray()) {
                client.send(String.valueOf(each));
            }
            assertThat(client.readAnswer()).endsWith("read 5");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\r\nHost: h\r\nNoColon\r\n\r\n",
                "GARBAGE\r\n\r\n",
                "\u0016\u0003\u0001 this is TLS\r\n\r\n",
                "GET / HTTP/9.9\r\nHost: h\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x10\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked, identity\r\n\r\n",
                "POST / HTTP/1.1\r\nHost : h\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: h\r\nA: b\u0000c\r\n\r\n",
                "GET / HTTP/1.1\nHost: h\n\n",
                "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
            })
    void whatIsNotHttpIsRefusedInTheServersVoice(String request) throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::count))) {
            client.send(request);
            String answer = client.readAnswer();
            assertThat(answer)
                    .startsWith("HTTP/1.1 400 Bad Request\r\n")
                    .contains("content-type: application/json", "connection: close", "x-request-id: req_", "date: ")
                    .contains("{\"status\":400,");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aBrokenChunkBreaksTheBody() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::count))) {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nxx");
            assertThat(client.readAnswer())
                    .startsWith("HTTP/1.1 400 ")
                    .contains("connection: close")
                    .endsWith("failed BROKEN");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aHeadThatIsTooLongIsRefused() throws Exception {
        int port = serve(ServerTest::ok);
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\nA: " + "a".repeat(100_000) + "\r\n\r\n");
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 431 ").contains("{\"status\":431,");
            assertThat(client.readToEnd()).isEmpty();
        }
        try (RawClient client = new RawClient(port)) {
            client.send("GET /" + "a".repeat(100_000) + " HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 414 ").contains("{\"status\":414,");
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aSlowHeadIsGivenUp() throws Exception {
        int port = serve(ServerTest::ok);
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHo");
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 408 ").contains("{\"status\":408,");
            assertThat(client.readToEnd()).isEmpty();
        }
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            client.send("GET / HT");
            assertThat(client.readAnswer()).startsWith("HTTP/1.1 408 ");
        }
        try (RawClient client = new RawClient(port)) {
            assertThat(client.readToEnd()).isEmpty();
        }
        try (RawClient client = new RawClient(port)) {
            assertThat(client.send("PRI * HT").readToEnd()).isEmpty();
        }
    }

    @Test
    void anIdleConnectionIsClosedAfterTheKeepAliveAndNotBefore() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            assertThat(client.isSilent(400)).isTrue(); // longer than a head may take
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void aConnectionThatWaitsForItsAnswerIsNotIdle() throws Exception {
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        try (RawClient client = new RawClient(serve(exchanges::add))) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(client.isSilent(1000)).isTrue();
            Exchange exchange = exchanges.poll(5, TimeUnit.SECONDS);
            exchange.loop().run(() -> ok(exchange));
            assertThat(client.readAnswer()).endsWith("ok /");
        }
    }

    @Test
    void aConnectionOverTheBoundIsToldSoAndClosedAndServedAgainWhenThereIsRoom() throws Exception {
        ServerSettings settings = new ServerSettings(
                "127.0.0.1",
                0,
                null,
                4 << 10,
                1 << 20,
                Duration.ofSeconds(9),
                Duration.ofSeconds(9),
                Duration.ofSeconds(9),
                2);
        int port = serve(settings, ServerTest::ok);
        try (RawClient one = new RawClient(port);
                RawClient two = new RawClient(port)) {
            one.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
            try (RawClient three = new RawClient(port)) {
                String told = three.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
                assertThat(told)
                        .startsWith("HTTP/1.1 503 ")
                        .contains("retry-after: 1")
                        .contains("connection: close");
            }
            try (RawClient early = new RawClient(port)) {
                // It comes when there are too many, and asks when there are not.
                one.leave();
                two.leave();
                await().untilAsserted(() -> {
                    try (RawClient another = new RawClient(port)) {
                        another.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
                        assertThat(another.readAnswer()).endsWith("ok /");
                    }
                });
                assertThat(early.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer())
                        .endsWith("ok /");
            }
        }
    }

    @Test
    void aSlowReaderIsToldByWriteAndByDrain() throws Exception {
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        int total = 32 << 20;
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty().set("content-length", Integer.toString(total)));
            int[] written = {0};
            Runnable write = () -> {
                while (written[0] < total) {
                    written[0] += 1 << 16;
                    if (!exchange.write(Bytes.of(new byte[1 << 16]))) {
                        told.add("full");
                        break;
                    }
                }
                if (written[0] == total) {
                    exchange.end();
                }
            };
            exchange.onDrain(write);
            write.run();
        });
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readUntil("\r\n\r\n");
            assertThat(told.poll(5, TimeUnit.SECONDS)).isEqualTo("full");
            assertThat(client.socket.getInputStream().readNBytes(total)).hasSize(total);
        }
    }

    @Test
    void headAndSmallBodyLeaveTogether() throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            exchange.write(Bytes.utf8("data: 1\n\n"));
            exchange.write(Bytes.utf8("data: 2\n\n"));
        });
        try (RawClient client = new RawClient(port)) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            byte[] first = new byte[10_000];
            int length = client.socket.getInputStream().read(first);
            assertThat(new String(first, 0, length, java.nio.charset.StandardCharsets.ISO_8859_1))
                    .contains("HTTP/1.1 200", "data: 1", "data: 2");
        }
    }

    @Test
    void anAnswerToHeadHasNoBody() throws Exception {
        try (RawClient client = new RawClient(serve(ServerTest::ok))) {
            client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(client.readUntil("\r\n\r\n")).contains("content-length: 4");
            assertThat(client.readAnswer()).endsWith("ok /");
        }
    }

    @Test
    void aPortThatIsTakenIsNamedWithWhatToDo() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThatThrownBy(() -> loops.serve(
                            ServerSettings.on("127.0.0.1", taken.getLocalPort()), ServerTest::ok, UNREADABLE))
                    .isInstanceOf(PortTaken.class)
                    .hasMessageContaining("127.0.0.1:" + taken.getLocalPort())
                    .hasMessageContaining("choose another");
        }
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        serve(ServerSettings.on("127.0.0.1", port), ServerTest::ok);
        assertThatThrownBy(() -> serve(ServerSettings.on("127.0.0.1", port), ServerTest::ok))
                .isInstanceOf(PortTaken.class);
        int found = serve(ServerTest::ok);
        assertThatThrownBy(() -> serve(ServerSettings.on("127.0.0.1", found), ServerTest::ok))
                .isInstanceOf(PortTaken.class);
        try (RawClient client = new RawClient(port)) {
            assertThat(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer())
                    .endsWith("ok /");
        }
    }

    @Test
    void aPortIsFreeAgainWhenItsServerIsClosed() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        for (int i = 0; i < 3; i++) {
            Server server = loops.serve(ServerSettings.on("127.0.0.1", port), ServerTest::ok, UNREADABLE);
            try (RawClient client = new RawClient(port)) {
                assertThat(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer())
                        .endsWith("ok /");
            }
            server.close();
        }
    }

    @Test
    void aClosedServerLetsExchangesEndAndTakesNoMore() throws Exception {
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        Server server = loops.serve(settings(), exchanges::add, UNREADABLE);
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Exchange exchange = exchanges.poll(5, TimeUnit.SECONDS);
            Thread closing = Thread.ofVirtual().start(server::close);
            await().untilAsserted(() -> assertThatThrownBy(() -> {
                        try (RawClient other = new RawClient(server.port())) {
                            other.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").readAnswer();
                        }
                    })
                    .isInstanceOf(IOException.class));
            exchange.loop().run(() -> ok(exchange));
            assertThat(client.readAnswer()).endsWith("ok /");
            assertThat(closing.join(Duration.ofSeconds(10))).isTrue();
        }
    }
}
