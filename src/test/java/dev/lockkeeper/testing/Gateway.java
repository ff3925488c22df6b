package dev.lockkeeper.testing;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.House;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.access.Tenants;
import dev.lockkeeper.admin.AdminSettings;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.door.DoorSettings;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.DrainSettings;
import dev.lockkeeper.http.Front;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Budgets;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.observe.LogSettings;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.relay.EndUsers;
import dev.lockkeeper.relay.FairSettings;
import dev.lockkeeper.relay.LaterSettings;
import dev.lockkeeper.relay.RelaySettings;
import dev.lockkeeper.relay.ResumeSettings;
import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.upstream.ProviderSettings;
import dev.lockkeeper.upstream.ProviderSettings.Auth;
import dev.lockkeeper.upstream.ProviderSettings.Timeouts;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A whole gateway on free ports and a folder of its own, before upstreams of a test's choice. */
public final class Gateway implements AutoCloseable {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final House house;
    private final ByteArrayOutputStream calls;
    private final Path spill;
    private final String key;

    private Gateway(House house, ByteArrayOutputStream calls, Path spill) {
        this.house = house;
        this.spill = spill;
        this.calls = calls;
        String first = house.firstKey();
        this.key = first != null ? first : key(Tenants.DEFAULT_PROJECT);
    }

    /** Before the simulator. */
    public static Gateway simulated() {
        return new Plan().start();
    }

    /** Before one scripted upstream. */
    public static Gateway before(ScriptedUpstream upstream) {
        return new Plan().provider("upstream", upstream.port()).start();
    }

    public static Plan plan() {
        return new Plan();
    }

    /** What is to be built. */
    public static final class Plan {
        private final List<ProviderSettings> providers = new ArrayList<>();
        private static final HealthSettings.Breaker NO_BREAKER = new HealthSettings.Breaker(
                Duration.ofSeconds(10), 0, 100, 100, Duration.ofHours(1), Duration.ofSeconds(1), 1);

        private final List<ModelSettings> models = new ArrayList<>();
        private Timeouts timeouts = Timeouts.DEFAULT;
        private Duration heartbeat = Duration.ofSeconds(15);
        private Duration gather = Duration.ZERO;
        private long maxRequestBody = 64L << 20;
        private long maxBytesInFlight = 512L << 20;
        private int maxCalls = 20_000;
        private int maxConnections = 20_000;
        private int peek = 256 << 10;
        private List<String> origins = List.of();
        private Duration bodyTimeout = Duration.ofSeconds(30);
        private DrainSettings drain = DrainSettings.USUAL;
        private Front front = Front.NONE;
        private ServerSettings.@Nullable UnixSocket unixSocket;
        private @Nullable Path folder;
        private Clock clock = Clock.systemUTC();
        private LaterSettings later = LaterSettings.DEFAULT;
        private EndUsers endUsers = EndUsers.AS_NAMED;
        private FairSettings fair = FairSettings.NONE;
        private final Map<String, HealthSettings> health = new LinkedHashMap<>();
        private Stores store = Stores.SQLITE;
        private @Nullable DatabaseSettings database;
        private RepeatSettings repeats = RepeatSettings.USUAL;
        private ResumeSettings resume = ResumeSettings.USUAL;

        /** What the catalogue does not know has a price too, so that no call is refused for want of one. */
        private AlertSettings alerts = AlertSettings.LOG_ONLY;

        private PricesSettings prices = new PricesSettings(
                Map.of(), PriceSettings.always(Map.of(Rate.INPUT, Money.DOLLAR, Rate.OUTPUT, 2 * Money.DOLLAR)));

        /** The data folder, which may hold what a gateway before left in it. */
        public Plan data(Path value) {
            folder = value;
            return this;
        }

        /** Where its tables are. */
        public Plan store(Stores value) {
            store = value;
            return this;
        }

        /** Where its tables are, in full. */
        public Plan store(DatabaseSettings value) {
            database = value;
            return this;
        }

        /** What is kept of calls with an idempotency key. */
        public Plan repeats(RepeatSettings value) {
            repeats = value;
            return this;
        }

        /** How streams are kept for clients that come back. */
        public Plan resume(ResumeSettings value) {
            resume = value;
            return this;
        }

