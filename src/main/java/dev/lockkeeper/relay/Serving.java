package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Delivered;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.Rescue;
import dev.lockkeeper.dialect.openai.Resume;
import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.limits.Entry;
import dev.lockkeeper.limits.FairQueue;
import dev.lockkeeper.limits.Permit;
import dev.lockkeeper.limits.Scoped;
import dev.lockkeeper.limits.Tokens;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Health;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Plan;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.routing.Slot;
import dev.lockkeeper.routing.Traits;
import dev.lockkeeper.routing.Turn;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Media;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Patience;
import dev.lockkeeper.upstream.Provider;
import dev.lockkeeper.upstream.RateLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sees to it that somebody answers a call that was let this far: chooses who may be asked, takes what each attempt needs, and
 * makes one after another until one answers. The methods are in the order of things:
 *
 * <pre>
 *   serve      what is asked for, and who may be asked, in which order   400, 403, 503
 *   enter      may the call come in now? does it fit the model's window? 403, 429, 400, 413
 *   next       one attempt after another, till one answers               503
 *     atProvider  is there room under the provider's limits?             429
 *     takeTurn    is the candidate well, and has it room?                503
 *     {@link Fare#hold}  is there money for it?                          403, 429, 503
 *     attempt  sends, and hears the answer                               502, 503, 504
 *     failed   before it was shown: the next one is made; after: the next one goes on with it
 * </pre>
 *
 * <p>On the call's loop only.
 */
final class Serving {
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

    private final Call call;
    private final Fare fare;
    private FairQueue.@Nullable Ticket waiting;
    private String waitsFor = "";
    private Permit permit = Permit.FREE;
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

    /** Since when a stream that has begun is told nothing, as long as nobody's answer is read. */
    private long quietSinceNanos;

    /** How often it has waited for shares of limits. */
    private int shareWaits;

    private List<FailedAttempt> failedAttempts = List.of();

    /** Where a stream broke after a part of it was delivered; null: none did. */
    private @Nullable Rescuing rescuing;

    private @Nullable Attempt attempt;

    /** The attempt that is raced: its first token was late, and another one was begun beside it. */
    private @Nullable Attempt rival;

    private String provider = "";
    private String upstreamModel = "";

    Serving(Call call, Fare fare) {
        this.call = call;
        this.fare = fare;
        this.first = new Placed(call.rules.defaultProvider(), "", null);
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
        call.asked = found == null ? RequestScan.none(call.endpoint) : found;
        making = make;
        switch (Labels.of(call.asked, call.exchange.headers())) {
            case Labels told -> labels = told;
            case Labels.Wrong(Refusal.BadBody why) -> {
                call.refuse(why);
                return;
            }
        }
        if (!choose()) {
            return;
        }
        for (String tool : call.asked.hostedTools()) {
            if (!call.caller.mayUseTool(tool)) {
                call.refuse(new Refusal.ToolClosed(tool));
                return;
            }
        }
        enter();
    }

    /** Chooses who may be asked, and in which order; false where this refused the call. */
    private boolean choose() {
        Model wanted = call.model;
        List<Placed> order = wanted == null ? anywhere() : candidates(wanted);
        if (order.isEmpty()) {
            return false;
        }
        policy = wanted == null ? Policy.ONCE : wanted.policy();
        deadlineNanos = deadline();
        first = order.getFirst();
        if (wanted != null && policy.hedge() != null) {
            call.relay.races().call(wanted.name(), policy.hedge());
        }
        tries = new Tries(order, policy, call.exchange.startedNanos(), deadlineNanos, call.relay.random());
        return true;
    }

    /** Who can serve the model, in order; empty where this refused the call. */
    private List<Placed> candidates(Model wanted) {
        String pinned = call.ownership.provider();
        long tokens = fare.reckoned(wanted.targets().getFirst().model(), call.asked.textBytes())
                .likely();
        Traits traits = labels.traits(call.asked, call.caller, fare.endUser(), tokens, pinned == null ? "" : pinned);
        Plan plan = call.relay.router().plan(wanted, traits, call.relay.clock().millis());
        List<Placed> order = new ArrayList<>(plan.order().size());
        boolean closed = false;
        for (Candidate each : plan.order()) {
            Provider serves = call.rules.provider(each.provider());
            if (call.caller.mayReach(serves.name(), serves.isSimulator())) {
                order.add(new Placed(serves, each.model(), each));
            } else {
                closed = true;
            }
        }
        if (order.isEmpty()) {
            if (closed) {
                call.refuse(new Refusal.ProviderClosed(wanted.name()));
            } else if (pinned != null && !wanted.servedBy(pinned)) {
                call.refuse(new Refusal.Scattered(
                        "The objects this call names live at provider '" + pinned
                                + "', which does not serve the model '" + wanted.name() + "'.",
                        "model"));
            } else {
                call.refuse(Refusal.NoTarget.of(wanted.name(), plan));
            }
        }
        return order;
    }

    /** Where a call goes that names no model; empty where this refused it. */
    private List<Placed> anywhere() {
        String pinned = call.ownership.provider();
        String named = pinned != null ? pinned : call.exchange.headers().get("x-lockkeeper-provider");
        Provider wanted = named == null
                ? call.rules.defaultProvider()
                : call.rules.providers().get(named);
        if (wanted == null) {
            call.refuse(new Refusal.Scattered(
                    "There is no provider '" + named + "' here" + (pinned == null ? " (x-lockkeeper-provider)." : "."),
                    null));
            return List.of();
        }
        if (!call.caller.mayReach(wanted.name(), wanted.isSimulator())) {
            call.refuse(new Refusal.ProviderClosed(""));
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
        String told = call.exchange.headers().get("x-stainless-timeout");
        if (told != null && told.length() <= MAX_SECONDS && told.chars().allMatch(c -> c >= '0' && c <= '9')) {
            long seconds = told.isEmpty() ? 0 : Long.parseLong(told);
            if (seconds > 0) {
                most = Math.min(most, seconds * 1_000_000_000);
            }
        }
        return call.exchange.startedNanos() + most;
    }

    /** Lets the call in, where the caller's limits and the model's window do. */
    private void enter() {
        Tokens reckoned = fare.reckoned(first.upstreamModel(), call.asked.textBytes());
        // What is named by an id or a URL may have any size: its provider knows whether it is too much.
        boolean known = call.asked.media().stream().allMatch(Media::known);
        long most = call.rules.settings().maxInputTokens();
        if (known && reckoned.likely() > most) {
            call.refuse(new Refusal.TooManyTokens(reckoned.likely(), most));
            return;
        }
        Model wanted = call.model;
        long window = wanted == null ? 0 : wanted.context();
        long answer = Math.max(0, call.asked.outputLimit());
        // Counting takes long: only where the estimate says that it may matter.
        boolean near = known
                && window > 0
                && reckoned.atMost() > window - answer
                && reckoned.likely() > window - answer - window / NEAR_THE_WINDOW;
        if (!near) {
            letIn(reckoned);
            return;
        }
        fare.count(first, counted -> {
            // What can't be counted is the upstream's to refuse.
            Tokens tokens = counted == null ? reckoned : counted;
            if (counted != null && tokens.likely() > window - answer) {
                call.refuse(new Refusal.TooLong(call.modelName, tokens.likely(), answer, window));
            } else {
                letIn(tokens);
            }
        });
    }

    private void letIn(Tokens tokens) {
        estimate = tokens;
        if (fare.dry()) {
            fare.hold(staked(first, 1));
            return;
        }
        switch (call.relay.limits().enter(scoped(), tokens.likely(), tokens.atMost(), mayWaitForShares())) {
            case Permit entered -> {
                permit = entered;
                next(() -> call.refuse(new Refusal.Internal()));
            }
            case Entry.Refused no -> call.refuse(new Refusal.Limited(no.message(), no.opensInMillis()));
            case Entry.Near() -> countExactly(first, this::letIn);
            case Entry.Later(CompletableFuture<?> fetched) -> whenFetched(fetched, () -> letIn(tokens));
        }
    }

    private boolean mayWaitForShares() {
        return shareWaits < MOST_SHARE_WAITS;
    }

    private void countExactly(Placed at, Consumer<Tokens> then) {
        Tokens rough = estimate;
        fare.count(at, counted -> then.accept(counted == null ? new Tokens(rough.likely(), rough.likely()) : counted));
    }

    private void whenFetched(CompletableFuture<?> fetched, Runnable then) {
        shareWaits++;
        call.idle();
        CompletableFuture<?> _ = fetched.whenComplete((_, _) -> call.onLoop(() -> {
            if (!call.over) {
                call.busy();
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
        switch (step(left)) {
            case Tries.Step.Try(Placed at) -> {
                if (left.retries(at)
                        && !call.relay.health().mayRetry(at.provider().name(), left.elsewhere(at))) {
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
                call.idle();
                wakeNanos = System.nanoTime() + nanos;
                onWake = () -> next(tell);
            }
            case Tries.Step.Give() -> tell.run();
        }
    }

    /** What is to be done next; who has recovered while this call asked others, or may soon, is asked once more. */
    private Tries.Step step(Tries left) {
        Tries.Step step = left.next(System.nanoTime());
        boolean more = step instanceof Tries.Step.Give
                && left.several()
                && left.recover(this::opensInMillis, System.nanoTime());
        return more ? left.next(System.nanoTime()) : step;
    }

    /** When a candidate that failed at a time can be hoped to be well again; -1: nothing says so. */
    private long opensInMillis(Placed at, long failedNanos) {
        Candidate candidate = at.candidate();
        if (candidate == null) {
            return -1;
        }
        Health health = call.relay.health();
        long rests = health.restsMillis(candidate);
        return rests > 0 || health.heardSince(candidate, failedNanos) ? rests : -1;
    }

    void stake(Placed at, Tries left) {
        Stake taken = staked(at, left.attempts() + 1);
        stake = taken;
        atProvider(taken);
    }

    private Stake staked(Placed at, int number) {
        return new Stake(
                at,
                number,
                Patience.of(
                        at.provider().settings().timeouts(),
                        at.upstreamModel(),
                        call.asked.effort(),
                        call.asked.serviceTier()));
    }

    /** Takes a place under the limits of the provider. */
    private void atProvider(Stake taken) {
        String at = taken.at().provider().name();
        boolean elsewhere = elsewhere(taken.at());
        boolean fair = !elsewhere && call.rules.settings().fair().providers().contains(at);
        if (fair && call.relay.turns().crowded(at)) {
            awaitTurn(taken);
            return;
        }
        switch (call.relay
                .limits()
                .enter(providerOf(taken), estimate.likely(), estimate.atMost(), mayWaitForShares())) {
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
    void closed(Stake taken, String why, long opensInMillis, Refusal alone) {
        taken.giveBack();
        Tries left = tries;
        if (left != null) {
            left.closed(taken.at(), why, opensInMillis, System.nanoTime());
            next(() -> giveUp(() -> {
                if (left.attempts() == 0) {
                    permit.undo(); // nobody was asked
                }
                // Where time mends nothing for any of them, nobody is told to try again.
                boolean all = !left.several() || (opensInMillis < 0 && left.allSay(why));
                call.refuse(all ? alone : noTarget(left, opensInMillis));
            }));
        }
    }

    private Refusal noTarget(Tries left, long opensInMillis) {
        return new Refusal.NoTarget(call.modelName, left.reasons(), opensInMillis);
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
        waiting = call.relay
                .turns()
                .await(
                        at,
                        call.rules.settings().fair(),
                        call.caller.organizationId(),
                        () -> {
                            // On the thread of whoever made room, which looks next at what is left: taken at once.
                            Entry entry = call.relay.limits().enter(who, input, input, false);
                            if (entry instanceof Entry.Refused no && waitsOn(no)) {
                                return false;
                            }
                            call.onLoop(() -> turn(entry, taken));
                            return true;
                        },
                        () -> call.onLoop(() -> call.refuse(late)));
        if (waiting == null) {
            call.refuse(late);
        } else {
            waitsFor = at;
            call.idle();
            call.relay.turns().serve(at, System.nanoTime());
        }
    }

    /** Whether a refusal is worth waiting for: the provider's limit is used up, and not too small for the call. */
    private static boolean waitsOn(Entry.Refused no) {
        return no.opensInMillis() != Entry.Refused.NEVER;
    }

    private void turn(Entry entry, Stake taken) {
        waiting = null;
        if (call.over) {
            if (entry instanceof Permit unused) {
                unused.leave();
                call.relay.turns().serve(taken.at().provider().name(), System.nanoTime());
            }
            return;
        }
        call.busy();
        switch (entry) {
            case Permit entered -> {
                taken.entered(entered);
                takeTurn(taken);
            }
            case Entry.Refused no -> call.refuse(new Refusal.Limited(no.message(), no.opensInMillis()));
            case Entry.Near() -> throw new IllegalStateException("the tokens were told exactly");
            case Entry.Later(CompletableFuture<?> _) ->
                throw new IllegalStateException("it was said that nobody waits");
        }
    }

    /** Whether there was but one candidate from the start. */
    private boolean alone() {
        return tries != null && !tries.several();
    }

    /** Takes a turn at the candidate, where its health leaves one. */
    private void takeTurn(Stake taken) {
        Candidate candidate = taken.at().candidate();
        if (candidate == null) {
            fare.hold(taken);
        } else {
            turned(taken, call.relay.health().enter(candidate, taken.patience().stretch(), alone()));
        }
    }

    private void turned(Stake taken, Turn turn) {
        switch (turn) {
            case Slot slot -> {
                taken.turn(slot);
                fare.hold(taken);
            }
            case Turn.Closed(String why, long opens, boolean full) ->
                closed(
                        taken,
                        why,
                        full ? -1 : opens,
                        new Refusal.NoTarget(call.modelName, List.of(taken.at() + ": " + why), opens));
            case Turn.Queued(Turn.Waiting place) -> {
                queued = place;
                call.idle();
                place.whenOver(told -> call.onLoop(() -> {
                    queued = null;
                    if (!call.over) {
                        call.busy();
                        turned(taken, told);
                    } else if (told instanceof Slot unused) {
                        unused.ended(Slot.Ending.UNKNOWN, System.nanoTime());
                    }
                }));
            }
        }
    }

    /** Who comes in, but for the provider: that is for each attempt to enter. */
    private Scoped scoped() {
        return new Scoped(
                call.caller.organizationId(),
                call.caller.projectId(),
                call.caller.keyId(),
                fare.endUser(),
                call.modelName,
                "");
    }

    private static Scoped providerOf(Stake taken) {
        return new Scoped("", "", "", "", "", taken.at().provider().name());
    }

    /** Asks the provider that is staked on. From here on the attempt hears the answer and writes it to the client. */
    void attempt(RequestBody body) {
        Stake taken = stake;
        Tries left = tries;
        if (call.over || taken == null || left == null) {
            body.close();
            return;
        }
        isAt(taken);
        left.begun();
        Attempt made = new Attempt(call, taken, body, call.scan);
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
        if (call.over || left == null || taken == null || which != attempt) {
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
        boolean repeatable = which.repeatable() && !fare.goesOn(learnt);
        if (!repeatable || (!otherWay && step(left) instanceof Tries.Step.Give)) {
            if (left.attempts() > 1) {
                note(taken, how, shown, CallReport.NO_COST);
            }
            boolean atFault = how.next() == Failure.Next.TELL || left.tooLong();
            if (shown == null && rescuing == null && left.several() && repeatable && !atFault) {
                call.refuse(noTarget(left, how.afterMillis()), learnt);
            } else {
                giveUp(tell);
            }
            return;
        }
        attempt = null;
        quietSinceNanos = now;
        which.close();
        note(taken, how, shown, fare.settleLost(which, learnt));
        taken.letGo();
        call.relay.turns().serve(provider, now);
        call.ownership.forget();
        if (otherWay) {
            stake(taken.at(), left);
        } else {
            next(() -> giveUp(() -> call.refuse(noTarget(left, -1))));
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
        Bytes body = call.requestBody;
        if (before != null) {
            if (shown != null && !which.mismatched()) {
                before.broke(shown, tell);
            }
            return true;
        }
        boolean wanted = policy.brokenStream() == Policy.BrokenStream.RESCUE && how.next() != Failure.Next.TELL;
        if (shown != null && body != null && wanted) {
            rescuing = new Rescuing(call.endpoint, call.asked, body, shown, tell);
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
            fare.settleLost(last, last.learnt());
        }
        rescuing = null;
        saving.tell();
    }

    /** How an answer's events are read. */
    StreamTap tap() {
        return rescuing == null ? Taps.stream(call.endpoint, call.asked) : rescuing.tap();
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
                || !call.relay.races().begin(call.modelName, bounds)) {
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
            call.ownership.forget();
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
        long cost = fare.settleLost(loser, learnt);
        if (cost > 0) {
            call.relay.races().lost(call.modelName, cost);
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
            call.relay.health().restKey(candidate, UNPAID_REST_MILLIS, "it refused the gateway's credentials");
        } else if (why.kind() == Failure.Kind.QUOTA) {
            call.relay.health().restKey(candidate, UNPAID_REST_MILLIS, "its account has no quota left");
        } else if (why.afterMillis() > 0) {
            call.relay.health().rest(candidate, why.afterMillis(), "it asked for patience");
        }
    }

    /** A candidate that says that nothing is left of its limits rests until their reset. */
    void learnLimits(Stake taken, Headers told) {
        Candidate candidate = taken.at().candidate();
        RateLimits.Spent spent = candidate == null
                ? null
                : RateLimits.spent(told, call.relay.clock().millis());
        if (candidate != null && spent != null) {
            call.relay.health().rest(candidate, spent.millis(), "nothing is left of its limit of " + spent.of());
        }
    }

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

    // ---- the clock, and the end ----

    /** Told the time about every {@value dev.lockkeeper.http.Loop#TICK_MILLIS} ms. */
    void tick(long nowNanos) {
        Attempt current = attempt;
        if (call.over()) {
            return;
        }
        if (nowNanos - deadlineNanos >= 0 && tries != null && !bears(current)) {
            deadlinePassed(current);
        } else if (waiting != null) {
            call.relay.turns().serve(waitsFor, nowNanos);
        } else if (queued != null) {
            queued.tick(nowNanos);
        } else if (onWake != null && nowNanos - wakeNanos >= 0) {
            Runnable wake = onWake;
            onWake = null;
            call.busy();
            wake.run();
        } else if (current != null) {
            current.tick(nowNanos);
        }
        Attempt other = rival;
        if (other != null && !call.over()) {
            other.tick(nowNanos);
        }
        if (current == null || !current.reading()) {
            beat(nowNanos);
        }
    }

    /** A client whose stream has begun hears that it lives, also while nobody's answer is read. */
    private void beat(long nowNanos) {
        if (call.over() || !call.streamed() || rival != null) {
            return;
        }
        long every = call.rules.settings().heartbeat().toNanos();
        if (every > 0 && nowNanos - quietSinceNanos >= every) {
            quietSinceNanos = nowNanos;
            call.write(StreamedAnswer.HEARTBEAT);
        }
    }

    /** Whether the deadline is kept: a client that says how long it waits means the wait for an answer's beginning. */
    private boolean bears(@Nullable Attempt current) {
        return policy.deadline() == null && call.streamed() && current != null && current.answered();
    }

    private void deadlinePassed(@Nullable Attempt current) {
        Refusal late = new Refusal.DeadlinePassed((deadlineNanos - call.exchange.startedNanos()) / 1_000_000);
        if (current == null) {
            call.refuse(late);
        } else {
            current.deadlinePassed(late);
        }
    }

    /** The process stops and waits no longer: the client is told, the upstream too. */
    void cutShort() {
        Attempt current = attempt;
        if (current == null) {
            call.refuse(new Refusal.Stopping(!provider.isEmpty()));
        } else {
            current.cutShort();
        }
    }

    /** Whether a refusal is not the call's end: a stream that has begun ends as one, and of two that race one still may answer. */
    boolean bearsRefusal() {
        if (rescuing != null) {
            giveUp(() -> {});
            return true;
        }
        if (rival != null && attempt == null) {
            // Nothing but the second attempt can't be made.
            if (stake != null) {
                stake.giveBack();
            }
            followRival();
            return true;
        }
        return false;
    }

    /** Whether the provider may bill for the attempt under way. */
    boolean maySpend() {
        return attempt != null && attempt.maySpend();
    }

    /** What is known of the answer so far. */
    Learnt learnt() {
        return attempt == null ? Learnt.NOTHING : attempt.learnt();
    }

    /** Ends all that is waited for and all attempts: the call is over. */
    void cancel() {
        if (waiting != null) {
            waiting.cancel();
        }
        if (queued != null) {
            queued.cancel();
        }
        if (attempt != null) {
            attempt.close();
        }
        loseRival();
    }

    /** Gives back the call's place, and what was put up for its last attempt. */
    void leave(boolean served) {
        if (stake != null) {
            if (served) {
                stake.ended(Slot.Ending.ANSWERED);
            }
            stake.letGo(); // of what could not be booked too; does nothing after settling
        }
        permit.leave();
        if (!provider.isEmpty()) {
            call.relay.turns().serve(provider, System.nanoTime());
        }
    }

    /** Whether limits are told, so that the provider's beside them would be taken for them. */
    boolean tellsLimits() {
        return permit != Permit.FREE || (stake != null && stake.permit() != Permit.FREE);
    }

    /** Tells who answers, after how many attempts, and what is left of the limits. */
    void tell(Headers headers) {
        if (!provider.isEmpty()) {
            headers.set("x-lockkeeper-provider", provider);
            if (tries != null && tries.attempts() > 1) {
                headers.set("x-lockkeeper-attempts", Integer.toString(tries.attempts()));
            }
            if (!upstreamModel.isEmpty()) {
                headers.set("x-lockkeeper-target", provider + "/" + upstreamModel);
            }
        }
        permit.rateLimitHeaders(stake == null ? Permit.FREE : stake.permit(), headers::set);
    }

    /** How many tokens the call really took, all attempts together. */
    void took(long tokens) {
        permit.correct(tokens);
    }

    /** Who was asked last; empty: nobody. */
    String provider() {
        return provider;
    }

    /** What it calls the model; empty where there is none. */
    String upstreamModel() {
        return upstreamModel;
    }

    /** What is put up for the attempt under way, or for the next one; null: nothing yet. */
    @Nullable Stake stake() {
        return stake;
    }

    /** What the request that is to be sent has to go on with; null: it begins. */
    @Nullable Resume resume() {
        return rescuing == null ? null : rescuing.resume();
    }

    List<FailedAttempt> failedAttempts() {
        return failedAttempts;
    }

    // ---- what the fare is reckoned by ----

    /** Tokens of the prompt at the first candidate. */
    Tokens estimate() {
        return estimate;
    }

    Placed first() {
        return first;
    }

    /** The caller's own mark of the call. */
    String tag() {
        return labels.tag();
    }

    /** Its money is set aside: the attempt is made. */
    void paid(Placed at, long limit) {
        making.go(at, limit);
    }

    /** The call goes on as one for another model, which costs less; {@code tell} says so where nobody serves that. */
    void startAnew(Stake unused, Runnable tell) {
        unused.giveBack();
        if (choose()) {
            estimate = fare.reckoned(first.upstreamModel(), call.asked.textBytes());
            next(tell);
        }
    }
}
