package dev.lockkeeper.prices;

import dev.lockkeeper.units.ModelNames;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The prices that hold: what the operator wrote for a provider's model, then what he wrote for all of that provider's
 * models, then the catalogue's price of a model of that name, then what he wrote for models without a price. A simulated
 * provider costs nothing unless it is written. Immutable; any thread.
 */
public final class PriceBook {
    /** Stands for all models of a provider that are not named. */
    public static final String ALL = "*";

    private static final PriceSettings FREE = PriceSettings.always(Map.of(Rate.INPUT, 0L, Rate.OUTPUT, 0L));

    private final Map<String, Map<String, List<Entry>>> written = new HashMap<>();
    private final Map<String, Map<String, List<Entry>>> shippedFor = new HashMap<>();
    private final Map<String, List<Entry>> shipped;
    private final Set<String> simulated;
    private final Price free = new Price(FREE, Map.of(), Price.Origin.SIMULATED);
    private final @Nullable Price unpriced;

    /**
     * @param settings what the operator wrote
     * @param catalogue what ships with the gateway, by vendor
     * @param simulated names of the providers that are simulated
     * @throws IllegalArgumentException a price is beyond all bounds
     */
    public PriceBook(PricesSettings settings, Collection<PriceList> catalogue, Set<String> simulated) {
        this.simulated = Set.copyOf(simulated);
        this.unpriced =
                settings.unpriced() == null ? null : new Price(settings.unpriced(), Map.of(), Price.Origin.UNPRICED);
        this.shipped = shipped(catalogue, Map.of());
        settings.providers().forEach((provider, list) -> {
            Map<String, List<Entry>> models = new HashMap<>();
            list.models()
                    .forEach((model, prices) -> models.put(model, entries(prices, list.fees(), Price.Origin.WRITTEN)));
            written.put(provider, models);
            if (!list.fees().isEmpty()) {
                shippedFor.put(provider, shipped(catalogue, list.fees()));
            }
        });
    }

    private static Map<String, List<Entry>> shipped(Collection<PriceList> catalogue, Map<Rate, Long> fees) {
        Map<String, List<Entry>> models = new HashMap<>();
        for (PriceList vendor : catalogue) {
            Map<Rate, Long> all = new HashMap<>(vendor.fees());
            all.putAll(fees);
            vendor.models().forEach((model, prices) -> models.put(model, entries(prices, all, Price.Origin.CATALOGUE)));
        }
        return models;
    }

    private static List<Entry> entries(List<PriceSettings> written, Map<Rate, Long> fees, Price.Origin origin) {
        return written.stream()
                .filter(PriceSettings::charges)
                .map(each -> new Entry(each, fees, origin))
                .toList();
    }

    /**
     * The price of a call, null when there is none and the operator chose to refuse such calls.
     *
     * @param provider the provider's name
     * @param upstreamModel what that provider calls the model; a release day at its end and a vendor before a slash don't
     *     matter where the catalogue is asked
     * @param epochMillis when the call began
     */
    public @Nullable Price find(String provider, String upstreamModel, long epochMillis) {
        Map<String, List<Entry>> own = written.get(provider);
        if (own != null) {
            Price price = at(own.get(upstreamModel), epochMillis);
            price = price != null ? price : at(own.get(ALL), epochMillis);
            if (price != null) {
                return price;
            }
        }
        if (simulated.contains(provider)) {
            return free;
        }
        List<Entry> listed = listed(shippedFor.getOrDefault(provider, shipped), upstreamModel);
        if (listed.isEmpty()) {
            return unpriced;
        }
        Price now = at(listed, epochMillis);
        // The catalogue's first price says when it was seen, not that there was none before.
        return now != null ? now : listed.getFirst().price();
    }

    private static List<Entry> listed(Map<String, List<Entry>> models, String upstreamModel) {
        String name = ModelNames.bare(upstreamModel);
        List<Entry> exact = models.get(name);
        return exact != null ? exact : models.getOrDefault(ModelNames.withoutRelease(name), List.of());
    }

    /** The price of a moment: of those that hold then, the one that began last. */
    private static @Nullable Price at(@Nullable List<Entry> prices, long epochMillis) {
        Entry latest = null;
        if (prices != null) {
            for (Entry each : prices) {
                if (each.written.fromMillis() <= epochMillis
                        && epochMillis < each.written.untilMillis()
                        && (latest == null || each.written.fromMillis() >= latest.written.fromMillis())) {
                    latest = each;
                }
            }
        }
        return latest == null ? null : latest.price();
    }

    /** A price that is worked out when it is first asked for: of the catalogue's a gateway needs but a few. */
    private static final class Entry {
        private final PriceSettings written;
        private final Map<Rate, Long> fees;
        private final Price.Origin origin;
        private volatile @Nullable Price price;

        Entry(PriceSettings written, Map<Rate, Long> fees, Price.Origin origin) {
            this.written = written;
            this.fees = fees;
            this.origin = origin;
            if (origin == Price.Origin.WRITTEN) {
                price(); // What the operator wrote may be beyond all bounds: he is told now.
            }
        }

        Price price() {
            Price known = price;
            if (known == null) {
                known = new Price(written, fees, origin);
                price = known;
            }
            return known;
        }
    }
}
