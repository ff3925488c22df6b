package dev.lockkeeper.simulator;

import java.math.BigDecimal;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Checks the members of a request's body and refuses what OpenAI refuses, in its words. */
final class Params {
    private static final int MOST_METADATA = 16;
    private static final int LONGEST_KEY = 64;
    private static final int LONGEST_VALUE = 512;

    private Params() {}

    static void onlyKnown(ObjectNode body, Set<String> known) throws Refused {
        for (String name : body.propertyNames()) {
            if (!known.contains(name)) {
                throw Refused.badRequest(name, "unknown_parameter", "Unknown parameter: '" + name + "'.");
            }
        }
    }

    static String kind(@Nullable JsonNode node) {
        if (node == null || node.isNull()) {
            return "null";
        }
        if (node.isObject()) {
            return "an object";
        }
        if (node.isArray()) {
            return "an array";
        }
        if (node.isString()) {
            return "a string";
        }
        if (node.isBoolean()) {
            return "a boolean";
        }
        return node.isIntegralNumber() ? "an integer" : "a decimal";
    }

    static @Nullable String text(JsonNode body, String name) throws Refused {
        return text(body, name, name);
    }

    static @Nullable String text(JsonNode body, String name, String param) throws Refused {
        JsonNode member = Json.get(body, name);
        if (member != null && !member.isString()) {
            throw Refused.wrongType(param, "a string", kind(member));
        }
        return member == null ? null : member.stringValue();
    }

    static String needed(JsonNode body, String name, String param) throws Refused {
        if (!body.has(name)) {
            throw Refused.missing(param);
        }
        String text = text(body, name, param);
        if (text == null) {
            throw Refused.wrongType(param, "a string", "null");
        }
        return text;
    }

    static boolean flag(JsonNode body, String name, boolean otherwise) throws Refused {
        JsonNode member = Json.get(body, name);
        if (member != null && !member.isBoolean()) {
            throw Refused.wrongType(name, "a boolean", kind(member));
        }
        return member == null ? otherwise : member.booleanValue();
    }

    static int integer(JsonNode body, String name, int otherwise, long least, long most) throws Refused {
        JsonNode member = Json.get(body, name);
        if (member == null) {
            return otherwise;
        }
        if (!member.isIntegralNumber()
                && !(member.isNumber()
                        && member.decimalValue().stripTrailingZeros().scale() <= 0)) {
            throw Refused.wrongType(name, "an integer", kind(member));
        }
        BigDecimal value = member.decimalValue();
        within(name, "integer", value, value.toBigInteger().toString(), least, most);
        return value.intValue();
    }

    static void decimal(JsonNode body, String name, int least, int most) throws Refused {
        JsonNode member = Json.get(body, name);
        if (member == null) {
            return;
        }
        if (!member.isNumber()) {
            throw Refused.wrongType(name, "a decimal", kind(member));
        }
        BigDecimal value = member.decimalValue();
        within(name, "decimal", value, value.toPlainString(), least, most);
    }

    private static void within(String name, String kind, BigDecimal value, String shown, long least, long most)
            throws Refused {
        if (value.compareTo(BigDecimal.valueOf(least)) < 0) {
            throw Refused.badRequest(
                    name,
                    kind + "_below_min_value",
                    "Invalid '" + name + "': " + kind + " below minimum value. Expected a value >= " + least
                            + ", but got " + shown + " instead.");
        }
        if (value.compareTo(BigDecimal.valueOf(most)) > 0) {
            throw Refused.badRequest(
                    name,
                    kind + "_above_max_value",
                    "Invalid '" + name + "': " + kind + " above maximum value. Expected a value <= " + most
                            + ", but got " + shown + " instead.");
        }
    }

    static @Nullable String oneOf(JsonNode body, String name, String param, List<String> values) throws Refused {
        String text = text(body, name, param);
        if (text != null && !values.contains(text)) {
            throw invalidValue(param, text, values);
        }
        return text;
    }

    static Refused invalidValue(String param, String got, List<String> values) {
        StringBuilder list = new StringBuilder();
        for (int i = 0; i < values.size(); i++) {
            list.append(i == 0 ? "" : i < values.size() - 1 ? ", " : values.size() == 2 ? " and " : ", and ");
            list.append('\'').append(values.get(i)).append('\'');
        }
        return Refused.badRequest(
                param, "invalid_value", "Invalid value: '" + got + "'. Supported values are: " + list + ".");
    }

    static List<JsonNode> array(JsonNode body, String name, String param) throws Refused {
        JsonNode member = Json.get(body, name);
        if (member != null && !member.isArray()) {
            throw Refused.wrongType(param, "an array", kind(member));
        }
        return Json.list(body, name);
    }

    static @Nullable ObjectNode object(JsonNode body, String name, String param) throws Refused {
        JsonNode member = Json.get(body, name);
        if (member == null) {
            return null;
        }
        if (member instanceof ObjectNode object) {
            return object;
        }
        throw Refused.wrongType(param, "an object", kind(member));
    }

    /** The request's metadata, checked; null where there is none. */
    static @Nullable ObjectNode metadata(JsonNode body) throws Refused {
        ObjectNode metadata = object(body, "metadata", "metadata");
        if (metadata == null) {
            return null;
        }
        if (metadata.size() > MOST_METADATA) {
            throw Refused.badRequest(
                    "metadata",
                    "object_above_max_properties",
                    "Invalid 'metadata': too many properties. Expected an object with at most " + MOST_METADATA
                            + " properties, but got an object with " + metadata.size() + " properties instead.");
        }
        for (var each : metadata.properties()) {
            String param = "metadata." + each.getKey();
            if (!each.getValue().isString()) {
                throw Refused.wrongType(param, "a string", kind(each.getValue()));
            }
            if (each.getKey().length() > LONGEST_KEY) {
                throw tooLong("metadata", each.getKey().length(), LONGEST_KEY);
            }
            if (each.getValue().stringValue().length() > LONGEST_VALUE) {
                throw tooLong(param, each.getValue().stringValue().length(), LONGEST_VALUE);
            }
        }
        return metadata;
    }

    /** A copy of a stored object with the metadata that a request must bring for it. */
    static ObjectNode withMetadata(ObjectNode stored, ObjectNode body) throws Refused {
        ObjectNode metadata = metadata(body);
        if (metadata == null) {
            throw Refused.missing("metadata");
        }
        ObjectNode changed = stored.deepCopy();
        changed.set("metadata", metadata);
        return changed;
    }

    static Refused tooMany(String param, int length, int most) {
        return Refused.badRequest(
                param,
                "array_above_max_length",
                "Invalid '" + param + "': array too long. Expected an array with maximum length " + most
                        + ", but got an array with length " + length + " instead.");
    }

    static Refused noElement(String param) {
        return Refused.badRequest(
                param,
                "empty_array",
                "Invalid '" + param
                        + "': empty array. Expected an array with minimum length 1, but got an empty array instead.");
    }

    static Refused tooLong(String param, int length, int most) {
        return Refused.badRequest(
                param,
                "string_above_max_length",
                "Invalid '" + param + "': string too long. Expected a string with maximum length " + most
                        + ", but got a string with length " + length + " instead.");
    }
}
