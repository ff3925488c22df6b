package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.ledger.Payer;
import dev.lockkeeper.limits.Tokens;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a call costs: its tokens are reckoned, money is set aside before each attempt, and what each has cost is booked once.
 * On the call's loop only.
 */
final class Fare {
    /** How long a call waits for a budget's balance that is being added up. */
    private static final long BALANCE_SECONDS = 5;

    /** How long a call asks again while more of a budget is leased, which takes milliseconds each time. */
    private static final long LEASE_NANOS = 2_000_000_000L;

    private static final Logger LOG = LoggerFactory.getLogger(Fare.class);
    private final Call call;
    private boolean fallenBack;

    /** What all attempts cost. */
    long costNanos = CallReport.NO_COST;

    private long tokensUsed;

    /** When the call began to wait for money; 0: it has not. */
    private long parkedNanos;

    Fare(Call call) {
        this.call = call;
    }

    /** Tokens of the prompt with so many bytes of text. */
    Tokens reckoned(String forModel, long textBytes) {
        Tokens told = call.relay.estimates().input(forModel, textBytes, call.asked.messages(), call.asked.media());
        return new Tokens(told.likely() + call.asked.tokenIds(), told.atMost() + call.asked.tokenIds());
    }

    /** Counts the prompt's text on a worker; null where that can't be had, because it is long or too many wait. */
    void count(Placed at, Consumer<@Nullable Tokens> then) {
        Bytes counted = call.prompt;
        boolean taken = counted != null
                && call.relay.workers().estimate(() -> {
                    long all = call.relay.tokens().countPrompt(counted, call.relay::cuttingShort)
                            + reckoned(at.upstreamModel(), 0).likely();
                    call.onLoop(() -> {
                        if (!call.over) {
                            call.busy();
                            then.accept(new Tokens(all, all));
                        }
                    });
                });
        if (taken) {
            call.idle();
        } else {
            then.accept(null);
        }
    }

    /**
     * Sets aside what an attempt may cost, and goes on with the tokens that its answer may have at most. What costs nothing, or
     * is billed by what it makes, passes.
     */
    void hold(Stake taken) {
        Placed at = taken.at();
        String open = openEnded();
        boolean billed = call.endpoint.billed() && call.model != null;
        boolean batch = call.endpoint.makes() == ObjectKind.BATCH; // its lines tell what it costs
        if (!billed && open == null && (batch || !dry())) {
            call.serving.paid(at, Rewrite.UNLIMITED);
            return;
        }
        if (call.asked.background() && call.relay.later().full()) {
            call.refuse(new Refusal.NoBooks("as many responses and batches are waited for as may be"));
            return;
        }
        long now = call.relay.clock().millis();
        Price price = billed ? call.rules.prices().find(at.provider().name(), at.upstreamModel(), now) : null;
        if (billed && price == null) {
            call.serving.closed(
                    taken,
                    "it has no price",
                    -1,
                    new Refusal.Unpriced(at.upstreamModel(), at.provider().name()));
            return;
        }
        Quote quote = price == null ? Quote.NOTHING : quote(at, price);
        Ask ask = new Ask(
                call.exchange.id(),
                taken.number(),
                payer(),
                at.provider().name(),
                call.modelName,
                at.upstreamModel(),
                quote.least(),
                quote.wanted(),
                quote.likely());
        if (open != null && closedTo(call.relay.ledger().touched(ask))) {
            call.refuse(new Refusal.Unbounded(open));
            return;
        }
        if (dry()) {
            dryRun(ask, quote, call.relay.ledger().touched(ask));
            return;
        }
        if (price == null) {
            call.serving.paid(at, Rewrite.UNLIMITED);
            return;
        }
        switch (call.relay.ledger().hold(call.loop.index(), ask, patient())) {
            case Holding.Granted(Hold hold) -> {
                Meter opened = new Meter(hold, price, quote, tier());
                taken.paid(opened);
                call.serving.paid(at, opened.limit());
            }
            case Holding.Exhausted no -> {
                Refusal spent = Refusal.Spent.of(no, quote.least(), now);
                if (!fallsBack(no.budget())) {
                    call.refuse(spent);
                } else if (!call.over) {
                    call.serving.startAnew(taken, () -> call.refuse(spent));
                }
            }
            case Holding.Parked(CompletionStage<?> ready) -> whenPayable(ready, () -> hold(taken));
            case Holding.Closed(String why) -> call.refuse(new Refusal.NoBooks(why));
        }
    }

    private Quote quote(Placed at, Price price) {
        Model wanted = call.model;
        // Each model has its own way of counting, which the estimates learn.
        long input = at.sameTarget(call.serving.first())
                ? call.serving.estimate().likely()
                : reckoned(at.upstreamModel(), call.asked.textBytes()).likely();
        return Quote.of(
                call.endpoint,
                call.asked,
                input,
                wanted == null ? 0 : wanted.maxOutput(),
                reasonsInSecret(at.upstreamModel()),
                Pieces.beside(call.endpoint, call.asked, bodyBytes()),
                price);
    }

