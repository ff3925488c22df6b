package dev.lockkeeper.settings;

import dev.lockkeeper.prices.PriceList;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.prices.Tier;
import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.routing.Skill;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The catalogue that ships with the gateway, {@code catalogue.yaml}: what vendors' models are, and what they cost. Read once
 * in a process, when it is first asked for. A mistake in it is one of this program: it throws.
 */
public final class Shipped {
    private static final String RESOURCE = "/dev/lockkeeper/catalogue.yaml";

    private final Catalog catalog;
    private final Map<String, PriceList> prices = new LinkedHashMap<>();

    private Shipped(String text) {
        List<Mistake> mistakes = new ArrayList<>();
        Piece.Members root = YamlFile.read(RESOURCE, text, mistakes);
        if (root == null || !mistakes.isEmpty()) {
            throw new IllegalStateException(RESOURCE + ": " + mistakes);
        }
        List<Catalog.Known> models = new ArrayList<>();
        root.members().forEach((vendor, member) -> {
            Map<String, Piece.Member> written = mapping(member.value());
            Map<String, List<PriceSettings>> dated = new LinkedHashMap<>();
            mapping(at(written, "models")).forEach((model, facts) -> {
                Map<String, Piece.Member> known = mapping(facts.value());
                models.add(known(vendor, model, known));
                dated.put(
                        model,
                        items(at(known, "prices")).stream()
                                .map(price -> price(mapping(price)))
                                .toList());
            });
            prices.put(vendor, new PriceList(dated, rates(mapping(at(written, "fees")))));
        });
        catalog = new Catalog(models);
    }

    /** Read when it is first asked for. */
    private static final class Only {
        private static final Shipped SHIPPED = read();
    }

    private static Shipped read() {
        try (InputStream in = Shipped.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is not in the jar");
            }
            return new Shipped(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " can't be read", e);
        }
    }

    /** What the models are. */
    public static Catalog catalog() {
        return Only.SHIPPED.catalog;
    }

    /** What the models cost, by vendor. */
    public static Map<String, PriceList> prices() {
        return Only.SHIPPED.prices;
    }

    private static Catalog.Known known(String vendor, String model, Map<String, Piece.Member> facts) {
        return new Catalog.Known(
                vendor,
                model,
                Catalog.Kind.valueOf(text(at(facts, "kind")).toUpperCase(Locale.ROOT)),
                tokens(facts, "context"),
                tokens(facts, "max-output"),
                items(at(facts, "endpoints")).stream().map(Shipped::text).toList(),
                skills(facts, "takes"),
                skills(facts, "lacks"),
                texts(facts, "efforts"));
    }

    private static List<String> texts(Map<String, Piece.Member> facts, String name) {
        return facts.containsKey(name)
                ? items(at(facts, name)).stream().map(Shipped::text).toList()
                : List.of();
    }

    private static Set<Skill> skills(Map<String, Piece.Member> facts, String name) {
        return texts(facts, name).stream()
                .map(word -> Skill.valueOf(word.toUpperCase(Locale.ROOT)))
                .collect(Collectors.toSet());
    }

    private static long tokens(Map<String, Piece.Member> facts, String name) {
        return facts.containsKey(name) ? Long.parseLong(text(at(facts, name))) : 0;
    }

    private static PriceSettings price(Map<String, Piece.Member> written) {
        Map<String, Piece.Member> rest = new LinkedHashMap<>(written);
        Piece.@Nullable Member day = rest.remove("valid-from");
        Piece.@Nullable Member source = rest.remove("source");
        Piece.@Nullable Member longer = rest.remove("long");
        long longOver = Long.MAX_VALUE;
        Map<Rate, Long> longRates = Map.of();
        if (longer != null) {
            Map<String, Piece.Member> dearer = new LinkedHashMap<>(mapping(longer.value()));
            longOver = Long.parseLong(text(at(dearer, "over")));
            dearer.remove("over");
            longRates = rates(dearer);
        }
        Map<Tier, PriceSettings.Tariff> tiers = new EnumMap<>(Tier.class);
        for (Tier tier : Tier.values()) {
            Piece.Member share = rest.remove(tier.key());
            if (share != null && !isNothing(share.value())) {
                tiers.put(tier, new PriceSettings.Tariff(value(Prices.SHARE, share.value()), Map.of()));
            }
        }
        return new PriceSettings(
                day == null ? Long.MIN_VALUE : value(Prices.DAY, day.value()),
                Long.MAX_VALUE,
                rates(rest),
                longOver,
                longRates,
                tiers,
                source == null ? "" : text(source.value()));
    }

    private static Map<Rate, Long> rates(Map<String, Piece.Member> written) {
        Map<Rate, Long> rates = new EnumMap<>(Rate.class);
        written.forEach((name, member) -> {
            Rate rate = Prices.rate(name);
            if (rate == null) {
                throw new IllegalStateException(member.at() + ": unknown key " + name);
            }
            if (!isNothing(member.value())) {
                rates.put(rate, value(Prices.amount(rate), member.value()));
            }
        });
        return rates;
    }

    private static <T> T value(Type<T> type, Piece piece) {
        T value = type.read().apply(text(piece));
        if (value == null) {
            throw new IllegalStateException(
                    piece.place() + ": " + text(piece) + " (expected: " + type.expected() + ")");
        }
        return value;
    }

    private static Piece at(Map<String, Piece.Member> mapping, String name) {
        Piece.@Nullable Member member = mapping.get(name);
        if (member == null) {
            throw new IllegalStateException(RESOURCE + ": " + name + " is missing beside " + mapping.keySet());
        }
        return member.value();
    }

    private static Map<String, Piece.Member> mapping(Piece piece) {
        if (piece instanceof Piece.Members mapping) {
            return mapping.members();
        }
        throw new IllegalStateException(piece.place() + ": " + piece.kind() + " (expected: a mapping)");
    }

    private static List<Piece> items(Piece piece) {
        if (piece instanceof Piece.Items list) {
            return list.items();
        }
        throw new IllegalStateException(piece.place() + ": " + piece.kind() + " (expected: a list)");
    }

    private static String text(Piece piece) {
        if (piece instanceof Piece.Text text) {
            return text.text();
        }
        throw new IllegalStateException(piece.place() + ": " + piece.kind() + " (expected: a single value)");
    }

    private static boolean isNothing(Piece piece) {
        return piece instanceof Piece.Text text && text.isNull();
    }
}
