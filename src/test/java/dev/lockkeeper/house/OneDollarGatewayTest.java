package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.testing.BilledAnswer;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Money;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * 200 callers at once on one budget of a dollar, through a gateway, before an upstream that bills what it says and not more
 * than it was allowed. The seed fixes what is asked; how threads run it does not. A token of the answer costs 10,000
 * nano-dollars, prompts are free.
 */
class OneDollarGatewayTest {
    private static final int CALLERS = 200;
    private static final int PER_TOKEN = 10_000;

    private static final int MOST_TOKENS = 4_000;

    /** More of them by {@code -Dlockkeeper.dollar-runs=100}. */
    static LongStream seeds() {
        return LongStream.rangeClosed(1, Integer.getInteger("lockkeeper.dollar-runs", 3));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void itIsNeverOverspentAndNearlyAllOfItIsSpent(long seed) throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(OneDollarGatewayTest::answer);
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port(), CALLERS)
                        .window("plain", 0, "upstream", "plain")
                        .prices(new PricesSettings(
                                Map.of(),
                                PriceSettings.always(Map.of(Rate.INPUT, 0L, Rate.OUTPUT, PER_TOKEN * 1_000_000L))))
                        .start()) {
            Ledger ledger = gateway.house().ledger();
            gateway.budget(Money.DOLLAR);
            AtomicBoolean refusedForGood = new AtomicBoolean();
            AtomicLong spentThen = new AtomicLong();
            AtomicInteger odd = new AtomicInteger();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                RandomGenerator chance =
                        RandomGeneratorFactory.of("L64X128MixRandom").create(seed * CALLERS + i);
                callers.add(Thread.ofVirtual().start(() -> {
                    while (!refusedForGood.get()) {
                        HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask(chance));
                        if (answer.statusCode() == 429 && answer.body().contains("\"insufficient_quota\"")) {
                            if (refusedForGood.compareAndSet(false, true)) {
                                spentThen.set(spent(ledger));
                            }
                        } else if (answer.statusCode() == 429) {
                            LockSupport.parkNanos(chance.nextLong(5_000_000, 50_000_000));
                        } else if (answer.statusCode() != 200) {
                            odd.incrementAndGet();
                            refusedForGood.set(true);
                        }
                    }
                }));
            }
            int samples = 0;
            while (callers.stream().anyMatch(Thread::isAlive)) {
                ledger.audit();
                Balance now = ledger.budgets().balances().getFirst();
                assertThat(now.spentNanos() + now.heldNanos()).isLessThanOrEqualTo(Money.DOLLAR);
                samples++;
                LockSupport.parkNanos(1_000_000);
            }
            await().atMost(10, SECONDS).until(() -> ledger.openHolds() == 0);
            ledger.audit();
            Balance end = ledger.budgets().balances().getFirst();
            assertThat(odd).as("answers that are neither good nor refused").hasValue(0);
            assertThat(samples).isGreaterThan(20);
            assertThat(end.overrunNanos()).isZero();
            assertThat(end.heldNanos()).isZero();
            assertThat(end.spentNanos()).isLessThanOrEqualTo(Money.DOLLAR);
            assertThat(spentThen.get()).isGreaterThanOrEqualTo(Money.DOLLAR / 100 * 95);
        }
    }

    @Test
    void itIsNeverOverspentBySeveralOnOneDatabase(@TempDir Path temp) throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(OneDollarGatewayTest::answer);
                Gateway one = shared(upstream, temp).start();
                Gateway two = shared(upstream, temp).start();
                Gateway three = shared(upstream, temp).start()) {
            List<Gateway> gateways = List.of(one, two, three);
            one.budget(Money.DOLLAR);
            for (Gateway each : gateways) {
                await().atMost(2, SECONDS)
                        .until(() -> !each.house().ledger().budgets().balances().isEmpty());
            }
            AtomicBoolean refusedForGood = new AtomicBoolean();
            AtomicInteger odd = new AtomicInteger();
            ConcurrentLinkedQueue<String> told = new ConcurrentLinkedQueue<>();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                RandomGenerator chance =
                        RandomGeneratorFactory.of("L64X128MixRandom").create(i);
                Gateway gateway = gateways.get(i % gateways.size());
                callers.add(Thread.ofVirtual().start(() -> {
                    while (!refusedForGood.get()) {
                        HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask(chance));
                        if (answer.statusCode() == 429 && answer.body().contains("\"insufficient_quota\"")) {
                            refusedForGood.set(true);
                            told.add(answer.body());
                        } else if (answer.statusCode() == 429) {
                            LockSupport.parkNanos(chance.nextLong(5_000_000, 50_000_000));
                        } else if (answer.statusCode() != 200) {
                            odd.incrementAndGet();
                            told.add(answer.body());
                            refusedForGood.set(true);
                        }
                    }
                }));
            }
            for (Thread each : callers) {
                assertThat(each.join(Duration.ofSeconds(60))).isTrue();
            }
            assertThat(odd).as("%s", told).hasValue(0);
            await().atMost(10, SECONDS).untilAsserted(() -> {
                for (Gateway each : gateways) {
                    each.house().ledger().audit();
                    assertThat(each.house().ledger().openHolds()).isZero();
                    assertThat(each.house().ledger().lag().records()).isZero();
                }
            });
            Balance end = two.balance();
            assertThat(end.overrunNanos()).isZero();
            assertThat(end.spentNanos()).isBetween(Money.DOLLAR / 100 * 95, Money.DOLLAR);
        }
    }

    private static Gateway.Plan shared(ScriptedUpstream upstream, Path temp) {
        return Gateway.plan()
                .store(Stores.POSTGRESQL.settings(temp))
                .provider("upstream", upstream.port(), CALLERS)
                .window("plain", 0, "upstream", "plain")
                .prices(new PricesSettings(
                        Map.of(), PriceSettings.always(Map.of(Rate.INPUT, 0L, Rate.OUTPUT, PER_TOKEN * 1_000_000L))));
    }

    private static long spent(Ledger ledger) {
        return ledger.budgets().balances().getFirst().spentNanos();
    }

    private static String ask(RandomGenerator chance) {
        int tokens = chance.nextInt(50, MOST_TOKENS);
        return "{\"model\":\"plain\",\"max_tokens\":" + MOST_TOKENS + ",\"stream\":" + chance.nextBoolean()
                + ",\"messages\":[{\"role\":\"user\",\"content\":\"#" + tokens + "#\"}]}";
    }

    private static void answer(ScriptedUpstream.Request request, ScriptedUpstream.Conversation conversation)
            throws IOException {
        LockSupport.parkNanos(5_000_000);
        int _ = BilledAnswer.asAsked(request, conversation);
    }
}
