package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.TokenEstimate;
import dev.lockkeeper.objects.ObjectRegistry;
import dev.lockkeeper.routing.Health;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.units.Bytes;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Carries calls to upstreams and their answers back: the way of one call is {@link Call}. Holds what all calls share and
 * outlives them all. Calls are handed in on their exchange's loop.
 */
public final class Relay {
    private static final Refusal TOO_MANY_CALLS = new Refusal.Busy(Overload.CALLS, "calls");

    private final AtomicReference<Rules> rules;
    private final ObjectRegistry objects;
    private final Pools clients;
    private final Workers workers;
    private final Limits limits;
    private final Ledger ledger;
    private final Router router;
    private final Health health;
    private final RandomGenerator random;
    private final Races races;
    private final Turns turns;
    private final Later later;
    private final TokenEstimate estimates = new TokenEstimate();
    private final InFlight inFlight;
    private final Watcher watcher;
    private final Clock clock;
    private final TokenCounter tokens = new TokenCounter();

    /** Read once a tick by each call. */
    private volatile boolean cuttingShort;

    /**
     * @param rules the first; {@link #follow} replaces them
     * @param limits who may come in now
     * @param ledger who pays
     * @param router chooses who is asked
     * @param health how those are doing
     * @param random for waits between attempts; any thread
     * @param watcher hears the end of each call
     */
    public Relay(
            Rules rules,
            ObjectRegistry objects,
            Pools clients,
            Workers workers,
            Limits limits,
            Ledger ledger,
            Router router,
            Health health,
            RandomGenerator random,
            Watcher watcher,
            Clock clock) {
        this.rules = new AtomicReference<>(rules);
        this.objects = objects;
        this.clients = clients;
        this.workers = workers;
        this.limits = limits;
        this.ledger = ledger;
        this.router = router;
        this.health = health;
        this.random = random;
        this.races = new Races(clock);
        this.turns = new Turns(limits);
        this.inFlight = new InFlight(
                rules.settings().maxBytesInFlight(), rules.settings().maxCalls());
        this.watcher = watcher;
        this.clock = clock;
        this.later = new Later(this);
    }

    /**
     * Carries one call. Its exchange is answered and its end is told to the watcher, whatever happens.
     *
     * <p>A call beyond the bound ends here, before anything of its body is read. The caller is known by then: who has no
     * key learns nothing of the load, the log line says whose call it was, and finding the key costs a look into memory,
     * less than reading the head did.
     *
     * @param caller who calls
     * @param endpoint what is called
     * @param pathIds what stands for the path's {@code {…}}, decoded
     * @param body the body where the call brings none of its own (a call in short form), else null
     */
    public void carry(Exchange exchange, Caller caller, Endpoint endpoint, List<String> pathIds, @Nullable Bytes body) {
        if (!inFlight.callBegan()) {
            refuse(exchange, caller, endpoint.path(), TOO_MANY_CALLS);
        } else if (endpoint.lists() != null) {
            new OwnedList(this, exchange, caller, endpoint).answer();
        } else {
            new Call(this, exchange, caller, endpoint, pathIds).carry(body);
        }
    }

    /** Says no to a request that never became a call, and tells the watcher. */
    public void refuse(Exchange exchange, @Nullable Caller caller, String endpoint, Refusal why) {
        refuse(exchange, caller, endpoint, why, 0);
    }

    /** The same where its client or others were waited for, {@code waitedNanos} long. */
    void refuse(Exchange exchange, @Nullable Caller caller, String endpoint, Refusal why, long waitedNanos) {
        inFlight.count(why);
        Refusal.Said said = Refusal.said(why);
        Headers headers = said.headers();
        Bytes body = Errors.envelope(said.message(), said.type(), said.param(), said.code());
        exchange.answer(said.status(), headers, body);
        String code = said.code() == null ? "" : said.code();
        answered(exchange, caller, endpoint, said.status(), said.outcome(), code, body.length(), waitedNanos);
    }

