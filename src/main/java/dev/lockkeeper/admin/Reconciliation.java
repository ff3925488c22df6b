package dev.lockkeeper.admin;

import dev.lockkeeper.ledger.Span;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.ledger.Statements.Paid;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.units.ModelNames;
import dev.lockkeeper.units.Money;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A provider's invoice held against the books, by day and model. Models are the same whose names differ only in a vendor
 * before a slash, in the day of a release at their end, or in capitals.
 */
final class Reconciliation {
    /** How close to midnight a call is that may stand on the other day of an invoice: ten minutes. */
    static final long NEAR_MILLIS = 600_000;

    /** Differences up to half a cent are those of an invoice in whole cents. */
    private static final long ROUNDING_NANOS = Money.DOLLAR / 200;

    /** Tokens agree when they differ by less than a thousandth. */
    private static final long AGREES = 1_000;

    private Reconciliation() {}

    /**
     * Why a line differs.
     *
     * @param reason a word for programs
     * @param costNanos the part of what is booked, or of the difference, that it is about; null where that can't be told
     * @param text the same for people
     */
    record Because(String reason, @Nullable Long costNanos, String text) {}

    /**
     * A model on a day.
     *
     * @param invoiceNanos null: it is not in the invoice
     * @param bookedNanos null: it is not in the books
     * @param invoiceTokens null where the invoice tells none
     */
    record Line(
            LocalDate day,
            String model,
            @Nullable Long invoiceNanos,
            @Nullable Long bookedNanos,
            @Nullable Long invoiceTokens,
            long bookedTokens,
            List<Because> because) {
        Line {
            because = List.copyOf(because);
        }

        /** What the invoice has more than the books; below 0: less. */
        long differenceNanos() {
            return Math.subtractExact(invoiceNanos == null ? 0 : invoiceNanos, bookedNanos == null ? 0 : bookedNanos);
        }
    }

    private record Place(LocalDate day, String model) implements Comparable<Place> {
        @Override
        public int compareTo(Place other) {
            int days = day.compareTo(other.day);
            return days != 0 ? days : model.compareTo(other.model);
        }
    }

    /** What is booked for a model on a day. */
    private static final class Booked {
        long cost;
        long tokens;
        long estimatedCalls;
        long estimatedCost;
        long recoveredCalls;
        long recoveredCost;
        long overrunCalls;
        long overrun;
        long nearCalls;
        long nearCost;
        long unpricedCalls;
        long unpricedCost;
        final TreeSet<String> tiers = new TreeSet<>();
    }

    /** Compares; blocks. By day and model, in that order. */
    static List<Line> of(
            Statements statements, PriceBook prices, String provider, YearMonth month, ZoneId zone, Invoice invoice) {
        Map<Place, Booked> booked = new TreeMap<>();
        for (Paid each : statements.paid(Span.of(month, zone), provider, null, NEAR_MILLIS, Long.MAX_VALUE)) {
            add(
                    booked.computeIfAbsent(new Place(each.day(), name(each.upstreamModel())), _ -> new Booked()),
                    each,
                    prices,
                    zone);
        }
        Map<Place, Invoice.Line> billed = new TreeMap<>();
        for (Invoice.Line each : invoice.lines()) {
            billed.merge(
                    new Place(each.day(), name(each.model())),
                    each,
                    (one, other) -> new Invoice.Line(
                            one.day(),
                            one.model(),
                            Math.addExact(one.costNanos(), other.costNanos()),
                            one.tokens() == null || other.tokens() == null
                                    ? null
                                    : (Long) Math.addExact(one.tokens(), other.tokens())));
        }
        TreeSet<Place> places = new TreeSet<>(booked.keySet());
        places.addAll(billed.keySet());
        return places.stream()
                .map(each -> line(each, billed.get(each), booked.get(each)))
                .toList();
    }

    static String name(String model) {
        return ModelNames.withoutRelease(ModelNames.bare(model)).toLowerCase(Locale.ROOT);
    }

