package dev.lockkeeper.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.upstream.ProviderSettings.Timeouts;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PatienceTest {
    @ParameterizedTest
    @CsvSource({
        "gpt-4o,,,1",
        "gpt-5.5,,,2",
        "gpt-5.5,none,,1",
        "gpt-5.5,low,,1",
        "gpt-5.5,medium,,2",
        "gpt-5.5,high,,4",
        "gpt-5.5,xhigh,,8",
        "gpt-5.6-sol,max,,10",
        "gpt-5.5-pro,,,10",
        "gpt-4o,,default,1",
        "gpt-5.5,high,flex,20",
        "'',,,1"
    })
    void moreEffortAndFlexAreWaitedForLonger(String model, @Nullable String effort, @Nullable String tier, int times) {
        Patience patience = Patience.of(Timeouts.DEFAULT, model, effort, tier);
        assertThat(Duration.ofNanos(patience.firstByteNanos())).isEqualTo(Duration.ofSeconds(60L * times));
        assertThat(Duration.ofNanos(patience.idleNanos())).isEqualTo(Duration.ofSeconds(60L * times));
    }

    @ParameterizedTest
    @CsvSource({
        "gpt-4o,,,10",
        "gpt-5.5,,,60",
        "gpt-5.5,none,,10",
        "gpt-5.5,minimal,,10",
        "gpt-5.5,low,,20",
        "gpt-5.5,medium,,60",
        "gpt-5.5,high,,180",
        "gpt-5.5,xhigh,,480",
        "gpt-5.6-sol,max,,600",
        "gpt-5.5-pro,,,600",
        "gpt-4o,,flex,300",
        "gpt-4o,,default,10",
        "gpt-5.5,xhigh,flex,2940", // as long as the whole may take
        "'',,,10"
    })
    void whoThinksForMinutesIsNotTakenForASilentOne(
            String model, @Nullable String effort, @Nullable String tier, int seconds) {
        Patience patience = Patience.of(Timeouts.DEFAULT, model, effort, tier);

        assertThat(Duration.ofNanos(patience.firstTokenNanos())).isEqualTo(Duration.ofSeconds(seconds));
        assertThat(patience.firstTokenNanos()).isLessThanOrEqualTo(patience.totalNanos());
        assertThat(patience.stretch()).isPositive();
    }

    @Test
    void theFirstTokenIsWaitedForAsLongAsTheOperatorSays() {
        Timeouts timeouts = new Timeouts(
                Duration.ofSeconds(60), Duration.ofSeconds(3), Duration.ofSeconds(60), Duration.ofMinutes(10));

        assertThat(Patience.of(timeouts, "gpt-4o", null, null).firstTokenNanos())
                .isEqualTo(Duration.ofSeconds(3).toNanos());
        assertThat(Patience.of(timeouts, "gpt-5.5", "high", null).firstTokenNanos())
                .isEqualTo(Duration.ofSeconds(54).toNanos());
    }

    @Test
    void theTotalIsNeverShorterThanTheWaitForTheFirstByte() {
        Patience patience = Patience.of(Timeouts.DEFAULT, "gpt-5.5-pro", "max", "flex");
        assertThat(patience.totalNanos()).isGreaterThan(patience.firstByteNanos());
        assertThat(Duration.ofNanos(
                        Patience.of(Timeouts.DEFAULT, "gpt-4o", null, null).totalNanos()))
                .isEqualTo(Duration.ofMinutes(10));
    }
}
