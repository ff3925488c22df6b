package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Short names for what is done with JSON trees here. */
final class Json {
    static final JsonMapper MAPPER = JsonMapper.builder().build();

    private Json() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static ArrayNode array() {
        return JsonNodeFactory.instance.arrayNode();
    }

    static Bytes bytes(JsonNode node) {
        return Bytes.of(MAPPER.writeValueAsBytes(node));
    }

    static String string(JsonNode node) {
        return MAPPER.writeValueAsString(node);
    }

    /** The tree of a text, or null where it is not JSON. */
    static @Nullable JsonNode parse(byte[] array, int offset, int length) {
        try {
            return MAPPER.readTree(array, offset, length);
        } catch (JacksonException notJson) {
            return null;
        }
    }

    static @Nullable JsonNode parse(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException notJson) {
            return null;
        }
    }

    /** A member, or null where it is missing or JSON's null. */
    static @Nullable JsonNode get(@Nullable JsonNode node, String name) {
        JsonNode member = node == null ? null : node.get(name);
        return member == null || member.isNull() ? null : member;
    }

    /** A member that is a string, else null. */
    static @Nullable String text(@Nullable JsonNode node, String name) {
        JsonNode member = get(node, name);
        return member != null && member.isString() ? member.stringValue() : null;
    }

    static String text(@Nullable JsonNode node, String name, String otherwise) {
        String text = text(node, name);
        return text == null ? otherwise : text;
    }

    static boolean flag(@Nullable JsonNode node, String name, boolean otherwise) {
        JsonNode member = get(node, name);
        return (member != null && member.isBoolean()) ? member.booleanValue() : otherwise;
    }

    static int number(@Nullable JsonNode node, String name, int otherwise) {
        JsonNode member = get(node, name);
        return member != null && member.isNumber() && member.canConvertToInt() ? member.intValue() : otherwise;
    }

    /** The entries of a member that is an array; none where it is not. */
    static List<JsonNode> list(@Nullable JsonNode node, String name) {
        JsonNode member = get(node, name);
        if (member == null || !member.isArray()) {
            return List.of();
        }
        List<JsonNode> entries = new ArrayList<>(member.size());
        member.forEach(entries::add);
        return entries;
    }

    /** A copy of a member, or JSON's null where it is missing. */
    static JsonNode orNull(@Nullable JsonNode node) {
        return node == null ? JsonNodeFactory.instance.nullNode() : node;
    }

    /** Appends a text as a JSON string, quotes included. */
    static StringBuilder quote(StringBuilder to, CharSequence text) {
        to.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> to.append("\\\"");
                case '\\' -> to.append("\\\\");
                case '\n' -> to.append("\\n");
                case '\r' -> to.append("\\r");
                case '\t' -> to.append("\\t");
                default -> {
                    if (c < ' ' || Character.isSurrogate(c)) {
                        to.append("\\u").append(Character.forDigit(c >> 12, 16));
                        to.append(Character.forDigit((c >> 8) & 15, 16));
                        to.append(Character.forDigit((c >> 4) & 15, 16));
                        to.append(Character.forDigit(c & 15, 16));
                    } else {
                        to.append(c);
                    }
                }
            }
        }
        return to.append('"');
    }
}
