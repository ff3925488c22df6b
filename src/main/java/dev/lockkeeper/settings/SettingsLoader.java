package dev.lockkeeper.settings;

import dev.lockkeeper.admin.AdminSettings;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.door.DoorSettings;
import dev.lockkeeper.http.DrainSettings;
import dev.lockkeeper.http.Front;
import dev.lockkeeper.http.Network;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.limits.FairQueue;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.observe.LogSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.relay.EndUsers;
import dev.lockkeeper.relay.FairSettings;
import dev.lockkeeper.relay.LaterSettings;
import dev.lockkeeper.relay.RelaySettings;
import dev.lockkeeper.relay.ResumeSettings;
import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.upstream.ProviderSettings;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads file, environment and command line into one {@link Settings}, or tells all mistakes at once. Any thread; blocks.
 * Reads nothing but the configuration file and the files that it names, and keeps nothing between two runs.
 */
public final class SettingsLoader {
    private static final String FILE_VARIABLE = "LOCKKEEPER_CONFIG";

    /** Variables that set a key. */
    private static final Map<String, String> VARIABLES = new TreeMap<>(Map.of(
            "LOCKKEEPER_HOST", "server.host",
            "LOCKKEEPER_PORT", "server.port",
            "LOCKKEEPER_ADMIN_HOST", "admin.host",
            "LOCKKEEPER_ADMIN_PORT", "admin.port",
            "LOCKKEEPER_DATA", "data"));

    /** All but those that Kubernetes makes for a Service called lockkeeper. */
    private static final Pattern OWN_VARIABLE = Pattern.compile("LOCKKEEPER_(?!SERVICE_|PORT_\\d).*");

    /** What the simulator offers when nothing is written. */
    private static final List<String> SIMULATED = List.of(
            "gpt-5.5",
            "gpt-5.5-pro",
            "gpt-5.4",
            "gpt-5.4-mini",
            "gpt-5.4-nano",
            "gpt-4o",
            "gpt-4o-mini",
            "text-embedding-3-small");

    /** Descriptors that the process wants for itself: its files, loops, listeners and the admin port. */
    private static final long OWN_DESCRIPTORS = 256;

    /** What a streamed call holds: two connections, their queues, what was read of the request. */
    private static final long HEAP_PER_CALL = 128 << 10;

    /** Characters of a secret that nobody guesses. */
    private static final int LONG_SECRET = 32;

    private static final String UNIX = "unix";
    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration TEN_MINUTES = Duration.ofMinutes(10);

    /** For what providers bill later. */
    private static final Duration LONGEST_WAIT = Duration.ofDays(30);

    private static final long KIB = 1L << 10;
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    private static final Type<Long> PORT = Type.integer(0, 65_535);
    private static final Type<Duration> TIMEOUT = Type.duration(SHORTEST, TEN_MINUTES);

    /** Permissions, as chmod has them. */
    private static final Type<Integer> MODE = new Type<>(
            "permissions",
            "permissions in octal digits, such as 0660",
            text -> text.matches("0?[0-7]{3}") ? Integer.valueOf(text, 8) : null,
            mode -> String.format(Locale.ROOT, "%04o", mode),
            _ -> null,
            false);

    /** Who may be trusted as a proxy. */
    private static final Type<String> PROXY = new Type<>(
            "address range",
            "an address or a range of addresses, such as 10.0.0.0/8 or 2001:db8::7, or unix",
            text -> text.equals(UNIX) || Network.parse(text) != null ? text : null,
            text -> text,
            Network::near,
            false);

    private static final Type<String> ORIGIN = Type.text(
            "origins",
            "an origin, such as https://app.example.com (no path), or \"*\"",
            "\\*|[a-z][a-z0-9+.-]*://[^/\\s?#@*]+");

    private final Machine machine;
    private final Map<String, String> environment;
    private final ConfigFile file;
    private final Reading reading;
    private final Catalog catalog = Shipped.catalog();

    /** Whether the file must say something: a process that runs does not go back to defaults because a file is empty. */
    private final boolean mustSay;

