package dev.lockkeeper.simulator;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Makes JSON that fits a schema: all of what OpenAI allows in a strict schema, recursive ones included, and of what it
 * does not, {@code allOf}, {@code oneOf}, {@code minLength} and {@code maxLength}. What else a schema asks for may be
 * missed.
 */
final class SchemaFit {
    /** From here on recursion takes the shortest way out. */
    private static final int DEEP = 4;

    private static final int ENDLESS = 1_000;
    private static final int MOST_ITEMS = 3;

    private static final Map<String, List<String>> BY_NAME = Map.of(
            "city", List.of("Zurich", "Lisbon", "Utrecht", "Lyon"),
            "location", List.of("Zurich", "Lisbon", "Utrecht", "Lyon"),
            "country", List.of("Switzerland", "Portugal", "Netherlands"),
            "name", List.of("Ada", "Grace", "Alan", "Edsger"),
            "email", List.of("ada@example.com", "grace@example.com"),
            "language", List.of("en", "de", "fr"),
            "unit", List.of("celsius", "fahrenheit"),
            "url", List.of("https://example.com/lock"));

    private final JsonNode root;
    private final SplittableRandom chance;
    private final IdentityHashMap<JsonNode, Integer> heights = new IdentityHashMap<>();

    private SchemaFit(JsonNode root, SplittableRandom chance) {
        this.root = root;
        this.chance = chance;
    }

    static JsonNode make(JsonNode schema, SplittableRandom chance) {
        return new SchemaFit(schema, chance).value(schema, "", 0);
    }

    private JsonNode value(JsonNode written, String name, int depth) {
        JsonNode schema = resolved(written);
        if (!schema.isObject()) {
            return JsonNodeFactory.instance.stringNode(Prose.phrase(1, chance));
        }
        JsonNode constant = schema.get("const");
        if (constant != null) {
            return constant;
        }
        List<JsonNode> members = Json.list(schema, "enum");
        if (!members.isEmpty()) {
            return members.get(chance.nextInt(members.size()));
        }
        for (String either : List.of("anyOf", "oneOf")) {
            List<JsonNode> branches = Json.list(schema, either);
            if (!branches.isEmpty()) {
                return value(merged(schema, either, branch(branches, depth)), name, depth);
            }
        }
        List<JsonNode> all = Json.list(schema, "allOf");
        if (!all.isEmpty()) {
            JsonNode merged = schema;
            for (JsonNode each : all) {
                merged = merged(merged, "allOf", resolved(each));
            }
            return value(merged, name, depth);
        }
        return switch (type(schema, depth)) {
            case "object" -> object(schema, depth);
            case "array" -> array(schema, name, depth);
            case "string" -> JsonNodeFactory.instance.stringNode(string(schema, name));
            case "integer" ->
                JsonNodeFactory.instance.numberNode(number(schema, true).toBigInteger());
            case "number" -> JsonNodeFactory.instance.numberNode(number(schema, false));
            case "boolean" -> JsonNodeFactory.instance.booleanNode(chance.nextBoolean());
            case "null" -> JsonNodeFactory.instance.nullNode();
            default -> JsonNodeFactory.instance.stringNode(Prose.phrase(1, chance));
        };
    }

    /** What stands beside a union holds for each of its branches. */
    private static JsonNode merged(JsonNode schema, String without, JsonNode branch) {
        ObjectNode merged = Json.object();
        for (Map.Entry<String, JsonNode> each : schema.properties()) {
            if (!each.getKey().equals(without)
                    && !each.getKey().equals("$defs")
                    && !each.getKey().equals("definitions")) {
                merged.set(each.getKey(), each.getValue());
            }
        }
        for (Map.Entry<String, JsonNode> each : branch.properties()) {
            JsonNode before = merged.get(each.getKey());
            if (before != null && before.isObject() && each.getKey().equals("properties")) {
                ObjectNode both = Json.object();
                both.setAll((ObjectNode) before);
                both.setAll((ObjectNode) each.getValue());
                merged.set(each.getKey(), both);
            } else if (before != null && before.isArray() && each.getKey().equals("required")) {
                ArrayNode both = ((ArrayNode) before).deepCopy();
                each.getValue().forEach(both::add);
                merged.set(each.getKey(), both);
            } else {
                merged.set(each.getKey(), each.getValue());
            }
        }
        return merged;
    }

    private JsonNode branch(List<JsonNode> branches, int depth) {
        if (depth < DEEP) {
            return resolved(branches.get(chance.nextInt(branches.size())));
        }
        JsonNode lowest = branches.getFirst();
        for (JsonNode each : branches) {
            if (height(each) < height(lowest)) {
                lowest = each;
            }
        }
        return resolved(lowest);
    }

