package dev.lockkeeper.door;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import java.util.List;

/** Lets pages of allowed origins call from a browser. Off as long as no origin is configured. */
final class Cors {
    private static final String EXPOSED = "x-request-id, x-lockkeeper-provider, x-lockkeeper-warnings,"
            + " x-lockkeeper-overhead-us, x-lockkeeper-replayed, x-lockkeeper-replay-of, x-lockkeeper-resumable,"
            + " x-lockkeeper-resume-of, retry-after, retry-after-ms, openai-processing-ms";
    private static final String MAX_AGE_SECONDS = "600";

    private final List<String> origins;

    Cors(DoorSettings settings) {
        this.origins = settings.corsOrigins();
    }

    /** Marks the answer for an allowed origin; true when the request was a preflight and has been answered. */
    boolean answered(Exchange exchange) {
        if (origins.isEmpty()) {
            return false;
        }
        // Also where no origin is allowed or none is told: a cache must not give that answer to one that is.
        exchange.also("vary", "origin");
        String origin = exchange.headers().get("origin");
        if (origin == null || !(origins.contains("*") || origins.contains(origin))) {
            return false;
        }
        exchange.also("access-control-allow-origin", origins.contains("*") ? "*" : origin);
        if (!exchange.method().equals("OPTIONS") || exchange.headers().get("access-control-request-method") == null) {
            exchange.also("access-control-expose-headers", EXPOSED);
            return false;
        }
        Headers headers = Headers.empty()
                .set("access-control-allow-methods", "GET, POST, DELETE")
                .set("access-control-max-age", MAX_AGE_SECONDS);
        String asked = exchange.headers().get("access-control-request-headers");
        if (asked != null) {
            headers.set("access-control-allow-headers", asked);
        }
        exchange.head(204, headers);
        exchange.end();
        return true;
    }
}