    /** @param before what this is loaded again for; null the first time */
    private SettingsLoader(
            Machine machine, Map<String, String> environment, ConfigFile file, Loaded.@Nullable Good before) {
        this.machine = machine;
        this.environment = environment;
        this.file = file;
        this.mustSay = before != null && before.fromFile();
        this.reading = new Reading(environment, file.folder(), before != null);
    }

    /**
     * Loads the configuration.
     *
     * @param file the file to read; null: the one that {@code LOCKKEEPER_CONFIG} names, else {@code lockkeeper.yaml} in
     *     the working directory if there is one
     * @param environment variables by name
     * @param overrides what the command line says
     */
    public static Loaded load(@Nullable Path file, Map<String, String> environment, Overrides overrides) {
        return load(file, environment, overrides, Machine.here());
    }

    static Loaded load(@Nullable Path file, Map<String, String> environment, Overrides overrides, Machine machine) {
        ConfigFile named = ConfigFile.named(file, environment.getOrDefault(FILE_VARIABLE, ""), machine.folder());
        return new SettingsLoader(machine, environment, named, null).run(overrides);
    }

    /**
     * Loads the configuration anew for a process that runs by one that was loaded before. If that came from a file, the file
     * must still be there and say something: what is missing for a moment, or empty because a disk is full, is a mistake
     * and not a wish for defaults.
     */
    public static Loaded again(
            Loaded.Good before, @Nullable Path file, Map<String, String> environment, Overrides overrides) {
        return again(before, file, environment, overrides, Machine.here());
    }

    static Loaded again(
            Loaded.Good before,
            @Nullable Path file,
            Map<String, String> environment,
            Overrides overrides,
            Machine machine) {
        String variable = environment.getOrDefault(FILE_VARIABLE, "");
        boolean found = before.fromFile() && file == null && variable.isEmpty();
        ConfigFile named = ConfigFile.named(found ? Path.of(ConfigFile.DEFAULT) : file, variable, machine.folder());
        return new SettingsLoader(machine, environment, named, before).run(overrides);
    }

    /** What is in a file now, to be compared with {@link Loaded#files}. Says nothing of the content itself. */
    public static String state(Path file) {
        return Content.again(file).state();
    }

    private Loaded run(Overrides overrides) {
        listen(overrides);
        Map<String, Piece.Member> written = file.read(reading);
        if (mustSay && written.isEmpty() && reading.parserMistakes().isEmpty()) {
            reading.mistake(
                    file.place(), "", null, "the file is empty; for the defaults, restart without a file", null);
        }
        boolean ownProviders = isWritten(written, "providers");
        Section root = Section.root(reading, file.place(), withDefaults(written));

        Section serverSection = root.section("server");
        Setting<Long> loops = serverSection.value(
                "loops", Type.integer(1, 256), (long) Math.clamp(machine.cores(), 1, 256), "as many as cores");
        Setting<String> host = serverSection.value("host", Type.HOST, "127.0.0.1");
        Setting<Long> port = serverSection.value("port", PORT, 8080L);
        ServerSettings server = server(serverSection, host, port);
        DrainSettings drain = drain(serverSection);
        DoorSettings door = door(serverSection.section("cors"));
        serverSection.end();

        Section adminSection = root.section("admin");
        Setting<String> adminHost = adminSection.value("host", Type.HOST, "127.0.0.1");
        Setting<Long> adminPort = adminSection.value("port", PORT, 8081L);
        AdminSettings admin = admin(adminSection, adminHost, adminPort);
        checkPorts(host, port, adminHost, adminPort);

        Path data = root.value(
                        "data",
                        Type.path(file.folder()),
                        machine.folder().resolve("lockkeeper-data"),
                        "./lockkeeper-data")
                .value();
        DatabaseSettings database =
                new Databases(reading, new PemFiles(reading, file.folder())).read(root.section("database"));
        RelaySettings relay = relay(
                root.section("stream"),
                root.section("limits"),
                root.section("end-users"),
                data,
                server.maxRequestBody());
        RepeatSettings repeats = repeats(root.section("idempotency"), database);
        LedgerSettings ledger = ledger(root.section("ledger"));
        LogSettings log = log(root.section("log"));
        Section reload = root.section("reload");
        boolean watch = reload.value("watch", Type.BOOL, true).value();
        reload.end();
        Providers accounts = new Providers(reading, environment, file.folder());
        List<ProviderSettings> providers = accounts.read(root.section("providers"));
        FairSettings fair = fair(root.section("fair-queue"), providers);
        List<ModelSettings> models = new Models(reading, catalog, providers).read(root.section("models"));
        PricesSettings prices = new Prices(reading, Shipped.prices(), providers, models).read(root.section("prices"));
        AlertSettings alerts = new AlertTargets(reading, environment, file.folder()).read(root.section("alerts"));
        root.end();

        if (ownProviders) {
            noteUnused(providers, models);
        } else if (!providers.getFirst().name().equals(Providers.SIMULATOR)) {
            reading.note("OPENAI_API_KEY is set, so OpenAI's models are offered through "
                    + providers.getFirst().baseUrl() + ".");
        }
        if (!reading.mistakes().isEmpty()) {
            return new Loaded.Bad(reading.mistakes(), data, reading.files);
        }
        boolean simulated = providers.stream().anyMatch(each -> each.name().equals(Providers.SIMULATOR));
        Settings settings = new Settings(
                Math.toIntExact(loops.value()),
                server,
                drain,
                door,
                admin,
                data,
                database,
                relay.sharing(fair),
                repeats,
                ledger,
                log,
                providers,
                models,
                prices,
                alerts,
                simulated,
                watch,
                accounts.health());
        return new Loaded.Good(
                settings, reading.notes(), new Effective(reading.entries()), !written.isEmpty(), reading.files);
    }

