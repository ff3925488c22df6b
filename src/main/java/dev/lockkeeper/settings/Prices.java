package dev.lockkeeper.settings;

import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PriceList;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.prices.Tier;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.units.ModelNames;
import dev.lockkeeper.upstream.ProviderSettings;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Reads the section {@code prices}. */
final class Prices {
    /** A day from whose first moment on, in UTC, something holds; as milliseconds since 1970. */
    static final Type<Long> DAY = new Type<>(
            "day",
            "a day, such as 2026-12-01; it begins at midnight UTC",
            text -> {
                try {
                    return LocalDate.parse(text)
                            .atStartOfDay(ZoneOffset.UTC)
                            .toInstant()
                            .toEpochMilli();
                } catch (DateTimeParseException e) {
                    return null;
                }
            },
            millis -> Instant.ofEpochMilli(millis)
                    .atZone(ZoneOffset.UTC)
                    .toLocalDate()
                    .toString(),
            _ -> null,
            false);

    /** A share of the usual price. */
    static final Type<Integer> SHARE = new Type<>(
            "percentage",
            "a share of the usual price in whole percent, such as 50%: 0% to " + PriceSettings.Tariff.MOST_PERCENT
                    + "%",
            text -> text.matches("\\d{1,4}%")
                            && Integer.parseInt(text.substring(0, text.length() - 1))
                                    <= PriceSettings.Tariff.MOST_PERCENT
                    ? Integer.valueOf(text.substring(0, text.length() - 1))
                    : null,
            share -> share + "%",
            text -> text.matches("\\d{1,4}") ? text + "%" : null,
            false);

    private static final Type<Long> TOKENS = Type.integer(1, 1_000_000_000);

    private static final String REFUSE = "refuse";
    private static final String SHARE_KEY = "share";

    /** What long prompts and tariffs have prices of their own for. */
    private static final List<Rate> VARIED =
            List.of(Rate.INPUT, Rate.CACHED_INPUT, Rate.CACHE_WRITE, Rate.CACHE_WRITE_LONG, Rate.OUTPUT);

    private static final List<Rate> FEES =
            Arrays.stream(Rate.values()).filter(Rate::isFee).toList();
    private static final List<Rate> RATES =
            Arrays.stream(Rate.values()).filter(rate -> !rate.isFee()).toList();

    private final Reading reading;
    private final Map<String, PriceList> catalogue;
    private final Set<String> providers = new TreeSet<>();
    private final Set<TargetSettings> targets = new HashSet<>();

    /**
     * @param providers those that are written
     * @param models those that are written
     */
    Prices(
            Reading reading,
            Map<String, PriceList> catalogue,
            List<ProviderSettings> providers,
            List<ModelSettings> models) {
        this.reading = reading;
        this.catalogue = catalogue;
        providers.forEach(provider -> this.providers.add(provider.name()));
        models.forEach(model -> targets.addAll(model.targets()));
    }

    /** The rate of a key, null for none. */
    static @Nullable Rate rate(String key) {
        return Keys.BY_KEY.get(key);
    }

    /** Rates by their keys; made when first needed. */
    private static final class Keys {
        private static final Map<String, Rate> BY_KEY = new HashMap<>();

        static {
            for (Rate rate : Rate.values()) {
                BY_KEY.put(rate.key(), rate);
            }
        }
    }

    /** What is written for a rate. */
    static Type<Long> amount(Rate rate) {
        return Type.dollars(
                rate.most(),
                switch (rate.unit()) {
                    case MILLION -> "a million";
                    case MINUTE -> "a minute";
                    case EACH -> "each";
                });
    }

