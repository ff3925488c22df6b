package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What stands in front of a server: proxies that say for whom they speak, in the head or before it. */
class FrontTest {
    private static final byte[] SIGNATURE = {13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10};
    private static final String GET = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

    private final Loops loops = Loops.start(2, new Random(1));

    @AfterEach
    void stop() {
        loops.close();
    }

    private int serve(boolean proxyProtocol, String... trusted) {
        ServerSettings on = ServerSettings.on("127.0.0.1", 0);
        ServerSettings settings = new ServerSettings(
                on.host(),
                0,
                null,
                on.maxHead(),
                on.maxRequestBody(),
                Duration.ofMillis(400),
                on.bodyTimeout(),
                on.keepAlive(),
                on.maxConnections(),
                new Front(
                        Arrays.stream(trusted).map(Network::parse).toList(),
                        false,
                        Front.Field.X_FORWARDED_FOR,
                        proxyProtocol),
                null);
        return loops.serve(
                        settings,
                        exchange -> exchange.answer(
                                200,
                                Headers.empty(),
                                Bytes.utf8("from " + exchange.clientAddress() + (exchange.secure() ? " tls" : ""))),
                        (status, message) -> Bytes.utf8("{}"))
                .port();
    }

    private static String get(String fields) {
        return "GET /x HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
    }

    @Test
    void onlyATrustedPeersFieldIsBelieved() throws IOException {
        String claim =
                get("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=198.51.100.1\r\n");
        try (RawClient client = new RawClient(serve(false, "127.0.0.0/8"))) {
            assertThat(client.send(claim).readAnswer()).endsWith("from 203.0.113.9 tls");
            assertThat(client.send(GET).readAnswer()).endsWith("from 127.0.0.1");
        }
        try (RawClient client = new RawClient(serve(false, "10.0.0.0/8"))) {
            assertThat(client.send(claim).readAnswer()).endsWith("from 127.0.0.1");
        }
        try (RawClient client = new RawClient(serve(false))) {
            assertThat(client.send(claim).readAnswer()).endsWith("from 127.0.0.1");
        }
    }

    @Test
    void overHttp2TheFieldIsBelievedAlike() throws Exception {
        int port = serve(false, "127.0.0.1");
        Heard heard = new Heard();
        Clients clients = loops.connect(new ClientSettings(
                "test",
                "127.0.0.1",
                port,
                false,
                ClientSettings.Version.HTTP_2,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                10,
                Duration.ofSeconds(5),
                10,
                true));
        Loop loop = loops.all().getFirst();
        loop.run(() ->
                clients.on(loop).send("GET", "/x", Headers.empty().set("x-forwarded-for", "203.0.113.9"), 0, heard));
        heard.await();
        assertThat(heard.text()).isEqualTo("from 203.0.113.9");
    }

    // PROXY protocol

    private static byte[] v2(int command, int family, byte[] addresses, int extra) {
        int length = addresses.length + extra;
        byte[] header = Arrays.copyOf(SIGNATURE, 16 + length);
        header[12] = (byte) (0x20 | command);
        header[13] = (byte) family;
        header[14] = (byte) (length >> 8);
        header[15] = (byte) length;
        System.arraycopy(addresses, 0, header, 16, addresses.length);
        if (extra >= 3) { // one value of a type nobody knows
            header[16 + addresses.length] = (byte) 0xee;
            header[17 + addresses.length] = (byte) ((extra - 3) >> 8);
            header[18 + addresses.length] = (byte) (extra - 3);
        }
        return header;
    }

    private static byte[] four() {
        return new byte[] {(byte) 203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 80};
    }

