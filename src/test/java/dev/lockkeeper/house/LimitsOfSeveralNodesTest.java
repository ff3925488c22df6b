package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.testing.Cable;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.Stores;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two gateways on one PostgreSQL, with real clocks. */
class LimitsOfSeveralNodesTest {
    private static final String HELLO =
            "{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";
    private static final Subject MODEL = new Subject(Subject.Kind.MODEL, "gpt-5.5");

    @TempDir
    Path temp;

    private Gateway other() throws Exception {
        return Gateway.plan()
                .data(Files.createDirectory(temp.resolve("other")))
                .store(Stores.POSTGRESQL.settings(temp))
                .start();
    }

    private static void limit(Gateway gateway, Measure measure, long amount) {
        gateway.house().limits().set(MODEL, measure, amount, null, _ -> List.of(), Witness.NOBODY);
    }

    /** Waits until both go by the same limits. */
    private static void heard(Gateway one, Gateway other) {
        await().atMost(Duration.ofSeconds(3))
                .until(() ->
                        one.house().limits().all().equals(other.house().limits().all()));
    }

    private static int chat(Gateway gateway) {
        return gateway.post("/v1/chat/completions", HELLO).statusCode();
    }

    @Test
    void aBurstAtBothComesInOnce() throws Exception {
        try (Gateway one = Gateway.plan().data(temp).store(Stores.POSTGRESQL).start();
                Gateway other = other();
                ExecutorService clients = Executors.newFixedThreadPool(8)) {
            limit(one, Measure.REQUESTS_PER_MINUTE, 60);
            heard(one, other);
            long began = System.nanoTime();
            List<Future<Integer>> calls = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                Gateway at = i % 2 == 0 ? one : other;
                calls.add(clients.submit(() -> chat(at)));
            }
            int entered = 0;
            for (Future<Integer> each : calls) {
                int status = each.get(60, SECONDS);
                assertThat(status).isIn(200, 429);
                entered += status == 200 ? 1 : 0;
            }
            long seconds = (System.nanoTime() - began) / 1_000_000_000 + 1;
            assertThat((long) entered).isBetween(50L, 60 + seconds);
            HttpResponse<String> refused = one.post("/v1/chat/completions", HELLO);
            if (refused.statusCode() == 429) {
                assertThat(refused.body()).contains("model gpt-5.5", "limit 60");
                assertThat(Long.parseLong(
                                refused.headers().firstValue("retry-after-ms").orElse("0")))
                        .isBetween(1L, 60_000L);
            }
        }
    }

    @Test
    void callsAtOnceAreCountedTogether() throws Exception {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((_, conversation) -> {
                    most.accumulateAndGet(running.incrementAndGet(), Math::max);
                    await().pollDelay(Duration.ofMillis(30)).until(() -> true);
                    running.decrementAndGet();
                    conversation.json(200, "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}");
                });
                Gateway one = Gateway.plan()
                        .data(temp)
                        .store(Stores.POSTGRESQL)
                        .provider("scripted", upstream.port())
                        .start();
                Gateway other = Gateway.plan()
                        .data(Files.createDirectory(temp.resolve("other")))
                        .store(Stores.POSTGRESQL.settings(temp))
                        .provider("scripted", upstream.port())
                        .start();
                ExecutorService clients = Executors.newFixedThreadPool(8)) {
            limit(one, Measure.CONCURRENT_CALLS, 3);
            heard(one, other);
            AtomicInteger[] entered = {new AtomicInteger(), new AtomicInteger()};
            List<Future<?>> all = new ArrayList<>();
            long until = System.nanoTime() + SECONDS.toNanos(6);
            for (int i = 0; i < 8; i++) {
                int at = i % 2;
                all.add(clients.submit(() -> {
                    while (System.nanoTime() < until) {
                        try {
                            if (chat(at == 0 ? one : other) == 200) {
                                entered[at].incrementAndGet();
                            }
                        } catch (UncheckedIOException closed) {
                            // Of thousands of calls a second the JDK's client closes one's connection itself, which it
                            // takes for idle, and sends no POST again.
                        }
                    }
                }));
            }
            for (Future<?> each : all) {
                each.get(60, SECONDS);
            }
            assertThat(most.get()).isBetween(1, 3);
            assertThat(entered[0].get()).isPositive();
            assertThat(entered[1].get()).isPositive();
        }
    }

    @Test
    void callsGoOnWhileTheDatabaseIsAway() throws Exception {
        Postgres direct = (Postgres) Stores.POSTGRESQL.settings(temp);
        try (Cable cable = new Cable(direct.servers().getFirst().port())) {
            cable.mend();
            Postgres through = cable.to(direct);
            try (Gateway gateway = Gateway.plan().data(temp).store(through).start()) {
                limit(gateway, Measure.REQUESTS_PER_MINUTE, 60);
                assertThat(chat(gateway)).isEqualTo(200);
                cable.cut();
                assertThat(chat(gateway)).as("of the share").isEqualTo(200);
                String embed = "{\"model\":\"text-embedding-3-small\",\"input\":\"Hello\"}";
                assertThat(gateway.post("/v1/embeddings", embed).statusCode()).isEqualTo(200);
                cable.mend();
                await().atMost(Duration.ofSeconds(20)).ignoreExceptions().untilAsserted(() -> {
                    limit(gateway, Measure.REQUESTS_PER_DAY, 1);
                    assertThat(chat(gateway)).isEqualTo(200);
                });
                await().atMost(Duration.ofSeconds(5)).until(() -> chat(gateway) == 429);
            }
        }
    }
}
