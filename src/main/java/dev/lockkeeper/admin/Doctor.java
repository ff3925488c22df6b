package dev.lockkeeper.admin;

import dev.lockkeeper.dialect.openai.Nearest;
import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.FaultException;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.ProviderSettings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Tries a provider step by step, as the gateway would reach it, and says what to mend. Each step has a bound; where one
 * fails those that need it are left out. Blocks; any thread, several at once.
 */
public final class Doctor {
    /** How long a name's look-up may take. */
    static final Duration DNS_TIMEOUT = Duration.ofSeconds(5);

    /** How long connecting to one address, and the TLS handshake, may take. */
    static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /** How long the list of models may take. */
    static final Duration MODELS_TIMEOUT = Duration.ofSeconds(15);

    /** How long the first token may take. */
    static final Duration FIRST_TOKEN_TIMEOUT = Duration.ofSeconds(60);

    /** A certificate that ends within this time is worth a word. */
    private static final Duration EXPIRES_SOON = Duration.ofDays(14);

    private static final int MAX_BODY = 8 << 20;
    private static final int MAX_STREAM_LINES = 1_000;

    /** Tokens that the tried call may be answered with: reasoning models refuse less. */
    private static final int TOKENS = 16;

    private static final List<String> PROXY_VARIABLES = List.of("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY");

    /** Names of small models: the tried call should cost as little as it can. */
    private static final Pattern SMALL = Pattern.compile("nano|mini|small|lite|flash|haiku|tiny|luna");

    private final Map<String, String> environment;
    private final Clock clock;
    private final Supplier<Long> nanos;
    private final boolean calls;
    private final RandomGenerator ids;
    private final Catalog catalog;

    /**
     * @param environment variables by name, looked at for proxies
     * @param nanos a clock for durations, such as {@code System::nanoTime}
     * @param calls whether a model is called, which costs some tokens
     * @param ids where request ids come from
     * @param catalog what is known of models
     */
    public Doctor(
            Map<String, String> environment,
            Clock clock,
            Supplier<Long> nanos,
            boolean calls,
            RandomGenerator ids,
            Catalog catalog) {
        this.ids = ids;
        this.catalog = catalog;
        this.environment = Map.copyOf(environment);
        this.clock = clock;
        this.nanos = nanos;
        this.calls = calls;
    }

    /**
     * Tries one provider.
     *
     * @param models what the configuration asks this provider for, by its own names
     * @return what was found, in the order in which it was tried
     */
    public List<Finding> examine(ProviderSettings provider, List<String> models) {
        Visit visit = new Visit(provider, List.copyOf(new LinkedHashSet<>(models)));
        visit.proxy();
        if (provider.connection().proxy() != null || provider.connection().certificates() != null) {
            visit.asTheGateway();
            return visit.findings;
        }
        List<InetAddress> addresses = visit.dns();
        if (!addresses.isEmpty() && visit.tcp(addresses) && visit.tls()) {
            visit.api();
        }
        return visit.findings;
    }

    /** A call that is tried. */
    @FunctionalInterface
    private interface Try {
        /** What went wrong, or an empty text. */
        String make(String ask, boolean responses) throws Exception;
    }

    /** One look at one provider. */
    private final class Visit {
        private final ProviderSettings provider;
        private final List<String> models;
        private final String host;
        private final int port;
        private final boolean tls;
        private final List<Finding> findings = new ArrayList<>();

        Visit(ProviderSettings provider, List<String> models) {
            this.provider = provider;
            this.models = models;
            this.host = provider.connection().host();
            this.port = provider.connection().port();
            this.tls = provider.connection().tls();
        }

        private void ok(String point, String detail) {
            findings.add(new Finding(provider.name(), point, Finding.State.OK, detail, ""));
        }

        private void warn(String point, String detail, String mend) {
            findings.add(new Finding(provider.name(), point, Finding.State.WARN, detail, mend));
        }

        private void fail(String point, String detail, String mend) {
            findings.add(new Finding(provider.name(), point, Finding.State.FAIL, detail, mend));
        }

        private String key(String name) {
            return "providers." + provider.name() + "." + name;
        }