    /** Takes what command line and environment say: the command line first, so that it wins. */
    private void listen(Overrides overrides) {
        reading.say("server.host", "--host", overrides.host());
        reading.say("server.port", "--port", overrides.port());
        reading.say("admin.port", "--admin-port", overrides.adminPort());
        reading.say("data", "--data", fromHere(overrides.data()));
        VARIABLES.forEach((variable, key) -> {
            String value = environment.getOrDefault(variable, "");
            if (variable.endsWith("_PORT") && value.matches("(tcp|udp|sctp)://.*")) {
                reading.note(
                        variable + " is ignored: Kubernetes sets it for a Service of that name. Set server.port in the"
                                + " file, or enableServiceLinks: false in the pod.");
                return;
            }
            reading.say(key, variable, key.equals("data") && !value.isEmpty() ? fromHere(value) : value);
        });
        Set<String> known = new HashSet<>(VARIABLES.keySet());
        known.add(FILE_VARIABLE);
        environment.keySet().stream().sorted().forEach(variable -> {
            String near = OWN_VARIABLE.matcher(variable).matches() ? Near.to(variable, known) : null;
            if (near != null && !known.contains(variable)) {
                reading.note(variable + " sets nothing; did you mean " + near + "?");
            }
        });
    }

    /** A path from outside the file starts at the working directory; inside the file it starts at the file's folder. */
    private @Nullable String fromHere(@Nullable Object path) {
        try {
            return path == null
                    ? null
                    : machine.folder().resolve(path.toString()).toString();
        } catch (InvalidPathException e) {
            return String.valueOf(path);
        }
    }

    private static boolean isWritten(Map<String, Piece.Member> members, String name) {
        Piece.Member member = members.get(name);
        return member != null
                && switch (member.value()) {
                    case Piece.Text text -> !text.isNull();
                    case Piece.Members mapping -> !mapping.members().isEmpty();
                    case Piece.Items _ -> true;
                };
    }

    /** Puts providers and models where none are written. */
    private Map<String, Piece.Member> withDefaults(Map<String, Piece.Member> written) {
        Map<String, Piece.Member> members = new LinkedHashMap<>(written);
        String key = environment.getOrDefault("OPENAI_API_KEY", "");
        boolean ownProviders = isWritten(written, "providers");
        if (!ownProviders) {
            members.put(
                    "providers",
                    key.isEmpty()
                            ? mapping(Map.of(Providers.SIMULATOR, mapping(Map.of())))
                            : mapping(Map.of("openai", openai(key))));
        }
        if (!isWritten(written, "models")) {
            if (ownProviders) {
                Piece.Member models = written.get("models");
                Place place = models == null ? new Place(file.shown(), 1, 1) : models.at();
                String missing = "missing; write at least one, such as gpt-5.5: " + firstProvider(written);
                reading.mistake(place, "models", null, missing, null);
            }
            List<String> names = key.isEmpty()
                    ? SIMULATED
                    : catalog.of("openai").stream().map(Catalog.Known::model).toList();
            Map<String, Piece.Member> models = new LinkedHashMap<>();
            for (String name : ownProviders ? List.<String>of() : names) {
                models.put(name, said(key.isEmpty() ? Providers.SIMULATOR : "openai", Place.DEFAULT));
            }
            members.put("models", mapping(models));
        }
        return members;
    }

