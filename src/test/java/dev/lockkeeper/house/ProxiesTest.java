package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockkeeper.http.Front;
import dev.lockkeeper.http.Network;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The proxies' configurations in {@code deploy/proxies}, in the proxies themselves; each is left out where it is not installed. */
class ProxiesTest {
    enum Proxy {
        NGINX("/usr/sbin/nginx"),
        ENVOY("/usr/local/bin/envoy");

        private final String usual;

        Proxy(String usual) {
            this.usual = usual;
        }

        Path program() {
            String name = Path.of(usual).getFileName().toString();
            return Stream.concat(
                            Stream.of(Path.of(usual)),
                            Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                                    .map(folder -> Path.of(folder, name)))
                    .filter(Files::isExecutable)
                    .findFirst()
                    .orElse(Path.of("none"));
        }
    }

    private static final String ASK = "{\"model\":\"gpt-5.5\",\"stream\":true,\"messages\":[]}";
    private static final String ANSWER =
            "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                    + "\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}";
    private static final String EVENT =
            "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":"
                    + "{\"content\":\"%s\"},\"finish_reason\":%s}]}\n\n";

    @TempDir
    private Path folder;

    private @Nullable Process process;

    @AfterEach
    void stop() throws InterruptedException {
        if (process != null) {
            process.destroy();
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }

    /** Starts a proxy with the shipped configuration, but for addresses; returns its port. */
    private int start(Proxy proxy, Gateway gateway) throws IOException {
        return start(proxy, gateway, "server 127.0.0.1:" + gateway.port() + ";");
    }

    /** @param server in nginx's words */
    private int start(Proxy proxy, Gateway gateway, String server) throws IOException {
        Path program = proxy.program();
        assumeTrue(Files.isExecutable(program), proxy + " is not installed here: its configuration is not tried");
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Path log = folder.resolve("log");
        ProcessBuilder builder = switch (proxy) {
            case NGINX -> nginx(program, port, server);
            case ENVOY -> envoy(program, port, gateway);
        };
        process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
        await().atMost(Duration.ofSeconds(20)).until(() -> {
            assertThat(process.isAlive()).as(() -> read(log)).isTrue();
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setSoTimeout(2000);
                socket.getOutputStream()
                        .write("GET /v1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
                return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1)
                        .startsWith("HTTP/1.1 200");
            } catch (IOException notYet) {
                return false;
            }
        });
        return port;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String shipped(String name, String... replaced) throws IOException {
        String text = Files.readString(Path.of("deploy/proxies", name));
        for (int i = 0; i < replaced.length; i += 2) {
            assertThat(text).contains(replaced[i]);
            text = text.replace(replaced[i], replaced[i + 1]);
        }
        return text;
    }

    private ProcessBuilder nginx(Path program, int port, String server) throws IOException {
        Path site = Files.writeString(
                folder.resolve("site.conf"),
                shipped(
                        "nginx.conf",
                        "listen 80;",
                        "listen 127.0.0.1:" + port + ";",
                        "server 127.0.0.1:8080;",
                        server));
        Path all = Files.writeString(
                folder.resolve("nginx.conf"),
                "daemon off; master_process off; pid " + folder
                        + "/pid; error_log stderr;\nevents {}\nhttp { access_log"
                        + " off; client_body_temp_path " + folder + "/body; proxy_temp_path " + folder
                        + "/proxy; fastcgi_temp_path " + folder + "/f; uwsgi_temp_path " + folder
                        + "/u; scgi_temp_path " + folder + "/s; include " + site + "; }\n");
        return new ProcessBuilder(program.toString(), "-p", folder.toString(), "-e", "stderr", "-c", all.toString());
    }

    private ProcessBuilder envoy(Path program, int port, Gateway gateway) throws IOException {
        Path all = Files.writeString(
                folder.resolve("envoy.yaml"),
                shipped(
                        "envoy.yaml",
                        "address: 0.0.0.0, port_value: 8000",
                        "address: 127.0.0.1, port_value: " + port,
                        "port_value: 8080",
                        "port_value: " + gateway.port(),
                        "port_value: 8081",
                        "port_value: " + gateway.house().adminPort()));
        return new ProcessBuilder(
                program.toString(),
                "-c",
                all.toString(),
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "--log-level",
                "warning");
    }

    private static Gateway.Plan plan(ScriptedUpstream upstream) {
        Network proxy = Objects.requireNonNull(Network.parse("127.0.0.1"));
        return Gateway.plan()
                .provider("upstream", upstream.port())
                .front(new Front(List.of(proxy), false, Front.Field.X_FORWARDED_FOR, false));
    }

    private static Socket ask(int port, Gateway gateway) throws IOException {
        return ask(port, gateway, ASK);
    }

    /** A client at another loopback address than the proxy's, which claims to be somebody else. */
    private static Socket ask(int port, Gateway gateway, String body) throws IOException {
        Socket socket = new Socket();
        try {
            socket.bind(new InetSocketAddress("127.0.0.2", 0));
        } catch (IOException oneAddress) {
            socket.close();
            assumeTrue(false, "loopback has one address here");
        }
        socket.setSoTimeout(20_000);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket.getOutputStream()
                .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer "
                                + gateway.key()
                                + "\r\nContent-Type: application/json\r\nX-Forwarded-For: 203.0.113.9\r\nForwarded:"
                                + " for=203.0.113.9\r\nContent-Length: "
                                + body.length() + "\r\n\r\n" + body)
                        .getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static List<String> calls(Gateway gateway) {
        return gateway.log()
                .lines()
                .filter(line -> line.contains("/v1/chat/completions"))
                .toList();
    }

    private static String readUntil(Socket socket, String end) throws IOException {
        InputStream in = socket.getInputStream();
        StringBuilder read = new StringBuilder();
        while (read.indexOf(end) < 0) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("closed after: " + read);
            }
            read.append((char) next);
        }
        return read.toString();
    }

    /** An upstream whose second event comes only when the first was seen: were that held back anywhere, it never would. */
    private static ScriptedUpstream patient(CountDownLatch firstSeen) {
        return ScriptedUpstream.answering((request, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(EVENT.formatted("first", "null"));
            if (firstSeen.await(20, TimeUnit.SECONDS)) {
                conversation.chunk(EVENT.formatted("second", "\"stop\"") + "data: [DONE]\n\n");
            }
            conversation.lastChunk();
        });
    }

    /** Calls, lets the second event go when the first has come, and looks for the client in the log. */
    private static void streamsOneByOneToTheClient(int port, Gateway gateway, CountDownLatch firstSeen)
            throws IOException {
        try (Socket socket = ask(port, gateway)) {
            readUntil(socket, "first");
            firstSeen.countDown();
            readUntil(socket, "[DONE]");
        }
        await().until(() -> calls(gateway).size() == 1);
        assertThat(calls(gateway).getFirst()).contains("\"client\":\"127.0.0.2\"", "\"outcome\":\"served\"");
    }

    @ParameterizedTest
    @EnumSource
    void eventsLeaveOneByOneAndTheClientIsKnown(Proxy proxy) throws Exception {
        CountDownLatch firstSeen = new CountDownLatch(1);
        try (ScriptedUpstream upstream = patient(firstSeen);
                Gateway gateway = plan(upstream).start()) {
            int port = start(proxy, gateway);
            streamsOneByOneToTheClient(port, gateway, firstSeen);
            assertThat(upstream.requests())
                    .singleElement()
                    .satisfies(request -> assertThat(request.head())
                            .doesNotContain("127.0.0.2", "203.0.113.9")
                            .doesNotContainIgnoringCase("forwarded")
                            .doesNotContainIgnoringCase("envoy"));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aClientThatGoesAwayCancelsItsUpstreamThroughTheProxy(Proxy proxy) throws Exception {
        CountDownLatch gone = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(EVENT.formatted("first", "null"));
                    conversation.awaitGone();
                    gone.countDown();
                });
                Gateway gateway = plan(upstream).start()) {
            int port = start(proxy, gateway);
            try (Socket socket = ask(port, gateway)) {
                readUntil(socket, "first");
            }
            assertThat(gone.await(10, TimeUnit.SECONDS)).isTrue();
            await().until(() -> gateway.log().contains("\"outcome\":\"abandoned\""));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLargePromptPassesWholeAndARefusalKeepsItsWords(Proxy proxy) throws Exception {
        String prompt = "word ".repeat(600_000);
        CountDownLatch refused = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    refused.await(20, TimeUnit.SECONDS);
                    conversation.json(200, ANSWER);
                });
                Gateway gateway =
                        plan(upstream).maxCalls(1).maxRequestBody(4 << 20).start()) {
            int port = start(proxy, gateway);
            String large = "{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"" + prompt + "\"}]}";
            try (Socket first = ask(port, gateway, large)) {
                await().until(() -> upstream.requests().size() == 1);
                try (Socket second = ask(port, gateway)) {
                    assertThat(readUntil(second, "gateway_overloaded"))
                            .startsWith("HTTP/1.1 503 ")
                            .containsIgnoringCase("\r\nretry-after: 1\r\n")
                            .containsIgnoringCase("\r\nx-request-id: req_");
                }
                refused.countDown();
                assertThat(readUntil(first, "whole")).startsWith("HTTP/1.1 200 ");
            }
            assertThat(upstream.requests().getFirst().text()).contains(prompt);
            try (Socket tooLarge = ask(port, gateway, prompt + prompt)) {
                assertThat(readUntil(tooLarge, "}")).startsWith("HTTP/1.1 413 ").contains("request_too_large");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aProxyThatIsNotTrustedSpeaksForItself(Proxy proxy) throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = plan(upstream).front(Front.NONE).start()) {
            int port = start(proxy, gateway);
            try (Socket socket = ask(port, gateway, "{\"model\":\"gpt-5.5\",\"messages\":[]}")) {
                readUntil(socket, "whole");
            }
            await().until(() -> calls(gateway).size() == 1);
            assertThat(calls(gateway).getFirst()).contains("\"client\":\"127.0.0.1\"");
        }
    }

    @Test
    void nginxReachesTheGatewayByItsUnixSocket() throws Exception {
        Path socketFile = folder.resolve("lockkeeper.sock");
        assertThat(shipped("nginx.conf"))
                .contains("# server unix:/run/lockkeeper/lockkeeper.sock;", "trusted-proxies: [unix]");
        CountDownLatch firstSeen = new CountDownLatch(1);
        try (ScriptedUpstream upstream = patient(firstSeen);
                Gateway gateway = plan(upstream)
                        .front(new Front(List.of(), true, Front.Field.X_FORWARDED_FOR, false))
                        .unixSocket(socketFile)
                        .start()) {
            int port = start(Proxy.NGINX, gateway, "server unix:" + socketFile + ";");
            streamsOneByOneToTheClient(port, gateway, firstSeen);
        }
    }
}