        /** Which way calls go; whoever needs a proxy that is not used should learn it here. */
        void proxy() {
            ClientSettings.Proxy proxy = provider.connection().proxy();
            if (proxy != null) {
                ok("proxy", host + ":" + port + " is reached through " + proxy);
                return;
            }
            String seen = PROXY_VARIABLES.stream()
                    .flatMap(name -> List.of(name, name.toLowerCase(Locale.ROOT)).stream())
                    .filter(name -> !environment.getOrDefault(name, "").isEmpty())
                    .collect(Collectors.joining(", "));
            if (!seen.isEmpty()) {
                warn(
                        "proxy",
                        seen + " is set, but Lockkeeper connects to this provider directly",
                        "nothing if the steps below are ok; else set " + key("proxy.url"));
            }
        }

        /**
         * The same by the gateway's own client, with its proxy and certificates. It tells one thing of the way there: that
         * it can be gone, or why not.
         */
        void asTheGateway() {
            try (Loops loops = Loops.start(1, ids)) {
                Client client =
                        loops.connect(provider.connection()).on(loops.all().getFirst());
                long start = nanos.get();
                Client.Fetched answer = fetch(client, request("/models").GET().build(), "", MODELS_TIMEOUT);
                ok("connection", "there is one");
                String body = new String(answer.body().toArray(), StandardCharsets.UTF_8);
                if (judged(answer.status(), body, start) && calls) {
                    firstToken((ask, responses) -> {
                        Client.Fetched said = fetch(
                                client,
                                call(responses).POST(BodyPublishers.noBody()).build(),
                                ask,
                                FIRST_TOKEN_TIMEOUT);
                        String text = new String(said.body().toArray(), StandardCharsets.UTF_8);
                        return said.status() != 200
                                ? "answered " + said.status() + message(text)
                                : text.contains("data:") ? "" : "answered 200, but no event stream";
                    });
                }
            } catch (FaultException e) {
                fail(
                        "connection",
                        e.fault().kind() + ": " + e.fault().detail(),
                        mend(e.fault().kind()));
            } catch (Exception e) {
                fail("connection", reason(e), "try again");
            }
        }

        private String mend(Fault.Kind kind) {
            String proxied = provider.connection().proxy() == null ? "" : ", or " + key("proxy.url");
            return switch (kind) {
                case PROXY -> "set " + key("proxy.username") + " and password, or ask whoever runs the proxy";
                case TLS ->
                    "correct " + key("tls.ca") + ", tls.certificate or tls.server-name"
                            + (proxied.isEmpty() ? "" : "; at the proxy proxy.ca");
                case RESET, STALE -> "see whether the server wants a certificate: " + key("tls.certificate");
                case DNS, REFUSED, CONNECT_TIMEOUT -> "correct " + key("base-url") + proxied + ", or open the firewall";
                case PRIVATE_ADDRESS -> "set " + key("private-addresses") + ": true if this is a server of your own";
                case POOL_FULL, PROTOCOL, TOO_LARGE, TIMEOUT -> "ask whoever runs the server";
            };
        }

        private Client.Fetched fetch(Client client, HttpRequest request, String body, Duration timeout)
                throws InterruptedException {
            Headers headers = Headers.empty();
            request.headers().map().forEach((name, values) -> values.forEach(value -> headers.add(name, value)));
            String query = request.uri().getRawQuery();
            try {
                return client.fetch(
                                request.method(),
                                request.uri().getRawPath() + (query == null ? "" : "?" + query),
                                headers,
                                Bytes.utf8(body),
                                MAX_BODY,
                                timeout.toMillis())
                        .toCompletableFuture()
                        .get();
            } catch (ExecutionException e) {
                throw e.getCause() instanceof FaultException fault ? fault : new IllegalStateException(e.getCause());
            }
        }

        List<InetAddress> dns() {
            long start = nanos.get();
            List<InetAddress> addresses;
            try {
                addresses = List.of(within(DNS_TIMEOUT, () -> InetAddress.getAllByName(host)));
            } catch (TimeoutException e) {
                fail("dns", host + ": no answer within " + seconds(DNS_TIMEOUT), "look at this machine's name servers");
                return List.of();
            } catch (UnknownHostException e) {
                fail(
                        "dns",
                        host + ": no such name",
                        "correct " + key("base-url") + ", or look at this machine's name servers");
                return List.of();
            } catch (Exception e) {
                fail("dns", host + ": " + reason(e), "correct " + key("base-url"));
                return List.of();
            }
            String names = addresses.stream().map(InetAddress::getHostAddress).collect(Collectors.joining(", "));
            List<InetAddress> usable = provider.connection().privateAddresses()
                    ? addresses
                    : addresses.stream().filter(address -> !isPrivate(address)).toList();
            if (usable.isEmpty()) {
                fail(
                        "dns",
                        host + " is " + names + ": private, and this provider may not use private addresses",
                        "set " + key("private-addresses") + ": true if this is a server of your own");
                return List.of();
            }
            ok("dns", host + " is " + names + " (" + millis(start) + ")");
            return usable;
        }

