package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.units.Bytes;
import java.io.DataInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** HTTP/2 without TLS, by prior knowledge: server and client, frame by frame. */
class Http2Test {
    private final Loops loops = Loops.start(2, new Random(1));
    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void stop() throws Exception {
        loops.close();
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    // The server

    private static final class Session implements AutoCloseable {
        final RawClient client;
        final DataInputStream in;

        Session(int port) throws Exception {
            client = new RawClient(port);
            in = new DataInputStream(client.socket.getInputStream());
            client.send(RawHttp2.PREFACE).send(RawHttp2.settings());
        }

        RawHttp2.Frame next(int type) throws Exception {
            return RawHttp2.readUntil(in, type);
        }

        @Override
        public void close() throws java.io.IOException {
            client.leave();
        }
    }

    private static ServerSettings settings() {
        return new ServerSettings(
                "127.0.0.1",
                0,
                null,
                16 << 10,
                1 << 20,
                Duration.ofMillis(500),
                Duration.ofMillis(500),
                Duration.ofMillis(500),
                50);
    }

    private int serve(Loops.Handler handler) {
        return loops.serve(settings(), handler, (status, message) -> Bytes.EMPTY)
                .port();
    }

    private static void ok(Exchange exchange) {
        exchange.answer(200, Headers.empty(), Bytes.utf8("ok " + exchange.path() + " " + exchange.query()));
    }

    @Test
    void theServerSaysItsBounds() throws Exception {
        try (Session session = new Session(serve(Http2Test::ok))) {
            ByteBuffer settings =
                    ByteBuffer.wrap(session.next(RawHttp2.SETTINGS).payload());
            long streams = 0;
            long window = 0;
            while (settings.hasRemaining()) {
                short id = settings.getShort();
                int value = settings.getInt();
                streams = id == 3 ? value : streams;
                window = id == 4 ? value : window;
            }
            assertThat(streams).isEqualTo(Server.MAX_STREAMS);
            assertThat(window).isEqualTo(Server.STREAM_WINDOW_BYTES);
            RawHttp2.Frame update = session.next(RawHttp2.WINDOW_UPDATE);
            assertThat(update.stream()).isZero();
            assertThat(65535L + ByteBuffer.wrap(update.payload()).getInt()).isGreaterThanOrEqualTo(window * streams);
        }
    }

    @Test
    void aRequestIsAnsweredWithTheSameExchange() throws Exception {
        try (Session session = new Session(serve(Http2Test::ok))) {
            session.client.send(RawHttp2.request(1, "GET", "/x?y", true));
            assertThat(session.next(RawHttp2.HEADERS).stream()).isEqualTo(1);
            assertThat(new String(session.next(RawHttp2.DATA).payload(), java.nio.charset.StandardCharsets.ISO_8859_1))
                    .isEqualTo("ok /x y");
        }
    }

    @Test
    void aPausedStreamDoesNotStallAnother() throws Exception {
        BlockingQueue<Integer> read = new LinkedBlockingQueue<>();
        int port = serve(exchange -> exchange.read(new Exchange.Intake() {
            private int bytes;

            @Override
            public void piece(Bytes piece) {
                bytes += piece.length();
                if (exchange.path().equals("/paused")) {
                    exchange.pause();
                }
            }

            @Override
            public void end() {
                read.add(bytes);
                ok(exchange);
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                exchange.abort();
            }
        }));
        try (Session session = new Session(port)) {
            session.client.send(RawHttp2.request(1, "POST", "/paused", false));
            session.client.send(RawHttp2.request(3, "POST", "/other", false));
            for (int i = 0; i < Server.STREAM_WINDOW_BYTES / 16384; i++) {
                session.client.send(RawHttp2.frame(RawHttp2.DATA, 0, 1, new byte[16384]));
            }
            for (int i = 0; i < 8; i++) {
                session.client.send(
                        RawHttp2.frame(RawHttp2.DATA, i == 7 ? RawHttp2.END_STREAM : 0, 3, new byte[16384]));
            }
            assertThat(read.poll(5, TimeUnit.SECONDS)).isEqualTo(8 * 16384);
        }
    }

    @Test
    void anAbortedAnswerIsAResetStream() throws Exception {
        int port = serve(exchange -> {
            exchange.head(200, Headers.empty());
            exchange.write(Bytes.utf8("part"));
            exchange.abort();
        });
        try (Session session = new Session(port)) {
            session.client.send(RawHttp2.request(1, "GET", "/", true));
            assertThat(session.next(RawHttp2.RST_STREAM).code()).isEqualTo(2);
            session.client.send(RawHttp2.request(3, "GET", "/", true));
            assertThat(session.next(RawHttp2.RST_STREAM).stream()).isEqualTo(3);
        }
    }

    @Test
    void aBodyThatNobodyReadsIsStoppedAfterTheAnswer() throws Exception {
        try (Session session = new Session(serve(Http2Test::ok))) {
            session.client.send(RawHttp2.request(1, "POST", "/", false));
            session.client.send(RawHttp2.frame(RawHttp2.DATA, 0, 1, new byte[1000]));
            assertThat(session.next(RawHttp2.DATA).stream()).isEqualTo(1);
            assertThat(session.next(RawHttp2.RST_STREAM).code()).isZero();
        }
    }

    private static byte[] get(int stream, String path, String value) {
        byte[] fields = RawHttp2.fields(
                ":method", "GET", ":scheme", "http", ":authority", "h", ":path", path, "a", value, "b", value);
        ByteBuffer frames = ByteBuffer.allocate(fields.length + 100);
        for (int from = 0; from < fields.length; from += 16_000) {
            int to = Math.min(fields.length, from + 16_000);
            frames.put(RawHttp2.frame(
                    from == 0 ? RawHttp2.HEADERS : RawHttp2.CONTINUATION,
                    (from == 0 ? RawHttp2.END_STREAM : 0) | (to == fields.length ? RawHttp2.END_HEADERS : 0),
                    stream,
                    Arrays.copyOfRange(fields, from, to)));
        }
        return Arrays.copyOf(frames.array(), frames.position());
    }

    @Test
    void aHeadThatIsTooLongIsRefusedInWordsAndEndsItsStreamOnly() throws Exception {
        int port = loops.serve(settings(), Http2Test::ok, (status, message) -> Bytes.utf8(status + ": " + message))
                .port();
        try (Session session = new Session(port)) {
            int stream = 1;
            for (byte[] each :
                    List.of(get(stream, "/", "x".repeat(8_200)), get(stream + 2, "/" + "x".repeat(16_400), ""))) {
                session.client.send(each);
                assertThat(session.next(RawHttp2.DATA))
                        .satisfies(frame -> assertThat(new String(frame.payload(), StandardCharsets.US_ASCII))
                                .isEqualTo("431: the request's head is longer than 16384 bytes"));
                stream += 2;
            }
            session.client.send(get(stream, "/" + "x".repeat(12_000), "xx"));
            assertThat(session.next(RawHttp2.DATA).stream()).isEqualTo(stream);
        }
    }

    @Test
    void aSlowBodyIsGivenUp() throws Exception {
        BlockingQueue<Exchange.BodyFault> faults = new LinkedBlockingQueue<>();
        int port = serve(exchange -> exchange.read(new Exchange.Intake() {
            @Override
            public void piece(Bytes piece) {}

            @Override
            public void end() {}

            @Override
            public void failed(Exchange.BodyFault why) {
                faults.add(why);
                exchange.answer(408, Headers.empty(), Bytes.EMPTY);
            }
        }));
        try (Session session = new Session(port)) {
            session.client.send(RawHttp2.request(1, "POST", "/", false));
            assertThat(faults.poll(5, TimeUnit.SECONDS)).isEqualTo(Exchange.BodyFault.SLOW);
            session.next(RawHttp2.HEADERS);
        }
    }

    @Test
    void anIdleConnectionIsClosed() throws Exception {
        try (Session session = new Session(serve(Http2Test::ok))) {
            session.client.send(RawHttp2.request(1, "GET", "/", true));
            assertThat(session.next(RawHttp2.DATA).stream()).isEqualTo(1);
            session.client.readToEnd();
        }
    }

    // The client

    private Clients clients(int port, int connections) {
        return loops.connect(new ClientSettings(
                "test",
                "127.0.0.1",
                port,
                false,
                ClientSettings.Version.HTTP_2,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                connections,
                Duration.ofSeconds(5),
                1000,
                true));
    }

    private record Sent(CompletableFuture<Client.Outgoing> outgoing) {
        Client.Outgoing get() throws Exception {
            return outgoing.get(5, TimeUnit.SECONDS);
        }
    }

    private Sent send(Clients clients, int index, String path, Heard heard) {
        Loop loop = loops.all().get(index);
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        loop.run(() -> outgoing.complete(clients.on(loop).send("GET", path, Headers.empty(), 0, heard)));
        return new Sent(outgoing);
    }

    /** An upstream that has said hello, and then does as the test says. */
    private RawServer upstream(RawServer.Script script) throws Exception {
        RawServer server = new RawServer((connection, number) -> {
            connection.in.readNBytes(RawHttp2.PREFACE.length());
            connection.send(RawHttp2.settings());
            RawHttp2.readUntil(connection.in, RawHttp2.SETTINGS);
            connection.send(RawHttp2.settingsAck());
            script.run(connection, number);
        });
        open.add(server);
        return server;
    }

    private static byte[] answer(int stream, int status, boolean end) {
        return RawHttp2.frame(
                RawHttp2.HEADERS,
                RawHttp2.END_HEADERS | (end ? RawHttp2.END_STREAM : 0),
                stream,
                RawHttp2.fields(":status", Integer.toString(status)));
    }

    private static byte[] data(int stream, boolean end, int length) {
        return RawHttp2.frame(RawHttp2.DATA, end ? RawHttp2.END_STREAM : 0, stream, new byte[length]);
    }

    @Test
    void callsShareConnectionsUpToTheStreamsOfEach() throws Exception {
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        int port = serve(exchanges::add);
        Clients clients = clients(port, 10);
        List<Heard> all = new ArrayList<>();
        int calls = ClientSettings.STREAMS + 10;
        for (int i = 0; i < calls; i++) {
            Heard heard = new Heard();
            all.add(heard);
            send(clients, 0, "/" + i, heard).get();
        }
        await().until(() -> exchanges.size() == calls);
        assertThat(clients.open()).isEqualTo(2);
        exchanges.forEach(exchange -> exchange.loop().run(() -> ok(exchange)));
        for (Heard heard : all) {
            assertThat(heard.await().order).isEqualTo("rhpe");
        }
    }

    @Test
    void callsBeyondConnectionsTimesStreamsWait() throws Exception {
        BlockingQueue<Exchange> exchanges = new LinkedBlockingQueue<>();
        Clients clients = clients(serve(exchanges::add), 1);
        List<Heard> all = new ArrayList<>();
        for (int i = 0; i < ClientSettings.STREAMS + 1; i++) {
            Heard heard = new Heard();
            all.add(heard);
            send(clients, 0, "/" + i, heard).get();
        }
        await().until(() -> exchanges.size() == ClientSettings.STREAMS);
        Heard last = all.getLast();
        assertThat(last.ready).isNotDone();
        Exchange first = exchanges.poll();
        first.loop().run(() -> ok(first));
        last.ready.get(5, TimeUnit.SECONDS);
        assertThat(clients.open()).isEqualTo(1);
    }

    @Test
    void aCancelledCallResetsItsStreamAtOnceAndKeepsTheConnection() throws Exception {
        BlockingQueue<Integer> codes = new LinkedBlockingQueue<>();
        RawServer server = upstream((connection, number) -> {
            RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            codes.add(RawHttp2.readUntil(connection.in, RawHttp2.RST_STREAM).code());
            connection.send(answer(RawHttp2.readUntil(connection.in, RawHttp2.HEADERS).stream(), 200, true));
            connection.in.read();
        });
        Clients clients = clients(server.port(), 10);
        Heard cancelled = new Heard();
        Client.Outgoing outgoing = send(clients, 0, "/", cancelled).get();
        cancelled.ready.get(5, TimeUnit.SECONDS);
        loops.all().getFirst().run(outgoing::cancel);
        assertThat(codes.poll(1, TimeUnit.SECONDS)).isEqualTo(8);
        Heard other = new Heard();
        send(clients, 0, "/", other);
        assertThat(other.await().order).isEqualTo("rhe");
        assertThat(cancelled.order).isEqualTo("r");
        assertThat(clients.open()).isEqualTo(1);
    }

    @Test
    void aResetStreamIsAFaultAndTheConnectionGoesOn() throws Exception {
        RawServer server = upstream((connection, number) -> {
            RawHttp2.Frame request = RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            connection.send(answer(request.stream(), 200, false));
            connection.send(data(request.stream(), false, 10));
            connection.send(RawHttp2.frame(RawHttp2.RST_STREAM, 0, request.stream(), new byte[] {0, 0, 0, 2}));
            request = RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            connection.send(answer(request.stream(), 200, true));
            connection.in.read();
        });
        Clients clients = clients(server.port(), 10);
        Heard broken = new Heard();
        send(clients, 0, "/", broken);
        assertThat(broken.await().kind()).isEqualTo(Fault.Kind.RESET);
        assertThat(broken.order).isEqualTo("rhpf");
        Heard other = new Heard();
        send(clients, 0, "/", other);
        assertThat(other.await().order).isEqualTo("rhe");
        assertThat(server.connections).hasSize(1);
    }

    @Test
    void aConnectionThatEndsIsAFaultForEachOfItsStreams() throws Exception {
        RawServer server = upstream((connection, number) -> {
            RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            connection.socket.close();
        });
        Clients clients = clients(server.port(), 10);
        Heard one = new Heard();
        Heard two = new Heard();
        send(clients, 0, "/", one);
        send(clients, 0, "/", two);
        assertThat(one.await().kind()).isEqualTo(Fault.Kind.RESET);
        assertThat(two.await().kind()).isEqualTo(Fault.Kind.RESET);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void aConnectionThatSaidGoodbyeTakesNoMoreCalls() throws Exception {
        CountDownLatch second = new CountDownLatch(1);
        RawServer server = upstream((connection, number) -> {
            RawHttp2.Frame request = RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            if (number == 1) {
                connection.send(RawHttp2.frame(RawHttp2.GOAWAY, 0, 0, new byte[] {0, 0, 0, 1, 0, 0, 0, 0}));
                connection.send(answer(request.stream(), 200, false));
                second.await();
                connection.send(data(request.stream(), true, 5));
            } else {
                connection.send(answer(request.stream(), 200, true));
            }
            connection.in.read();
        });
        Clients clients = clients(server.port(), 10);
        Heard one = new Heard();
        send(clients, 0, "/", one);
        one.began.get(5, TimeUnit.SECONDS);
        Heard two = new Heard();
        send(clients, 0, "/", two);
        assertThat(two.await().order).isEqualTo("rhe");
        second.countDown();
        assertThat(one.await().order).isEqualTo("rhpe");
        assertThat(server.connections).hasSize(2);
        await().until(() -> clients.open() == 1);
    }

    @Test
    void informationalAnswersArePassedOver() throws Exception {
        RawServer server = upstream((connection, number) -> {
            RawHttp2.Frame request = RawHttp2.readUntil(connection.in, RawHttp2.HEADERS);
            connection.send(answer(request.stream(), 100, false));
            connection.send(answer(request.stream(), 102, false));
            connection.send(answer(request.stream(), 103, false));
            connection.send(answer(request.stream(), 201, true));
            connection.in.read();
        });
        Heard heard = new Heard();
        send(clients(server.port(), 10), 0, "/", heard);
        assertThat(heard.await().order).isEqualTo("rhe");
        assertThat(heard.status).isEqualTo(201);
    }

    @Test
    void aPausedAnswerDoesNotStallAnotherOnTheSameConnection() throws Exception {
        RawServer server = upstream((connection, number) -> {
            int first = RawHttp2.readUntil(connection.in, RawHttp2.HEADERS).stream();
            int second = RawHttp2.readUntil(connection.in, RawHttp2.HEADERS).stream();
            connection.send(answer(first, 200, false));
            for (int i = 0; i < Pool.STREAM_WINDOW_BYTES / 16384; i++) {
                connection.send(data(first, false, 16384));
            }
            connection.send(answer(second, 200, false));
            for (int i = 0; i < 32; i++) {
                connection.send(data(second, i == 31, 16384));
            }
            connection.in.read();
        });
        Clients clients = clients(server.port(), 10);
        Heard paused = new Heard();
        CompletableFuture<Client.Outgoing> outgoing = new CompletableFuture<>();
        paused.whenBegun(() -> outgoing.join().pause());
        Loop loop = loops.all().getFirst();
        loop.run(() -> outgoing.complete(clients.on(loop).send("GET", "/paused", Headers.empty(), 0, paused)));
        Heard other = new Heard();
        send(clients, 0, "/other", other);
        assertThat(other.await().body.size()).as(other.detail()).isEqualTo(32 * 16384);
        assertThat(paused.over).isNotDone();
        assertThat(paused.body.size()).isLessThan(Pool.STREAM_WINDOW_BYTES / 2);
        loop.run(() -> outgoing.join().resume());
        await().until(() -> paused.body.size() == Pool.STREAM_WINDOW_BYTES);
    }
}
