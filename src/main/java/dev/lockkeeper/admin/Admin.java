package dev.lockkeeper.admin;

import dev.lockkeeper.access.Actor;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.units.Bytes;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What stands on the admin port: health, metrics and the admin API. {@link #handle} is called on an event loop; the work is done on a
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

    private static final Actor OWNER = Actor.folder("the data folder's token");

    private static final Logger LOG = LoggerFactory.getLogger(Admin.class);

    private final Api api;
    private final AdminToken token;
    private final Function<String, @Nullable Actor> tokens;
    private final Set<String> allowedHosts;
    private final Supplier<List<Check>> readiness;
    private final Supplier<Bytes> metrics;
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
     * @param token the data folder's
     * @param tokens who shows another token; null for nobody
     * @param readiness what {@code /readyz} tells; called on a virtual thread, quick
     * @param metrics the body of {@code /metrics} in Prometheus' text format; called on a virtual thread
     * @param api what stands below {@code /admin/v1/}
     */
    public Admin(
            AdminSettings settings,
            Api api,
            AdminToken token,
            Function<String, @Nullable Actor> tokens,
            Supplier<List<Check>> readiness,
            Supplier<Bytes> metrics) {
        this.api = api;
        this.token = token;
        this.tokens = tokens;
        this.allowedHosts = Set.copyOf(settings.allowedHosts().stream()
                .map(host -> host.toLowerCase(Locale.ROOT))
                .toList());
        this.readiness = readiness;
        this.metrics = metrics;
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
                exchange.query(),
                who(bearer(Optional.ofNullable(exchange.headers().get("authorization"))
                        .orElse(""))),
                Optional.ofNullable(exchange.headers().get("accept")).orElse(""),
                body);
        Thread.ofVirtual().name("lockkeeper-admin").start(() -> {
            Reply reply;
            try {
                reply = reply(request);
                if (reply.status() / 100 == 2 && !Set.of("GET", "HEAD").contains(request.method)) {
                    LOG.info("admin: {} {} by {}", request.method, request.path, request.who.id());
                }
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
                || (path.size() == 1
                        && Set.of("livez", "readyz", "metrics", "invitation").contains(path.getFirst()));
        if (!open && !path.getFirst().equals("admin")) {
            return unknown(request);
        }
        return switch (path.getFirst()) {
            case "" -> only("GET", request, () -> page(request));
            case "invitation" -> only("GET", request, InvitationPage::reply);
            case "livez" -> only("GET", request, Admin::live);
            case "readyz" -> only("GET", request, this::ready);
            case "metrics" ->
                only("GET", request, () -> new Reply(200, "text/plain; version=0.0.4; charset=utf-8", metrics.get()));
            case "admin" -> api.answer(request.who, request.method, request.path, request.query, request.body);
            default -> unknown(request);
        };
    }

    private static Reply live() {
        return Reply.json(200, Json.object().put("status", "live"));
    }

    private Reply ready() {
        List<Check> checks = readiness.get();
        boolean ready = checks.stream().allMatch(Check::ok);
        ObjectNode json = Json.object().put("status", ready ? "ready" : "not ready");
        json.putArray("checks")
                .addAll(checks.stream()
                        .map(check -> Json.object()
                                .put("name", check.name)
                                .put("ok", check.ok)
                                .put("detail", check.detail))
                        .toList());
        return Reply.json(ready ? 200 : 503, json);
    }

    private Reply page(Request request) {
        if (request.accept.contains("text/html")) {
            return new Reply(200, AdminPage.CONTENT_TYPE, AdminPage.of(api.operations()))
                    .with("content-security-policy", AdminPage.policy(""));
        }
        ObjectNode json = Json.object().put("service", "lockkeeper admin");
        AdminPage.endpoints(api.operations()).forEach(json.putArray("endpoints")::add);
        return Reply.json(200, json);
    }

    private static Reply only(String method, Request request, Supplier<Reply> reply) {
        boolean head = method.equals("GET") && request.method.equals("HEAD");
        return head || request.method.equals(method)
                ? reply.get()
                : Reply.wrongMethod(request.path, request.method, method);
    }

    private static Reply unknown(Request request) {
        String hint = request.path.startsWith("/v1")
                ? " This is the admin port; clients call the other one."
                : " GET / lists what is here.";
        return Reply.error(404, "There is nothing at " + request.path + "." + hint);
    }

    private Actor who(String presented) {
        if (token.is(presented)) {
            return OWNER;
        }
        Actor found = tokens.apply(presented);
        return found == null ? Actor.NOBODY : found;
    }

    private static String bearer(String authorization) {
        return authorization.regionMatches(true, 0, "Bearer ", 0, 7)
                ? authorization.substring(7).strip()
                : "";
    }

    private record Request(
            String method, String path, @Nullable String query, Actor who, String accept, Bytes body) {}
}
