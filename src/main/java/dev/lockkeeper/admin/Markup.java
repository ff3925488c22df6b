package dev.lockkeeper.admin;

import java.math.BigInteger;

/**
 * What an organization is charged beside the cost. A sum is charged {@code cost * (10,000 + basis points) / 10,000}, rounded
 * once to a nano-dollar, halves up.
 *
 * @param basisPoints hundredths of a percent; below 0 a discount, from -10,000 on
 */
record Markup(int basisPoints) {
    private static final BigInteger WHOLE = BigInteger.valueOf(10_000);

    /** What is charged for a cost, in nano-dollars; throws {@link ArithmeticException} when it is too large. */
    long charged(long costNanos) {
        BigInteger product = BigInteger.valueOf(costNanos).multiply(BigInteger.valueOf(10_000L + basisPoints));
        BigInteger[] parts = product.divideAndRemainder(WHOLE);
        boolean up = parts[1].shiftLeft(1).compareTo(WHOLE) >= 0;
        return (up ? parts[0].add(BigInteger.ONE) : parts[0]).longValueExact();
    }

    /**
     * What is charged for costs that stand under one another: the sum of all, charged, is the sum of what this returns. Each
     * is the sum down to its line less the sum down to the line before, so that none is off by more than a nano-dollar.
     */
    long[] charged(long[] costsNanos) {
        long[] charged = new long[costsNanos.length];
        long cost = 0;
        long before = 0;
        for (int i = 0; i < charged.length; i++) {
            cost = Math.addExact(cost, costsNanos[i]);
            long now = charged(cost);
            charged[i] = now - before;
            before = now;
        }
        return charged;
    }

    /** As a percentage, such as {@code +2.50%}. */
    String percent() {
        int whole = Math.abs(basisPoints);
        return (basisPoints < 0 ? "-" : "+") + whole / 100 + "." + whole % 100 / 10 + whole % 10 + "%";
    }
}
