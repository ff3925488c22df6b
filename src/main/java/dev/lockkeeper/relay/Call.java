package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.dialect.openai.Made;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.Nearest;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.dialect.openai.Reference;
import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.dialect.openai.Rewritten;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Exchange.BodyFault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import dev.lockkeeper.upstream.Provider;
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
 *   serve      who may be asked? one attempt after another, till one answers: {@link Serving}, {@link Fare}
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

    private static final Logger LOG = LoggerFactory.getLogger(Call.class);
    final Relay relay;
    final Rules rules;
    final Exchange exchange;
    final Loop loop;
    final Caller caller;
    final Endpoint endpoint;

    /** What it costs. */
    final Fare fare;

    /** Who answers it. */
    final Serving serving;

    private final List<String> pathIds;
    final Ownership ownership;
    private Loop.@Nullable Subscription ticking;

    // What reading has told.
    @Nullable RequestBody incoming;

    @Nullable RequestScan scan;

    @Nullable Bytes prompt;

    long bytesIn;
    private long bytesHeld;
    String modelName = "";

    @Nullable Model model;

    List<String> warnings = List.of();

    // What came of it.
    private @Nullable BatchInput batchInput;

    @Nullable BatchMoney batchMoney;

    /** What was asked; says nothing where there is no JSON body. */
    RequestScan asked;

    @Nullable Bytes requestBody;

    int status;
    private long ownNanos;
    private long ownSince;
    private long firstByteNanos = -1;
    private long bytesOut;
    private boolean streamed;
    private boolean shortForm;
    boolean over;

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
        this.fare = new Fare(this);
        this.serving = new Serving(this, fare);
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

    private String contentType() {
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
    private boolean takeRoom(int bytes) {
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
        if (exchange.over()) {
            abandoned();
        } else {
            refuse(Refusal.unread(why, rules.maxRequestBody()));
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
                        () -> serving.serve(
                                found,
                                (at, limit) -> ownLines(at, () -> serving.attempt(rewrite(at, found, body, limit))))));
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
                        serving.resume()));
        if (!rewritten.warnings().isEmpty()) {
            warnings = Stream.concat(warnings.stream(), rewritten.warnings().stream())
                    .distinct() // each attempt's body is made anew
                    .toList();
        }
        return RequestBody.of(rewritten.pieces(), rewritten.length());
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

    /**
     * The last step before the client learns that its answer is whole: usage is booked and what was made is registered.
     * Then, and only then, {@code whole} may write the answer's end. Where what was made can't be registered nobody could
     * ever use it, so {@code lost} says so instead.
     */
    void gate(Learnt learnt, Runnable whole, Consumer<Refusal> lost) {
        idle();
        fare.usageOf(learnt, usage -> {
            if (over) {
                return;
            }
            fare.settle(usage, learnt, learnt.failed() ? Outcome.FAILED : Outcome.SERVED);
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
                        relay.later().seen(serving.provider(), pathIds.getFirst(), learnt);
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

    /** Says no, once, where nothing has been sent yet; later calls do nothing. */
    void refuse(Refusal why) {
        refuse(why, Learnt.NOTHING);
    }

    void refuse(Refusal why, Learnt learnt) {
        if (over) {
            return;
        }
        if (serving.bearsRefusal()) {
            return;
        }
        relay.inFlight().count(why);
        Refusal.Said said = Refusal.said(why);
        Headers headers = said.headers();
        addOwnHeaders(headers);
        answer(said.status(), headers, Errors.envelope(said.message(), said.type(), said.param(), said.code()));
        finish(learnt, fare.used(learnt), said.outcome(), said.code() == null ? "" : said.code());
    }

    // ---- what an attempt and its answer say to the client, counted ----

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
        if (serving.tellsLimits()) {
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

    void addOwnHeaders(Headers headers) {
        headers.set("x-request-id", exchange.id());
        serving.tell(headers);
        headers.set("x-lockkeeper-overhead-us", Long.toString(ownNanos() / 1000));
        if (fare.costNanos != CallReport.NO_COST) {
            headers.set("x-lockkeeper-cost", new Money(fare.costNanos).toString());
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
        try { // without an object for each tick
            if (!over && relay.cuttingShort()) {
                serving.cutShort();
            } else {
                serving.tick(nowNanos);
            }
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

    /** The client went away: the upstream is told at once. */
    private void abandoned() {
        if (over) {
            return;
        }
        Learnt learnt = serving.learnt();
        ownership.alsoMade(learnt);
        status = status == 0 ? CallReport.CLIENT_GONE : status;
        finish(learnt, fare.used(learnt), Outcome.ABANDONED, "");
    }

    /** Ends an answer that can't be whole: its last bytes have said so. */
    void broken(Learnt learnt) {
        if (!over) {
            ownership.alsoMade(learnt);
        }
        finish(learnt, fare.used(learnt), Outcome.FAILED, learnt.errorCode());
    }

    /**
     * Ends a call whose upstream said no in an answer of its own.
     *
     * @param failed whether the upstream failed, rather than found fault with the request
     */
    void refusedUpstream(String code, boolean failed) {
        finish(Learnt.NOTHING, null, failed ? Outcome.FAILED : Outcome.SERVED, code);
    }

    /** Whether the answer is told as a stream. */
    boolean streamed() {
        return streamed;
    }

    /** Whether this call has ended; nothing is written or counted after. */
    boolean over() {
        return over;
    }

    void finish(Learnt learnt, @Nullable Usage usage, Outcome outcome, String errorCode) {
        if (over) {
            return;
        }
        over = true;
        Meter open = fare.meter();
        try {
            letGoOfAll(open);
        } catch (RuntimeException | Error bug) {
            LOG.error("Call {} could not let go of all it had", exchange.id(), bug);
        }
        boolean unbooked = open != null && !open.ended();
        if (usage == null && (unbooked || !learnt.text().isEmpty())) {
            Stake current = serving.stake();
            fare.usageOf(learnt, seen -> close(learnt, Fare.withUnseen(current, seen), outcome, errorCode));
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
        if (!serving.maySpend()) {
            if (open != null) {
                open.release();
            }
            if (batchMoney != null) {
                batchMoney.release();
            }
        }
        if (batchInput != null) {
            batchInput.close();
        }
        serving.cancel();
        if (incoming != null) {
            incoming.close();
        }
    }

    /** Books what isn't yet, gives the call's place back, and tells its end. */
    private void close(Learnt learnt, @Nullable Usage usage, Outcome outcome, String errorCode) {
        try {
            fare.settle(usage, learnt, outcome);
        } finally {
            serving.leave(outcome == Outcome.SERVED);
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
                            serving.upstreamModel(),
                            serving.provider(),
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
                            fare.costNanos,
                            serving.failedAttempts(),
                            0,
                            ""));
        } finally {
            relay.ended(rules);
        }
    }
}
