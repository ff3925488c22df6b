package dev.lockkeeper.door;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Presented;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.dialect.openai.Nearest;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.relay.KeyedCalls;
import dev.lockkeeper.relay.Overload;
import dev.lockkeeper.relay.Refusal;
import dev.lockkeeper.relay.Relay;
import dev.lockkeeper.relay.ResumableStreams;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Where clients come in: finds the endpoint that a path and method mean, asks who is calling, and hands the call to the
 * relay. Answers by itself what needs no upstream: pages for browsers, the list of endpoints, the description of the API,
 * the models. On the exchange's event loop.
 */
public final class Door implements Loops.Handler {
    private static final String JSON = "application/json";
    private static final int NAMES_SUGGESTED = 3;

    private static final Refusal TOO_MANY_CONNECTIONS = new Refusal.Busy(Overload.CONNECTIONS, "connections");

    private final Keys keys;
    private final Relay relay;
    private final KeyedCalls keyed;
    private final ResumableStreams streams;
    private volatile Cors cors;
    private final long startedSeconds;

    /**
     * @param keyed carries calls with an idempotency key
     * @param streams keeps streams that clients may come back to
     * @param startedSeconds told as the models' {@code created}, seconds since 1970
     */
    public Door(
            Keys keys,
            Relay relay,
            KeyedCalls keyed,
            ResumableStreams streams,
            DoorSettings settings,
            long startedSeconds) {
        this.keys = keys;
        this.relay = relay;
        this.keyed = keyed;
        this.streams = streams;
        this.cors = new Cors(settings);
        this.startedSeconds = startedSeconds;
        // Made once, from a table and a file: not while a call waits.
        Thread.ofVirtual().name("pages").start(() -> {
            OpenApi.json("");
            Index.json();
            Welcome.html("", List.of(), "", true);
        });
    }

    /** Changes who may come in from a browser, for requests from now on. Any thread. */
    public void follow(DoorSettings settings) {
        cors = new Cors(settings);
    }

    @Override
    public void handle(Exchange exchange) {
        if (cors.answered(exchange)) {
            relay.answered(exchange, null, "", 204, Outcome.SERVED, "", 0);
            return;
        }
        String method = exchange.method();
        String path = exchange.path();
        boolean reads = method.equals("GET");
        if (reads && path.equals("/openapi.json")) {
            say(exchange, null, path, JSON, OpenApi.json(origin(exchange)));
        } else if (reads && wantsPage(exchange)) {
            page(exchange, path);
        } else if (reads && (path.equals("/v1") || path.equals("/v1/") || path.equals("/"))) {
            say(exchange, null, path, JSON, Index.json());
        } else {
            switch (Endpoints.match(method, path)) {
                case Endpoints.Match.Found(Endpoint endpoint, List<String> ids) -> enter(exchange, endpoint, ids);
                case Endpoints.Match.WrongMethod(List<String> allowed) -> wrongMethod(exchange, allowed);
                case Endpoints.Match.Unknown(String hint) -> unknownPath(exchange, hint);
            }
        }
    }

    /** There are more connections than there may be: who has been let in to hear it hears it. */
    @Override
    public void beyond(Exchange exchange) {
        relay.refuse(exchange, null, "", TOO_MANY_CONNECTIONS);
    }

    private void enter(Exchange exchange, Endpoint endpoint, List<String> ids) {
        String presented = presented(exchange.headers());
        if (presented == null) {
            relay.refuse(exchange, null, endpoint.path(), new Refusal.UnknownKey(true));
            return;
        }
        switch (keys.find(presented, exchange.clientAddress())) {
            case Presented.Known(Caller caller) -> enter(exchange, endpoint, ids, caller);
            case Presented.Refused why -> refuse(exchange, endpoint, why);
        }
    }

    private void enter(Exchange exchange, Endpoint endpoint, List<String> ids, Caller caller) {
        if (endpoint.kind() == Endpoint.Kind.MODELS) {
            models(exchange, caller, endpoint, ids);
        } else if (ShortForm.is(endpoint, exchange.query())) {
            ShortForm.carry(relay, exchange, caller);
        } else if (ResumableStreams.isComeback(exchange)) {
            streams.resume(relay, exchange, caller, endpoint);
        } else {
            carry(
                    ResumableStreams.isAsked(exchange) ? streams.around(relay, exchange, caller) : exchange,
                    endpoint,
                    ids,
                    caller);
        }
    }

    private void carry(Exchange exchange, Endpoint endpoint, List<String> ids, Caller caller) {
        if (KeyedCalls.isOne(exchange)) {
            keyed.carry(relay, exchange, caller, endpoint, ids);
        } else {
            relay.carry(exchange, caller, endpoint, ids, null);
        }
    }

    /** Says no to a key. To whoever has it, what is wrong with it is no secret; what to do about it should not be one. */
    private void refuse(Exchange exchange, Endpoint endpoint, Presented.Refused why) {
        switch (why) {
            case UNKNOWN -> relay.refuse(exchange, null, endpoint.path(), new Refusal.UnknownKey(false));
            case UNHEARD ->
                relay.refuse(
                        exchange,
                        null,
                        endpoint.path(),
                        new Refusal.NoStorage("It can't be known which keys still work"));
            case MISTYPED ->
                deny(
                        exchange,
                        endpoint,
                        401,
                        "invalid_api_key",
                        "This API key has a typo or is not whole: its checksum does not fit. Copy it again.");
            case EXPIRED ->
                deny(
                        exchange,
                        endpoint,
                        401,
                        "api_key_expired",
                        "This API key's time is over. Ask the operator for more time (lockkeeper keys change) or for"
                                + " another key.");
            case PROJECT_CLOSED ->
                deny(
                        exchange,
                        endpoint,
                        403,
                        "project_closed",
                        "The project of this API key is closed. Ask the operator to open it (lockkeeper project open),"
                                + " or for a key of another project.");
            case ORGANIZATION_CLOSED ->
                deny(
                        exchange,
                        endpoint,
                        403,
                        "organization_closed",
                        "The organization of this API key is closed. Ask the operator to open it (lockkeeper org open),"
                                + " or for a key of another organization.");
            case ELSEWHERE ->
                deny(
                        exchange,
                        endpoint,
                        403,
                        "address_not_allowed",
                        "This API key may not be used from " + exchange.clientAddress()
                                + ". Call from a network that it is bound to, or ask the operator to allow this one"
                                + " (lockkeeper keys change --networks).");
        }
    }

