package dev.lockkeeper.admin;

import dev.lockkeeper.access.Right;
import dev.lockkeeper.ledger.Span;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.ledger.Statements.Paid;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.units.Money;
import java.time.Clock;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API tells of the past held against something else: a provider's invoice, another model's prices. */
public final class ComparisonOperations {
    private static final int MAX_PERCENT = 10_000;
    private static final String REASONING = "reasoning_output";
    private static final Pattern EFFORT = Pattern.compile("([a-z]{1,20})=(\\d{1,6})");
    private static final Shape COUNT = new Shape.Whole(0, Long.MAX_VALUE);
    private static final Shape DOLLARS = Shape.text();

    private static final Shape.Struct RECONCILE = Shape.struct("Reconcile")
            .with("provider", Shape.text(), "The provider's name in the configuration.")
            .with("month", SpanQuery.MONTH, "Such as 2026-11.")
            .with(
                    "csv",
                    new Shape.Text(Admin.MAX_BODY),
                    "The invoice: a line that names the columns date, model, cost and maybe tokens, then one for each day and model.")
            .optional("zone", SpanQuery.ZONE, "Where the provider's days begin. Default: UTC.");

    private static final Shape.Struct BECAUSE = Shape.struct("")
            .with(
                    "reason",
                    Shape.word(
                            "rounding",
                            "estimated",
                            "recovered",
                            "overrun",
                            "unpriced",
                            "near_midnight",
                            "price",
                            "not_through_gateway",
                            "booked_more",
                            "not_in_invoice",
                            "unknown"),
                    "Why, in a word.")
            .with("cost", new Shape.OrNull(DOLLARS), "Dollars that it is about; null where that can't be told.")
            .with("text", Shape.text(), "The same for people.");
    private static final Shape.Struct RECONCILED = Shape.struct("Reconciliation")
            .with("object", Shape.word("reconciliation"), "What this is.")
            .with("provider", Shape.text(), "Whose invoice.")
            .with("month", Shape.text(), "Of which month.")
            .with("zone", Shape.text(), "Where days begin.")
            .with("invoice", DOLLARS, "Dollars that are billed.")
            .with("booked", DOLLARS, "Dollars that are booked.")
            .with("difference", DOLLARS, "What is billed more than booked; below 0: less.")
            .with(
                    "data",
                    Shape.listOf(Shape.struct("ReconciledLine")
                            .with("day", Shape.text(), "Such as 2026-11-21.")
                            .with("model", Shape.text(), "As the provider names it, without vendor and release.")
                            .with("invoice", new Shape.OrNull(DOLLARS), "Dollars billed; null: not in the invoice.")
                            .with("booked", new Shape.OrNull(DOLLARS), "Dollars booked; null: not in the books.")
                            .with("difference", DOLLARS, "What is billed more than booked.")
                            .with("invoice_tokens", new Shape.OrNull(COUNT), "Null where the invoice tells none.")
                            .with("booked_tokens", COUNT, "Tokens of prompts and answers.")
                            .with("because", Shape.listOf(BECAUSE), "What explains it.")),
                    "By day and model.");

    private static final Shape.Struct REPRICED = Shape.struct("Repricing")
            .with("object", Shape.word("repricing"), "What this is.")
            .with("model", Shape.text(), "At whose prices.")
            .with("provider", Shape.text(), "At which provider; empty: the catalogue's prices.")
            .with("upstream_model", Shape.text(), "What it calls the model.")
            .with("from", new Shape.Time(), "The first instant.")
            .with("to", new Shape.Time(), "The first instant behind it.")
            .with("assumes", Shape.listOf(Shape.text()), "What was taken for granted.")
            .with(
                    "data",
                    Shape.listOf(repriced(Shape.struct("RepricedLine")
                            .with("provider", Shape.text(), "Who was called.")
                            .with("model", Shape.text(), "What clients asked for."))),
                    "By provider and model.")
            .with("total", repriced(Shape.struct("RepricedTotal")), "All of them together.");

