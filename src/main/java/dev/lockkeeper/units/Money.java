package dev.lockkeeper.units;

import java.math.BigDecimal;
import java.util.regex.Pattern;

/**
 * An amount of US dollars, exact to a nano-dollar (a thousand-millionth). Written as {@code $12.50} or {@code -$0.000001}.
 * What can't be told in a {@code long} of nano-dollars (about nine thousand million dollars) is no amount: it throws.
 *
 * @param nanos nano-dollars
 */
public record Money(long nanos) implements Comparable<Money> {
    /** No money. */
    public static final Money ZERO = new Money(0);

    /** Nano-dollars of a dollar. */
    public static final long DOLLAR = 1_000_000_000;

    private static final int DIGITS = 9;
    private static final Pattern WRITTEN = Pattern.compile("-?\\$\\d{1,18}(\\.\\d{1,9})?");

    /**
     * The amount of a text such as {@code $12.50}: a dollar sign, digits, and after a point at most nine digits; a minus
     * before the sign.
     *
     * @throws IllegalArgumentException the text is not so, or the amount is too large; the message says what is expected
     */
    public static Money parse(String text) {
        if (!WRITTEN.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not an amount (expected: dollars with at most 9 decimals, such as $12.50)");
        }
        try {
            return new Money(
                    new BigDecimal(text.replace("$", "")).movePointRight(DIGITS).longValueExact());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is too large an amount (expected: at most " + new Money(Long.MAX_VALUE) + ")", e);
        }
    }

    /** The sum; throws {@link ArithmeticException} when it is too large. */
    public Money plus(Money other) {
        return new Money(Math.addExact(nanos, other.nanos));
    }

    /** The difference; throws {@link ArithmeticException} when it is too large. */
    public Money minus(Money other) {
        return new Money(Math.subtractExact(nanos, other.nanos));
    }

    @Override
    public int compareTo(Money other) {
        return Long.compare(nanos, other.nanos);
    }

    /** The exact amount with at least two decimals; {@link #parse} reads it back. */
    @Override
    public String toString() {
        BigDecimal dollars = BigDecimal.valueOf(nanos, DIGITS).abs().stripTrailingZeros();
        return (nanos < 0 ? "-$" : "$")
                + dollars.setScale(Math.max(2, dollars.scale())).toPlainString();
    }
}
