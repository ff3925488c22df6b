package dev.lockkeeper.admin;

import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.units.Bytes;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A whole answer of the admin port. */
record Reply(int status, String contentType, Bytes body, Map<String, String> headers) {
    private static final String JSON = "application/json";

    Reply(int status, String contentType, Bytes body) {
        this(status, contentType, body, Map.of());
    }

    static Reply json(int status, JsonNode json) {
        return new Reply(status, JSON, Bytes.utf8(Json.text(json) + "\n"));
    }

    static Reply error(int status, String message) {
        return error(status, message, null);
    }

    /** The same envelope as on the clients' port. */
    static Reply error(int status, String message, @Nullable String param) {
        String code = switch (status) {
            case 401 -> "invalid_admin_token";
            case 403 -> "not_allowed";
            case 404 -> "not_found";
            case 405 -> "method_not_allowed";
            case 409 -> "conflict";
            case 413 -> "body_too_large";
            case 503 -> "unavailable";
            default -> null;
        };
        String type = status >= 500 ? "server_error" : "invalid_request_error";
        return new Reply(status, JSON, Errors.envelope(message, type, param, code));
    }

    static Reply wrongMethod(String path, String method, String allowed) {
        return error(405, path + " does not take " + method + " (expected: " + allowed + ").")
                .with("allow", allowed);
    }

    Reply with(String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(name, value);
        return new Reply(status, contentType, body, more);
    }
}