    /** Which price each count of usage has. */
    private static final Map<String, Rate> RATES = Map.ofEntries(
            Map.entry("fresh_input", Rate.INPUT),
            Map.entry("cached_input", Rate.CACHED_INPUT),
            Map.entry("cached_audio_input", Rate.CACHED_AUDIO_INPUT),
            Map.entry("cached_image_input", Rate.CACHED_IMAGE_INPUT),
            Map.entry("written_input", Rate.CACHE_WRITE),
            Map.entry("written_long_input", Rate.CACHE_WRITE_LONG),
            Map.entry("audio_input", Rate.AUDIO_INPUT),
            Map.entry("image_input", Rate.IMAGE_INPUT),
            Map.entry("text_output", Rate.OUTPUT),
            Map.entry("accepted_output", Rate.OUTPUT),
            Map.entry("rejected_output", Rate.OUTPUT),
            Map.entry("reasoning_output", Rate.REASONING),
            Map.entry("audio_output", Rate.AUDIO_OUTPUT),
            Map.entry("image_output", Rate.IMAGE_OUTPUT),
            Map.entry("audio_millis", Rate.AUDIO_MINUTE),
            Map.entry("images", Rate.IMAGE),
            Map.entry("web_searches", Rate.WEB_SEARCH),
            Map.entry("file_searches", Rate.FILE_SEARCH),
            Map.entry("containers", Rate.CONTAINER),
            Map.entry("hosted_image_input", Rate.TOOL_IMAGE_INPUT),
            Map.entry("hosted_image_output", Rate.TOOL_IMAGE_OUTPUT),
            Map.entry("hosted_others", Rate.OTHER_TOOL));

    private final Supplier<Statements> books;
    private final Supplier<Models> models;
    private final Supplier<PriceBook> prices;
    private final Clock clock;

    private ComparisonOperations(
            Supplier<Statements> books, Supplier<Models> models, Supplier<PriceBook> prices, Clock clock) {
        this.books = books;
        this.models = models;
        this.prices = prices;
        this.clock = clock;
    }

    /**
     * The operations that compare.
     *
     * @param books asked when an operation reads them
     * @param models those that are in effect
     * @param prices those that are in effect
     */
    public static List<Operation> of(
            Supplier<Statements> books, Supplier<Models> models, Supplier<PriceBook> prices, Clock clock) {
        ComparisonOperations desk = new ComparisonOperations(books, models, prices, clock);
        return List.of(
                Operation.post(
                                "/admin/v1/usage/reconcile",
                                "reconcile",
                                "Holds a provider's invoice against the books; nothing is kept of it.",
                                RECONCILE,
                                RECONCILED,
                                desk::reconcile)
                        .needs(Right.MONEY_READ),
                Operation.get(
                                "/admin/v1/usage/reprice",
                                "reprice",
                                "Tells what past calls would have cost at another model's prices.",
                                REPRICED,
                                desk::reprice)
                        .takes(
                                "model",
                                Shape.text(),
                                "The other model: one that clients can ask for, PROVIDER/MODEL, or a name of the catalogue; required.")
                        .takes("of", Shape.text(), "Only calls that asked for this model.")
                        .takes("provider", Shape.text(), "Only calls of this provider.")
                        .takes(
                                "output_percent",
                                new Shape.Whole(1, MAX_PERCENT),
                                "How many tokens the other model generates, in percent of what was. Default: 100.")
                        .takes(
                                "effort",
                                new Shape.Text(40),
                                "Another reasoning effort and how many tokens it thinks, in percent of what was, such as"
                                        + " high=250; none alone is 0. Not with output_percent. Default: as was.")
                        .takes("from", SpanQuery.MOMENT, SpanQuery.FROM)
                        .takes("to", SpanQuery.MOMENT, SpanQuery.TO)
                        .takes("zone", SpanQuery.ZONE, SpanQuery.ABOUT_ZONE)
                        .needs(Right.MONEY_READ));
    }

    private static Shape.Struct repriced(Shape.Struct into) {
        return into.with("calls", COUNT, "Attempts.")
                .with("estimated", COUNT, "Of these, those whose usage is an estimate or, where recovered, unknown.")
                .with("cost", DOLLARS, "Dollars that they cost.")
                .with("repriced", DOLLARS, "Dollars at the other prices.")
                .with("difference", DOLLARS, "Repriced less cost.");
    }

