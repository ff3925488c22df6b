package dev.lockkeeper.prices;

/**
 * A bill being added up: whole nano-dollars, and a rest in shares of one. Exact; it is rounded, up, once. It can't overflow
 * as long as counts and prices are within their bounds: the largest product is a thousand million times $8,000 by a million.
 */
final class Sum {
    private static final long MILLION = 1_000_000;
    private static final long MINUTE_MILLIS = 60_000;

    /** Shares of a nano-dollar that both a millionth and a sixty-thousandth are made of. */
    private static final long SHARES = 3 * MILLION;

    private long whole;
    private long shares;

    /** Adds so many, at a price for a million. */
    Sum million(long count, long price) {
        return add(count, price, MILLION);
    }

    /** Adds so many milliseconds, at a price for a minute. */
    Sum minutes(long millis, long price) {
        return add(millis, price, MINUTE_MILLIS);
    }

    /** Adds so many, at a price each. */
    Sum each(long count, long price) {
        whole = Math.addExact(whole, Math.multiplyExact(count, price));
        return this;
    }

    private Sum add(long count, long price, long by) {
        if (count != 0 && price != 0) {
            long rest = Math.multiplyExact(count % by, price);
            whole = Math.addExact(whole, Math.addExact(Math.multiplyExact(count / by, price), rest / by));
            shares += rest % by * (SHARES / by);
        }
        return this;
    }

    /** All of it in nano-dollars, rounded up. */
    long nanos() {
        return Math.addExact(whole, Math.ceilDiv(shares, SHARES));
    }
}
