package dev.lockkeeper.routing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.routing.HealthSettings.Breaker;
import dev.lockkeeper.routing.HealthSettings.Concurrency;
import dev.lockkeeper.routing.Slot.Ending;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In virtual time. */
class HealthTest {
    private static final Candidate A = new Candidate(new Target("acme", "a"), "");
    private static final Candidate B = new Candidate(new Target("acme", "b"), "");
    private static final long MILLI = 1_000_000;
    private static final long SECOND = 1_000 * MILLI;

    /** Any time will do, one that overflows soon too. */
    private long now = Long.MAX_VALUE - 20 * SECOND;

    private final List<String> told = new ArrayList<>();
    private final Health health = new Health(() -> now, new Health.Listener() {
        @Override
        public void opened(String who, String why, long forMillis) {
            told.add("opened " + who + " for " + forMillis);
        }

        @Override
        public void closed(String who, long afterMillis) {
            told.add("closed " + who + " after " + afterMillis);
        }
    });

    /** One instance makes all tries of a property. */
    private void beginAnew() {
        pass(7_200_000);
        health.follow(Map.of());
        told.clear();
        assertThat(health.standings()).isEmpty();
    }

    private void pass(long millis) {
        now += millis * MILLI;
    }

    private void attempt(Candidate at, Ending how) {
        assertThat(health.enter(at)).isInstanceOfSatisfying(Slot.class, slot -> slot.ended(how, now));
    }

    private void attempts(int times, Candidate at, Ending how) {
        for (int i = 0; i < times; i++) {
            attempt(at, how);
        }
    }

    private Turn.Closed refused(Candidate at) {
        Turn turn = health.enter(at);
        assertThat(turn).isInstanceOf(Turn.Closed.class);
        return (Turn.Closed) turn;
    }

    private Slot slot(Candidate at) {
        Turn turn = health.enter(at);
        assertThat(turn).isInstanceOf(Slot.class);
        return (Slot) turn;
    }

    // ---- breakers ----

    @Test
    void aBreakerOpensWhereHalfOfTenAttemptsFailed() {
        attempts(5, A, Ending.ANSWERED);
        attempts(4, A, Ending.FAILED);
        assertThat(told).isEmpty();

        attempt(A, Ending.FAILED);

        assertThat(told).containsExactly("opened acme/a for 1000");
        assertThat(refused(A))
                .isEqualTo(new Turn.Closed("too many attempts at it failed of late, or were slow", 1000, false));
        assertThat(health.restsMillis(A)).isEqualTo(1000);
        assertThat(health.whyItRests(A)).isNotEmpty();
        assertThat(health.enter(B)).isInstanceOf(Slot.class);
    }

    @Test
    void fewAttemptsSayNothing() {
        attempts(9, A, Ending.FAILED);

        assertThat(told).isEmpty();
        assertThat(health.enter(A)).isInstanceOf(Slot.class);
    }

    @Test
    void whatIsLongAgoIsForgotten() {
        attempts(9, A, Ending.FAILED);
        pass(10_001);
        attempts(9, A, Ending.FAILED);
        assertThat(told).isEmpty();
        pass(5_000);

        attempt(A, Ending.FAILED);

        assertThat(told).hasSize(1);
    }

    @ParameterizedTest
    @EnumSource(
            value = Ending.class,
            names = {"ANSWERED", "BUSY", "UNKNOWN"})
    void whatIsNoIllnessOpensNoBreaker(Ending how) {
        attempts(100, A, how);

        assertThat(told).isEmpty();
        assertThat(health.restsMillis(A)).isZero();
    }

    @Test
    void aBreakerClosesAfterTwoGoodProbesAndIsToldOfOnce() {
        attempts(10, A, Ending.FAILED);
        pass(999);
        assertThat(refused(A).opensInMillis()).isEqualTo(1);
        pass(1);
        assertThat(health.restsMillis(A)).isZero();

        Slot first = slot(A);
        Slot second = slot(A);
        assertThat(refused(A).opensInMillis())
                .as("when to look again: the probes may end at any time")
                .isEqualTo(200);
        first.firstToken(now);
        assertThat(told).hasSize(1);
        second.firstToken(now);

        assertThat(told).containsExactly("opened acme/a for 1000", "closed acme/a after 1000");
        first.ended(Ending.ANSWERED, now);
        second.ended(Ending.FAILED, now); // of the time before it closed
        attempts(9, A, Ending.FAILED);
        assertThat(told).hasSize(2);
    }