        /** How {@link House#drain} lets clients go. */
        public Plan drain(Duration delay, Duration within) {
            drain = new DrainSettings(delay, within);
            return this;
        }

        /** What stands in front of it. */
        public Plan front(Front value) {
            front = value;
            return this;
        }

        /** Where it listens besides. */
        public Plan unixSocket(Path value) {
            unixSocket = new ServerSettings.UnixSocket(value, 0660);
            return this;
        }

        /** Where alerts are sent; unless told otherwise nowhere. */
        public Plan alerts(AlertSettings value) {
            alerts = value;
            return this;
        }

        /** What calls cost; unless told otherwise the catalogue's prices, and a dollar or two a million for the rest. */
        public Plan prices(PricesSettings value) {
            prices = value;
            return this;
        }

        public Plan timeouts(Duration firstByte, Duration idle, Duration total) {
            timeouts = new Timeouts(firstByte, idle, total);
            return this;
        }

        public Plan heartbeat(Duration value) {
            heartbeat = value;
            return this;
        }

        public Plan gather(Duration value) {
            gather = value;
            return this;
        }

        public Plan maxRequestBody(long bytes) {
            maxRequestBody = bytes;
            return this;
        }

        public Plan maxBytesInFlight(long bytes) {
            maxBytesInFlight = bytes;
            return this;
        }

        /** How a provider's health is judged. */
        public Plan health(String provider, HealthSettings value) {
            health.put(provider, value);
            return this;
        }

        /** Where calls wait for a provider's limit. */
        public Plan fair(FairSettings value) {
            fair = value;
            return this;
        }

        /** How what is billed later is waited for. */
        public Plan later(LaterSettings value) {
            later = value;
            return this;
        }

        /** How the people behind calls are named. */
        public Plan endUsers(EndUsers value) {
            endUsers = value;
            return this;
        }

        /** The clock on the wall. */
        public Plan clock(Clock value) {
            clock = value;
            return this;
        }

        public Plan maxCalls(int calls) {
            maxCalls = calls;
            return this;
        }

        public Plan maxConnections(int connections) {
            maxConnections = connections;
            return this;
        }

        public Plan peek(int bytes) {
            peek = bytes;
            return this;
        }

        public Plan origins(String... values) {
            origins = List.of(values);
            return this;
        }

        public Plan bodyTimeout(Duration value) {
            bodyTimeout = value;
            return this;
        }

        public Plan model(String name, Profile profile, String... targets) {
            List<TargetSettings> list = new ArrayList<>();
            for (String each : targets) {
                String[] parts = each.split("/", 2);
                list.add(new TargetSettings(parts[0], parts[1]));
            }
            models.add(new ModelSettings(name, list, profile, 1_000_000, 128_000));
            return this;
        }

        /** A model as it is written. */
        public Plan model(ModelSettings value) {
            models.add(value);
            return this;
        }

        /** A model whose calls are tried by a policy. */
        public Plan model(String name, Policy policy, String... targets) {
            model(name, Profile.AUTO, targets);
            ModelSettings last = models.removeLast();
            models.add(
                    new ModelSettings(name, last.targets(), last.profile(), last.context(), last.maxOutput(), policy));
            return this;
        }

        /** A model whose targets depend on the call; each case is tried once. */
        public Plan cases(String name, CaseSettings... cases) {
            models.add(
                    new ModelSettings(name, List.of(cases), List.of(), Profile.AUTO, 1_000_000, 128_000, Policy.ONCE));
            return this;
        }

        /** A model with a window of so many tokens. */
        public Plan window(String name, long context, String provider, String model) {
            models.add(new ModelSettings(
                    name, List.of(new TargetSettings(provider, model)), Profile.AUTO, context, context / 2));
            return this;
        }

        /** The simulator in the gateway's own process, which is also what a plan without provider means. */
        public Plan simulated() {
            return provider("simulator", 1);
        }

        public Plan provider(String name, int port) {
            return provider(name, port, 100);
        }

