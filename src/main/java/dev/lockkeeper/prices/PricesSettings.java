package dev.lockkeeper.prices;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the operator wrote of prices.
 *
 * @param providers prices by the name of a provider
 * @param unpriced what a call of a model without a price costs; null: such calls are refused
 */
public record PricesSettings(
        Map<String, PriceList> providers, @Nullable PriceSettings unpriced) {
    /** Nothing is written: the catalogue's prices hold, and what is not in it is refused. */
    public static final PricesSettings NONE = new PricesSettings(Map.of(), null);

    public PricesSettings {
        providers = Collections.unmodifiableMap(new LinkedHashMap<>(providers));
    }
}