    /** How deep a schema's smallest value is; {@link #ENDLESS} while it is being found out. */
    private int height(JsonNode written) {
        JsonNode schema = resolved(written);
        Integer known = heights.get(schema);
        if (known != null) {
            return known;
        }
        heights.put(schema, ENDLESS);
        int height = 0;
        for (String either : List.of("anyOf", "oneOf")) {
            List<JsonNode> branches = Json.list(schema, either);
            if (!branches.isEmpty()) {
                height = ENDLESS;
                for (JsonNode each : branches) {
                    height = Math.min(height, height(each));
                }
            }
        }
        List<String> types = types(schema);
        if (types.size() == 1 && types.getFirst().equals("object")) {
            for (Map.Entry<String, JsonNode> each : properties(schema)) {
                if (required(schema, each.getKey())) {
                    height = Math.max(height, 1 + height(each.getValue()));
                }
            }
        } else if (types.size() == 1 && types.getFirst().equals("array")) {
            height = Json.number(schema, "minItems", 0) > 0 && schema.get("items") != null
                    ? 1 + height(schema.get("items"))
                    : 1;
        }
        heights.put(schema, Math.min(height, ENDLESS));
        return height;
    }

    private JsonNode resolved(JsonNode schema) {
        JsonNode node = schema;
        for (int i = 0; i < 32; i++) {
            String reference = Json.text(node, "$ref");
            if (reference == null) {
                return node;
            }
            if (!reference.startsWith("#")) {
                return Json.object();
            }
            JsonNode target = root.at(reference.substring(1));
            if (target.isMissingNode()) {
                return Json.object();
            }
            node = target;
        }
        return Json.object();
    }

    private static List<String> types(JsonNode schema) {
        JsonNode type = schema.get("type");
        if (type != null && type.isString()) {
            return List.of(type.stringValue());
        }
        if (type != null && type.isArray()) {
            List<String> types = new ArrayList<>();
            type.forEach(each -> types.add(each.isString() ? each.stringValue() : "string"));
            return types;
        }
        if (schema.has("properties")) {
            return List.of("object");
        }
        return schema.has("items") ? List.of("array") : List.of();
    }

    private String type(JsonNode schema, int depth) {
        List<String> types = types(schema);
        if (types.isEmpty()) {
            return "string";
        }
        if (depth >= DEEP && types.contains("null")) {
            return "null";
        }
        return types.get(chance.nextInt(types.size()));
    }

    private static Iterable<Map.Entry<String, JsonNode>> properties(JsonNode schema) {
        JsonNode properties = schema.get("properties");
        return properties == null || !properties.isObject() ? List.of() : properties.properties();
    }

    private static boolean required(JsonNode schema, String name) {
        for (JsonNode each : Json.list(schema, "required")) {
            if (each.isString() && each.stringValue().equals(name)) {
                return true;
            }
        }
        return false;
    }

    private JsonNode object(JsonNode schema, int depth) {
        ObjectNode object = Json.object();
        for (Map.Entry<String, JsonNode> each : properties(schema)) {
            if (required(schema, each.getKey()) || (depth < DEEP && chance.nextInt(4) > 0)) {
                object.set(each.getKey(), value(each.getValue(), each.getKey(), depth + 1));
            }
        }
        return object;
    }

    private JsonNode array(JsonNode schema, String name, int depth) {
        int least = Json.number(schema, "minItems", 0);
        int most = Math.max(least, Json.number(schema, "maxItems", least + MOST_ITEMS));
        int count = depth >= DEEP ? least : least + chance.nextInt(Math.min(most - least, MOST_ITEMS) + 1);
        if (count == 0 && most > 0 && depth < DEEP) {
            count = 1;
        }
        ArrayNode array = Json.array();
        List<JsonNode> prefix = Json.list(schema, "prefixItems");
        JsonNode items = Json.get(schema, "items");
        boolean unique = Json.flag(schema, "uniqueItems", false);
        for (int i = 0, tries = 0; i < count && tries < count * 8 + 8; tries++) {
            JsonNode each = value(
                    i < prefix.size()
                            ? prefix.get(i)
                            : items == null ? Json.object().put("type", "string") : items,
                    name,
                    depth + 1);
            boolean seen = false;
            for (JsonNode before : array) {
                seen |= before.equals(each);
            }
            if (!unique || !seen) {
                array.add(each);
                i++;
            }
        }
        return array;
    }

