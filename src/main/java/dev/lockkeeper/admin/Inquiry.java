package dev.lockkeeper.admin;

import dev.lockkeeper.access.Actor;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What an operation was asked. Body and parameters fit the operation's shapes already.
 *
 * @param who asks
 * @param ids what stands in the path where the operation has a name in braces
 * @param query parameters behind the question mark
 * @param body an empty object where the operation takes none
 */
record Inquiry(Actor who, Map<String, String> ids, Map<String, String> query, ObjectNode body) {
    /** What stands in the path. */
    String id(String name) {
        return Objects.requireNonNull(ids.get(name), name);
    }

    /** The path's only id. */
    String id() {
        return id("id");
    }

    /** A parameter; null where it is missing. */
    @Nullable String asked(String name) {
        return query.get(name);
    }

    /** Whether the body has a member, null or not. */
    boolean has(String member) {
        return body.has(member);
    }

    /** A text of the body that the operation's shape requires. */
    String text(String member) {
        return body.path(member).asString();
    }

    /** A text of the body; the other one where it is missing or null. */
    String text(String member, String otherwise) {
        JsonNode value = body.path(member);
        return value.isString() ? value.asString() : otherwise;
    }

    /** A text of the body; null where it is missing or null. */
    @Nullable String textOrNull(String member) {
        JsonNode value = body.path(member);
        return value.isString() ? value.asString() : null;
    }

    /** A list of texts; empty where it is missing or null. */
    List<String> texts(String member) {
        List<String> texts = new ArrayList<>();
        body.path(member).forEach(each -> texts.add(each.asString()));
        return texts;
    }

    /** A whole number of the body. */
    long whole(String member, long otherwise) {
        JsonNode value = body.path(member);
        return value.isNumber() ? value.asLong() : otherwise;
    }

    /** A yes or no of the body; the other one where it is missing. */
    boolean flag(String member, boolean otherwise) {
        JsonNode value = body.path(member);
        return value.isBoolean() ? value.asBoolean() : otherwise;
    }

    /** A moment of the body, milliseconds since 1970; null where it is missing or null. */
    @Nullable Long millis(String member) {
        JsonNode value = body.path(member);
        return value.isString() ? Instant.parse(value.asString()).toEpochMilli() : null;
    }
}
