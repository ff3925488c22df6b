package dev.lockkeeper.admin;

import dev.lockkeeper.units.Storable;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a JSON value of the admin API looks like: the one source of what is documented of it (JSON Schema 2020-12) and of
 * what is refused. Immutable.
 */
sealed interface Shape {
    /** Characters of a text where nothing else is said. */
    int MAX_TEXT = 10_000;

    /** Elements of a list where nothing else is said. */
    int MAX_LIST = 1_000;

    /** A text of at most so many characters. */
    record Text(int maxLength) implements Shape {}

    /**
     * A text that fits a pattern.
     *
     * @param pattern for the whole text; of the syntax that Java and ECMAScript share
     * @param expected for people: what fits
     */
    record Form(String pattern, String expected) implements Shape {}

    /** One of some words. */
    record Word(List<String> words) implements Shape {
        public Word {
            words = List.copyOf(words);
        }
    }

    /** A whole number. */
    record Whole(long min, long max) implements Shape {}

    /** True or false. */
    record Flag() implements Shape {}

    /** A moment as RFC 3339, such as {@code 2026-12-31T00:00:00Z}. */
    record Time() implements Shape {}

    /** A list. */
    record ListOf(Shape element, int max) implements Shape {}

    /** What is of this shape or null. */
    record OrNull(Shape shape) implements Shape {}

    /** A JSON object of any members, such as another document. */
    record Anything() implements Shape {}

    /**
     * A whole answer that is not JSON.
     *
     * @param mediaType what it is, such as {@code text/csv}
     */
    record Document(String mediaType) implements Shape {}

    /**
     * An object; other members than these are refused.
     *
     * @param name its name among the document's schemas; empty where it has none
     */
    record Struct(String name, Map<String, Member> members) implements Shape {
        public Struct {
            members = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(members));
        }

        /** With one more member that must be there. */
        Struct with(String member, Shape shape, String description) {
            return and(member, new Member(shape, true, description));
        }

        /** With one more member that may be missing. */
        Struct optional(String member, Shape shape, String description) {
            return and(member, new Member(shape, false, description));
        }

