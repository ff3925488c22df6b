package dev.lockkeeper.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class SchemaFitTest {
    private static final SchemaRegistry REGISTRY = SchemaRegistry.withDefaultDialect(
            SpecificationVersion.DRAFT_2020_12,
            builder -> builder.schemaRegistryConfig(
                    SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build()));

    private static final List<String> PATTERNS =
            List.of("^[a-z]{2,5}$", "^\\d{3}-\\d{4}$", "^(red|green)[0-9]+$", "^[^@\\s]+@[a-z.]+$", "^\\w+(,\\w+)*$");
    private static final List<String> FORMATS =
            List.of("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid");

    private static void fits(JsonNode schema, long seed) {
        JsonNode made = SchemaFit.make(schema, new SplittableRandom(seed));
        Schema validator = REGISTRY.getSchema(schema);
        assertThat(validator.validate(made))
                .as("schema %s\nmade %s", schema, made)
                .isEmpty();
    }

    @Property(tries = 500)
    void whatIsMadeFitsAnyStrictSchema(@ForAll long seed) {
        SplittableRandom chance = new SplittableRandom(seed);
        ObjectNode schema = object(chance, 0, false);
        if (chance.nextBoolean()) {
            ObjectNode node = object(chance, 2, false);
            ObjectNode next = Json.object();
            next.putArray("anyOf").add(reference("#/$defs/node")).add(type("null"));
            ((ObjectNode) node.get("properties")).set("next", next);
            ((ArrayNode) node.get("required")).add("next");
            schema.putObject("$defs").set("node", node);
            ((ObjectNode) schema.get("properties")).set("list", reference("#/$defs/node"));
            ((ArrayNode) schema.get("required")).add("list");
        }
        assertThat(StrictSchema.wrong(schema)).isNull();
        fits(schema, seed);
    }

    private static ObjectNode reference(String to) {
        return Json.object().put("$ref", to);
    }

    private static ObjectNode type(String type) {
        return Json.object().put("type", type);
    }

    private static ObjectNode object(SplittableRandom chance, int depth, boolean nullable) {
        ObjectNode schema = Json.object();
        if (nullable) {
            schema.putArray("type").add("object").add("null");
        } else {
            schema.put("type", "object");
        }
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        int count = chance.nextInt(4);
        for (int i = 0; i < count; i++) {
            properties.set("p" + i, any(chance, depth + 1));
            required.add("p" + i);
        }
        return schema.put("additionalProperties", false);
    }

    private static ObjectNode any(SplittableRandom chance, int depth) {
        return switch (chance.nextInt(depth > 4 ? 6 : 9)) {
            case 0 -> string(chance);
            case 1 -> number(chance, "integer");
            case 2 -> number(chance, "number");
            case 3 -> type("boolean");
            case 4 -> {
                ObjectNode schema = Json.object();
                schema.putArray("enum").add("a").add("b").add(3).addNull();
                yield schema;
            }
            case 5 -> Json.object().put("const", "fixed");
            case 6 -> object(chance, depth, chance.nextBoolean());
            case 7 -> {
                ObjectNode schema = type("array");
                schema.set("items", any(chance, depth + 1));
                int least = chance.nextInt(3);
                if (chance.nextBoolean()) {
                    schema.put("minItems", least);
                }
                if (chance.nextBoolean()) {
                    schema.put("maxItems", least + chance.nextInt(3));
                }
                yield schema;
            }
            default -> {
                ObjectNode schema = Json.object();
                schema.putArray("anyOf").add(any(chance, depth + 1)).add(any(chance, depth + 1));
                yield schema;
            }
        };
    }

    private static ObjectNode string(SplittableRandom chance) {
        ObjectNode schema = type("string");
        switch (chance.nextInt(3)) {
            case 0 -> schema.put("pattern", PATTERNS.get(chance.nextInt(PATTERNS.size())));
            case 1 -> schema.put("format", FORMATS.get(chance.nextInt(FORMATS.size())));
            default -> {
                // Any text will do.
            }
        }
        return schema;
    }

    private static ObjectNode number(SplittableRandom chance, String type) {
        ObjectNode schema = type(type);
        int from = chance.nextInt(-50, 50);
        if (chance.nextBoolean()) {
            schema.put(chance.nextBoolean() ? "minimum" : "exclusiveMinimum", from);
        }
        if (chance.nextBoolean()) {
            schema.put(chance.nextBoolean() ? "maximum" : "exclusiveMaximum", from + 20 + chance.nextInt(30));
        }
        if (chance.nextInt(3) == 0) {
            schema.put("multipleOf", type.equals("integer") || chance.nextBoolean() ? 1 + chance.nextInt(9) : 0.25);
        }
        return schema;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'type':'object','properties':{'node':{'$ref':'#'}},'required':[],'additionalProperties':false}",
                "{'type':'object','properties':{'children':{'type':'array','items':{'$ref':'#'}}},'required':['children'],'additionalProperties':false}",
                "{'type':'object','properties':{'name':{'type':'string','minLength':30,'maxLength':31}},'required':['name']}",
                "{'type':'object','allOf':[{'properties':{'a':{'type':'integer'}},'required':['a']},{'properties':{'b':{'const':1}},'required':['b']}]}",
                "{'type':'array','items':{'enum':[1,2,3]},'minItems':3,'uniqueItems':true}",
                "{'oneOf':[{'type':'string','pattern':'^x{3}$'},{'type':'integer','minimum':5,'maximum':5}]}",
                "{'type':'object','properties':{'size':{'type':'integer','multipleOf':2.5,'minimum':1}},'required':['size']}",
            })
    void whatIsMadeFitsKnownHardSchemas(String schema) {
        for (long seed = 0; seed < 50; seed++) {
            fits(Running.object(schema), seed);
        }
    }

    @Test
    void aRegularExpressionIsMet() {
        for (String pattern :
                List.of("^[A-Z]{3}\\d+$", "^(a|bc)*z$", "^[\\w.-]+@x\\.org$", "^(?:\\+1)?[2-9]\\d{2}$", "^[^a-y]$")) {
            for (long seed = 0; seed < 20; seed++) {
                assertThat(Regex.make(pattern, new SplittableRandom(seed))).containsPattern(pattern);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'type':'array'}",
                "{'type':'object','properties':{'a':{'type':'string'}},'required':['a']}",
                "{'type':'object','properties':{'a':{'type':'string'}},'required':[],'additionalProperties':false}",
                "{'type':'object','properties':{},'additionalProperties':false,'allOf':[]}",
                "{'type':'object','properties':{'a':{'type':'array','items':{'type':'object'}}},'required':['a'],'additionalProperties':false}",
                "{'type':'object','properties':{'a':{'$ref':'#/$defs/x'}},'required':['a'],'additionalProperties':false,'$defs':{'x':{'type':'object'}}}",
            })
    void whatOpenAiRefusesAsStrictIsRefused(String schema) {
        assertThat(StrictSchema.wrong(Running.object(schema))).isNotNull();
    }
}
