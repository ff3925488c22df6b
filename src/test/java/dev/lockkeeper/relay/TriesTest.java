package dev.lockkeeper.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.relay.Tries.Step;
import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Failure.Kind;
import dev.lockkeeper.upstream.Provider;
import dev.lockkeeper.upstream.ProviderSettings;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who is asked next, after what happened so far. */
class TriesTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long HOUR = 3_600 * SECOND;

    private final Placed first = placed("one", "m", "");
    private final Placed second = placed("two", "m", "");
    private long now;

    private static Placed placed(String provider, String model, String key) {
        ClientSettings way = new ClientSettings(
                provider,
                "127.0.0.1",
                1,
                false,
                ClientSettings.Version.AUTO,
                Duration.ofSeconds(1),
                Duration.ofSeconds(1),
                1,
                Duration.ZERO,
                0,
                true);
        return new Placed(
                new Provider(new ProviderSettings(
                        provider,
                        URI.create("http://127.0.0.1:1/v1"),
                        ProviderSettings.Auth.NONE,
                        "",
                        Map.of(),
                        Map.of(),
                        way,
                        ProviderSettings.Timeouts.DEFAULT)),
                model,
                new Candidate(new Target(provider, model), key));
    }

    private static Failure failure(Kind kind) {
        return new Failure(kind, "", -1);
    }

    private Tries tries(Policy policy, Placed... order) {
        return new Tries(List.of(order), policy, 0, HOUR, new Random(7));
    }

    /** Goes on till an attempt is to be made, waiting as it is told to; null where there is none. */
    private @Nullable Placed next(Tries tries) {
        while (true) {
            switch (tries.next(now)) {
                case Step.Try(Placed at) -> {
                    tries.begun();
                    return at;
                }
                case Step.Wait(long nanos) -> now += nanos;
                case Step.Give() -> {
                    return null;
                }
            }
        }
    }

    private void fail(Tries tries, Placed at, Kind kind) {
        tries.failed(at, failure(kind), now);
    }

    @Test
    void aCandidateThatFailsIsTriedThriceThenTheNextOne() {
        Tries tries = tries(Policy.USUAL, first, second);
        for (int i = 0; i < 3; i++) {
            assertThat(next(tries)).isSameAs(first);
            fail(tries, first, Kind.BROKEN);
        }
        for (int i = 0; i < 3; i++) {
            assertThat(next(tries)).isSameAs(second);
            fail(tries, second, Kind.BROKEN);
        }
        assertThat(next(tries)).isNull();
        assertThat(tries.reasons()).containsExactly("one/m: it failed, 3 attempts", "two/m: it failed, 3 attempts");
        assertThat(now).isLessThan(4 * SECOND);
    }

    @Test
    void whatTheRequestIsToBlameForIsTriedNowhereElse() {
        Tries tries = tries(Policy.USUAL, first, second);
        assertThat(next(tries)).isSameAs(first);
        fail(tries, first, Kind.REQUEST);
        assertThat(next(tries)).isNull();
    }

    @Test
    void inputThatIsTooLongForEverybodyIsToldFromInputThatSomebodyCouldHaveTaken() {
        Tries tries = tries(Policy.USUAL, first, second);
        fail(tries, first, Kind.TOO_LONG);
        assertThat(tries.tooLong()).isTrue();
        fail(tries, second, Kind.BROKEN);
        assertThat(tries.tooLong()).isFalse();
        fail(tries, second, Kind.TOO_LONG);
        assertThat(tries.tooLong()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"SILENT", "TOO_LONG", "KEY", "QUOTA"})
    void aCandidateOfWhichNothingIsToBeHopedIsNotTriedTwice(Kind kind) {
        Tries tries = tries(Policy.USUAL, first, second);
        assertThat(next(tries)).isSameAs(first);
        fail(tries, first, kind);
        assertThat(now).isZero();
        assertThat(next(tries)).isSameAs(second);
        fail(tries, second, kind);
        assertThat(next(tries)).isNull();
        assertThat(now).isZero();
    }

    @Test
    void oneThatCanNotBeReachedIsLeftAtOnceAndTriedAgainWhereNobodyElseIs() {
        Tries both = tries(Policy.USUAL, first, second);
        assertThat(next(both)).isSameAs(first);
        fail(both, first, Kind.UNREACHED);
        assertThat(next(both)).isSameAs(second);
        assertThat(now).isZero();

        Tries alone = tries(Policy.USUAL, first);
        assertThat(next(alone)).isSameAs(first);
        fail(alone, first, Kind.UNREACHED);
        assertThat(next(alone)).isSameAs(first);
        assertThat(now).isPositive();
    }

    @Test
    void anotherKeyIsTriedWhereOneIsRefused() {
        Placed other = placed("one", "m", "b");
        Tries tries = tries(Policy.USUAL, placed("one", "m", "a"), other);
        Placed asked = next(tries);
        fail(tries, Objects.requireNonNull(asked), Kind.KEY);
        assertThat(next(tries)).isSameAs(other);
    }

    @Test
    void aSilentTargetIsNotAskedWithAnotherKey() {
        Placed one = placed("one", "m", "a");
        Tries tries = tries(Policy.USUAL, one, placed("one", "m", "b"), second);
        next(tries);
        fail(tries, one, Kind.SILENT);
        assertThat(next(tries)).isSameAs(second);
    }

    @Test
    void aWaitThatIsAskedForIsObeyed() {
        Tries tries = tries(Policy.USUAL, first);
        next(tries);
        tries.failed(first, new Failure(Kind.BUSY, "", 2_500), now);
        assertThat(next(tries)).isSameAs(first);
        assertThat(now).isEqualTo(2_500_000_000L);
    }

    @Test
    void aLongWaitIsSpentElsewhere() {
        Tries tries = tries(Policy.USUAL, first, second);
        next(tries);
        tries.failed(first, new Failure(Kind.BUSY, "", 20_000), now);
        assertThat(next(tries)).isSameAs(second);
        assertThat(now).isZero();
        tries.failed(second, new Failure(Kind.BUSY, "", 25_000), now);
        assertThat(next(tries)).isSameAs(first);
        assertThat(now).isEqualTo(20 * SECOND);
    }

    @Test
    void aLongerWaitThanThePolicyHasIsNotBegun() {
        Tries tries = tries(Policy.USUAL, first);
        next(tries);
        tries.failed(first, new Failure(Kind.BUSY, "", 31_000), now);
        assertThat(next(tries)).isNull();
    }

    @Test
    void noWaitIsBegunThatEndsBehindTheDeadline() {
        Tries tries = new Tries(List.of(first), Policy.USUAL, 0, 2 * SECOND, new Random(7));
        next(tries);
        tries.failed(first, new Failure(Kind.BUSY, "", 2_500), now);
        assertThat(tries.next(now)).isInstanceOf(Step.Give.class);
    }

    @Test
    void retriesEndWithTheirTime() {
        Policy policy = new Policy(
                10,
                Duration.ofSeconds(2),
                Duration.ofSeconds(4),
                Duration.ofSeconds(5),
                false,
                null,
                null,
                false,
                null,
                Policy.BrokenStream.RESCUE,
                false);
        Tries tries = tries(policy, first);
        int attempts = 0;
        while (next(tries) != null) {
            attempts++;
            tries.failed(first, new Failure(Kind.BROKEN, "", 2_000), now);
        }
        assertThat(attempts).isEqualTo(3);
        assertThat(now).isEqualTo(4 * SECOND);
    }

    @Test
    void oneThatRestsIsWaitedForOnlyWhereNobodyElseIs() {
        Tries both = tries(Policy.USUAL, first, second);
        assertThat(both.next(now)).isEqualTo(new Step.Try(first));
        both.closed(first, "it rests", 300, now);
        assertThat(next(both)).isSameAs(second);

        Tries alone = tries(Policy.USUAL, first);
        assertThat(alone.next(now)).isEqualTo(new Step.Try(first));
        alone.closed(first, "it rests", 300, now);
        assertThat(next(alone)).isSameAs(first);
        assertThat(now).isEqualTo(300_000_000L);
        alone.closed(first, "it rests", 31_000, now);
        assertThat(next(alone)).isNull();
        assertThat(alone.reasons()).containsExactly("one/m: it rests");
    }

    @Test
    void oneThatIsAlwaysClosedIsLookedAtForAsLongAsRetriesGo() {
        Tries tries = tries(Policy.USUAL, first);
        int looks = 0;
        while (!(tries.next(now) instanceof Step.Give)) {
            if (tries.next(now) instanceof Step.Wait(long nanos)) {
                now += nanos;
            }
            tries.closed(first, "it is full", 200, now);
            looks++;
        }
        assertThat(looks).isEqualTo(301);
        assertThat(now).isEqualTo(Policy.USUAL.retryTotal().toNanos());
    }

    @Test
    void oneThatIsClosedForNoTimeIsNotLookedAtAgainInTheSameMoment() {
        Tries tries = tries(Policy.USUAL, first);
        next(tries);
        tries.closed(first, "it is full", 0, now);
        assertThat(tries.next(now)).isEqualTo(new Step.Wait(1_000_000));
    }

    @Test
    void waitsGrowAndAreSpread() {
        long longest = 0;
        for (int seed = 0; seed < 50; seed++) {
            now = 0;
            Tries tries = new Tries(List.of(first), Policy.USUAL, 0, HOUR, new Random(seed));
            while (next(tries) != null) {
                fail(tries, first, Kind.BROKEN);
            }
            longest = Math.max(longest, now);
            assertThat(now).isLessThanOrEqualTo(1_500_000_000L);
        }
        assertThat(longest).isGreaterThan(SECOND);
    }

    @Test
    void whoIsHeardOfSinceItFailedIsAskedOnceMoreWhereNobodyIsLeft() {
        Tries tries = tries(Policy.USUAL, first, second);
        next(tries);
        fail(tries, first, Kind.SILENT);
        now += SECOND;
        next(tries);
        fail(tries, second, Kind.SILENT);
        assertThat(next(tries)).isNull();
        assertThat(tries.recover((at, since) -> at.equals(first) && since == 0 ? 0 : -1, now))
                .isTrue();
        assertThat(next(tries)).isSameAs(first);
        fail(tries, first, Kind.SILENT);
        assertThat(tries.recover((_, _) -> 0, now))
                .as("second, which was not yet")
                .isTrue();
        assertThat(next(tries)).isSameAs(second);
        fail(tries, second, Kind.SILENT);
        assertThat(tries.recover((_, _) -> 0, now)).isFalse();
    }

    @Test
    void whoIsKnownToBeIllIsWaitedForWhereNobodyIsLeftAndAskedOnceMore() {
        Tries tries = tries(Policy.USUAL, first, second);
        next(tries);
        fail(tries, first, Kind.SILENT);
        next(tries);
        fail(tries, second, Kind.SILENT);
        assertThat(tries.recover((at, _) -> at.equals(second) ? 700 : -1, now)).isTrue();
        assertThat(next(tries)).isSameAs(second);
        assertThat(now).isEqualTo(700_000_000L);
        fail(tries, second, Kind.SILENT);
        assertThat(tries.recover((at, _) -> at.equals(second) ? 700 : 61_000, now))
                .as("second was asked once more, and first is ill for too long")
                .isFalse();
    }

    @Test
    void whatTheRequestIsToBlameForIsNotAskedAnybodyOnceMore() {
        Tries tries = tries(Policy.USUAL, first, second);
        next(tries);
        fail(tries, first, Kind.SILENT);
        next(tries);
        fail(tries, second, Kind.REQUEST);
        assertThat(tries.recover((_, _) -> 0, now)).isFalse();
    }
}