    private static void add(Booked into, Paid paid, PriceBook prices, ZoneId zone) {
        long calls = paid.sums().calls();
        long cost = paid.sums().costNanos();
        into.cost = Math.addExact(into.cost, cost);
        into.tokens = Math.addExact(
                into.tokens, Math.addExact(paid.sums().input(), paid.sums().output()));
        into.tiers.add(paid.tier().isEmpty() ? "none told" : paid.tier());
        if (paid.kind().equals("recovered")) {
            into.recoveredCalls += calls;
            into.recoveredCost += cost;
        } else if (paid.estimated()) {
            into.estimatedCalls += calls;
            into.estimatedCost += cost;
        }
        if (paid.sums().overrunNanos() > 0) {
            into.overrunCalls += calls;
            into.overrun += paid.sums().overrunNanos();
        }
        if (paid.nearMidnight()) {
            into.nearCalls += calls;
            into.nearCost += cost;
        }
        Price price = prices.find(
                paid.provider(),
                paid.upstreamModel(),
                paid.day().atStartOfDay(zone).toInstant().toEpochMilli());
        if (price == null || price.origin() == Price.Origin.UNPRICED) {
            into.unpricedCalls += calls;
            into.unpricedCost += cost;
        }
    }

    private static Line line(Place place, Invoice.@Nullable Line billed, @Nullable Booked booked) {
        if (booked == null) {
            Invoice.Line line = java.util.Objects.requireNonNull(billed);
            return new Line(
                    place.day,
                    place.model,
                    line.costNanos(),
                    null,
                    line.tokens(),
                    0,
                    List.of(new Because(
                            "not_through_gateway",
                            line.costNanos(),
                            "the invoice alone has it: calls that did not go through this gateway, or another name")));
        }
        if (billed == null) {
            return new Line(
                    place.day,
                    place.model,
                    null,
                    booked.cost,
                    null,
                    booked.tokens,
                    List.of(new Because(
                            "not_in_invoice",
                            booked.cost,
                            "the books alone have it: billed on another day or under another name, or not yet")));
        }
        long difference = Math.subtractExact(billed.costNanos(), booked.cost);
        return new Line(
                place.day,
                place.model,
                billed.costNanos(),
                booked.cost,
                billed.tokens(),
                booked.tokens,
                difference == 0 ? List.of() : because(difference, billed, booked));
    }

    private static List<Because> because(long difference, Invoice.Line billed, Booked booked) {
        if (Math.abs(difference) <= ROUNDING_NANOS) {
            return List.of(new Because("rounding", difference, "up to half a cent: the invoice is rounded"));
        }
        List<Because> all = new ArrayList<>();
        counted(all, "estimated", booked.estimatedCalls, booked.estimatedCost, "estimated: the provider told no usage");
        counted(
                all,
                "recovered",
                booked.recoveredCalls,
                booked.recoveredCost,
                "recovered after the gateway was ended by force: booked at what was held, an upper bound");
        counted(all, "overrun", booked.overrunCalls, booked.overrun, "billed beyond what the provider was allowed");
        counted(
                all,
                "unpriced",
                booked.unpricedCalls,
                booked.unpricedCost,
                "of a model without a price: booked at what prices.unpriced says");
        counted(
                all,
                "near_midnight",
                booked.nearCalls,
                booked.nearCost,
                "within ten minutes of midnight: the provider may count them to the other day");
        Long tokens = billed.tokens();
        if (tokens != null) {
            long more = Math.subtractExact(tokens, booked.tokens);
            if (Math.abs(more) * AGREES <= Math.max(tokens, booked.tokens)) {
                all.add(new Because(
                        "price",
                        difference,
                        "tokens agree and cost does not: another tariff (booked as "
                                + String.join(", ", booked.tiers)
                                + "), another price, a fee or a discount"));
            } else if (more > 0) {
                all.add(new Because(
                        "not_through_gateway",
                        null,
                        more
                                + " tokens are in the invoice only: calls that did not go through this gateway, or usage that"
                                + " it was not told"));
            } else {
                all.add(
                        new Because(
                                "booked_more",
                                null,
                                -more
                                        + " tokens are in the books only: estimates that were too high, or calls of another day"));
            }
        }
        if (all.isEmpty()) {
            all.add(new Because(
                    "unknown",
                    difference,
                    "nothing in the books explains it; an invoice with tokens would tell prices from calls"));
        }
        return all;
    }

    private static void counted(List<Because> into, String reason, long calls, long cost, String text) {
        if (calls > 0) {
            into.add(new Because(reason, cost, calls + (calls == 1 ? " call " : " calls ") + text));
        }
    }
}