        boolean tcp(List<InetAddress> addresses) {
            List<String> failures = new ArrayList<>();
            for (InetAddress address : addresses) {
                long start = nanos.get();
                try (Socket socket = new Socket()) {
                    socket.connect(new InetSocketAddress(address, port), Math.toIntExact(CONNECT_TIMEOUT.toMillis()));
                    String others = failures.isEmpty() ? "" : "; not at " + String.join(", ", failures);
                    ok(
                            "tcp",
                            address.getHostAddress() + ":" + port + " takes connections (" + millis(start) + ")"
                                    + others);
                    return true;
                } catch (IOException e) {
                    failures.add(address.getHostAddress() + " (" + reason(e) + ")");
                }
            }
            fail(
                    "tcp",
                    "no connection to port " + port + " at " + String.join(", ", failures),
                    "start the server there, correct " + key("base-url") + ", or open the firewall");
            return false;
        }

        boolean tls() {
            if (!tls) {
                if (!isLocal(host)) {
                    warn(
                            "tls",
                            "none: credentials and prompts travel in clear text",
                            "use https in " + key("base-url"));
                }
                return true;
            }
            long start = nanos.get();
            try (SSLSocket socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket()) {
                socket.connect(new InetSocketAddress(host, port), Math.toIntExact(CONNECT_TIMEOUT.toMillis()));
                socket.setSoTimeout(Math.toIntExact(CONNECT_TIMEOUT.toMillis()));
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                socket.startHandshake();
                certificate(
                        socket.getSession().getPeerCertificates(),
                        socket.getSession().getProtocol(),
                        start);
                return true;
            } catch (SSLHandshakeException e) {
                fail(
                        "tls",
                        "the handshake failed: " + reason(e),
                        "check this machine's clock; where a company's proxy opens TLS, name a trust store with its"
                                + " certificate: LOCKKEEPER_JAVA_OPTS=-Djavax.net.ssl.trustStore=...");
                return false;
            } catch (SSLException | SocketTimeoutException e) {
                fail(
                        "tls",
                        "the server does not speak TLS: " + reason(e),
                        "use http in " + key("base-url") + ", or its TLS port");
                return false;
            } catch (IOException e) {
                fail("tls", reason(e), "see whether the server at " + host + ":" + port + " speaks TLS");
                return false;
            }
        }

        private void certificate(Certificate[] chain, String protocol, long start) {
            if (!(chain[0] instanceof X509Certificate certificate)) {
                ok("tls", protocol + " (" + millis(start) + ")");
                return;
            }
            Instant end = certificate.getNotAfter().toInstant();
            String detail = protocol + ", certificate of "
                    + certificate.getSubjectX500Principal().getName() + " until "
                    + LocalDate.ofInstant(end, ZoneOffset.UTC) + " (" + millis(start) + ")";
            if (end.isBefore(clock.instant().plus(EXPIRES_SOON))) {
                warn("tls", detail, "the certificate ends soon: whoever runs the server must renew it");
            } else {
                ok("tls", detail);
            }
        }

        void api() {
            // Directly, on HTTP/1.1, without redirects: credentials go nowhere else.
            try (HttpClient http = HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .proxy(HttpClient.Builder.NO_PROXY)
                    .followRedirects(HttpClient.Redirect.NEVER)
                    .connectTimeout(CONNECT_TIMEOUT)
                    .build()) {
                try {
                    if (credentials(http) && calls) {
                        firstToken(
                                (ask, responses) -> within(FIRST_TOKEN_TIMEOUT, () -> streamed(http, ask, responses)));
                    }
                } finally {
                    http.shutdownNow();
                }
            }
        }