    private static String firstProvider(Map<String, Piece.Member> written) {
        Piece.Member providers = written.get("providers");
        return providers != null && providers.value() instanceof Piece.Members mapping
                ? mapping.members().keySet().stream().findFirst().orElse("openai")
                : "openai";
    }

    private Piece.Member openai(String key) {
        Map<String, Piece.Member> members = new LinkedHashMap<>();
        String url = environment.getOrDefault("OPENAI_BASE_URL", "");
        Place place = url.isEmpty() ? Place.DEFAULT : Place.outside("OPENAI_BASE_URL");
        members.put("base-url", said(url.isEmpty() ? "https://api.openai.com/v1" : url, place));
        members.put("api-key", said(key, Place.outside("OPENAI_API_KEY")));
        // Whoever names a private host in this variable has nowhere else to say that it is meant.
        if (Providers.isPrivate(url)) {
            members.put("private-addresses", said("true", place));
        }
        return mapping(members);
    }

    private static Piece.Member said(String text, Place place) {
        return new Piece.Member(place, new Piece.Text(text.replace("${", "$${"), false, place));
    }

    private static Piece.Member mapping(Map<String, Piece.Member> members) {
        return new Piece.Member(Place.DEFAULT, new Piece.Members(members, Place.DEFAULT, members.size()));
    }

    private ServerSettings server(Section section, Setting<String> host, Setting<Long> port) {
        ServerSettings usual = ServerSettings.on(host.value(), Math.toIntExact(port.value()));
        Setting<Long> maxRequestBody =
                section.value("max-request-body", Type.size(KIB, 16 * GIB), usual.maxRequestBody());
        Setting<Long> maxHead = section.value("max-head", Type.size(KIB, MIB), (long) usual.maxHead());
        Setting<Duration> headTimeout = section.value("head-timeout", TIMEOUT, usual.headTimeout());
        Setting<Duration> bodyTimeout = section.value("body-timeout", TIMEOUT, usual.bodyTimeout());
        Setting<Duration> keepAlive =
                section.value("keep-alive", Type.duration(SHORTEST, Duration.ofHours(1)), usual.keepAlive());
        // Each call wants one descriptor towards its client and one towards its provider.
        long affordable = Math.max(1, (machine.descriptors() - OWN_DESCRIPTORS) / 2);
        Setting<Long> maxConnections = section.value(
                "max-connections",
                Type.integer(1, 1_000_000),
                Math.min(usual.maxConnections(), affordable),
                usual.maxConnections() + ", or what open files allow");
        if (maxConnections.value() > affordable) {
            reading.note("server.max-connections is " + maxConnections.value() + ", and the process may have "
                    + machine.descriptors() + " files and sockets open: with one more for each call's provider that is"
                    + " enough for " + affordable + " connections. Raise the limit (ulimit -n).");
        }
        return new ServerSettings(
                host.value(),
                Math.toIntExact(port.value()),
                new PemFiles(reading, file.folder()).server(section.section("tls")),
                Math.toIntExact(maxHead.value()),
                maxRequestBody.value(),
                headTimeout.value(),
                bodyTimeout.value(),
                keepAlive.value(),
                Math.toIntExact(maxConnections.value()),
                front(section),
                unixSocket(section));
    }

