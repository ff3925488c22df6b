package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Requests whose end two readers might see at different places, one proxy before another: each is refused and its
 * connection closed, or read in the one way that the standard has. Never is what stands inside one request taken for a
 * second one.
 */
class SmugglingTest {
    /** What an attacker would like to be read as a request of its own. */
    private static final String SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

    /** Behind everything that is clear, so that the connection ends. */
    private static final String LAST = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d{3}) ");
    private static final List<String> SEEN = new CopyOnWriteArrayList<>();
    private static final Loops LOOPS = Loops.start(1, new Random(1));
    private static int port;

    @BeforeAll
    static void start() {
        port = LOOPS.serve(
                        ServerSettings.on("127.0.0.1", 0),
                        SmugglingTest::handle,
                        (status, message) -> Bytes.utf8("{\"status\":" + status + "}"))
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

    private static void handle(Exchange exchange) {
        exchange.read(new Exchange.Intake() {
            private final ByteArrayOutputStream body = new ByteArrayOutputStream();

            @Override
            public void piece(Bytes piece) {
                body.write(piece.array(), piece.offset(), piece.length());
            }

            @Override
            public void end() {
                SEEN.add(exchange.method() + " " + exchange.path() + " " + body.toString(StandardCharsets.ISO_8859_1));
                exchange.answer(200, Headers.empty(), Bytes.utf8("ok"));
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                SEEN.add("broken " + exchange.path());
                exchange.answer(400, Headers.empty(), Bytes.EMPTY);
            }
        });
    }

    /** Sends, and reads all answers until the server closes: hanging up first would tell it that nobody listens. */
    private static String exchange(String bytes) throws IOException {
        try (RawClient client = new RawClient(port)) {
            client.send(bytes);
            return client.readToEnd();
        } catch (SocketException reset) {
            return "reset";
        }
    }

    private static Arguments refused(String what, String bytes) {
        return Arguments.of(what, bytes);
    }

    private static String get(String fields) {
        return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + SMUGGLED;
    }

    private static String post(String fields, String body) {
        return "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
    }

    private static String chunked(String body) {
        return post("Transfer-Encoding: chunked\r\n", body);
    }

    static Stream<Arguments> refusedRequests() {
        String both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
        return Stream.of(
                // lengths
                refused("two lengths", post("Content-Length: 0\r\nContent-Length: 38\r\n", SMUGGLED)),
                refused("two equal lengths", post("Content-Length: 0\r\ncontent-length: 0\r\n", SMUGGLED)),
                refused("two lengths in one", post("Content-Length: 0, 38\r\n", SMUGGLED)),
                refused("two equal lengths in one", post("Content-Length: 0,0\r\n", SMUGGLED)),
                refused("negative length", post("Content-Length: -1\r\n", SMUGGLED)),
                refused("signed length", post("Content-Length: +38\r\n", SMUGGLED)),
                refused("hexadecimal length", post("Content-Length: 0x26\r\n", SMUGGLED)),
                refused("length with a fraction", post("Content-Length: 38.0\r\n", SMUGGLED)),
                refused("length with an underscore", post("Content-Length: 3_8\r\n", SMUGGLED)),
                refused("length with a space inside", post("Content-Length: 3 8\r\n", SMUGGLED)),
                refused("length beyond all numbers", post("Content-Length: 99999999999999999999\r\n", SMUGGLED)),
                refused("empty length", post("Content-Length:\r\n", SMUGGLED)),
                refused("space before the colon of a length", post("Content-Length : 38\r\n", SMUGGLED)),
                // length and coding
                refused("length and coding", post(both, "0\r\n\r\n" + SMUGGLED)),
                refused(
                        "coding and length",
                        post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + SMUGGLED)),
                // codings
                refused("unknown coding", post("Transfer-Encoding: xchunked\r\n", SMUGGLED)),
                refused("identity", post("Transfer-Encoding: identity\r\n", SMUGGLED)),
                refused("chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused("identity, chunked", post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused("gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused(
                        "two fields of coding",
                        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused(
                        "two fields of coding, one unknown",
                        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused("quoted coding", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused("coding with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n" + SMUGGLED)),
                refused("empty coding", post("Transfer-Encoding:\r\n", SMUGGLED)),
                refused("space before the colon of a coding", post("Transfer-Encoding : chunked\r\n", SMUGGLED)),
                refused("tab before the colon of a coding", post("Transfer-Encoding\t: chunked\r\n", SMUGGLED)),
                refused("vertical tab before a coding", post("Transfer-Encoding: \u000bchunked\r\n", SMUGGLED)),
                refused("NUL behind a coding", post("Transfer-Encoding: chunked\u0000\r\n", SMUGGLED)),
                refused("no-break space in a coding", post("Transfer-Encoding: \u00a0chunked\r\n", SMUGGLED)),
                refused("coding in a folded line with junk", post("Transfer-Encoding: chunked\r\n x\r\n", SMUGGLED)),
                refused(
                        "two lengths in HTTP/1.0",
                        "POST / HTTP/1.0\r\nContent-Length: 0\r\nContent-Length: 38\r\n\r\n" + SMUGGLED),
                refused(
                        "two lengths in one in HTTP/1.0",
                        "POST / HTTP/1.0\r\nContent-Length: 0, 38\r\n\r\n" + SMUGGLED),
                refused(
                        "coding in HTTP/1.0",
                        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
                refused("a field folded before the first", "GET / HTTP/1.1\r\n Host: h\r\n\r\n" + SMUGGLED),
                // lines and characters
                refused("lines that end in LF", "GET / HTTP/1.1\nHost: h\n\n" + SMUGGLED),
                refused("one field that ends in LF", get("X: y\nTransfer-Encoding: chunked\r\n")),
                refused("an empty line that is LF", "GET / HTTP/1.1\r\nHost: h\r\n\n" + SMUGGLED),
                refused("a field that ends in CR", get("X: y\rTransfer-Encoding: chunked\r\n")),
                refused("NUL in a value", get("X: a\u0000b\r\n")),
                refused("NUL in a name", get("X\u0000: b\r\n")),
                refused("CR in a name", get("X\rY: b\r\n")),
                refused("a field without colon", get("X\r\n")),
                refused("a field without name", get(": x\r\n")),
                refused("a name with a space", get("X Y: z\r\n")),
                refused("a name beyond ASCII", get("X\u00e4: z\r\n")),
                // the first line
                refused("two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a tab for a space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("CR for a space", "GET\r/ HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a space before the method", " GET / HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a space behind the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a version in small letters", "GET / http/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("HTTP/0.9", "GET /\r\n" + SMUGGLED),
                refused("HTTP/2.0 in a line", "GET / HTTP/2.0\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a long version", "GET / HTTP/1.10\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a control character in the target", "GET /a\u0001 HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("a method that is no token", "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n" + SMUGGLED),
                refused("no HTTP at all", "\u0016\u0003\u0001\u0000\u0005hello\r\n\r\n" + SMUGGLED),
                refused("no host", "GET / HTTP/1.1\r\n\r\n" + SMUGGLED),
                refused("two hosts", get("Host: g\r\n")),
                refused("two equal hosts", get("host: h\r\n")),
                // drafts
                refused(
                        "keys of an old draft of WebSocket",
                        get("Sec-WebSocket-Key1: 1\r\nSec-WebSocket-Key2: 2\r\n")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refusedRequests")
    void whatCanBeReadInTwoWaysIsRefusedAndItsConnectionCloses(String what, String bytes) throws IOException {
        String answers = exchange(bytes);
        assertThat(SEEN).isEmpty();
        assertThat(statuses(answers)).as(answers).containsExactly(400);
        assertThat(answers).containsIgnoringCase("connection: close\r\n").endsWith("{\"status\":400}");
    }

    static Stream<Arguments> brokenBodies() {
        return Stream.of(
                refused(
                        "a chunk's size that overflows",
                        chunked("100000000000000005\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a chunk's size beyond an int", chunked("80000000\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a negative chunk", chunked("-5\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a signed chunk", chunked("+5\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("0x in a chunk's size", chunked("0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("an empty chunk's size", chunked("\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a space before a chunk's size", chunked(" 5\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a space behind a chunk's size", chunked("5 \r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a chunk's size that ends in LF", chunked("5\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a chunk's size that ends in CR", chunked("5\rXhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a chunk that ends in LF", chunked("5\r\nhello\n0\r\n\r\n" + SMUGGLED)),
                refused("a chunk that is longer", chunked("5\r\nhello!\r\n0\r\n\r\n" + SMUGGLED)),
                refused("LF in a chunk's extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("CR in a chunk's extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n" + SMUGGLED)),
                refused("a last chunk that ends in LF", chunked("5\r\nhello\r\n0\n\r\n" + SMUGGLED)),
                refused("trailers that end in LF", chunked("5\r\nhello\r\n0\r\n\n" + SMUGGLED)),
                refused("a trailer without colon", chunked("5\r\nhello\r\n0\r\nX\r\n\r\n" + SMUGGLED)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("brokenBodies")
    void aBodyThatIsNoneIsBrokenAndNothingBehindItIsRead(String what, String bytes) throws IOException {
        String answers = exchange(bytes);
        assertThat(SEEN).containsExactly("broken /");
        assertThat(statuses(answers)).as(answers).containsExactly(400);
        assertThat(answers).containsIgnoringCase("connection: close\r\n");
    }

    static Stream<Arguments> readRequests() {
        String length = "Content-Length: " + SMUGGLED.length() + "\r\n";
        String inside = "POST / " + SMUGGLED;
        return Stream.of(
                Arguments.of("a body that looks like a request", post(length, SMUGGLED), List.of(inside)),
                Arguments.of(
                        "a GET with a body",
                        "GET / HTTP/1.1\r\nHost: h\r\n" + length + "\r\n" + SMUGGLED,
                        List.of("GET / " + SMUGGLED)),
                Arguments.of(
                        "a field whose name is but like a length's",
                        post("Content-Dength: 38\r\nContent-Xength: 38\r\nXontent-Length: 38\r\n", SMUGGLED),
                        List.of("POST / ", "GET /smuggled ")),
                Arguments.of("a length with zeros", post("Content-Length: 0005\r\n", "hello"), List.of("POST / hello")),
                Arguments.of(
                        "a chunked request",
                        chunked(Integer.toHexString(SMUGGLED.length()) + "\r\n" + SMUGGLED + "\r\n0\r\n\r\n"),
                        List.of(inside)),
                Arguments.of(
                        "CHUNKED", post("TRANSFER-ENCODING: CHUNKED\r\n", "1\r\nx\r\n0\r\n\r\n"), List.of("POST / x")),
                Arguments.of(
                        "chunks with extensions and zeros",
                        chunked("05;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n"),
                        List.of("POST / hello")),
                Arguments.of(
                        "trailers, which are thrown away",
                        chunked("0\r\nContent-Length: 38\r\nTransfer-Encoding: x\r\nHost: x\r\n\r\n" + SMUGGLED),
                        List.of("POST / ", "GET /smuggled ")),
                Arguments.of(
                        "a folded field, which is one with a space",
                        get("X: a\r\n Content-Length: 38\r\n"),
                        List.of("GET / ", "GET /smuggled ")),
                Arguments.of(
                        "empty lines between requests",
                        get("") + "\r\n\r\n" + get(""),
                        List.of("GET / ", "GET /smuggled ", "GET / ", "GET /smuggled ")),
                Arguments.of(
                        "a target with an authority", "GET http://g/p HTTP/1.1\r\nHost: h\r\n\r\n", List.of("GET /p ")),
                Arguments.of(
                        "upgrades, which are not done",
                        get("Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"),
                        List.of("GET / ", "GET /smuggled ")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("readRequests")
    void whatIsClearIsReadInItsOneWay(String what, String bytes, List<String> requests) throws IOException {
        String answers = exchange(bytes + LAST);
        assertThat(SEEN).startsWith(requests.toArray(String[]::new)).hasSize(requests.size() + 1);
        assertThat(SEEN.getLast()).isEqualTo("GET /last ");
        assertThat(statuses(answers)).as(answers).hasSameSizeAs(SEEN).containsOnly(200);
    }

    static Stream<Arguments> lastRequests() {
        return Stream.of(
                Arguments.of("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n" + SMUGGLED, "GET / "),
                Arguments.of("close", get("Connection: close\r\n"), "GET / "),
                Arguments.of("close among others", get("Connection: x-a, close\r\n"), "GET / "),
                Arguments.of("CLOSE first", get("Connection: CLOSE , x-a\r\n"), "GET / "),
                Arguments.of("close in a second field", get("Connection: x-a\r\nConnection: close\r\n"), "GET / "));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("lastRequests")
    void behindTheLastRequestOfAConnectionNothingIsRead(String what, String bytes, String request) throws IOException {
        String answers = exchange(bytes + LAST);
        assertThat(SEEN).containsExactly(request);
        assertThat(statuses(answers)).as(answers).containsExactly(200);
    }

    private static List<Integer> statuses(String answers) {
        return STATUS.matcher(answers)
                .results()
                .map(each -> Integer.valueOf(each.group(1)))
                .toList();
    }
}
