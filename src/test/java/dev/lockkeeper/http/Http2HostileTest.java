package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * HTTP/2 clients that mean harm: floods end at a bound with a name, and a request that another reader would read otherwise,
 * or that would be two requests in HTTP/1.1, never reaches the handler.
 */
class Http2HostileTest {
    private static final int CONTINUATION = 9;
    private static final int PING = 6;

    /** Frames of a flood: more than every bound. */
    private static final int FLOOD = 200_000;

    /** How long a server may say nothing before it counts as unmoved; only a test that fails waits so long. */
    private static final int PATIENCE_MILLIS = 30_000;

    private static final int MAX_HEAD = 16 << 10;
    private static final List<String> SEEN = new CopyOnWriteArrayList<>();
    private static final Loops LOOPS = Loops.start(1, new Random(1));
    private static int port;

    @BeforeAll
    static void start() {
        ServerSettings on = ServerSettings.on("127.0.0.1", 0);
        ServerSettings settings = new ServerSettings(
                on.host(),
                0,
                null,
                MAX_HEAD,
                on.maxRequestBody(),
                on.headTimeout(),
                on.bodyTimeout(),
                on.keepAlive(),
                on.maxConnections());
        port = LOOPS.serve(settings, Http2HostileTest::handle, (status, message) -> Bytes.EMPTY)
                .port();
    }

    @AfterAll
    static void stop() {
        LOOPS.close();
    }

    @BeforeEach
    void forget() {
        SEEN.clear();
    }

    /** Answers when the body is whole; {@code /deaf} neither reads nor answers. */
    private static void handle(Exchange exchange) {
        SEEN.add(exchange.path());
        if (exchange.path().equals("/deaf")) {
            return;
        }
        exchange.read(new Exchange.Intake() {
            @Override
            public void piece(Bytes piece) {}

            @Override
            public void end() {
                SEEN.add("whole " + exchange.path());
                exchange.answer(200, Headers.empty(), Bytes.EMPTY);
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                exchange.answer(400, Headers.empty(), Bytes.EMPTY);
            }
        });
    }

    private static RawClient begin() throws IOException {
        RawClient client = new RawClient(port);
        client.socket.setSoTimeout(PATIENCE_MILLIS);
        return client.send(RawHttp2.PREFACE).send(RawHttp2.settings());
    }

    private static byte[] head(int flags, byte[] block) {
        return RawHttp2.frame(RawHttp2.HEADERS, flags, 1, block);
    }

    /** How a flood ended: the code of a GOAWAY, {@code closed}, or {@code alive}. */
    private static String end(RawClient client) {
        String said = "closed";
        DataInputStream in;
        try {
            in = new DataInputStream(client.socket.getInputStream());
            while (true) {
                RawHttp2.Frame frame = RawHttp2.read(in);
                said = frame.type() == RawHttp2.GOAWAY ? "goaway " + frame.code() : said;
            }
        } catch (SocketTimeoutException silent) {
            return said.equals("closed") ? "alive" : said;
        } catch (IOException over) {
            return said;
        }
    }

    /** Sends a frame again and again, without reading, until the server hangs up. */
    private static void flood(RawClient client, byte[]... frames) {
        ByteArrayOutputStream some = new ByteArrayOutputStream();
        for (int i = 0; i < 500; i++) {
            for (byte[] frame : frames) {
                some.writeBytes(frame);
            }
        }
        try {
            for (int i = 0; i < FLOOD; i += 500) {
                client.send(some.toByteArray());
            }
        } catch (IOException hungUp) {
            // as it should be
        }
    }

    @Test
    void streamsThatAreResetAtOnceEndTheConnection() throws IOException {
        try (RawClient client = begin()) {
            int streams = Server.MAX_RESETS * 3;
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (int i = 0; i < streams; i++) {
                int stream = 2 * i + 1;
                all.writeBytes(RawHttp2.request(stream, "GET", "/deaf", true));
                all.writeBytes(RawHttp2.frame(RawHttp2.RST_STREAM, 0, stream, new byte[] {0, 0, 0, 8}));
            }
            try {
                client.send(all.toByteArray());
            } catch (IOException hungUp) {
                // as it should be
            }
            assertThat(end(client)).as("after %d streams", SEEN.size()).isIn("goaway 11", "closed");
            // On a slow machine one window may end and another begin meanwhile.
            assertThat(SEEN).hasSizeLessThanOrEqualTo(2 * Server.MAX_RESETS + 1);
        }
    }

