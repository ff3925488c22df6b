package dev.lockkeeper.prices;

import java.math.BigInteger;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** Prices of everything, in one tariff and for one length of prompt: what is not written is filled in. */
final class Rates {
    /** How much dearer than the largest price that may be written a tariff or a long prompt may make one. */
    private static final long TIMES = 8;

    private static final Rate[] ALL = Rate.values();

    private final EnumMap<Rate, Long> nanos;
    private final long dearestInput;
    private final long dearestOutput;

    private Rates(EnumMap<Rate, Long> nanos) {
        this.nanos = nanos;
        long input = 0;
        long output = 0;
        for (Rate rate : ALL) {
            long price = of(rate);
            if (price < 0 || price > TIMES * rate.most()) {
                throw new IllegalArgumentException(rate.key() + " comes to " + price + " nano-dollars (expected: 0 to "
                        + TIMES * rate.most() + " in any tariff)");
            }
            input = rate.isInput() ? Math.max(input, price) : input;
            output = rate.isOutput() ? Math.max(output, price) : output;
        }
        this.dearestInput = input;
        this.dearestOutput = output;
    }

    /**
     * The usual prices.
     *
     * @param written what is written
     * @param fees of the provider's hosted tools, for what is not
     */
    static Rates usual(Map<Rate, Long> written, Map<Rate, Long> fees) {
        EnumMap<Rate, Long> nanos = new EnumMap<>(Rate.class);
        for (Rate rate : ALL) {
            Long price = written.getOrDefault(rate, fees.get(rate));
            nanos.put(rate, price != null ? price : standIn(rate, written, nanos));
        }
        return new Rates(nanos);
    }

    /** What a price is that is not written; those before it are known. */
    private static long standIn(Rate rate, Map<Rate, Long> written, Map<Rate, Long> nanos) {
        return switch (rate) {
            case INPUT, AUDIO_MINUTE, CHARACTERS, IMAGE, REQUEST -> 0;
            case WEB_SEARCH, FILE_SEARCH, CONTAINER, OTHER_TOOL -> 0;
            case CACHED_INPUT, CACHE_WRITE, AUDIO_INPUT, IMAGE_INPUT -> known(nanos, Rate.INPUT);
            case CACHE_WRITE_LONG -> known(nanos, Rate.CACHE_WRITE);
            case CACHED_AUDIO_INPUT -> cached(Rate.AUDIO_INPUT, written, nanos);
            case CACHED_IMAGE_INPUT -> cached(Rate.IMAGE_INPUT, written, nanos);
            case OUTPUT ->
                Math.max(written.getOrDefault(Rate.AUDIO_OUTPUT, 0L), written.getOrDefault(Rate.IMAGE_OUTPUT, 0L));
            case REASONING, AUDIO_OUTPUT, IMAGE_OUTPUT -> known(nanos, Rate.OUTPUT);
            case TOOL_IMAGE_INPUT -> known(nanos, Rate.IMAGE_INPUT);
            case TOOL_IMAGE_OUTPUT -> known(nanos, Rate.IMAGE_OUTPUT);
        };
    }

    private static long cached(Rate fresh, Map<Rate, Long> written, Map<Rate, Long> nanos) {
        return known(nanos, written.containsKey(fresh) ? fresh : Rate.CACHED_INPUT);
    }

    /** These prices for long prompts. */
    Rates longer(Map<Rate, Long> written) {
        EnumMap<Rate, Long> longer = new EnumMap<>(Rate.class);
        for (Rate rate : ALL) {
            Long price = written.get(rate);
            Rate like = rate.isInput() ? Rate.INPUT : Rate.OUTPUT;
            Long base = rate.isInput() || rate.isOutput() ? written.get(like) : null;
            longer.put(rate, price != null ? price : base == null ? of(rate) : scaled(of(rate), base, of(like), base));
        }
        return new Rates(longer);
    }

    /**
     * These prices in another tariff: what is written there; what is not is as much cheaper or dearer as the price of input or
     * of output, where that is written, else by the tariff's share.
     *
     * @param usual the usual prices of a short prompt, which {@code tariff} is written beside
     */
    Rates in(PriceSettings.Tariff tariff, Rates usual) {
        EnumMap<Rate, Long> other = new EnumMap<>(Rate.class);
        for (Rate rate : ALL) {
            Rate by = tariff.rates().containsKey(rate) ? rate : rate.isInput() ? Rate.INPUT : Rate.OUTPUT;
            Long price = by == rate || rate.isInput() || rate.isOutput()
                    ? tariff.rates().get(by)
                    : null;
            long shared = rate.isFee() ? of(rate) : scaled(of(rate), tariff.percent(), 100, 0);
            other.put(rate, price == null ? shared : scaled(of(rate), price, usual.of(by), price));
        }
        return new Rates(other);
    }

    /** {@code price * times / by}, rounded up. */
    private static long scaled(long price, long times, long by, long whenNothing) {
        if (by == 0) {
            return whenNothing;
        }
        long product = price * times;
        if (product >= 0 && Math.multiplyHigh(price, times) == 0) {
            return Math.ceilDiv(product, by);
        }
        BigInteger[] parts = BigInteger.valueOf(price)
                .multiply(BigInteger.valueOf(times))
                .divideAndRemainder(BigInteger.valueOf(by));
        BigInteger rounded = parts[1].signum() == 0 ? parts[0] : parts[0].add(BigInteger.ONE);
        if (rounded.bitLength() > 62) {
            throw new IllegalArgumentException(
                    price + " nano-dollars times " + times + " by " + by + " is too large a price");
        }
        return rounded.longValueExact();
    }

    private static long known(Map<Rate, Long> nanos, Rate rate) {
        return Objects.requireNonNull(nanos.get(rate));
    }

    long of(Rate rate) {
        return known(nanos, rate);
    }

    /** The highest price of a million tokens of a prompt, whatever they are. */
    long dearestInput() {
        return dearestInput;
    }

    /** The highest price of a million generated tokens, whatever they are. */
    long dearestOutput() {
        return dearestOutput;
    }
}
