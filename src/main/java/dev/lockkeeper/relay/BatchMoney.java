package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.BatchLine;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.limits.Tokens;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * What a batch may cost, added up line by line as its input is read, and the money that is set aside for it: one hold for
 * each model, on all of its budgets, or none. When the batch is made they wait for its end, see {@link Later}.
 *
 * <p>Lines are told on one worker at a time; all else is on the call's loop, behind that.
 */
final class BatchMoney {
    /** The tariff of batches. */
    static final String TIER = "batch";

    /** What the lines of one model may cost: so much that no sum of holds can overflow. */
    private static final long MOST_NANOS = 500_000 * Money.DOLLAR;

    /** Models of one batch. OpenAI takes one. */
    private static final int MAX_MODELS = 16;

    private static final Usage NOTHING = new Usage.Builder().tier(TIER).build();

    private final Call call;
    private final Provider provider;
    private final long nowMillis;
    private final Map<String, Sum> sums = new LinkedHashMap<>();

    /** What of it has no bound; null: nothing. */
    private @Nullable String open;

    private final List<Hold> holds = new ArrayList<>();

    private boolean ended;

    BatchMoney(Call call, Provider provider) {
        this.call = call;
        this.provider = provider;
        this.nowMillis = call.relay.clock().millis();
    }

    /** What the lines of one model may come to. */
    private static final class Sum {
        final String upstream;
        final String model;
        final long maxOutput;
        final Price price;
        long input;
        long output;
        long likely;
        long worst;

        Sum(String upstream, @Nullable Model model, Price price) {
            this.upstream = upstream;
            this.model = model == null ? upstream : model.name();
            this.maxOutput = model == null ? 0 : model.maxOutput();
            this.price = price;
        }
    }

    /** Adds a line; returns why the batch can't be made, null where it can. */
    @Nullable Refusal add(BatchLine line, int number) {
        Endpoint endpoint = line.endpoint();
        RequestScan scan = line.request();
        if (endpoint == null || scan == null) {
            unbounded(number, "it is no request of a kind that is known here");
            return null;
        }
        for (String tool : scan.hostedTools()) {
            if (!call.caller.mayUseTool(tool)) {
                return new Refusal.ToolClosed(tool);
            }
        }
        if (!endpoint.billed()) {
            return null;
        }
        String upstream = line.model();
        if (upstream == null) {
            unbounded(number, "it names no model");
            return null;
        }
        Sum sum = sums.get(upstream);
        if (sum == null) {
            Price price = call.rules.prices().find(provider.name(), upstream, nowMillis);
            if (price == null) {
                return new Refusal.Unpriced(upstream, provider.name());
            }
            if (sums.size() == MAX_MODELS) {
                return BatchInput.bad("The lines of the input file ask for more than " + MAX_MODELS + " models.");
            }
            sum = new Sum(upstream, named(upstream), price);
            sums.put(upstream, sum);
        }
        if (Quote.boundless(endpoint, scan, sum.maxOutput)) {
            unbounded(number, "neither it nor the catalogue says how long its answer may be");
        }
        try {
            add(sum, endpoint, scan);
        } catch (ArithmeticException large) {
            return tooDear();
        }
        return sum.worst > MOST_NANOS ? tooDear() : null;
    }

    private static Refusal tooDear() {
        return BatchInput.bad("The lines of the input file may cost more than " + new Money(MOST_NANOS)
                + " together: give them limits of their answers, or make several batches.");
    }

    private void add(Sum sum, Endpoint endpoint, RequestScan scan) {
        Tokens prompt = call.relay.estimates().input(sum.upstream, scan.textBytes(), scan.messages(), scan.media());
        long input = prompt.likely() + scan.tokenIds();
        long output = Math.multiplyExact(Quote.limit(endpoint, scan, sum.maxOutput), (long) scan.choices());
        Usage pieces = Pieces.of(endpoint, scan, -1).tier(TIER).build();
        long besides = sum.price.cost(pieces) - sum.price.cost(NOTHING);
        sum.input = Math.addExact(sum.input, input);
        sum.output = Math.addExact(sum.output, output);
        sum.worst = Math.addExact(sum.worst, Math.addExact(sum.price.worstIn(input, output, TIER), besides));
        long usual = Math.min(output, (long) Quote.USUAL_ANSWER * scan.choices());
        sum.likely = Math.addExact(sum.likely, Math.addExact(sum.price.likely(input, usual, TIER), besides));
    }

    private void unbounded(int number, String why) {
        if (open == null) {
            open = "a batch whose line " + number + " has no bound (" + why + ")";
        }
    }

