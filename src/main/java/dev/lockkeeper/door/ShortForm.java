package dev.lockkeeper.door;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.QueryString;
import dev.lockkeeper.relay.Refusal;
import dev.lockkeeper.relay.Relay;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A chat completion asked for by a GET, for quick trials: {@code ?model=…&prompt=…}, or {@code messages} as JSON, and any
 * other parameter of the body by its name. Bounded by the bound of a request's head.
 */
final class ShortForm {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final Endpoint CHAT = Endpoints.of("POST", "/v1/chat/completions");

    private ShortForm() {}

    /** Whether a request to list stored completions is a call in short form instead. */
    static boolean is(Endpoint endpoint, @Nullable String query) {
        return endpoint.lists() == ObjectKind.CHAT_COMPLETION
                && query != null
                && (names(query, "prompt") || names(query, "messages"))
                && names(query, "model");
    }

    private static boolean names(String query, String name) {
        return query.startsWith(name + "=") || query.contains("&" + name + "=");
    }

    static void carry(Relay relay, Exchange exchange, Caller caller) {
        exchange.also("x-lockkeeper-hint", "POST /v1/chat/completions is the way for anything but a trial");
        exchange.also("cache-control", "no-store");
        Map<String, String> query = QueryString.lastValues(exchange.query());
        ObjectNode body = JSON.createObjectNode();
        for (Map.Entry<String, String> each : query.entrySet()) {
            String name = each.getKey();
            switch (name) {
                case "prompt" ->
                    body.putArray("messages").addObject().put("role", "user").put("content", each.getValue());
                case "messages" -> {
                    JsonNode messages = json(each.getValue());
                    if (messages == null || !messages.isArray()) {
                        relay.refuse(
                                exchange,
                                caller,
                                CHAT.path(),
                                new Refusal.BadBody(
                                        "Invalid 'messages' in the query: expected a JSON array.",
                                        "messages",
                                        "invalid_json"));
                        return;
                    }
                    body.set("messages", messages);
                }
                case "model" -> body.put("model", each.getValue());
                default -> {
                    JsonNode value = json(each.getValue());
                    if (value == null) {
                        body.put(name, each.getValue());
                    } else {
                        body.set(name, value);
                    }
                }
            }
        }
        relay.carry(exchange, caller, CHAT, List.of(), Bytes.of(JSON.writeValueAsBytes(body)));
    }

    private static @Nullable JsonNode json(String text) {
        try {
            JsonNode read = JSON.readTree(text);
            return read.isMissingNode() ? null : read;
        } catch (JacksonException notJson) {
            return null;
        }
    }
}
