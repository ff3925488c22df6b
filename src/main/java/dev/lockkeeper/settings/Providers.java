package dev.lockkeeper.settings;

import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.upstream.Provider;
import dev.lockkeeper.upstream.ProviderSettings;
import java.net.URI;
import java.net.URISyntaxException;
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
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the section {@code providers}. */
final class Providers {
    /** The provider that lives in this process. */
    static final String SIMULATOR = Provider.SIMULATOR;

    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
    private static final Pattern HEADER_NAME = Pattern.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}");

    /** The operator can't set these without breaking the relay; the gateway sets them itself. */
    private static final Set<String> OWN_HEADERS = Set.of(
            "host",
            "connection",
            "content-length",
            "content-type",
            "transfer-encoding",
            "accept-encoding",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "expect");

    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration TEN_MINUTES = Duration.ofMinutes(10);
    private static final Duration DAY = Duration.ofHours(24);

    private static final Type<ClientSettings.Version> HTTP = Type.choice(
            List.of(ClientSettings.Version.AUTO, ClientSettings.Version.HTTP_1_1, ClientSettings.Version.HTTP_2),
            version -> switch (version) {
                case AUTO -> "auto";
                case HTTP_1_1 -> "1.1";
                case HTTP_2 -> "2";
            });

    private static final Type<ProviderSettings.Auth> AUTH = Type.choice(
            List.of(ProviderSettings.Auth.BEARER, ProviderSettings.Auth.API_KEY, ProviderSettings.Auth.NONE),
            auth -> auth.name().toLowerCase(Locale.ROOT).replace('_', '-'));

    private static final Type<String> URL = new Type<>(
            "URL",
            "an http or https URL, such as https://api.openai.com/v1",
            text -> text.isBlank() ? null : text,
            text -> text,
            _ -> null,
            false);

    private static final Type<Prefill> PREFILL = Type.choice(
            List.of(Prefill.NONE, Prefill.PREFIX, Prefill.CONTINUE_FINAL_MESSAGE),
            prefill -> prefill.name().toLowerCase(Locale.ROOT).replace('_', '-'));

    private static final Type<String> LABEL =
            Type.text("label", "a label of small letters, digits and hyphens, at most 63, such as eu", NAME.pattern());

    private static final Type<String> KEY_NAME =
            Type.text("name", "a name of small letters, digits and hyphens, at most 63", NAME.pattern());

    private static final int MAX_WEIGHT = 1_000_000;

    private final Reading reading;
    private final ProviderHealth care;
    private final Map<String, HealthSettings> health = new LinkedHashMap<>();
    private final Proxies proxies;
    private final PemFiles pems;

    /**
     * @param environment variables by name: a proxy may stand there
     * @param folder where relative paths start
     */
    Providers(Reading reading, Map<String, String> environment, Path folder) {
        this.reading = reading;
        this.care = new ProviderHealth(reading);
        this.pems = new PemFiles(reading, folder);
        this.proxies = new Proxies(reading, environment, pems);
    }

    List<ProviderSettings> read(Section providers) {
        List<ProviderSettings> read = new ArrayList<>();
        for (Section section : providers.each(piece -> piece)) {
            if (!NAME.matcher(section.name()).matches()) {
                reading.mistake(
                        section.place(),
                        section.key(),
                        Shown.value(section.name()),
                        "a name of small letters, digits and hyphens, at most 63",
                        null);
            }
            read.add(section.name().equals(SIMULATOR) ? simulator(section) : provider(section));
            HealthSettings judged = care.read(section);
            if (!judged.equals(HealthSettings.DEFAULT)) {
                health.put(section.name(), judged);
            }
            section.end();
        }
        return read;
    }

    /** How the health of those that were read is judged, where it is not as usual. */
    Map<String, HealthSettings> health() {
        return health;
    }

    /** The simulator of this process: it has no address before it runs, and nobody signs for it. */
    private ProviderSettings simulator(Section section) {
        URI nowhereYet = URI.create("http://127.0.0.1:0/v1");
        section.refuse(
                "base-url",
                "the provider called simulator lives in this process; give a server of your own another name");
        Times times = times(section);
        return new ProviderSettings(
                SIMULATOR,
                nowhereYet,
                ProviderSettings.Auth.NONE,
                List.of(),
                Map.of(),
                Map.of(),
                connection(section, nowhereYet, true, times, null, null),
                times.answer(),
                regions(section),
                prefill(section));
    }

    private ProviderSettings provider(Section section) {
        Setting<Optional<String>> written = section.optional("base-url", URL, "required");
        Optional<URI> usable = baseUrl(section, written);
        URI baseUrl = usable.orElse(URI.create("http://127.0.0.1:0/"));
        Setting<ProviderSettings.Auth> auth = section.value("auth", AUTH, ProviderSettings.Auth.BEARER);
        List<ProviderSettings.Key> keys = keys(section, auth);
        Map<String, String> headers = headers(section, auth);
        Map<String, String> query = values(section.map("query", Type.QUERY_VALUE, ""));
        Setting<Boolean> privateAddresses = section.value("private-addresses", Type.BOOL, false);
        boolean tls = isTls(baseUrl);
        String host = usable.map(Providers::host).orElse("");
        ClientSettings.Proxy proxy = proxies.read(section, tls, host, port(baseUrl));
        ClientSettings.Certificates certificates = pems.read(section, tls || usable.isEmpty());
        if (usable.isPresent() && privateAddresses.usable()) {
            checkHost(section, baseUrl, written, privateAddresses.value() || proxy != null);
        }
        Times times = times(section);
        return new ProviderSettings(
                section.name(),
                baseUrl,
                auth.value(),
                keys,
                headers,
                query,
                connection(section, baseUrl, privateAddresses.value(), times, proxy, certificates),
                times.answer(),
                regions(section),
                prefill(section));
    }

    private static List<String> regions(Section section) {
        return section.listOrOne("region", LABEL, "not known").value().stream()
                .map(Setting::value)
                .distinct()
                .toList();
    }

    private static Prefill prefill(Section section) {
        return section.value("prefill", PREFILL, Prefill.NONE).value();
    }

    /** One key without a name, or several with names. */
    private List<ProviderSettings.Key> keys(Section section, Setting<ProviderSettings.Auth> auth) {
        Setting<Optional<String>> one =
                section.optional("api-key", Type.SECRET, "required unless auth is none or keys is written");
        Place several = section.written("keys");
        List<Section> items = section.items(
                "keys",
                piece -> piece instanceof Piece.Text text && !text.isNull() ? Section.single("key", text) : piece);
        List<ProviderSettings.Key> keys = new ArrayList<>();
        Set<String> names = new HashSet<>();
        boolean usable = true;
        for (Section item : items) {
            String usual = "key-" + (keys.size() + 1);
            Setting<String> name = item.value("name", KEY_NAME, usual, "key- and its place, from 1");
            Setting<Optional<String>> secret = item.optional("key", Type.SECRET, "required");
            Setting<Long> weight = item.value("weight", Type.integer(0, MAX_WEIGHT), 1L);
            item.end();
            if (!secret.written()) {
                reading.mistake(item.place(), item.key() + ".key", null, "missing; write key: ${SOME_VARIABLE}", null);
            }
            if (name.usable() && !names.add(name.value())) {
                reading.mistake(name, "a name that no key before it has");
            }
            usable &= weight.usable();
            keys.add(
                    new ProviderSettings.Key(name.value(), secret.value().orElse(""), Math.toIntExact(weight.value())));
        }
        if (several == null) {
            checkKey(section, auth, one);
            return one.value().stream()
                    .map(secret -> new ProviderSettings.Key("", secret, 1))
                    .toList();
        }
        String at = section.key() + ".keys";
        if (one.written()) {
            reading.mistake(several, at, null, "either api-key or keys, not both", null);
        } else if (auth.usable() && auth.value() == ProviderSettings.Auth.NONE) {
            reading.mistake(several, at, null, "no keys, since auth is none", null);
        } else if (keys.isEmpty()) {
            reading.mistake(several, at, null, "at least one key", null);
        } else if (usable && keys.stream().allMatch(key -> key.weight() == 0)) {
            reading.mistake(several, at, null, "a weight of more than 0 for one of them", null);
        }
        return keys;
    }

    private void checkKey(Section section, Setting<ProviderSettings.Auth> auth, Setting<Optional<String>> key) {
        boolean wanted = auth.value() != ProviderSettings.Auth.NONE;
        if (!auth.usable() || !key.usable()) {
            return;
        }
        if (wanted && !key.written()) {
            reading.mistake(
                    section.place(),
                    section.key() + ".api-key",
                    null,
                    "missing; write api-key: ${SOME_VARIABLE}, or auth: none if the server asks for no key",
                    null);
        } else if (!wanted && key.written()) {
            reading.mistake(key, "no key, since auth is none");
        }
    }

    /** Whether a URL, as far as it is one, names a private address. */
    static boolean isPrivate(String url) {
        try {
            URI uri = new URI(url);
            return uri.getHost() != null && HostNames.isPrivate(host(uri));
        } catch (URISyntaxException e) {
            return false;
        }
    }

    private Optional<URI> baseUrl(Section section, Setting<Optional<String>> written) {
        if (written.value().isEmpty()) {
            if (!written.written()) {
                String url = section.name().equals("openai") ? "https://api.openai.com/v1" : "https://…/v1";
                String missing = "missing; write base-url: " + url;
                reading.mistake(section.place(), section.key() + ".base-url", null, missing, null);
            }
            return Optional.empty();
        }
        String text = written.value().get().replaceFirst("/+$", "");
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            reading.mistake(written, URL.expected());
            return Optional.empty();
        }
        String wrong = wrongWith(uri);
        if (wrong != null) {
            reading.mistake(written, wrong);
            return Optional.empty();
        }
        if (uri.getHost().equalsIgnoreCase("api.openai.com") && uri.getPath().isEmpty()) {
            reading.mistake(written, "the URL below which the API stands", text + "/v1");
        }
        return Optional.of(uri);
    }

    private static @Nullable String wrongWith(URI uri) {
        String scheme = uri.getScheme();
        if (scheme == null || !(scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"))) {
            return URL.expected();
        }
        if (uri.getRawUserInfo() != null
                || String.valueOf(uri.getRawAuthority()).contains("@")) {
            return "a URL without a user and password; write a key as api-key";
        }
        if (uri.getRawQuery() != null) {
            return "a URL without a query; write parameters as query: {name: value}";
        }
        if (uri.getRawFragment() != null) {
            return "a URL without a fragment";
        }
        if (uri.getHost() == null) {
            return "a URL with a host whose name has letters, digits, hyphens and dots only";
        }
        if (uri.getPort() == 0 || uri.getPort() > 65535) {
            return "a URL with a port, 1 to 65535, or none";
        }
        String path = uri.getPath();
        if (path.endsWith("/chat/completions") || path.endsWith("/responses") || path.endsWith("/completions")) {
            return "the URL below which the API stands, without the endpoint's own path";
        }
        return null;
    }

    /** @param anyAddress whether private addresses are allowed, or a proxy's business */
    private void checkHost(Section section, URI baseUrl, Setting<Optional<String>> written, boolean anyAddress) {
        String host = host(baseUrl);
        if (anyAddress) {
            return;
        }
        if (HostNames.isPrivate(host)) {
            reading.mistake(
                    written, "a public address, or private-addresses: true beside it, since " + host + " is private");
        } else if (HostNames.soundsPrivate(host)) {
            reading.note(section.key() + ".base-url: " + host + " sounds like a host of your own network."
                    + " Calls to a private address are refused; if it has one, write private-addresses: true.");
        } else if (baseUrl.getScheme().equalsIgnoreCase("http")) {
            reading.note(
                    section.key() + ".base-url: " + baseUrl
                            + " is plain http, so key and prompts can be read on the way. Write https if the server speaks it.");
        }
    }

    private Map<String, String> headers(Section section, Setting<ProviderSettings.Auth> auth) {
        Map<String, Setting<String>> written = section.map("headers", Type.SECRET, "");
        Set<String> seen = new HashSet<>();
        written.forEach((name, setting) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            if (!HEADER_NAME.matcher(name).matches()) {
                reading.mistake(setting, "a header field's name of letters, digits and hyphens");
            } else if (OWN_HEADERS.contains(lower)) {
                reading.mistake(setting, "no " + lower + " here: the gateway sets it itself");
            } else if ((lower.equals("authorization") && auth.value() == ProviderSettings.Auth.BEARER)
                    || (lower.equals("api-key") && auth.value() == ProviderSettings.Auth.API_KEY)) {
                reading.mistake(
                        setting, "no " + lower + " here: api-key makes it. Write auth: none to make it yourself");
            } else if (!seen.add(lower)) {
                reading.mistake(setting, "each header field once, in capitals or not");
            }
        });
        return values(written);
    }

    private ClientSettings connection(
            Section section,
            URI baseUrl,
            boolean privateAddresses,
            Times times,
            ClientSettings.@Nullable Proxy proxy,
            ClientSettings.@Nullable Certificates certificates) {
        Setting<ClientSettings.Version> http = section.value("http", HTTP, ClientSettings.Version.AUTO);
        Section pool = section.section("pool");
        Setting<Long> connections = pool.value("connections", Type.integer(1, 100_000), 1000L);
        Setting<Duration> wait = pool.value("wait", Type.duration(Duration.ZERO, TEN_MINUTES), Duration.ofSeconds(5));
        Setting<Long> queue = pool.value("queue", Type.integer(0, 1_000_000), 1000L);
        Setting<Duration> keepAlive = pool.value("keep-alive", Type.duration(SHORTEST, DAY), Duration.ofSeconds(60));
        pool.end();
        return new ClientSettings(
                        section.name(),
                        host(baseUrl),
                        port(baseUrl),
                        isTls(baseUrl),
                        http.value(),
                        times.connect(),
                        keepAlive.value(),
                        Math.toIntExact(connections.value()),
                        wait.value(),
                        Math.toIntExact(queue.value()),
                        privateAddresses)
                .through(proxy, certificates);
    }

    static boolean isTls(URI baseUrl) {
        return baseUrl.getScheme().equalsIgnoreCase("https");
    }

    /** The port that is written, else the scheme's. */
    static int port(URI baseUrl) {
        return baseUrl.getPort() >= 0 ? baseUrl.getPort() : isTls(baseUrl) ? 443 : 80;
    }

    /** The timeouts of one attempt, which end up in two records. */
    private record Times(Duration connect, ProviderSettings.Timeouts answer) {}

    private Times times(Section section) {
        ProviderSettings.Timeouts usual = ProviderSettings.Timeouts.DEFAULT;
        Section timeouts = section.section("timeouts");
        Setting<Duration> connect =
                timeouts.value("connect", Type.duration(SHORTEST, TEN_MINUTES), Duration.ofSeconds(5));
        Setting<Duration> firstByte = timeouts.value("first-byte", Type.duration(SHORTEST, DAY), usual.firstByte());
        Setting<Duration> firstToken = timeouts.value("first-token", Type.duration(SHORTEST, DAY), usual.firstToken());
        Setting<Duration> idle = timeouts.value("idle", Type.duration(SHORTEST, DAY), usual.idle());
        Setting<Duration> total = timeouts.value("total", Type.duration(SHORTEST, DAY), usual.total());
        timeouts.end();
        // A timeout longer than the whole can never strike, and whoever wrote it meant something else.
        for (Setting<Duration> part : List.of(connect, firstByte, firstToken, idle)) {
            if (part.written()
                    && part.usable()
                    && total.usable()
                    && part.value().compareTo(total.value()) > 0) {
                reading.mistake(part, "at most timeouts.total, which is " + Type.write(total.value()));
            }
        }
        return new Times(
                connect.value(),
                new ProviderSettings.Timeouts(firstByte.value(), firstToken.value(), idle.value(), total.value()));
    }

    /** Name or address, without brackets. */
    static String host(URI uri) {
        String host = uri.getHost();
        return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    }

    private static Map<String, String> values(Map<String, Setting<String>> settings) {
        Map<String, String> values = new LinkedHashMap<>();
        settings.forEach((name, setting) -> values.put(name, setting.value()));
        return values;
    }
}