    private ServerSettings.@Nullable UnixSocket unixSocket(Section section) {
        Setting<Optional<Path>> path = section.optional("unix-socket", Type.path(file.folder()), "none");
        Setting<Integer> mode = section.value("unix-socket-mode", MODE, 0660);
        if (path.value().isEmpty()) {
            if (path.usable() && mode.value() != 0660) {
                reading.mistake(mode, "server.unix-socket beside it");
            }
            return null;
        }
        String text = path.value().get().toString();
        if (text.getBytes(StandardCharsets.UTF_8).length > ServerSettings.UnixSocket.MAX_BYTES) {
            reading.mistake(
                    path,
                    "a shorter path: " + text + " is longer than " + ServerSettings.UnixSocket.MAX_BYTES + " bytes");
        }
        return new ServerSettings.UnixSocket(path.value().get(), mode.value());
    }

    private Front front(Section section) {
        Setting<List<Setting<String>>> trusted = section.list("trusted-proxies", PROXY, "[]", piece -> piece);
        Setting<Front.Field> field = section.value(
                "forwarded-field",
                Type.choice(List.of(Front.Field.values()), Front.Field::fieldName),
                Front.Field.X_FORWARDED_FOR);
        Setting<Boolean> proxyProtocol = section.value("proxy-protocol", Type.BOOL, false);
        List<Network> networks = new ArrayList<>();
        boolean unix = false;
        for (Setting<String> each : trusted.value()) {
            Network network = Network.parse(each.value());
            if (network == null) {
                unix = true;
                continue;
            }
            networks.add(network);
            if (network.isEverybody()) {
                reading.note(each.key() + " is " + each.value()
                        + ": whoever reaches the port is believed about the client's address.");
            }
        }
        if (trusted.usable() && trusted.value().isEmpty()) {
            if (proxyProtocol.value()) {
                reading.mistake(
                        proxyProtocol, "server.trusted-proxies beside it: only they may begin with such a header");
            }
            if (field.value() != Front.Field.X_FORWARDED_FOR) {
                reading.mistake(field, "server.trusted-proxies beside it: only they are believed");
            }
        }
        return new Front(networks, unix, field.value(), proxyProtocol.value());
    }

    private static DrainSettings drain(Section section) {
        DrainSettings usual = DrainSettings.USUAL;
        Setting<Duration> delay =
                section.value("drain-delay", Type.duration(Duration.ZERO, TEN_MINUTES), usual.delay());
        Setting<Duration> within =
                section.value("drain", Type.duration(Duration.ZERO, Duration.ofHours(1)), usual.within());
        return new DrainSettings(delay.value(), within.value());
    }

    private DoorSettings door(Section section) {
        Setting<List<Setting<String>>> origins = section.list("origins", ORIGIN, "[]", piece -> piece);
        section.end();
        boolean all = origins.value().stream().anyMatch(origin -> origin.value().equals("*"));
        for (Setting<String> origin : origins.value()) {
            if (all && !origin.value().equals("*")) {
                reading.mistake(origin, "nothing beside \"*\", which allows every origin");
            }
        }
        return new DoorSettings(origins.value().stream().map(Setting::value).toList());
    }

    private AdminSettings admin(Section section, Setting<String> host, Setting<Long> port) {
        Setting<List<Setting<String>>> allowed = section.list("allowed-hosts", Type.HOST, "[]", piece -> piece);
        section.end();
        if (!HostNames.isLoopback(host.value())) {
            reading.note("admin.host is " + host.value()
                    + ", so other machines reach the admin port. It speaks plain HTTP: keep it inside your network.");
        }
        return new AdminSettings(
                host.value(),
                Math.toIntExact(port.value()),
                allowed.value().stream().map(Setting::value).toList());
    }

    private void checkPorts(
            Setting<String> host, Setting<Long> port, Setting<String> adminHost, Setting<Long> adminPort) {
        if (port.usable()
                && adminPort.usable()
                && port.value() != 0
                && port.value().equals(adminPort.value())
                && HostNames.overlap(host.value(), adminHost.value())) {
            if (adminPort.written()) {
                reading.mistake(adminPort, "another port than server.port");
            } else {
                reading.mistake(port, "another port than admin.port");
            }
        }
    }

