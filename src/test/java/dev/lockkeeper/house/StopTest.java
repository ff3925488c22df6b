package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ServeProcess;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code serve} in a process of its own is told to stop. */
class StopTest {
    private static final String STREAM =
            "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";

    /** Without text: the estimate of its tokens would load a vocabulary, which takes its time on a busy machine. */
    private static final String CHUNK = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            + "\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},"
            + "\"finish_reason\":null}]}\n\n";

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @TempDir
    Path folder;

    @BeforeEach
    void needsASystemWithSignals() {
        assumeThat(Files.isDirectory(Path.of("/proc/self"))).as("Linux").isTrue();
    }

    /** Where a shell started this process in the background, SIGINT is ignored, by children too; nobody can turn that back in Java. */
    private static void needs(String signal) throws Exception {
        if (signal.equals("INT")) {
            String ignored = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("SigIgn:"))
                    .findFirst()
                    .orElse("SigIgn: 0");
            boolean heard = (Long.parseUnsignedLong(ignored.substring(7).strip(), 16) & 1 << 1) == 0;
            assumeThat(heard).as("SIGINT is not ignored here").isTrue();
        }
    }

    /** One that answers by itself. */
    private ServeProcess simulated(String delay) throws Exception {
        return ServeProcess.start(folder, "server: {port: 0, drain-delay: " + delay + "}\nadmin: {port: 0}\n");
    }

    /** One whose upstream begins a stream and never ends it. */
    private ServeProcess before(ScriptedUpstream upstream, String within) throws Exception {
        return ServeProcess.start(
                        folder,
                        "server: {port: 0, drain-delay: 0s, drain: " + within + "}\nadmin: {port: 0}\n"
                                + "providers:\n  slow: {base-url: \"http://127.0.0.1:" + upstream.port()
                                + "/v1\", api-key: sk-1, private-addresses: true}\n"
                                + "models:\n  gpt-4o-mini: slow\n")
                .awaitOpen();
    }

    private static ScriptedUpstream endless() {
        return ScriptedUpstream.answering((request, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(CHUNK);
            conversation.awaitGone();
        });
    }

    private HttpResponse<String> ask(ServeProcess server, String body) throws Exception {
        return http.send(
                HttpRequest.newBuilder(URI.create(server.url() + "/v1/chat/completions"))
                        .header("authorization", "Bearer " + server.key())
                        .header("content-type", "application/json")
                        .timeout(Duration.ofSeconds(60))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    private CompletableFuture<HttpResponse<String>> stream(ServeProcess server) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return ask(server, STREAM);
                    } catch (Exception broken) {
                        throw new IllegalStateException(broken);
                    }
                },
                task -> Thread.ofVirtual().start(task));
    }

    private static void underWay(ScriptedUpstream upstream, int calls) {
        await().atMost(60, SECONDS).until(() -> upstream.requests().size() == calls);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    void aSignalIsAGoodEndAndTheLastLinesAreWritten(String signal) throws Exception {
        needs(signal);
        try (ServeProcess server = simulated("0s").awaitOpen()) {
            for (int i = 0; i < 3; i++) {
                assertThat(ask(server, STREAM).body()).endsWith("data: [DONE]\n\n");
            }
            server.signal(signal);

            assertThat(server.exit()).as(server.said()).isZero();
            assertThat(server.calls()).hasSize(3).allMatch(line -> line.contains("\"outcome\":\"served\""));
            assertThat(server.said())
                    .contains("SIG" + signal + ": stopping", "stopping:")
                    .endsWith("stopped");
        }
    }

    @Test
    void aStreamThatOutlivesTheDrainIsToldSoAndProgressIsShown() throws Exception {
        try (ScriptedUpstream upstream = endless();
                ServeProcess server = before(upstream, "6s")) {
            CompletableFuture<HttpResponse<String>> stream = stream(server);
            underWay(upstream, 1);
            server.signal("TERM");

            assertThat(stream.get(60, TimeUnit.SECONDS).body())
                    .contains("server_shutting_down")
                    .doesNotContain("[DONE]");
            assertThat(server.exit()).as(server.said()).isZero();
            assertThat(server.said()).contains("1 calls are under way").contains("cut short");
            assertThat(server.calls()).singleElement().asString().contains("\"error\":\"server_shutting_down\"");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    void aSecondSignalEndsItAtOnce(String second) throws Exception {
        needs(second);
        try (ScriptedUpstream upstream = endless();
                ServeProcess server = before(upstream, "10m")) {
            CompletableFuture<HttpResponse<String>> stream = stream(server);
            underWay(upstream, 1);
            server.signal("TERM");
            await().atMost(60, SECONDS).until(() -> server.said().contains("stopping:"));
            assertThat(server.runs()).isTrue();

            server.signal(second);

            assertThat(server.exit()).isEqualTo(second.equals("TERM") ? 143 : 130);
            assertThat(stream).failsWithin(60, SECONDS);
        }
    }

    @Test
    void aSignalWhileItStartsEndsItTooAndTheFolderIsFree() throws Exception {
        try (ServeProcess server = simulated("0s")) {
            await().atMost(60, SECONDS).until(() -> !server.runs() || Files.exists(folder.resolve("lockkeeper-data")));
            server.signal("TERM");

            assertThat(server.exit()).as(server.said()).isZero();
        }
        try (ServeProcess again = simulated("0s").awaitOpen()) {
            again.signal("TERM");
            assertThat(again.exit()).as(again.said()).isZero();
        }
    }

    @Test
    void readinessSaysNoWhileCallsAreStillTaken() throws Exception {
        try (ServeProcess server = simulated("6s").awaitOpen()) {
            HttpRequest ready = HttpRequest.newBuilder(URI.create(server.adminUrl() + "/readyz"))
                    .build();
            assertThat(http.send(ready, BodyHandlers.ofString()).statusCode()).isEqualTo(200);
            server.signal("TERM");

            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(
                                    http.send(ready, BodyHandlers.ofString()).body())
                            .contains("draining"));
            assertThat(ask(server, STREAM).body()).endsWith("data: [DONE]\n\n");
            assertThat(server.exit()).isZero();
            assertThat(server.calls()).hasSize(1);
        }
    }
}
