package dev.lockkeeper.clients;

import static dev.lockkeeper.clients.Gateway.MODEL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import okhttp3.MediaType;
import okhttp3.MultipartBody;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Bare HTTP clients for Java, as application code has them: OkHttp, and the JDK's own. */
class BareJavaTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final MediaType TYPE = MediaType.get("application/json");

    private static Gateway gateway;

    @BeforeAll
    static void start() {
        gateway = Gateway.start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
    }

    private static String body(boolean stream, String mishap) {
        return """
                {"model":"%s","stream":%s,"messages":[{"role":"user","content":"Say hello."}],"metadata":{%s}}""".formatted(MODEL, stream, mishap.isEmpty() ? "" : "\"sim_mishap\":\"" + mishap + "\"");
    }

    /** What hand-written code makes of the lines of an event stream. */
    private static final class Events {
        final StringBuilder text = new StringBuilder();
        String finish = "";
        boolean done;
        boolean error;

        static Events of(Stream<String> lines) {
            Events events = new Events();
            lines.filter(each -> each.startsWith("data:")).forEach(events::data);
            return events;
        }

        private void data(String line) {
            String data = line.substring(5).strip();
            if (data.equals("[DONE]")) {
                done = true;
                return;
            }
            JsonNode event = JSON.readTree(data);
            if (event.has("error")) {
                error = true;
                return;
            }
            for (JsonNode choice : event.get("choices")) {
                text.append(choice.path("delta").path("content").asString(""));
                finish = choice.get("finish_reason").asString(finish);
            }
        }

        void areWhole() {
            assertThat(text).isNotEmpty();
            assertThat(finish).isEqualTo("stop");
            assertThat(done).isTrue();
            assertThat(error).isFalse();
        }

        void areBroken() {
            assertThat(error).isTrue();
            assertThat(done).isFalse();
            assertThat(finish).isEmpty();
        }
    }

    // ── the JDK's client: over HTTP/1.1 with an offer to upgrade to h2c, or without ──

    private static HttpClient jdk(HttpClient.Version version) {
        return HttpClient.newBuilder()
                .version(version)
                .connectTimeout(Duration.ofSeconds(5))
                .build();
    }

    private static HttpRequest.Builder post(String path, String body) {
        return HttpRequest.newBuilder(URI.create(gateway.baseUrl() + path))
                .header("Authorization", "Bearer " + gateway.key())
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(20))
                .POST(HttpRequest.BodyPublishers.ofString(body));
    }

    @ParameterizedTest
    @EnumSource(
            value = HttpClient.Version.class,
            names = {"HTTP_1_1", "HTTP_2"})
    void theJdksClientGetsAnswersAndStreamsOverOneConnection(HttpClient.Version version) throws Exception {
        try (HttpClient client = jdk(version)) {
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> answer = client.send(
                        post("/chat/completions", body(false, "")).build(), HttpResponse.BodyHandlers.ofString());
                assertThat(answer.statusCode()).isEqualTo(200);
                assertThat(answer.headers().firstValue("x-request-id")).isPresent();
                assertThat(JSON.readTree(answer.body()).get("choices")).hasSize(1);
                HttpResponse<Stream<String>> stream = client.send(
                        post("/chat/completions", body(true, "")).build(), HttpResponse.BodyHandlers.ofLines());
                Events.of(stream.body()).areWhole();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cut(3)", "reset(3)", "eof(3)", "garbage(3)", "error(3)"})
    void theJdksClientSeesABreakUnder(String mishap) throws Exception {
        try (HttpClient client = jdk(HttpClient.Version.HTTP_2)) {
            HttpResponse<Stream<String>> stream = client.send(
                    post("/chat/completions", body(true, mishap)).build(), HttpResponse.BodyHandlers.ofLines());
            assertThat(stream.statusCode()).isEqualTo(200);
            Events.of(stream.body()).areBroken();
        }
    }

    @Test
    void theJdksClientGetsManyAnswersAtOnce() {
        try (HttpClient client = jdk(HttpClient.Version.HTTP_2)) {
            List<CompletableFuture<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                answers.add(client.sendAsync(
                                post("/chat/completions", body(false, "")).build(),
                                HttpResponse.BodyHandlers.discarding())
                        .thenApply(HttpResponse::statusCode));
            }
            assertThat(answers)
                    .allSatisfy(each -> assertThat(each)
                            .succeedsWithin(Duration.ofSeconds(20))
                            .isEqualTo(200));
        }
    }

    @Test
    void theJdksClientTimesOutWhenItWaitsTooShort() {
        try (HttpClient client = jdk(HttpClient.Version.HTTP_2)) {
            assertThatThrownBy(() -> client.send(
                            post("/chat/completions", body(false, "silence"))
                                    .timeout(Duration.ofMillis(400))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString()))
                    .isInstanceOf(HttpTimeoutException.class);
        }
    }

    // ── OkHttp: over HTTP/1.1, and over HTTP/2 without TLS ──

    private static OkHttpClient okHttp(Protocol protocol) {
        return new OkHttpClient.Builder()
                .protocols(List.of(protocol))
                .connectTimeout(Duration.ofSeconds(5))
                .readTimeout(Duration.ofSeconds(20))
                .build();
    }

    private static Request.Builder request(String path) {
        return new Request.Builder().url(gateway.baseUrl() + path).header("Authorization", "Bearer " + gateway.key());
    }

    private static Request chat(boolean stream, String mishap) {
        return request("/chat/completions")
                .post(RequestBody.create(body(stream, mishap), TYPE))
                .build();
    }

    private static Events events(OkHttpClient client, String mishap) throws IOException {
        try (Response response = client.newCall(chat(true, mishap)).execute();
                BufferedReader lines = new BufferedReader(response.body().charStream())) {
            assertThat(response.code()).isEqualTo(200);
            return Events.of(lines.lines());
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Protocol.class,
            names = {"HTTP_1_1", "H2_PRIOR_KNOWLEDGE"})
    void okHttpGetsAnswersStreamsAndBreaks(Protocol protocol) throws IOException {
        OkHttpClient client = okHttp(protocol);
        try (Response answer = client.newCall(chat(false, "")).execute()) {
            assertThat(answer.code()).isEqualTo(200);
            assertThat(answer.protocol()).isEqualTo(protocol);
            assertThat(JSON.readTree(answer.body().string()).get("choices")).hasSize(1);
        }
        for (String mishap : List.of("", "split(1)", "no-done")) {
            events(client, mishap).areWhole();
        }
        for (String mishap : List.of("cut(3)", "reset(3)", "eof(3)", "garbage(3)", "error(3)")) {
            events(client, mishap).areBroken();
        }
        try (Response answer = client.newCall(chat(false, "")).execute()) {
            assertThat(answer.code()).isEqualTo(200);
        }
        assertThat(client.connectionPool().connectionCount()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(
            value = Protocol.class,
            names = {"HTTP_1_1", "H2_PRIOR_KNOWLEDGE"})
    void okHttpTimesOutAndGoesOn(Protocol protocol) throws IOException {
        OkHttpClient client = okHttp(protocol);
        OkHttpClient impatient =
                client.newBuilder().readTimeout(Duration.ofMillis(400)).build();
        assertThatThrownBy(() -> {
                    try (Response answer =
                            impatient.newCall(chat(false, "silence")).execute()) {
                        assertThat(answer.code()).isZero();
                    }
                })
                .isInstanceOf(SocketTimeoutException.class);
        try (Response answer = client.newCall(chat(false, "")).execute()) {
            assertThat(answer.code()).isEqualTo(200);
        }
    }

    @Test
    void okHttpSendsAFileInMultipart() throws IOException {
        OkHttpClient client = okHttp(Protocol.HTTP_1_1);
        RequestBody form = new MultipartBody.Builder()
                .setType(MultipartBody.FORM)
                .addFormDataPart("purpose", "user_data")
                .addFormDataPart("file", "a.txt", RequestBody.create("some bytes", MediaType.get("text/plain")))
                .build();
        String id;
        try (Response made =
                client.newCall(request("/files").post(form).build()).execute()) {
            assertThat(made.code()).isEqualTo(200);
            id = JSON.readTree(made.body().string()).get("id").stringValue();
        }
        try (Response content =
                client.newCall(request("/files/" + id + "/content").build()).execute()) {
            assertThat(content.body().string()).isEqualTo("some bytes");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "Authorization,Bearer lk-live-wrong,401",
        "x-api-key,right,200",
        "api-key,right,200",
        "x-other,right,401"
    })
    void okHttpShowsItsKeyInSeveralFields(String field, String value, int status) throws IOException {
        Request models = new Request.Builder()
                .url(gateway.baseUrl() + "/models")
                .header(field, value.equals("right") ? gateway.key() : value)
                .build();
        try (Response answer = okHttp(Protocol.HTTP_1_1).newCall(models).execute()) {
            assertThat(answer.code()).isEqualTo(status);
        }
    }
}