    /** Tells the watcher of a request that was answered without an upstream. */
    public void answered(
            Exchange exchange,
            @Nullable Caller caller,
            String endpoint,
            int status,
            CallReport.Outcome outcome,
            String errorCode,
            long bytesOut) {
        answered(exchange, caller, endpoint, status, outcome, errorCode, bytesOut, 0);
    }

    /** The same where upstreams were waited for, {@code waitedNanos} long. */
    void answered(
            Exchange exchange,
            @Nullable Caller caller,
            String endpoint,
            int status,
            CallReport.Outcome outcome,
            String errorCode,
            long bytesOut,
            long waitedNanos) {
        watcher.ended(report(exchange, caller, endpoint, status, outcome, errorCode, bytesOut, waitedNanos));
    }

    /** What such an answer is told as. */
    CallReport report(
            Exchange exchange,
            @Nullable Caller caller,
            String endpoint,
            int status,
            CallReport.Outcome outcome,
            String errorCode,
            long bytesOut,
            long waitedNanos) {
        long total = System.nanoTime() - exchange.startedNanos();
        return new CallReport(
                exchange.id(),
                caller == null ? "" : caller.keyId(),
                caller == null ? "" : caller.project(),
                exchange.clientAddress(),
                endpoint,
                exchange.method(),
                "",
                "",
                "",
                status,
                outcome,
                errorCode,
                false,
                total,
                total,
                Math.max(0, total - waitedNanos),
                null,
                0,
                bytesOut,
                clock.millis() - total / 1_000_000,
                "",
                0,
                CallReport.NO_COST,
                List.of(),
                0,
                "");
    }

    /**
     * Ends every call that is under way, and each that still comes, within a tick of its loop: a stream with its dialect's
     * error event, an answer that has not begun with status 503, both with the code {@code server_shutting_down}. For a
     * process that stops and has waited long enough; there is no way back.
     */
    public void cutShort() {
        cuttingShort = true;
    }

    /** Whether calls are to end now. */
    boolean cuttingShort() {
        return cuttingShort;
    }

    /** The rules in force. */
    public Rules rules() {
        return rules.get();
    }

    /**
     * Puts rules into force: calls that begin from now on go by them, those under way go by theirs to their end.
     *
     * @return the rules before
     */
    public Rules follow(Rules next) {
        inFlight.bound(next.settings().maxBytesInFlight(), next.settings().maxCalls());
        return rules.getAndSet(next);
    }

    /** The rules for a call that begins, and that is counted among those that go by them till {@link #ended}. */
    Rules began() {
        while (true) {
            Rules taken = rules.get();
            taken.callBegan();
            if (rules.get() == taken) {
                return taken;
            }
            taken.callEnded(); // replaced in between: then nobody waits for this call
        }
    }

    /**
     * A call has ended: its place among all calls is free. Said after its end was told to the watcher: a stop waits for
     * calls under way, and then takes no more lines for the log.
     */
    void ended(Rules by) {
        by.callEnded();
        inFlight.callEnded();
    }

    /** What is held for calls now. */
    public InFlight inFlight() {
        return inFlight;
    }

    /** What is waited for beyond the end of its call. */
    public Later later() {
        return later;
    }

    ObjectRegistry objects() {
        return objects;
    }

    Pools clients() {
        return clients;
    }

    Workers workers() {
        return workers;
    }

    Limits limits() {
        return limits;
    }

    Ledger ledger() {
        return ledger;
    }

    Router router() {
        return router;
    }

    Health health() {
        return health;
    }

    Races races() {
        return races;
    }

    RandomGenerator random() {
        return random;
    }

    Turns turns() {
        return turns;
    }

    /** How many tokens prompts have. */
    public TokenEstimate estimates() {
        return estimates;
    }

    Watcher watcher() {
        return watcher;
    }

    Clock clock() {
        return clock;
    }

    TokenCounter tokens() {
        return tokens;
    }

    /** The names of the models that a key may use. */
    List<String> namesFor(Caller caller, Rules current) {
        return current.models().all().stream()
                .map(Model::name)
                .filter(caller::mayUse)
                .toList();
    }
}