    /** The model that this key's clients know by another name. */
    private @Nullable Model named(String upstream) {
        Target target = new Target(provider.name(), upstream);
        return call.rules.models().all().stream()
                .filter(each ->
                        call.caller.mayUse(each.name()) && each.targets().contains(target))
                .findFirst()
                .orElse(null);
    }

    /** Sets aside what it may cost, and goes on; refuses the call where that can't be. */
    void hold(Runnable then) {
        List<Sum> all = List.copyOf(sums.values());
        List<Ask> asks = new ArrayList<>();
        for (Sum each : all) {
            asks.add(new Ask(
                    call.exchange.id(),
                    asks.size() + 1,
                    call.fare.payer(),
                    provider.name(),
                    each.model,
                    each.upstream,
                    each.worst,
                    each.worst,
                    each.likely));
        }
        String unbounded = open;
        if (unbounded != null && call.fare.closedTo(touched(asks))) {
            call.refuse(new Refusal.Unbounded(unbounded));
        } else if (call.fare.dry()) {
            call.fare.dryRun(asks.size() == 1 ? asks.getFirst() : none(), quote(all), touched(asks));
        } else if (call.relay.later().full()) {
            call.refuse(new Refusal.NoBooks("as many responses and batches are waited for as may be"));
        } else {
            hold(asks, then);
        }
    }

    /** Takes the holds that are not taken yet. While more of a budget is leased, those that are taken stay. */
    private void hold(List<Ask> asks, Runnable then) {
        while (holds.size() < asks.size()) {
            Ask next = asks.get(holds.size());
            switch (call.relay.ledger().hold(call.loop.index(), next, call.fare.patient())) {
                case Holding.Granted(Hold hold) -> holds.add(hold);
                case Holding.Exhausted no -> {
                    long now = call.relay.clock().millis();
                    call.refuse(Refusal.Spent.of(no, next.leastNanos(), now));
                    return;
                }
                case Holding.Parked(CompletionStage<?> ready) -> {
                    call.fare.whenPayable(ready, () -> hold(asks, then));
                    return;
                }
                case Holding.Closed(String why) -> {
                    call.refuse(new Refusal.NoBooks(why));
                    return;
                }
            }
        }
        then.run();
    }

    private Ask none() {
        return new Ask(call.exchange.id(), 1, call.fare.payer(), provider.name(), "", "", 0, 0, 0);
    }

    /** The budgets that pay; of lines without a model those that pay whatever it is. */
    private List<Balance> touched(List<Ask> asks) {
        Set<Balance> all = new LinkedHashSet<>();
        asks.forEach(each -> all.addAll(call.relay.ledger().touched(each)));
        if (asks.isEmpty()) {
            all.addAll(call.relay.ledger().touched(none()));
        }
        return List.copyOf(all);
    }

    private static Quote quote(List<Sum> sums) {
        long input = 0;
        long output = 0;
        long likely = 0;
        long worst = 0;
        for (Sum each : sums) {
            input = Math.addExact(input, each.input);
            output = Math.addExact(output, each.output);
            likely = Math.addExact(likely, each.likely);
            worst = Math.addExact(worst, each.worst);
        }
        return new Quote(input, output, 1, false, false, worst, worst, likely, worst);
    }

    /**
     * The provider was asked to make the batch: where it tells its id, the holds wait for its end; where it doesn't, it may
     * have been made all the same, and nobody knows its name. Later calls do nothing.
     */
    void asked(Learnt learnt) {
        if (ended) {
            return;
        }
        ended = true;
        String id = learnt.objectId();
        long now = call.relay.clock().millis();
        long until = now + call.rules.settings().later().batch().toMillis();
        boolean named = id != null && Awaited.names(id);
        int i = 0;
        for (Sum each : sums.values()) {
            Hold hold = holds.get(i++);
            Awaited what = new Awaited(
                    Awaited.Kind.BATCH,
                    named ? String.valueOf(id) : "",
                    call.endpoint.path(),
                    TIER,
                    each.input,
                    each.output,
                    until);
            if (named && hold.await(what)) {
                call.relay.later().add(call.loop, hold);
            } else {
                Usage most = Usage.estimate(each.input, each.output).withTier(TIER);
                hold.settle(new Bill(
                        hold.grantedNanos(),
                        most,
                        true,
                        call.endpoint.path(),
                        0,
                        "unknown",
                        nowMillis,
                        now - nowMillis));
            }
        }
    }

    /** Gives all back: no batch was made. Does nothing after {@link #asked}. */
    void release() {
        if (!ended) {
            ended = true;
            holds.forEach(Hold::release);
        }
    }
}
