package dev.lockkeeper.limits;

import static dev.lockkeeper.limits.Measure.CONCURRENT_CALLS;
import static dev.lockkeeper.limits.Measure.REQUESTS_PER_DAY;
import static dev.lockkeeper.limits.Measure.REQUESTS_PER_MINUTE;
import static dev.lockkeeper.limits.Measure.REQUESTS_PER_SECOND;
import static dev.lockkeeper.limits.Measure.TOKENS_PER_DAY;
import static dev.lockkeeper.limits.Measure.TOKENS_PER_MINUTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.limits.Subject.Kind;
import java.lang.management.ManagementFactory;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LimitsTest {
    private static final Scoped ALICE = new Scoped("org_1", "proj_1", "key_1", "alice", "gpt", "openai");

    private final Time time = new Time();
    private final Limits limits = new Limits(null, time, time::nanos);

    @Test
    void aCallerWithoutLimitsGetsThePermitThatIsShared() {
        assertThat(limits.enter(ALICE, 1_000)).isSameAs(Permit.FREE);
        limits.follow(List.of(limit(Kind.KEY, "key_2", REQUESTS_PER_SECOND, 1)));
        assertThat(limits.enter(ALICE, 1_000)).isSameAs(Permit.FREE);
    }

    @Test
    void aCallerWithoutLimitsCostsNoMemory() {
        limits.follow(List.of(
                limit(Kind.ORGANIZATION, Subject.EACH, REQUESTS_PER_SECOND, 5),
                new Limit(new Subject(Kind.ORGANIZATION, "org_1"), REQUESTS_PER_SECOND, Limit.NONE, 0, 0),
                limit(Kind.KEY, "key_2", REQUESTS_PER_SECOND, 1)));
        var memory = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        int calls = 100_000;
        long before = memory.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < calls; i++) {
            if (limits.enter(ALICE, 1_000, 4_000, true) instanceof Permit permit) {
                permit.correct(500);
                permit.leave();
            }
        }
        assertThat(memory.getCurrentThreadAllocatedBytes() - before).isLessThan(calls);
    }

    @Test
    void aBurstMayComeAtOnceAndThenTheRateGoes() {
        limits.follow(List.of(new Limit(new Subject(Kind.KEY, "key_1"), REQUESTS_PER_SECOND, 2, 5, 0)));
        for (int i = 0; i < 5; i++) {
            enters(ALICE, 0);
        }
        Entry.Refused refused = refused(ALICE, 0);
        assertThat(refused.opensInMillis()).isEqualTo(500);
        assertThat(refused.used()).isEqualTo(5);
        assertThat(refused.allowed()).isEqualTo(5);
        assertThat(refused.message())
                .isEqualTo("Rate limit reached for key key_1 on requests per second: limit 2 with a burst of 5, used 5,"
                        + " requested 1. Please try again in 500ms.");
        time.pass(Duration.ofMillis(499));
        refused(ALICE, 0);
        time.pass(Duration.ofMillis(1));
        enters(ALICE, 0);
        refused(ALICE, 0);
    }

    @Test
    void whatOneLimitRefusesTheOthersGetBack() {
        limits.follow(List.of(
                limit(Kind.END_USER, "proj_1/alice", REQUESTS_PER_MINUTE, 10),
                limit(Kind.KEY, "key_1", TOKENS_PER_MINUTE, 1_000),
                limit(Kind.PROJECT, "proj_1", CONCURRENT_CALLS, 10),
                limit(Kind.ORGANIZATION, "org_1", TOKENS_PER_DAY, 1_000),
                limit(Kind.PROVIDER, "openai", TOKENS_PER_MINUTE, 100)));
        for (int i = 0; i < 50; i++) {
            assertThat(refused(ALICE, 101).subject()).isEqualTo(new Subject(Kind.PROVIDER, "openai"));
        }
        limits.follow(limits.all().stream()
                .filter(each -> each.subject().kind() != Kind.PROVIDER)
                .toList());
        for (int i = 0; i < 9; i++) {
            enters(ALICE, 101);
        }
        assertThat(refused(ALICE, 101).limit().measure()).isEqualTo(TOKENS_PER_MINUTE);
        enters(ALICE, 91);
        assertThat(refused(ALICE, 0).limit().measure()).isEqualTo(REQUESTS_PER_MINUTE);
    }

    @Test
    void callsAtOnceEndByLeavingOnceEach() {
        limits.follow(List.of(limit(Kind.ORGANIZATION, "org_1", CONCURRENT_CALLS, 2)));
        Permit first = enters(ALICE, 0);
        enters(ALICE, 0);
        Entry.Refused refused = refused(ALICE, 0);
        assertThat(refused.message())
                .isEqualTo(
                        "Rate limit reached for organization org_1 on concurrent calls: limit 2, used 2, requested 1."
                                + " Please try again in 1s.");
        first.leave();
        first.leave();
        enters(ALICE, 0);
        refused(ALICE, 0);
    }

    @Test
    void aDayIsCountedFromMidnightToMidnight() {
        time.setWall("2026-03-01T23:00:00Z");
        limits.follow(List.of(limit(Kind.KEY, "key_1", REQUESTS_PER_DAY, 2)));
        enters(ALICE, 0);
        enters(ALICE, 0);
        assertThat(refused(ALICE, 0).opensInMillis())
                .isEqualTo(Duration.ofHours(1).toMillis());
        time.setWall("2026-03-02T00:00:00Z");
        enters(ALICE, 0);
        time.setWall("2026-03-01T12:00:00Z");
        enters(ALICE, 0);
        refused(ALICE, 0);
    }

    @Test
    void tokensAreCorrectedAfterTheCall() {
        limits.follow(List.of(
                limit(Kind.KEY, "key_1", TOKENS_PER_MINUTE, 600), limit(Kind.KEY, "key_1", TOKENS_PER_DAY, 900)));
        Permit permit = enters(ALICE, 500);
        permit.correct(100);
        permit.leave();
        Permit other = enters(ALICE, 500);
        other.correct(700);
        other.leave();
        Entry.Refused refused = refused(ALICE, 1);
        assertThat(refused.limit().measure()).isEqualTo(TOKENS_PER_MINUTE);
        assertThat(refused.used()).isEqualTo(800);
        assertThat(refused.opensInMillis()).isEqualTo(20_100);
        time.pass(Duration.ofMinutes(5));
        enters(ALICE, 100);
        assertThat(refused(ALICE, 1).limit().measure()).isEqualTo(TOKENS_PER_DAY);
    }

    @Test
    void aCallThatWantsMoreThanThereCanEverBeIsToldSo() {
        limits.follow(List.of(limit(Kind.MODEL, "gpt", TOKENS_PER_MINUTE, 100)));
        Entry.Refused refused = refused(ALICE, 101);
        assertThat(refused.opensInMillis()).isEqualTo(Entry.Refused.NEVER);
        assertThat(refused.message())
                .contains("model gpt", "limit 100", "requested 101", "more than the limit ever allows");
        enters(ALICE, 100);
    }

    @Test
    void tokensAreCountedOnlyNearALimit() {
        limits.follow(List.of(limit(Kind.KEY, "key_1", TOKENS_PER_MINUTE, 1_000)));
        assertThat(limits.enter(ALICE, 100, 400, true)).isInstanceOf(Permit.class);
        assertThat(limits.enter(ALICE, 100, 901, true)).isInstanceOf(Entry.Near.class);
        assertThat(limits.enter(ALICE, 100, 900, true)).isInstanceOf(Permit.class);
        assertThat(limits.enter(ALICE, 800)).isInstanceOf(Permit.class);
        assertThat(limits.enter(ALICE, 100, 900, true)).isInstanceOf(Entry.Near.class);
        assertThat(limits.enter(ALICE, 100)).isInstanceOf(Entry.Refused.class);
    }

    @Test
    void theHeadersAreOfTheTightestLimitInOpenAisFormats() {
        limits.follow(List.of(
                limit(Kind.KEY, "key_1", REQUESTS_PER_MINUTE, 60),
                limit(Kind.PROJECT, "proj_1", REQUESTS_PER_SECOND, 5),
                limit(Kind.KEY, "key_1", TOKENS_PER_MINUTE, 40_000),
                limit(Kind.ORGANIZATION, "org_1", TOKENS_PER_MINUTE, 30_000)));
        Map<String, String> headers = new LinkedHashMap<>();
        enters(ALICE, 100).rateLimitHeaders(Permit.FREE, headers::put);
        assertThat(headers)
                .containsExactly(
                        Map.entry("x-ratelimit-limit-requests", "5"),
                        Map.entry("x-ratelimit-remaining-requests", "4"),
                        Map.entry("x-ratelimit-reset-requests", "200ms"),
                        Map.entry("x-ratelimit-limit-tokens", "30000"),
                        Map.entry("x-ratelimit-remaining-tokens", "29900"),
                        Map.entry("x-ratelimit-reset-tokens", "200ms"));
    }

    @Test
    void aLimitForEachGoesForThoseWithoutTheirOwn() {
        limits.follow(List.of(
                limit(Kind.ORGANIZATION, Subject.EACH, REQUESTS_PER_SECOND, 1),
                limit(Kind.ORGANIZATION, Subject.EACH, CONCURRENT_CALLS, 5),
                new Limit(new Subject(Kind.ORGANIZATION, "org_1"), REQUESTS_PER_SECOND, Limit.NONE, 0, 0),
                limit(Kind.ORGANIZATION, "org_2", REQUESTS_PER_SECOND, 3)));
        for (int i = 0; i < 5; i++) {
            enters(ALICE, 0);
        }
        assertThat(refused(ALICE, 0).limit().measure()).isEqualTo(CONCURRENT_CALLS);
        Scoped second = new Scoped("org_2", "p", "k", "", "", "");
        for (int i = 0; i < 3; i++) {
            enters(second, 0).leave();
        }
        assertThat(refused(second, 0).limit().amount()).isEqualTo(3);
        Scoped third = new Scoped("org_3", "p", "k", "", "", "");
        enters(third, 0).leave();
        assertThat(refused(third, 0).subject()).isEqualTo(new Subject(Kind.ORGANIZATION, "org_3"));
    }

    @Test
    void aLimitForEachEndUserOfAProjectGoesBeforeThatForEachOfAll() {
        limits.follow(List.of(
                limit(Kind.END_USER, Subject.EACH, REQUESTS_PER_MINUTE, 3),
                limit(Kind.END_USER, "proj_1/*", REQUESTS_PER_MINUTE, 2),
                limit(Kind.END_USER, "proj_1/bob", REQUESTS_PER_MINUTE, 1)));
        assertThat(admitted("proj_1", "alice")).isEqualTo(2);
        assertThat(admitted("proj_1", "bob")).isEqualTo(1);
        assertThat(admitted("proj_2", "alice")).isEqualTo(3);
        assertThat(limits.enter(new Scoped("o", "proj_1", "k", "", "", ""), 0)).isSameAs(Permit.FREE);
    }

    @Test
    void whatWasUsedStaysUsedWhenALimitChanges() {
        limits.follow(List.of(
                limit(Kind.KEY, "key_1", REQUESTS_PER_MINUTE, 10), limit(Kind.KEY, "key_1", REQUESTS_PER_DAY, 100)));
        for (int i = 0; i < 8; i++) {
            enters(ALICE, 0).leave();
        }
        limits.follow(List.of(
                limit(Kind.KEY, "key_1", REQUESTS_PER_MINUTE, 20), limit(Kind.KEY, "key_1", REQUESTS_PER_DAY, 9)));
        enters(ALICE, 0).leave();
        assertThat(refused(ALICE, 0).limit().measure()).isEqualTo(REQUESTS_PER_DAY);
        limits.follow(List.of(limit(Kind.KEY, "key_1", REQUESTS_PER_MINUTE, 20)));
        for (int i = 0; i < 11; i++) {
            enters(ALICE, 0).leave();
        }
        refused(ALICE, 0);
    }

    @Test
    void manyThreadsNeverGetMoreThanALimit() throws InterruptedException {
        limits.follow(List.of(
                limit(Kind.KEY, "key_1", REQUESTS_PER_MINUTE, 1_000),
                limit(Kind.PROJECT, "proj_1", CONCURRENT_CALLS, 7),
                limit(Kind.ORGANIZATION, "org_1", REQUESTS_PER_DAY, 900)));
        AtomicInteger admitted = new AtomicInteger();
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            IntStream.range(0, 4)
                    .forEach(_ -> threads.execute(() -> {
                        for (int i = 0; i < 5_000; i++) {
                            if (limits.enter(ALICE, 1) instanceof Permit permit) {
                                admitted.incrementAndGet();
                                most.accumulateAndGet(running.incrementAndGet(), Math::max);
                                running.decrementAndGet();
                                permit.leave();
                            }
                        }
                    }));
            threads.shutdown();
            assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(admitted.get()).isEqualTo(900);
        assertThat(most.get()).isLessThanOrEqualTo(7);
        time.pass(Duration.ofMinutes(2));
        limits.follow(List.of(limit(Kind.PROJECT, "proj_1", CONCURRENT_CALLS, 7)));
        for (int i = 0; i < 7; i++) {
            enters(ALICE, 1);
        }
        refused(ALICE, 1);
    }

    private int admitted(String project, String user) {
        int admitted = 0;
        while (admitted < 100
                && limits.enter(new Scoped("o", project, "k", user, "", ""), 0) instanceof Permit permit) {
            admitted++;
            permit.leave();
        }
        return admitted;
    }

    private Permit enters(Scoped who, long tokens) {
        Entry entry = limits.enter(who, tokens);
        assertThat(entry).isInstanceOf(Permit.class);
        return (Permit) entry;
    }

    private Entry.Refused refused(Scoped who, long tokens) {
        Entry entry = limits.enter(who, tokens);
        assertThat(entry).isInstanceOf(Entry.Refused.class);
        return (Entry.Refused) entry;
    }

    static Limit limit(Kind kind, String id, Measure measure, long amount) {
        return new Limit(new Subject(kind, id), measure, amount, amount, 0);
    }

    /** A clock on the wall and one that never jumps, both moved by hand. */
    static final class Time extends Clock {
        private long nanos = 17;
        private Instant wall = Instant.parse("2026-03-01T12:00:00Z");

        synchronized void pass(Duration some) {
            nanos += some.toNanos();
            wall = wall.plus(some);
        }

        synchronized void setWall(String instant) {
            wall = Instant.parse(instant);
        }

        synchronized long nanos() {
            return nanos;
        }

        @Override
        public synchronized Instant instant() {
            return wall;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException();
        }
    }
}