        /** Whether a call is worth a try. */
        private boolean credentials(HttpClient http) {
            long start = nanos.get();
            HttpResponse<InputStream> answer;
            String body;
            try {
                answer = within(
                        MODELS_TIMEOUT,
                        () -> http.send(request("/models").GET().build(), BodyHandlers.ofInputStream()));
                body = within(MODELS_TIMEOUT, () -> text(answer.body()));
            } catch (TimeoutException e) {
                fail(
                        "credentials",
                        "GET /models: no answer within " + seconds(MODELS_TIMEOUT),
                        "ask whoever runs the server");
                return false;
            } catch (Exception e) {
                fail("credentials", "GET /models: " + reason(e), "see whether the server speaks HTTP/1.1");
                return false;
            }
            return judged(answer.statusCode(), body, start);
        }

        /** What the answer to the question for models says. */
        private boolean judged(int status, String body, long start) {
            String took = "GET /models answered " + status + " (" + millis(start) + ")";
            if (status == 401 || status == 403) {
                fail(
                        "credentials",
                        took + ": they are refused",
                        switch (provider.auth()) {
                            case BEARER, API_KEY -> "put the right key into " + key("api-key");
                            case NONE -> "the provider wants a key: set " + key("api-key");
                        });
                return false;
            }
            if (status / 100 == 3) {
                fail(
                        "credentials",
                        took + ", a redirect; redirects are not followed",
                        "write where the API really is into " + key("base-url"));
                return false;
            }
            if (status == 404 || status == 405) {
                warn(
                        "credentials",
                        took + ": there is no list of models, so neither they nor the credentials can be checked",
                        "if calls fail too, correct " + key("base-url") + ": most end in /v1");
                return true;
            }
            if (status != 200) {
                fail("credentials", took + message(body), "ask whoever runs the server");
                return false;
            }
            ok("credentials", took);
            listed(body);
            return true;
        }

        private void listed(String body) {
            Set<String> offered = new LinkedHashSet<>();
            try {
                Json.MAPPER
                        .readTree(body)
                        .path("data")
                        .forEach(model -> offered.add(model.path("id").asString()));
            } catch (JacksonException e) {
                fail(
                        "models",
                        "GET /models did not answer JSON",
                        "something stands between, or " + key("base-url") + " is wrong: most end in /v1");
                return;
            }
            List<String> missing =
                    models.stream().filter(model -> !offered.contains(model)).toList();
            if (missing.isEmpty()) {
                ok(
                        "models",
                        "all " + models.size() + " that the configuration names are offered, of " + offered.size());
                return;
            }
            String names = missing.stream()
                    .limit(10)
                    .map(model -> {
                        List<String> near = Nearest.names(model, offered, 3);
                        return near.isEmpty() ? model : model + " (near: " + String.join(", ", near) + ")";
                    })
                    .collect(Collectors.joining("; "));
            String detail = missing.size() + " of " + models.size() + " are not offered: " + names
                    + (missing.size() > 10 ? "; ..." : "");
            String mend = "correct the targets' model, or ask the provider for access";
            if (missing.size() == models.size()) {
                fail("models", detail, mend);
            } else {
                warn("models", detail, mend);
            }
        }

        private void firstToken(Try call) {
            String model = models.stream()
                    .filter(this::chats)
                    .min(Comparator.comparing(name -> !SMALL.matcher(name).find()))
                    .orElse(null);
            if (model == null) {
                warn("first-token", "no model that chats is configured here", "");
                return;
            }
            Catalog.Known known = catalog.find(model);
            boolean responses = known != null && !known.endpoints().contains("chat");
            long start = nanos.get();
            try {
                String failure = call.make(ask(model, responses), responses);
                if (failure.isEmpty()) {
                    ok("first-token", model + " after " + millis(start));
                } else {
                    fail(
                            "first-token",
                            model + ": " + failure,
                            "try the same call with curl; see the provider's status");
                }
            } catch (TimeoutException e) {
                fail(
                        "first-token",
                        model + ": nothing within " + seconds(FIRST_TOKEN_TIMEOUT),
                        "see the provider's status; a slow model of your own may need a longer first-byte timeout");
            } catch (Exception e) {
                fail("first-token", model + ": " + reason(e), "try again; see the provider's status");
            }
        }

        private boolean chats(String model) {
            Catalog.Known known = catalog.find(model);
            return known == null || known.kind() == Catalog.Kind.CHAT;
        }

        private String ask(String model, boolean responses) {
            ObjectNode ask = Json.object().put("model", model).put("stream", true);
            if (responses) {
                ask.put("input", "Say ok.").put("max_output_tokens", TOKENS).put("store", false);
            } else {
                ask.putArray("messages").addObject().put("role", "user").put("content", "Say ok.");
                ask.put(known(model) ? "max_completion_tokens" : "max_tokens", TOKENS);
            }
            return ask.toString();
        }