    private BigDecimal number(JsonNode schema, boolean whole) {
        BigDecimal step = decimal(schema, "multipleOf");
        BigDecimal least = decimal(schema, "minimum");
        BigDecimal most = decimal(schema, "maximum");
        BigDecimal above = decimal(schema, "exclusiveMinimum");
        BigDecimal below = decimal(schema, "exclusiveMaximum");
        if (above != null && (least == null || above.compareTo(least) >= 0)) {
            least = above;
        } else {
            above = null;
        }
        if (below != null && (most == null || below.compareTo(most) <= 0)) {
            most = below;
        } else {
            below = null;
        }
        BigDecimal unit = step;
        if (whole && (step == null || step.stripTrailingZeros().scale() > 0)) {
            unit = BigDecimal.ONE;
            for (int i = 1; step != null && i <= ENDLESS; i++) {
                BigDecimal multiple = step.multiply(BigDecimal.valueOf(i));
                if (multiple.stripTrailingZeros().scale() <= 0) {
                    unit = multiple;
                    break;
                }
            }
        }
        BigDecimal span = BigDecimal.valueOf(100);
        BigDecimal from = least != null ? least : most != null ? most.subtract(span) : BigDecimal.ZERO;
        BigDecimal to = most != null ? most : from.add(span);
        if (unit == null) {
            // Halves, quarters and so on of the span: short to write and never on an excluded bound.
            BigDecimal width = to.subtract(from);
            if (width.signum() == 0) {
                return from;
            }
            return from.add(width.multiply(BigDecimal.valueOf(1 + chance.nextInt(7)))
                    .divide(BigDecimal.valueOf(8), MathContext.DECIMAL64));
        }
        BigDecimal first = from.divide(unit, 0, RoundingMode.CEILING);
        if (above != null && first.multiply(unit).compareTo(above) <= 0) {
            first = first.add(BigDecimal.ONE);
        }
        BigDecimal last = to.divide(unit, 0, RoundingMode.FLOOR);
        if (below != null && last.multiply(unit).compareTo(below) >= 0) {
            last = last.subtract(BigDecimal.ONE);
        }
        if (last.compareTo(first) < 0) {
            return first.multiply(unit);
        }
        long choices = last.subtract(first).min(BigDecimal.valueOf(100)).longValue();
        return first.add(BigDecimal.valueOf(chance.nextLong(choices + 1))).multiply(unit);
    }

    private static @Nullable BigDecimal decimal(JsonNode schema, String name) {
        JsonNode member = Json.get(schema, name);
        return member != null && member.isNumber() ? member.decimalValue() : null;
    }

    private String string(JsonNode schema, String name) {
        String pattern = Json.text(schema, "pattern");
        if (pattern != null) {
            return Regex.make(pattern, chance);
        }
        String format = Json.text(schema, "format");
        if (format != null) {
            String made = formatted(format);
            if (made != null) {
                return made;
            }
        }
        List<String> usual = BY_NAME.get(name.toLowerCase(Locale.ROOT));
        String text =
                usual != null ? usual.get(chance.nextInt(usual.size())) : Prose.phrase(1 + chance.nextInt(3), chance);
        int least = Json.number(schema, "minLength", 0);
        int most = Json.number(schema, "maxLength", Integer.MAX_VALUE);
        StringBuilder fitted = new StringBuilder(text);
        while (fitted.length() < least) {
            fitted.append(' ').append(Prose.phrase(1, chance));
        }
        return fitted.length() > most ? fitted.substring(0, Math.max(most, 0)) : fitted.toString();
    }

    private @Nullable String formatted(String format) {
        String date = String.format(
                Locale.ROOT,
                "20%02d-%02d-%02d",
                20 + chance.nextInt(10),
                1 + chance.nextInt(12),
                1 + chance.nextInt(28));
        String time = String.format(
                Locale.ROOT, "%02d:%02d:%02dZ", chance.nextInt(24), chance.nextInt(60), chance.nextInt(60));
        return switch (format) {
            case "date" -> date;
            case "time" -> time;
            case "date-time" -> date + "T" + time;
            case "duration" -> "P" + (1 + chance.nextInt(9)) + "DT" + (1 + chance.nextInt(9)) + "H";
            case "email" -> Prose.phrase(1, chance) + "@example.com";
            case "hostname" -> Prose.phrase(1, chance) + ".example.com";
            case "ipv4" -> "192.0.2." + chance.nextInt(256);
            case "ipv6" -> "2001:db8::" + Integer.toHexString(1 + chance.nextInt(65_535));
            case "uuid" ->
                String.format(
                        Locale.ROOT,
                        "%08x-%04x-4%03x-8%03x-%012x",
                        chance.nextInt(),
                        chance.nextInt(65_536),
                        chance.nextInt(4_096),
                        chance.nextInt(4_096),
                        chance.nextLong(1L << 48));
            case "uri", "url" -> "https://example.com/" + Prose.phrase(1, chance);
            default -> null;
        };
    }
}