    @Test
    void eachFailedProbeDoublesTheTimeUpToThreeSeconds() {
        attempts(10, A, Ending.FAILED);
        for (long open : new long[] {1000, 2000, 3000, 3000, 3000}) {
            pass(open - 1);
            assertThat(refused(A).opensInMillis()).isEqualTo(1);
            pass(1);
            attempt(A, Ending.FAILED);
        }
        assertThat(told).hasSize(1);
        pass(3000);
        attempts(2, A, Ending.ANSWERED);
        assertThat(told).hasSize(2);
        attempts(10, A, Ending.FAILED);

        assertThat(told).endsWith("opened acme/a for 1000");
    }

    @Test
    void theTimeAProbeTookToFailIsAPartOfTheTimeTillTheNextOne() {
        attempts(10, A, Ending.FAILED);
        pass(1000);
        Slot probe = slot(A);
        pass(700);
        probe.ended(Ending.FAILED, now);
        assertThat(refused(A).opensInMillis()).isEqualTo(1300);
        pass(1300);
        Slot late = slot(A);
        pass(2900);
        late.ended(Ending.FAILED, now);
        assertThat(refused(A).opensInMillis()).isEqualTo(200);
    }

    @Test
    void aProbeThatBreaksAfterItsFirstTokenKeepsItOpen() {
        attempts(10, A, Ending.FAILED);
        pass(1000);
        Slot probe = slot(A);
        probe.firstToken(now);
        pass(500);
        probe.ended(Ending.FAILED, now);
        assertThat(refused(A).opensInMillis()).isEqualTo(2000);
    }

    @Test
    void aProbeThatSaysNothingMakesRoomForAnother() {
        attempts(10, A, Ending.FAILED);
        pass(1000);
        Slot silent = slot(A);
        Slot deaf = slot(A);
        refused(A);
        pass(1000);

        attempts(2, A, Ending.ANSWERED);

        assertThat(told).hasSize(2);
        silent.ended(Ending.FAILED, now);
        deaf.ended(Ending.FAILED, now);
        assertThat(health.enter(A)).isInstanceOf(Slot.class);
        assertThat(told).hasSize(2);
    }

    @Test
    void aProbeOfWhichNobodyKnowsGivesItsPlaceBack() {
        attempts(10, A, Ending.FAILED);
        pass(1000);
        Slot first = slot(A);
        Slot second = slot(A);
        first.ended(Ending.UNKNOWN, now);
        first.ended(Ending.UNKNOWN, now);

        assertThat(health.enter(A)).isInstanceOf(Slot.class);
        refused(A);
        second.ended(Ending.BUSY, now);
        assertThat(told).hasSize(1);
    }

    @Test
    void whatWasSentBeforeItOpenedIsNotCounted() {
        List<Slot> before = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            before.add(slot(A));
        }
        attempts(10, A, Ending.FAILED);
        pass(1000);

        before.forEach(each -> each.ended(Ending.FAILED, now));

