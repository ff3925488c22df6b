package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.units.Bytes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What stands on the admin port: health, metrics, keys, and reading the configuration again. {@link #handle} is called on an event loop; the work is done on a
 * virtual thread for each request, {@value #MAX_AT_ONCE} at once.
 *
 * <p>Health and metrics need no token, all else does. A request whose {@code Host} is a name nobody allowed is refused
 * whatever it asks for: a page on the web may give a name of its own this port's address, and its reader's browser would
 * then call the port for it.
 */
public final class Admin {
    /** Bytes of a request's body. */
    static final int MAX_BODY = 64 << 10;

    /** Requests worked on at once; a further one is answered 503. */
    static final int MAX_AT_ONCE = 64;

    private static final Logger LOG = LoggerFactory.getLogger(Admin.class);
    private static final Set<String> KEY_MEMBERS = Set.of("name", "project", "kind", "models");

    private final KeyDesk desk;
    private final AdminToken token;
    private final Set<String> allowedHosts;
    private final Supplier<List<Check>> readiness;
    private final Supplier<Bytes> metrics;
    private final Supplier<Reloaded> reload;
    private final Semaphore room = new Semaphore(MAX_AT_ONCE);

    /**
     * One thing that must be right before calls are welcome.
     *
     * @param name what, such as {@code database}
     * @param ok whether it is
     * @param detail for the operator
     */
    public record Check(String name, boolean ok, String detail) {}

    /**
     * @param readiness what {@code /readyz} tells; called on a virtual thread, quick
     * @param metrics the body of {@code /metrics} in Prometheus' text format; called on a virtual thread
     * @param reload reads the configuration again; called on a virtual thread
     */
    public Admin(
            AdminSettings settings,
            Keys keys,
            AdminToken token,
            Supplier<List<Check>> readiness,
            Supplier<Bytes> metrics,
            Supplier<Reloaded> reload) {
        this.desk = new LocalDesk(keys);
        this.token = token;
        this.allowedHosts = Set.copyOf(settings.allowedHosts().stream()
                .map(host -> host.toLowerCase(Locale.ROOT))
                .toList());
        this.readiness = readiness;
        this.metrics = metrics;
        this.reload = reload;
    }

    /** How the admin port listens: small bodies, few connections. */
    public static ServerSettings listening(AdminSettings settings) {
        return new ServerSettings(
                settings.host(),
                settings.port(),
                null,
                16 << 10,
                MAX_BODY,
                Duration.ofSeconds(10),
                Duration.ofSeconds(10),
                Duration.ofSeconds(75),
                1_000);
    }

    /** The body where no request could be read. */
    public static Bytes unreadable(int status, String message) {
        return Reply.error(status, message).body();
    }

    /** Answers a request; on its event loop. */
    public void handle(Exchange exchange) {
        String host = exchange.headers().get("host");
        if (host != null && !HostCheck.allowed(host, allowedHosts)) {
            answer(
                    exchange,
                    Reply.error(
                            403,
                            "Host " + host + " is not allowed here. Use an address or localhost, or add the name to"
                                    + " admin.allowed-hosts in the configuration."));
            return;
        }
        switch (exchange.method()) {
            case "GET", "HEAD" -> work(exchange, Bytes.EMPTY);
            default -> gather(exchange);
        }
    }

    private void gather(Exchange exchange) {
        exchange.read(new Exchange.Intake() {
            private byte[] body = new byte[0];

            @Override
            public void piece(Bytes piece) {
                // The server counts the bytes: MAX_BODY is its bound.
                byte[] longer = Arrays.copyOf(body, body.length + piece.length());
                System.arraycopy(piece.array(), piece.offset(), longer, body.length, piece.length());
                body = longer;
            }

            @Override
            public void end() {
                work(exchange, Bytes.of(body));
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                switch (why) {
                    case TOO_LARGE ->
                        answer(exchange, Reply.error(413, "The body has more than " + MAX_BODY + " bytes."));
                    case SLOW -> answer(exchange, Reply.error(408, "The body did not come in time."));
                    case BROKEN -> exchange.abort();
                }
            }
        });
    }

    private void work(Exchange exchange, Bytes body) {
        if (!room.tryAcquire()) {
            answer(exchange, Reply.error(503, MAX_AT_ONCE + " requests are being worked on. Try again."));
            return;
        }
        // Read here: headers belong to the loop.
        Request request = new Request(
                exchange.method(),
                exchange.path(),
                Optional.ofNullable(exchange.headers().get("authorization")).orElse(""),
                Optional.ofNullable(exchange.headers().get("accept")).orElse(""),
                body);
        Thread.ofVirtual().name("lockkeeper-admin").start(() -> {
            Reply reply;
            try {
                reply = reply(request);
            } catch (RuntimeException | Error e) {
                LOG.error("admin request {} {} failed", request.method, request.path, e);
                reply = Reply.error(500, "The request failed; the server's log says why.");
            } finally {
                room.release();
            }
            Reply answer = reply;
            exchange.loop().run(() -> answer(exchange, answer));
        });
    }

    private static void answer(Exchange exchange, Reply reply) {
        if (exchange.over()) {
            return;
        }
        Headers headers = Headers.empty();
        headers.set("content-type", reply.contentType());
        headers.set("cache-control", "no-store");
        headers.set("x-content-type-options", "nosniff");
        reply.headers().forEach(headers::set);
        if (exchange.method().equals("HEAD")) {
            headers.set("content-length", Integer.toString(reply.body().length()));
            exchange.head(reply.status(), headers);
            exchange.end();
        } else {
            exchange.answer(reply.status(), headers, reply.body());
        }
    }

    private Reply reply(Request request) {
        List<String> path = List.of(request.path.substring(1).split("/", -1));
        boolean open = request.path.equals("/")
                || (path.size() == 1 && Set.of("livez", "readyz", "metrics").contains(path.getFirst()));
        if (!open && !token.is(bearer(request.authorization))) {
            return Reply.error(
                            401,
                            "This needs the admin token: Authorization: Bearer <the content of " + AdminToken.FILE
                                    + " in the data folder>.")
                    .with("www-authenticate", "Bearer");
        }
        if (!open && !path.getFirst().equals("admin")) {
            return unknown(request);
        }
        return switch (path.getFirst()) {
            case "" -> only("GET", request, () -> page(request));
            case "livez" -> only("GET", request, Admin::live);
            case "readyz" -> only("GET", request, this::ready);
            case "metrics" ->
                only("GET", request, () -> new Reply(200, "text/plain; version=0.0.4; charset=utf-8", metrics.get()));
            case "admin" -> administer(request, path);
            default -> unknown(request);
        };
    }

    private Reply administer(Request request, List<String> path) {
        if (path.size() < 3 || !path.get(1).equals("v1")) {
            return unknown(request);
        }
        List<String> rest = path.subList(2, path.size());
        return switch (rest.getFirst()) {
            case "keys" ->
                switch (rest.size()) {
                    case 1 ->
                        switch (request.method) {
                            case "GET", "HEAD" -> Reply.json(200, KeyJson.of(desk.list()));
                            case "POST" -> create(request.body);
                            default -> wrongMethod(request, "GET, POST");
                        };
                    case 3 ->
                        switch (rest.get(2)) {
                            case "rotate" -> only("POST", request, () -> rotate(rest.get(1)));
                            case "revoke" -> only("POST", request, () -> revoke(rest.get(1)));
                            default -> unknown(request);
                        };
                    default -> unknown(request);
                };
            case "reload" ->
                rest.size() == 1 ? only("POST", request, () -> ReloadJson.of(reload.get())) : unknown(request);
            case "projects" ->
                rest.size() == 1
                        ? only(
                                "GET",
                                request,
                                () -> Reply.json(
                                        200,
                                        KeyJson.list(desk.projects().stream()
                                                .map(KeyJson::of)
                                                .toList())))
                        : unknown(request);
            default -> unknown(request);
        };
    }

    private Reply create(Bytes body) {
        JsonNode json;
        try {
            json = KeyJson.MAPPER.readTree(body.array(), body.offset(), body.length());
        } catch (JacksonException e) {
            return Reply.error(400, "The body is not JSON: " + e.getOriginalMessage());
        }
        if (!(json instanceof ObjectNode object)) {
            return Reply.error(
                    400,
                    "The body is not a JSON object. Expected: {\"name\": \"ci\"}, and optionally project,"
                            + " kind (live or test) and models (a list of names).");
        }
        for (String member : object.propertyNames()) {
            if (!KEY_MEMBERS.contains(member)) {
                return Reply.error(400, member + ": is not known (expected: name, project, kind, models)", member);
            }
        }
        String kind = text(object, "kind", KeyKind.LIVE.word());
        String name = text(object, "name", "");
        String project = text(object, "project", Keys.DEFAULT_PROJECT);
        List<String> models = models(object.path("models"));
        if (name == null || project == null) {
            return Reply.error(400, "name and project: expected: strings");
        }
        if (models == null) {
            return Reply.error(400, "models: expected: a list of strings", "models");
        }
        if (kind == null || !Set.of(KeyKind.LIVE.word(), KeyKind.TEST.word()).contains(kind)) {
            return Reply.error(400, "kind: " + kind + " (expected: live or test)", "kind");
        }
        try {
            Created created =
                    desk.create(name, project, kind.equals(KeyKind.TEST.word()) ? KeyKind.TEST : KeyKind.LIVE, models);
            LOG.info(
                    "key {} made in project {}",
                    created.key().id(),
                    created.key().projectId());
            return Reply.json(201, KeyJson.of(created));
        } catch (IllegalArgumentException e) {
            return Reply.error(400, String.valueOf(e.getMessage()));
        }
    }

    private static @Nullable String text(ObjectNode object, String member, String otherwise) {
        JsonNode value = object.path(member);
        return value.isMissingNode() || value.isNull() ? otherwise : value.isString() ? value.asString() : null;
    }

    private static @Nullable List<String> models(JsonNode value) {
        List<String> models = new ArrayList<>();
        if (value.isMissingNode() || value.isNull()) {
            return models;
        }
        if (!value.isArray()) {
            return null;
        }
        for (JsonNode each : value) {
            if (!each.isString()) {
                return null;
            }
            models.add(each.asString());
        }
        return models;
    }

    private Reply rotate(String id) {
        Optional<Created> created = desk.rotate(id);
        created.ifPresent(_ -> LOG.info("key {} got a new text", id));
        return created.map(renewed -> Reply.json(200, KeyJson.of(renewed)))
                .orElseGet(() -> Reply.error(404, "There is no key " + id + " that works."));
    }

    private Reply revoke(String id) {
        Optional<KeyInfo> revoked = desk.revoke(id);
        revoked.ifPresent(_ -> LOG.info("key {} revoked", id));
        return revoked.map(key -> Reply.json(200, KeyJson.of(key)))
                .orElseGet(() -> Reply.error(404, "There is no key " + id + "."));
    }

    private static Reply live() {
        return Reply.json(200, KeyJson.MAPPER.createObjectNode().put("status", "live"));
    }

    private Reply ready() {
        List<Check> checks = readiness.get();
        boolean ready = checks.stream().allMatch(Check::ok);
        ObjectNode json = KeyJson.MAPPER.createObjectNode().put("status", ready ? "ready" : "not ready");
        json.putArray("checks")
                .addAll(checks.stream()
                        .map(check -> KeyJson.MAPPER
                                .createObjectNode()
                                .put("name", check.name)
                                .put("ok", check.ok)
                                .put("detail", check.detail))
                        .toList());
        return Reply.json(ready ? 200 : 503, json);
    }

    private static Reply page(Request request) {
        if (request.accept.contains("text/html")) {
            return new Reply(200, AdminPage.CONTENT_TYPE, AdminPage.BODY)
                    .with("content-security-policy", AdminPage.CONTENT_SECURITY_POLICY);
        }
        ObjectNode json = KeyJson.MAPPER.createObjectNode().put("service", "lockkeeper admin");
        AdminPage.ENDPOINTS.forEach(json.putArray("endpoints")::add);
        return Reply.json(200, json);
    }

    private static Reply only(String method, Request request, Supplier<Reply> reply) {
        boolean head = method.equals("GET") && request.method.equals("HEAD");
        return head || request.method.equals(method) ? reply.get() : wrongMethod(request, method);
    }

    private static Reply wrongMethod(Request request, String allowed) {
        return Reply.error(405, request.path + " does not take " + request.method + " (expected: " + allowed + ").")
                .with("allow", allowed);
    }

    private static Reply unknown(Request request) {
        String hint = request.path.startsWith("/v1")
                ? " This is the admin port; clients call the other one."
                : " GET / lists what is here.";
        return Reply.error(404, "There is nothing at " + request.path + "." + hint);
    }

    private static String bearer(String authorization) {
        return authorization.regionMatches(true, 0, "Bearer ", 0, 7)
                ? authorization.substring(7).strip()
                : "";
    }

    private record Request(String method, String path, String authorization, String accept, Bytes body) {}
}
