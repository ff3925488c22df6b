package dev.lockkeeper.simulator;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A request is not answered but refused, in OpenAI's envelope: this carries the status and the envelope's members. */
final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    final int status;
    final String type;
    final transient @Nullable String param;
    final transient @Nullable String code;
    final transient Map<String, String> headers;

    Refused(int status, String type, @Nullable String param, @Nullable String code, String message) {
        this(status, type, param, code, message, Map.of());
    }

    Refused(
            int status,
            String type,
            @Nullable String param,
            @Nullable String code,
            String message,
            Map<String, String> headers) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
        this.headers = headers;
    }

    static Refused badRequest(@Nullable String param, @Nullable String code, String message) {
        return new Refused(400, "invalid_request_error", param, code, message);
    }

    static Refused missing(String param) {
        return badRequest(param, "missing_required_parameter", "Missing required parameter: '" + param + "'.");
    }

    static Refused wrongType(String param, String expected, String got) {
        return badRequest(
                param,
                "invalid_type",
                "Invalid type for '" + param + "': expected " + expected + ", but got " + got + " instead.");
    }

    static Refused unsupported(String param) {
        return badRequest(
                param,
                "unsupported_parameter",
                "Unsupported parameter: '" + param + "' is not supported with this model.");
    }

    static Refused notFound(String message) {
        return new Refused(404, "invalid_request_error", null, null, message);
    }

    String text() {
        String message = getMessage();
        return message == null ? "" : message;
    }

    ObjectNode envelope() {
        return envelope(text(), type, param, code);
    }

    static ObjectNode envelope(String message, String type, @Nullable String param, @Nullable String code) {
        ObjectNode error = Json.object();
        error.put("message", message).put("type", type).put("param", param).put("code", code);
        ObjectNode envelope = Json.object();
        envelope.set("error", error);
        return envelope;
    }
}