        attempts(2, A, Ending.ANSWERED);
        assertThat(told).hasSize(2);
    }

    @Test
    void slowFirstTokensOpenIt() {
        List<Slot> slow = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            slow.add(slot(A));
        }
        pass(30_001);
        slot(A).firstToken(now);
        slot(A).firstToken(now);
        assertThat(told).isEmpty();
        slow.forEach(each -> each.firstToken(now));

        assertThat(told).containsExactly("opened acme/a for 1000");
    }

    @Test
    void whoThinksForMinutesIsNotSlow() {
        for (int i = 0; i < 50; i++) {
            assertThat(health.enter(A, 48, false)).isInstanceOfSatisfying(Slot.class, slot -> {
                slot.firstToken(now + 480 * SECOND);
                slot.ended(Ending.ANSWERED, now + 490 * SECOND);
            });
        }

        assertThat(told).isEmpty();
    }

    @Test
    void anAnswerThatBreaksAfterItsFirstTokenCountsAsFailed() {
        for (int i = 0; i < 10; i++) {
            Slot cut = slot(A);
            cut.firstToken(now);
            cut.ended(Ending.FAILED, now);
        }

        assertThat(told).hasSize(1);
        assertThat(health.standings().getFirst().targets().getFirst().failedPercent())
                .isEqualTo(100);
    }

    @Test
    void whoCannotBeReachedIsNotAskedForAnyModel() {
        attempts(10, A, Ending.UNREACHED);

        assertThat(told).containsExactlyInAnyOrder("opened acme for 1000", "opened acme/a for 1000");
        assertThat(refused(B).why()).isEqualTo("its provider could not be reached of late");
        assertThat(health.enter(new Candidate(new Target("other", "a"), ""))).isInstanceOf(Slot.class);
        pass(1000);
        attempts(2, B, Ending.ANSWERED);
        assertThat(told).contains("closed acme after 1000").doesNotContain("closed acme/a after 1000");
        attempts(2, A, Ending.ANSWERED);
        assertThat(told).contains("closed acme/a after 1000");
    }

    @Test
    void looksBringAProviderBackAndThreeInVainTakeItAway() {
        health.probed("acme", false);
        health.probed("acme", false);
        health.probed("acme", true);
        health.probed("acme", false);
        health.probed("acme", false);
        assertThat(told).isEmpty();
        health.probed("acme", false);
        assertThat(told).containsExactly("opened acme for 1000");
        health.probed("acme", true); // too early to count
        pass(1000);
        health.probed("acme", true);
        refusedNever();

        health.probed("acme", true);

        assertThat(told).containsExactly("opened acme for 1000", "closed acme after 1000");
        assertThat(health.standings().getFirst().calls()).isEqualTo(0);
    }

    private void refusedNever() {
        assertThat(health.restsMillis(A)).isZero();
    }

    @Test
    void zeroCallsTurnsItOff() {
        health.follow(Map.of(
                "acme",
                with(new Breaker(Duration.ofSeconds(10), 0, 1, 1, Duration.ofSeconds(1), Duration.ofSeconds(1), 1))));

        attempts(100, A, Ending.UNREACHED);
        health.probed("acme", false);
        health.probed("acme", false);
        health.probed("acme", false);

        assertThat(told).isEmpty();
    }

    private static HealthSettings with(Breaker breaker) {
        return new HealthSettings(breaker, null, 20, null);
    }

    @Test
    void otherSettingsKeepWhatIsKnown() {
        attempts(10, A, Ending.FAILED);
        health.rest(B, 5_000, "it said so");
        health.follow(Map.of(
                "acme",
                with(new Breaker(Duration.ofSeconds(20), 5, 50, 80, Duration.ofSeconds(1), Duration.ofSeconds(2), 1))));

        refused(A);
        assertThat(refused(B).why()).isEqualTo("it said so");
        pass(1000);
        attempt(A, Ending.ANSWERED); // one probe is enough now
        assertThat(told).hasSize(2);
    }

    @Property(tries = 200)
    void halfOpenLetsNoMoreThanItsProbesThroughAndIsClosedSoonAfterRecovery(@ForAll long seed) {
        Random random = new Random(seed);
        beginAnew();
        long recovery = now + (5 + random.nextInt(60)) * SECOND;
        long end = recovery + 5 * SECOND;
        record Under(Slot slot, long ends, boolean fails) {}
        List<Under> under = new ArrayList<>();
        Deque<Long> let = new ArrayDeque<>();
        boolean opened = false;
        while (now - end < 0) {
            now += random.nextInt(20) * MILLI;
            for (Under each : List.copyOf(under)) {
                if (each.ends - now <= 0) {
                    each.slot.ended(each.fails ? Ending.FAILED : Ending.ANSWERED, now);
                    under.remove(each);
                }
            }
            Standing.State before = health.standings().isEmpty()
                    ? Standing.State.OK
                    : health.standings().getFirst().targets().getFirst().state();
            Turn turn = health.enter(A);
            if (turn instanceof Slot slot) {
                boolean fails = now - recovery < 0;
                long took = fails && random.nextInt(4) == 0 ? 20 * SECOND : random.nextInt(300) * MILLI;
                under.add(new Under(slot, now + took, fails));
                assertThat(before).isNotEqualTo(Standing.State.ILL);
                if (before == Standing.State.TRYING) {
                    let.add(now);
                    // Within a second, which is the shortest time that it is open, at most twice two: a good one makes
                    // room.
                    while (now - let.getFirst() > 900 * MILLI) {
                        let.remove();
                    }
                    if (fails) {
                        assertThat(let).hasSizeLessThanOrEqualTo(2);
                    }
                }
            }
            opened |= !told.isEmpty();
        }
        under.forEach(each -> each.slot.ended(Ending.ANSWERED, now));
        assertThat(opened).isTrue();
        assertThat(health.restsMillis(A)).isZero();
        assertThat(told.getLast()).startsWith("closed");
    }

    // ---- rests ----

    @Test
    void aCandidateRestsUntilTheLongerOfTwoTimes() {
        health.rest(A, 3_000, "its requests are used up");
        health.rest(A, 1_000, "shorter");

        assertThat(refused(A)).isEqualTo(new Turn.Closed("its requests are used up", 3_000, false));
        assertThat(health.enter(B)).isInstanceOf(Slot.class);
        assertThat(health.standings().getFirst().targets().getFirst().state()).isEqualTo(Standing.State.RESTING);
        pass(3_000);
        assertThat(health.restsMillis(A)).isZero();
        assertThat(health.whyItRests(A)).isEmpty();
        health.rest(A, 100, "again");
        assertThat(refused(A)).isEqualTo(new Turn.Closed("again", 100, false));
    }

    @Test
    void noRestIsLongerThanAnHour() {
        health.rest(A, Long.MAX_VALUE, "for ever");
        health.rest(B, -5, "in the past");

        assertThat(health.restsMillis(A)).isEqualTo(3_600_000);
        assertThat(health.restsMillis(B)).isZero();
    }

    @Test
    void aKeyRestsWithAllItsTargets() {
        Candidate red = new Candidate(new Target("acme", "a"), "red");
        Candidate alsoRed = new Candidate(new Target("acme", "b"), "red");
        Candidate blue = new Candidate(new Target("acme", "a"), "blue");
        health.restKey(red, 60_000, "its account is empty");

        assertThat(refused(red).why()).isEqualTo("its account is empty");
        assertThat(refused(alsoRed).opensInMillis()).isEqualTo(60_000);
        assertThat(health.enter(blue)).isInstanceOf(Slot.class);
    }

    // ---- latency ----

    @Test
    void theFirstTokensTimeIsAMovingAverageThatFades() {
        assertThat(health.firstTokenNanos(A)).isZero();
        slot(A).firstToken(now + 100 * MILLI);
        pass(100);
        assertThat(health.firstTokenNanos(A)).isEqualTo(100 * MILLI);
        for (int i = 0; i < 100; i++) {
            slot(A).firstToken(now + 200 * MILLI);
            pass(200);
        }
        assertThat(health.firstTokenNanos(A)).isBetween(190 * MILLI, 200 * MILLI);
        pass(40_000);
        assertThat(health.firstTokenNanos(A)).isBetween(90 * MILLI, 110 * MILLI);
    }

    @Test
    void busyIsWhatIsUnderWay() {
        Slot first = slot(A);
        Slot second = slot(A);
        assertThat(health.busy(A)).isEqualTo(2);
        first.ended(Ending.ANSWERED, now);
        first.ended(Ending.FAILED, now);
        assertThat(health.busy(A)).isEqualTo(1);
        second.ended(Ending.UNKNOWN, now);
        assertThat(health.busy(A)).isZero();
    }

    // ---- retries ----

    @Test
    void aQuietProvidersFirstFailuresMayBeTriedAgain() {
        for (int i = 0; i < 10; i++) {
            assertThat(health.mayRetry("acme", false)).isTrue();
        }
        assertThat(health.mayRetry("acme", false)).isFalse();
        assertThat(health.mayRetry("other", true)).isTrue();
        pass(10_000);
        assertThat(health.mayRetry("acme", false)).isTrue();
    }

    @Test
    void halfOfTheRetriesAreForCallsThatHaveNobodyElse() {
        for (int i = 0; i < 100; i++) {
            slot(A).ended(Ending.UNKNOWN, now);
        }
        int elsewhere = 0;
        while (health.mayRetry("acme", true)) {
            slot(A).ended(Ending.UNKNOWN, now);
            elsewhere++;
        }
        int nowhere = 0;
        while (health.mayRetry("acme", false)) {
            slot(A).ended(Ending.UNKNOWN, now);
            nowhere++;
        }
        assertThat(elsewhere).isEqualTo(20);
        assertThat(nowhere).isEqualTo(10);
    }

    @Property(tries = 50)
    void retriesStayWithinTheirShare(@ForAll long seed) {
        Random random = new Random(seed);
        beginAnew();
        int retries = 0;
        int firsts = 0;
        long began = now;
        while (now - began < 9 * SECOND) {
            now += random.nextInt(10) * MILLI;
            Candidate at = new Candidate(new Target("budget", "m"), "");
            firsts++;
            slot(at).ended(Ending.UNKNOWN, now);
            while (random.nextInt(3) > 0 && health.mayRetry("budget", false)) {
                retries++;
                slot(at).ended(Ending.UNKNOWN, now);
            }
        }
        assertThat(retries).isLessThanOrEqualTo(10 + firsts / 5).isGreaterThan(firsts / 10);
    }

    // ---- concurrency ----

    private void limited(int max, int queue, long waitMillis) {
        health.follow(Map.of(
                "acme",
                new HealthSettings(
                        Breaker.DEFAULT, new Concurrency(1, max, queue, Duration.ofMillis(waitMillis)), 20, null)));
    }

    private static final class Told {
        private @Nullable Turn turn;
        private int times;

        Told(Turn queued) {
            place(queued).whenOver(told -> {
                turn = told;
                times++;
            });
        }

        Slot slot() {
            return (Slot) Objects.requireNonNull(turn);
        }
    }

    private static Turn.Waiting place(Turn queued) {
        assertThat(queued).isInstanceOf(Turn.Queued.class);
        return ((Turn.Queued) queued).place();
    }

    @Test
    void whoFindsNoPlaceWaitsAndIsServedInOrder() {
        limited(1, 2, 1000);
        Slot first = slot(A);
        Told second = new Told(health.enter(B));
        Told third = new Told(health.enter(A));
        assertThat(refused(A).why()).contains("1 calls, and 2 wait");
        assertThat(second.turn).isNull();

        first.ended(Ending.ANSWERED, now);

        assertThat(second.turn).isInstanceOf(Slot.class);
        assertThat(third.turn).isNull();
        Told fourth = new Told(health.enter(A));
        second.slot().ended(Ending.FAILED, now);
        assertThat(third.turn).isInstanceOf(Slot.class);
        assertThat(fourth.turn).isNull();
        assertThat(second.times).isEqualTo(1);
    }

    @Test
    void whoWaitsTooLongIsToldSo() {
        limited(1, 10, 1000);
        Slot first = slot(A);
        Turn queued = health.enter(A);
        Told told = new Told(queued);
        place(queued).tick(now + 999 * MILLI);
        assertThat(told.turn).isNull();

        place(queued).tick(now + 1000 * MILLI);
        place(queued).tick(now + 2000 * MILLI);

        assertThat(told.turn).isInstanceOf(Turn.Closed.class);
        assertThat(told.times).isEqualTo(1);
        first.ended(Ending.ANSWERED, now);
        assertThat(health.enter(A)).isInstanceOf(Slot.class);
    }

    @Test
    void whoWouldSurelyWaitTooLongIsNotLetIn() {
        limited(1, 100, 1000);
        Slot first = slot(A);
        pass(600);
        first.ended(Ending.ANSWERED, now);
        Slot second = slot(A);
        Told third = new Told(health.enter(A));

        assertThat(refused(A).opensInMillis()).isEqualTo(1200);
        second.ended(Ending.ANSWERED, now);
        assertThat(third.turn).isInstanceOf(Slot.class);
    }

    @Test
    void whoLeavesTheQueueLeavesItsPlaceToOthers() {
        limited(1, 10, 1000);
        Slot first = slot(A);
        Turn leaves = health.enter(A);
        Turn leavesLate = health.enter(A);
        Told stays = new Told(health.enter(A));
        place(leaves).cancel();
        first.ended(Ending.ANSWERED, now); // the place is now of one who has not asked for it yet
        assertThat(stays.turn).isNull();

        place(leavesLate).cancel();
        place(leavesLate).cancel();

        assertThat(stays.turn).isInstanceOf(Slot.class);
        Told never = new Told(leavesLate);
        assertThat(never.turn).isNull();
    }

    @Test
    void whoWaitsIsToldOfABreakerThatHasOpened() {
        limited(10, 100, 10_000);
        List<Slot> all = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            all.add(slot(A));
        }
        Told waits = new Told(health.enter(A));
        health.rest(A, 1_000, "it said so");

        all.forEach(each -> each.ended(Ending.ANSWERED, now));

        assertThat(waits.turn).isEqualTo(new Turn.Closed("it said so", 1_000, false));
        assertThat(health.standings().getFirst().busy()).isZero();
    }

    @Test
    void aLimitThatIsTakenAwayLetsAllIn() {
        limited(1, 10, 1000);
        Slot _ = slot(A);
        Told waits = new Told(health.enter(A));

        health.follow(Map.of());

        assertThat(waits.turn).isInstanceOf(Slot.class);
        assertThat(health.standings().getFirst().limit()).isEqualTo(-1);
    }

    @Test
    void theLimitGrowsWhileAnswersAreFastAndShrinksAsTheyComeLater() {
        limited(200, 1000, 60_000);
        attempt(A, Ending.ANSWERED);
        assertThat(limit()).isEqualTo(20);
        load(60, 100);
        int fast = limit();
        assertThat(fast).isGreaterThan(60);

        load(30, 1_000);

        assertThat(limit()).isLessThan(fast / 2);
        load(120, 100);
        assertThat(limit()).isGreaterThan(60);
    }

    @Test
    void whoSaysThatItIsBusyIsAskedLess() {
        limited(200, 1000, 60_000);
        for (int i = 0; i < 20; i++) {
            attempt(A, Ending.BUSY);
            pass(1_001);
        }

        assertThat(limit()).isLessThan(10).isPositive();
    }

    @Test
    void aLimitThatIsNotUsedStays() {
        limited(200, 1000, 60_000);
        for (int i = 0; i < 1_000; i++) {
            Slot slot = slot(A);
            pass(50);
            slot.firstToken(now);
            slot.ended(Ending.ANSWERED, now);
        }

        assertThat(limit()).isEqualTo(20);
    }

    private int limit() {
        return health.standings().getFirst().limit();
    }

    /** Uses all places that there are for so many seconds, each for so long. */
    private void load(int seconds, long millisEach) {
        for (long passed = 0; passed < seconds * 1000L; passed += millisEach) {
            List<Slot> all = new ArrayList<>();
            int places = limit();
            for (int i = 0; i < places; i++) {
                all.add(slot(A));
            }
            pass(millisEach);
            for (Slot each : all) {
                each.firstToken(now);
                each.ended(Ending.ANSWERED, now);
            }
        }
    }

    @Property(tries = 200)
    void noPlaceIsEverLost(@ForAll long seed) {
        Random random = new Random(seed);
        List<Ending> endings = List.of(Ending.values());
        beginAnew();
        int most = 1 + random.nextInt(8);
        limited(most, random.nextInt(6), 500);
        List<Slot> slots = new ArrayList<>();
        List<Turn.Waiting> waiting = new ArrayList<>();
        Deque<Turn> came = new ArrayDeque<>();
        for (int i = 0; i < 400; i++) {
            now += random.nextInt(100) * MILLI;
            switch (random.nextInt(6)) {
                case 0, 1, 2 -> {
                    switch (health.enter(random.nextBoolean() ? A : B)) {
                        case Slot slot -> slots.add(slot);
                        case Turn.Closed _ -> {}
                        case Turn.Queued(Turn.Waiting place) -> {
                            waiting.add(place);
                            if (random.nextInt(4) > 0) {
                                place.whenOver(came::add);
                            }
                        }
                    }
                }
                case 3 -> {
                    if (!slots.isEmpty()) {
                        Slot slot = slots.remove(random.nextInt(slots.size()));
                        if (random.nextBoolean()) {
                            slot.firstToken(now);
                        }
                        slot.ended(endings.get(random.nextInt(endings.size())), now);
                    }
                }
                case 4 -> {
                    if (!waiting.isEmpty()) {
                        waiting.remove(random.nextInt(waiting.size())).cancel();
                    }
                }
                default -> waiting.forEach(each -> each.tick(now));
            }
            while (!came.isEmpty()) {
                if (came.remove() instanceof Slot slot) {
                    slots.add(slot);
                }
            }
            health.standings().forEach(each -> {
                assertThat(each.busy()).isLessThanOrEqualTo(Math.max(20, most));
                assertThat(each.busy()).isGreaterThanOrEqualTo(slots.size());
            });
        }
        waiting.forEach(Turn.Waiting::cancel);
        while (!came.isEmpty()) {
            if (came.remove() instanceof Slot slot) {
                slots.add(slot);
            }
        }
        slots.forEach(each -> each.ended(Ending.UNKNOWN, now));
        while (!came.isEmpty()) {
            if (came.remove() instanceof Slot slot) {
                slot.ended(Ending.UNKNOWN, now);
            }
        }
        assertThat(health.standings()).allSatisfy(each -> {
            assertThat(each.busy()).isZero();
            assertThat(each.queued()).isZero();
        });
    }

    @Test
    void manyThreadsLoseNoPlace() throws Exception {
        Health shared = new Health(System::nanoTime);
        shared.follow(Map.of(
                "acme",
                new HealthSettings(
                        new Breaker(Duration.ofSeconds(1), 10, 50, 80, Duration.ofSeconds(1), Duration.ofMillis(10), 2),
                        new Concurrency(2, 3, 2, Duration.ofMillis(5)),
                        20,
                        null)));
        ConcurrentLinkedQueue<Slot> late = new ConcurrentLinkedQueue<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> all = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                Random random = new Random(thread);
                all.add(threads.submit(() -> {
                    for (int i = 0; i < 20_000; i++) {
                        switch (shared.enter(random.nextBoolean() ? A : B)) {
                            case Slot slot -> {
                                slot.firstToken(System.nanoTime());
                                slot.ended(
                                        random.nextInt(4) == 0 ? Ending.UNREACHED : Ending.ANSWERED, System.nanoTime());
                            }
                            case Turn.Closed _ -> {}
                            case Turn.Queued(Turn.Waiting place) -> {
                                if (random.nextBoolean()) {
                                    place.whenOver(told -> {
                                        if (told instanceof Slot slot) {
                                            late.add(slot);
                                        }
                                    });
                                }
                                place.cancel();
                            }
                        }
                        for (Slot each = late.poll(); each != null; each = late.poll()) {
                            each.ended(Ending.ANSWERED, System.nanoTime());
                        }
                    }
                }));
            }
            for (Future<?> each : all) {
                each.get();
            }
        }
        for (Slot each = late.poll(); each != null; each = late.poll()) {
            each.ended(Ending.ANSWERED, System.nanoTime());
        }

        assertThat(shared.standings()).singleElement().satisfies(each -> {
            assertThat(each.busy()).isZero();
            assertThat(each.queued()).isZero();
        });
        assertThat(shared.busy(A) + shared.busy(B)).isZero();
    }

    @Test
    void whatNobodyUsesForAnHourIsForgotten() {
        attempt(A, Ending.ANSWERED);
        Slot under = slot(B);
        pass(3_600_000);
        health.follow(Map.of());

        assertThat(health.standings())
                .singleElement()
                .satisfies(each -> assertThat(each.targets())
                        .extracting(Standing.Target::model)
                        .containsExactly("b"));
        under.ended(Ending.ANSWERED, now);
        pass(3_600_000);
        attempt(new Candidate(new Target("other", "c"), ""), Ending.ANSWERED);
        assertThat(health.standings()).extracting(Standing::provider).containsExactly("other");
    }

    @Test
    void whoHasNobodyElseIsLetThroughAnOpenBreakerAndSaysNothingToIt() {
        for (int i = 0; i < 10; i++) {
            attempt(A, Ending.FAILED);
        }
        assertThat(health.enter(A)).isInstanceOf(Turn.Closed.class);
        assertThat(health.enter(A, 1, true))
                .isInstanceOfSatisfying(Slot.class, slot -> slot.ended(Ending.ANSWERED, now));
        assertThat(health.enter(A)).isInstanceOf(Turn.Closed.class);
        health.rest(A, 5_000, "it asked for patience");
        assertThat(health.enter(A, 1, true)).isInstanceOf(Slot.class);
    }
}
