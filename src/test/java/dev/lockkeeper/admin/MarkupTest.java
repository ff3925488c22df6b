package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class MarkupTest {
    @Property(tries = 500)
    void chargesAreCostTimesMarkupRoundedHalvesUp(
            @ForAll @LongRange(min = 0, max = 1_000_000_000_000_000L) long cost,
            @ForAll @IntRange(min = -10_000, max = 100_000) int basisPoints) {
        assertThat(new Markup(basisPoints).charged(cost))
                .isEqualTo(BigDecimal.valueOf(cost)
                        .multiply(BigDecimal.valueOf(10_000L + basisPoints))
                        .divide(BigDecimal.valueOf(10_000), 0, RoundingMode.HALF_UP)
                        .longValueExact());
    }

    @Property(tries = 500)
    void rowsAddUpToTheChargedTotal(
            @ForAll @Size(max = 40) List<@LongRange(min = 0, max = 1_000_000_000_000L) Long> each,
            @ForAll @IntRange(min = -10_000, max = 100_000) int basisPoints) {
        long[] costs = each.stream().mapToLong(Long::longValue).toArray();
        Markup markup = new Markup(basisPoints);
        long[] rows = markup.charged(costs);
        assertThat(Arrays.stream(rows).sum())
                .isEqualTo(markup.charged(Arrays.stream(costs).sum()));
        for (int i = 0; i < rows.length; i++) {
            assertThat(Math.abs(rows[i] - markup.charged(costs[i]))).isLessThanOrEqualTo(1);
        }
    }

    @Test
    void whatCantBeToldIsNoAmount() {
        assertThatThrownBy(() -> new Markup(100_000).charged(Long.MAX_VALUE)).isInstanceOf(ArithmeticException.class);
        assertThat(new Markup(-10_000).charged(Long.MAX_VALUE)).isZero();
        assertThat(new Markup(-5).percent()).isEqualTo("-0.05%");
        assertThat(new Markup(1_250).percent()).isEqualTo("+12.50%");
    }
}