    private Reply reconcile(Inquiry asked) {
        ZoneId zone = SpanQuery.zone(asked.textOrNull("zone"));
        YearMonth month = SpanQuery.month(asked.text("month"));
        String provider = asked.text("provider");
        Invoice invoice = Invoice.read(asked.text("csv"), month, zone);
        List<Reconciliation.Line> lines = Reconciliation.of(books.get(), prices.get(), provider, month, zone, invoice);
        long billed = 0;
        long booked = 0;
        ObjectNode json = Json.object()
                .put("object", "reconciliation")
                .put("provider", provider)
                .put("month", month.toString())
                .put("zone", zone.getId());
        ArrayNode data = Json.MAPPER.createArrayNode();
        for (Reconciliation.Line each : lines) {
            Long invoiceNanos = each.invoiceNanos();
            Long bookedNanos = each.bookedNanos();
            billed = Math.addExact(billed, invoiceNanos == null ? 0 : invoiceNanos);
            booked = Math.addExact(booked, bookedNanos == null ? 0 : bookedNanos);
            ObjectNode line = data.addObject()
                    .put("day", each.day().toString())
                    .put("model", each.model())
                    .put("invoice", dollars(invoiceNanos))
                    .put("booked", dollars(bookedNanos))
                    .put("difference", dollars(each.differenceNanos()))
                    .put("invoice_tokens", each.invoiceTokens())
                    .put("booked_tokens", each.bookedTokens());
            ArrayNode because = line.putArray("because");
            each.because()
                    .forEach(one -> because.addObject()
                            .put("reason", one.reason())
                            .put("cost", dollars(one.costNanos()))
                            .put("text", one.text()));
        }
        json.put("invoice", dollars(billed))
                .put("booked", dollars(booked))
                .put("difference", dollars(Math.subtractExact(billed, booked)))
                .set("data", data);
        return Reply.json(200, json);
    }

    private static @Nullable String dollars(@Nullable Long nanos) {
        return nanos == null ? null : new Money(nanos).toString();
    }

    private static final class Both {
        long calls;
        long estimated;
        long cost;
        long repriced;

        void add(long moreCalls, long moreEstimated, long moreCost, long moreRepriced) {
            calls += moreCalls;
            estimated += moreEstimated;
            cost = Math.addExact(cost, moreCost);
            repriced = Math.addExact(repriced, moreRepriced);
        }

        void put(ObjectNode json) {
            json.put("calls", calls)
                    .put("estimated", estimated)
                    .put("cost", dollars(cost))
                    .put("repriced", dollars(repriced))
                    .put("difference", dollars(Math.subtractExact(repriced, cost)));
        }
    }

    private Reply reprice(Inquiry asked) {
        String name = asked.asked("model");
        if (name == null) {
            throw new IllegalArgumentException("model: is missing (expected: at whose prices)");
        }
        Span span = SpanQuery.shortSpan(asked, clock);
        Target target = target(name);
        Scale scale = scale(asked);
        long generated = 0;
        long reasoned = 0;
        PriceBook book = prices.get();
        Map<List<String>, Both> sums =
                new TreeMap<>((one, other) -> one.getFirst().equals(other.getFirst())
                        ? one.getLast().compareTo(other.getLast())
                        : one.getFirst().compareTo(other.getFirst()));
        Both total = new Both();
        // By day, since a price holds from a day on, and says itself which prompts are long.
        for (Span day : span.days()) {
            Price price = price(book, target, name, day.fromMillis());
            List<Paid> paid = books.get()
                    .paid(
                            day,
                            asked.asked("provider"),
                            asked.asked("of"),
                            0,
                            price.written().longOver());
            for (Paid each : paid) {
                long repriced = price.cost(counts(each, scale), each.longPrompts(), each.tier());
                for (Map.Entry<String, Long> one : each.sums().counts().entrySet()) {
                    generated += isGenerated(one.getKey()) ? one.getValue() : 0;
                    reasoned += one.getKey().equals(REASONING) ? one.getValue() : 0;
                }
                long calls = each.sums().calls();
                long estimated = each.estimated() ? calls : 0;
                long cost = each.sums().costNanos();
                sums.computeIfAbsent(List.of(each.provider(), each.model()), _ -> new Both())
                        .add(calls, estimated, cost, repriced);
                total.add(calls, estimated, cost, repriced);
            }
        }
        ObjectNode json = Json.object()
                .put("object", "repricing")
                .put("model", name)
                .put("provider", target.provider())
                .put("upstream_model", target.model())
                .put("from", Json.time(span.fromMillis()))
                .put("to", Json.time(span.toMillis()));
        Json.put(json, "assumes", assumes(scale, generated, reasoned));
        ArrayNode data = json.putArray("data");
        sums.forEach((key, both) -> {
            ObjectNode line = data.addObject().put("provider", key.getFirst()).put("model", key.getLast());
            both.put(line);
        });
        total.put(json.putObject("total"));
        return Reply.json(200, json);
    }

