package dev.lockkeeper.simulator;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Whether a schema is one that OpenAI takes with {@code strict: true}. */
final class StrictSchema {
    private static final int MOST_PROPERTIES = 5_000;
    private static final int MOST_ENUM_VALUES = 1_000;
    private static final int MOST_LEVELS = 10;
    private static final int DEEPEST = 200;
    private static final Set<String> FORBIDDEN = Set.of(
            "allOf",
            "not",
            "if",
            "then",
            "else",
            "dependentRequired",
            "dependentSchemas",
            "propertyNames",
            "patternProperties",
            "oneOf");

    private int properties;
    private int enumValues;

    private StrictSchema() {}

    /** What is wrong with the schema, in OpenAI's words; null when nothing is. */
    static @Nullable String wrong(JsonNode schema) {
        if (!schema.isObject()) {
            return "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.";
        }
        if (!"object".equals(Json.text(schema, "type"))) {
            return "schema must be a JSON Schema of 'type: \"object\"', got 'type: \""
                    + Json.text(schema, "type", "None") + "\"'.";
        }
        return new StrictSchema().check(schema, "()", 0, 0);
    }

    private @Nullable String check(JsonNode schema, String context, int levels, int depth) {
        if (depth > DEEPEST) {
            return "In context=" + context + ", the schema is nested too deeply.";
        }
        for (String name : schema.propertyNames()) {
            if (FORBIDDEN.contains(name)) {
                return "In context=" + context + ", '" + name + "' is not permitted.";
            }
        }
        enumValues += Json.list(schema, "enum").size();
        if (enumValues > MOST_ENUM_VALUES) {
            return "Too many enum values: at most " + MOST_ENUM_VALUES + " are permitted.";
        }
        boolean object = "object".equals(Json.text(schema, "type")) || schema.has("properties");
        for (JsonNode each : Json.list(schema, "type")) {
            object |= each.isString() && each.stringValue().equals("object");
        }
        if (object) {
            JsonNode additional = schema.get("additionalProperties");
            if (additional == null || !additional.isBoolean() || additional.booleanValue()) {
                return "In context=" + context + ", 'additionalProperties' is required to be supplied and to be false.";
            }
            if (levels >= MOST_LEVELS) {
                return "In context=" + context + ", " + (levels + 1) + " levels of nesting exceeds limit of "
                        + MOST_LEVELS + ".";
            }
            JsonNode members = schema.get("properties");
            if (members != null && members.isObject()) {
                for (Map.Entry<String, JsonNode> each : members.properties()) {
                    if (++properties > MOST_PROPERTIES) {
                        return "Too many properties: at most " + MOST_PROPERTIES + " are permitted.";
                    }
                    if (Json.list(schema, "required").stream()
                            .noneMatch(name ->
                                    name.isString() && name.stringValue().equals(each.getKey()))) {
                        return "In context=" + context
                                + ", 'required' is required to be supplied and to be an array including every key in properties. Missing '"
                                + each.getKey() + "'.";
                    }
                    String wrong = check(
                            each.getValue(), context(context, "properties", each.getKey()), levels + 1, depth + 1);
                    if (wrong != null) {
                        return wrong;
                    }
                }
            }
        }
        for (String list : List.of("anyOf", "prefixItems")) {
            int index = 0;
            for (JsonNode each : Json.list(schema, list)) {
                String wrong = check(each, context(context, list, Integer.toString(index++)), levels, depth + 1);
                if (wrong != null) {
                    return wrong;
                }
            }
        }
        JsonNode items = Json.get(schema, "items");
        if (items != null) {
            String wrong = check(items, context(context, "items", null), levels, depth + 1);
            if (wrong != null) {
                return wrong;
            }
        }
        for (String definitions : List.of("$defs", "definitions")) {
            JsonNode members = schema.get(definitions);
            if (members != null && members.isObject()) {
                for (Map.Entry<String, JsonNode> each : members.properties()) {
                    String wrong = check(each.getValue(), context(context, definitions, each.getKey()), 0, depth + 1);
                    if (wrong != null) {
                        return wrong;
                    }
                }
            }
        }
        return null;
    }

    private static String context(String before, String step, @Nullable String name) {
        String inside = before.substring(1, before.length() - 1);
        return "(" + (inside.isEmpty() ? "" : inside + ", ") + "'" + step + "'"
                + (name == null ? "" : ", '" + name + "'") + ")";
    }
}