    private void deny(Exchange exchange, Endpoint endpoint, int status, String code, String message) {
        Bytes body = Errors.envelope(message, "invalid_request_error", null, code);
        exchange.answer(status, Headers.empty().set("content-type", JSON), body);
        relay.answered(exchange, null, endpoint.path(), status, Outcome.REFUSED, code, body.length());
    }

    /** The key a client sent, wherever it put it; null for none. */
    private static @Nullable String presented(Headers headers) {
        String authorization = headers.get("authorization");
        if (authorization != null && authorization.regionMatches(true, 0, "bearer ", 0, 7)) {
            return authorization.substring(7).strip();
        }
        String key = headers.get("x-api-key");
        if (key == null) {
            key = headers.get("api-key");
        }
        return key == null ? authorization : key.strip();
    }

    private void models(Exchange exchange, Caller caller, Endpoint endpoint, List<String> ids) {
        if (ids.isEmpty()) {
            List<Model> allowed = relay.rules().models().all().stream()
                    .filter(model -> caller.mayUse(model.name()))
                    .toList();
            say(exchange, caller, endpoint.path(), JSON, ModelList.all(allowed, startedSeconds));
            return;
        }
        String asked = ids.getFirst();
        Model model = relay.rules().models().find(asked);
        if (model == null || !caller.mayUse(asked)) {
            List<String> names = relay.rules().models().all().stream()
                    .map(Model::name)
                    .filter(caller::mayUse)
                    .toList();
            relay.refuse(
                    exchange,
                    caller,
                    endpoint.path(),
                    new Refusal.UnknownModel(asked, Nearest.names(asked, names, NAMES_SUGGESTED)));
        } else {
            say(exchange, caller, endpoint.path(), JSON, ModelList.one(model, startedSeconds));
        }
    }

    /** A browser at its address line sends no key; Java's oldest client asks for pages before all else, but has one. */
    private static boolean wantsPage(Exchange exchange) {
        if (presented(exchange.headers()) != null) {
            return false;
        }
        String accept = exchange.headers().get("accept");
        return accept != null && accept.toLowerCase(Locale.ROOT).contains("text/html");
    }

    private void page(Exchange exchange, String path) {
        List<String> models =
                relay.rules().models().all().stream().map(Model::name).toList();
        boolean root = path.equals("/") || path.equals("/v1") || path.equals("/v1/");
        Endpoints.Match match = Endpoints.match("GET", path);
        boolean known = root || !(match instanceof Endpoints.Match.Unknown);
        Bytes body = Welcome.html(origin(exchange), models, root ? "" : path, known);
        Headers headers = Headers.empty()
                .set("content-type", Welcome.CONTENT_TYPE)
                .set("content-security-policy", Welcome.CONTENT_SECURITY_POLICY)
                .set("x-content-type-options", "nosniff")
                .set("vary", "accept");
        int status = known ? 200 : 404;
        exchange.answer(status, headers, body);
        // The report names an endpoint, never a path as it came: ids would make the metrics grow.
        String endpoint = root
                ? path
                : match instanceof Endpoints.Match.Found found
                        ? found.endpoint().path()
                        : "";
        relay.answered(exchange, null, endpoint, status, known ? Outcome.SERVED : Outcome.REFUSED, "", body.length());
    }

    private void say(Exchange exchange, @Nullable Caller caller, String endpoint, String type, Bytes body) {
        exchange.answer(200, Headers.empty().set("content-type", type).set("vary", "accept"), body);
        relay.answered(exchange, caller, endpoint, 200, Outcome.SERVED, "", body.length());
    }

    private void wrongMethod(Exchange exchange, List<String> allowed) {
        String allow = String.join(", ", allowed);
        Bytes body = Errors.envelope(
                "Method " + exchange.method() + " is not allowed for " + exchange.path() + ". Allowed: " + allow + ".",
                "invalid_request_error",
                null,
                "method_not_allowed");
        exchange.answer(405, Headers.empty().set("content-type", JSON).set("allow", allow), body);
        relay.answered(exchange, null, "", 405, Outcome.REFUSED, "method_not_allowed", body.length());
    }

    private void unknownPath(Exchange exchange, @Nullable String hint) {
        Bytes body = Errors.envelope(
                "Invalid URL (" + exchange.method() + " " + exchange.path() + ")."
                        + (hint == null ? " GET /v1 lists what there is." : " Did you mean " + hint + "?"),
                "invalid_request_error",
                null,
                "unknown_url");
        exchange.answer(404, Headers.empty().set("content-type", JSON), body);
        relay.answered(exchange, null, "", 404, Outcome.REFUSED, "unknown_url", body.length());
    }

    /** Scheme and authority by which this client reached the gateway. */
    private static String origin(Exchange exchange) {
        String host = exchange.headers().get("host");
        if (host == null) {
            host = exchange.headers().get(":authority");
        }
        return (exchange.secure() ? "https://" : "http://") + (host == null ? "localhost" : host);
    }
}
