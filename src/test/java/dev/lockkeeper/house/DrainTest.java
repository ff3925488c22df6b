package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ScriptedUpstream.Script;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A house that is drained: what clients, upstreams and the operator see of it. */
class DrainTest {
    private static final String MESSAGES = "\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";
    private static final String ASK = "{" + MESSAGES + "}";
    private static final String ASK_STREAM = "{" + MESSAGES + ",\"stream\":true}";
    private static final String ASK_RESPONSES = "{\"model\":\"gpt-4o\",\"input\":\"Hi\",\"stream\":true}";
    private static final String CHUNK = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            + "\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
    private static final String FINISH = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            + "\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String DONE = "data: [DONE]\n\n";
    private static final String CREATED = "event: response.created\ndata: {\"type\":\"response.created\","
            + "\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,"
            + "\"status\":\"in_progress\",\"model\":\"gpt-4o\",\"output\":[]}}\n\n";
    private static final String ANSWER =
            "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":"
                    + "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}";

    private static final Duration SOON = Duration.ofMillis(300);
    private static final Duration LONG = Duration.ofSeconds(20);

    private static Gateway before(ScriptedUpstream upstream, Duration delay, Duration within) {
        return Gateway.plan()
                .provider("upstream", upstream.port())
                .drain(delay, within)
                .start();
    }

    private static CompletableFuture<HttpResponse<String>> later(Supplier<HttpResponse<String>> call) {
        return CompletableFuture.supplyAsync(call, task -> Thread.ofVirtual().start(task));
    }

    private static CompletableFuture<Void> drain(Gateway gateway) {
        return CompletableFuture.runAsync(
                () -> gateway.house().drain(), task -> Thread.ofVirtual().start(task));
    }

