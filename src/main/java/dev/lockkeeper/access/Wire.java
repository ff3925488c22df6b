package dev.lockkeeper.access;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** How this room writes JSON: what the admin API answers and what the audit log keeps are the same. */
final class Wire {
    private Wire() {}

    static ObjectNode object(String kind, String id) {
        return JsonMapper.shared().createObjectNode().put("object", kind).put("id", id);
    }

    static void put(ObjectNode json, String member, List<String> texts) {
        texts.forEach(json.putArray(member)::add);
    }

    /** Milliseconds since 1970 as RFC 3339, UTC. */
    static @Nullable String time(@Nullable Long millis) {
        return millis == null ? null : Instant.ofEpochMilli(millis).toString();
    }
}
