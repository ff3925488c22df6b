package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.units.Bytes;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client against upstreams that are bare sockets and do as the test says. */
class ClientTest {
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private final Loops loops = Loops.start(2, new Random(1));
    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void stop() throws Exception {
        loops.close();
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private RawServer upstream(RawServer.Script script) throws Exception {
        RawServer server = new RawServer(script);
        open.add(server);
        return server;
    }

    private record Bounds(int connections, int waiting, Duration patience, Duration connect, Duration keepAlive) {
        static final Bounds USUAL =
                new Bounds(10, 10, Duration.ofMillis(300), Duration.ofSeconds(2), Duration.ofSeconds(60));
    }

    private static ClientSettings settings(
            String host, int port, ClientSettings.Version version, Bounds bounds, boolean privateAddresses) {
        return new ClientSettings(
                "test",
                host,
                port,
                false,
                version,
                bounds.connect,
                bounds.keepAlive,
                bounds.connections,
                bounds.patience,
                bounds.waiting,
                privateAddresses);
    }

    private Clients clients(int port, Bounds bounds) {
        return loops.connect(settings("127.0.0.1", port, ClientSettings.Version.HTTP_1_1, bounds, true));
    }

    private Heard get(Clients clients, int loop, String path) {
        return send(clients, loop, path).heard;
    }

    private record Sent(Heard heard, CompletableFuture<Client.Outgoing> outgoing, Loop loop) {
        void cancel() {
            loop.run(() -> outgoing.join().cancel());
        }
    }

    private Sent send(Clients clients, int index, String path) {
        Heard heard = new Heard();
        Loop loop = loops.all().get(index);
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        loop.run(() -> outgoing.complete(clients.on(loop).send("GET", path, Headers.empty(), 0, heard)));
        return new Sent(heard, outgoing, loop);
    }

    /** Answers every request alike, as long as the connection lives. */
    private static RawServer.Script always(String answer) {
        return (connection, number) -> {
            while (connection.readRequest() != null) {
                connection.send(answer);
            }
        };
    }

    /** Answers the first request, and closes. */
    private static RawServer.Script thenCloses(String answer) {
        return (connection, number) -> {
            connection.readRequest();
            connection.send(answer);
            connection.socket.close();
        };
    }

    // Answers

    @Test
    void anAnswerIsHeardInOrderAndItsConnectionIsUsedAgain() throws Exception {
        RawServer server = upstream(always(OK));
        Clients clients = clients(server.port(), Bounds.USUAL);
        for (int i = 0; i < 5; i++) {
            Heard heard = get(clients, 0, "/x").await();
            assertThat(heard.order).isEqualTo("rhpe");
            assertThat(heard.text()).isEqualTo("ok");
        }
        assertThat(server.connections).hasSize(1);
        assertThat(clients.open()).isEqualTo(1);
    }

    @Test
    void aRequestGoesOutAsItIsMeant() throws Exception {
        BlockingQueue<String> requests = new LinkedBlockingQueue<>();
        RawServer server = upstream((connection, number) -> {
            for (String request = connection.readRequest(); request != null; request = connection.readRequest()) {
                requests.add(request);
                connection.send(OK);
            }
        });
        Client client = clients(server.port(), Bounds.USUAL).on(loops.all().getFirst());
        Headers headers = Headers.empty()
                .set("Authorization", "Bearer k")
                .set("connection", "upgrade")
                .set("transfer-encoding", "gzip")
                .set("host", "elsewhere")
                .set("content-length", "77777");
        client.fetch("POST", "/v1/x?y=%20", headers, Bytes.utf8("hello"), 100, 5000)
                .toCompletableFuture()
                .get(5, TimeUnit.SECONDS);
        assertThat(requests.poll(5, TimeUnit.SECONDS))
                .startsWith("POST /v1/x?y=%20 HTTP/1.1\r\n")
                .contains("Authorization: Bearer k\r\n", "127.0.0.1:" + server.port() + "\r\n")
                .containsIgnoringCase("content-length: 5\r\n")
                .doesNotContainIgnoringCase("upgrade")
                .doesNotContainIgnoringCase("transfer-encoding")
                .doesNotContain("elsewhere", "77777")
                .endsWith("\r\n\r\nhello");
        client.fetch("DELETE", "/v1/x", Headers.empty(), Bytes.EMPTY, 100, 5000)
                .toCompletableFuture()
                .get(5, TimeUnit.SECONDS);
        assertThat(requests.poll(5, TimeUnit.SECONDS)).doesNotContainIgnoringCase("content-length");
    }

    @Test
    void aBodyOfUnknownLengthIsChunked() throws Exception {
        BlockingQueue<String> raw = new LinkedBlockingQueue<>();
        RawServer server = upstream((connection, number) -> {
            StringBuilder all = new StringBuilder();
            while (!all.toString().endsWith("0\r\n\r\n")) {
                all.append((char) connection.in.read());
            }
            raw.add(all.toString());
            connection.send(OK);
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        Heard heard = new Heard();
        loop.run(() -> {
            Client.Outgoing outgoing = clients.on(loop).send("POST", "/", Headers.empty(), -1, heard);
            heard.whenReady(() -> {
                outgoing.write(Bytes.utf8("one"));
                outgoing.write(Bytes.utf8("two"));
                outgoing.end();
            });
        });
        heard.await();
        assertThat(raw.poll(5, TimeUnit.SECONDS))
                .containsIgnoringCase("transfer-encoding: chunked")
                .endsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    }

    @Test
    void informationalAnswersArePassedOver() throws Exception {
        RawServer server = upstream(always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: b\r\n\r\n"
                + "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n" + OK));
        Clients clients = clients(server.port(), Bounds.USUAL);
        for (int i = 0; i < 3; i++) {
            Heard heard = get(clients, 0, "/").await();
            assertThat(heard.order).isEqualTo("rhpe");
            assertThat(heard.status).isEqualTo(200);
        }
        assertThat(server.connections).hasSize(1);
    }

    @Test
    void anAnswerWithoutLengthEndsWithItsConnection() throws Exception {
        RawServer server = upstream(thenCloses("HTTP/1.1 200 OK\r\n\r\nall of it"));
        Heard heard = get(clients(server.port(), Bounds.USUAL), 0, "/").await();
        assertThat(heard.order).isEqualTo("rhpe");
        assertThat(heard.text()).isEqualTo("all of it");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "HTTP/1.1 200 OK\r\nContent-Le",
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            })
    void anAnswerThatEndsEarlyIsAFault(String part) throws Exception {
        RawServer server = upstream(thenCloses(part));
        Clients clients = clients(server.port(), Bounds.USUAL);
        Heard heard = get(clients, 0, "/").await();
        assertThat(heard.kind()).isEqualTo(Fault.Kind.RESET);
        assertThat(heard.order).doesNotContain("e");
        await().until(() -> clients.open() == 0);
    }

    @Test
    void aResetIsAFault() throws Exception {
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            connection.in.read(); // until the test says so, by a byte that never comes
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Heard heard = get(clients, 0, "/");
        heard.began.get(5, TimeUnit.SECONDS);
        server.connections.getFirst().reset();
        assertThat(heard.await().kind()).isEqualTo(Fault.Kind.RESET);
        await().until(() -> clients.open() == 0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "garbage that is not HTTP\r\n\r\n",
                "HTTP/1.1 abc OK\r\n\r\n",
                "HTTP/1.1 200 OK\r\nNoColon\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            })
    void whatIsNotHttpIsAFault(String answer) throws Exception {
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            connection.send(answer);
            connection.in.read();
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Heard heard = get(clients, 0, "/").await();
        assertThat(heard.kind()).isEqualTo(Fault.Kind.PROTOCOL);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void aHeadLongerThanTheBoundIsAFault() throws Exception {
        RawServer server = upstream(always("HTTP/1.1 200 OK\r\nA: " + "a".repeat(100_000) + "\r\n\r\n"));
        assertThat(get(clients(server.port(), Bounds.USUAL), 0, "/").await().kind())
                .isEqualTo(Fault.Kind.PROTOCOL);
    }

    @Test
    void aKeptConnectionThatTheUpstreamClosedIsAFaultThatSaysSo() throws Exception {
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            connection.send(OK);
            connection.readRequest(); // the second one is not answered
            connection.socket.close();
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        get(clients, 0, "/").await();
        Heard heard = get(clients, 0, "/").await();
        assertThat(heard.kind()).isEqualTo(Fault.Kind.STALE);
        assertThat(heard.detail()).contains("kept connection");
    }

    @Test
    void anIdleConnectionThatTheUpstreamClosesIsNotUsedAgain() throws Exception {
        RawServer server = upstream(thenCloses(OK));
        Clients clients = clients(server.port(), Bounds.USUAL);
        for (int i = 0; i < 3; i++) {
            assertThat(get(clients, 0, "/").await().order).isEqualTo("rhpe");
            await().until(() -> clients.open() == 0);
        }
    }

    @Test
    void anIdleConnectionIsClosedAfterTheKeepAlive() throws Exception {
        RawServer server = upstream(always(OK));
        Clients clients = clients(
                server.port(),
                new Bounds(10, 10, Duration.ofSeconds(1), Duration.ofSeconds(1), Duration.ofMillis(200)));
        get(clients, 0, "/").await();
        assertThat(clients.open()).isEqualTo(1);
        await().atMost(Duration.ofSeconds(2)).until(() -> clients.open() == 0);
    }

    @Test
    void anAnswerBeforeTheRequestIsWholeEndsTheCall() throws Exception {
        RawServer server = upstream((connection, number) -> {
            connection.in.read();
            connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
            connection.ends(5000);
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        Heard heard = new Heard();
        loop.run(() -> {
            Client.Outgoing outgoing = clients.on(loop).send("POST", "/", Headers.empty(), 1_000_000, heard);
            heard.whenReady(() -> outgoing.write(Bytes.of(new byte[1000])));
        });
        assertThat(heard.await().status).isEqualTo(413);
        assertThat(heard.order).isEqualTo("rhpe");
        await().until(() -> clients.open() == 0);
    }

    // Back-pressure

    @Test
    void aPausedAnswerStaysWithTheUpstreamAndComesWholeThoughItCloses() throws Exception {
        int length = 32 << 20;
        CountDownLatch sent = new CountDownLatch(1);
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + length + "\r\n\r\n");
            connection.send(new byte[length]);
            sent.countDown();
            connection.socket.close();
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        Heard heard = new Heard();
        loop.run(() -> {
            outgoing.complete(clients.on(loop).send("GET", "/", Headers.empty(), 0, heard));
            heard.whenBegun(() -> outgoing.join().pause());
        });
        heard.began.get(5, TimeUnit.SECONDS);
        assertThat(sent.await(300, TimeUnit.MILLISECONDS)).isFalse();
        int before = heard.pieces;
        assertThat(before).isLessThan(10);
        loop.run(() -> outgoing.join().resume());
        assertThat(sent.await(5, TimeUnit.SECONDS)).isTrue();
        assertThat(heard.await().order).isEqualTo("rhpe");
        assertThat(heard.body.size()).isEqualTo(length);
    }

    @Test
    void aWholeAnswerThatWaitsPausedSurvivesTheUpstreamsGoing() throws Exception {
        int length = 60_000;
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n");
            connection.send(new byte[length]);
            connection.socket.close();
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        Heard heard = new Heard();
        loop.run(() -> {
            outgoing.complete(clients.on(loop).send("GET", "/", Headers.empty(), 0, heard));
            heard.whenBegun(() -> outgoing.join().pause());
        });
        heard.began.get(5, TimeUnit.SECONDS);
        await().during(Duration.ofMillis(200)).until(() -> !heard.over.isDone());
        loop.run(() -> outgoing.join().resume());
        assertThat(heard.await().order).isEqualTo("rhpe");
        assertThat(heard.body.size()).isEqualTo(length);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void aSlowUpstreamIsToldByWriteAndByDrained() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        int length = 32 << 20;
        RawServer server = upstream((connection, number) -> {
            go.await();
            connection.readRequest();
            connection.send(OK);
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        Heard heard = new Heard();
        CompletableFuture<Boolean> more = new CompletableFuture<>();
        loop.run(() -> {
            Client.Outgoing outgoing = clients.on(loop).send("POST", "/", Headers.empty(), length, heard);
            heard.whenReady(() -> {
                more.complete(outgoing.write(Bytes.of(new byte[length])));
            });
        });
        assertThat(more.get(5, TimeUnit.SECONDS)).isFalse();
        go.countDown();
        await().until(() -> heard.drained);
    }

    // Cancelling

    @Test
    void aCancelledCallClosesItsConnectionAtOnce() throws Exception {
        for (String answer : List.of(
                "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", OK.substring(0, OK.length() - 1))) {
            CompletableFuture<Boolean> ended = new CompletableFuture<>();
            RawServer server = upstream((connection, number) -> {
                connection.readRequest();
                connection.send(answer);
                ended.complete(connection.ends(5000));
            });
            Clients clients = clients(server.port(), Bounds.USUAL);
            Sent sent = send(clients, 0, "/");
            (answer.isEmpty() ? sent.heard.ready : sent.heard.began).get(5, TimeUnit.SECONDS);
            await().until(() -> !server.connections.isEmpty());
            long start = System.nanoTime();
            sent.cancel();
            assertThat(ended.get(5, TimeUnit.SECONDS)).isTrue();
            assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isLessThan(100);
            await().until(() -> clients.open() == 0);
            assertThat(sent.heard.over).isNotDone();
        }
    }

    @Test
    void aCancelledCallWhosePausedAnswerIsFullClosesItsConnection() throws Exception {
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            connection.send(new byte[100_000_000]);
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        Heard heard = new Heard();
        loop.run(() -> {
            outgoing.complete(clients.on(loop).send("GET", "/", Headers.empty(), 0, heard));
            heard.whenBegun(() -> outgoing.join().pause());
        });
        heard.began.get(5, TimeUnit.SECONDS);
        loop.run(() -> outgoing.join().cancel());
        await().until(() -> server.connections.getFirst().failure != null);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void aCancelledCallWhoseUpstreamDoesNotReadClosesItsConnection() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        RawServer server = upstream((connection, number) -> {
            go.await();
            ended.complete(connection.ends(5000));
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        Heard heard = new Heard();
        loop.run(() -> {
            outgoing.complete(clients.on(loop).send("POST", "/", Headers.empty(), 64 << 20, heard));
            heard.whenReady(() -> outgoing.join().write(Bytes.of(new byte[32 << 20])));
        });
        heard.ready.get(5, TimeUnit.SECONDS);
        loop.run(() -> outgoing.join().cancel());
        await().until(() -> clients.open() == 0);
        go.countDown();
        assertThat(ended.get(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aCallThatIsCancelledBeforeItsConnectionIsThereIsNeverSent() throws Exception {
        BlockingQueue<String> requests = new LinkedBlockingQueue<>();
        RawServer server = upstream((connection, number) -> {
            for (String request = connection.readRequest(); request != null; request = connection.readRequest()) {
                requests.add(request);
                connection.send(OK);
            }
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Loop loop = loops.all().getFirst();
        Heard cancelled = new Heard();
        Heard heard = new Heard();
        loop.run(() -> {
            clients.on(loop)
                    .send("GET", "/cancelled", Headers.empty(), 0, cancelled)
                    .cancel();
            clients.on(loop).send("GET", "/other", Headers.empty(), 0, heard);
        });
        heard.await();
        Heard again = new Heard();
        loop.run(() -> clients.on(loop)
                .send("GET", "/kept", Headers.empty(), 0, cancelled)
                .cancel());
        loop.run(() -> clients.on(loop).send("GET", "/again", Headers.empty(), 0, again));
        again.await();
        assertThat(requests).hasSize(2).noneMatch(request -> request.contains("cancelled") || request.contains("kept"));
        assertThat(cancelled.order).isEmpty();
    }

    // The pool

    @Test
    void connectionsAreBoundedOverAllLoopsAndCallsWaitInOrder() throws Exception {
        AtomicInteger now = new AtomicInteger();
        AtomicBoolean tooMany = new AtomicBoolean();
        RawServer server = upstream((connection, number) -> {
            now.incrementAndGet();
            // One that was closed to make room may be seen to go after the new one is seen to come.
            for (long began = System.nanoTime(); now.get() > 3 && !tooMany.get(); Thread.onSpinWait()) {
                tooMany.set(System.nanoTime() - began > 4_000_000_000L);
            }
            while (connection.readRequest() != null) {
                connection.send(OK);
            }
            now.decrementAndGet();
        });
        Clients clients = clients(
                server.port(),
                new Bounds(3, 1000, Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofSeconds(60)));
        List<Heard> all = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            all.add(get(clients, i % 2, "/" + i));
        }
        for (Heard heard : all) {
            assertThat(heard.await().order).isEqualTo("rhpe");
        }
        assertThat(tooMany).isFalse();
        assertThat(clients.open()).isLessThanOrEqualTo(3);
    }

    @Test
    void aCallOnALoopWithoutConnectionsGetsOneThoughAnotherLoopKeepsAllIdle() throws Exception {
        RawServer server = upstream(always(OK));
        Clients clients = clients(
                server.port(), new Bounds(1, 10, Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofSeconds(60)));
        for (int i = 0; i < 6; i++) {
            assertThat(get(clients, i % 2, "/").await().order).isEqualTo("rhpe");
        }
        assertThat(clients.open()).isEqualTo(1);
    }

    @Test
    void aCallThatFindsNoConnectionInTimeIsToldSo() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            go.await();
            connection.send(OK);
            always(OK).run(connection, number);
        });
        Clients clients = clients(
                server.port(), new Bounds(1, 2, Duration.ofMillis(200), Duration.ofSeconds(5), Duration.ofSeconds(60)));
        Heard first = get(clients, 0, "/1");
        first.ready.get(5, TimeUnit.SECONDS);
        Heard second = get(clients, 0, "/2");
        Heard third = get(clients, 1, "/3");
        Heard fourth = get(clients, 0, "/4");
        assertThat(fourth.await().kind()).isEqualTo(Fault.Kind.POOL_FULL);
        assertThat(second.await().kind()).isEqualTo(Fault.Kind.POOL_FULL);
        assertThat(third.await().kind()).isEqualTo(Fault.Kind.POOL_FULL);
        go.countDown();
        assertThat(first.await().order).isEqualTo("rhpe");
        assertThat(get(clients, 0, "/5").await().order).isEqualTo("rhpe");
    }

    @Test
    void aCancelledWaiterLeavesItsPlace() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            go.await();
            connection.send(OK);
            always(OK).run(connection, number);
        });
        Clients clients = clients(
                server.port(), new Bounds(1, 1, Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofSeconds(60)));
        get(clients, 0, "/1").ready.get(5, TimeUnit.SECONDS);
        Sent second = send(clients, 0, "/2");
        second.outgoing.get(5, TimeUnit.SECONDS);
        second.cancel();
        Heard third = get(clients, 0, "/3");
        go.countDown();
        assertThat(third.await().order).isEqualTo("rhpe");
        assertThat(second.heard.order).isEmpty();
    }

    @Test
    void noPermitIsLostWhateverHappensToCalls() throws Exception {
        RawServer server = upstream((connection, number) -> {
            String request = connection.readRequest();
            while (request != null) {
                switch (new Random(request.hashCode()).nextInt(4)) {
                    case 0 -> connection.send(OK);
                    case 1 -> connection.reset();
                    case 2 -> connection.send("garbage\r\n\r\n");
                    default -> connection.socket.close();
                }
                request = connection.readRequest();
            }
        });
        Clients clients = clients(
                server.port(),
                new Bounds(5, 1000, Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofMillis(200)));
        Random random = new Random(7);
        List<Sent> all = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            Sent sent = send(clients, i % 2, "/" + i);
            if (random.nextInt(3) == 0) {
                sent.cancel();
            } else {
                all.add(sent);
            }
        }
        for (Sent sent : all) {
            sent.heard.await();
        }
        await().until(() -> clients.open() == 0);
        CompletableFuture<?>[] fetches = new CompletableFuture<?>[5];
        RawServer good = upstream(always(OK));
        Clients other = clients(good.port(), Bounds.USUAL);
        for (int i = 0; i < 5; i++) {
            fetches[i] = other.on(loops.all().get(i % 2))
                    .fetch("GET", "/", Headers.empty(), Bytes.EMPTY, 10, 5000)
                    .toCompletableFuture();
        }
        CompletableFuture.allOf(fetches).get(5, TimeUnit.SECONDS);
    }

    @Test
    void closedClientsLetCallsEndAndKeepNothingOpen() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        RawServer server = upstream((connection, number) -> {
            connection.readRequest();
            go.await();
            connection.send(OK);
            connection.ends(5000);
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        Heard heard = get(clients, 0, "/");
        heard.ready.get(5, TimeUnit.SECONDS);
        clients.close();
        Heard late = get(clients, 0, "/late");
        late.ready.get(5, TimeUnit.SECONDS);
        go.countDown();
        assertThat(heard.await().order).isEqualTo("rhpe");
        assertThat(late.await().order).isEqualTo("rhpe");
        await().until(() -> clients.open() == 0);
        assertThat(get(clients, 0, "/later").await().order).isEqualTo("rhpe");
        await().until(() -> clients.open() == 0);
    }

    @Test
    void reopenedClientsKeepConnectionsAgain() throws Exception {
        RawServer server = upstream((connection, number) -> {
            while (true) {
                connection.readRequest();
                connection.send(OK);
            }
        });
        Clients clients = clients(server.port(), Bounds.USUAL);
        clients.close();
        assertThat(get(clients, 0, "/").await().order).isEqualTo("rhpe");
        await().until(() -> clients.open() == 0);
        clients.reopen();
        assertThat(get(clients, 0, "/").await().order).isEqualTo("rhpe");
        assertThat(get(clients, 0, "/").await().order).isEqualTo("rhpe");
        assertThat(clients.open()).isEqualTo(1);
    }

    // Connecting

    @Test
    void whoDoesNotListenRefuses() throws Exception {
        int port;
        try (ServerSocket closed = new ServerSocket(0)) {
            port = closed.getLocalPort();
        }
        Clients clients = clients(port, Bounds.USUAL);
        Heard heard = get(clients, 0, "/").await();
        assertThat(heard.kind()).isEqualTo(Fault.Kind.REFUSED);
        assertThat(heard.detail()).contains("127.0.0.1:" + port);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void whoDoesNotAnswerTheConnectionTimesOut() throws Exception {
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Socket> filling = new ArrayList<>();
            for (int i = 0; i < 3; i++) { // the backlog is full: the kernel lets further ones wait
                Socket socket = new Socket();
                filling.add(socket);
                Thread.ofVirtual().start(() -> {
                    try {
                        socket.connect(full.getLocalSocketAddress());
                    } catch (java.io.IOException e) {
                        return; // closed by the test
                    }
                });
            }
            await().pollDelay(Duration.ofMillis(100)).until(() -> true);
            Clients clients = clients(
                    full.getLocalPort(),
                    new Bounds(5, 5, Duration.ofSeconds(5), Duration.ofMillis(300), Duration.ofSeconds(60)));
            long start = System.nanoTime();
            Heard heard = get(clients, 0, "/").await();
            assertThat(heard.kind()).isEqualTo(Fault.Kind.CONNECT_TIMEOUT);
            assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isBetween(250L, 1500L);
            await().until(() -> clients.open() == 0);
            for (Socket socket : filling) {
                socket.close();
            }
        }
    }

    private Clients named(int port, boolean privateAddresses, Addresses.Source source) {
        return loops.connect(
                settings("upstream.test", port, ClientSettings.Version.HTTP_1_1, Bounds.USUAL, privateAddresses),
                source);
    }

    @Test
    void aNameWithoutAddressIsTold() throws Exception {
        Clients clients = named(80, true, host -> {
            throw new UnknownHostException(host);
        });
        Heard heard = get(clients, 0, "/").await();
        assertThat(heard.kind()).isEqualTo(Fault.Kind.DNS);
        assertThat(heard.detail()).contains("upstream.test:80");
        await().until(() -> clients.open() == 0);
    }

    @Test
    void lookingUpANameIsPartOfTheConnectTimeout() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        Clients clients = loops.connect(
                settings(
                        "upstream.test",
                        80,
                        ClientSettings.Version.HTTP_1_1,
                        new Bounds(5, 5, Duration.ofSeconds(5), Duration.ofMillis(200), Duration.ofSeconds(60)),
                        true),
                host -> {
                    try {
                        never.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    throw new UnknownHostException(host);
                });
        assertThat(get(clients, 0, "/").await().kind()).isEqualTo(Fault.Kind.CONNECT_TIMEOUT);
        never.countDown();
        await().until(() -> clients.open() == 0);
    }

    @Test
    void theNextAddressOfANameIsTriedWhereOneRefuses() throws Exception {
        BlockingQueue<String> requests = new LinkedBlockingQueue<>();
        RawServer server = upstream((connection, number) -> {
            requests.add(connection.readRequest());
            connection.send(OK);
        });
        Clients clients =
                named(server.port(), true, host -> new InetAddress[] {
                    InetAddress.getByAddress(new byte[] {127, 0, 0, 9}), InetAddress.getLoopbackAddress()
                });
        assertThat(get(clients, 0, "/").await().order).isEqualTo("rhpe");
        assertThat(requests.poll(5, TimeUnit.SECONDS)).containsIgnoringCase("host: upstream.test:" + server.port());
    }

    @Test
    void aPrivateAddressIsRefusedWhereItMayNotBeUsed() throws Exception {
        RawServer server = upstream(always(OK));
        Clients direct = loops.connect(
                settings("127.0.0.1", server.port(), ClientSettings.Version.HTTP_1_1, Bounds.USUAL, false));
        assertThat(get(direct, 0, "/").await().kind()).isEqualTo(Fault.Kind.PRIVATE_ADDRESS);
        Clients named = named(server.port(), false, host ->
                new InetAddress[] {InetAddress.getByAddress(new byte[] {10, 0, 0, 1})});
        assertThat(get(named, 0, "/").await().kind()).isEqualTo(Fault.Kind.PRIVATE_ADDRESS);
        await().until(() -> direct.open() == 0 && named.open() == 0);
        assertThat(server.connections).isEmpty();
    }

    @Test
    void anAddressThatWasCheckedIsTheOneConnectedTo() throws Exception {
        // First a public address, and a private one for whoever looked the name up again to connect.
        AtomicInteger lookups = new AtomicInteger();
        RawServer server = upstream(always(OK));
        Clients clients = named(server.port(), false, host -> new InetAddress[] {
            lookups.incrementAndGet() == 1
                    ? InetAddress.getByAddress(new byte[] {(byte) 192, 0, 3, 1})
                    : InetAddress.getLoopbackAddress()
        });
        Heard heard = get(clients, 0, "/").await();
        assertThat(heard.kind()).isIn(Fault.Kind.CONNECT_TIMEOUT, Fault.Kind.REFUSED);
        assertThat(server.connections).isEmpty();
        assertThat(lookups).hasValue(1);
    }

    // Fetching

    @Test
    void aFetchedAnswerThatIsTooLongOrTooLateIsAFault() throws Exception {
        RawServer longOne = upstream(always("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"));
        Clients clients = clients(longOne.port(), Bounds.USUAL);
        assertThat(faultOf(clients, 10, 5000)).isEqualTo(Fault.Kind.TOO_LARGE);
        await().until(() -> clients.open() == 0);
        RawServer silent = upstream((connection, number) -> connection.ends(5000));
        Clients waiting = clients(silent.port(), Bounds.USUAL);
        assertThat(faultOf(waiting, 10, 100)).isEqualTo(Fault.Kind.TIMEOUT);
        await().until(() -> waiting.open() == 0);
    }

    private Fault.Kind faultOf(Clients clients, int maxBytes, long timeoutMillis) {
        CompletableFuture<Client.Fetched> fetch = clients.on(loops.all().getFirst())
                .fetch("GET", "/", Headers.empty(), Bytes.EMPTY, maxBytes, timeoutMillis)
                .toCompletableFuture();
        Fault.Kind[] kind = new Fault.Kind[1];
        assertThatThrownBy(() -> fetch.get(5, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        FaultException.class, e -> kind[0] = e.fault().kind());
        return kind[0];
    }
}
