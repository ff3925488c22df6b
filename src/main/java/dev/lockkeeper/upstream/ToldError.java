package dev.lockkeeper.upstream;

import dev.lockkeeper.units.Bytes;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the body of an error says, in whichever shape: OpenAI's envelope, flat as the Responses API's {@code error} event has
 * it, inside a response that failed, Anthropic's, Google's (in a list too), Amazon's, or a sentence alone. What is
 * missing is empty. Any bytes can be read; what is no JSON says nothing.
 *
 * @param code the error's code where it is a text
 * @param number its code where it is a number, else 0: a status, with those who write one
 * @param type its type
 * @param message what it says to people
 * @param param the request's member that it is about; null where it names none
 * @param status Google's word for it, such as {@code RESOURCE_EXHAUSTED}
 * @param reason a finer code that stands beside: Google's reason, Anthropic's error code, Azure's inner code
 * @param waitMillis what Google's RetryInfo asks to wait, -1 where it is not there
 * @param readable whether the body is a JSON object, or a list of them, at all
 */
public record ToldError(
        String code,
        int number,
        String type,
        String message,
        @Nullable String param,
        String status,
        String reason,
        long waitMillis,
        boolean readable) {
    private static final JsonMapper JSON = JsonMapper.shared();

    /** Details that are looked at. */
    private static final int MAX_DETAILS = 20;

    private static final List<String> SENTENCES = List.of("message", "Message", "detail", "error");

    private static final ToldError NOTHING = new ToldError("", 0, "", "", null, "", "", Spans.UNTOLD, false);

    /** Reads a body. */
    public static ToldError of(Bytes body) {
        JsonNode root;
        try {
            root = JSON.readTree(body.array(), body.offset(), body.length());
        } catch (JacksonException notJson) {
            return NOTHING;
        }
        if (root.isArray() && !root.isEmpty()) {
            root = root.path(0);
        }
        if (!root.isObject()) {
            return NOTHING;
        }
        JsonNode error = error(root);
        JsonNode code = error.path("code");
        JsonNode param = error.path("param");
        Details details = details(error);
        return new ToldError(
                text(code),
                code.isIntegralNumber() && code.canConvertToInt() ? code.intValue() : 0,
                text(error.path("type")),
                message(root, error),
                param.isString() ? param.stringValue() : null,
                text(error.path("status")),
                details.reason,
                details.waitMillis,
                true);
    }

    /** The object that has the code: in the root, or the root itself. */
    private static JsonNode error(JsonNode root) {
        JsonNode inResponse = root.path("response").path("error");
        if (inResponse.isObject()) {
            return inResponse;
        }
        JsonNode inside = root.path("error");
        return inside.isObject() ? inside : root;
    }

    private static String message(JsonNode root, JsonNode error) {
        String said = text(error.path("message"));
        if (!said.isBlank()) {
            return said;
        }
        for (String member : SENTENCES) {
            String sentence = text(root.path(member));
            if (!sentence.isBlank()) {
                return sentence;
            }
        }
        return "";
    }

    private record Details(String reason, long waitMillis) {}

    private static Details details(JsonNode error) {
        String reason = text(error.path("innererror").path("code"));
        JsonNode details = error.path("details");
        if (details.isObject()) {
            String finer = text(details.path("error_code"));
            return new Details(finer.isEmpty() ? reason : finer, Spans.UNTOLD);
        }
        long wait = Spans.UNTOLD;
        for (int i = 0; i < Math.min(details.size(), MAX_DETAILS); i++) {
            JsonNode each = details.path(i);
            String finer = text(each.path("reason"));
            reason = finer.isEmpty() ? reason : finer;
            if (text(each.path("@type")).endsWith("google.rpc.RetryInfo")) {
                wait = Spans.span(text(each.path("retryDelay")));
            }
        }
        return new Details(reason, wait);
    }

    private static String text(JsonNode node) {
        return node.isString() ? node.stringValue() : "";
    }
}
