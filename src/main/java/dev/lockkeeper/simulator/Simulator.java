package dev.lockkeeper.simulator;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.http.Server;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.units.Bytes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A provider that speaks OpenAI's API on a socket of its own, deterministic by seed, and misbehaves on demand. Started
 * and closed from any thread but an event loop's.
 */
public final class Simulator implements AutoCloseable {
    /** Bodies up to this many bytes are answered on the event loop, larger ones by a worker. */
    static final int SMALL_BODY = 64 << 10;

    /** How many requests may wait for a worker; a further one is 503. */
    static final int MOST_WAITING = 10_000;

    /** How many texts of {@code times(…)} are counted; the one counted first is forgotten. */
    static final int MOST_COUNTS = 10_000;

    private static final int WORKERS = 2;
    private static final long LIMIT_REQUESTS = 10_000;
    private static final long LIMIT_TOKENS = 2_000_000;

    private final World world;
    private final Router router;
    private final ThreadPoolExecutor workers;
    private final AtomicLong requests = new AtomicLong();
    private final Map<String, Integer> counts = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Integer> eldest) {
            return size() > MOST_COUNTS;
        }
    };

    private @Nullable Server server;

    private Simulator(SimulatorSettings settings) {
        world = new World(settings);
        AtomicLong numbers = new AtomicLong();
        workers = new ThreadPoolExecutor(
                WORKERS, WORKERS, 10, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MOST_WAITING), task -> {
                    Thread thread = new Thread(task, "simulator-" + numbers.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        workers.allowCoreThreadTimeOut(true);
        router = new Router(world, workers);
    }

    /**
     * Starts a simulator; returns when its port is open.
     *
     * @param port 0 for any free one
     * @throws dev.lockkeeper.http.PortTaken if the address can't be listened on
     */
    public static Simulator start(Loops loops, String host, int port, SimulatorSettings settings) {
        Simulator simulator = new Simulator(settings);
        ServerSettings usual = ServerSettings.on(host, port);
        ServerSettings own = new ServerSettings(
                usual.host(),
                usual.port(),
                null,
                usual.maxHead(),
                settings.maxRequestBody(),
                usual.headTimeout(),
                usual.bodyTimeout(),
                Duration.ofMinutes(5),
                usual.maxConnections());
        simulator.server = loops.serve(
                own,
                simulator::handle,
                (status, message) -> Json.bytes(Refused.envelope(message, "invalid_request_error", null, null)));
        simulator.workers.execute(Tokens::load);
        return simulator;
    }

    /** The port listened on. */
    public int port() {
        Server listening = server;
        return listening == null ? 0 : listening.port();
    }

    /** Stops listening and forgets everything. */
    @Override
    public void close() {
        Server listening = server;
        if (listening != null) {
            listening.close();
        }
        workers.shutdownNow();
    }

    private void handle(Exchange exchange) {
        Refused refused = refusedUnread(exchange);
        if (refused != null) {
            send(exchange, Plan.refused(refused));
            return;
        }
        exchange.read(new Gathering(exchange));
    }

    /** Looks at the head only, as OpenAI's edge does before it takes a body. */
    private @Nullable Refused refusedUnread(Exchange exchange) {
        if (!world.settings.needsKey()) {
            return null;
        }
        String authorization = exchange.headers().get("authorization");
        if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            return new Refused(
                    401,
                    "invalid_request_error",
                    null,
                    null,
                    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from https://platform.openai.com/account/api-keys.");
        }
        String key = authorization.substring(7).strip();
        if (key.isEmpty() || key.equals("sim-invalid")) {
            return new Refused(
                    401,
                    "invalid_request_error",
                    null,
                    "invalid_api_key",
                    "Incorrect API key provided: " + (key.isEmpty() ? "''" : "sim-*****lid")
                            + ". You can find your API key at https://platform.openai.com/account/api-keys.");
        }
        return null;
    }

    /** Gathers a request's body, then answers. */
    private final class Gathering implements Exchange.Intake {
        private final Exchange exchange;
        private final List<Bytes> pieces = new ArrayList<>();
        private int length;

        Gathering(Exchange exchange) {
            this.exchange = exchange;
        }

        @Override
        public void piece(Bytes piece) {
            pieces.add(piece);
            length += piece.length();
        }

        @Override
        public void end() {
            Bytes body = pieces.size() == 1 ? pieces.getFirst() : joined();
            pieces.clear();
            Request request = new Request(
                    exchange.method(),
                    exchange.path(),
                    Query.of(exchange.query()),
                    exchange.headers().get("content-type"),
                    exchange.headers().get("x-simulator"),
                    body);
            if (length <= SMALL_BODY && Tokens.loaded() && !router.heavy(request)) {
                send(exchange, router.planned(request));
            } else {
                later(request);
            }
        }

        private Bytes joined() {
            byte[] all = new byte[length];
            int at = 0;
            for (Bytes piece : pieces) {
                System.arraycopy(piece.array(), piece.offset(), all, at, piece.length());
                at += piece.length();
            }
            return Bytes.of(all);
        }

        private void later(Request request) {
            try {
                workers.execute(() -> {
                    Plan plan = router.planned(request);
                    exchange.loop().run(() -> send(exchange, plan));
                });
            } catch (RejectedExecutionException full) {
                send(
                        exchange,
                        Plan.refused(new Refused(
                                503,
                                "service_unavailable_error",
                                null,
                                "server_is_overloaded",
                                "The simulator has too many requests waiting.")));
            }
        }

        @Override
        public void failed(Exchange.BodyFault why) {
            pieces.clear();
            switch (why) {
                case TOO_LARGE ->
                    send(
                            exchange,
                            Plan.refused(new Refused(
                                    413,
                                    "invalid_request_error",
                                    null,
                                    null,
                                    "Maximum content size limit (" + world.settings.maxRequestBody() + ") exceeded.")));
                case SLOW ->
                    send(
                            exchange,
                            Plan.refused(new Refused(
                                    408, "invalid_request_error", null, null, "The request's body came too slowly.")));
                case BROKEN -> exchange.abort();
            }
        }
    }

    private void send(Exchange exchange, Plan planned) {
        if (exchange.over()) {
            return;
        }
        Plan plan = misbehaving(planned);
        Headers headers = Headers.empty();
        long used = requests.incrementAndGet();
        headers.set("openai-version", "2020-10-01");
        headers.set("openai-organization", "org-simulator");
        headers.set("openai-project", "proj_simulator");
        headers.set("openai-processing-ms", Long.toString(1 + used % 7));
        headers.set("x-ratelimit-limit-requests", Long.toString(LIMIT_REQUESTS));
        headers.set("x-ratelimit-limit-tokens", Long.toString(LIMIT_TOKENS));
        headers.set("x-ratelimit-remaining-requests", Long.toString(LIMIT_REQUESTS - 1 - used % (LIMIT_REQUESTS / 2)));
        headers.set("x-ratelimit-remaining-tokens", Long.toString(LIMIT_TOKENS - used * 50 % (LIMIT_TOKENS / 2)));
        headers.set("x-ratelimit-reset-requests", "6ms");
        headers.set("x-ratelimit-reset-tokens", "1ms");
        Controls controls = plan.controls();
        boolean generated = switch (plan) {
            case Plan.Stream _ -> true;
            case Plan.Whole whole -> whole.generated();
        };
        long pace = controls.paceMillis() >= 0
                ? controls.paceMillis()
                : world.settings.pace().toMillis();
        new Sender(exchange, headers, plan, pace)
                .start(generated ? world.settings.firstByte().toMillis() : 0);
    }

    /** The plan after what changes it as a whole: counted mishaps, and errors instead of answers. */
    private Plan misbehaving(Plan planned) {
        Controls controls = planned.controls();
        if (controls.mishaps().isEmpty()) {
            return planned;
        }
        List<Mishap> left = new ArrayList<>();
        Plan plan = planned;
        for (Mishap each : controls.mishaps()) {
            Mishap now = counted(each);
            switch (now) {
                case null -> {
                    // Has misbehaved often enough.
                }
                case Mishap.Status status -> plan = error(status);
                case Mishap.Html html
                when planned instanceof Plan.Stream -> {
                    plan = Plan.json(html.status(), Json.object());
                    left.add(html);
                }
                case Mishap.ErrorEvent(int _, String code)
                when planned instanceof Plan.Whole ->
                    plan = error(new Mishap.Status(500, null, null, null, code, null, null));
                case Mishap.Failed _
                when planned instanceof Plan.Whole ->
                    plan = error(new Mishap.Status(500, null, null, null, null, null, null));
                default -> left.add(now);
            }
        }
        return plan.with(controls.withMishaps(left));
    }

    private @Nullable Mishap counted(Mishap mishap) {
        if (!(mishap instanceof Mishap.Times(int times, String _, Mishap inner))) {
            return mishap;
        }
        synchronized (counts) {
            int before = counts.merge(mishap.toString(), 1, Integer::sum) - 1;
            return before < times ? counted(inner) : null;
        }
    }

    private static Plan error(Mishap.Status status) {
        String type = status.type();
        String code = status.code();
        if (code == null) {
            code = switch (status.status()) {
                case 401 -> "invalid_api_key";
                case 404 -> "model_not_found";
                case 429 -> "rate_limit_exceeded";
                case 503 -> "server_is_overloaded";
                default -> null;
            };
        }
        if (type == null) {
            type = "insufficient_quota".equals(code)
                    ? "insufficient_quota"
                    : switch (status.status()) {
                        case 429 -> "rate_limit_error";
                        case 503 -> "service_unavailable_error";
                        default -> status.status() < 500 ? "invalid_request_error" : "server_error";
                    };
        }
        Map<String, String> headers = new LinkedHashMap<>();
        if (status.retryAfter() != null) {
            headers.put("retry-after", status.retryAfter());
        }
        if (status.retryAfterMs() != null) {
            headers.put("retry-after-ms", status.retryAfterMs().toString());
        }
        if (status.shouldRetry() != null) {
            headers.put("x-should-retry", status.shouldRetry().toString());
        }
        String message = status.message();
        return Plan.refused(new Refused(
                status.status(),
                type,
                null,
                code,
                message == null ? "The simulator was asked to answer " + status.status() + "." : message,
                headers));
    }
}