    /**
     * How many tokens the other model generates.
     *
     * @param output in percent of what was, besides reasoning
     * @param reasoning the same for reasoning
     * @param effort what the operator called that; null: they said nothing of effort
     */
    private record Scale(
            int output, int reasoning, @Nullable String effort) {}

    private static Scale scale(Inquiry asked) {
        String percent = asked.asked("output_percent");
        String effort = asked.asked("effort");
        if (effort == null) {
            int all = percent == null ? 100 : Integer.parseInt(percent);
            return new Scale(all, all, null);
        }
        if (percent != null) {
            throw new IllegalArgumentException(
                    "effort: " + effort + " beside output_percent (expected: one of them; both scale reasoning)");
        }
        if (effort.equals("none")) {
            return new Scale(100, 0, effort);
        }
        Matcher factor = EFFORT.matcher(effort);
        if (!factor.matches()) {
            throw new IllegalArgumentException("effort: " + effort + " (expected: the effort and a percentage of the"
                    + " reasoning tokens that were, such as high=250, or none; nobody publishes how many tokens an effort"
                    + " takes, so measure it: docs/money.md tells how)");
        }
        int reasoning = Integer.parseInt(factor.group(2));
        if (reasoning > MAX_PERCENT) {
            throw new IllegalArgumentException(
                    "effort: " + effort + " (expected: at most " + MAX_PERCENT + " percent)");
        }
        return new Scale(100, reasoning, factor.group(1));
    }

    private static boolean isGenerated(String count) {
        Rate rate = RATES.get(count);
        return rate != null && count.endsWith("_output") && !rate.isFee();
    }

    private static List<String> assumes(Scale scale, long generated, long reasoned) {
        List<String> assumes = new ArrayList<>();
        int percent = scale.output;
        assumes.add("The other model reads as many tokens: its own way of cutting text into tokens may differ.");
        if (scale.effort != null) {
            long share = generated == 0 ? 0 : Math.round(100.0 * reasoned / generated);
            assumes.add("At effort " + scale.effort + " it thinks " + scale.reasoning
                    + "% of the tokens and answers with as many. Of what was generated " + share
                    + "% was reasoning"
                    + (reasoned == 0
                            ? ": nothing that effort could change, or the provider tells reasoning and answer as one."
                            : "."));
        }
        assumes.add(
                scale.effort != null
                        ? "A factor is yours: nobody publishes one that holds."
                        : percent == 100
                                ? "It generates as many tokens, hidden reasoning included. Effort changes that; no factor is assumed, name one as effort or output_percent."
                                : "It generates " + percent
                                        + "% of the tokens, hidden reasoning included, as output_percent says.");
        assumes.add("As much is read from and written to caches, and the tariffs are those that the answers reported.");
        assumes.add("Recovered calls count with no tokens: nobody knows what they used.");
        return assumes;
    }

    /** A model that clients can ask for means its first target; one that is only simulated, what the catalogue has of it. */
    private Target target(String name) {
        Model model = models.get().find(name);
        if (model != null) {
            Target target = model.targets().getFirst();
            Price price = prices.get().find(target.provider(), target.model(), clock.millis());
            return price != null && price.origin() == Price.Origin.SIMULATED ? new Target("", target.model()) : target;
        }
        int slash = name.indexOf('/');
        return slash < 0 ? new Target("", name) : new Target(name.substring(0, slash), name.substring(slash + 1));
    }

    private static Price price(PriceBook book, Target target, String name, long millis) {
        Price price = book.find(target.provider(), target.model(), millis);
        if (price == null || price.origin() == Price.Origin.UNPRICED) {
            throw new IllegalArgumentException("model: " + name
                    + " has no price (expected: a model that has one; 'lockkeeper prices list --all' shows them)");
        }
        return price;
    }

    private static Map<Rate, Long> counts(Paid paid, Scale scale) {
        Map<Rate, Long> counts = new EnumMap<>(Rate.class);
        counts.put(Rate.REQUEST, paid.sums().calls());
        paid.sums().counts().forEach((name, count) -> {
            Rate rate = RATES.get(name);
            if (rate != null) {
                long percent = name.equals(REASONING) ? scale.reasoning : scale.output;
                long scaled = isGenerated(name) ? Math.ceilDiv(Math.multiplyExact(count, percent), 100) : count;
                counts.merge(rate, scaled, Math::addExact);
            }
        });
        return counts;
    }
}
