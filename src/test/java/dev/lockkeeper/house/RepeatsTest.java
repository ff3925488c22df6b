package dev.lockkeeper.house;

import static dev.lockkeeper.house.Keyed.ASK;
import static dev.lockkeeper.house.Keyed.ASK_STREAM;
import static dev.lockkeeper.house.Keyed.CHAT;
import static dev.lockkeeper.house.Keyed.DONE;
import static dev.lockkeeper.house.Keyed.answer;
import static dev.lockkeeper.house.Keyed.ask;
import static dev.lockkeeper.house.Keyed.chunk;
import static dev.lockkeeper.house.Keyed.field;
import static dev.lockkeeper.house.Keyed.finish;
import static dev.lockkeeper.house.Keyed.keyed;
import static dev.lockkeeper.house.Keyed.later;
import static dev.lockkeeper.house.Keyed.with;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Calls with an {@code Idempotency-Key}: what clients, the upstream and the log see of them and of their repeats. */
class RepeatsTest {
    @TempDir
    Path temp;

    private Gateway.Plan plan(ScriptedUpstream upstream) {
        return Gateway.plan().provider("upstream", upstream.port()).data(temp);
    }

    @Test
    void aRepeatIsToldTheSameAnswerAndAsksNobody() throws Exception {
        AtomicLong count = new AtomicLong();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(
                        (request, conversation) -> conversation.json(200, answer("A" + count.incrementAndGet())));
                Gateway gateway = plan(upstream).start()) {
            HttpResponse<String> first = ask(gateway, "k1", ASK);
            HttpResponse<String> again = ask(gateway, "k1", ASK);

            assertThat(first.statusCode()).isEqualTo(200);
            assertThat(first.body()).isEqualTo(answer("A1"));
            assertThat(field(first, "x-lockkeeper-replayed")).isEmpty();
            assertThat(again.statusCode()).isEqualTo(200);
            assertThat(again.body()).isEqualTo(first.body());
            assertThat(field(again, "content-type")).isEqualTo(field(first, "content-type"));
            assertThat(field(again, "x-lockkeeper-provider")).isEqualTo("upstream");
            assertThat(field(again, "content-length")).isEqualTo(field(first, "content-length"));
            assertThat(field(again, "x-lockkeeper-replayed")).isEqualTo("true");
            assertThat(field(again, "x-lockkeeper-replay-of")).isEqualTo(field(first, "x-request-id"));
            assertThat(field(again, "x-request-id")).isNotEqualTo(field(first, "x-request-id"));
            assertThat(upstream.requests()).hasSize(1);
            assertThat(upstream.requests().getFirst().field("idempotency-key"))
                    .as("several projects share an account")
                    .isEmpty();
            await().atMost(5, SECONDS).until(() -> gateway.log().contains("\"outcome\":\"replayed\""));
            String line = gateway.log()
                    .lines()
                    .filter(each -> each.contains("\"replayed\""))
                    .findFirst()
                    .orElseThrow();
            assertThat(line).contains("\"input_tokens\":null").contains("\"status\":200");
            assertThat(gateway.admin("/metrics").body())
                    .contains("outcome=\"replayed\"")
                    .contains("lockkeeper_tokens_total{kind=\"input\",model=\"gpt-4o\",provider=\"upstream\"} 11.0");
            assertThat(gateway.house().callsInFlight()).isZero();
            assertThat(gateway.house().bytesInFlight()).isZero();
        }
    }

    @Test
    void aDryRunIsNotTheAnswerOfTheCallThatFollowsIt() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer("A1")));
                Gateway gateway = plan(upstream).start()) {
            HttpResponse<String> dry = gateway.send(keyed(gateway, "k1", ASK).header("x-lockkeeper-dry-run", "1"));
            assertThat(dry.body()).contains("lockkeeper.dry_run");
            assertThat(upstream.requests()).isEmpty();

            assertThat(ask(gateway, "k1", ASK).body()).isEqualTo(answer("A1"));
        }
    }

    @Test
    void aStreamIsReplayedByteForByte() throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one"));
                    conversation.chunk(": a comment\n\n" + chunk("two"));
                    conversation.chunk(finish() + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = plan(upstream).start()) {
            HttpResponse<String> first = ask(gateway, "k1", ASK_STREAM);
            HttpResponse<String> again = ask(gateway, "k1", ASK_STREAM);

            assertThat(first.body()).contains("one").contains("two").endsWith(DONE);
            assertThat(again.body()).isEqualTo(first.body());
            assertThat(field(again, "content-type")).isEqualTo(field(first, "content-type"));
            assertThat(field(again, "cache-control")).isEqualTo("no-cache");
            assertThat(upstream.requests()).hasSize(1);
        }
    }

    @Test
    void theSameKeyWithAnotherBodyOrPathIsRefusedAndAnotherApiKeyIsNotConcerned() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer("A")));
                Gateway gateway = plan(upstream).start()) {
            assertThat(ask(gateway, "k1", ASK).statusCode()).isEqualTo(200);
            HttpResponse<String> other = ask(gateway, "k1", ASK + " ");
            assertThat(other.statusCode()).isEqualTo(422);
            assertThat(other.body()).contains("idempotency_key_reused");
            HttpResponse<String> path = gateway.send(gateway.request("/v1/chat/completions?a=b")
                    .header("content-type", "application/json")
                    .header("idempotency-key", "k1")
                    .POST(HttpRequest.BodyPublishers.ofString(ASK)));
            assertThat(path.statusCode()).isEqualTo(422);
            HttpResponse<String> stranger = gateway.send(
                    keyed(gateway, "k1", ASK).setHeader("authorization", "Bearer " + gateway.key("other")));
            assertThat(stranger.statusCode()).isEqualTo(200);
            assertThat(field(stranger, "x-lockkeeper-replayed")).isEmpty();
            assertThat(upstream.requests()).hasSize(2);
        }
    }

    @Test
    void aKeyThatIsTooLongOrStandsTwiceOrWithAFormIsRefused() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer("A")));
                Gateway gateway = plan(upstream).start()) {
            assertThat(ask(gateway, "k".repeat(255), ASK).statusCode()).isEqualTo(200);
            assertThat(ask(gateway, "k".repeat(256), ASK).body()).contains("invalid_idempotency_key");
            assertThat(ask(gateway, "", ASK).statusCode()).isEqualTo(400);
            assertThat(gateway.send(keyed(gateway, "a", ASK).header("idempotency-key", "b"))
                            .statusCode())
                    .isEqualTo(400);
            HttpResponse<String> form = gateway.send(gateway.request("/v1/files")
                    .header("content-type", "multipart/form-data; boundary=b")
                    .header("idempotency-key", "f")
                    .POST(HttpRequest.BodyPublishers.ofString("--b--\r\n")));
            assertThat(form.statusCode()).isEqualTo(400);
            assertThat(form.body()).contains("invalid_idempotency_key").contains("form");
            assertThat(upstream.requests()).hasSize(1);
            assertThat(gateway.house().callsInFlight()).isZero();
            assertThat(gateway.house().bytesInFlight()).isZero();
        }
    }

    @Test
    void whoComesInTheMiddleHearsTheStreamFromItsBeginning() throws Exception {
        Semaphore go = new Semaphore(0);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one"));
                    go.tryAcquire(20, SECONDS);
                    conversation.chunk(chunk("two"));
                    conversation.chunk(finish() + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = plan(upstream).start();
                Keyed.Reader first = new Keyed.Reader(gateway, "k1", ASK_STREAM)) {
            first.until("one");
            try (Keyed.Reader second = new Keyed.Reader(gateway, "k1", ASK_STREAM)) {
                second.until("one");
                assertThat(second.text()).contains("x-lockkeeper-replayed: attached");
                go.release();
                first.until("[DONE]");
                second.until("[DONE]");
                assertThat(second.text()).contains(chunk("two").strip());
            }
            assertThat(upstream.requests()).hasSize(1);
            await().atMost(5, SECONDS).until(() -> gateway.house().callsInFlight() == 0);
        }
    }

    @Test
    void aCallGoesOnWithoutItsClientAndIsToldWholeLater() throws Exception {
        Semaphore go = new Semaphore(0);
        CountDownLatch asked = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one"));
                    asked.countDown();
                    go.tryAcquire(20, SECONDS);
                    conversation.chunk(chunk("two"));
                    conversation.chunk(finish() + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = plan(upstream).start()) {
            try (Keyed.Reader first = new Keyed.Reader(gateway, "k1", ASK_STREAM)) {
                first.until("one");
            }
            assertThat(asked.await(10, SECONDS)).isTrue();
            await().atMost(5, SECONDS).until(() -> gateway.house().callsInFlight() == 1);
            go.release();
            await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == 0);

            HttpResponse<String> later = ask(gateway, "k1", ASK_STREAM);
            assertThat(later.body()).contains("one").contains("two").endsWith(DONE);
            assertThat(upstream.requests()).hasSize(1);
            await().atMost(5, SECONDS).until(() -> gateway.log().contains("\"outcome\":\"served\""));
            assertThat(gateway.log()).doesNotContain("abandoned");
        }
    }

    @Test
    void aCallThatNobodyListensToEndsAtItsBoundAndFreesItsKey() throws Exception {
        CountDownLatch gone = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one"));
                    if (gone.getCount() > 0) {
                        conversation.awaitGone();
                        gone.countDown();
                    } else {
                        conversation.chunk(finish() + DONE);
                        conversation.lastChunk();
                    }
                });
                Gateway gateway = plan(upstream)
                        .repeats(with(4 << 20, 256L << 20, Duration.ofMillis(300)))
                        .start()) {
            try (Keyed.Reader first = new Keyed.Reader(gateway, "k1", ASK_STREAM)) {
                first.until("one");
            }
            assertThat(gone.await(10, SECONDS)).isTrue();
            await().atMost(5, SECONDS).until(() -> gateway.log().contains("\"outcome\":\"abandoned\""));
            HttpResponse<String> again = ask(gateway, "k1", ASK_STREAM);
            assertThat(again.body()).endsWith(DONE);
            assertThat(field(again, "x-lockkeeper-replayed")).isEmpty();
            assertThat(upstream.requests()).hasSize(2);
        }
    }

    @Test
    void anErrorFreesTheKeyAndIsToldToAllWhoListened() throws Exception {
        AtomicLong count = new AtomicLong();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    switch ((int) count.incrementAndGet()) {
                        case 1 -> conversation.json(500, "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}");
                        case 2 -> conversation.json(429, "{\"error\":{\"message\":\"slow\",\"type\":\"rate\"}}");
                        case 3 -> conversation.json(400, "{\"error\":{\"message\":\"bad\",\"type\":\"bad\"}}");
                        case 4 -> {
                            conversation.chunkedEvents();
                            conversation.chunk(chunk("half"));
                            conversation.reset();
                        }
                        default -> conversation.json(200, answer("A"));
                    }
                });
                Gateway gateway = plan(upstream).start()) {
            assertThat(ask(gateway, "k1", ASK).statusCode()).isEqualTo(500);
            assertThat(ask(gateway, "k1", ASK).statusCode()).isEqualTo(429);
            assertThat(ask(gateway, "k1", ASK).statusCode()).isEqualTo(400);
            assertThat(ask(gateway, "k1", ASK).body()).contains("half").contains("upstream_unreachable");
            assertThat(ask(gateway, "k1", ASK).body()).isEqualTo(answer("A"));
            assertThat(field(ask(gateway, "k1", ASK), "x-lockkeeper-replayed")).isEqualTo("true");
            assertThat(upstream.requests()).hasSize(5);
        }
    }

    @Test
    void whatIsTooLongOrBeyondTheTotalIsDeliveredButNotKept() throws Exception {
        String text = "x".repeat(40_000);
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer(text)));
                Gateway gateway = plan(upstream)
                        .repeats(with(30_000, 256L << 20, Duration.ofMinutes(1)))
                        .start()) {
            assertThat(ask(gateway, "k1", ASK).body()).isEqualTo(answer(text));
            HttpResponse<String> again = ask(gateway, "k1", ASK);
            assertThat(again.statusCode()).isEqualTo(409);
            assertThat(again.body()).contains("idempotency_answer_not_kept").contains("max-answer");
            assertThat(upstream.requests()).hasSize(1);
            assertThat(gateway.house().bytesInFlight()).isZero();
        }
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer(text)));
                Gateway gateway = plan(upstream)
                        .data(Files.createDirectory(temp.resolve("total")))
                        .repeats(with(1 << 20, 60_000, Duration.ofMinutes(1)))
                        .start()) {
            assertThat(ask(gateway, "k1", ASK).statusCode()).isEqualTo(200);
            assertThat(ask(gateway, "k2", ASK).statusCode()).isEqualTo(200);
            assertThat(ask(gateway, "k1", ASK).statusCode()).isEqualTo(200);
            assertThat(ask(gateway, "k2", ASK).statusCode()).isEqualTo(409);
            assertThat(gateway.admin("/metrics").body()).contains("lockkeeper_idempotency_not_kept_total 1.0");
        }
    }

    @Test
    void aClientThatReadsNothingHoldsUpNobody() throws Exception {
        String part = chunk("y".repeat(60_000));
        int parts = 200;
        Semaphore go = new Semaphore(0);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one"));
                    go.tryAcquire(20, SECONDS);
                    for (int i = 0; i < parts; i++) {
                        conversation.chunk(part);
                    }
                    conversation.chunk(finish() + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = plan(upstream)
                        .repeats(with(1 << 20, 256L << 20, Duration.ofMinutes(1)))
                        .start();
                Keyed.Reader first = new Keyed.Reader(gateway, "k1", ASK_STREAM)) {
            first.until("one");
            try (Keyed.Reader slow = new Keyed.Reader(gateway, "k1", ASK_STREAM)) {
                slow.until("one");
                go.release();
                first.until("[DONE]");
                assertThat(first.text().length()).isGreaterThan(parts * 60_000);
                await().atMost(10, SECONDS).until(() -> gateway.log().contains("client_too_slow"));
                await().atMost(10, SECONDS).until(() -> gateway.house().bytesInFlight() == 0);
            }
            assertThat(gateway.log()).contains("\"outcome\":\"served\"");
        }
    }

    @Test
    void whereTheMemoryIsFullAnAnswerIsDeliveredAndNotKept() throws Exception {
        String text = "x".repeat(60_000);
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer(text)));
                Gateway gateway = plan(upstream).maxBytesInFlight(40_000).start()) {
            assertThat(ask(gateway, "k1", ASK).body()).isEqualTo(answer(text));
            assertThat(ask(gateway, "k1", ASK).body()).contains("idempotency_answer_not_kept");
            assertThat(upstream.requests()).hasSize(1);
            assertThat(gateway.house().bytesInFlight()).isZero();
        }
    }

    @Test
    void aDatabaseThatFailsRefusesTheKeyBeforeACallAndLosesNoAnswerAfterIt() throws Exception {
        Semaphore go = new Semaphore(0);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    go.tryAcquire(20, SECONDS);
                    conversation.json(200, answer("A"));
                });
                Gateway gateway = plan(upstream).start()) {
            CompletableFuture<HttpResponse<String>> under = later(() -> ask(gateway, "k1", ASK));
            await().atMost(10, SECONDS).until(() -> upstream.requests().size() == 1);
            try (Connection beside = DriverManager.getConnection("jdbc:sqlite:" + temp.resolve("lockkeeper.db"));
                    Statement statement = beside.createStatement()) {
                statement.execute("ALTER TABLE repeats RENAME TO lost");
            }
            go.release(2);
            assertThat(under.get(20, SECONDS).body()).isEqualTo(answer("A"));

            HttpResponse<String> next = ask(gateway, "k2", ASK);
            assertThat(next.statusCode()).isEqualTo(503);
            assertThat(next.body()).contains("gateway_storage_unavailable");
            assertThat(gateway.post(CHAT, ASK).statusCode())
                    .as("a call without a key is not concerned")
                    .isEqualTo(200);
            assertThat(upstream.requests()).hasSize(2);
        }
    }

    @Test
    void otherMethodsThanPostIgnoreTheKey() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, "{}"));
                Gateway gateway = plan(upstream).start()) {
            for (int i = 0; i < 2; i++) {
                HttpResponse<String> models = gateway.send(gateway.request("/v1/models")
                        .header("idempotency-key", "k" + i)
                        .GET());
                assertThat(models.statusCode()).isEqualTo(200);
                assertThat(field(models, "x-lockkeeper-replayed")).isEmpty();
            }
        }
    }

    /** Long bodies are hashed elsewhere, and may come in many pieces. */
    @Test
    void aLongRequestIsKnownAgain() throws Exception {
        String text = "y".repeat(3_000_000);
        String body = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"" + text + "\"}]}";
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer("A")));
                Gateway gateway = plan(upstream).start()) {
            assertThat(ask(gateway, "k1", body).body()).isEqualTo(answer("A"));
            assertThat(field(ask(gateway, "k1", body), "x-lockkeeper-replayed")).isEqualTo("true");
            assertThat(ask(gateway, "k1", body.replace("yy\"", "yz\"")).statusCode())
                    .isEqualTo(422);
            assertThat(upstream.requests()).hasSize(1);
            assertThat(gateway.house().bytesInFlight()).isZero();
        }
    }

    @Test
    void waitingForAnothersAnswerIsNotTheGatewaysOwnTime() throws Exception {
        Semaphore go = new Semaphore(0);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    go.tryAcquire(20, SECONDS);
                    conversation.json(200, answer("A"));
                });
                Gateway gateway = plan(upstream).start()) {
            CompletableFuture<HttpResponse<String>> first = later(() -> ask(gateway, "k1", ASK));
            await().atMost(10, SECONDS).until(() -> upstream.requests().size() == 1);
            CompletableFuture<HttpResponse<String>> second = later(() -> ask(gateway, "k1", ASK));
            await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == 2);
            await().pollDelay(1, SECONDS).until(() -> true);
            go.release();
            assertThat(first.get(20, SECONDS).body())
                    .isEqualTo(second.get(20, SECONDS).body());
            await().atMost(5, SECONDS).until(() -> gateway.log().lines().count() == 2);
            assertThat(gateway.log().lines()).allSatisfy(line -> {
                JsonNode told = JsonMapper.shared().readTree(line);
                assertThat(told.get("total_ms").asDouble()).isGreaterThan(900);
                assertThat(told.get("own_us").asLong()).isLessThan(800_000);
            });
        }
    }
}
