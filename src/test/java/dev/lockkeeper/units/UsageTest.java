package dev.lockkeeper.units;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class UsageTest {
    private static final Usage USAGE = new Usage.Builder()
            .freshInput(1)
            .cachedInput(2)
            .cachedAudioInput(4)
            .cachedImageInput(8)
            .writtenInput(16)
            .writtenLongInput(32)
            .audioInput(64)
            .imageInput(128)
            .textOutput(256)
            .reasoningOutput(512)
            .audioOutput(1_024)
            .imageOutput(2_048)
            .acceptedOutput(4_096)
            .rejectedOutput(8_192)
            .audioMillis(5)
            .characters(9)
            .images(6)
            .hosted(new HostedCalls(1, 2, 3, 4, 5, 6, 7))
            .tier("flex")
            .build();

    @Test
    void eachTokenIsInTheTotalsOnce() {
        assertThat(USAGE.input()).isEqualTo(255);
        assertThat(USAGE.output()).isEqualTo(16_383 - 255);
        assertThat(USAGE.cached()).isEqualTo(14);
        assertThat(USAGE.written()).isEqualTo(48);
    }

    @Test
    void twoTogetherHaveTheCountsOfBothAndNoneBeyondItsBound() {
        Usage twice = USAGE.plus(USAGE.withTier("default"));
        assertThat(twice.input()).isEqualTo(2 * 255);
        assertThat(twice.output()).isEqualTo(2 * (16_383 - 255));
        assertThat(twice.hosted()).isEqualTo(new HostedCalls(2, 4, 6, 8, 10, 12, 14));
        assertThat(twice.audioMillis() + twice.characters() + twice.images()).isEqualTo(40);
        assertThat(twice.tier()).isEqualTo("flex");
        assertThat(twice.estimated()).isFalse();
        assertThat(USAGE.plus(Usage.estimate(0, 0)).estimated()).isTrue();
        assertThat(Usage.of(Usage.MOST, 1).plus(Usage.of(1, 1))).isEqualTo(Usage.of(Usage.MOST, 2));
    }

    @Test
    void aCopyInAnotherTierDiffersInNothingElse() {
        assertThat(USAGE.withTier("batch")).isNotEqualTo(USAGE);
        assertThat(USAGE.withTier("batch").withTier("flex")).isEqualTo(USAGE);
    }

    @Test
    void countsBelowZeroAndBeyondAnyModelAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Usage.of(-1, 0))
                .withMessage("freshInput: -1 (expected: 0 to 1000000000)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Usage.of(0, Usage.MOST + 1))
                .withMessageContaining("textOutput");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new HostedCalls(0, -1, 0, 0, 0, 0, 0))
                .withMessageContaining("fileSearches");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new Usage.Builder().images(Usage.MOST_PIECES + 1).build())
                .withMessage("images: 1000001 (expected: 0 to 1000000)");
    }

    @Test
    void anEstimateSaysSoAndStaysWithinItsBounds() {
        assertThat(Usage.estimate(3, Long.MAX_VALUE))
                .isEqualTo(Usage.of(3, Usage.MOST).toBuilder().estimated(true).build());
    }
}
