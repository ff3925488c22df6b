package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads what an upstream says of an error: in an envelope, or flat as the Responses API's {@code error} event has it. */
final class UpstreamError {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String UNKNOWN = "upstream_error";

    private static final List<String> SENTENCES = List.of("message", "detail", "error");
    private static final int MAX_SENTENCE = 1_000;

    private UpstreamError() {}

    /** The error's code, or its type where it has none. */
    static String code(Bytes body) {
        JsonNode error = error(body);
        JsonNode code = error.path("code");
        if (code.isString()) {
            return code.stringValue();
        }
        JsonNode type = error.path("type");
        return type.isString() ? type.stringValue() : UNKNOWN;
    }

    /** The envelope that says what a flat error says. */
    static Bytes envelope(Bytes flat) {
        JsonNode error = error(flat);
        JsonNode param = error.path("param");
        return Errors.envelope(
                message(flat),
                status(flat) < 500 ? "invalid_request_error" : "server_error",
                param.isString() ? param.stringValue() : null,
                code(flat));
    }

    /** The error's message, or a sentence in place of one. */
    static String message(Bytes body) {
        return error(body).path("message").asString("The provider reported an error.");
    }

    /**
     * The sentence in which a server that speaks OpenAI's API, but not its envelope, says what is wrong: {@code message},
     * {@code detail}, or {@code error} as a text. Null where there is none.
     */
    static @Nullable String sentence(Bytes body) {
        try {
            JsonNode root = JSON.readTree(body.array(), body.offset(), body.length());
            for (String member : SENTENCES) {
                JsonNode told = root.path(member);
                if (told.isString() && !told.stringValue().isBlank()) {
                    String text = told.stringValue();
                    return text.length() <= MAX_SENTENCE ? text : text.substring(0, MAX_SENTENCE);
                }
            }
            return null;
        } catch (JacksonException notJson) {
            return null;
        }
    }

    /** The status that fits an error told in a stream which never began. */
    static int status(Bytes body) {
        JsonNode error = error(body);
        String code = error.path("code").asString("");
        String type = error.path("type").asString("");
        if (code.equals("rate_limit_exceeded")
                || code.equals("insufficient_quota")
                || type.equals("rate_limit_error")) {
            return 429;
        }
        if (type.equals("invalid_request_error") || code.equals("context_length_exceeded")) {
            return 400;
        }
        return code.equals("server_is_overloaded") ? 503 : 500;
    }

    private static JsonNode error(Bytes body) {
        try {
            JsonNode root = JSON.readTree(body.array(), body.offset(), body.length());
            return root.has("error") ? root.path("error") : root;
        } catch (JacksonException notJson) {
            return JSON.createObjectNode();
        }
    }
}