    /** Whether this call still asks again while more of a budget is leased. */
    boolean patient() {
        return parkedNanos == 0 || System.nanoTime() - parkedNanos < LEASE_NANOS;
    }

    /** Goes on when a budget's balance is known or more of it is leased; refuses the call where that takes too long. */
    void whenPayable(CompletionStage<?> ready, Runnable then) {
        parkedNanos = parkedNanos == 0 ? System.nanoTime() : parkedNanos;
        call.idle();
        var _ = ready.toCompletableFuture()
                .copy()
                .orTimeout(BALANCE_SECONDS, TimeUnit.SECONDS)
                .whenComplete((_, late) -> call.onLoop(() -> {
                    if (call.over) {
                        return;
                    }
                    call.busy();
                    if (late != null) {
                        call.refuse(new Refusal.NoBooks("what was spent so far could not be added up in time"));
                    } else {
                        then.run();
                    }
                }));
    }

    /**
     * Whether the call goes on as one for another model, as the budget that can't pay it says. The limits that it came in by
     * are those of the model that was asked for.
     */
    private boolean fallsBack(Budget budget) {
        String name = budget.terms().fallbackModel();
        Model instead = fallenBack || name.isEmpty() || call.incoming != null
                ? null
                : call.rules.models().find(name);
        if (instead == null || !call.caller.mayUse(name)) {
            return false;
        }
        fallenBack = true;
        call.warnings = List.of("budget " + budget.id() + " is used up: answered by " + name);
        call.model = instead;
        call.modelName = name;
        return true;
    }

    /** Whether the client only wants to know what the call would cost. */
    boolean dry() {
        return DryRun.asked(call.exchange.headers());
    }

    /** Whether what has no bound is closed to callers under these budgets. */
    boolean closedTo(List<Balance> budgets) {
        return !call.rules.settings().unbounded()
                && budgets.stream().anyMatch(each -> each.budget().terms().hard());
    }

    /** Tells what the call would cost, and ends it. */
    void dryRun(Ask ask, Quote quote, List<Balance> touched) {
        Headers headers = Headers.empty().set("content-type", "application/json");
        call.addOwnHeaders(headers);
        call.answer(200, headers, DryRun.answer(ask, quote, touched));
        call.finish(Learnt.NOTHING, null, Outcome.SERVED, "");
    }

    /** Bytes of the request's body as its head tells; -1 where it doesn't. */
    private long bodyBytes() {
        String told = call.exchange.headers().get("content-length");
        return told == null ? -1 : Long.parseLong(told);
    }

    /** What about this call costs money without a bound; null for nothing. */
    private @Nullable String openEnded() {
        if (call.endpoint.billed() && call.model == null) {
            return "an answer of a model that is not named";
        }
        return call.endpoint.costsWithoutBound();
    }

    Payer payer() {
        return new Payer(
                call.caller.organizationId(),
                call.caller.projectId(),
                call.caller.keyId(),
                endUser(),
                call.serving.tag());
    }

    /** As the books and limits know them. */
    String endUser() {
        return call.rules.settings().endUsers().booked(call.asked.endUser());
    }

    private String tier() {
        String tier = call.asked.serviceTier();
        return tier == null ? "" : tier;
    }

    /** Whether so much generated text is paid; where it isn't, the answer has to end. */
    boolean pays(long textBytes) {
        Meter open = meter();
        return open == null || open.pays(textBytes);
    }

    /** Whether the answer tells of something that goes on without this call, and is billed when it is done. */
    boolean goesOn(Learnt learnt) {
        String id = learnt.objectId();
        return call.asked.background()
                && learnt.usage() == null
                && id != null
                && Awaited.names(id)
                && !Later.over(learnt.finish());
    }

    private boolean awaits(Meter open, Learnt learnt) {
        if (!goesOn(learnt)) {
            return false;
        }
        long wait = call.rules.settings().later().background().toMillis();
        return open.await(
                call.relay.later(),
                call.loop,
                new Awaited(
                        Awaited.Kind.RESPONSE,
                        String.valueOf(learnt.objectId()),
                        call.endpoint.path(),
                        tier(),
                        open.input(),
                        open.output(),
                        call.relay.clock().millis() + wait));
    }

    /** The money of the attempt under way; null where it costs nothing, or there is none. */
    @Nullable Meter meter() {
        Stake current = call.serving.stake();
        return current == null ? null : current.meter();
    }

    /** Books what the attempt cost, once; what goes on is left to {@link Later}. */
    void settle(@Nullable Usage told, Learnt learnt, Outcome outcome) {
        Stake current = call.serving.stake();
        if (call.batchMoney != null) {
            call.batchMoney.asked(learnt);
        }
        if (current != null) {
            settle(current, told, learnt, outcome);
        }
    }