    private RelaySettings relay(Section stream, Section limits, Section people, Path data, long maxRequestBody) {
        Setting<Optional<String>> hashKey =
                people.optional("hash-key", Type.SECRET, "end users stay as clients name them");
        people.end();
        Setting<Duration> heartbeat =
                stream.value("heartbeat", Type.duration(Duration.ZERO, TEN_MINUTES), Duration.ofSeconds(15));
        Setting<Duration> gather =
                stream.value("gather", Type.duration(Duration.ZERO, Duration.ofSeconds(1)), Duration.ZERO);
        Setting<Long> maxEvent = stream.value("max-event", Type.size(4 * KIB, 256 * MIB), 16 * MIB);
        ResumeSettings resume = resume(stream);
        stream.end();

        long quarter = Math.clamp(machine.heapBytes() / 4, MIB, 1024 * GIB);
        Setting<Long> inFlight = limits.value(
                "bytes-in-flight",
                Type.sizeOrShare(MIB, 1024 * GIB, machine.heapBytes(), "the heap"),
                quarter,
                "25% of the heap");
        Setting<Long> calls = limits.value(
                "calls-in-flight",
                Type.integer(1, 1_000_000),
                Math.clamp(machine.heapBytes() / HEAP_PER_CALL, 256L, 20_000L),
                "one for each 128KiB of heap, 256 to 20000");
        Setting<Long> peek = limits.value("multipart-peek", Type.size(KIB, 16 * MIB), 256 * KIB);
        Setting<Path> spill =
                limits.value("spill", Type.path(file.folder()), Settings.spill(data), "the folder spill in data");
        Setting<Long> inputTokens = limits.value("max-input-tokens", Type.integer(1, 1_000_000_000), 1_000_000L);
        Setting<Boolean> unbounded = limits.value("unbounded-cost", Type.BOOL, false);
        LaterSettings usual = LaterSettings.DEFAULT;
        Setting<Duration> background =
                limits.value("background-wait", Type.duration(Duration.ofMinutes(1), LONGEST_WAIT), usual.background());
        Setting<Duration> batch =
                limits.value("batch-wait", Type.duration(Duration.ofMinutes(1), LONGEST_WAIT), usual.batch());
        Setting<Duration> look =
                limits.value("later-look", Type.duration(usual.first(), Duration.ofHours(1)), usual.longest());
        limits.end();
        if (inFlight.value() < maxRequestBody) {
            reading.note(
                    "limits.bytes-in-flight is " + Type.write(inFlight.value()) + " and server.max-request-body is "
                            + Type.write(maxRequestBody) + ": a JSON body between the two is answered 503.");
        }
        return new RelaySettings(
                heartbeat.value(),
                gather.value(),
                Math.toIntExact(maxEvent.value()),
                inFlight.value(),
                Math.toIntExact(calls.value()),
                spill.value(),
                Math.toIntExact(peek.value()),
                inputTokens.value(),
                unbounded.value(),
                new EndUsers(hashKey.value().orElse(null)),
                FairSettings.NONE,
                new LaterSettings(usual.first(), look.value(), background.value(), batch.value(), usual.most()),
                resume);
    }

    private ResumeSettings resume(Section stream) {
        ResumeSettings usual = ResumeSettings.USUAL;
        Setting<Duration> within =
                stream.value("resume-for", Type.duration(Duration.ZERO, Duration.ofHours(1)), usual.within());
        Setting<Long> most = stream.value("resume-max", Type.size(KIB, 256 * MIB), usual.most());
        Setting<Long> total = stream.value(
                "resume-total",
                Type.sizeOrShare(0, 1024 * GIB, machine.heapBytes(), "the heap"),
                machine.heapBytes() / 10,
                "10% of the heap");
        return new ResumeSettings(within.value(), most.value(), total.value());
    }

    private FairSettings fair(Section section, List<ProviderSettings> all) {
        Setting<List<Setting<String>>> providers = section.list("providers", Type.TEXT, "[]", piece -> piece);
        List<String> names = all.stream().map(ProviderSettings::name).toList();
        for (Setting<String> each : providers.value()) {
            if (!names.contains(each.value())) {
                reading.mistake(each, "the name of a provider: " + String.join(", ", names));
            }
        }
        Setting<Duration> wait = section.value(
                "wait", Type.duration(Duration.ofMillis(1), Duration.ofMinutes(10)), FairSettings.NONE.patience());
        Map<String, Integer> weights = new LinkedHashMap<>();
        section.map("weights", Type.integer(1, FairQueue.MAX_WEIGHT), 1L)
                .forEach((organization, weight) -> weights.put(organization, Math.toIntExact(weight.value())));
        section.end();
        return new FairSettings(
                providers.value().stream().map(Setting::value).collect(Collectors.toSet()), wait.value(), weights);
    }

