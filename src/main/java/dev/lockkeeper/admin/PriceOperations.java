package dev.lockkeeper.admin;

import dev.lockkeeper.access.Right;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.units.Money;
import java.time.Clock;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API says of prices. They are written in the configuration; here they are only shown. */
public final class PriceOperations {
    private static final Shape.Struct PRICE = Shape.struct("Price")
            .with("object", Shape.word("price"), "What this is.")
            .with("provider", Shape.text(), "The provider.")
            .with("model", Shape.text(), "What it calls the model.")
            .with("priced", new Shape.Flag(), "Whether there is a price; without one calls are refused.")
            .optional(
                    "from",
                    new Shape.Word(Stream.of(Price.Origin.values())
                            .map(PriceOperations::word)
                            .toList()),
                    "Where it is from: the configuration, the catalogue, prices.unpriced, or the provider is simulated.")
            .optional("valid_from", new Shape.Time(), "From when on it holds; missing: ever since.")
            .optional("valid_until", new Shape.Time(), "Until when it holds; missing: for ever.")
            .optional("source", Shape.text(), "Where it was seen.")
            .optional("rates", new Shape.Anything(), "Dollars by rate, as docs/configuration.md has them.")
            .optional("long", new Shape.Anything(), "The same of long prompts; over: how many tokens are long.")
            .optional("tiers", new Shape.Anything(), "The same of other tariffs; share: of the usual price.");

    private PriceOperations() {}

    /**
     * The operations on prices.
     *
     * @param models those that are in effect
     * @param prices those that are in effect
     */
    public static List<Operation> of(Supplier<Models> models, Supplier<PriceBook> prices, Clock clock) {
        return List.of(Operation.get(
                        "/admin/v1/prices",
                        "listPrices",
                        "Lists the price that holds now of each provider's model that is a target.",
                        Shape.answerList(PRICE),
                        _ -> Reply.json(200, Json.list(list(models.get(), prices.get(), clock.millis()))))
                .needs(Right.MONEY_READ));
    }

    private static List<ObjectNode> list(Models models, PriceBook prices, long now) {
        Set<Target> targets = new LinkedHashSet<>();
        models.all().forEach(model -> targets.addAll(model.targets()));
        return targets.stream()
                .map(target -> {
                    Price price = prices.find(target.provider(), target.model(), now);
                    return json(
                            target.provider(),
                            target.model(),
                            price == null ? null : price.written(),
                            price == null ? Price.Origin.UNPRICED : price.origin());
                })
                .toList();
    }

    /**
     * A price as JSON.
     *
     * @param price null when there is none
     * @param origin where it is from
     */
    public static ObjectNode json(String provider, String model, @Nullable PriceSettings price, Price.Origin origin) {
        ObjectNode json = Json.object()
                .put("object", "price")
                .put("provider", provider)
                .put("model", model)
                .put("priced", price != null);
        if (price == null) {
            return json;
        }
        json.put("from", word(origin));
        if (price.fromMillis() != Long.MIN_VALUE) {
            json.put("valid_from", Json.time(price.fromMillis()));
        }
        if (price.untilMillis() != Long.MAX_VALUE) {
            json.put("valid_until", Json.time(price.untilMillis()));
        }
        if (!price.source().isEmpty()) {
            json.put("source", price.source());
        }
        rates(json.putObject("rates"), price.rates());
        if (price.longOver() != Long.MAX_VALUE) {
            rates(json.putObject("long").put("over", price.longOver()), price.longRates());
        }
        ObjectNode tiers = json.putObject("tiers");
        price.tiers()
                .forEach((tier, tariff) ->
                        rates(tiers.putObject(tier.key()).put("share", tariff.percent() + "%"), tariff.rates()));
        return json;
    }

    private static void rates(ObjectNode into, Map<Rate, Long> rates) {
        rates.forEach((rate, nanos) -> into.put(rate.key(), new Money(nanos).toString()));
    }

    /** Where a price is from, in a word. */
    public static String word(Price.Origin origin) {
        return origin.name().toLowerCase(Locale.ROOT);
    }
}
