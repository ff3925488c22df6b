package dev.lockkeeper.admin;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** How the admin API writes JSON. */
public final class Json {
    static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    /** A new object. */
    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /**
     * Reads JSON.
     *
     * @throws tools.jackson.core.JacksonException when it is none
     */
    public static JsonNode read(String text) {
        return MAPPER.readTree(text);
    }

    /** JSON as text for people and programs: indented. */
    public static String text(JsonNode json) {
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json);
    }

    static ObjectNode list(Collection<ObjectNode> elements) {
        ObjectNode json = object().put("object", "list");
        json.putArray("data").addAll(elements);
        return json;
    }

    static void put(ObjectNode json, String member, List<String> texts) {
        texts.forEach(json.putArray(member)::add);
    }

    /** Milliseconds since 1970 as RFC 3339, UTC. */
    static @Nullable String time(@Nullable Long millis) {
        return millis == null ? null : Instant.ofEpochMilli(millis).toString();
    }
}
