package dev.lockkeeper.house;

import static dev.lockkeeper.house.Keyed.ASK;
import static dev.lockkeeper.house.Keyed.answer;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ServeProcess;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process is killed: what it had answered whole is told again, and not billed again; what it was at is free. */
class KilledRepeatsTest {
    private static final int WHOLE = 20;

    @TempDir
    Path folder;

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static HttpRequest asked(String url, String key, String idempotencyKey) {
        return HttpRequest.newBuilder(URI.create(url + Keyed.CHAT))
                .header("authorization", "Bearer " + key)
                .header("content-type", "application/json")
                .header("idempotency-key", idempotencyKey)
                .timeout(Duration.ofSeconds(60))
                .POST(HttpRequest.BodyPublishers.ofString(ASK))
                .build();
    }

    private HttpResponse<String> ask(String url, String key, String idempotencyKey) throws Exception {
        return http.send(asked(url, key, idempotencyKey), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void whoHasSeenAWholeAnswerIsToldTheSameAfterAKillAndNobodyIsAskedAgain() throws Exception {
        AtomicInteger count = new AtomicInteger();
        Semaphore go = new Semaphore(WHOLE);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
            String text = "A" + count.incrementAndGet();
            go.tryAcquire(60, SECONDS);
            conversation.json(200, answer(text));
        })) {
            String configuration =
                    "server: {port: 0}\nadmin: {port: 0}\nproviders:\n  up: {base-url: 'http://127.0.0.1:"
                            + upstream.port() + "/v1', auth: none, private-addresses: true}\nmodels: {gpt-4o: up}\n";
            List<String> seen = new ArrayList<>();
            String key;
            try (ServeProcess first = ServeProcess.start(folder, configuration).awaitOpen()) {
                key = first.key();
                for (int i = 0; i < WHOLE; i++) {
                    seen.add(ask(first.url(), key, "whole-" + i).body());
                }
                CompletableFuture<HttpResponse<String>> _ =
                        http.sendAsync(asked(first.url(), key, "under-way"), HttpResponse.BodyHandlers.ofString());
                await().atMost(30, SECONDS).until(() -> count.get() == WHOLE + 1);
                first.signal("KILL");
                assertThat(first.exit()).isEqualTo(137);
            }
            go.release(10);
            try (ServeProcess second = ServeProcess.start(folder, configuration).awaitOpen()) {
                for (int i = 0; i < WHOLE; i++) {
                    HttpResponse<String> again = ask(second.url(), key, "whole-" + i);
                    assertThat(again.body()).isEqualTo(seen.get(i));
                    assertThat(again.headers().firstValue("x-lockkeeper-replayed"))
                            .hasValue("true");
                }
                assertThat(count).hasValue(WHOLE + 1);
                HttpResponse<String> anew = ask(second.url(), key, "under-way");
                assertThat(anew.statusCode()).isEqualTo(200);
                assertThat(anew.headers().firstValue("x-lockkeeper-replayed")).isEmpty();
                assertThat(count).hasValue(WHOLE + 2);
            }
        }
    }
}
