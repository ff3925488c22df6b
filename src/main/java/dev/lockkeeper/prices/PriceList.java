package dev.lockkeeper.prices;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Prices by name, as they are written.
 *
 * @param models by the name of a model, or {@code *} for all others; each with its prices in the order of their days
 * @param fees what hosted tools cost
 */
public record PriceList(Map<String, List<PriceSettings>> models, Map<Rate, Long> fees) {
    /** Nothing is written. */
    public static final PriceList NONE = new PriceList(Map.of(), Map.of());

    public PriceList {
        Map<String, List<PriceSettings>> copy = new LinkedHashMap<>();
        models.forEach((name, prices) -> copy.put(name, List.copyOf(prices)));
        models = Collections.unmodifiableMap(copy);
        fees = Map.copyOf(fees);
    }
}
