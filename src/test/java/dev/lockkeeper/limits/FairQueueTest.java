package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class FairQueueTest {
    private static void nothing() {}

    private static boolean took() {
        return true;
    }

    private static final int MOST_COST = 50;

    private final List<String> served = new ArrayList<>();
    private final List<String> timedOut = new ArrayList<>();

    private FairQueue.Ticket offer(FairQueue queue, String tenant, int weight, long now) {
        return Objects.requireNonNull(
                queue.offer(tenant, weight, 1, now, () -> served.add(tenant), () -> timedOut.add(tenant)));
    }

    /**
     * A tenant that always waits gets its weight's share of what is served, but for one call of its own and one of each
     * other: that is the bound of start-time fair queueing.
     */
    @Property(tries = 50)
    void sharesFollowWeightsWithinOneCallOfEach(
            @ForAll @Size(min = 2, max = 8) List<@IntRange(min = 1, max = 20) Integer> weights, @ForAll long seed) {
        FairQueue queue = new FairQueue(FairQueue.MAX_WAITING, FairQueue.MAX_WAITING_EACH, 10_000);
        Random random = new Random(seed);
        long[] got = new long[weights.size()];
        int[] waiting = new int[weights.size()];
        int sum = weights.stream().mapToInt(Integer::intValue).sum();
        for (int turn = 0; turn < 2_000; turn++) {
            for (int i = 0; i < weights.size(); i++) {
                // Each has always some that wait, some a few and some very many.
                int wanted = 1 + random.nextInt(1 + 3 * i);
                while (waiting[i] < wanted) {
                    int tenant = i;
                    long cost = 1L + random.nextInt(MOST_COST);
                    waiting[i]++;
                    assertThat(queue.offer(
                                    "t" + i,
                                    weights.get(i),
                                    cost,
                                    0,
                                    () -> {
                                        got[tenant] += cost;
                                        waiting[tenant]--;
                                        return true;
                                    },
                                    FairQueueTest::nothing))
                            .isNotNull();
                }
            }
            assertThat(queue.serve()).isTrue();
            for (int i = 0; i < got.length; i++) {
                for (int k = 0; k < i; k++) {
                    double apart = Math.abs((double) got[i] / weights.get(i) - (double) got[k] / weights.get(k));
                    double most = (double) MOST_COST / weights.get(i) + (double) MOST_COST / weights.get(k);
                    if (apart > most + 0.01) {
                        fail("after %s turns %s and %s are %s apart, at most %s was expected", turn, i, k, apart, most);
                    }
                }
            }
        }
        long total = Arrays.stream(got).sum();
        for (int i = 0; i < got.length; i++) {
            assertThat((double) got[i] / total)
                    .isCloseTo((double) weights.get(i) / sum, within((double) weights.size() * MOST_COST / total * 2));
        }
    }

    @Test
    void oneThatSendsManyDoesNotPushOutOneThatSendsFew() {
        FairQueue queue = new FairQueue(FairQueue.MAX_WAITING, FairQueue.MAX_WAITING_EACH, 10_000);
        for (int i = 0; i < 900; i++) {
            offer(queue, "many", 1, 0);
        }
        offer(queue, "few", 1, 0);
        queue.serve();
        queue.serve();
        assertThat(served).containsExactly("many", "few");
    }

    @Test
    void oneThatWasAwayGetsNothingForThatTime() {
        FairQueue queue = new FairQueue(FairQueue.MAX_WAITING, FairQueue.MAX_WAITING_EACH, 10_000);
        for (int i = 0; i < 100; i++) {
            offer(queue, "steady", 1, 0);
        }
        for (int i = 0; i < 50; i++) {
            queue.serve();
        }
        served.clear();
        for (int i = 0; i < 20; i++) {
            offer(queue, "late", 1, 0);
        }
        for (int i = 0; i < 20; i++) {
            queue.serve();
        }
        assertThat(served.stream().filter("late"::equals).count()).isBetween(9L, 11L);
    }

    @Test
    void oneTenantIsServedInItsOrder() {
        FairQueue queue = new FairQueue(FairQueue.MAX_WAITING, FairQueue.MAX_WAITING_EACH, 10_000);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            int number = i;
            queue.offer("t", 1 + i, 10 - i, 0, () -> order.add(number), FairQueueTest::nothing);
        }
        while (queue.serve()) {}
        assertThat(order).isSorted().hasSize(10);
    }

    @Test
    void aWaitIsBoundedInTimeAndInLength() {
        FairQueue queue = new FairQueue(3, 2, 100);
        offer(queue, "a", 1, 0);
        offer(queue, "a", 1, 0);
        assertThat(queue.offer("a", 1, 1, 0, FairQueueTest::took, FairQueueTest::nothing))
                .as("of one tenant")
                .isNull();
        offer(queue, "b", 1, TimeUnit.MILLISECONDS.toNanos(50));
        assertThat(queue.offer("c", 1, 1, 0, FairQueueTest::took, FairQueueTest::nothing))
                .as("of all")
                .isNull();
        queue.tick(TimeUnit.MILLISECONDS.toNanos(99));
        assertThat(timedOut).isEmpty();
        queue.tick(TimeUnit.MILLISECONDS.toNanos(100));
        assertThat(timedOut).containsExactly("a", "a");
        assertThat(queue.waiting()).isEqualTo(1);
        queue.tick(TimeUnit.MILLISECONDS.toNanos(150));
        assertThat(timedOut).containsExactly("a", "a", "b");
        assertThat(queue.serve()).isFalse();
        assertThat(served).isEmpty();
    }

    @Test
    void oneThatIsTakenBackIsNeverCalled() {
        FairQueue queue = new FairQueue(10, 10, 100);
        FairQueue.Ticket first = offer(queue, "a", 1, 0);
        offer(queue, "a", 1, 0);
        assertThat(first.cancel()).isTrue();
        assertThat(first.cancel()).isFalse();
        queue.serve();
        assertThat(served).containsExactly("a");
        assertThat(queue.serve()).isFalse();
        queue.tick(Long.MAX_VALUE / 2);
        assertThat(timedOut).isEmpty();
    }

    @Test
    void oneForWhichThereIsNotEnoughKeepsItsPlaceUntilThereIs() {
        FairQueue queue = new FairQueue(10, 10, 100);
        int[] free = {1};
        queue.offer("large", 1, 1, 0, () -> free[0] >= 5 && served.add("large"), () -> timedOut.add("large"));
        offer(queue, "small", 1, 0);
        assertThat(queue.serve()).isFalse();
        assertThat(queue.serve()).isFalse();
        assertThat(served).isEmpty();
        assertThat(queue.waiting()).isEqualTo(2);
        free[0] = 5;
        assertThat(queue.serve()).isTrue();
        assertThat(queue.serve()).isTrue();
        assertThat(served).containsExactly("large", "small");
    }

    @Test
    void oneForWhichThereIsNeverEnoughWaitsNoLongerThanOthers() {
        FairQueue queue = new FairQueue(10, 10, 100);
        queue.offer("large", 1, 1, 0, () -> false, () -> timedOut.add("large"));
        assertThat(queue.serve()).isFalse();
        queue.tick(TimeUnit.MILLISECONDS.toNanos(100));
        assertThat(timedOut).containsExactly("large");
    }

    @Test
    void oneThatIsTakenBackInItsTurnHasNoOther() {
        FairQueue queue = new FairQueue(10, 10, 100);
        List<FairQueue.Ticket> own = new ArrayList<>();
        int[] turns = {0};
        own.add(queue.offer(
                "a",
                1,
                1,
                0,
                () -> {
                    turns[0]++;
                    assertThat(own.getFirst().cancel()).isFalse();
                    return false;
                },
                () -> timedOut.add("a")));
        assertThat(queue.serve()).isFalse();
        assertThat(queue.waiting()).isZero();
        queue.serve();
        queue.tick(Long.MAX_VALUE / 2);
        assertThat(turns[0]).isEqualTo(1);
        assertThat(timedOut).isEmpty();
    }

    @Test
    void aWeightOrCostThatMakesNoSenseIsRefused() {
        FairQueue queue = new FairQueue(FairQueue.MAX_WAITING, FairQueue.MAX_WAITING_EACH, 10_000);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> queue.offer("a", 0, 1, 0, FairQueueTest::took, FairQueueTest::nothing));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> queue.offer("a", 1_001, 1, 0, FairQueueTest::took, FairQueueTest::nothing));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> queue.offer("a", 1, 0, 0, FairQueueTest::took, FairQueueTest::nothing));
    }

    @Property(tries = 200)
    void everyCallEndsExactlyOnce(@ForAll long seed) {
        Random random = new Random(seed);
        FairQueue queue = new FairQueue(40, 15, 20);
        Map<FairQueue.Ticket, Integer> ends = new HashMap<>();
        List<FairQueue.Ticket> all = new ArrayList<>();
        int cancelled = 0;
        int[] ended = new int[2_000];
        for (int i = 0; i < 2_000; i++) {
            long now = TimeUnit.MILLISECONDS.toNanos(i);
            int number = i;
            switch (random.nextInt(6)) {
                case 0, 1, 2 -> {
                    FairQueue.Ticket ticket = queue.offer(
                            "t" + random.nextInt(5),
                            1 + random.nextInt(9),
                            1 + random.nextInt(100),
                            now,
                            () -> {
                                boolean enough = random.nextInt(4) > 0;
                                ended[number] += enough ? 1 : 0;
                                return enough;
                            },
                            () -> ended[number]++);
                    if (ticket != null) {
                        all.add(ticket);
                        ends.put(ticket, number);
                    }
                }
                case 3 -> queue.serve();
                case 4 -> queue.tick(now);
                default -> {
                    if (!all.isEmpty()) {
                        FairQueue.Ticket ticket = all.get(random.nextInt(all.size()));
                        if (ticket.cancel()) {
                            cancelled++;
                            ended[Objects.requireNonNull(ends.get(ticket))]++;
                        }
                    }
                }
            }
            assertThat(queue.waiting()).isBetween(0, 40);
        }
        queue.tick(Long.MAX_VALUE / 2);
        assertThat(queue.waiting()).isZero();
        assertThat(cancelled).isPositive();
        all.forEach(ticket ->
                assertThat(ended[Objects.requireNonNull(ends.get(ticket))]).isEqualTo(1));
    }

    @Test
    void manyThreadsLoseNoCall() throws InterruptedException {
        FairQueue queue = new FairQueue(100_000, 100_000, 1_000_000);
        AtomicInteger turns = new AtomicInteger();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            IntStream.range(0, 4)
                    .forEach(thread -> threads.execute(() -> {
                        for (int i = 0; i < 5_000; i++) {
                            if (thread < 2) {
                                queue.offer(
                                        "t" + i % 7,
                                        1 + i % 3,
                                        1,
                                        0,
                                        () -> turns.incrementAndGet() > 0,
                                        FairQueueTest::nothing);
                            } else {
                                queue.serve();
                            }
                        }
                    }));
            threads.shutdown();
            assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
        while (queue.serve()) {}
        assertThat(turns.get()).isEqualTo(10_000);
    }
}