    @Test
    void continuationsWithoutEndEndTheConnection() throws IOException {
        for (byte[] block : List.of(new byte[0], RawHttp2.fields("a", "b"), RawHttp2.fields("a", "b".repeat(8_000)))) {
            try (RawClient client = begin()) {
                client.send(head(RawHttp2.END_STREAM, RawHttp2.fields(":method", "GET")));
                flood(client, RawHttp2.frame(CONTINUATION, 0, 1, block));
                assertThat(end(client)).isNotEqualTo("alive");
            }
        }
        assertThat(SEEN).isEmpty();
    }

    @Test
    void aClientThatAsksWithoutReadingAnswersIsLeft() throws IOException {
        byte[] window = RawHttp2.frame(RawHttp2.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 1});
        for (byte[] question : List.of(RawHttp2.frame(PING, 0, 0, new byte[8]), RawHttp2.settings(), window)) {
            try (RawClient client = new RawClient(port, 4_096)) {
                client.send(RawHttp2.PREFACE).send(RawHttp2.settings());
                flood(client, question, question, question, question, question);
                assertThat(end(client)).isNotEqualTo("alive");
            }
        }
    }

    @Test
    void emptyDataWithoutEndDoesNotPileUp() throws IOException {
        try (RawClient client = begin()) {
            client.send(RawHttp2.request(1, "POST", "/deaf", false));
            flood(client, RawHttp2.frame(RawHttp2.DATA, 0, 1, new byte[0]));
            assertThat(end(client)).isNotEqualTo("alive");
        }
    }

    @Test
    void dataBeyondTheWindowIsNotKept() throws IOException {
        try (RawClient client = begin()) {
            client.send(RawHttp2.request(1, "POST", "/deaf", false));
            byte[] piece = RawHttp2.frame(RawHttp2.DATA, 0, 1, new byte[16 << 10]);
            try {
                for (int i = 0; i < 2 * Server.STREAM_WINDOW_BYTES / piece.length; i++) {
                    client.send(piece);
                }
            } catch (IOException hungUp) {
                // as it should be
            }
            DataInputStream in = new DataInputStream(client.socket.getInputStream());
            RawHttp2.Frame frame = RawHttp2.read(in);
            while (frame.type() != RawHttp2.RST_STREAM && frame.type() != RawHttp2.GOAWAY) {
                frame = RawHttp2.read(in);
            }
            assertThat(frame.code()).isEqualTo(3); // FLOW_CONTROL_ERROR
        }
    }

    @Test
    void aSmallBlockThatUnpacksToALargeHeadIsRefused() throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.writeBytes(RawHttp2.fields(":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/bomb"));
        byte[] large = RawHttp2.fields("x", "y".repeat(3_000));
        large[0] = 0x40; // into the table, as its first entry
        block.writeBytes(large);
        for (int i = 0; i < 10_000; i++) {
            block.write(0x80 | 62);
        }
        try (RawClient client = begin()) {
            client.send(head(RawHttp2.END_HEADERS | RawHttp2.END_STREAM, block.toByteArray()));
            assertThat(fate(client)).isNotEqualTo("200");
        }
        assertThat(SEEN).isEmpty();
    }

    private static Arguments bad(String what, String... fields) {
        return Arguments.of(what, RawHttp2.fields(fields));
    }

    private static Arguments extra(String what, String... more) {
        List<String> fields =
                new ArrayList<>(List.of(":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/bad"));
        fields.addAll(List.of(more));
        return bad(what, fields.toArray(String[]::new));
    }

    private static Arguments path(String what, String path) {
        return bad(what, ":method", "GET", ":scheme", "http", ":authority", "h", ":path", path);
    }

    static Stream<Arguments> badHeads() {
        return Stream.of(
                extra("connection", "connection", "close"),
                extra("keep-alive", "keep-alive", "1"),
                extra("proxy-connection", "proxy-connection", "keep-alive"),
                extra("transfer-encoding", "transfer-encoding", "chunked"),
                extra("upgrade", "upgrade", "h2c"),
                extra("te other than trailers", "te", "gzip"),
                extra("a name in capitals", "X-Y", "z"),
                extra("an empty name", "", "z"),
                extra("a name with a space", "x y", "z"),
                extra("a name with a colon", "x:y", "z"),
                extra("a name with CR LF", "x\r\ny", "z"),
                extra("CR LF in a value", "x", "a\r\nGET /smuggled HTTP/1.1"),
                extra("LF in a value", "x", "a\nb"),
                extra("NUL in a value", "x", "a\u0000b"),
                extra("an unknown pseudo-header", ":x", "y"),
                extra("a status in a request", ":status", "200"),
                extra("two paths", ":path", "/other"),
                extra("two methods", ":method", "POST"),
                extra("two schemes", ":scheme", "http"),
                bad("a pseudo-header behind a field", ":method", "GET", ":scheme", "http", "x", "y", ":path", "/bad"),
                bad("no method", ":scheme", "http", ":authority", "h", ":path", "/bad"),
                bad("no path", ":method", "GET", ":scheme", "http", ":authority", "h"),
                bad("no scheme", ":method", "GET", ":authority", "h", ":path", "/bad"),
                bad("a method that is no token", ":method", "G T", ":scheme", "http", ":authority", "h", ":path", "/"),
                bad(
                        "a method with a request in it",
                        ":method",
                        "GET /smuggled HTTP/1.1\r\nx: y\r\n\r\nGET",
                        ":scheme",
                        "http",
                        ":authority",
                        "h",
                        ":path",
                        "/bad"),
                path("an empty path", ""),
                path("a path with CR LF", "/bad HTTP/1.1\r\nx: y"),
                path("a path with NUL", "/bad\u0000"),
                extra("another host", "host", "g"),
                extra("two lengths", "content-length", "0", "content-length", "5"),
                extra("a signed length", "content-length", "+0"),
                extra("a length that is none", "content-length", "x"));
    }

    /** What comes on stream 1, or ends the connection. */
    private static String fate(RawClient client) throws IOException {
        DataInputStream in = new DataInputStream(client.socket.getInputStream());
        try {
            while (true) {
                RawHttp2.Frame frame = RawHttp2.read(in);
                if (frame.type() == RawHttp2.GOAWAY) {
                    return "goaway " + frame.code();
                } else if (frame.type() == RawHttp2.RST_STREAM) {
                    return "reset " + frame.code();
                } else if (frame.type() == RawHttp2.HEADERS) {
                    return status(frame.payload());
                }
            }
        } catch (SocketTimeoutException silent) {
            return "nothing";
        } catch (IOException closed) {
            return "closed";
        }
    }

    /** The first field of a block that is none of the table's sizes; a status is one byte for the usual ones. */
    private static String status(byte[] block) {
        int at = 0;
        while ((block[at] & 0xe0) == 0x20) {
            if ((block[at++] & 0x1f) == 0x1f) {
                while (block[at++] < 0) {
                    // a number goes on as long as its bytes are marked
                }
            }
        }
        return switch (block[at] & 0xff) {
            case 0x88 -> "200";
            case 0x8c -> "400";
            default -> "another status";
        };
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badHeads")
    void aHeadThatIsNoneDoesNotReachTheHandler(String what, byte[] block) throws IOException {
        try (RawClient client = begin()) {
            client.send(head(RawHttp2.END_HEADERS | RawHttp2.END_STREAM, block));
            assertThat(fate(client)).isNotIn("200", "nothing");
        }
        assertThat(SEEN).isEmpty();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongLengths")
    void aBodyThatIsNotAsLongAsItSaidIsNotWhole(int said, int sent) throws IOException {
        try (RawClient client = begin()) {
            client.send(head(
                    RawHttp2.END_HEADERS | (sent == 0 ? RawHttp2.END_STREAM : 0),
                    RawHttp2.fields(
                            ":method",
                            "POST",
                            ":scheme",
                            "http",
                            ":authority",
                            "h",
                            ":path",
                            "/bad",
                            "content-length",
                            String.valueOf(said))));
            if (sent > 0) {
                client.send(RawHttp2.frame(RawHttp2.DATA, RawHttp2.END_STREAM, 1, new byte[sent]));
            }
            assertThat(fate(client)).isIn("reset 1", "goaway 1", "400");
        }
        assertThat(SEEN).doesNotContain("whole /bad");
    }

    static Stream<Arguments> wrongLengths() {
        return Stream.of(Arguments.of(5, 3), Arguments.of(5, 8), Arguments.of(5, 0), Arguments.of(0, 3));
    }

    @Test
    void aSecondHeadOnAStreamIsNoSecondRequest() throws IOException {
        try (RawClient client = begin()) {
            byte[] request = RawHttp2.request(1, "GET", "/once", true);
            client.send(ByteBuffer.allocate(2 * request.length)
                    .put(request)
                    .put(request)
                    .array());
            assertThat(fate(client)).isNotEqualTo("nothing");
            client.send(RawHttp2.request(3, "GET", "/other", true));
            client.socket.setSoTimeout(500); // a server that only reset the stream says nothing more
            end(client);
        }
        assertThat(SEEN).filteredOn("whole /once"::equals).hasSizeLessThanOrEqualTo(1);
        assertThat(SEEN).filteredOn("/once"::equals).hasSizeLessThanOrEqualTo(1);
    }
}