    /** Books what was tried and came to nothing; returns what it cost, {@link CallReport#NO_COST} where nothing was booked. */
    long settleLost(Attempt lost, Learnt learnt) {
        Stake taken = lost.stake();
        if (!lost.maySpend()) {
            return CallReport.NO_COST;
        }
        long before = costNanos;
        Usage seen = learnt.usage() != null
                ? learnt.usage()
                : withUnseen(
                        taken,
                        Usage.estimate(
                                reckoned(taken.at().upstreamModel(), call.asked.textBytes())
                                        .likely(),
                                TokenCounter.reckoned(learnt.text().length())));
        settle(taken, seen, learnt, Outcome.FAILED);
        return costNanos == before ? CallReport.NO_COST : costNanos - Math.max(0, before);
    }

    void settle(Stake current, @Nullable Usage told, Learnt learnt, Outcome outcome) {
        Meter open = current.meter();
        if (open == null || open.ended() || awaits(open, learnt)) {
            return;
        }
        String asUpstream = current.at().upstreamModel();
        long took = System.nanoTime() - current.startedNanos();
        Usage usage = told;
        if (usage == null) {
            usage = Pieces.of(call.endpoint, call.asked, call.bytesIn)
                    .freshInput(reckoned(asUpstream, call.asked.textBytes()).likely())
                    .build();
        }
        if (usage.tier().isEmpty()) {
            usage = usage.withTier(tier());
        }
        // It may have begun in the background, and nobody knows its name.
        boolean lost = usage.estimated() && call.asked.background() && !Later.over(learnt.finish());
        long cost = lost ? open.heldNanos() : open.cost(usage);
        costNanos = costNanos == CallReport.NO_COST ? cost : costNanos + cost;
        open.settle(new Bill(
                cost,
                usage,
                usage.estimated(),
                call.endpoint.path(),
                call.status,
                outcome.name().toLowerCase(Locale.ROOT),
                call.relay.clock().millis() - took / 1_000_000,
                took / 1_000_000));
        long tokens = usage.input() + usage.output();
        tokensUsed += tokens;
        call.serving.took(tokensUsed);
        current.permit().correct(tokens);
        boolean textOnly =
                call.asked.media().isEmpty() && call.asked.references().isEmpty() && call.asked.tokenIds() == 0;
        if (!usage.estimated() && textOnly) {
            call.relay.estimates().learn(asUpstream, call.asked.textBytes(), call.asked.messages(), usage.input());
        }
    }

    /** Whether the model reasons unseen at the effort asked for. A profile that leaves requests alone doesn't change that. */
    private boolean reasonsInSecret(String upstream) {
        Model wanted = call.model;
        Profile profile = wanted == null ? Profile.EXACT : wanted.profile();
        return switch (profile) {
            case REASONING -> true;
            case SAMPLING -> false;
            case AUTO, EXACT -> Refusals.of(upstream, call.asked.effort()).sampling();
        };
    }

    /** What this call used. One that reads back what another has made tells that one's usage, which is told already. */
    @Nullable Usage used(Learnt learnt) {
        return call.endpoint.model() == Endpoint.ModelIn.NONE ? null : learnt.usage();
    }

    void usageOf(Learnt learnt, Consumer<@Nullable Usage> then) {
        if (used(learnt) != null || call.scan == null || !countsTokens() || goesOn(learnt)) {
            then.accept(used(learnt));
            return;
        }
        Bytes counted = call.prompt;
        // Pictures, recordings, files and tokens given as numbers are not among the texts that can be counted.
        long besides = reckoned(call.serving.upstreamModel(), 0).likely();
        Usage rough = Usage.estimate(
                besides + TokenCounter.reckoned(call.asked.textBytes()),
                TokenCounter.reckoned(learnt.text().length()));
        // Nobody waits for an estimate who is told to stop.
        boolean taken = !call.relay.cuttingShort()
                && call.relay.workers().estimate(() -> {
                    Usage seen = rough;
                    try {
                        long input = counted != null
                                ? besides + call.relay.tokens().countPrompt(counted, call.relay::cuttingShort)
                                : rough.input();
                        seen = Usage.estimate(
                                input, call.relay.tokens().count(learnt.text(), call.relay::cuttingShort));
                    } catch (RuntimeException | Error bug) {
                        LOG.error("The tokens of call {} could not be counted", call.exchange.id(), bug);
                    }
                    Usage told = seen;
                    call.onLoop(() -> then.accept(told));
                });
        if (!taken) {
            then.accept(rough);
        }
    }

    private boolean countsTokens() {
        return switch (call.endpoint.kind()) {
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS -> call.endpoint.model() == Endpoint.ModelIn.REQUIRED;
            case IMAGES, SPEECH, TRANSCRIPTION, MODELS, PLAIN -> false;
        };
    }

    /** Adds what an answer that was broken off has likely cost without being seen. */
    static @Nullable Usage withUnseen(@Nullable Stake current, @Nullable Usage seen) {
        Meter open = current == null ? null : current.meter();
        if (seen == null || open == null || current == null || open.ended()) {
            return seen;
        }
        long unseen = open.unseen(System.nanoTime() - current.startedNanos()) - seen.output();
        return unseen <= 0
                ? seen
                : seen.toBuilder().textOutput(seen.textOutput() + unseen).build();
    }
}