        /** @param connections bound of its pool */
        public Plan provider(String name, int port, int connections) {
            URI base = URI.create("http://127.0.0.1:" + port + "/v1");
            providers.add(new ProviderSettings(
                    name,
                    base,
                    Auth.BEARER,
                    "sk-upstream-secret",
                    Map.of(),
                    Map.of(),
                    new ClientSettings(
                            name,
                            "127.0.0.1",
                            port,
                            false,
                            ClientSettings.Version.HTTP_1_1,
                            Duration.ofSeconds(2),
                            Duration.ofSeconds(60),
                            connections,
                            Duration.ofSeconds(1),
                            100,
                            true),
                    Timeouts.DEFAULT));
            return this;
        }

        /** Where what is sent to the provider that was named last stays. */
        public Plan regions(String... values) {
            ProviderSettings last = providers.removeLast();
            providers.add(new ProviderSettings(
                    last.name(),
                    last.baseUrl(),
                    last.auth(),
                    last.keys(),
                    last.headers(),
                    last.query(),
                    last.connection(),
                    last.timeouts(),
                    List.of(values),
                    last.prefill()));
            return this;
        }

        /** Another credential for the provider that was named last. */
        public Plan credential(String value) {
            ProviderSettings last = providers.removeLast();
            providers.add(new ProviderSettings(
                    last.name(),
                    last.baseUrl(),
                    last.auth(),
                    value,
                    last.headers(),
                    last.query(),
                    last.connection(),
                    last.timeouts()));
            return this;
        }

        /** How the provider that was named last takes a message that is begun. */
        public Plan prefill(Prefill value) {
            ProviderSettings last = providers.removeLast();
            providers.add(new ProviderSettings(
                    last.name(),
                    last.baseUrl(),
                    last.auth(),
                    last.keys(),
                    last.headers(),
                    last.query(),
                    last.connection(),
                    last.timeouts(),
                    last.regions(),
                    value));
            return this;
        }

        /** What was planned, on a data folder. */
        public Settings settings(Path data) {
            if (providers.isEmpty()) {
                simulated();
            }
            boolean simulated = providers.getFirst().name().equals("simulator");
            providers.replaceAll(each -> new ProviderSettings(
                    each.name(),
                    each.baseUrl(),
                    each.auth(),
                    each.keys(),
                    each.headers(),
                    each.query(),
                    each.connection(),
                    timeouts,
                    each.regions(),
                    each.prefill()));
            String first = providers.getFirst().name();
            if (models.isEmpty()) {
                for (String each : List.of(
                        "gpt-5.5",
                        "gpt-5.5-pro",
                        "gpt-5.4",
                        "gpt-5.4-mini",
                        "gpt-5.4-nano",
                        "gpt-4o",
                        "gpt-4o-mini",
                        "text-embedding-3-small",
                        "whisper-1",
                        "tts-1",
                        "gpt-image-1")) {
                    model(each, Profile.AUTO, first + "/" + each);
                }
            }
            ServerSettings on = ServerSettings.on("127.0.0.1", 0);
            return new Settings(
                    2,
                    new ServerSettings(
                            on.host(),
                            0,
                            null,
                            on.maxHead(),
                            maxRequestBody,
                            on.headTimeout(),
                            bodyTimeout,
                            on.keepAlive(),
                            maxConnections,
                            front,
                            unixSocket),
                    drain,
                    new DoorSettings(origins),
                    new AdminSettings("127.0.0.1", 0, List.of()),
                    data,
                    database != null ? database : store.settings(data),
                    new RelaySettings(
                            heartbeat,
                            gather,
                            16 << 20,
                            maxBytesInFlight,
                            maxCalls,
                            data.resolve("spill"),
                            peek,
                            100_000_000,
                            false,
                            endUsers,
                            fair,
                            later,
                            resume),
                    repeats,
                    LedgerSettings.DEFAULT,
                    new LogSettings(true, "text", "info", LogSettings.Client.ADDRESS),
                    providers,
                    models,
                    prices,
                    alerts,
                    simulated,
                    false,
                    judged());
        }

        /** Without breakers, unless told otherwise: most tests let one provider fail many times, on purpose. */
        private Map<String, HealthSettings> judged() {
            Map<String, HealthSettings> all = new LinkedHashMap<>();
            for (ProviderSettings each : providers) {
                all.put(each.name(), new HealthSettings(NO_BREAKER, null, 20, null));
            }
            all.putAll(health);
            return all;
        }

