package dev.lockkeeper;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Tenants;
import dev.lockkeeper.admin.Admin;
import dev.lockkeeper.admin.AdminToken;
import dev.lockkeeper.admin.Api;
import dev.lockkeeper.admin.AuditOperations;
import dev.lockkeeper.admin.BudgetOperations;
import dev.lockkeeper.admin.ComparisonOperations;
import dev.lockkeeper.admin.FlagOperations;
import dev.lockkeeper.admin.HealthOperations;
import dev.lockkeeper.admin.KeyOperations;
import dev.lockkeeper.admin.LimitOperations;
import dev.lockkeeper.admin.NodeOperations;
import dev.lockkeeper.admin.Offered;
import dev.lockkeeper.admin.PendingOperations;
import dev.lockkeeper.admin.PeopleOperations;
import dev.lockkeeper.admin.PriceOperations;
import dev.lockkeeper.admin.Reloaded;
import dev.lockkeeper.admin.RouteOperations;
import dev.lockkeeper.admin.RunningServer;
import dev.lockkeeper.admin.ServerOperations;
import dev.lockkeeper.admin.Tenancy;
import dev.lockkeeper.admin.TenantOperations;
import dev.lockkeeper.admin.UsageOperations;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.door.Door;
import dev.lockkeeper.http.DrainSettings;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.http.Server;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Lag;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.QuotaRequests;
import dev.lockkeeper.objects.ObjectRegistry;
import dev.lockkeeper.observe.AlertTeller;
import dev.lockkeeper.observe.CallLog;
import dev.lockkeeper.observe.Logging;
import dev.lockkeeper.observe.Metrics;
import dev.lockkeeper.relay.CallReport;
import dev.lockkeeper.relay.Foresight;
import dev.lockkeeper.relay.InFlight;
import dev.lockkeeper.relay.KeyedCalls;
import dev.lockkeeper.relay.Later;
import dev.lockkeeper.relay.Pools;
import dev.lockkeeper.relay.Probes;
import dev.lockkeeper.relay.Relay;
import dev.lockkeeper.relay.ResumableStreams;
import dev.lockkeeper.relay.Rules;
import dev.lockkeeper.relay.Watcher;
import dev.lockkeeper.relay.Workers;
import dev.lockkeeper.repeats.KeptAnswers;
import dev.lockkeeper.routing.Health;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.simulator.Simulator;
import dev.lockkeeper.simulator.SimulatorSettings;
import dev.lockkeeper.upstream.Provider;
import dev.lockkeeper.upstream.ProviderSettings;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole gateway: every part, built once, in the order of the floors, and closed in reverse. What the operator may change
 * while it stands is the {@link Rules} value inside the relay.
 */
