package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Delivered;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.dialect.openai.Made;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.Nearest;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.dialect.openai.Reference;
import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.Rescue;
import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.dialect.openai.Rewritten;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Exchange.BodyFault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.ledger.Payer;
import dev.lockkeeper.limits.Entry;
import dev.lockkeeper.limits.FairQueue;
import dev.lockkeeper.limits.Permit;
import dev.lockkeeper.limits.Scoped;
import dev.lockkeeper.limits.Tokens;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.Plan;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.routing.Slot;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.routing.Traits;
import dev.lockkeeper.routing.Turn;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Media;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Patience;
import dev.lockkeeper.upstream.Provider;
import dev.lockkeeper.upstream.RateLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call of a client, from its head to its report.
 *
 * <p>The way of a call is read, scan, and then {@link #go}; the methods below are in its order. Each ends by going on to the
 * next, or by refusing:
 *
 * <pre>
 *   carry      what kind of body does this endpoint take?           415
 *   read       the body, whole or until its model is known          413, 408, 503
 *   scan       what does it ask for?                                400
 *   admit      which model is that, and may this key use it?        404
 *   check      are the objects it names this project's?             404
 *   choose     who may be asked, in which order                     400, 403, 503
 *   enter      may it come in now? does it fit the model's window?  403, 429, 400, 413
 *   next       one attempt after another, till one answers          503
 *     atProvider  is there room under the provider's limits?        429
 *     takeTurn    is the candidate well, and has it room?           503
 *     hold     is there money for it? what it may cost is set aside 403, 429, 503
 *     ownLines of a batch: is what its lines name this project's?   400, 404
 *              is there money for them?                             429, 503
 *     attempt  rewrite, sign, send; wait for an answer              502, 503, 504
 *     failed   before anything was shown: the next one is made
 *   gate       usage is learnt and booked, what was made is registered: here an answer becomes whole; 503 where it
 *              can't be
 *   over       room is given back, the watcher is told: every path, exactly once, last
 * </pre>
 *
 * <p>A call belongs to one event loop and is used on its thread only; what is done elsewhere comes back by
 * {@link #onLoop}. Nothing on the way blocks, and each step is guarded: one that throws ends the call.
 *
 * <p>Memory: a JSON body is held once, plus what the taps keep (their bounds are theirs); an answer passes through queues
 * of 64 KiB on either side. A multipart body holds at most its peek and two pieces; the rest goes to a file.
 */
final class Call implements Guard {
    /** Larger bodies are read on a worker: a token scan takes a millisecond for about a megabyte. */
    private static final int SCAN_ON_LOOP = 1 << 20;

    /** Prompts up to this size are kept until the answer's end, in case the upstream tells no usage. */
    private static final int COUNT_EXACTLY = 256 << 10;

    private static final int NAMES_SUGGESTED = 3;

    /** How long an answer's end waits for what it made to be registered. */
    private static final long REGISTER_SECONDS = 10;

    /** How long a call waits for a budget's balance that is being added up. */
    private static final long BALANCE_SECONDS = 5;

    /** How long a call asks again while more of a budget is leased, which takes milliseconds each time. */
    private static final long LEASE_NANOS = 2_000_000_000L;

    /** When to try again where a provider's limit is used up, and many wait for it. */
    private static final long BUSY_PROVIDER_MILLIS = 1_000;

    /** A prompt that may lack so much of the model's window, one part of so many, is counted. */
    private static final int NEAR_THE_WINDOW = 8;

    /** How often a call waits at most for shares of its limits, which other calls may use up before it. */
    private static final int MOST_SHARE_WAITS = 3;

    /** No call lasts longer, whatever is configured. */
    private static final long LONGEST_NANOS = TimeUnit.DAYS.toNanos(1);

    /** Digits of the seconds that a client says it waits. */
    private static final int MAX_SECONDS = 6;

    /** How long a candidate is left alone that nobody pays for: somebody has to mend that. */
    private static final long UNPAID_REST_MILLIS = 60_000;

    /** When a retry is looked at again for which its provider's share was used up. */
    private static final long RETRY_LATER_MILLIS = 500;

    /** How an attempt failed that another one was faster than. */
    private static final String RACED = "raced";

    private static final Tokens NO_TOKENS = new Tokens(0, 0);

    private static final Logger LOG = LoggerFactory.getLogger(Call.class);

    final Relay relay;
    final Rules rules;
    final Exchange exchange;
    final Loop loop;
    final Caller caller;
    final Endpoint endpoint;
    private final List<String> pathIds;
    private final Ownership ownership;
    private Loop.@Nullable Subscription ticking;

    // What reading has told.
    private @Nullable RequestBody incoming;
    private @Nullable RequestScan scan;
    private @Nullable Bytes prompt;
    private long bytesIn;
    private long bytesHeld;
    private String modelName = "";
    private @Nullable Model model;
    private List<String> warnings = List.of();

    // What came of it.
    private @Nullable BatchInput batchInput;
    private @Nullable BatchMoney batchMoney;
    private FairQueue.@Nullable Ticket waiting;
    private String waitsFor = "";
    private Permit permit = Permit.FREE;

    /** What was asked; says nothing where there is no JSON body. */
    private RequestScan asked;

    private Labels labels = Labels.NONE;
    private Policy policy = Policy.ONCE;
    private Paid making = (_, _) -> {};
    private @Nullable Tries tries;
    private Placed first;
    private Tokens estimate = NO_TOKENS;

    /** What is put up for the attempt under way, or for the next one. */
    private @Nullable Stake stake;

    private long deadlineNanos;
    private Turn.@Nullable Waiting queued;

    /** What is to be done at {@link #wakeNanos}; null: nothing. */
    private @Nullable Runnable onWake;

    private long wakeNanos;

    /** How often it has waited for shares of limits. */
    private int shareWaits;

    private boolean fallenBack;

    /** What all attempts cost. */
    private long costNanos = CallReport.NO_COST;

    private long tokensUsed;
    private List<FailedAttempt> failedAttempts = List.of();
    private @Nullable Bytes requestBody;

    /** Where a stream broke after a part of it was delivered; null: none did. */
    private @Nullable Rescuing rescuing;

    /** When the call began to wait for money; 0: it has not. */
    private long parkedNanos;

    private @Nullable Attempt attempt;

    /** The attempt that is raced: its first token was late, and another one was begun beside it. */
    private @Nullable Attempt rival;

    private String provider = "";
    private String upstreamModel = "";
    private int status;
    private long ownNanos;
    private long ownSince;
    private long firstByteNanos = -1;
    private long bytesOut;
    private boolean streamed;
    private boolean shortForm;
    private boolean over;

    Call(Relay relay, Exchange exchange, Caller caller, Endpoint endpoint, List<String> pathIds) {
        this.relay = relay;
        this.rules = relay.began();
        this.exchange = exchange;
        this.loop = exchange.loop();
        this.caller = caller;
        this.endpoint = endpoint;
        this.pathIds = pathIds;
        this.ownership = new Ownership(this);
        this.asked = RequestScan.none(endpoint);
        this.first = new Placed(rules.defaultProvider(), "", null);
        this.ownSince = exchange.startedNanos();
    }

    /** Begins; its place among the calls is taken already. {@code given} stands for the body of a call in short form, null for a body still to be read. */
    void carry(@Nullable Bytes given) {
        guarded(() -> begin(given));
    }

    private void begin(@Nullable Bytes given) {
        exchange.onGone(() -> guarded(this::abandoned));
        ticking = loop.everyTick(this::tick);
        if (given != null) {
            shortForm = true;
            scan(given);
            return;
        }
        switch (bodyForm()) {
            case NONE -> go(null, null);
            case JSON -> read();
            case MULTIPART -> {
                idle();
                MultipartBody form = new MultipartBody(this);
                incoming = form;
                form.begin();
            }
            case EITHER -> throw new IllegalStateException("a body is JSON or multipart");
        }
    }

    /** The form of this request's body, by its content type where the endpoint takes more than one. */
    private Endpoint.Body bodyForm() {
        String type = contentType();
        return switch (endpoint.body()) {
            case NONE -> Endpoint.Body.NONE;
            case JSON -> Endpoint.Body.JSON;
            case MULTIPART -> Endpoint.Body.MULTIPART;
            case EITHER -> type.startsWith("multipart/") ? Endpoint.Body.MULTIPART : Endpoint.Body.JSON;
        };
    }

    String contentType() {
        String type = exchange.headers().get("content-type");
        return type == null ? "" : type.strip().toLowerCase(Locale.ROOT);
    }

    private void read() {
        idle();
        exchange.read(guarded(new GatheredBody(
                exchange,
                this::takeRoom,
                () -> refuse(new Refusal.Busy(Overload.BYTES, "bytes of request bodies")),
                this::unread,
                body -> {
                    busy();
                    String type = contentType();
                    boolean json = type.startsWith("application/") && type.contains("json");
                    if (!json && (body.length() > 0 || endpoint.model() == Endpoint.ModelIn.REQUIRED)) {
                        refuse(new Refusal.WrongContentType(
                                exchange.headers().get("content-type"), "'application/json'"));
                    } else if (body.length() == 0 && endpoint.model() == Endpoint.ModelIn.NONE) {
                        go(null, Bytes.EMPTY);
                    } else {
                        scan(body);
                    }
                })));
    }

    /** Takes room for bytes of this call's body; what was taken is given back at the call's end. */
    boolean takeRoom(int bytes) {
        if (!hold(bytes)) {
            return false;
        }
        bytesIn += bytes;
        return true;
    }

    /** Takes room for bytes that are held for a while: {@link #letGo} gives it back, or the call's end. */
    boolean hold(int bytes) {
        if (!relay.inFlight().take(bytes)) {
            return false;
        }
        bytesHeld += bytes;
        return true;
    }

    void letGo(int bytes) {
        if (!over) {
            bytesHeld -= bytes;
            relay.inFlight().giveBack(bytes);
        }
    }

    /** Counts bytes of the body that this call doesn't hold. */
    void passedIn(int bytes) {
        bytesIn += bytes;
    }

    void unread(BodyFault why) {
        switch (why) {
            case TOO_LARGE -> refuse(new Refusal.TooLarge(rules.maxRequestBody()));
            case SLOW -> refuse(new Refusal.SlowBody());
            case BROKEN -> {
                if (exchange.over()) {
                    abandoned();
                } else {
                    refuse(new Refusal.BadBody("The request's body is not framed as HTTP has it.", null, null));
                }
            }
        }
    }

    private void scan(Bytes body) {
        if (body.length() <= SCAN_ON_LOOP) {
            scanned(body, reading(body));
            return;
        }
        idle();
        boolean taken = relay.workers().compute(() -> {
            Reading told;
            try {
                told = reading(body);
            } catch (RuntimeException | Error bug) {
                onLoop(() -> crashed(bug));
                return;
            }
            onLoop(() -> {
                if (!over) {
                    busy();
                    scanned(body, told);
                }
            });
        });
        if (!taken) {
            refuse(new Refusal.Busy(Overload.WORKERS, "large request bodies"));
        }
    }

    /** What reading a body tells. */
    private sealed interface Reading {
        record Read(RequestScan scan) implements Reading {}

        record Unreadable(Refusal why) implements Reading {}
    }

    private Reading reading(Bytes body) {
        try {
            return new Reading.Read(RequestScan.of(body, endpoint));
        } catch (Malformed bad) {
            return new Reading.Unreadable(new Refusal.BadBody(bad.message(), bad.param(), bad.code()));
        }
    }

    private void scanned(Bytes body, Reading told) {
        switch (told) {
            case Reading.Unreadable(Refusal why) -> refuse(why);
            case Reading.Read(RequestScan found) -> {
                scan = found;
                if (body.length() <= COUNT_EXACTLY) {
                    prompt = body;
                }
                go(found, body);
            }
        }
    }

    /** The way of a call from where it is known what it asks for: each step goes on to the next, or refuses. */
    private void go(@Nullable RequestScan found, @Nullable Bytes body) {
        requestBody = body;
        List<Reference> named = found == null ? List.of() : found.references();
        admit(
                found == null ? null : found.model(),
                () -> ownership.check(
                        pathIds,
                        named,
                        () -> serve(
                                found, (at, limit) -> ownLines(at, () -> attempt(rewrite(at, found, body, limit))))));
    }

    /** Finds the model that was asked for, and goes on where this key may use it or none is needed. */
    void admit(@Nullable String asked, Runnable then) {
        if (asked == null) {
            if (endpoint.model() == Endpoint.ModelIn.REQUIRED) {
                refuse(new Refusal.NoModel());
                return;
            }
        } else if (endpoint.model() != Endpoint.ModelIn.NONE) {
            modelName = asked;
            model = rules.models().find(asked);
            if (model == null || !caller.mayUse(asked)) {
                refuse(new Refusal.UnknownModel(
                        asked, Nearest.names(asked, relay.namesFor(caller, rules), NAMES_SUGGESTED)));
                return;
            }
        }
        then.run();
    }

    /**
     * Makes sure of a batch that what its lines name is this project's too, since the provider will take them for requests of
     * its own; then sets aside what they may cost. Whatever else it is goes on at once.
     */
    private void ownLines(Placed placed, Runnable then) {
        if (endpoint.makes() != ObjectKind.BATCH) {
            then.run();
            return;
        }
        List<Reference> files = asked.references().stream()
                .filter(each -> each.param().equals("input_file_id"))
                .toList();
        if (files.size() != 1) {
            refuse(new Refusal.BadBody(
                    "'input_file_id' was expected once.", "input_file_id", "missing_required_parameter"));
            return;
        }
        String at = placed.provider().name();
        BatchMoney costs = new BatchMoney(this, placed.provider());
        batchMoney = costs;
        BatchInput input = new BatchInput(
                this,
                placed.provider(),
                files.getFirst().id(),
                upstream -> rules.models().all().stream()
                        .filter(each -> caller.mayUse(each.name()))
                        .anyMatch(each -> each.targets().contains(new Target(at, upstream))),
                costs,
                named -> ownership.check(List.of(), named, () -> costs.hold(then)));
        batchInput = input;
        input.begin();
    }

    /** Makes sure that the objects of the path and these are this project's. */
    void ownForm(List<Reference> references, Runnable then) {
        ownership.check(pathIds, references, then);
    }

    /** What follows once an attempt's place is taken and paid for. */
    interface Paid {
        /**
         * Goes on.
         *
         * @param at where to
         * @param limit the tokens that the answer may have at most, or {@link Rewrite#UNLIMITED}
         */
        void go(Placed at, long limit);
    }

    /** Chooses who is asked, lets the call in, and makes one attempt after another until one answers. */
    void serve(@Nullable RequestScan found, Paid make) {
        asked = found == null ? RequestScan.none(endpoint) : found;
        making = make;
        switch (Labels.of(asked, exchange.headers())) {
            case Labels told -> labels = told;
            case Labels.Wrong(Refusal.BadBody why) -> {
                refuse(why);
                return;
            }
        }
        if (!choose()) {
            return;
        }
        for (String tool : asked.hostedTools()) {
            if (!caller.mayUseTool(tool)) {
                refuse(new Refusal.ToolClosed(tool));
                return;
            }
        }
        enter();
    }

    /** Chooses who may be asked, and in which order; false where this refused the call. */
    private boolean choose() {
        Model wanted = model;
        List<Placed> order = wanted == null ? anywhere() : candidates(wanted);
        if (order.isEmpty()) {
            return false;
        }
        policy = wanted == null ? Policy.ONCE : wanted.policy();
        deadlineNanos = deadline();
        first = order.getFirst();
        if (wanted != null && policy.hedge() != null) {
            relay.races().call(wanted.name(), policy.hedge());
        }
        tries = new Tries(order, policy, exchange.startedNanos(), deadlineNanos, relay.random());
        return true;
    }

    /** Who can serve the model, in order; empty where this refused the call. */
    private List<Placed> candidates(Model wanted) {
        String pinned = ownership.provider();
        long tokens =
                reckoned(wanted.targets().getFirst().model(), asked.textBytes()).likely();
        Traits traits = labels.traits(asked, caller, endUser(), tokens, pinned == null ? "" : pinned);
        Plan plan = relay.router().plan(wanted, traits, relay.clock().millis());
        List<Placed> order = new ArrayList<>(plan.order().size());
        boolean closed = false;
        for (Candidate each : plan.order()) {
            Provider serves = rules.provider(each.provider());
            if (caller.mayReach(serves.name(), serves.isSimulator())) {
                order.add(new Placed(serves, each.model(), each));
            } else {
                closed = true;
            }
        }
        if (order.isEmpty()) {
            if (closed) {
                refuse(new Refusal.ProviderClosed(wanted.name()));
            } else if (pinned != null && !wanted.servedBy(pinned)) {
                refuse(new Refusal.Scattered(
                        "The objects this call names live at provider '" + pinned
                                + "', which does not serve the model '" + wanted.name() + "'.",
                        "model"));
            } else {
                refuse(Refusal.NoTarget.of(wanted.name(), plan));
            }
        }
        return order;
    }

    /** Where a call goes that names no model; empty where this refused it. */
    private List<Placed> anywhere() {
        String pinned = ownership.provider();
        String named = pinned != null ? pinned : exchange.headers().get("x-lockkeeper-provider");
        Provider wanted =
                named == null ? rules.defaultProvider() : rules.providers().get(named);
        if (wanted == null) {
            refuse(new Refusal.Scattered(
                    "There is no provider '" + named + "' here" + (pinned == null ? " (x-lockkeeper-provider)." : "."),
                    null));
            return List.of();
        }
        if (!caller.mayReach(wanted.name(), wanted.isSimulator())) {
            refuse(new Refusal.ProviderClosed(""));
            return List.of();
        }
        return List.of(new Placed(wanted, "", null));
    }

    /** When the call has to be over: as the model's policy says, or the client, who will not wait longer. */
    private long deadline() {
        long most = LONGEST_NANOS;
        if (policy.deadline() != null) {
            most = Math.min(most, policy.deadline().toNanos());
        }
        String told = exchange.headers().get("x-stainless-timeout");
        if (told != null && told.length() <= MAX_SECONDS && told.chars().allMatch(c -> c >= '0' && c <= '9')) {
            long seconds = told.isEmpty() ? 0 : Long.parseLong(told);
            if (seconds > 0) {
                most = Math.min(most, seconds * 1_000_000_000);
            }
        }
        return exchange.startedNanos() + most;
    }

    /** Lets the call in, where the caller's limits and the model's window do. */
    private void enter() {
        Tokens reckoned = reckoned(first.upstreamModel(), asked.textBytes());
        // What is named by an id or a URL may have any size: its provider knows whether it is too much.
        boolean known = asked.media().stream().allMatch(Media::known);
        long most = rules.settings().maxInputTokens();
        if (known && reckoned.likely() > most) {
            refuse(new Refusal.TooManyTokens(reckoned.likely(), most));
            return;
        }
        Model wanted = model;
        long window = wanted == null ? 0 : wanted.context();
        long answer = Math.max(0, asked.outputLimit());
        // Counting takes long: only where the estimate says that it may matter.
        boolean near = known
                && window > 0
                && reckoned.atMost() > window - answer
                && reckoned.likely() > window - answer - window / NEAR_THE_WINDOW;
        if (!near) {
            letIn(reckoned);
            return;
        }
        count(first, counted -> {
            // What can't be counted is the upstream's to refuse.
            Tokens tokens = counted == null ? reckoned : counted;
            if (counted != null && tokens.likely() > window - answer) {
                refuse(new Refusal.TooLong(modelName, tokens.likely(), answer, window));
            } else {
                letIn(tokens);
            }
        });
    }

    private void letIn(Tokens tokens) {
        estimate = tokens;
        if (dry()) {
            hold(new Stake(first, 1, Patience.of(first.provider().settings().timeouts(), "", null, null)));
            return;
        }
        switch (relay.limits().enter(scoped(), tokens.likely(), tokens.atMost(), mayWaitForShares())) {
            case Permit entered -> {
                permit = entered;
                next(() -> refuse(new Refusal.Internal()));
            }
            case Entry.Refused no -> refuse(new Refusal.Limited(no.message(), no.opensInMillis()));
            case Entry.Near() -> countExactly(first, this::letIn);
            case Entry.Later(CompletableFuture<?> fetched) -> whenFetched(fetched, () -> letIn(tokens));
        }
    }

    private boolean mayWaitForShares() {
        return shareWaits < MOST_SHARE_WAITS;
    }

    private void countExactly(Placed at, Consumer<Tokens> then) {
        Tokens rough = estimate;
        count(at, counted -> then.accept(counted == null ? new Tokens(rough.likely(), rough.likely()) : counted));
    }

    private void whenFetched(CompletableFuture<?> fetched, Runnable then) {
        shareWaits++;
        idle();
        CompletableFuture<?> _ = fetched.whenComplete((_, _) -> onLoop(() -> {
            if (!over) {
                busy();
                then.run();
            }
        }));
    }

    // ---- one attempt after another ----

    /** Makes the next attempt, now or when its time has come; {@code tell} says so where there is none. */
    private void next(Runnable tell) {
        Tries left = tries;
        if (left == null) {
            throw new IllegalStateException("nobody was chosen yet");
        }
        switch (left(left)) {
            case Tries.Step.Try(Placed at) -> {
                if (left.retries(at) && !relay.health().mayRetry(at.provider().name())) {
                    left.closed(at, "its share of retries is used up", RETRY_LATER_MILLIS, System.nanoTime());
                    next(tell);
                    return;
                }
                Rescuing saving = rescuing;
                String unsound = saving == null
                        ? null
                        : saving.ask(at, at.provider().settings().prefill());
                if (unsound != null) {
                    left.closed(at, unsound, -1, System.nanoTime());
                    next(tell);
                    return;
                }
                stake(at, left);
            }
            case Tries.Step.Wait(long nanos) -> {
                idle();
                wakeNanos = System.nanoTime() + nanos;
                onWake = () -> next(tell);
            }
            case Tries.Step.Give() -> tell.run();
        }
    }

    /** What is to be done next; who has recovered while this call asked others is asked once more. */
    private Tries.Step left(Tries left) {
        Tries.Step step = left.next(System.nanoTime());
        boolean more = step instanceof Tries.Step.Give
                && left.several()
                && left.recover((at, since) -> {
                    Candidate candidate = at.candidate();
                    return candidate != null && relay.health().heardSince(candidate, since);
                });
        return more ? left.next(System.nanoTime()) : step;
    }

    private void stake(Placed at, Tries left) {
        Patience patience = Patience.of(
                at.provider().settings().timeouts(), at.upstreamModel(), asked.effort(), asked.serviceTier());
        Stake taken = new Stake(at, left.attempts() + 1, patience);
        stake = taken;
        atProvider(taken);
    }

    /** Takes a place under the limits of the provider. */
    private void atProvider(Stake taken) {
        String at = taken.at().provider().name();
        boolean elsewhere = elsewhere(taken.at());
        boolean fair = !elsewhere && rules.settings().fair().providers().contains(at);
        if (fair && relay.turns().crowded(at)) {
            awaitTurn(taken);
            return;
        }
        switch (relay.limits().enter(providerOf(taken), estimate.likely(), estimate.atMost(), mayWaitForShares())) {
            case Permit entered -> {
                taken.entered(entered);
                takeTurn(taken);
            }
            case Entry.Refused no -> {
                if (fair && waitsOn(no)) {
                    awaitTurn(taken);
                } else {
                    // With nobody else to go to, the caller is told at once when the limit opens.
                    closed(
                            taken,
                            "the limit of its provider is used up",
                            elsewhere ? no.opensInMillis() : -1,
                            new Refusal.Limited(no.message(), no.opensInMillis()));
                }
            }
            case Entry.Near() ->
                countExactly(taken.at(), exact -> {
                    estimate = exact;
                    atProvider(taken);
                });
            case Entry.Later(CompletableFuture<?> fetched) -> whenFetched(fetched, () -> atProvider(taken));
        }
    }

    /** The candidate of a stake has no room for this call: the next one is asked, if there is one. */
    private void closed(Stake taken, String why, long opensInMillis, Refusal alone) {
        taken.giveBack();
        Tries left = tries;
        if (left != null) {
            left.closed(taken.at(), why, opensInMillis, System.nanoTime());
            next(() -> giveUp(() -> {
                if (left.attempts() == 0) {
                    permit.undo(); // nobody was asked
                }
                refuse(left.several() ? noTarget(left, opensInMillis) : alone);
            }));
        }
    }

    private Refusal noTarget(Tries left, long opensInMillis) {
        return new Refusal.NoTarget(modelName, left.reasons(), opensInMillis);
    }

    /** Whether another attempt than this may still answer in its place. */
    boolean mayStillFail(Attempt which) {
        return rival != null || elsewhere(which.stake().at());
    }

    /** Whether another candidate than this may still be asked. */
    boolean elsewhere(Placed at) {
        Tries left = tries;
        return left != null && left.elsewhere(at);
    }

    /** Waits until the provider's limit has room for this call's organization, by weight. */
    private void awaitTurn(Stake taken) {
        String at = taken.at().provider().name();
        Scoped who = providerOf(taken);
        long input = estimate.likely();
        Refusal late = new Refusal.Limited(
                "The limit of provider '" + at + "' is used up, and this call's turn did not come in time.",
                BUSY_PROVIDER_MILLIS);
        waiting = relay.turns()
                .await(
                        at,
                        rules.settings().fair(),
                        caller.organizationId(),
                        () -> {
                            // On the thread of whoever made room, which looks next at what is left: taken at once.
                            Entry entry = relay.limits().enter(who, input, input, false);
                            if (entry instanceof Entry.Refused no && waitsOn(no)) {
                                return false;
                            }
                            onLoop(() -> turn(entry, taken));
                            return true;
                        },
                        () -> onLoop(() -> refuse(late)));
        if (waiting == null) {
            refuse(late);
        } else {
            waitsFor = at;
            idle();
            relay.turns().serve(at, System.nanoTime());
        }
    }

    /** Whether a refusal is worth waiting for: the provider's limit is used up, and not too small for the call. */
    private static boolean waitsOn(Entry.Refused no) {
        return no.opensInMillis() != Entry.Refused.NEVER;
    }

    private void turn(Entry entry, Stake taken) {
        waiting = null;
        if (over) {
            if (entry instanceof Permit unused) {
                unused.leave();
                relay.turns().serve(taken.at().provider().name(), System.nanoTime());
            }
            return;
        }
        busy();
        switch (entry) {
            case Permit entered -> {
                taken.entered(entered);
                takeTurn(taken);
            }
            case Entry.Refused no -> refuse(new Refusal.Limited(no.message(), no.opensInMillis()));
            case Entry.Near() -> throw new IllegalStateException("the tokens were told exactly");
            case Entry.Later(CompletableFuture<?> _) ->
                throw new IllegalStateException("it was said that nobody waits");
        }
    }

    /** Takes a turn at the candidate, where its health leaves one. */
    private void takeTurn(Stake taken) {
        Candidate candidate = taken.at().candidate();
        if (candidate == null) {
            hold(taken);
        } else {
            turned(taken, relay.health().enter(candidate, taken.patience().stretch()));
        }
    }

    private void turned(Stake taken, Turn turn) {
        switch (turn) {
            case Slot slot -> {
                taken.turn(slot);
                hold(taken);
            }
            case Turn.Closed(String why, long opens, boolean full) ->
                closed(
                        taken,
                        why,
                        full ? -1 : opens,
                        new Refusal.NoTarget(modelName, List.of(taken.at() + ": " + why), opens));
            case Turn.Queued(Turn.Waiting place) -> {
                queued = place;
                idle();
                place.whenOver(told -> onLoop(() -> {
                    queued = null;
                    if (!over) {
                        busy();
                        turned(taken, told);
                    } else if (told instanceof Slot unused) {
                        unused.ended(Slot.Ending.UNKNOWN, System.nanoTime());
                    }
                }));
            }
        }
    }

    /** Tokens of the prompt with so many bytes of text. */
    private Tokens reckoned(String forModel, long textBytes) {
        Tokens told = relay.estimates().input(forModel, textBytes, asked.messages(), asked.media());
        return new Tokens(told.likely() + asked.tokenIds(), told.atMost() + asked.tokenIds());
    }

    /** Counts the prompt's text on a worker; null where that can't be had, because it is long or too many wait. */
    private void count(Placed at, Consumer<@Nullable Tokens> then) {
        Bytes counted = prompt;
        boolean taken = counted != null
                && relay.workers().estimate(() -> {
                    long all = relay.tokens().countPrompt(counted, relay::cuttingShort)
                            + reckoned(at.upstreamModel(), 0).likely();
                    onLoop(() -> {
                        if (!over) {
                            busy();
                            then.accept(new Tokens(all, all));
                        }
                    });
                });
        if (taken) {
            idle();
        } else {
            then.accept(null);
        }
    }

    /**
     * Sets aside what an attempt may cost, and goes on with the tokens that its answer may have at most. What costs nothing, or
     * is billed by what it makes, passes.
     */
    private void hold(Stake taken) {
        Placed at = taken.at();
        String open = openEnded();
        boolean billed = endpoint.billed() && model != null;
        boolean batch = endpoint.makes() == ObjectKind.BATCH; // its lines tell what it costs
        if (!billed && open == null && (batch || !dry())) {
            making.go(at, Rewrite.UNLIMITED);
            return;
        }
        if (asked.background() && relay.later().full()) {
            refuse(new Refusal.NoBooks("as many responses and batches are waited for as may be"));
            return;
        }
        long now = relay.clock().millis();
        Price price = billed ? rules.prices().find(at.provider().name(), at.upstreamModel(), now) : null;
        if (billed && price == null) {
            refuse(new Refusal.Unpriced(at.upstreamModel(), at.provider().name()));
            return;
        }
        Quote quote = price == null ? Quote.NOTHING : quote(at, price);
        Ask ask = new Ask(
                exchange.id(),
                taken.number(),
                payer(),
                at.provider().name(),
                modelName,
                at.upstreamModel(),
                quote.least(),
                quote.wanted(),
                quote.likely());
        if (open != null && closedTo(relay.ledger().touched(ask))) {
            refuse(new Refusal.Unbounded(open));
            return;
        }
        if (dry()) {
            dryRun(ask, quote, relay.ledger().touched(ask));
            return;
        }
        if (price == null) {
            making.go(at, Rewrite.UNLIMITED);
            return;
        }
        switch (relay.ledger().hold(loop.index(), ask, patient())) {
            case Holding.Granted(Hold hold) -> {
                Meter opened = new Meter(hold, price, quote, tier());
                taken.paid(opened);
                making.go(at, opened.limit());
            }
            case Holding.Exhausted no -> {
                Refusal spent = Refusal.Spent.of(no, quote.least(), now);
                if (!fallsBack(no.budget())) {
                    refuse(spent);
                } else if (!over) {
                    taken.giveBack();
                    if (choose()) {
                        estimate = reckoned(first.upstreamModel(), asked.textBytes());
                        next(() -> refuse(spent));
                    }
                }
            }
            case Holding.Parked(CompletionStage<?> ready) -> whenPayable(ready, () -> hold(taken));
            case Holding.Closed(String why) -> refuse(new Refusal.NoBooks(why));
        }
    }

    private Quote quote(Placed at, Price price) {
        Model wanted = model;
        // Each model has its own way of counting, which the estimates learn.
        long input = at.sameTarget(first)
                ? estimate.likely()
                : reckoned(at.upstreamModel(), asked.textBytes()).likely();
        return Quote.of(
                endpoint,
                asked,
                input,
                wanted == null ? 0 : wanted.maxOutput(),
                reasonsInSecret(at.upstreamModel()),
                Pieces.beside(endpoint, asked, bodyBytes()),
                price);
    }

    /** Whether this call still asks again while more of a budget is leased. */
    boolean patient() {
        return parkedNanos == 0 || System.nanoTime() - parkedNanos < LEASE_NANOS;
    }

    /** Goes on when a budget's balance is known or more of it is leased; refuses the call where that takes too long. */
    void whenPayable(CompletionStage<?> ready, Runnable then) {
        parkedNanos = parkedNanos == 0 ? System.nanoTime() : parkedNanos;
        idle();
        var _ = ready.toCompletableFuture()
                .copy()
                .orTimeout(BALANCE_SECONDS, TimeUnit.SECONDS)
                .whenComplete((_, late) -> onLoop(() -> {
                    if (over) {
                        return;
                    }
                    busy();
                    if (late != null) {
                        refuse(new Refusal.NoBooks("what was spent so far could not be added up in time"));
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
        Model instead = fallenBack || name.isEmpty() || incoming != null
                ? null
                : rules.models().find(name);
        if (instead == null || !caller.mayUse(name)) {
            return false;
        }
        fallenBack = true;
        warnings = List.of("budget " + budget.id() + " is used up: answered by " + name);
        model = instead;
        modelName = name;
        return true;
    }

    /** Whether the client only wants to know what the call would cost. */
    boolean dry() {
        return DryRun.asked(exchange.headers());
    }

    /** Whether what has no bound is closed to callers under these budgets. */
    boolean closedTo(List<Balance> budgets) {
        return !rules.settings().unbounded()
                && budgets.stream().anyMatch(each -> each.budget().terms().hard());
    }

    /** Tells what the call would cost, and ends it. */
    void dryRun(Ask ask, Quote quote, List<Balance> touched) {
        Headers headers = Headers.empty().set("content-type", "application/json");
        addOwnHeaders(headers);
        answer(200, headers, DryRun.answer(ask, quote, touched));
        finish(Learnt.NOTHING, null, Outcome.SERVED, "");
    }

    /** Bytes of the request's body as its head tells; -1 where it doesn't. */
    private long bodyBytes() {
        String told = exchange.headers().get("content-length");
        return told == null ? -1 : Long.parseLong(told);
    }

    /** What about this call costs money without a bound; null for nothing. */
    private @Nullable String openEnded() {
        if (endpoint.billed() && model == null) {
            return "an answer of a model that is not named";
        }
        return endpoint.costsWithoutBound();
    }

    /** Who comes in, but for the provider: that is for each attempt to enter. */
    private Scoped scoped() {
        return new Scoped(caller.organizationId(), caller.projectId(), caller.keyId(), endUser(), modelName, "");
    }

    private static Scoped providerOf(Stake taken) {
        return new Scoped("", "", "", "", "", taken.at().provider().name());
    }

    Payer payer() {
        return new Payer(caller.organizationId(), caller.projectId(), caller.keyId(), endUser(), labels.tag());
    }

    /** As the books and limits know them. */
    private String endUser() {
        return rules.settings().endUsers().booked(asked.endUser());
    }

    private String tier() {
        String tier = asked.serviceTier();
        return tier == null ? "" : tier;
    }

    /** Whether so much generated text is paid; where it isn't, the answer has to end. */
    boolean pays(long textBytes) {
        Meter open = meter();
        return open == null || open.pays(textBytes);
    }

    /** Whether the answer tells of something that goes on without this call, and is billed when it is done. */
    private boolean goesOn(Learnt learnt) {
        String id = learnt.objectId();
        return asked.background()
                && learnt.usage() == null
                && id != null
                && Awaited.names(id)
                && !Later.over(learnt.finish());
    }

    private boolean awaits(Meter open, Learnt learnt) {
        if (!goesOn(learnt)) {
            return false;
        }
        long wait = rules.settings().later().background().toMillis();
        return open.await(
                relay.later(),
                loop,
                new Awaited(
                        Awaited.Kind.RESPONSE,
                        String.valueOf(learnt.objectId()),
                        endpoint.path(),
                        tier(),
                        open.input(),
                        open.output(),
                        relay.clock().millis() + wait));
    }

    /** The money of the attempt under way; null where it costs nothing, or there is none. */
    private @Nullable Meter meter() {
        Stake current = stake;
        return current == null ? null : current.meter();
    }

    /** Books what the attempt cost, once; what goes on is left to {@link Later}. */
    private void settle(@Nullable Usage told, Learnt learnt, Outcome outcome) {
        Stake current = stake;
        if (batchMoney != null) {
            batchMoney.asked(learnt);
        }
        if (current != null) {
            settle(current, told, learnt, outcome);
        }
    }

    /** Books what was tried and came to nothing; returns what it cost, {@link CallReport#NO_COST} where nothing was booked. */
    private long settleLost(Attempt lost, Learnt learnt) {
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
                                reckoned(taken.at().upstreamModel(), asked.textBytes())
                                        .likely(),
                                TokenCounter.reckoned(learnt.text().length())));
        settle(taken, seen, learnt, Outcome.FAILED);
        return costNanos == before ? CallReport.NO_COST : costNanos - Math.max(0, before);
    }

    private void settle(Stake current, @Nullable Usage told, Learnt learnt, Outcome outcome) {
        Meter open = current.meter();
        if (open == null || open.ended() || awaits(open, learnt)) {
            return;
        }
        String asUpstream = current.at().upstreamModel();
        long took = System.nanoTime() - current.startedNanos();
        Usage usage = told;
        if (usage == null) {
            usage = Pieces.of(endpoint, asked, bytesIn)
                    .freshInput(reckoned(asUpstream, asked.textBytes()).likely())
                    .build();
        }
        if (usage.tier().isEmpty()) {
            usage = usage.withTier(tier());
        }
        // It may have begun in the background, and nobody knows its name.
        boolean lost = usage.estimated() && asked.background() && !Later.over(learnt.finish());
        long cost = lost ? open.heldNanos() : open.cost(usage);
        costNanos = costNanos == CallReport.NO_COST ? cost : costNanos + cost;
        open.settle(new Bill(
                cost,
                usage,
                usage.estimated(),
                endpoint.path(),
                status,
                outcome.name().toLowerCase(Locale.ROOT),
                relay.clock().millis() - took / 1_000_000,
                took / 1_000_000));
        long tokens = usage.input() + usage.output();
        tokensUsed += tokens;
        permit.correct(tokensUsed);
        current.permit().correct(tokens);
        boolean textOnly = asked.media().isEmpty() && asked.references().isEmpty() && asked.tokenIds() == 0;
        if (!usage.estimated() && textOnly) {
            relay.estimates().learn(asUpstream, asked.textBytes(), asked.messages(), usage.input());
        }
    }

    private RequestBody rewrite(Placed placed, @Nullable RequestScan found, @Nullable Bytes body, long limit) {
        if (body == null || body.length() == 0) {
            return RequestBody.NONE;
        }
        if (found == null || found.model() == null) {
            return new RequestBody.Whole(List.of(body), body.length());
        }
        Rewritten rewritten = Rewrite.of(
                body,
                found,
                endpoint,
                new Rewrite.Wish(
                        placed.upstreamModel(),
                        refusals(placed.upstreamModel(), found),
                        true,
                        limit,
                        rules.settings().endUsers().told(found.endUser()),
                        rescuing == null ? null : rescuing.resume()));
        if (!rewritten.warnings().isEmpty()) {
            warnings = Stream.concat(warnings.stream(), rewritten.warnings().stream())
                    .distinct() // each attempt's body is made anew
                    .toList();
        }
        return RequestBody.of(rewritten.pieces(), rewritten.length());
    }

    /** Whether the model reasons unseen at the effort asked for. A profile that leaves requests alone doesn't change that. */
    private boolean reasonsInSecret(String upstream) {
        Model wanted = model;
        Profile profile = wanted == null ? Profile.EXACT : wanted.profile();
        return switch (profile) {
            case REASONING -> true;
            case SAMPLING -> false;
            case AUTO, EXACT -> Refusals.of(upstream, asked.effort()).sampling();
        };
    }

    private Refusals refusals(String upstream, RequestScan found) {
        Model wanted = model;
        Profile profile = wanted == null ? Profile.EXACT : wanted.profile();
        return switch (profile) {
            case AUTO -> Refusals.of(upstream, found.effort());
            case REASONING -> new Refusals(true, true, true, true, upstream + " is configured as a reasoning model");
            case SAMPLING, EXACT -> Refusals.NONE;
        };
    }

    /** Asks the provider that is staked on. From here on the attempt hears the answer and writes it to the client. */
    void attempt(RequestBody body) {
        Stake taken = stake;
        Tries left = tries;
        if (over || taken == null || left == null) {
            body.close();
            return;
        }
        isAt(taken);
        left.begun();
        Attempt made = new Attempt(this, taken, body, scan);
        attempt = made;
        made.start();
    }

    /**
     * An attempt has failed: what it cost is booked, and the next one is made. Where something of its answer was shown, the next
     * one goes on with that, if the policy says so and it can be done soundly. Where there is none, the client is told: by
     * {@code tell} if only one candidate was there to be asked, the failure is the request's own, or a stream has begun; else
     * what was seen of each.
     *
     * @param shown what the client has of the answer; null: nothing
     */
    void failed(Attempt which, Failure how, @Nullable Delivered shown, Runnable tell) {
        Tries left = tries;
        Stake taken = stake;
        if (which == rival) {
            judge(which.stake(), how);
            loseRival();
            return;
        }
        if (over || left == null || taken == null || which != attempt) {
            return;
        }
        long now = System.nanoTime();
        Learnt learnt = which.learnt();
        judge(taken, how);
        if (rival != null) {
            attempt = null;
            lose(which, how.kind().name().toLowerCase(Locale.ROOT), how.code());
            followRival();
            return;
        }
        boolean otherWay = false;
        // Who was to go on and is busy or failed before it said anything may be asked again, as for any other call.
        boolean unheard = rescuing != null && shown == null && how.next() == Failure.Next.AGAIN;
        if (shown == null && rescuing == null) {
            left.failed(
                    taken.at(), elsewhereIf(how, how.kind() == Failure.Kind.POLICY && policy.elsewhereOnPolicy()), now);
        } else {
            otherWay = rescuable(which, how, shown, tell) && otherWay(which, how);
            if (!otherWay) {
                left.failed(taken.at(), elsewhereIf(how, rescuing != null && !unheard), now);
            }
        }
        boolean repeatable = which.repeatable() && !goesOn(learnt);
        if (!repeatable || (!otherWay && left(left) instanceof Tries.Step.Give)) {
            if (left.attempts() > 1) {
                note(taken, how, shown, CallReport.NO_COST);
            }
            boolean atFault = how.next() == Failure.Next.TELL || left.tooLong();
            if (shown == null && rescuing == null && left.several() && repeatable && !atFault) {
                refuse(noTarget(left, how.afterMillis()), learnt);
            } else {
                giveUp(tell);
            }
            return;
        }
        attempt = null;
        which.close();
        note(taken, how, shown, settleLost(which, learnt));
        taken.letGo();
        relay.turns().serve(provider, now);
        ownership.forget();
        if (otherWay) {
            stake(taken.at(), left);
        } else {
            next(() -> giveUp(() -> refuse(noTarget(left, -1))));
        }
    }

    private static Failure elsewhereIf(Failure how, boolean elsewhere) {
        return elsewhere && how.kind() != Failure.Kind.OURS
                ? new Failure(how.kind(), Failure.Next.ELSEWHERE, how.code(), how.afterMillis())
                : how;
    }

    /** Whether a stream that broke may be gone on with; begins to, where it is the first time. */
    private boolean rescuable(Attempt which, Failure how, @Nullable Delivered shown, Runnable tell) {
        Rescuing before = rescuing;
        Bytes body = requestBody;
        if (before != null) {
            if (shown != null && !which.mismatched()) {
                before.broke(shown, tell);
            }
            return true;
        }
        boolean wanted = policy.brokenStream() == Policy.BrokenStream.RESCUE && how.next() != Failure.Next.TELL;
        if (shown != null && body != null && wanted) {
            rescuing = new Rescuing(endpoint, asked, body, shown, tell);
            return true;
        }
        return false;
    }

    /** Whether the same candidate is to be asked in another way: it is well, but the way was none. */
    private boolean otherWay(Attempt which, Failure how) {
        Rescuing saving = rescuing;
        boolean unfit = which.mismatched() || how.kind() == Failure.Kind.REQUEST;
        return saving != null && unfit && saving.otherWay();
    }

    /** Ends a stream that nobody goes on with as one that broke; what never began by {@code alone}. */
    private void giveUp(Runnable alone) {
        Rescuing saving = rescuing;
        Attempt last = attempt;
        if (saving == null) {
            alone.run();
            return;
        }
        if (last != null) {
            settleLost(last, last.learnt());
        }
        rescuing = null;
        saving.tell();
    }

    /** How an answer's events are read. */
    StreamTap tap() {
        return rescuing == null ? Taps.stream(endpoint, asked) : rescuing.tap();
    }

    /** Whether the client has a part of the answer already. */
    boolean goingOn() {
        return rescuing != null;
    }

    /** What marks a stream that was gone on with, before its end; empty where it was not. */
    Bytes rescueMark() {
        Stake current = stake;
        return rescuing == null || current == null
                ? Bytes.EMPTY
                : Rescue.comment(rescuing.characters(), current.at().toString());
    }

    // ---- a race: the first token wins ----

    /** Whether another candidate is asked beside an attempt whose first token is late; then both run. */
    boolean races(Attempt late) {
        Tries left = tries;
        Policy.Hedge bounds = policy.hedge();
        if (bounds == null || left == null || late != attempt || rival != null || rescuing != null) {
            return false;
        }
        if (!late.repeatable()
                || !elsewhere(late.stake().at())
                || !relay.races().begin(modelName, bounds)) {
            return false;
        }
        left.failed(
                late.stake().at(),
                new Failure(Failure.Kind.SILENT, Failure.Next.ELSEWHERE, "late", -1),
                System.nanoTime());
        rival = late;
        attempt = null;
        next(this::followRival);
        return true;
    }

    /** Whether two attempts run, and neither has begun to answer. */
    boolean racing() {
        return rival != null;
    }

    /** An attempt has its first token: it is the call's from now on, and the other one is cancelled. */
    boolean wins(Attempt first) {
        Attempt other = rival;
        if (other == null || first == attempt) {
            loseRival();
        } else if (first == other) {
            Attempt second = attempt;
            Stake begun = stake;
            rival = null;
            onWake = null;
            if (queued != null) {
                queued.cancel();
            }
            attempt = other;
            stake = other.stake();
            if (second != null) {
                lose(second, RACED, "");
            } else if (begun != null) {
                begun.giveBack();
            }
            isAt(other.stake());
            ownership.forget();
        }
        return first == attempt;
    }

    /** The second attempt came to nothing: the first one is the only one again. */
    private void followRival() {
        Attempt other = rival;
        if (other != null) {
            rival = null;
            attempt = other;
            stake = other.stake();
            isAt(other.stake());
        }
    }

    private void isAt(Stake taken) {
        provider = taken.at().provider().name();
        upstreamModel = taken.at().upstreamModel();
    }

    private void loseRival() {
        Attempt other = rival;
        if (other != null) {
            rival = null;
            lose(other, RACED, "");
        }
    }

    /** Cancels an attempt that is not needed any more, and books what it cost. */
    private void lose(Attempt loser, String how, String code) {
        Learnt learnt = loser.learnt();
        loser.close();
        long cost = settleLost(loser, learnt);
        if (cost > 0) {
            relay.races().lost(modelName, cost);
        }
        note(loser.stake(), how, code, 0, cost);
        loser.stake().letGo();
    }

    private void note(Stake taken, Failure why, @Nullable Delivered shown, long cost) {
        String kind = why.kind().name().toLowerCase(Locale.ROOT);
        note(taken, kind, why.code(), shown == null ? 0 : shown.characters(), cost);
    }

    private void note(Stake taken, String how, String code, int delivered, long cost) {
        if (failedAttempts.isEmpty()) {
            failedAttempts = new ArrayList<>();
        }
        Placed at = taken.at();
        failedAttempts.add(new FailedAttempt(
                at.provider().name(),
                at.upstreamModel(),
                at.key(),
                how,
                code,
                delivered,
                System.nanoTime() - taken.startedNanos(),
                cost));
    }

    /** The candidate of an attempt is judged by how it failed. */
    void judge(Stake taken, Failure why) {
        taken.ended(
                switch (why.kind()) {
                    case REQUEST, POLICY, TOO_LONG, UNFIT -> Slot.Ending.ANSWERED;
                    case BROKEN, SILENT -> Slot.Ending.FAILED;
                    case UNREACHED -> Slot.Ending.UNREACHED;
                    case BUSY -> Slot.Ending.BUSY;
                    case KEY, QUOTA, OURS -> Slot.Ending.UNKNOWN;
                });
        Candidate candidate = taken.at().candidate();
        if (candidate == null) {
            return;
        }
        if (why.kind() == Failure.Kind.KEY) {
            relay.health().restKey(candidate, UNPAID_REST_MILLIS, "it refused the gateway's credentials");
        } else if (why.kind() == Failure.Kind.QUOTA) {
            relay.health().restKey(candidate, UNPAID_REST_MILLIS, "its account has no quota left");
        } else if (why.afterMillis() > 0) {
            relay.health().rest(candidate, why.afterMillis(), "it asked for patience");
        }
    }

    /** A candidate that says that nothing is left of its limits rests until their reset. */
    void learnLimits(Stake taken, Headers told) {
        Candidate candidate = taken.at().candidate();
        RateLimits.Spent spent =
                candidate == null ? null : RateLimits.spent(told, relay.clock().millis());
        if (candidate != null && spent != null) {
            relay.health().rest(candidate, spent.millis(), "nothing is left of its limit of " + spent.of());
        }
    }

    /**
     * The last step before the client learns that its answer is whole: usage is booked and what was made is registered.
     * Then, and only then, {@code whole} may write the answer's end. Where what was made can't be registered nobody could
     * ever use it, so {@code lost} says so instead.
     */
    void gate(Learnt learnt, Runnable whole, Consumer<Refusal> lost) {
        idle();
        usageOf(learnt, usage -> {
            if (over) {
                return;
            }
            settle(usage, learnt, learnt.failed() ? Outcome.FAILED : Outcome.SERVED);
            CompletableFuture<?> made = ownership.settle(learnt).toCompletableFuture();
            CompletionStage<?> registered =
                    made.isDone() ? made : made.copy().orTimeout(REGISTER_SECONDS, TimeUnit.SECONDS);
            registered.whenComplete((done, failure) -> onLoop(() -> {
                if (failure != null && !over) {
                    busy();
                    lost.accept(new Refusal.NoStorage("What this call made could not be recorded"));
                } else if (!over) {
                    busy();
                    whole.run();
                    if (endpoint.model() == Endpoint.ModelIn.NONE && !pathIds.isEmpty()) {
                        relay.later().seen(provider, pathIds.getFirst(), learnt);
                    }
                    finish(learnt, usage, learnt.failed() ? Outcome.FAILED : Outcome.SERVED, learnt.errorCode());
                }
            }));
        });
    }

    /** The answer has told the id of what it made: its owner is known from now on, before the client can use it. */
    void made(@Nullable String objectId) {
        ownership.made(objectId);
    }

    /** Whether a call with this request keeps what it makes at the provider. */
    boolean stores() {
        RequestScan asked = scan;
        return switch (endpoint.kind()) {
            case CHAT -> asked != null && Boolean.TRUE.equals(asked.store());
            case RESPONSES -> asked == null || !Boolean.FALSE.equals(asked.store()) || asked.background();
            case COMPLETIONS, IMAGES, SPEECH, TRANSCRIPTION, EMBEDDINGS, MODELS, PLAIN -> true;
        };
    }

    /** Whether a good answer can only be JSON. */
    boolean expectsJson() {
        return switch (endpoint.kind()) {
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS -> true;
            case IMAGES, SPEECH, TRANSCRIPTION, MODELS, PLAIN -> false;
        };
    }

    String upstreamModel() {
        return upstreamModel;
    }

    String provider() {
        return provider;
    }

    String modelName() {
        return modelName;
    }

    /** The path to ask for upstream; a call in short form stands for another one. */
    String path() {
        return shortForm ? endpoint.path() : exchange.path();
    }

    /** Whether its body was made here, of a query. */
    boolean shortForm() {
        return shortForm;
    }

    /** The query to ask for upstream. */
    @Nullable String query() {
        return shortForm ? null : exchange.query();
    }

    /** What taps have learnt of an answer. */
    record Learnt(
            @Nullable Usage usage,
            CharSequence text,
            String finish,
            @Nullable String objectId,
            List<Made> alsoMade,
            boolean failed,
            String errorCode) {
        /** Nothing was learnt. */
        static final Learnt NOTHING = new Learnt(null, "", "", null, List.of(), false, "");

        Learnt failed(String code) {
            return new Learnt(usage, text, finish, objectId, alsoMade, true, code);
        }
    }

    /** What this call used. One that reads back what another has made tells that one's usage, which is told already. */
    private @Nullable Usage used(Learnt learnt) {
        return endpoint.model() == Endpoint.ModelIn.NONE ? null : learnt.usage();
    }

    private void usageOf(Learnt learnt, Consumer<@Nullable Usage> then) {
        if (used(learnt) != null || scan == null || !countsTokens() || goesOn(learnt)) {
            then.accept(used(learnt));
            return;
        }
        Bytes counted = prompt;
        // Pictures, recordings, files and tokens given as numbers are not among the texts that can be counted.
        long besides = reckoned(upstreamModel, 0).likely();
        Usage rough = Usage.estimate(
                besides + TokenCounter.reckoned(asked.textBytes()),
                TokenCounter.reckoned(learnt.text().length()));
        // Nobody waits for an estimate who is told to stop.
        boolean taken = !relay.cuttingShort()
                && relay.workers().estimate(() -> {
                    Usage estimate = rough;
                    try {
                        long input = counted != null
                                ? besides + relay.tokens().countPrompt(counted, relay::cuttingShort)
                                : rough.input();
                        estimate = Usage.estimate(input, relay.tokens().count(learnt.text(), relay::cuttingShort));
                    } catch (RuntimeException | Error bug) {
                        LOG.error("The tokens of call {} could not be counted", exchange.id(), bug);
                    }
                    Usage told = estimate;
                    onLoop(() -> then.accept(told));
                });
        if (!taken) {
            then.accept(rough);
        }
    }

    private boolean countsTokens() {
        return switch (endpoint.kind()) {
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS -> endpoint.model() == Endpoint.ModelIn.REQUIRED;
            case IMAGES, SPEECH, TRANSCRIPTION, MODELS, PLAIN -> false;
        };
    }

    /** Says no, once, where nothing has been sent yet; later calls do nothing. */
    void refuse(Refusal why) {
        refuse(why, Learnt.NOTHING);
    }

    void refuse(Refusal why, Learnt learnt) {
        if (over) {
            return;
        }
        if (rescuing != null) {
            giveUp(() -> {});
            return;
        }
        if (rival != null && attempt == null) {
            // Nothing but the second attempt can't be made; the first one still may answer.
            if (stake != null) {
                stake.giveBack();
            }
            followRival();
            return;
        }
        relay.inFlight().count(why);
        Refusal.Said said = Refusal.said(why);
        Headers headers = said.headers();
        addOwnHeaders(headers);
        answer(said.status(), headers, Errors.envelope(said.message(), said.type(), said.param(), said.code()));
        finish(learnt, used(learnt), said.outcome(), said.code() == null ? "" : said.code());
    }

    // ---- what an attempt and its answer say to the client, counted ----

    /** Whether the answer is told whole or not at all. */
    boolean wholeOnly() {
        return policy.wholeOnly();
    }

    /** How long a stream's first token is waited for where somebody else could answer. */
    long firstTokenNanos(Patience patience) {
        if (policy.firstTokenOff()) {
            return Long.MAX_VALUE;
        }
        return policy.firstToken() == null
                ? patience.firstTokenNanos()
                : policy.firstToken().toNanos();
    }

    /** Sends a whole answer; an error where a stream was promised already, as that stream's last event. */
    void answer(int answerStatus, Headers headers, Bytes body) {
        if (exchange.headSent()) {
            StreamTap ending = Taps.stream(endpoint, asked);
            write(ending.brokenEnding(UpstreamError.code(body), UpstreamError.message(body)));
            exchange.end();
            return;
        }
        sending(answerStatus, body.length());
        exchange.answer(answerStatus, headers, body);
    }

    /** Sends the head of an answer that comes in pieces. */
    void head(int answerStatus, Headers headers, boolean events) {
        streamed = events;
        sending(answerStatus, 0);
        exchange.head(answerStatus, headers);
    }

    private void sending(int answerStatus, int bytes) {
        status = answerStatus;
        bytesOut += bytes;
        if (firstByteNanos < 0) {
            firstByteNanos = System.nanoTime() - exchange.startedNanos();
        }
    }

    /** Sends a piece; false where the client reads too slowly. */
    boolean write(Bytes piece) {
        bytesOut += piece.length();
        return exchange.write(piece);
    }

    /** The fields of an upstream's answer for the client, with this gateway's own. */
    Headers headers(Provider answering, Headers upstream) {
        Headers headers = answering.answer(upstream);
        if (permit != Permit.FREE || (stake != null && stake.permit() != Permit.FREE)) {
            // The client's limits are this gateway's; the provider's beside them would be taken for them.
            List<String> theirs = new ArrayList<>();
            headers.forEach((name, _) -> {
                if (name.startsWith("x-ratelimit-")) {
                    theirs.add(name);
                }
            });
            theirs.forEach(headers::remove);
        }
        addOwnHeaders(headers);
        return headers;
    }

    private void addOwnHeaders(Headers headers) {
        headers.set("x-request-id", exchange.id());
        if (!provider.isEmpty()) {
            headers.set("x-lockkeeper-provider", provider);
            if (tries != null && tries.attempts() > 1) {
                headers.set("x-lockkeeper-attempts", Integer.toString(tries.attempts()));
            }
            if (!upstreamModel.isEmpty()) {
                headers.set("x-lockkeeper-target", provider + "/" + upstreamModel);
            }
        }
        headers.set("x-lockkeeper-overhead-us", Long.toString(ownNanos() / 1000));
        permit.rateLimitHeaders(stake == null ? Permit.FREE : stake.permit(), headers::set);
        if (costNanos != CallReport.NO_COST) {
            headers.set("x-lockkeeper-cost", new Money(costNanos).toString());
        }
        if (!warnings.isEmpty()) {
            headers.set("x-lockkeeper-warnings", String.join("; ", warnings));
        }
    }

    // ---- own time: while busy the clock runs, while waiting for client or upstream it rests ----

    void busy() {
        if (ownSince == 0) {
            ownSince = System.nanoTime();
        }
    }

    void idle() {
        if (ownSince != 0) {
            ownNanos += System.nanoTime() - ownSince;
            ownSince = 0;
        }
    }

    private long ownNanos() {
        return ownSince == 0 ? ownNanos : ownNanos + System.nanoTime() - ownSince;
    }

    // ---- endings ----

    private void tick(long nowNanos) {
        Attempt current = attempt;
        if (!over && relay.cuttingShort()) {
            guarded(() -> cutShort(current));
        } else if (!over && nowNanos - deadlineNanos >= 0 && tries != null && !shown(current)) {
            guarded(() -> deadlinePassed(current));
        } else if (waiting != null) {
            relay.turns().serve(waitsFor, nowNanos);
        } else if (queued != null) {
            queued.tick(nowNanos);
        } else if (onWake != null && !over && nowNanos - wakeNanos >= 0) {
            Runnable wake = onWake;
            onWake = null;
            busy();
            guarded(wake);
        } else if (current != null && !over) {
            tick(current, nowNanos);
        }
        Attempt other = rival;
        if (other != null && !over) {
            tick(other, nowNanos);
        }
    }

    private void tick(Attempt running, long nowNanos) {
        try {
            running.tick(nowNanos);
        } catch (RuntimeException | Error bug) {
            crashed(bug);
        }
    }

    // ---- what goes wrong here: no mistake of this code leaves a client without an end ----

    /** Does a guarded step on the call's loop. Any thread. */
    void onLoop(Runnable step) {
        loop.run(() -> guarded(step));
    }

    /** With status 500, or where it can't be told, by a cut. */
    @Override
    public void crashed(Throwable bug) {
        LOG.error("Call {} to {} failed in the gateway itself", exchange.id(), endpoint.path(), bug);
        if (over) {
            return;
        }
        try {
            if (!exchange.headSent()) {
                warnings = List.of();
                refuse(new Refusal.Internal());
            }
        } catch (RuntimeException | Error again) {
            LOG.error("Call {} could not be told so", exchange.id(), again);
        }
        if (!over) {
            exchange.abort();
            finish(Learnt.NOTHING, null, Outcome.FAILED, Refusal.INTERNAL);
        }
    }

    /** Whether an answer is on its way to the client: a client that says how long it waits means the wait for that. */
    private boolean shown(@Nullable Attempt current) {
        return policy.deadline() == null && streamed && current != null && current.answered();
    }

    private void deadlinePassed(@Nullable Attempt current) {
        Refusal late = new Refusal.DeadlinePassed((deadlineNanos - exchange.startedNanos()) / 1_000_000);
        if (current == null) {
            refuse(late);
        } else {
            current.deadlinePassed(late);
        }
    }

    /** The process stops and waits no longer: the client is told, the upstream too. */
    private void cutShort(@Nullable Attempt current) {
        if (current == null) {
            refuse(new Refusal.Stopping(!provider.isEmpty()));
        } else {
            current.cutShort();
        }
    }

    /** The client went away: the upstream is told at once. */
    private void abandoned() {
        if (over) {
            return;
        }
        Attempt current = attempt;
        Learnt learnt = current == null ? Learnt.NOTHING : current.learnt();
        ownership.alsoMade(learnt);
        status = status == 0 ? CallReport.CLIENT_GONE : status;
        finish(learnt, used(learnt), Outcome.ABANDONED, "");
    }

    /** Ends an answer that can't be whole: its last bytes have said so. */
    void broken(Learnt learnt) {
        if (!over) {
            ownership.alsoMade(learnt);
        }
        finish(learnt, used(learnt), Outcome.FAILED, learnt.errorCode());
    }

    /**
     * Ends a call whose upstream said no in an answer of its own.
     *
     * @param failed whether the upstream failed, rather than found fault with the request
     */
    void refusedUpstream(String code, boolean failed) {
        finish(Learnt.NOTHING, null, failed ? Outcome.FAILED : Outcome.SERVED, code);
    }

    /** Whether this call has ended; nothing is written or counted after. */
    boolean over() {
        return over;
    }

    private void finish(Learnt learnt, @Nullable Usage usage, Outcome outcome, String errorCode) {
        if (over) {
            return;
        }
        over = true;
        Meter open = meter();
        try {
            letGoOfAll(open);
        } catch (RuntimeException | Error bug) {
            LOG.error("Call {} could not let go of all it had", exchange.id(), bug);
        }
        boolean unbooked = open != null && !open.ended();
        if (usage == null && (unbooked || !learnt.text().isEmpty())) {
            Stake current = stake;
            usageOf(learnt, seen -> close(learnt, withUnseen(current, seen), outcome, errorCode));
        } else {
            close(learnt, usage, outcome, errorCode);
        }
    }

    /** Ends all that this call has under way; money that can't have been spent goes back. */
    private void letGoOfAll(@Nullable Meter open) {
        idle();
        relay.inFlight().giveBack(bytesHeld);
        bytesHeld = 0;
        if (ticking != null) {
            ticking.close();
        }
        if (attempt == null || !attempt.maySpend()) {
            if (open != null) {
                open.release();
            }
            if (batchMoney != null) {
                batchMoney.release();
            }
        }
        if (waiting != null) {
            waiting.cancel();
        }
        if (queued != null) {
            queued.cancel();
        }
        if (batchInput != null) {
            batchInput.close();
        }
        if (attempt != null) {
            attempt.close();
        }
        loseRival();
        if (incoming != null) {
            incoming.close();
        }
    }

    /** Adds what an answer that was broken off has likely cost without being seen. */
    private static @Nullable Usage withUnseen(@Nullable Stake current, @Nullable Usage seen) {
        Meter open = current == null ? null : current.meter();
        if (seen == null || open == null || current == null || open.ended()) {
            return seen;
        }
        long unseen = open.unseen(System.nanoTime() - current.startedNanos()) - seen.output();
        return unseen <= 0
                ? seen
                : seen.toBuilder().textOutput(seen.textOutput() + unseen).build();
    }

    /** Books what isn't yet, gives the call's place back, and tells its end. */
    private void close(Learnt learnt, @Nullable Usage usage, Outcome outcome, String errorCode) {
        try {
            settle(usage, learnt, outcome);
        } finally {
            if (stake != null) {
                if (outcome == Outcome.SERVED) {
                    stake.ended(Slot.Ending.ANSWERED);
                }
                stake.letGo(); // of what could not be booked too; does nothing after settling
            }
            permit.leave();
            if (!provider.isEmpty()) {
                relay.turns().serve(provider, System.nanoTime());
            }
            report(learnt, usage, outcome, errorCode);
        }
    }

    private void report(Learnt learnt, @Nullable Usage usage, Outcome outcome, String errorCode) {
        try {
            long total = System.nanoTime() - exchange.startedNanos();
            relay.watcher()
                    .ended(new CallReport(
                            exchange.id(),
                            caller.keyId(),
                            caller.project(),
                            exchange.clientAddress(),
                            endpoint.path(),
                            exchange.method(),
                            modelName,
                            upstreamModel,
                            provider,
                            status,
                            outcome,
                            errorCode,
                            streamed,
                            firstByteNanos,
                            total,
                            ownNanos,
                            usage,
                            bytesIn,
                            bytesOut,
                            relay.clock().millis() - total / 1_000_000,
                            learnt.finish(),
                            warnings.size(),
                            costNanos,
                            failedAttempts));
        } finally {
            relay.ended(rules);
        }
    }
}
