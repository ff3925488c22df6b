package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.limits.LimitsTest.Time;
import dev.lockkeeper.limits.Roster.Member;
import dev.lockkeeper.limits.Subject.Kind;
import io.github.bucket4j.TimeMeter;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RosterTest {
    private static final Limit[] TWO_A_MINUTE = {
        LimitsTest.limit(Kind.END_USER, Subject.EACH, Measure.REQUESTS_PER_MINUTE, 2)
    };
    private static final Limit[] TWO_A_DAY = {LimitsTest.limit(Kind.END_USER, Subject.EACH, Measure.REQUESTS_PER_DAY, 2)
    };

    private final Time time = new Time();
    private final TimeMeter meter = new TimeMeter() {
        @Override
        public long currentTimeNanos() {
            return time.nanos();
        }

        @Override
        public boolean isWallClockBased() {
            return false;
        }
    };
    private final Gauge.Maker maker = (limit, _) -> Gauge.of(limit, meter, time);

    /** One request of a user, begun and ended. */
    private boolean request(Roster roster, String user, Limit... limits) {
        Member member = roster.pin(user);
        boolean taken = member.gauges(1, limits, maker)[0].take(1);
        member.unpin();
        return taken;
    }

    @Test
    void oneThatHasUsedSomethingIsNotForgottenSoNobodyGainsAFreshBurst() {
        Roster roster = new Roster(3);
        for (String user : new String[] {"a", "b", "c"}) {
            assertThat(request(roster, user, TWO_A_MINUTE)).isTrue();
            assertThat(request(roster, user, TWO_A_MINUTE)).isTrue();
        }
        for (int i = 0; i < 100; i++) {
            request(roster, "stranger" + i, TWO_A_MINUTE);
        }
        assertThat(roster.members()).containsOnlyKeys("a", "b", "c");
        for (String user : new String[] {"a", "b", "c"}) {
            assertThat(request(roster, user, TWO_A_MINUTE)).isFalse();
        }
    }

    @Test
    void newcomersToAFullRosterShareOneSetOfLimits() {
        Roster roster = new Roster(1);
        request(roster, "a", TWO_A_MINUTE);
        int admitted = 0;
        for (int i = 0; i < 100; i++) {
            admitted += request(roster, "stranger" + i, TWO_A_MINUTE) ? 1 : 0;
        }
        assertThat(admitted).isEqualTo(2);
        assertThat(request(roster, "a", TWO_A_MINUTE))
                .as("whoever is known keeps what is theirs")
                .isTrue();
    }

    @Test
    void oneIsForgottenOnceThatChangesNothing() {
        Roster roster = new Roster(1);
        request(roster, "a", TWO_A_MINUTE);
        time.pass(Duration.ofSeconds(29));
        request(roster, "b", TWO_A_MINUTE);
        assertThat(roster.members()).containsOnlyKeys("a");
        time.pass(Duration.ofSeconds(1));
        request(roster, "b", TWO_A_MINUTE);
        assertThat(roster.members()).containsOnlyKeys("b");
    }

    @Test
    void whatWasUsedOfADayIsNotForgottenBeforeItIsOver() {
        Roster roster = new Roster(1);
        time.setWall("2026-03-01T12:00:00Z");
        request(roster, "a", TWO_A_DAY);
        time.setWall("2026-03-01T23:59:59Z");
        request(roster, "b", TWO_A_DAY);
        assertThat(roster.members()).containsOnlyKeys("a");
        time.setWall("2026-03-02T00:00:00Z");
        request(roster, "b", TWO_A_DAY);
        assertThat(roster.members()).containsOnlyKeys("b");
    }

    @Test
    void oneWhoseCallRunsIsNotForgotten() {
        Roster roster = new Roster(1);
        Member running = roster.pin("a");
        request(roster, "b", TWO_A_MINUTE);
        assertThat(roster.members()).containsOnlyKeys("a");
        running.unpin();
        request(roster, "b", TWO_A_MINUTE);
        assertThat(roster.members()).containsOnlyKeys("b");
    }

    @Test
    void manyThreadsOnAFullRosterGetNoMoreThanTheLimitsOfEach() throws InterruptedException {
        Roster roster = new Roster(8);
        Map<String, AtomicInteger> admitted = new ConcurrentHashMap<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            IntStream.range(0, 4)
                    .forEach(thread -> threads.execute(() -> {
                        for (int i = 0; i < 20_000; i++) {
                            String user = "u" + (i * 7 + thread) % 24;
                            if (request(roster, user, TWO_A_MINUTE)) {
                                admitted.computeIfAbsent(user, _ -> new AtomicInteger())
                                        .incrementAndGet();
                            }
                        }
                    }));
            threads.shutdown();
            assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
        // The clock stands still: eight that are remembered with two each, and the crowd with two.
        assertThat(admitted.values().stream().mapToInt(AtomicInteger::get).sum())
                .isLessThanOrEqualTo(18);
        assertThat(roster.members()).hasSizeLessThanOrEqualTo(8);
        assertThat(admitted.values()).allSatisfy(each -> assertThat(each.get()).isLessThanOrEqualTo(4));
    }
}