    private RepeatSettings repeats(Section section, DatabaseSettings database) {
        RepeatSettings usual = RepeatSettings.USUAL;
        Setting<Duration> keepFor =
                section.value("keep-for", Type.duration(Duration.ofMinutes(1), Duration.ofDays(30)), usual.keepFor());
        Setting<Duration> goOn =
                section.value("go-on", Type.duration(Duration.ZERO, Duration.ofHours(24)), usual.goOn());
        Setting<Long> maxAnswer = section.value("max-answer", Type.size(KIB, 256 * MIB), (long) usual.maxAnswer());
        Setting<Long> maxTotal = section.value("max-total", Type.size(0, 1024 * GIB), usual.maxTotal());
        Setting<Optional<String>> secret = section.optional("secret", Type.SECRET, "a key of the data folder's own");
        section.end();
        secret.value()
                .filter(text -> text.length() < LONG_SECRET)
                .ifPresent(_ -> reading.note(
                        "idempotency.secret is shorter than " + LONG_SECRET + " characters: one that can be guessed"
                                + " protects nothing. openssl rand -hex 32 makes a good one."));
        if (database instanceof DatabaseSettings.Postgres && secret.value().isEmpty() && secret.usable()) {
            reading.note("idempotency.secret is not set: where several nodes share the database, a repeat with the same"
                    + " Idempotency-Key is replayed by the node that answered it, and refused (409) by others.");
        }
        return new RepeatSettings(
                keepFor.value(),
                goOn.value(),
                Math.toIntExact(maxAnswer.value()),
                maxTotal.value(),
                secret.value().orElse(null));
    }

    private static LedgerSettings ledger(Section section) {
        LedgerSettings usual = LedgerSettings.DEFAULT;
        Setting<Long> holds = section.value(
                "max-open-holds", Type.integer(1, LedgerSettings.MOST_HOLDS), (long) usual.maxOpenHolds());
        Setting<Long> free = section.value("min-free-disk", Type.size(0, 1024 * GIB), usual.minFreeBytes());
        Setting<Long> segment = section.value(
                "segment-size", Type.size(LedgerSettings.LEAST_SEGMENT, LedgerSettings.MOST_SEGMENT), (long)
                        usual.segmentBytes());
        Setting<Duration> force =
                section.value("force-every", Type.duration(SHORTEST, Duration.ofSeconds(10)), usual.forceEvery());
        Setting<LedgerSettings.WithoutDatabase> without = section.value(
                "without-database",
                Type.choice(
                        List.of(LedgerSettings.WithoutDatabase.values()),
                        each -> each.name().toLowerCase(Locale.ROOT)),
                usual.withoutDatabase());
        section.end();
        return new LedgerSettings(
                Math.toIntExact(holds.value()),
                free.value(),
                Math.toIntExact(segment.value()),
                force.value(),
                without.value());
    }

    private static LogSettings log(Section section) {
        Setting<Boolean> calls = section.value("calls", Type.BOOL, true);
        Setting<String> format = section.value("format", Type.choice(List.of("text", "json"), text -> text), "text");
        Setting<String> level =
                section.value("level", Type.choice(List.of("error", "warn", "info", "debug"), text -> text), "info");
        Setting<LogSettings.Client> client = section.value(
                "client",
                Type.choice(
                        List.of(LogSettings.Client.values()),
                        each -> each.name().toLowerCase(Locale.ROOT)),
                LogSettings.Client.ADDRESS);
        section.end();
        return new LogSettings(calls.value(), format.value(), level.value(), client.value());
    }

    private void noteUnused(List<ProviderSettings> providers, List<ModelSettings> models) {
        Set<String> used = new HashSet<>();
        models.forEach(model -> model.targets().forEach(target -> used.add(target.provider())));
        for (ProviderSettings provider : providers) {
            if (!used.contains(provider.name())) {
                reading.note("providers." + provider.name() + " serves no model.");
            }
        }
    }
}
