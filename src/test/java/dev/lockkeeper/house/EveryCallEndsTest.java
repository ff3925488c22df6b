package dev.lockkeeper.house;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each call ends once and says the truth, also where a side is slow, odd, or goes away at a bad moment. */
class EveryCallEndsTest {
    private static final String ASK = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    private static final String ASK_STREAM = ASK.replace("{\"model\"", "{\"stream\":true,\"model\"");
    private static final String ANSWER =
            "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"stop\"}]}";
    private static final String FILE = "{\"id\":\"file-1\",\"object\":\"file\",\"bytes\":1,\"purpose\":\"user_data\"}";
    private static final String FORM = "--XyZ\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";

    private static HttpResponse<String> upload(Gateway gateway) {
        return gateway.send(gateway.request("/v1/files")
                .header("content-type", "multipart/form-data; boundary=XyZ")
                .POST(HttpRequest.BodyPublishers.ofString(FORM + "abc\r\n--XyZ--\r\n")));
    }

    private static String head(Gateway gateway, String path, String fields) {
        return "POST " + path + " HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + gateway.key() + "\r\n" + fields
                + "\r\n\r\n";
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(UTF_8));
        socket.getOutputStream().flush();
    }

    private static String line(Socket socket) throws IOException {
        socket.setSoTimeout(5_000);
        StringBuilder line = new StringBuilder();
        InputStream in = socket.getInputStream();
        for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
            line.append((char) next);
        }
        return line.toString().strip();
    }

    private static String until(Socket socket, String end) throws IOException {
        socket.setSoTimeout(5_000);
        StringBuilder text = new StringBuilder();
        InputStream in = socket.getInputStream();
        while (text.indexOf(end) < 0) {
            int next = in.read();
            assertThat(next).as("a byte after " + text).isNotNegative();
            text.append((char) next);
        }
        return text.toString();
    }

    @Test
    void aRequestMayNameObjectsByTheThousand() {
        String response = "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"output\":[]}";
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) ->
                        conversation.json(200, request.line().contains("/files") ? FILE : response));
                Gateway gateway = Gateway.before(upstream)) {
            assertThat(upload(gateway).statusCode()).isEqualTo(200);
            String files =
                    String.join(",", Collections.nCopies(9_999, "{\"type\":\"input_file\",\"file_id\":\"file-1\"}"));
            HttpResponse<String> answer = gateway.post(
                    "/v1/responses",
                    "{\"model\":\"gpt-4o\",\"input\":[{\"role\":\"user\",\"content\":[" + files + "]}]}");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        }
    }

    @Test
    void aSlowUploadIsNotItsUpstreamsFault() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, FILE));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .timeouts(Duration.ofSeconds(5), Duration.ofMillis(200), Duration.ofSeconds(20))
                        .start();
                Socket socket = gateway.connect()) {
            String end = "\r\n--XyZ--\r\n";
            write(
                    socket,
                    head(
                            gateway,
                            "/v1/files",
                            "content-type: multipart/form-data; boundary=XyZ\r\ncontent-length: "
                                    + (FORM.length() + 3 + end.length())));
            write(socket, FORM);
            for (int i = 0; i < 3; i++) {
                await().pollDelay(Duration.ofMillis(350)).until(() -> true);
                write(socket, "x");
            }
            write(socket, end);
            assertThat(line(socket)).contains(" 200 ");
        }
    }

    @Test
    void anUploadWhoseClientGoesAwayBeforeItsModelIsKnownLeavesNoFile() throws Exception {
        Path open = Path.of("/proc/self/fd");
        assumeTrue(Files.isDirectory(open), "open files can be listed");
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, "{}"));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .peek(1_000)
                        .start()) {
            try (Socket socket = gateway.connect()) {
                write(
                        socket,
                        head(
                                gateway,
                                "/v1/audio/transcriptions",
                                "content-type: multipart/form-data; boundary=XyZ\r\ncontent-length: 1000000"));
                write(socket, FORM + "x".repeat(100_000));
                await().atMost(5, SECONDS).until(() -> spilled(open) > 0);
            }
            await().atMost(5, SECONDS).until(() -> spilled(open) == 0);
        }
    }

    private static long spilled(Path open) throws IOException {
        try (Stream<Path> files = Files.list(open)) {
            return files.filter(each -> {
                        try {
                            return Files.readSymbolicLink(each).toString().contains("/spill/");
                        } catch (IOException closed) {
                            return false;
                        }
                    })
                    .count();
        }
    }

    @Test
    void anObjectWhoseOwnerCantBeWrittenIsNotHandedOut() throws Exception {
        Path data = Files.createTempDirectory("lockkeeper-test");
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, FILE));
                Gateway gateway = Gateway.plan()
                        .data(data)
                        .provider("upstream", upstream.port())
                        .start()) {
            Path file;
            try (Stream<Path> files = Files.list(data)) {
                file = files.filter(each -> each.toString().endsWith(".db"))
                        .findFirst()
                        .orElseThrow();
            }
            try (Connection beside = DriverManager.getConnection("jdbc:sqlite:" + file)) {
                beside.createStatement().execute("ALTER TABLE objects RENAME TO lost");
            }
            HttpResponse<String> answer = upload(gateway);
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body())
                    .contains("\"code\":\"gateway_storage_unavailable\"")
                    .doesNotContain("file-1");
            await().atMost(5, SECONDS)
                    .untilAsserted(
                            () -> assertThat(gateway.log()).contains("\"error\":\"gateway_storage_unavailable\""));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/chat/completions", "/v1/responses", "/v1/embeddings"})
    void nothingIsNoAnswer(String path) {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ""));
                Gateway gateway = Gateway.before(upstream)) {
            String ask = path.endsWith("completions") ? ASK : "{\"model\":\"gpt-4o\",\"input\":\"Hi\"}";
            assertThat(gateway.post(path, ask).statusCode()).isEqualTo(502);
        }
    }

    @Test
    void anAnswerThatHasNoBodyTellsNoLength() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(
                        (request, conversation) -> conversation.send("HTTP/1.1 204 Done\r\n\r\n"));
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/moderations", "{\"input\":\"Hi\"}");
            assertThat(answer.statusCode()).isEqualTo(204);
            assertThat(answer.headers().firstValue("content-length")).isEmpty();
        }
    }

    @Test
    void aBodyWhoseFramingBreaksIsAnswered() throws Exception {
        try (Gateway gateway = Gateway.simulated();
                Socket socket = gateway.connect()) {
            write(
                    socket,
                    head(
                            gateway,
                            "/v1/chat/completions",
                            "content-type: application/json\r\ntransfer-encoding: chunked"));
            write(socket, "5\r\n{\"mod\r\nno-number\r\n");
            assertThat(line(socket)).contains(" 400 ");
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log()).contains("\"status\":400"));
        }
    }

    @Test
    void whatAProxySaysOfTryingAgainIsKept() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(
                        (request, conversation) -> conversation.send(
                                "HTTP/1.1 429 Slow\r\ncontent-type: text/html\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow"));
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            assertThat(answer.body()).contains("upstream_error").doesNotContain("slow");
            assertThat(answer.headers().firstValue("retry-after")).hasValue("7");
        }
    }

    @Test
    void fieldsThatBelongToAConnectionStayOnIt() throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> conversation.send(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: x-theirs\r\n"
                                + "x-theirs: 1\r\nx-kept: 1\r\ncontent-length: " + ANSWER.length() + "\r\n\r\n"
                                + ANSWER));
                Gateway gateway = Gateway.before(upstream);
                Socket socket = gateway.connect()) {
            write(
                    socket,
                    head(
                                    gateway,
                                    "/v1/chat/completions",
                                    "content-type: application/json\r\nconnection: keep-alive, X-Mine\r\nx-mine: 1\r\n"
                                            + "x-other: 1\r\ncontent-length: " + ASK.length())
                            + ASK);
            String answer = until(socket, "finish_reason");
            assertThat(answer).contains("x-kept: 1").doesNotContain("x-theirs");
            assertThat(upstream.requests().getFirst().field("x-mine")).isEmpty();
            assertThat(upstream.requests().getFirst().field("x-other")).isEqualTo("1");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u0001b", "a\u007fb", "caf\u00e9"})
    void oddValuesOfFieldsEndNoCallWithoutAnAnswer(String value) throws Exception {
        byte[] odd = ("x-odd: " + value + "\r\n").getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n");
                    conversation.send(odd);
                    conversation.send("content-length: " + ANSWER.length() + "\r\n\r\n" + ANSWER);
                });
                Gateway gateway = Gateway.before(upstream);
                Socket socket = gateway.connect()) {
            write(
                    socket,
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + gateway.key() + "\r\n");
            socket.getOutputStream().write(odd);
            write(socket, "content-type: application/json\r\ncontent-length: " + ASK.length() + "\r\n\r\n" + ASK);
            assertThat(line(socket)).startsWith("HTTP/1.1 ");
            assertThat(gateway.post("/v1/chat/completions", ASK).body()).startsWith("{");
        }
    }

    /** What {@code HttpURLConnection} says up to JDK 21 where nobody tells it otherwise. */
    @Test
    void aProgramWithAKeyGetsNoPageWhateverItAccepts() {
        try (Gateway gateway = Gateway.simulated()) {
            HttpResponse<String> models = gateway.send(gateway.request("/v1/models")
                    .header("accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"));
            assertThat(models.body()).startsWith("{");
        }
    }

    @Test
    void aClientThatDoesNotReadGetsNoHeartbeats() throws Exception {
        String large = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + "x".repeat(100_000)
                + "\"},\"finish_reason\":null}]}\n\n";
        CountDownLatch all = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 300; i++) {
                        conversation.chunk(large);
                    }
                    conversation.chunk(
                            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                                    + "data: [DONE]\n\n");
                    conversation.lastChunk();
                    all.countDown();
                });
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .heartbeat(Duration.ofMillis(200))
                        .start();
                Socket socket = gateway.connect()) {
            write(
                    socket,
                    head(
                                    gateway,
                                    "/v1/chat/completions",
                                    "content-type: application/json\r\nconnection: close\r\ncontent-length: "
                                            + ASK_STREAM.length())
                            + ASK_STREAM);
            await().pollDelay(Duration.ofMillis(1_500)).until(() -> true);
            assertThat(all.getCount()).as("the upstream waits for the reader").isOne();
            assertThat(new String(socket.getInputStream().readAllBytes(), UTF_8))
                    .contains("data: [DONE]")
                    .doesNotContain(": keep-alive");
        }
    }

    @Test
    void aTrialTakesAsManyParametersAsItsHeadHoldsAndNeedsRealMessages() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            assertThat(gateway.get("/v1/chat/completions?model=gpt-4o&messages=")
                            .statusCode())
                    .isEqualTo(400);
            assertThat(gateway.get("/v1/chat/completions?model=gpt-4o&messages=1")
                            .statusCode())
                    .isEqualTo(400);
            String many = "&x=1".repeat(70);
            assertThat(gateway.get("/v1/chat/completions?model=gpt-4o&prompt=Hi" + many + "&user=me")
                            .statusCode())
                    .isEqualTo(200);
            assertThat(upstream.requests().getFirst().text())
                    .contains("\"x\":1,", "\"user\":\"me\"")
                    .doesNotContain("&");
        }
    }

    @Test
    void aTrialIsJsonWhateverItsOwnTypeSays() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            gateway.send(gateway.request("/v1/chat/completions?model=gpt-4o&prompt=Hi")
                    .header("content-type", "text/plain"));
            assertThat(upstream.requests().getFirst().field("content-type")).isEqualTo("application/json");
        }
    }

    @Test
    void anObjectThatItsProviderDoesNotShowYetStaysItsOwners() {
        String store = "{\"id\":\"vs_1\",\"object\":\"vector_store\"}";
        String unknown = "{\"error\":{\"message\":\"No such store\",\"type\":\"invalid_request_error\",\"param\":null,"
                + "\"code\":null}}";
        int[] asked = {0};
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    boolean early = request.line().startsWith("GET") && asked[0]++ == 0;
                    conversation.json(early ? 404 : 200, early ? unknown : store);
                });
                Gateway gateway = Gateway.before(upstream)) {
            assertThat(gateway.post("/v1/vector_stores", "{}").statusCode()).isEqualTo(200);
            assertThat(gateway.get("/v1/vector_stores").body()).contains("\"data\":[]");
            assertThat(gateway.get("/v1/vector_stores").body()).contains("\"vs_1\"");
            assertThat(gateway.get("/v1/vector_stores/vs_1").statusCode()).isEqualTo(200);
        }
    }
}