    private static byte[] six() {
        byte[] both = new byte[36];
        both[0] = 0x20;
        both[1] = 0x01;
        both[2] = 0x0d;
        both[3] = (byte) 0xb8;
        both[15] = 1;
        both[31] = 2;
        return both;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** @param text its bytes in Latin 1 */
    record Header(String name, String text, String client) {
        Header(String name, byte[] bytes, String client) {
            this(name, new String(bytes, StandardCharsets.ISO_8859_1), client);
        }

        byte[] bytes() {
            return text.getBytes(StandardCharsets.ISO_8859_1);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Stream<Header> headers() {
        return Stream.of(
                new Header("v1 TCP4", ascii("PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n"), "203.0.113.9"),
                new Header("v1 TCP6", ascii("PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n"), "2001:db8::1"),
                new Header("v1 UNKNOWN", ascii("PROXY UNKNOWN\r\n"), "127.0.0.1"),
                new Header("v1 UNKNOWN with rest", ascii("PROXY UNKNOWN ff:: ff:: 1 2\r\n"), "127.0.0.1"),
                new Header("v2 TCP4", v2(1, 0x11, four(), 0), "203.0.113.9"),
                new Header("v2 TCP6", v2(1, 0x21, six(), 0), "2001:db8::1"),
                new Header("v2 with extra values", v2(1, 0x11, four(), 300), "203.0.113.9"),
                new Header("v2 UNSPEC", v2(1, 0x00, new byte[0], 0), "127.0.0.1"),
                new Header("v2 Unix", v2(1, 0x31, new byte[216], 0), "127.0.0.1"),
                new Header("v2 LOCAL", v2(0, 0x00, new byte[0], 0), "127.0.0.1"),
                new Header("v2 LOCAL with addresses", v2(0, 0x11, four(), 0), "127.0.0.1"));
    }

    @ParameterizedTest
    @MethodSource("headers")
    void theHeaderOfAProxyTellsTheClient(Header header) throws IOException {
        int port = serve(true, "127.0.0.1");
        try (RawClient client = new RawClient(port)) {
            client.send(header.bytes());
            assertThat(client.send(GET).readAnswer()).endsWith("from " + header.client);
            // What comes on the same connection later is the same client's, and it is nobody to believe.
            boolean local = header.name.contains("LOCAL");
            assertThat(client.send(get("X-Forwarded-For: 198.51.100.1\r\n")).readAnswer())
                    .endsWith("from " + (local ? "198.51.100.1" : header.client));
        }
    }

    @ParameterizedTest
    @MethodSource("headers")
    void theHeaderMayComeInPiecesAndWithTheRequest(Header header) throws IOException {
        int port = serve(true, "127.0.0.1");
        try (RawClient client = new RawClient(port)) {
            byte[] request = ascii(GET);
            byte[] all = Arrays.copyOf(header.bytes(), header.bytes().length + request.length);
            System.arraycopy(request, 0, all, header.bytes().length, request.length);
            int cut = Math.min(20, header.bytes().length - 1);
            client.send(Arrays.copyOf(all, cut));
            client.send(Arrays.copyOfRange(all, cut, all.length));
            assertThat(client.readAnswer()).endsWith("from " + header.client);
        }
    }

    @Test
    void behindAProxyThatSpeaksForATrustedOneTheFieldCounts() throws IOException {
        int port = serve(true, "127.0.0.1", "203.0.113.9");
        try (RawClient client = new RawClient(port)) {
            client.send("PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n");
            assertThat(client.send(get("X-Forwarded-For: 198.51.100.1\r\n")).readAnswer())
                    .endsWith("from 198.51.100.1");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                "PROXY TCP4 host 10.0.0.1 4711 80\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                "PROXY TCP9 203.0.113.9 10.0.0.1 4711 80\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                "PROXY TCP4 203.0.113.9 10.0.0.1 4711 99999\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"
            })
    void whatBeginsWithoutATrueHeaderIsClosed(String bytes) throws IOException {
        try (RawClient client = new RawClient(serve(true, "127.0.0.1"))) {
            assertThat(client.send(bytes).readToEnd()).isEmpty();
        }
    }

    private static byte[] with(byte[] first, int... rest) {
        byte[] all = Arrays.copyOf(first, first.length + rest.length);
        for (int i = 0; i < rest.length; i++) {
            all[first.length + i] = (byte) rest[i];
        }
        return all;
    }

    private static Stream<Header> broken() {
        byte[] version3 = v2(1, 0x11, four(), 0);
        version3[12] = 0x31;
        return Stream.of(
                new Header("version 3", version3, ""),
                new Header("unknown command", v2(7, 0x11, four(), 0), ""),
                new Header("unknown family", v2(1, 0x51, four(), 0), ""),
                new Header("address shorter than its family's", v2(1, 0x21, four(), 0), ""),
                new Header("value longer than the header", v2(1, 0x11, with(four(), 0xee, 0x7f, 0xff, 1), 0), ""),
                new Header(
                        "value within a value longer than it",
                        v2(1, 0x11, with(four(), 0x20, 0, 9, 0, 0, 0, 0, 0, 0x21, 0x7f, 0xff, 1), 0),
                        ""));
    }

    @ParameterizedTest
    @MethodSource("broken")
    void aBinaryHeaderThatIsBrokenNamesNobody(Header header) throws IOException {
        try (RawClient client = new RawClient(serve(true, "127.0.0.1"))) {
            assertThat(client.send(header.bytes()).send(GET).readToEnd()).doesNotContain("from 203");
        } catch (IOException reset) {
            assertThat(reset).hasMessageMatching(".*(reset|Broken pipe).*");
        }
    }

    @Test
    void aHeaderIsBoundedInSizeAndTime() throws IOException {
        int port = serve(true, "127.0.0.1");
        try (RawClient client = new RawClient(port)) {
            assertThat(client.send("PROXY TCP4 " + "1".repeat(200)).readToEnd()).isEmpty();
        }
        try (RawClient client = new RawClient(port)) {
            byte[] header = v2(1, 0x11, four(), ProxyHeader.MAX_EXTRA_BYTES + 400);
            assertThat(client.send(header).send(GET).readToEnd()).isEmpty();
        } catch (IOException reset) {
            assertThat(reset).hasMessageContaining("reset"); // closed with bytes unread
        }
        for (String begun : List.of("", "PROXY TCP4 203.0")) {
            try (RawClient client = new RawClient(port)) {
                assertThat(client.send(begun).readToEnd()).isEmpty();
            }
        }
    }

    @Test
    void aHeaderFromAStrangerClosesTheConnection() throws IOException {
        try (RawClient client = new RawClient(serve(true, "192.0.2.1"))) {
            client.send("PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n" + GET);
            assertThat(client.readToEnd()).isEmpty();
        } catch (IOException reset) {
            assertThat(reset).hasMessageMatching(".*(reset|Broken pipe).*");
        }
    }

    @Test
    void whereNoHeaderIsAwaitedItIsNoHttp() throws IOException {
        try (RawClient client = new RawClient(serve(false, "127.0.0.1"))) {
            assertThat(client.send("PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n" + GET)
                            .readToEnd())
                    .startsWith("HTTP/1.1 400");
        }
    }
}