        private HttpRequest.Builder call(boolean responses) {
            return request(responses ? "/responses" : "/chat/completions")
                    .header("content-type", "application/json")
                    .header("accept", "text/event-stream");
        }

        /** Streams until the first event with content; what went wrong, or an empty text. */
        private String streamed(HttpClient http, String ask, boolean responses) throws Exception {
            HttpRequest request =
                    call(responses).POST(BodyPublishers.ofString(ask)).build();
            HttpResponse<InputStream> answer = http.send(request, BodyHandlers.ofInputStream());
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8))) {
                if (answer.statusCode() != 200) {
                    char[] start = new char[4_096];
                    int length = Math.max(0, lines.read(start));
                    return "answered " + answer.statusCode() + message(new String(start, 0, length));
                }
                String line = lines.readLine();
                for (int i = 0; line != null && i < MAX_STREAM_LINES; i++) {
                    if (line.startsWith("data:")) {
                        return "";
                    }
                    line = lines.readLine();
                }
                return "answered 200, but no event stream";
            }
        }

        private boolean known(String model) {
            Catalog.Known found = catalog.find(model);
            return found != null && found.vendor().equals("openai");
        }

        private HttpRequest.Builder request(String path) {
            String base = provider.baseUrl().toString();
            String query = provider.query().entrySet().stream()
                    .map(entry -> encoded(entry.getKey()) + "=" + encoded(entry.getValue()))
                    .collect(Collectors.joining("&"));
            URI uri = URI.create((base.endsWith("/") ? base.substring(0, base.length() - 1) : base)
                    + path
                    + (query.isEmpty() ? "" : "?" + query));
            HttpRequest.Builder request = HttpRequest.newBuilder(uri);
            provider.headers().forEach(request::setHeader);
            switch (provider.auth()) {
                case BEARER -> request.setHeader("authorization", "Bearer " + provider.credential());
                case API_KEY -> request.setHeader("api-key", provider.credential());
                case NONE -> {}
            }
            return request;
        }

        /** The upstream's own words. Refused credentials are never asked for them: some repeat a part of the key. */
        private String message(String body) {
            try {
                JsonNode error = Json.MAPPER.readTree(body).path("error");
                String message = error.isString()
                        ? error.asString()
                        : error.path("message").asString("");
                if (message.isEmpty()) {
                    return "";
                }
                String shown = message.lines().findFirst().orElse("");
                String safe = shown;
                for (ProviderSettings.Key each : provider.keys()) {
                    safe = safe.replace(each.secret(), "***");
                }
                return ": " + (safe.length() > 300 ? safe.substring(0, 300) + "..." : safe);
            } catch (JacksonException e) {
                return "";
            }
        }

        private String millis(long start) {
            return TimeUnit.NANOSECONDS.toMillis(nanos.get() - start) + " ms";
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String text(InputStream in) throws IOException {
        try (in) {
            return new String(in.readNBytes(MAX_BODY), StandardCharsets.UTF_8);
        }
    }

    private static boolean isPrivate(InetAddress address) {
        byte[] bytes = address.getAddress();
        boolean uniqueLocal = bytes.length == 16 && (bytes[0] & 0xfe) == 0xfc;
        boolean shared = bytes.length == 4 && (bytes[0] & 0xff) == 100 && (bytes[1] & 0xc0) == 64;
        return address.isLoopbackAddress()
                || address.isLinkLocalAddress()
                || address.isSiteLocalAddress()
                || address.isAnyLocalAddress()
                || uniqueLocal
                || shared;
    }

    private static boolean isLocal(String host) {
        return host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]") || host.equals("::1");
    }

    private static String seconds(Duration duration) {
        return duration.toSeconds() + " s";
    }

    private static String reason(Exception e) {
        Throwable cause = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
        String message = cause.getMessage();
        return message == null || message.isEmpty() ? cause.getClass().getSimpleName() : message;
    }

    /** Runs what blocks on a virtual thread of its own and waits for it no longer than a bound. */
    private static <T> T within(Duration bound, Callable<T> work) throws Exception {
        FutureTask<T> task = new FutureTask<>(work);
        Thread.ofVirtual().name("lockkeeper-doctor").start(task);
        try {
            return task.get(bound.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        } finally {
            task.cancel(true);
        }
    }
}
