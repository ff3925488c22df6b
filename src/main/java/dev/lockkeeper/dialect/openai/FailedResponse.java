package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The event {@code response.failed}, whole: every member that strict clients require is there. */
final class FailedResponse {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    /** Members that a response must have, and what stands there when nothing is known. */
    private static final String DEFAULTS = """
            {"id": "resp_unknown", "object": "response", "created_at": 0, "completed_at": null, "status": "failed",
             "background": false, "error": null, "incomplete_details": null, "instructions": null,
             "max_output_tokens": null, "max_tool_calls": null, "model": "unknown", "output": [],
             "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
             "reasoning": {"effort": null, "summary": null}, "safety_identifier": null, "service_tier": "default",
             "store": true, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto",
             "tools": [], "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "usage": null, "user": null,
             "presence_penalty": 0, "frequency_penalty": 0, "metadata": {}}
            """;

    private FailedResponse() {}

    /**
     * The event.
     *
     * @param snapshot the response as it was created; empty when it is not known
     * @param created seconds, below 0 when not known
     * @param code goes into the message: of a response's error clients know a fixed list of codes only
     */
    static Bytes event(
            Bytes snapshot,
            @Nullable String id,
            @Nullable String model,
            long created,
            long sequence,
            String code,
            String message) {
        ObjectNode response = MAPPER.createObjectNode();
        if (snapshot.length() > 0) {
            try {
                JsonNode known = MAPPER.readTree(snapshot.array(), snapshot.offset(), snapshot.length());
                if (known instanceof ObjectNode object) {
                    response = object;
                }
            } catch (JacksonException e) {
                // The walk that found the snapshot is less strict than this; without it the response is told in short.
                response = MAPPER.createObjectNode();
            }
        }
        for (Map.Entry<String, JsonNode> each : MAPPER.readTree(DEFAULTS).properties()) {
            if (!response.has(each.getKey())) {
                response.set(each.getKey(), each.getValue());
            }
        }
        if (snapshot.length() == 0) {
            if (id != null) {
                response.put("id", id);
            }
            if (model != null) {
                response.put("model", model);
            }
            if (created >= 0) {
                response.put("created_at", created);
            }
        }
        response.put("status", "failed");
        ObjectNode error = MAPPER.createObjectNode();
        error.put("code", "server_error");
        error.put("message", message + " (" + code + ")");
        response.set("error", error);
        ObjectNode event = MAPPER.createObjectNode();
        event.put("type", "response.failed");
        event.put("sequence_number", sequence);
        event.set("response", response);
        return Bytes.utf8("event: response.failed\ndata: " + MAPPER.writeValueAsString(event) + "\n\n");
    }
}
