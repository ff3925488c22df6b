package dev.lockkeeper.units;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MoneyTest {
    @ParameterizedTest
    @CsvSource({
        "$12.50, 12500000000, $12.50",
        "$0.000000001, 1, $0.000000001",
        "$1, 1000000000, $1.00",
        "$0, 0, $0.00",
        "-$0.0100, -10000000, -$0.01",
        "$9223372036.854775807, 9223372036854775807, $9223372036.854775807"
    })
    void anAmountIsReadExactly(String written, long nanos, String shown) {
        assertThat(Money.parse(written)).isEqualTo(new Money(nanos)).hasToString(shown);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "12.50", "$", "$1.", "$.5", "$1.0000000001", "$1e3", "$-1", "$1,000", " $1", "$٣"})
    void whatIsNoAmountIsRefused(String written) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Money.parse(written))
                .withMessageContaining("'" + written + "'")
                .withMessageContaining("$12.50");
    }

    @Test
    void anAmountTooLargeIsRefusedAndNeverTurnsOver() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Money.parse("$9223372036.854775808"))
                .withMessageContaining("at most $9223372036.854775807");
        assertThatThrownBy(() -> new Money(Long.MAX_VALUE).plus(new Money(1))).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> new Money(Long.MIN_VALUE).minus(new Money(1))).isInstanceOf(ArithmeticException.class);
    }

    @Property
    void whatIsPrintedIsReadBack(@ForAll long nanos) {
        assertThat(Money.parse(new Money(nanos).toString())).isEqualTo(new Money(nanos));
    }

    @Property
    void amountsAreInTheOrderOfTheirNanos(@ForAll int one, @ForAll int other) {
        assertThat(new Money(one).compareTo(new Money(other))).isEqualTo(Integer.compare(one, other));
        assertThat(new Money(one).plus(new Money(other)).minus(new Money(other)))
                .isEqualTo(new Money(one));
    }
}
