package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client is told that sends what no upstream should see. */
class BadInputTest {
    private static final String GOOD = "{\"model\":\"gpt-4o\",\"messages\":[]}";
    private static final long MAX_BODY = 1 << 20;

    private static ScriptedUpstream upstream;
    private static Gateway gateway;

    @BeforeAll
    static void start() {
        upstream = ScriptedUpstream.answering((request, conversation) -> {
            if (request.text().contains("refuse-the-key")) {
                conversation.json(
                        401,
                        "{\"error\":{\"message\":\"Incorrect API key provided: sk-upst***\",\"type\":"
                                + "\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}");
            } else {
                conversation.json(200, "{}");
            }
        });
        gateway = Gateway.plan()
                .provider("upstream", upstream.port())
                .model("gpt-4o", Profile.AUTO, "upstream/gpt-4o")
                .model("gpt-4o-mini", Profile.AUTO, "upstream/gpt-4o-mini")
                .maxRequestBody(MAX_BODY)
                .bodyTimeout(Duration.ofMillis(500))
                .start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
        upstream.close();
    }

    private static void refused(HttpResponse<String> answer, int status, String code) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        assertThat(answer.headers().firstValue("content-type").orElse("")).startsWith("application/json");
        assertThat(answer.body())
                .contains("\"error\":{\"message\":", "\"type\":", "\"param\":", "\"code\":\"" + code + "\"");
    }

    private static HttpRequest.Builder keyed(String name, String value) {
        return HttpRequest.newBuilder(java.net.URI.create(gateway.url("/v1/chat/completions")))
                .header(name, value)
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(GOOD));
    }

    @Test
    void aCallWithoutKeyIsTold() {
        refused(gateway.send(keyed("x-nothing", "here")), 401, "invalid_api_key");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Bearer lk-live-unknown", "Bearer ", "Basic abc", "Bearer sk-ant-oat01-x", "lk-live-x"})
    void aKeyThatOpensNothingIsTold(String authorization) {
        refused(gateway.send(keyed("authorization", authorization)), 401, "invalid_api_key");
    }

    @Test
    void aRevokedKeyStopsAtOnce() {
        var created = gateway.key("default", KeyKind.LIVE, KeyTerms.FREE);
        assertThat(gateway.send(keyed("authorization", "Bearer " + created.text()))
                        .statusCode())
                .isNotEqualTo(401);
        gateway.house().keys().revoke(Actor.folder("test"), created.key().id());
        refused(gateway.send(keyed("authorization", "Bearer " + created.text())), 401, "invalid_api_key");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x-api-key", "api-key"})
    void aKeyIsTakenFromOtherFieldsToo(String field) {
        assertThat(gateway.send(keyed(field, gateway.key())).statusCode()).isNotEqualTo(401);
    }

    @Test
    void aBodyThatAnnouncesTooMuchIsRefusedBeforeItIsSent() throws IOException {
        try (Socket socket = gateway.connect()) {
            socket.setSoTimeout(5_000);
            write(socket, head("content-length: 900000000\r\nexpect: 100-continue\r\n"));
            assertThat(firstLine(socket)).isEqualTo("HTTP/1.1 413 Request Entity Too Large");
        }
    }

    @Test
    void aBodyThatGrowsTooLargeIsRefused() throws IOException {
        try (Socket socket = gateway.connect()) {
            socket.setSoTimeout(5_000);
            write(socket, head("transfer-encoding: chunked\r\n"));
            String chunk = "10000\r\n" + " ".repeat(0x10000) + "\r\n";
            try {
                for (int i = 0; i < 40; i++) {
                    write(socket, chunk);
                }
            } catch (IOException closed) {
                // It has said no already and doesn't listen any more.
            }
            assertThat(firstLine(socket)).isEqualTo("HTTP/1.1 413 Request Entity Too Large");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{not json|400",
                "[1,2]|400",
                "{\"model\":\"gpt-4o\",\"model\":\"gpt-4o-mini\",\"messages\":[]}|400",
                "{\"model\":5,\"messages\":[]}|400",
                "{\"model\":\"gpt-4o\",\"messages\":{}}|400",
                "{\"model\":\"gpt-4o\",\"messages\":[],\"stream\":\"yes\"}|400",
                "{\"model\":\"gpt-4o\",\"messages\":[],\"temperature\":7}|400",
                "{\"model\":\"gpt-4o\",\"messages\":[],\"max_tokens\":-1}|400",
                "{\"model\":\"gpt-4o\",\"messages\":[],\"n\":1000}|400",
                "{\"model\":\"gpt-4o\",\"messages\":[]} trailing|400",
            })
    void aBodyThatIsNotWhatTheEndpointTakesIsRefused(String body, int status) {
        HttpResponse<String> answer = gateway.post("/v1/chat/completions", body);
        assertThat(answer.statusCode()).as(body + " -> " + answer.body()).isEqualTo(status);
        assertThat(answer.body()).contains("invalid_request_error");
    }

    @Test
    void aWrongTypeIsNamedWithItsPlace() {
        assertThat(gateway.post("/v1/chat/completions", "{\"model\":\"gpt-4o\",\n \"messages\":[],\"stream\":\"yes\"}")
                        .body())
                .contains("\"param\":\"stream\"", "line 2");
    }

    @Test
    void nestingBeyondItsBoundIsRefused() {
        String deep = "[".repeat(300) + "]".repeat(300);
        assertThat(gateway.post("/v1/chat/completions", "{\"model\":\"gpt-4o\",\"messages\":[],\"x\":" + deep + "}")
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void aMissingModelIsTold() {
        refused(gateway.post("/v1/chat/completions", "{\"messages\":[]}"), 400, "missing_required_parameter");
    }

    @Test
    void anUnknownModelIsToldWithTheNearestNames() {
        HttpResponse<String> answer = gateway.post("/v1/chat/completions", "{\"model\":\"gpt4o\",\"messages\":[]}");
        refused(answer, 404, "model_not_found");
        assertThat(answer.body()).contains("gpt-4o");
    }

    @Test
    void aWrongContentTypeIsTold() {
        refused(
                gateway.send(gateway.request("/v1/chat/completions")
                        .header("content-type", "application/x-www-form-urlencoded")
                        .POST(HttpRequest.BodyPublishers.ofString(GOOD))),
                415,
                "unsupported_media_type");
        refused(
                gateway.send(gateway.request("/v1/audio/transcriptions")
                        .header("content-type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(GOOD))),
                415,
                "unsupported_media_type");
    }

    @Test
    void aWrongMethodIsToldWhatIsAllowed() {
        HttpResponse<String> answer =
                gateway.send(gateway.request("/v1/embeddings").method("PUT", HttpRequest.BodyPublishers.noBody()));
        refused(answer, 405, "method_not_allowed");
        assertThat(answer.headers().firstValue("allow")).hasValue("POST");
    }

    @ParameterizedTest
    @CsvSource({"/chat/completions,/v1", "/v1/v1/chat/completions,/v1", "/v1/nothing,GET /v1"})
    void aWrongPathIsToldWhatMayBeMeant(String path, String hint) {
        HttpResponse<String> answer = gateway.post(path, GOOD);
        refused(answer, 404, "unknown_url");
        assertThat(answer.body()).contains(hint);
    }

    @Test
    void headersThatAreTooLargeAre431() throws IOException {
        try (Socket socket = gateway.connect()) {
            socket.setSoTimeout(5_000);
            write(socket, head("x-large: " + "x".repeat(100_000) + "\r\n"));
            assertThat(firstLine(socket)).startsWith("HTTP/1.1 431");
        }
    }

    @Test
    void aBodyThatStopsComingIs408() throws IOException {
        try (Socket socket = gateway.connect()) {
            socket.setSoTimeout(5_000);
            write(socket, head("content-length: 100\r\n") + "{\"model\"");
            assertThat(firstLine(socket)).startsWith("HTTP/1.1 408");
        }
    }

    @Test
    void anUpstreamThatRefusesTheGatewaysKeyIsNotTheClientsFault() {
        HttpResponse<String> answer = gateway.post(
                "/v1/chat/completions",
                "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"refuse-the-key\"}]}");
        refused(answer, 502, "upstream_auth_error");
        assertThat(answer.body()).doesNotContain("sk-upst");
    }

    @Test
    void aRefusedCallHasItsLineToo() {
        gateway.post("/v1/chat/completions", "{\"model\":\"nonsense\",\"messages\":[]}");
        await().atMost(5, SECONDS)
                .untilAsserted(() ->
                        assertThat(gateway.log()).contains("\"outcome\":\"refused\"", "\"error\":\"model_not_found\""));
    }

    private static String head(String fields) {
        return "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                + "authorization: Bearer " + gateway.key() + "\r\n" + fields + "\r\n";
    }

    private static void write(Socket socket, String text) throws IOException {
        OutputStream out = socket.getOutputStream();
        out.write(text.getBytes(StandardCharsets.US_ASCII));
        out.flush();
    }

    private static String firstLine(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        StringBuilder line = new StringBuilder();
        for (int next = in.read(); next >= 0 && next != '\r'; next = in.read()) {
            line.append((char) next);
        }
        return line.toString();
    }
}