        private Struct and(String member, Member what) {
            Map<String, Member> more = new LinkedHashMap<>(members);
            more.put(member, what);
            return new Struct(name, more);
        }
    }

    /** A member of an object. */
    record Member(Shape shape, boolean required, String description) {}

    static Text text() {
        return new Text(MAX_TEXT);
    }

    static Word word(String... words) {
        return new Word(List.of(words));
    }

    static ListOf listOf(Shape element) {
        return new ListOf(element, MAX_LIST);
    }

    static Struct struct(String name) {
        return new Struct(name, Map.of());
    }

    /** An answer's list: {@code {"object": "list", "data": […]}}. */
    static Struct answerList(Shape element) {
        return struct("")
                .with("object", word("list"), "What this is.")
                .with("data", new ListOf(element, Integer.MAX_VALUE), "The elements.");
    }

    /**
     * Looks at a value.
     *
     * @param field its name, for the message; empty for the whole body
     * @return null when it fits; else field, value and expectation in one sentence
     */
    default @Nullable Problem check(String field, JsonNode value) {
        return switch (this) {
            case Text(int maxLength) ->
                !value.isString()
                        ? problem(field, value, "a string")
                        : value.asString().length() > maxLength
                                ? new Problem(
                                        field,
                                        value.asString().length() + " characters (expected: at most " + maxLength + ")")
                                : Storable.is(value.asString())
                                        ? null
                                        : new Problem(
                                                field,
                                                "has a character that can't be kept (expected: Unicode text without"
                                                        + " U+0000)");
            case Form(String pattern, String expected) ->
                value.isString() && Pattern.matches(pattern, value.asString()) ? null : problem(field, value, expected);
            case Word(List<String> words) ->
                value.isString() && words.contains(value.asString()) ? null : problem(field, value, either(words));
            case Whole(long min, long max) ->
                value.isIntegralNumber() && value.canConvertToLong() && value.asLong() >= min && value.asLong() <= max
                        ? null
                        : problem(
                                field,
                                value,
                                max == Long.MAX_VALUE
                                        ? "a whole number from " + min
                                        : "a whole number from " + min + " to " + max);
            case Flag() -> value.isBoolean() ? null : problem(field, value, "true or false");
            case Time() -> isTime(value) ? null : problem(field, value, "a time such as 2026-12-31T00:00:00Z");
            case ListOf(Shape element, int max) -> {
                if (!value.isArray()) {
                    yield problem(field, value, "a list");
                }
                if (value.size() > max) {
                    yield new Problem(field, value.size() + " elements (expected: at most " + max + ")");
                }
                Problem found = null;
                for (int i = 0; i < value.size() && found == null; i++) {
                    found = element.check(field + "[" + i + "]", value.get(i));
                }
                yield found;
            }
            case OrNull(Shape shape) -> value.isNull() ? null : shape.check(field, value);
            case Anything() -> value.isObject() ? null : problem(field, value, "a JSON object");
            case Document(String mediaType) -> problem(field, value, mediaType);
            case Struct struct -> members(struct, field, value);
        };
    }

    /** A value that does not fit, in the order field, value, expectation. */
    record Problem(String field, String what) {
        String message() {
            return field + ": " + what;
        }
    }

    private static @Nullable Problem members(Struct struct, String field, JsonNode value) {
        String prefix = field.isEmpty() ? "" : field + ".";
        if (!value.isObject()) {
            return problem(field.isEmpty() ? "body" : field, value, "a JSON object with " + names(struct));
        }
        for (String member : value.propertyNames()) {
            if (!struct.members.containsKey(member)) {
                return new Problem(prefix + member, "is not known (expected: " + names(struct) + ")");
            }
        }
        for (Map.Entry<String, Member> each : struct.members.entrySet()) {
            JsonNode member = value.path(each.getKey());
            if (member.isMissingNode()) {
                if (each.getValue().required) {
                    return new Problem(
                            prefix + each.getKey(), "is missing (expected: " + each.getValue().description + ")");
                }
            } else {
                Problem problem = each.getValue().shape.check(prefix + each.getKey(), member);
                if (problem != null) {
                    return problem;
                }
            }
        }
        return null;
    }

    private static Problem problem(String field, JsonNode value, String expected) {
        String shown = value.toString();
        if (shown.length() > 100) {
            shown = shown.substring(0, 100) + "…";
        }
        return new Problem(field, shown + " (expected: " + expected + ")");
    }

    private static String names(Struct struct) {
        return String.join(", ", struct.members.keySet());
    }

    private static String either(List<String> words) {
        return words.size() == 1
                ? words.getFirst()
                : String.join(", ", words.subList(0, words.size() - 1)) + " or " + words.getLast();
    }

    /** Those that milliseconds can tell. */
    private static boolean isTime(JsonNode value) {
        try {
            return value.isString() && Instant.parse(value.asString()).toEpochMilli() != Long.MIN_VALUE;
        } catch (DateTimeParseException | ArithmeticException e) {
            return false;
        }
    }

    /**
     * As a schema.
     *
     * @param named where schemas that have a name go; what stands in the place of one is a reference
     */
    default ObjectNode schema(ObjectNode named) {
        ObjectNode schema = Json.object();
        switch (this) {
            case Text(int maxLength) -> schema.put("type", "string").put("maxLength", maxLength);
            case Form(String pattern, String expected) ->
                schema.put("type", "string")
                        .put("pattern", "^(" + pattern + ")$")
                        .put("description", expected);
            case Word(List<String> words) ->
                words.forEach(schema.put("type", "string").putArray("enum")::add);
            case Whole(long min, long max) -> {
                schema.put("type", "integer").put("format", "int64").put("minimum", min);
                if (max != Long.MAX_VALUE) {
                    schema.put("maximum", max);
                }
            }
            case Flag() -> schema.put("type", "boolean");
            case Time() -> schema.put("type", "string").put("format", "date-time");
            case ListOf(Shape element, int max) -> {
                schema.put("type", "array").set("items", element.schema(named));
                if (max != Integer.MAX_VALUE) {
                    schema.put("maxItems", max);
                }
            }
            case OrNull(Shape shape) ->
                schema.putArray("anyOf")
                        .add(shape.schema(named))
                        .add(Json.object().put("type", "null"));
            case Anything() -> schema.put("type", "object");
            case Document _ -> schema.put("type", "string");
            case Struct struct -> {
                if (struct.name.isEmpty()) {
                    struct(struct, schema, named);
                } else {
                    if (!named.has(struct.name)) {
                        struct(struct, named.putObject(struct.name), named);
                    }
                    schema.put("$ref", "#/components/schemas/" + struct.name);
                }
            }
        }
        return schema;
    }

    private static void struct(Struct struct, ObjectNode schema, ObjectNode named) {
        schema.put("type", "object").put("additionalProperties", false);
        ObjectNode properties = schema.putObject("properties");
        List<String> required = new ArrayList<>();
        struct.members.forEach((name, member) -> {
            properties.set(name, member.shape.schema(named).put("description", member.description));
            if (member.required) {
                required.add(name);
            }
        });
        if (!required.isEmpty()) {
            required.forEach(schema.putArray("required")::add);
        }
    }
}
