package dev.lockkeeper.house;

import static dev.lockkeeper.house.Keyed.ASK;
import static dev.lockkeeper.house.Keyed.answer;
import static dev.lockkeeper.house.Keyed.ask;
import static dev.lockkeeper.house.Keyed.field;
import static dev.lockkeeper.house.Keyed.keyed;
import static dev.lockkeeper.house.Keyed.later;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/** Calls with an {@code Idempotency-Key}: what is kept of them, and for whom. */
@OnBothStores
class KeptRepeatsTest {
    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private Gateway.Plan plan(ScriptedUpstream upstream) {
        return Gateway.plan().provider("upstream", upstream.port()).store(store).data(temp);
    }

    @Test
    void twentyCallsAtOnceAskTheUpstreamOnce() throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    TimeUnit.MILLISECONDS.sleep(200);
                    conversation.json(200, answer("A"));
                });
                Gateway gateway = plan(upstream).start()) {
            List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                all.add(later(() -> ask(gateway, "k1", ASK)));
            }
            int own = 0;
            for (CompletableFuture<HttpResponse<String>> each : all) {
                HttpResponse<String> answer = each.get(30, SECONDS);
                assertThat(answer.statusCode()).isEqualTo(200);
                assertThat(answer.body()).isEqualTo(answer("A"));
                own += field(answer, "x-lockkeeper-replayed").isEmpty() ? 1 : 0;
            }
            assertThat(own).isEqualTo(1);
            assertThat(upstream.requests()).hasSize(1);
            await().atMost(5, SECONDS).until(() -> gateway.log().lines().count() == 20);
            assertThat(gateway.house().callsInFlight()).isZero();
            assertThat(gateway.house().bytesInFlight()).isZero();
        }
    }

    @Test
    void anAnswerIsReplayedUntilItExpiresAlsoAfterARestart() throws Exception {
        SetClock clock = new SetClock(Instant.parse("2026-11-21T12:00:00Z"));
        AtomicLong count = new AtomicLong();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(
                (request, conversation) -> conversation.json(200, answer("A" + count.incrementAndGet())))) {
            String key;
            try (Gateway gateway = plan(upstream).clock(clock).start()) {
                key = gateway.key();
                assertThat(ask(gateway, "k1", ASK).body()).isEqualTo(answer("A1"));
            }
            try (Gateway gateway = plan(upstream).clock(clock).start()) {
                clock.forward(Duration.ofHours(23));
                HttpRequest.Builder asked = keyed(gateway, "k1", ASK).setHeader("authorization", "Bearer " + key);
                assertThat(gateway.send(asked).body()).isEqualTo(answer("A1"));
                clock.forward(Duration.ofHours(2));
                assertThat(gateway.send(asked).body()).isEqualTo(answer("A2"));
                assertThat(gateway.send(asked).body()).isEqualTo(answer("A2"));
            }
            assertThat(upstream.requests()).hasSize(2);
        }
    }

    @Test
    void whatAProcessThatEndedWasDoingIsFreeWhenItsFolderIsOpenedAgain() throws Exception {
        AtomicLong count = new AtomicLong();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
            if (count.incrementAndGet() == 1) {
                conversation.awaitGone();
            } else {
                conversation.json(200, answer("A"));
            }
        })) {
            String key;
            Keyed.Reader waiting;
            try (Gateway gateway = plan(upstream).start()) {
                key = gateway.key();
                waiting = new Keyed.Reader(gateway, "k1", ASK);
                await().atMost(10, SECONDS).until(() -> count.get() == 1);
                // Closed as it stands: nobody tells the call.
            }
            try (waiting;
                    Gateway gateway = plan(upstream).start()) {
                HttpResponse<String> again =
                        gateway.send(keyed(gateway, "k1", ASK).setHeader("authorization", "Bearer " + key));
                assertThat(again.body()).isEqualTo(answer("A"));
            }
        }
    }

    /** The same call with the same API key at another node. */
    private static HttpResponse<String> asAt(Gateway one, Gateway other) {
        return other.send(keyed(other, "k1", ASK).setHeader("authorization", "Bearer " + one.key()));
    }

    @Test
    void nodesOnOneDatabaseAgree() throws Exception {
        Assumptions.assumeTrue(store == Stores.POSTGRESQL, "SQLite is one node's alone");
        RepeatSettings together = new RepeatSettings(
                Duration.ofHours(24),
                Duration.ofMinutes(1),
                4 << 20,
                256L << 20,
                "a secret that both nodes have in common");
        Semaphore go = new Semaphore(0);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    go.tryAcquire(20, SECONDS);
                    conversation.json(200, answer("A"));
                });
                Gateway one = plan(upstream).repeats(together).start();
                Gateway other = plan(upstream)
                        .data(Files.createDirectory(temp.resolve("other")))
                        .store(store.settings(temp))
                        .repeats(together)
                        .start();
                Gateway stranger = plan(upstream)
                        .data(Files.createDirectory(temp.resolve("stranger")))
                        .store(store.settings(temp))
                        .start()) {
            CompletableFuture<HttpResponse<String>> first = later(() -> one.send(keyed(one, "k1", ASK)));
            await().atMost(10, SECONDS).until(() -> upstream.requests().size() == 1);
            HttpResponse<String> early = asAt(one, other);
            assertThat(early.statusCode()).isEqualTo(409);
            assertThat(early.body()).contains("idempotency_key_in_use");
            assertThat(field(early, "retry-after")).isEqualTo("1");

            go.release();
            assertThat(first.get(20, SECONDS).statusCode()).isEqualTo(200);
            HttpResponse<String> replayed = asAt(one, other);
            assertThat(replayed.body()).isEqualTo(answer("A"));
            assertThat(field(replayed, "x-lockkeeper-replayed")).isEqualTo("true");
            HttpResponse<String> unreadable = asAt(one, stranger);
            assertThat(unreadable.statusCode()).isEqualTo(409);
            assertThat(unreadable.body())
                    .contains("idempotency_answer_not_kept")
                    .contains("idempotency.secret");
            assertThat(upstream.requests()).hasSize(1);
        }
    }

    @Test
    void aStopWaitsForACallWhoseClientHasLeftAndKeepsItsAnswer() throws Exception {
        Semaphore go = new Semaphore(0);
        AtomicLong count = new AtomicLong();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
            count.incrementAndGet();
            go.tryAcquire(20, SECONDS);
            conversation.json(200, answer("A"));
        })) {
            String key;
            try (Gateway gateway =
                    plan(upstream).drain(Duration.ZERO, Duration.ofSeconds(20)).start()) {
                key = gateway.key();
                try (Keyed.Reader _ = new Keyed.Reader(gateway, "k1", ASK)) {
                    await().atMost(10, SECONDS).until(() -> count.get() == 1);
                }
                CompletableFuture<Void> drained = CompletableFuture.runAsync(
                        () -> gateway.house().drain(),
                        task -> Thread.ofVirtual().start(task));
                await().atMost(10, SECONDS)
                        .until(() -> gateway.admin("/readyz").body().contains("draining"));
                assertThat(drained).isNotDone();
                go.release();
                drained.get(20, SECONDS);
            }
            try (Gateway gateway = plan(upstream).start()) {
                HttpResponse<String> again =
                        gateway.send(keyed(gateway, "k1", ASK).setHeader("authorization", "Bearer " + key));
                assertThat(again.body()).isEqualTo(answer("A"));
                assertThat(field(again, "x-lockkeeper-replayed")).isEqualTo("true");
            }
            assertThat(upstream.requests()).hasSize(1);
        }
    }

    @Test
    void whatIsKeptIsEncryptedAndItsKeyIsPrivate() throws Exception {
        String secret = "the quick brown fox that nobody else may read";
        try (ScriptedUpstream upstream =
                ScriptedUpstream.answering((request, conversation) -> conversation.json(200, answer(secret)))) {
            try (Gateway gateway = plan(upstream).start()) {
                assertThat(temp.resolve("idempotency-key"))
                        .as("made at first use")
                        .doesNotExist();
                assertThat(ask(gateway, "my-own-key", ASK).body()).contains(secret);
                assertThat(PosixFilePermissions.toString(
                                Files.getPosixFilePermissions(temp.resolve("idempotency-key"))))
                        .isEqualTo("rw-------");
            }
            try (Stream<Path> files = Files.walk(temp)) {
                for (Path each : files.filter(Files::isRegularFile).toList()) {
                    assertThat(Files.readString(each, StandardCharsets.ISO_8859_1))
                            .as(each.toString())
                            .doesNotContain(secret)
                            .doesNotContain("my-own-key");
                }
            }
        }
    }
}
