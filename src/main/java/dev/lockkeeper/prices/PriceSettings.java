package dev.lockkeeper.prices;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * A price as it is written, in nano-dollars for what {@link Rate#unit} says. What is not written is not in the maps.
 *
 * @param fromMillis from when on it holds, {@link Long#MIN_VALUE} for ever since
 * @param untilMillis until when it holds, that moment excluded; {@link Long#MAX_VALUE} for ever on
 * @param rates what is written; of fees only those that differ from the provider's
 * @param longOver prompts of more tokens than this are long, and all of the call is charged by {@code longRates};
 *     {@link Long#MAX_VALUE} where no prompt is
 * @param longRates what is written of long prompts; the rest is dearer in the proportion of input or of output
 * @param tiers what is written of other tariffs
 * @param source where the price was found, empty when the operator wrote it
 */
public record PriceSettings(
        long fromMillis,
        long untilMillis,
        Map<Rate, Long> rates,
        long longOver,
        Map<Rate, Long> longRates,
        Map<Tier, Tariff> tiers,
        String source) {
    public PriceSettings {
        rates = copy(rates);
        longRates = copy(longRates);
        tiers = tiers.isEmpty() ? Map.of() : Collections.unmodifiableMap(new EnumMap<>(tiers));
    }

    /** One price of input and output for ever. */
    public static PriceSettings always(Map<Rate, Long> rates) {
        return new PriceSettings(Long.MIN_VALUE, Long.MAX_VALUE, rates, Long.MAX_VALUE, Map.of(), Map.of(), "");
    }

    /** Whether it is enough to charge a call: both sides of it, or something else that each call has. */
    public boolean charges() {
        boolean output = has(Rate.OUTPUT) || has(Rate.AUDIO_OUTPUT) || has(Rate.IMAGE_OUTPUT);
        return (has(Rate.INPUT) && output)
                || has(Rate.REQUEST)
                || has(Rate.IMAGE)
                || has(Rate.AUDIO_MINUTE)
                || has(Rate.CHARACTERS);
    }

    private boolean has(Rate rate) {
        return rates.containsKey(rate);
    }

    private static Map<Rate, Long> copy(Map<Rate, Long> rates) {
        return rates.isEmpty() ? Map.of() : Collections.unmodifiableMap(new EnumMap<>(rates));
    }

    /**
     * What is written of a tariff.
     *
     * @param percent of the usual prices, for what {@code rates} does not name
     * @param rates prices of its own
     */
    public record Tariff(int percent, Map<Rate, Long> rates) {
        /** The largest share that may be written. */
        public static final int MOST_PERCENT = 1_000;

        public Tariff {
            rates = copy(rates);
        }
    }
}