    PricesSettings read(Section prices) {
        PriceSettings unpriced = unpriced(prices);
        Map<String, PriceList> read = new LinkedHashMap<>();
        Section all = prices.section("providers");
        for (Section provider : all.each(piece -> piece)) {
            if (!providers.contains(provider.name())) {
                reading.mistake(
                        provider.place(),
                        provider.key(),
                        Shown.value(provider.name()),
                        "a provider that is written: " + String.join(", ", providers),
                        Near.to(provider.name(), providers));
            }
            Section fees = provider.section("fees");
            Map<Rate, Long> written = rates(fees, FEES);
            fees.end();
            Map<String, List<PriceSettings>> models = new LinkedHashMap<>();
            for (Section model : provider.section("models").eachOrEachOfList()) {
                PriceSettings price = price(model);
                model.end();
                List<PriceSettings> dated = models.computeIfAbsent(model.name(), _ -> new ArrayList<>());
                checkDays(model, price, dated);
                dated.add(price);
            }
            models.keySet().stream()
                    .filter(model -> !model.equals(PriceBook.ALL)
                            && !targets.contains(new TargetSettings(provider.name(), model)))
                    .forEach(model -> reading.note("prices: " + provider.name() + "/" + Shown.value(model)
                            + " has a price, but no model has it as a target."));
            provider.end();
            read.put(provider.name(), new PriceList(models, written));
        }
        prices.end();
        PricesSettings settings = new PricesSettings(read, unpriced);
        try {
            var _ = new PriceBook(settings, List.of(), Set.of());
        } catch (IllegalArgumentException beyond) {
            reading.mistake(prices.place(), prices.key(), null, String.valueOf(beyond.getMessage()), null);
        }
        return settings;
    }

    /** {@code unpriced: refuse}, or a price for everything that has none. */
    private @Nullable PriceSettings unpriced(Section prices) {
        Setting<Optional<String>> word = prices.wordInstead("unpriced", REFUSE);
        if (word.usable() && word.value().isPresent()) {
            if (!word.value().get().equals(REFUSE)) {
                reading.mistake(
                        word,
                        "refuse, or a price such as {input: $10, output: $50}",
                        Near.to(word.value().get(), Set.of(REFUSE)));
            }
            return null;
        }
        Section written = prices.section("unpriced");
        if (!written.isWritten()) {
            return null;
        }
        PriceSettings price = PriceSettings.always(rates(written, RATES));
        checkWhole(written, price);
        written.end();
        return price;
    }

    private PriceSettings price(Section section) {
        long from = section.ifWritten("valid-from", DAY, "ever since").value().orElse(Long.MIN_VALUE);
        Setting<Optional<Long>> end = section.ifWritten("valid-until", DAY, "for ever");
        long until = end.value().orElse(Long.MAX_VALUE);
        if (end.usable() && until <= from) {
            reading.mistake(end, "a day after valid-from, or this price never holds");
        }
        Optional<PriceSettings> like = like(section);
        Map<Rate, Long> rates = rates(section, RATES);
        Section longer = section.section("long");
        Setting<Optional<Long>> over = longer.ifWritten("over", TOKENS, "required in long");
        Map<Rate, Long> longRates = rates(longer, VARIED);
        longer.end();
        if (longer.isWritten() && over.usable() && over.value().isEmpty()) {
            reading.mistake(
                    longer.place(), longer.key() + ".over", null, "missing; write from how many tokens on", null);
        }
        Map<Tier, PriceSettings.Tariff> tiers = new EnumMap<>(Tier.class);
        for (Tier tier : Tier.values()) {
            if (tier != Tier.STANDARD) {
                tariff(section, tier).ifPresent(tariff -> tiers.put(tier, tariff));
            }
        }
        if (like.isPresent()) {
            if (!rates.isEmpty() || longer.isWritten() || !tiers.isEmpty()) {
                reading.mistake(
                        section.place(), section.key(), null, "like stands alone; with it write no other price", null);
            }
            PriceSettings same = like.get();
            return new PriceSettings(
                    from, until, same.rates(), same.longOver(), same.longRates(), same.tiers(), same.source());
        }
        PriceSettings price =
                new PriceSettings(from, until, rates, over.value().orElse(Long.MAX_VALUE), longRates, tiers, "");
        checkWhole(section, price);
        return price;
    }

