package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What clients find at the door, before the simulator, which refuses what OpenAI refuses. */
class DoorTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static Gateway gateway;

    @BeforeAll
    static void start() {
        gateway = Gateway.plan().origins("https://app.example.com").start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
    }

    private static String warnings(HttpResponse<String> answer) {
        return answer.headers().firstValue("x-lockkeeper-warnings").orElse("");
    }

    @Test
    void whatAReasoningModelRefusesIsRenamedOrDroppedAndTold() {
        HttpResponse<String> answer = gateway.post(
                "/v1/chat/completions",
                "{\"model\":\"gpt-5.5\",\"max_tokens\":300,\"temperature\":0.2,\"top_p\":0.9,"
                        + "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(warnings(answer)).contains("max_completion_tokens", "temperature", "top_p");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"strict\":true,\"schema\":{\"type\":\"object\","
                        + "\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"],\"additionalProperties\":false}}}",
                "{\"type\":\"json_schema\",\"name\":\"a\",\"strict\":true,\"schema\":{\"type\":\"object\","
                        + "\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"],\"additionalProperties\":false}}"
            })
    void aResponseFormatOnResponsesBecomesATextFormat(String format) {
        HttpResponse<String> answer = gateway.post(
                "/v1/responses", "{\"model\":\"gpt-5.4-mini\",\"input\":\"hi\",\"response_format\":" + format + "}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(warnings(answer)).contains("text.format");
        JsonNode output = JSON.readTree(answer.body()).path("output");
        String text = output.get(output.size() - 1).at("/content/0/text").asString();
        assertThat(JSON.readTree(text).path("x").isIntegralNumber()).as(text).isTrue();
    }

    @Test
    void anExactProfileChangesNothing() {
        try (Gateway exact = Gateway.plan()
                .simulated()
                .model("gpt-5.5", Profile.EXACT, "simulator/gpt-5.5")
                .start()) {
            HttpResponse<String> answer = exact.post(
                    "/v1/chat/completions",
                    "{\"model\":\"gpt-5.5\",\"max_tokens\":30,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(answer.body()).contains("max_completion_tokens", "unsupported_parameter");
            assertThat(warnings(answer)).isEmpty();
        }
    }

    @Test
    void readingAStoredResponseBackUsesNothing() {
        HttpResponse<String> made = gateway.post("/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"hi\"}");
        HttpResponse<String> read = gateway.get(
                "/v1/responses/" + JSON.readTree(made.body()).path("id").asString());
        assertThat(read.statusCode()).as(read.body()).isEqualTo(200);
        assertThat(JSON.readTree(read.body()).at("/usage/input_tokens").asInt()).isPositive();
        await().atMost(5, SECONDS).untilAsserted(() -> {
            assertThat(line(made)).contains("\"input_tokens\":").doesNotContain("\"input_tokens\":null");
            assertThat(line(read)).contains("\"input_tokens\":null");
        });
    }

    /** The line of the log that tells of a call. */
    private static String line(HttpResponse<String> answer) {
        String id = answer.headers().firstValue("x-request-id").orElseThrow();
        return gateway.log()
                .lines()
                .filter(each -> each.contains(id))
                .findFirst()
                .orElse("");
    }

    @Test
    void modelsAreListedInOpenAisShapeAndOnlyThoseOfTheKey() {
        JsonNode all = JSON.readTree(gateway.get("/v1/models").body());
        assertThat(all.path("object").asString()).isEqualTo("list");
        assertThat(all.at("/data/0/id").asString()).isEqualTo("gpt-5.5");
        assertThat(all.at("/data/0/lockkeeper/targets/0/provider").asString()).isEqualTo("simulator");
        assertThat(all.at("/data/0/lockkeeper/context").asLong()).isPositive();

        String narrow = gateway.key("default", KeyKind.LIVE, KeyTerms.FREE.forModels(List.of("gpt-4o")))
                .text();
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(gateway.url("/v1/models")))
                .header("authorization", "Bearer " + narrow);
        assertThat(JSON.readTree(gateway.send(request).body()).path("data"))
                .singleElement()
                .satisfies(each -> assertThat(each.path("id").asString()).isEqualTo("gpt-4o"));
        HttpResponse<String> refused =
                gateway.send(HttpRequest.newBuilder(URI.create(gateway.url("/v1/chat/completions")))
                        .header("authorization", "Bearer " + narrow)
                        .header("content-type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"gpt-5.5\",\"messages\":[]}")));
        assertThat(refused.statusCode()).isEqualTo(404);
        assertThat(refused.body()).contains("model_not_found").doesNotContain("gpt-5.4");
    }

    @Test
    void oneModelIsToldAndAnUnknownOneIsNot() {
        assertThat(JSON.readTree(gateway.get("/v1/models/gpt-4o").body())
                        .path("id")
                        .asString())
                .isEqualTo("gpt-4o");
        HttpResponse<String> unknown = gateway.get("/v1/models/gpt-5.6");
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(unknown.body()).contains("model_not_found", "gpt-5.5");
    }

    @Test
    void aTrialCanBeAskedForByAGet() {
        String messages = URLEncoder.encode("[{\"role\":\"user\",\"content\":\"Größe?\"}]", StandardCharsets.UTF_8);
        for (String query : List.of("prompt=Gr%C3%B6%C3%9Fe%3F+ok", "messages=" + messages)) {
            HttpResponse<String> answer = gateway.get("/v1/chat/completions?model=gpt-4o-mini&max_tokens=20&" + query);
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(JSON.readTree(answer.body())
                            .at("/choices/0/message/content")
                            .asString())
                    .isNotEmpty();
            assertThat(answer.headers().firstValue("x-lockkeeper-hint").orElse(""))
                    .contains("POST");
        }
        HttpResponse<String> stream = gateway.get("/v1/chat/completions?model=gpt-4o-mini&stream=true&prompt=hi");
        assertThat(stream.body()).startsWith("data: ").endsWith("data: [DONE]\n\n");
        assertThat(gateway.get("/v1/chat/completions?model=gpt-4o-mini&messages=nonsense")
                        .statusCode())
                .isEqualTo(400);
        assertThat(gateway.send(HttpRequest.newBuilder(
                                URI.create(gateway.url("/v1/chat/completions?model=gpt-4o&prompt=hi"))))
                        .statusCode())
                .isEqualTo(401);
        assertThat(gateway.log()).doesNotContain("prompt=", "Gr%C3", "Größe");
    }

    @Test
    void aGetWithoutPromptListsStoredCompletions() {
        HttpResponse<String> list = gateway.get("/v1/chat/completions?model=gpt-4o&limit=2");
        assertThat(list.statusCode()).as(list.body()).isEqualTo(200);
        assertThat(JSON.readTree(list.body()).path("object").asString()).isEqualTo("list");
    }

    @ParameterizedTest
    @CsvSource({
        "/,200",
        "/v1,200",
        "/v1/,200",
        "/v1/chat/completions,200",
        "/v1/responses,200",
        "/v1/models,200",
        "/v1/files/file-1,200",
        "/nonsense,404"
    })
    void aBrowserGetsAPageEverywhere(String path, int status) {
        HttpResponse<String> page = gateway.send(HttpRequest.newBuilder(URI.create(gateway.url(path)))
                .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8"));
        assertThat(page.statusCode()).isEqualTo(status);
        assertThat(page.headers().firstValue("content-type").orElse("")).startsWith("text/html");
        assertThat(page.headers().firstValue("content-security-policy")).isPresent();
        assertThat(page.body()).contains("Lockkeeper", "127.0.0.1:" + gateway.port());
    }

    @Test
    void aProgramGetsTheListOfEndpoints() {
        HttpResponse<String> index = gateway.send(HttpRequest.newBuilder(URI.create(gateway.url("/v1"))));
        assertThat(index.statusCode()).isEqualTo(200);
        assertThat(index.body()).contains("/v1/chat/completions", "/v1/responses");
    }

    @Test
    void pagesOfAllowedOriginsMayCallAndOthersMayNot() throws Exception {
        HttpRequest.Builder preflight = HttpRequest.newBuilder(URI.create(gateway.url("/v1/chat/completions")))
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type,x-stainless-os")
                .header("origin", "https://app.example.com");
        HttpResponse<String> allowed = gateway.send(preflight);
        assertThat(allowed.statusCode()).isEqualTo(204);
        assertThat(allowed.headers().firstValue("access-control-allow-origin")).hasValue("https://app.example.com");
        assertThat(allowed.headers().firstValue("access-control-allow-headers").orElse(""))
                .contains("authorization");

        HttpResponse<String> call = gateway.send(gateway.request("/v1/chat/completions")
                .header("origin", "https://app.example.com")
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"none\",\"messages\":[]}")));
        assertThat(call.headers().firstValue("access-control-allow-origin")).hasValue("https://app.example.com");
        assertThat(call.headers().firstValue("access-control-expose-headers").orElse(""))
                .contains("x-request-id");

        HttpResponse<String> stranger =
                gateway.send(gateway.request("/v1/models").header("origin", "https://evil.test"));
        assertThat(stranger.headers().firstValue("access-control-allow-origin")).isEmpty();
        for (HttpResponse<String> each : List.of(call, stranger, gateway.get("/v1/models"))) {
            assertThat(each.headers().allValues("vary")).as(each.toString()).contains("origin");
        }
    }

    @Test
    void aClientThatOffersToUpgradeToHttp2IsAnsweredInHttp1() throws Exception {
        HttpClient offering = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_2)
                .connectTimeout(Duration.ofSeconds(5))
                .build();
        HttpResponse<String> answer = offering.send(
                gateway.request("/v1/chat/completions")
                        .header("content-type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(
                                "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
    }

    @Test
    void eventsThatComeApartLeaveTogetherWhereTheOperatorGathers() throws Exception {
        String chunk =
                "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
        String end =
                "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 20; i++) {
                        conversation.chunk(chunk);
                    }
                    conversation.chunk(end);
                    conversation.lastChunk();
                });
                Gateway gathering = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .gather(Duration.ofMillis(200))
                        .start()) {
            assertThat(gathering
                            .post(
                                    "/v1/chat/completions",
                                    "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}")
                            .body())
                    .isEqualTo(chunk.repeat(20) + end);
        }
    }
}
