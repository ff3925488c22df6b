package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ServeProcess;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process is killed while a response in the background, a batch, and the making of a third are under way. */
class KilledLaterTest {
    private static final String RESPONSE =
            "{\"id\":\"resp_1\",\"object\":\"response\",\"background\":true,\"output\":[],";
    private static final String LINE =
            "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":"
                    + "{\"model\":\"gpt-4o\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}}\n";
    private static final String ANSWER =
            "{\"id\":\"batch_req_1\",\"custom_id\":\"1\",\"response\":{\"status_code\":200,"
                    + "\"body\":{\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4}}},\"error\":null}\n";

    @TempDir
    Path folder;

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static HttpRequest post(ServeProcess process, String key, String path, String type, String body) {
        return HttpRequest.newBuilder(URI.create(process.url() + path))
                .header("authorization", "Bearer " + key)
                .header("content-type", type)
                .timeout(Duration.ofSeconds(60))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private void made(HttpRequest request) throws Exception {
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    }

    private static String batch(String status) {
        return "{\"id\":\"batch_1\",\"object\":\"batch\",\"endpoint\":\"/v1/chat/completions\",\"status\":\"" + status
                + "\",\"output_file_id\":\"file_out\",\"request_counts\":{\"total\":1,\"completed\":1,\"failed\":0}}";
    }

    @Test
    void whatIsBilledLaterIsBookedOnceByTheNextProcess() throws Exception {
        Set<String> asked = ConcurrentHashMap.newKeySet();
        CountDownLatch forEver = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
            String target = request.line().substring(0, request.line().lastIndexOf(' '));
            asked.add(target);
            switch (target) {
                case "POST /v1/responses" -> {
                    if (request.text().contains("never")) {
                        asked.add("never");
                        forEver.await();
                    }
                    conversation.json(200, RESPONSE + "\"status\":\"queued\",\"usage\":null}");
                }
                case "GET /v1/responses/resp_1" ->
                    conversation.json(
                            200,
                            RESPONSE
                                    + "\"status\":\"completed\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":200}}");
                case "POST /v1/files" -> conversation.json(200, "{\"id\":\"file_in\",\"object\":\"file\"}");
                case "GET /v1/files/file_in/content" -> conversation.json(200, LINE);
                case "POST /v1/batches" -> conversation.json(200, batch("validating"));
                case "GET /v1/batches/batch_1" -> conversation.json(200, batch("completed"));
                default -> conversation.json(200, ANSWER);
            }
        })) {
            String configuration =
                    "server: {port: 0}\nadmin: {port: 0}\nproviders:\n  up: {base-url: 'http://127.0.0.1:"
                            + upstream.port() + "/v1', auth: none, private-addresses: true}\nmodels: {gpt-4o: up}\n";
            String json = "application/json";
            String respond = "{\"model\":\"gpt-4o\",\"background\":true,\"max_output_tokens\":1000,\"input\":\"TEXT\"}";
            try (ServeProcess first = ServeProcess.start(folder, configuration).awaitOpen()) {
                String key = first.key();
                made(post(
                        first,
                        key,
                        "/v1/files",
                        "multipart/form-data; boundary=b",
                        "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n"
                                + "content-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n" + LINE
                                + "\r\n--b--\r\n"));
                made(post(first, key, "/v1/responses", json, respond));
                made(
                        post(
                                first,
                                key,
                                "/v1/batches",
                                json,
                                "{\"input_file_id\":\"file_in\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\"}"));
                CompletableFuture<?> _ = http.sendAsync(
                        post(first, key, "/v1/responses", json, respond.replace("TEXT", "never")),
                        HttpResponse.BodyHandlers.ofString());
                await().atMost(30, SECONDS).until(() -> asked.contains("never"));
                first.signal("KILL");
                assertThat(first.exit()).isEqualTo(137);
            }
            assertThat(asked).doesNotContain("GET /v1/files/file_out/content");
            try (ServeProcess second = ServeProcess.start(folder, configuration).awaitOpen()) {
                assertThat(second.said()).contains("2 holds wait for responses in the background and batches");
                await().atMost(30, SECONDS)
                        .until(() -> asked.contains("GET /v1/files/file_out/content")
                                && asked.contains("GET /v1/responses/resp_1"));
                second.signal("TERM");
                assertThat(second.exit()).isZero();
            }
            try (Database database = Database.open(folder.resolve("lockkeeper-data"))) {
                List<String> entries = database.<List<String>>read(handle -> handle.createQuery(
                                        "SELECT kind || ' ' || endpoint || ' ' || tier || ' ' || outcome || ' ' || estimated"
                                                + " || ' ' || (CASE WHEN cost = held THEN 'held' ELSE cost END) FROM entries"
                                                + " ORDER BY cost")
                                .mapTo(String.class)
                                .list())
                        .join();
                assertThat(entries)
                        .containsExactly(
                                "settled /v1/batches batch completed 0 " + (10 * 1_250 + 4 * 5_000),
                                "settled /v1/responses  completed 0 " + (1000 * 2_500 + 200 * 10_000),
                                "recovered   recovered 1 held");
                assertThat(database.<Long>read(handle -> handle.createQuery("SELECT count(*) FROM open_holds")
                                        .mapTo(Long.class)
                                        .one())
                                .join())
                        .isZero();
            }
        }
    }
}