    private void checkWhole(Section section, PriceSettings price) {
        if (section.clean() && !price.charges()) {
            reading.mistake(
                    section.place(),
                    section.key(),
                    null,
                    "not a whole price; write at least input and output, such as {input: $2.50, output: $10}",
                    null);
        }
    }

    /** The price that the catalogue has for another name: of a deployment, say, whose own name says nothing. */
    private Optional<PriceSettings> like(Section section) {
        Setting<Optional<String>> written = section.ifWritten("like", Type.TEXT, "none");
        if (written.value().isEmpty()) {
            return Optional.empty();
        }
        String name = ModelNames.withoutRelease(ModelNames.bare(written.value().get()));
        for (PriceList vendor : catalogue.values()) {
            List<PriceSettings> prices = vendor.models().getOrDefault(name, List.of());
            if (prices.stream().anyMatch(PriceSettings::charges)) {
                return Optional.of(prices.getLast());
            }
        }
        Set<String> known = new TreeSet<>();
        catalogue.values().forEach(vendor -> known.addAll(vendor.models().keySet()));
        reading.mistake(
                written,
                "a model that the catalogue has a price of ('lockkeeper prices list --all' shows them)",
                Near.to(name, known));
        return Optional.of(PriceSettings.always(Map.of()));
    }

    private Optional<PriceSettings.Tariff> tariff(Section section, Tier tier) {
        Section written = section.section(
                tier.key(),
                "<tier>",
                piece -> piece instanceof Piece.Text text && !text.isNull() ? Section.single(SHARE_KEY, text) : piece);
        Setting<Optional<Integer>> share = written.ifWritten(SHARE_KEY, SHARE, "100%");
        Map<Rate, Long> rates = rates(written, VARIED);
        written.end();
        return written.isWritten()
                ? Optional.of(new PriceSettings.Tariff(share.value().orElse(100), rates))
                : Optional.empty();
    }

    /** In the document of the keys those that are alike share a line. */
    private static String pattern(Rate rate) {
        return switch (rate.unit()) {
            case MILLION -> "<rate>";
            case MINUTE -> rate.key();
            case EACH -> rate.isFee() ? "<fee>" : rate.key();
        };
    }

    private static Map<Rate, Long> rates(Section section, List<Rate> known) {
        Map<Rate, Long> rates = new EnumMap<>(Rate.class);
        for (Rate rate : known) {
            section.ifWritten(rate.key(), pattern(rate), amount(rate), "see below")
                    .value()
                    .ifPresent(price -> rates.put(rate, price));
        }
        return rates;
    }

    /**
     * The prices of one model are a history. Of two that begin on the same day only one can hold. One that stands behind a
     * price of a later day belongs to the past: without an end nobody knows to which part of it, and most likely its year is
     * wrong.
     */
    private void checkDays(Section section, PriceSettings price, List<PriceSettings> before) {
        if (before.stream().anyMatch(each -> each.fromMillis() == price.fromMillis())) {
            boolean ever = price.fromMillis() == Long.MIN_VALUE;
            reading.mistake(
                    section.place(),
                    section.key() + ".valid-from",
                    ever ? null : DAY.write().apply(price.fromMillis()),
                    ever
                            ? "missing; of several prices of " + section.name() + " only one may hold ever since"
                            : "each day once; the price before it would never hold",
                    null);
            return;
        }
        long latest = before.stream().mapToLong(PriceSettings::fromMillis).max().orElse(Long.MIN_VALUE);
        if (section.clean() && price.fromMillis() < latest && price.untilMillis() == Long.MAX_VALUE) {
            reading.mistake(
                    section.place(),
                    section.key() + ".valid-until",
                    null,
                    "missing; this price begins before that of " + DAY.write().apply(latest)
                            + ", which stands above it: write the first day on which it held no more, a later"
                            + " valid-from, or the prices in the order of their days",
                    null);
        }
    }
}