public final class House implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(House.class);
    private static final int WORKERS = 2;
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(100);

    /** How often it is told what a stop waits for. */
    private static final Duration PROGRESS = Duration.ofSeconds(5);

    /** How often is looked whether the wait of a stop is over. */
    private static final long LOOK_MILLIS = 20;

    /** How long calls that are cut short may take to say so, and to be counted: the first estimate of tokens loads a vocabulary. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(5);

    private final Deque<AutoCloseable> built = new ArrayDeque<>();
    private final SecureRandom random;
    private final Clock clock;
    private final Access access;
    private final Ledger ledger;
    private final Limits limits;
    private final Loops loops;
    private final Pools pools;
    private final CallLog log;
    private final AlertTeller alerts;
    private final Health health;
    private final Probes probes;
    private final Relay relay;
    private final Door door;
    private final InFlight inFlight;
    private final Server server;
    private final Server adminServer;
    private final @Nullable String firstKey;

    /** Null where the settings did not come from files. */
    private final @Nullable Reloader reloader;

    private final AtomicBoolean draining = new AtomicBoolean();

    /** What is in effect: what was written last, but what can't change while the house stands is as it was at the start. */
    private volatile Settings settings;

    /** The simulated provider, while it is needed or calls still go to it. Guarded by this. */
    private @Nullable Simulator simulator;

    /** Replaced rules under which calls were under way when last looked at. Guarded by this. */
    private final List<Rules> leaving = new ArrayList<>();

    /**
     * Builds the house and opens its doors.
     *
     * @param calls where the line of each call goes
     * @throws DatabaseUnavailable when the data folder can't be used; the message says why and what to do
     * @throws IOException when a file in it can't be written
     * @throws dev.lockkeeper.http.PortTaken when an address can't be listened on; the message says which
     */
    public static House start(Settings settings, OutputStream calls) throws DatabaseUnavailable, IOException {
        return start(settings, calls, Clock.systemUTC());
    }

    /** The same by another clock. */
    public static House start(Settings settings, OutputStream calls, Clock clock)
            throws DatabaseUnavailable, IOException {
        return new House(settings, null, calls, clock, new SecureRandom());
    }

    /** The same by a configuration that can be read again: its files are watched, and the admin port takes the wish. */
    static House start(Loaded.Good loaded, Reloader.Source source, OutputStream calls)
            throws DatabaseUnavailable, IOException {
        return new House(
                loaded.settings(), new Configured(loaded, source), calls, Clock.systemUTC(), new SecureRandom());
    }

    /** Where settings came from, and how to get them again. */
    private record Configured(Loaded.Good loaded, Reloader.Source source) {}

    private House(
            Settings settings, @Nullable Configured configured, OutputStream calls, Clock clock, SecureRandom random)
            throws DatabaseUnavailable, IOException {
        this.settings = settings;
        this.clock = clock;
        this.random = random;
        // They start while the database opens: neither needs anything of the other.
        FutureTask<Loops> starting = new FutureTask<>(() -> Loops.start(settings.loops(), random));
        Thread.ofPlatform().name("loops-start").start(starting);
        Loops started = null;
        try {
            Database database = keep(Database.open(settings.data(), settings.database()));
            limits = keep(Limits.open(database, clock, System::nanoTime).sharing());
            access = keep(Access.open(database, clock, random, System::nanoTime).watching());
            Keys keys = access.keys();
            ObjectRegistry objects = new ObjectRegistry(database, clock);
            // Before the loops, so that it is closed behind them: what they settle last is booked.
            ledger = keep(Ledger.open(
                    database,
                    DataFolder.journal(settings.data()),
                    Loops.wanted(settings.loops()),
                    clock,
                    settings.ledger()));
            KeptAnswers kept = keep(KeptAnswers.open(database, settings.data(), settings.repeats(), clock, random));
            KeyedCalls keyed = new KeyedCalls(kept);
            ResumableStreams streams = new ResumableStreams(random);

            started = started(starting);
            loops = keep(started);
            pools = keep(new Pools(loops));
            Workers workers = keep(new Workers(WORKERS));
            keep(this::closeSimulator);
            Rules rules = rules(settings, settings.simulated() ? simulator() : 0);
            pools.open(rules.providers().values());

            Metrics metrics = keep(new Metrics(this::offers));
            log = keep(CallLog.start(calls, System::nanoTime, settings.log().client()));
            metrics.logLinesLost(log::lost);
            Watcher watcher = report -> {
                keyed.ended(report);
                CallReport told = streams.told(report);
                metrics.ended(told);
                if (this.settings.log().calls()) {
                    log.ended(told);
                }
            };
            Breakers breakers = new Breakers();
            health = new Health(System::nanoTime, breakers);
            health.follow(settings.health());
            breakers.show(metrics, health::standings);
            Router router = new Router(
                    health,
                    (model, named, call) ->
                            access.flags().basisPoints(model, named, call.organization(), call.project()) / 100.0,
                    () -> ThreadLocalRandom.current().nextLong());
            relay = new Relay(rules, objects, pools, workers, limits, ledger, router, health, random, watcher, clock);
            probes = keep(Probes.begin(relay, loops.all().getFirst(), random, settings.health()));
            keep(relay.later()).begin(ledger.waiting(), loops.all());
            inFlight = relay.inFlight();
            metrics.callsInFlight(relay.inFlight()::calls);
            metrics.bytesInFlight(relay.inFlight()::bytes);
            metrics.overloads(relay.inFlight());
            metrics.keptAnswers(kept::keys, kept::bytes, kept::notKept);
            metrics.resumableStreams(streams::streams, streams::bytes, streams::notKept);
            metrics.messagesLost(Logging::lost);
            metrics.ledger(
                    ledger::openHolds,
                    ledger::journalBytes,
                    () -> ledger.lag().records(),
                    () -> ledger.lag().millis(),
                    () -> ledger.closed() == null ? 1 : 0);
            if (database.isPostgres()) {
                metrics.leases(
                        () -> ledger.leased().nanos(),
                        () -> ledger.leased().freeNanos(),
                        () -> ledger.leased().failedRounds());
                metrics.limitShares(
                        () -> limits.shared().held(),
                        () -> limits.shared().left(),
                        () -> limits.shared().nodes(),
                        () -> limits.shared().failedRounds());
            }
            Later later = relay.later();
            metrics.later(later::count, later::heldNanos, later::oldestMillis, later::known, later::guessed);
            metrics.loopsHeldUp(loops::timesHeldUp);
            metrics.upstreamConnections(pools::connections);
            metrics.watch(loops.all());

            door = new Door(keys, relay, keyed, streams, settings.door(), clock.millis() / 1000);
            server = keep(loops.serve(settings.server(), door, House::unreadable));
            server.certificateNotAfter()
                    .ifPresent(first -> metrics.certificate(
                            () -> server.certificateNotAfter().orElse(first).getEpochSecond(),
                            () -> server.certificateUnusable() ? 1 : 0));
            metrics.overload("connections_unheard", server::connectionsClosedUnheard);
            metrics.overload("descriptors", server::connectionsNotAccepted);

            alerts = keep(AlertTeller.start(
                    new Alerts(database), ledger.budgets()::lookForSurges, settings.alerts(), clock, loops));
            Offered offered = new Offered() {
                @Override
                public boolean model(String name) {
                    return offers(name);
                }

                @Override
                public boolean provider(String name) {
                    return relay.rules().providers().containsKey(name);
                }

                @Override
                public boolean region(String name) {
                    return relay.rules().models().isServed(name);
                }

                @Override
                public boolean share(String model, String named) {
                    Model found = relay.rules().models().find(model);
                    return found != null && found.shares(named);
                }
            };
            Statements statements = new Statements(database);
            Admin admin = new Admin(
                    settings.admin(),
                    new Api(List.of(
                            KeyOperations.of(keys),
                            LimitOperations.of(limits, new QuotaRequests(database, limits, random), access),
                            TenantOperations.of(
                                    access.tenants(), Tenancy.of(ledger.budgets()::balances, keys::projectOf), offered),
                            FlagOperations.of(access.flags(), offered),
                            NodeOperations.of(ledger.budgets()::nodes, ledger.budgets()::fence, access),
                            BudgetOperations.of(ledger::budgets, new Alerts(database), access, offered),
                            PendingOperations.of(later::pending),
                            HealthOperations.of(health::standings),
                            PeopleOperations.of(access.people()),
                            AuditOperations.of(access.audit()),
                            UsageOperations.of(() -> statements, access, clock),
                            ComparisonOperations.of(
                                    () -> statements,
                                    () -> relay.rules().models(),
                                    () -> relay.rules().prices(),
                                    clock),
                            PriceOperations.of(
                                    () -> relay.rules().models(),
                                    () -> relay.rules().prices(),
                                    clock),
                            RouteOperations.of(
                                    new Foresight(() -> relay.rules().models(), router, relay.estimates(), clock),
                                    keys::caller,
                                    this::isSimulated),
                            ServerOperations.of(access.audit(), () -> readAgain("asked for on the admin port")))),
                    AdminToken.in(settings.data(), random),
                    access.people()::find,
                    () -> readiness(database),
                    metrics::scrape);
            adminServer = keep(loops.serveApart(Admin.listening(settings.admin()), admin::handle, Admin::unreadable));
            RunningServer.announce(settings.data(), settings.admin().host(), adminServer.port());
            keep(() -> RunningServer.withdraw(settings.data()));
            // Last: a start that fails must not use up the one showing of the key.
            firstKey = keys.none() ? firstKey(keys) : null;
            reloader = configured == null
                    ? null
                    : keep(Reloader.start(
                            configured.loaded, configured.source, this::reload, metrics, clock, Reloader.LOOK_EVERY));
        } catch (DatabaseUnavailable | IOException | RuntimeException failed) {
            close();
            if (started == null) {
                started(starting).close();
            }
            throw failed;
        }
    }

    /**
     * Puts other settings into effect while calls run. Calls under way go on as they began; those that begin from now on
     * go by the new settings. Connections to providers that are still reached in the same way are kept; the others are
     * closed when their calls have ended. Keys, objects and counters stay as they are. Any thread but an event loop's;
     * blocks.
     *
     * @param next what is written now; of what can't change while the house stands nothing is taken, see
     *     {@link Settings#whileRunning}
     * @throws RuntimeException when it can't be put into effect; then nothing has changed
     */
    public synchronized void reload(Settings next) {
        Settings before = settings;
        Settings after = before.whileRunning(next);
        Rules rules = rules(after, after.simulated() ? simulator() : 0);
        pools.open(rules.providers().values());
        if (!after.log().equals(before.log())) {
            Logging.apply(after.log());
        }
        settings = after;
        log.show(after.log().client());
        door.follow(after.door());
        alerts.follow(after.alerts());
        health.follow(after.health());
        probes.follow(after.health());
        leaving.removeIf(each -> each.calls() == 0);
        leaving.add(relay.follow(rules));
        pools.keepOnly(rules.providers().values());
        if (before.simulated() && !after.simulated()) {
            Thread.ofVirtual().name("simulator-end").start(this::endSimulator);
        }
    }

    /**
     * Reads the configuration again and puts it into effect, or says what is wrong with it and changes nothing.
     *
     * @param why for the log: who or what asked for it
     */
    Reloaded readAgain(String why) {
        Reloader reads = reloader;
        return reads == null
                ? new Reloaded.Failed("this server has no configuration that could be read again")
                : reads.reload(why);
    }

    /** Waits for the loops. */
    private static Loops started(FutureTask<Loops> starting) {
        try {
            return starting.get();
        } catch (ExecutionException failed) {
            throw new IllegalStateException("the event loops can't be started: " + failed.getCause(), failed);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the event loops started", stopped);
        }
    }

    private boolean isSimulated(String provider) {
        Provider found = relay.rules().providers().get(provider);
        return found != null && found.isSimulator();
    }

    /** How those who serve are doing. */
    public Health health() {
        return health;
    }

    private boolean offers(String model) {
        return relay.rules().models().find(model) != null;
    }

    private List<Admin.Check> readiness(Database database) {
        List<Admin.Check> checks = new ArrayList<>();
        checks.add(
                database.answers()
                        ? new Admin.Check("database", true, "answers")
                        : new Admin.Check("database", false, database.where() + " does not answer within a second"));
        checks.add(books(ledger));
        if (reloader != null) {
            checks.add(reloader.check());
        }
        checks.add(new Admin.Check("calls", true, inFlight.calls() + " under way"));
        if (draining.get()) {
            checks.add(new Admin.Check("draining", false, "this process was told to stop; send calls elsewhere"));
        }
        return checks;
    }

    private static Admin.Check books(Ledger ledger) {
        String closed = ledger.closed();
        if (closed != null) {
            return new Admin.Check("ledger", false, closed);
        }
        Lag lag = ledger.lag();
        String leases = ledger.leased().trouble();
        String said = lag.trouble() == null
                ? "open"
                : lag.records() + " records wait for the database since " + lag.millis() + " ms: " + lag.trouble();
        return new Admin.Check(
                "ledger",
                true,
                leases == null
                        ? said
                        : said + "; calls go on with what is leased of budgets, no more is had: " + leases);
    }

    private static String firstKey(Keys keys) {
        Created first =
                keys.create(Actor.folder("first start"), "first", Tenants.DEFAULT_PROJECT, KeyKind.LIVE, KeyTerms.FREE);
        return first.text();
    }

    /** The simulated provider's port; starts it where it does not run. It stands on loopback only, so it asks for no key. */
    private synchronized int simulator() {
        Simulator running = simulator;
        if (running == null) {
            SimulatorSettings simulated = SimulatorSettings.drawn(random, clock).withRules(false, false);
            running = Simulator.start(loops, "127.0.0.1", 0, simulated);
            simulator = running;
        }
        return running.port();
    }

    /** Closes the simulated provider when no call goes by rules that may name it, unless it is needed again by then. */
    private void endSimulator() {
        try {
            while (callsUnderOldRules() > 0) {
                Thread.sleep(BETWEEN_LOOKS);
            }
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
            return;
        }
        synchronized (this) {
            if (!settings.simulated()) {
                closeSimulator();
            }
        }
    }

    /** Calls under way that began before a reload. */
    synchronized int callsUnderOldRules() {
        return leaving.stream().mapToInt(Rules::calls).sum();
    }

    private synchronized void closeSimulator() {
        Simulator running = simulator;
        simulator = null;
        if (running != null) {
            running.close();
        }
    }

    /** Makes the rules of what the operator wrote; the simulated provider's port is known only now. */
    private static Rules rules(Settings settings, int simulatorPort) {
        Map<String, Provider> providers = new LinkedHashMap<>();
        for (ProviderSettings each : settings.providers()) {
            boolean simulated = settings.simulated() && each.name().equals(Provider.SIMULATOR);
            providers.put(each.name(), new Provider(simulated ? at(each, simulatorPort) : each));
        }
        Provider first = providers.values().iterator().next();
        return new Rules(
                settings.offered(),
                providers,
                first,
                settings.priceBook(),
                settings.relay(),
                settings.server().maxRequestBody());
    }

    private static ProviderSettings at(ProviderSettings provider, int port) {
        return provider.at(URI.create("http://127.0.0.1:" + port + "/v1"));
    }

    /** The body of an answer to what is not a request. */
    private static dev.lockkeeper.units.Bytes unreadable(int status, String message) {
        return Errors.envelope(
                message, "invalid_request_error", null, status == 408 ? "request_timeout" : "bad_request");
    }

    private <T extends AutoCloseable> T keep(T part) {
        built.push(part);
        return part;
    }

    /** The port clients reach. */
    public int port() {
        return server.port();
    }

    /** The port the operator reaches. */
    public int adminPort() {
        return adminServer.port();
    }

    /** Calls under way now. */
    public int callsInFlight() {
        return inFlight.calls();
    }

    /** The settings in effect. */
    public Settings settings() {
        return settings;
    }

    /** Pools of connections to providers, those included that are no longer named and have connections. */
    public int pools() {
        return pools.count();
    }

    /** Whether the simulated provider runs. */
    public synchronized boolean simulatorRuns() {
        return simulator != null;
    }

    /** Bytes that are held for calls now. */
    public long bytesInFlight() {
        return inFlight.bytes();
    }

    /** Who may come in now. */
    public Limits limits() {
        return limits;
    }

    /** The books: for those who audit them. */
    public Ledger ledger() {
        return ledger;
    }

    /** What is waited for beyond the end of its call: for those who watch it. */
    public Later later() {
        return relay.later();
    }

    /** Tenants, keys, flags, and who operates all this. */
    public Access access() {
        return access;
    }

    /** The keys. */
    public Keys keys() {
        return access.keys();
    }

    /** The text of the key that was made because there was none; null when there were keys. Shown once, kept nowhere. */
    public @Nullable String firstKey() {
        return firstKey;
    }

    /**
     * Lets the clients go in good order, then closes: what {@code serve} does when it is told to stop. Blocks for as long as
     * that takes; does nothing the second time. At most {@link DrainSettings#delay} and {@link DrainSettings#within} and a few seconds.
     *
     * <ol>
     *   <li>{@code /readyz} says no. Calls are still taken, but answers ask clients to come back on another connection.
     *   <li>After the delay the port is closed, and each connection ends when nothing is under way on it.
     *   <li>Calls that take longer than they may are told so, each in the way of its dialect.
     *   <li>What is queued is written, and the house is closed. Until then the admin port answers.
     * </ol>
     */
    public void drain() {
        if (!draining.compareAndSet(false, true)) {
            return;
        }
        DrainSettings drain = settings.drain();
        try {
            LOG.info(
                    "stopping: calls are still taken for {} s, then those under way may take {} s",
                    seconds(drain.delay()),
                    seconds(drain.within()));
            server.turnAway();
            Thread.sleep(drain.delay());
            server.shut();
            if (!gone(drain.within())) {
                LOG.warn(
                        "stopping: {} calls on {} connections are cut short after {} s",
                        inFlight.calls(),
                        server.connections(),
                        seconds(drain.within()));
                relay.cutShort();
                boolean _ = gone(LAST_WORDS);
            }
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        } finally {
            close();
            LOG.info("stopped");
        }
    }

    private static double seconds(Duration duration) {
        return duration.toMillis() / 1000.0;
    }

    /** Waits until no call is under way and no client is connected; false where that takes too long. */
    private boolean gone(Duration limit) throws InterruptedException {
        long began = System.nanoTime();
        long told = began;
        while (inFlight.calls() > 0 || server.connections() > 0) {
            long now = System.nanoTime();
            if (now - began >= limit.toNanos()) {
                return false;
            }
            if (now - told >= PROGRESS.toNanos()) {
                told = now;
                LOG.info(
                        "stopping: {} calls are under way on {} connections; {} s are left",
                        inFlight.calls(),
                        server.connections(),
                        limit.minusNanos(now - began).toSeconds());
            }
            Thread.sleep(LOOK_MILLIS);
        }
        return true;
    }

    @Override
    public void close() {
        while (!built.isEmpty()) {
            AutoCloseable part = built.pop();
            try {
                part.close();
            } catch (Exception failed) {
                LOG.warn("closing {} failed: {}", part.getClass().getSimpleName(), failed.toString());
            }
        }
    }
}
