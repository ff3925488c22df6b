package dev.lockkeeper;

import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.settings.Settings;
import java.time.Clock;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What the configuration's targets cost at a moment. */
final class PricesInUse {
    /** Names in one line; more are counted. */
    private static final int SHOWN = 8;

    private PricesInUse() {}

    /**
     * A target and its price.
     *
     * @param price null when there is none and its calls are refused
     */
    record InUse(TargetSettings target, @Nullable Price price) {
        /** The target as it is written. */
        String name() {
            return target.provider() + "/" + target.model();
        }
    }

    /** All targets, each once, in the order of the models. */
    static List<InUse> of(Settings settings, Clock clock) {
        PriceBook book = settings.priceBook();
        long now = clock.millis();
        Set<TargetSettings> targets = new LinkedHashSet<>();
        settings.models().forEach(model -> targets.addAll(model.targets()));
        return targets.stream()
                .map(target -> new InUse(target, book.find(target.provider(), target.model(), now)))
                .toList();
    }

    /** The targets that have no price. */
    static List<InUse> missing(Settings settings, Clock clock) {
        return of(settings, clock).stream().filter(each -> each.price() == null).toList();
    }

    /** A sentence for the operator about targets without a price; empty when there are none. */
    static List<String> note(Settings settings, Clock clock) {
        List<InUse> missing = missing(settings, clock);
        if (missing.isEmpty()) {
            return List.of();
        }
        String names = missing.stream().limit(SHOWN).map(InUse::name).collect(Collectors.joining(", "));
        String more = missing.size() > SHOWN ? " and " + (missing.size() - SHOWN) + " more" : "";
        return List.of("No price is known of " + names + more
                + ": these are not asked. Write it under prices, or what they are taken to cost as prices.unpriced.");
    }
}