        public Gateway start() {
            try {
                Path data = folder != null ? folder : Files.createTempDirectory("lockkeeper-test");
                ByteArrayOutputStream calls = new ByteArrayOutputStream();
                return new Gateway(House.start(settings(data), calls, clock), calls, data.resolve("spill"));
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            } catch (DatabaseUnavailable failed) {
                throw new IllegalStateException(failed);
            }
        }
    }

    /** Puts another plan into effect while calls run. */
    public void reload(Plan plan) {
        house.reload(plan.settings(house.settings().data()));
    }

    public House house() {
        return house;
    }

    public int port() {
        return house.port();
    }

    /** What the admin port answers to a GET without a token. */
    public HttpResponse<String> admin(String path) {
        return send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + house.adminPort() + path))
                .timeout(Duration.ofSeconds(10))
                .GET());
    }

    /** A bare connection to the clients' port. */
    public Socket connect() throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), port());
    }

    /** Asks for an answer on a bare connection. */
    public void chatOn(Socket socket, String json, String... fields) throws IOException {
        StringBuilder call = new StringBuilder(
                        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ")
                .append(key)
                .append("\r\ncontent-type: application/json\r\n");
        for (String each : fields) {
            call.append(each).append("\r\n");
        }
        call.append("content-length: ")
                .append(json.getBytes(StandardCharsets.UTF_8).length)
                .append("\r\n\r\n")
                .append(json);
        socket.getOutputStream().write(call.toString().getBytes(StandardCharsets.UTF_8));
    }

    public String key() {
        return key;
    }

    /** The text of a new key in a project, which is made if it is new. */
    public String key(String project) {
        return key(project, KeyKind.LIVE, KeyTerms.FREE).text();
    }

    /** A key on terms. */
    public Created key(String project, KeyKind kind, KeyTerms terms) {
        return house.keys().create(Actor.folder("test"), "for " + project, project, kind, terms);
    }

    /** A hard budget of so many nano-dollars on the default organization. */
    public void budget(long nanos) {
        budget(new Budget.Terms(nanos, true, List.of()));
    }

    /** A budget on the default organization, once and for all. */
    public void budget(Budget.Terms terms) {
        budget(new Scope(Scope.Kind.ORGANIZATION, "org_default"), terms);
    }

    /** A budget once and for all. */
    public void budget(Scope scope, Budget.Terms terms) {
        assertThat(house.ledger()
                        .budgets()
                        .create(
                                new Budget.Wanted(scope, new Period(Period.Unit.TOTAL, ZoneOffset.UTC), false, terms),
                                List.of()))
                .isInstanceOf(Budgets.Changed.Done.class);
    }

    /** How the first budget stands; the books are audited. */
    public Balance balance() {
        house.ledger().audit();
        return house.ledger().budgets().balances().getFirst();
    }

    /** Waits till nothing is held of the first budget any more, and looks what is spent. */
    public void booked(long nanos) {
        await().atMost(15, SECONDS).untilAsserted(() -> {
            Balance now = balance();
            assertThat(now.heldNanos()).isZero();
            assertThat(now.spentNanos()).isEqualTo(nanos);
        });
    }

    /** A limit on something whose parents have none. */
    public void limit(Subject.Kind kind, String id, Measure measure, long amount) {
        house.limits().set(new Subject(kind, id), measure, amount, null, _ -> List.of(), Witness.NOBODY);
    }

    public String url(String path) {
        return "http://127.0.0.1:" + port() + path;
    }

    /** The lines of the calls' log so far. */
    public String log() {
        return calls.toString(StandardCharsets.UTF_8);
    }

    public HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url(path)))
                .header("authorization", "Bearer " + key)
                .timeout(Duration.ofSeconds(30));
    }

    public HttpResponse<String> post(String path, String json) {
        return send(request(path)
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json)));
    }

    public HttpResponse<String> get(String path) {
        return send(request(path).GET());
    }

    public HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    public HttpResponse<byte[]> bytes(HttpRequest.Builder request) {
        try {
            return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** The files that wait in the spill folder. */
    public List<Path> spilled() {
        if (!Files.isDirectory(spill)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(spill)) {
            return files.toList();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @Override
    public void close() {
        house.close();
    }
}
