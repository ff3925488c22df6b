package dev.lockkeeper;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.admin.Admin;
import dev.lockkeeper.admin.AdminToken;
import dev.lockkeeper.admin.RunningServer;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.door.Door;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.http.Server;
import dev.lockkeeper.objects.ObjectRegistry;
import dev.lockkeeper.observe.CallLog;
import dev.lockkeeper.observe.Metrics;
import dev.lockkeeper.relay.InFlight;
import dev.lockkeeper.relay.Pools;
import dev.lockkeeper.relay.Relay;
import dev.lockkeeper.relay.Rules;
import dev.lockkeeper.relay.Watcher;
import dev.lockkeeper.relay.Workers;
import dev.lockkeeper.routing.Models;
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
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole gateway: every part, built once, in the order of the floors, and closed in reverse. What the operator may change
 * while it stands is the {@link Rules} value inside the relay.
 */
public final class House implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(House.class);
    private static final String SIMULATOR = "simulator";
    private static final int WORKERS = 2;

    private final Deque<AutoCloseable> built = new ArrayDeque<>();
    private final Keys keys;
    private final InFlight inFlight;
    private final Server server;
    private final Server adminServer;
    private final @Nullable String firstKey;

    /**
     * Builds the house and opens its doors.
     *
     * @param calls where the line of each call goes
     * @throws DatabaseUnavailable when the data folder can't be used; the message says why and what to do
     * @throws IOException when a file in it can't be written
     * @throws dev.lockkeeper.http.PortTaken when an address can't be listened on; the message says which
     */
    public static House start(Settings settings, OutputStream calls) throws DatabaseUnavailable, IOException {
        return new House(settings, calls, Clock.systemUTC(), new SecureRandom());
    }

    private House(Settings settings, OutputStream calls, Clock clock, SecureRandom random)
            throws DatabaseUnavailable, IOException {
        try {
            Database database = keep(Database.open(settings.data()));
            keys = new Keys(database, clock, random);
            ObjectRegistry objects = new ObjectRegistry(database, clock);

            Loops loops = keep(Loops.start(settings.loops(), random));
            Pools pools = keep(new Pools(loops));
            Workers workers = keep(new Workers(WORKERS));
            Rules rules = rules(settings, settings.simulated() ? simulator(loops, random, clock) : 0);

            Metrics metrics = keep(new Metrics(model -> rules.models().find(model) != null));
            Watcher watcher = metrics;
            if (settings.log().calls()) {
                CallLog log = keep(CallLog.start(calls, clock, settings.log().client()));
                metrics.logLinesLost(log::lost);
                watcher = report -> {
                    metrics.ended(report);
                    log.ended(report);
                };
            }
            Relay relay = new Relay(
                    rules,
                    settings.relay(),
                    settings.server().maxRequestBody(),
                    objects,
                    pools,
                    workers,
                    watcher,
                    clock);
            inFlight = relay.inFlight();
            metrics.callsInFlight(relay.inFlight()::calls);
            metrics.bytesInFlight(relay.inFlight()::bytes);
            metrics.overloads(relay.inFlight());
            metrics.loopsHeldUp(loops::timesHeldUp);
            metrics.upstreamConnections(pools::connections);
            metrics.watch(loops.all());

            Door door = new Door(keys, relay, settings.door(), clock.millis() / 1000);
            server = keep(loops.serve(settings.server(), door, House::unreadable));
            metrics.overload("connections_unheard", server::connectionsClosedUnheard);
            metrics.overload("descriptors", server::connectionsNotAccepted);

            Admin admin = new Admin(
                    settings.admin(),
                    keys,
                    AdminToken.in(settings.data(), random),
                    () -> List.of(
                            database.answers()
                                    ? new Admin.Check("database", true, "answers")
                                    : new Admin.Check("database", false, "does not answer within a second"),
                            new Admin.Check("calls", true, relay.inFlight().calls() + " under way")),
                    metrics::scrape);
            adminServer = keep(loops.serve(Admin.listening(settings.admin()), admin::handle, Admin::unreadable));
            RunningServer.announce(settings.data(), settings.admin().host(), adminServer.port());
            keep(() -> RunningServer.withdraw(settings.data()));
            // Last: a start that fails must not use up the one showing of the key.
            firstKey = keys.list().isEmpty() ? firstKey(keys) : null;
        } catch (DatabaseUnavailable | IOException | RuntimeException failed) {
            close();
            throw failed;
        }
    }

    private static String firstKey(Keys keys) {
        Created first = keys.create("first", Keys.DEFAULT_PROJECT, KeyKind.LIVE, List.of());
        return first.text();
    }

    /** Starts the simulated provider and returns its port. It stands on loopback only, so it asks for no key. */
    private int simulator(Loops loops, SecureRandom random, Clock clock) {
        SimulatorSettings simulated = SimulatorSettings.drawn(random, clock).withRules(false, false);
        return keep(Simulator.start(loops, "127.0.0.1", 0, simulated)).port();
    }

    /** Makes the rules of what the operator wrote; the simulated provider's port is known only now. */
    private static Rules rules(Settings settings, int simulatorPort) {
        Map<String, Provider> providers = new LinkedHashMap<>();
        for (ProviderSettings each : settings.providers()) {
            boolean simulated = settings.simulated() && each.name().equals(SIMULATOR);
            providers.put(each.name(), new Provider(simulated ? at(each, simulatorPort) : each));
        }
        Provider first = providers.values().iterator().next();
        return new Rules(new Models(settings.models()), providers, first);
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

    /** Bytes that are held for calls now. */
    public long bytesInFlight() {
        return inFlight.bytes();
    }

    /** The keys. */
    public Keys keys() {
        return keys;
    }

    /** The text of the key that was made because there was none; null when there were keys. Shown once, kept nowhere. */
    public @Nullable String firstKey() {
        return firstKey;
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