    private static void calls(Gateway gateway, int expected) {
        await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == expected);
    }

    @Test
    void readinessSaysNoAtOnceAndCallsAreServedUntilTheDelayIsOver() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = before(upstream, Duration.ofSeconds(3), LONG)) {
            assertThat(gateway.admin("/readyz").statusCode()).isEqualTo(200);
            CompletableFuture<Void> drained = drain(gateway);

            await().atMost(2, SECONDS).until(() -> gateway.admin("/readyz").statusCode() == 503);
            assertThat(gateway.admin("/readyz").body()).containsPattern("\"name\" : \"draining\",\\s+\"ok\" : false");
            assertThat(gateway.admin("/livez").statusCode())
                    .as("it still lives")
                    .isEqualTo(200);
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("connection")).hasValue("close");
            assertThat(drained).isNotDone();

            drained.get(15, TimeUnit.SECONDS);
            assertThat(catching(gateway)).isInstanceOf(ConnectException.class);
        }
    }

    private static Throwable catching(Gateway gateway) {
        try (Socket socket = gateway.connect()) {
            return new AssertionError("still open: " + socket);
        } catch (IOException refused) {
            return refused;
        }
    }

    @Test
    void theAdminPortAnswersAndNoConnectionIsTakenWhileACallIsUnderWay() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    go.await(30, TimeUnit.SECONDS);
                    conversation.json(200, ANSWER);
                });
                Gateway gateway = before(upstream, Duration.ZERO, LONG)) {
            CompletableFuture<HttpResponse<String>> under = later(() -> gateway.post("/v1/chat/completions", ASK));
            calls(gateway, 1);
            CompletableFuture<Void> drained = drain(gateway);

            await().atMost(10, SECONDS)
                    .untilAsserted(() -> assertThat(catching(gateway)).isInstanceOf(ConnectException.class));
            assertThat(gateway.admin("/readyz").body()).contains("1 under way").contains("draining");
            assertThat(gateway.admin("/metrics").body()).contains("lockkeeper_calls_in_flight 1.0");
            assertThat(drained).isNotDone();

            go.countDown();
            assertThat(under.get(10, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
            drained.get(10, TimeUnit.SECONDS);
            assertThat(gateway.log()).contains("\"outcome\":\"served\"");
        }
    }

    @Test
    void aStreamThatEndsInTimeIsWhole() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Script slow = (request, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(CHUNK);
            go.await(30, TimeUnit.SECONDS);
            conversation.chunk(CHUNK + FINISH + DONE);
            conversation.lastChunk();
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(slow);
                Gateway gateway = before(upstream, Duration.ZERO, LONG)) {
            CompletableFuture<HttpResponse<String>> stream =
                    later(() -> gateway.post("/v1/chat/completions", ASK_STREAM));
            calls(gateway, 1);
            CompletableFuture<Void> drained = drain(gateway);
            await().atMost(10, SECONDS).until(() -> gateway.admin("/readyz").statusCode() == 503);
            go.countDown();

            assertThat(stream.get(10, TimeUnit.SECONDS).body()).isEqualTo(CHUNK + CHUNK + FINISH + DONE);
            drained.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aStreamThatOutlivesTheDrainEndsInItsErrorEventAndItsUpstreamIsTold() throws Exception {
        CompletableFuture<Long> gone = new CompletableFuture<>();
        Script endless = (request, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(CHUNK);
            gone.complete(conversation.awaitGone());
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(endless);
                Gateway gateway = before(upstream, Duration.ZERO, SOON)) {
            CompletableFuture<HttpResponse<String>> stream =
                    later(() -> gateway.post("/v1/chat/completions", ASK_STREAM));
            calls(gateway, 1);
            drain(gateway).get(15, TimeUnit.SECONDS);

            assertThat(stream.get(10, TimeUnit.SECONDS).body())
                    .startsWith(CHUNK)
                    .contains("\"code\":\"server_shutting_down\"")
                    .contains("Send it again")
                    .doesNotContain("[DONE]");
            gone.get(5, TimeUnit.SECONDS);
            assertThat(gateway.log())
                    .as("written before the house was closed")
                    .contains("\"outcome\":\"failed\",\"error\":\"server_shutting_down\"")
                    .contains("\"stream\":true");
        }
    }

    @Test
    void inEachDialectsOwnWay() throws Exception {
        Script endless = (request, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(CREATED);
            conversation.chunk(": still here\n\n");
            conversation.awaitGone();
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(endless);
                Gateway gateway = before(upstream, Duration.ZERO, SOON)) {
            CompletableFuture<HttpResponse<String>> stream = later(() -> gateway.post("/v1/responses", ASK_RESPONSES));
            calls(gateway, 1);
            drain(gateway).get(15, TimeUnit.SECONDS);

            assertThat(stream.get(10, TimeUnit.SECONDS).body())
                    .contains("event: response.failed", "server_shutting_down", "\"id\":\"resp_1\"");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nothing yet",
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"id\":",
                "HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"error\":"
            })
    void anAnswerThatHasNotBegunWhenTheDrainIsOverIs503(String said) throws Exception {
        CompletableFuture<Long> gone = new CompletableFuture<>();
        Script silent = (request, conversation) -> {
            if (said.startsWith("HTTP")) {
                conversation.send(said);
            }
            gone.complete(conversation.awaitGone());
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(silent);
                Gateway gateway = before(upstream, Duration.ZERO, SOON)) {
            CompletableFuture<HttpResponse<String>> call = later(() -> gateway.post("/v1/chat/completions", ASK));
            await().atMost(10, SECONDS).until(() -> upstream.requests().size() == 1);
            drain(gateway).get(15, TimeUnit.SECONDS);

            HttpResponse<String> answer = call.get(10, TimeUnit.SECONDS);
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.headers().firstValue("retry-after")).hasValue("1");
            assertThat(answer.headers().firstValue("connection")).hasValue("close");
            assertThat(answer.body())
                    .contains("\"code\":\"server_shutting_down\"")
                    .contains("service_unavailable_error");
            gone.get(5, TimeUnit.SECONDS);
            assertThat(gateway.log())
                    .contains("\"status\":503,\"outcome\":\"failed\",\"error\":\"server_shutting_down\"");
        }
    }

    @Test
    void aBodyThatDoesNotComeDoesNotHoldTheStopUp() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = before(upstream, Duration.ZERO, SOON);
                Socket client = gateway.connect()) {
            client.setSoTimeout(10_000);
            client.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer " + gateway.key()
                                    + "\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"model\":")
                            .getBytes(StandardCharsets.ISO_8859_1));
            calls(gateway, 1);
            drain(gateway).get(15, TimeUnit.SECONDS);

            assertThat(new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .startsWith("HTTP/1.1 503 ")
                    .contains("server_shutting_down");
            assertThat(gateway.log())
                    .as("no upstream was asked")
                    .contains("\"status\":503,\"outcome\":\"refused\",\"error\":\"server_shutting_down\"");
            assertThat(upstream.requests()).isEmpty();
        }
    }

    @Test
    void noStopWaitsForEstimatesOfTokens() throws Exception {
        int calls = 12;
        // What the encoder is slowest with: a text without a break.
        String letters = "qzjxkvbpygfwmucldrhsnioate".repeat((16 << 10) / 26);
        Script endless = (request, conversation) -> {
            conversation.chunkedEvents();
            for (int i = 0; i < 16; i++) {
                conversation.chunk(CHUNK.replace("\"Hi\"", '"' + letters + '"'));
            }
            conversation.awaitGone();
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(endless);
                Gateway gateway = before(upstream, Duration.ZERO, SOON)) {
            List<CompletableFuture<HttpResponse<String>>> streams = Stream.generate(
                            () -> later(() -> gateway.post("/v1/chat/completions", ASK_STREAM)))
                    .limit(calls)
                    .toList();
            await().atMost(30, SECONDS).until(() -> upstream.requests().size() == calls);
            calls(gateway, calls);
            long began = System.nanoTime();
            drain(gateway).get(15, TimeUnit.SECONDS);

            // Counted whole, they would take two threads a quarter of a minute.
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(8));
            for (CompletableFuture<HttpResponse<String>> stream : streams) {
                assertThat(stream.get(10, TimeUnit.SECONDS).body()).contains("server_shutting_down");
            }
            assertThat(gateway.log()
                            .lines()
                            .filter(line -> line.contains("\"error\":\"server_shutting_down\"")
                                    && line.contains("\"estimated\":true")))
                    .as("each call is told")
                    .hasSize(calls);
        }
    }

    @Test
    void aListThatTakesTooLongIsToldSo() throws Exception {
        Script files = (request, conversation) -> {
            if (request.line().startsWith("POST")) {
                conversation.json(
                        200,
                        "{\"id\":\"file-1\",\"object\":\"file\",\"bytes\":1,\"created_at\":1,\"filename\":\"a\","
                                + "\"purpose\":\"batch\"}");
            } else {
                conversation.awaitGone();
            }
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(files);
                Gateway gateway = before(upstream, Duration.ZERO, SOON)) {
            String form = "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
                    + "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{}\r\n--b--\r\n";
            assertThat(gateway.send(gateway.request("/v1/files")
                                    .header("content-type", "multipart/form-data; boundary=b")
                                    .POST(java.net.http.HttpRequest.BodyPublishers.ofString(form)))
                            .statusCode())
                    .isEqualTo(200);
            CompletableFuture<HttpResponse<String>> list = later(() -> gateway.get("/v1/files"));
            await().atMost(10, SECONDS).until(() -> upstream.requests().size() == 2);
            drain(gateway).get(15, TimeUnit.SECONDS);

            HttpResponse<String> answer = list.get(10, TimeUnit.SECONDS);
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body()).contains("server_shutting_down");
        }
    }

    @Test
    void aHouseWithNothingToDoIsClosedSoonAndOnce() throws Exception {
        try (Gateway gateway =
                Gateway.plan().simulated().drain(Duration.ZERO, LONG).start()) {
            gateway.get("/v1/models"); // leaves an idle connection behind
            drain(gateway).get(10, TimeUnit.SECONDS);
            drain(gateway).get(10, TimeUnit.SECONDS);
        }
    }
}
