package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class RewriteTest {
    private static final Refusals REASONING = Refusals.of("gpt-5.5", null);
    private static final Refusals PLAIN = Refusals.of("gpt-4o", null);

    private static Rewritten rewrite(Endpoint endpoint, String body, Refusals refusals, boolean askUsage) {
        return Rewrite.of(
                Bytes.utf8(body),
                Given.scan(endpoint, body),
                endpoint,
                new Rewrite.Wish("upstream", refusals, askUsage, Rewrite.UNLIMITED, null));
    }

    private static void chat(String body, Refusals refusals, String expected, String... warnings) {
        Rewritten rewritten = rewrite(Given.CHAT, body, refusals, true);
        assertThat(Given.joined(rewritten)).isEqualTo(expected);
        assertThat(rewritten.warnings()).containsExactly(warnings);
    }

    private static void responses(String body, Refusals refusals, String expected, String... warnings) {
        Rewritten rewritten = rewrite(Given.RESPONSES, body, refusals, true);
        assertThat(Given.joined(rewritten)).isEqualTo(expected);
        assertThat(rewritten.warnings()).containsExactly(warnings);
    }

    @Test
    void onlyTheModelsNameChangesWhereNothingIsRefused() {
        chat(
                "{ \"model\" : \"m\", \"temperature\":0.10, \"max_tokens\":5,\"x\":1e2 }\n",
                Refusals.NONE,
                "{ \"model\" : \"upstream\", \"temperature\":0.10, \"max_tokens\":5,\"x\":1e2 }\n");
        responses(
                "{\"response_format\":{\"type\":\"text\"},\"max_tokens\":1}",
                Refusals.NONE,
                "{\"response_format\":{\"type\":\"text\"},\"max_tokens\":1}");
    }

    @Test
    void aNameWithQuotesIsEscaped() {
        String body = "{\"model\":\"m\"}";
        assertThat(Given.joined(Rewrite.of(
                        Bytes.utf8(body),
                        Given.scan(Given.CHAT, body),
                        Given.CHAT,
                        new Rewrite.Wish("a\"b\\ü\n", Refusals.NONE, false, Rewrite.UNLIMITED, null))))
                .isEqualTo("{\"model\":\"a\\\"b\\\\ü\\u000a\"}");
    }

    @Test
    void anAnswerIsLimitedToWhatCanBePaid() {
        limited(Given.CHAT, "{\"model\":\"m\",\"n\":1}", PLAIN, "{\"model\":\"upstream\",\"max_tokens\":7,\"n\":1}");
        limited(
                Given.CHAT,
                "{\"model\":\"m\",\"temperature\":1}",
                REASONING,
                "{\"model\":\"upstream\",\"max_completion_tokens\":7}");
        limited(
                Given.CHAT,
                "{\"max_tokens\": 100,\"model\":\"m\"}",
                REASONING,
                "{\"max_completion_tokens\": 7,\"model\":\"upstream\"}");
        limited(
                Given.CHAT,
                "{\"model\":\"m\",\"max_tokens\":null}",
                PLAIN,
                "{\"model\":\"upstream\",\"max_tokens\":7}");
        limited(
                Given.CHAT,
                "{\"model\":\"m\",\"max_tokens\":8,\"max_completion_tokens\":9}",
                PLAIN,
                "{\"model\":\"upstream\",\"max_tokens\":7,\"max_completion_tokens\":7}");
        limited(
                Given.RESPONSES,
                "{\"model\":\"m\",\"input\":\"a\"}",
                REASONING,
                "{\"model\":\"upstream\",\"max_output_tokens\":7,\"input\":\"a\"}");
    }

    private static void limited(Endpoint endpoint, String body, Refusals refusals, String expected) {
        Rewritten rewritten = Rewrite.of(
                Bytes.utf8(body),
                Given.scan(endpoint, body),
                endpoint,
                new Rewrite.Wish("upstream", refusals, false, 7, null));
        assertThat(Given.joined(rewritten)).isEqualTo(expected);
        assertThat(rewritten.warnings()).anyMatch(warning -> warning.endsWith("(what is set aside for it)"));
    }

    @Test
    void whoIsBehindItIsToldAsTheOperatorWantsIt() {
        String body = "{\"model\":\"m\",\"user\":\"ann@example.com\",\"safety_identifier\":\"u-1\",\"n\":1}";
        assertThat(Given.joined(Rewrite.of(
                        Bytes.utf8(body),
                        Given.scan(Given.CHAT, body),
                        Given.CHAT,
                        new Rewrite.Wish("m", PLAIN, false, Rewrite.UNLIMITED, "x"))))
                .isEqualTo("{\"model\":\"m\",\"user\":\"x\",\"safety_identifier\":\"x\",\"n\":1}");
    }

    @Test
    void aSmallerLimitStaysAsItIs() {
        String body = "{\"model\":\"upstream\",\"max_tokens\":7}";
        Rewritten rewritten = Rewrite.of(
                Bytes.utf8(body),
                Given.scan(Given.CHAT, body),
                Given.CHAT,
                new Rewrite.Wish("upstream", PLAIN, false, 7, null));
        assertThat(Given.joined(rewritten)).isEqualTo(body);
        assertThat(rewritten.warnings()).isEmpty();
    }

    @Test
    void usageIsAskedForOnlyInStreams() {
        chat("{\"stream\":false}", PLAIN, "{\"stream\":false}");
        chat("{\"stream\":true}", PLAIN, "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        chat(
                "{\"stream\":true,\"stream_options\":null}",
                PLAIN,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        chat(
                "{\"stream\":true,\"stream_options\":{ }}",
                PLAIN,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true }}");
        chat(
                "{\"stream\":true,\"stream_options\":{\"include_obfuscation\":false}}",
                PLAIN,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false}}");
        chat(
                "{\"stream\":true,\"stream_options\":{\"include_usage\" : false }}",
                PLAIN,
                "{\"stream\":true,\"stream_options\":{\"include_usage\" : true }}");
        chat(
                "{\"stream\":true,\"stream_options\":{\"include_usage\":null}}",
                PLAIN,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        chat(
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
                PLAIN,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        responses("{\"stream\":true}", PLAIN, "{\"stream\":true}");
        assertThat(Given.joined(rewrite(Given.COMPLETIONS, "{\"stream\":true}", REASONING, true)))
                .contains("include_usage");
        assertThat(Given.joined(rewrite(Given.CHAT, "{\"stream\":true}", PLAIN, false)))
                .isEqualTo("{\"stream\":true}");
    }

    @Test
    void anOutputLimitGetsTheNameThatAReasoningModelTakes() {
        chat("{\"max_tokens\":5}", PLAIN, "{\"max_tokens\":5}");
        chat(
                "{\"max_tokens\" :5}",
                REASONING,
                "{\"max_completion_tokens\" :5}",
                "renamed max_tokens to max_completion_tokens");
        chat(
                "{\"max_\\u0074okens\":5}",
                REASONING,
                "{\"max_completion_tokens\":5}",
                "renamed max_tokens to max_completion_tokens");
        chat(
                "{\"max_tokens\":5,\"max_completion_tokens\":6}",
                REASONING,
                "{\"max_completion_tokens\":6}",
                "dropped max_tokens (max_completion_tokens is there)");
        chat(
                "{\"max_tokens\":5,\"max_completion_tokens\":null}",
                REASONING,
                "{\"max_completion_tokens\":5}",
                "renamed max_tokens to max_completion_tokens");
    }

    @Test
    void samplingThatAReasoningModelRefusesIsDropped() {
        chat(
                "{\"temperature\":1,\"model\":\"m\",\"top_p\":0.5}",
                REASONING,
                "{\"model\":\"upstream\"}",
                "dropped temperature (gpt-5.5 reasons at this effort)",
                "dropped top_p (gpt-5.5 reasons at this effort)");
        chat(
                "{ \"a\":1 , \"temperature\":1 , \"top_p\":1 , \"logit_bias\":{\"1\":2} }",
                REASONING,
                "{ \"a\":1    }",
                "dropped temperature (gpt-5.5 reasons at this effort)",
                "dropped top_p (gpt-5.5 reasons at this effort)",
                "dropped logit_bias (gpt-5.5 reasons at this effort)");
        chat("{\"temperature\":1}", REASONING, "{}", "dropped temperature (gpt-5.5 reasons at this effort)");
        chat("{\"temperature\":null,\"logprobs\":false}", REASONING, "{\"temperature\":null,\"logprobs\":false}");
        chat("{\"temperature\":1,\"presence_penalty\":1}", PLAIN, "{\"temperature\":1,\"presence_penalty\":1}");
        chat(
                "{\"temperature\":1,\"presence_penalty\":1}",
                Refusals.of("gpt-5.5", "none"),
                "{\"temperature\":1}",
                "dropped presence_penalty (gpt-5.5 does not take it)");
    }

    @Test
    void usageIsAskedForNextToADroppedMember() {
        chat(
                "{\"stream\":true,\"temperature\":1}",
                REASONING,
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
                "dropped temperature (gpt-5.5 reasons at this effort)");
    }

    @Test
    void aChatsResponseFormatBecomesAResponsesTextFormat() {
        String moved = "moved response_format to text.format";
        responses(
                "{\"response_format\":{\"type\":\"json_object\"}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"json_object\"}}}",
                moved);
        responses(
                "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{ \"name\":\"n\",\"schema\":{\"a\":1.0}}},\"b\":1}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{\"a\":1.0}}},\"b\":1}",
                moved);
        responses(
                "{\"response_format\":{\"json_schema\":{},\"type\":\"json_schema\"}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"json_schema\"}}}",
                moved);
        responses(
                "{\"response_format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{}}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{}}}}",
                moved);
        responses(
                "{\"text\":{\"verbosity\":\"low\"},\"response_format\":{\"type\":\"text\"}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"low\"}}",
                moved);
        responses(
                "{\"response_format\":{\"type\":\"text\"},\"text\":{}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"text\"}}}",
                moved);
        responses(
                "{\"response_format\":{\"type\":\"text\"},\"text\":null}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"text\"}}}",
                moved);
        responses(
                "{\"response_format\":{\"type\":\"text\"},\"text\":{\"format\":null,\"verbosity\":\"low\"}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"low\"}}",
                moved);
        responses(
                "{\"text\":{\"format\":{\"type\":\"text\"}},\"response_format\":{\"type\":\"json_object\"}}",
                PLAIN,
                "{\"text\":{\"format\":{\"type\":\"text\"}}}",
                "dropped response_format (text.format is there)");
        responses("{\"response_format\":null}", PLAIN, "{}", "dropped response_format (null)");
    }

    @Test
    void aChatsLimitAndEffortBecomeAResponses() {
        responses(
                "{\"max_tokens\":5,\"reasoning_effort\":\"low\"}",
                PLAIN,
                "{\"max_output_tokens\":5,\"reasoning\":{\"effort\":\"low\"}}",
                "renamed max_tokens to max_output_tokens",
                "moved reasoning_effort to reasoning.effort");
        responses(
                "{\"max_tokens\":5,\"max_completion_tokens\":6}",
                PLAIN,
                "{\"max_output_tokens\":6}",
                "renamed max_completion_tokens to max_output_tokens",
                "dropped max_tokens (max_completion_tokens is there)");
        responses(
                "{\"max_tokens\":5,\"max_output_tokens\":6}",
                PLAIN,
                "{\"max_output_tokens\":6}",
                "dropped max_tokens (max_output_tokens is there)");
        responses(
                "{\"reasoning\":{\"summary\":\"auto\"},\"reasoning_effort\":\"low\"}",
                PLAIN,
                "{\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"}}",
                "moved reasoning_effort to reasoning.effort");
        responses(
                "{\"reasoning_effort\":\"low\",\"reasoning\":{\"effort\":\"high\"}}",
                PLAIN,
                "{\"reasoning\":{\"effort\":\"high\"}}",
                "dropped reasoning_effort (reasoning.effort is there)");
    }

    @Test
    void theBodyItselfIsNotCopied() {
        String body = "{\"messages\":[\"" + "x".repeat(10_000) + "\"],\"model\":\"m\",\"temperature\":1}";
        Bytes bytes = Bytes.utf8(body);
        Rewritten rewritten = Rewrite.of(
                bytes,
                Given.scan(Given.CHAT, body),
                Given.CHAT,
                new Rewrite.Wish("upstream", REASONING, true, Rewrite.UNLIMITED, null));
        assertThat(rewritten.pieces().getFirst().array()).isSameAs(bytes.array());
        assertThat(rewritten.pieces().getFirst().length()).isGreaterThan(10_000);
    }

    /** Integers stay integers, decimals keep their zeros, large ones their digits: nothing is parsed and written anew. */
    @Test
    void numbersKeepTheirText() {
        String messages =
                "[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"arguments\":\"{\\\"z\\\":1,\\\"a\\\":1.0,\\\"b\\\":12345678901234567890123}\"}}]}]";
        String tools =
                "[{\"type\":\"function\",\"function\":{\"parameters\":{\"default\":1.0,\"maximum\":12345678901234567890123,\"minimum\":1}}}]";
        chat(
                "{\"messages\":" + messages + ",\"tools\":" + tools + ",\"model\":\"m\",\"seed\":9007199254740993}",
                REASONING,
                "{\"messages\":" + messages + ",\"tools\":" + tools
                        + ",\"model\":\"upstream\",\"seed\":9007199254740993}");
    }

    @ParameterizedTest
    @CsvSource({
        // model, effort, sampling, penalties, maxTokens
        "gpt-4o,,false,false,false",
        "gpt-4.1-mini,,false,false,false",
        "gpt-3.5-turbo,,false,false,false",
        "o3,,true,true,true",
        "o4-mini,low,true,true,true",
        "gpt-5,,true,true,true",
        "gpt-5,none,true,true,true",
        "gpt-5-mini,minimal,true,true,true",
        "gpt-5-chat-latest,,false,false,false",
        "gpt-5.3-chat-latest,,false,false,false",
        "gpt-5.1,,false,true,true",
        "gpt-5.1,low,true,true,true",
        "gpt-5.4,,false,true,true",
        "gpt-5.4-mini,none,false,true,true",
        "gpt-5.4-pro,none,true,true,true",
        "gpt-5.5,,true,true,true",
        "gpt-5.5-2026-04-23,none,false,true,true",
        "gpt-5.6-sol,none,false,true,true",
        "gpt-6-astra,none,true,true,true",
        "gpt-6-sol,none,false,true,true",
        "gpt-6-luna,,true,true,true",
        "gpt-6.1-sol,none,true,true,true",
        "gpt-6.1-terra,none,false,true,true",
        "openai/gpt-5.5,,true,true,true",
        "ft:gpt-4o:acme::1,,false,false,false",
        "llama-3,,false,false,false",
        "omni-moderation-latest,,false,false,false"
    })
    void aModelsNameTellsWhatItRefuses(
            String model, String effort, boolean sampling, boolean penalties, boolean maxTokens) {
        Refusals refusals = Refusals.of(model, effort);
        assertThat(refusals).isEqualTo(new Refusals(sampling, penalties, maxTokens, true, refusals.why()));
        assertThat(refusals.why()).startsWith(model);
    }

    /** The same edits, made on a tree. */
    private static void edit(ObjectNode tree, boolean responses) {
        if (tree.has("model")) {
            tree.put("model", "upstream");
        }
        for (String name : List.of(
                "temperature",
                "top_p",
                "logprobs",
                "top_logprobs",
                "presence_penalty",
                "frequency_penalty",
                "logit_bias")) {
            JsonNode value = tree.get(name);
            if (value != null && !value.isNull() && !(value.isBoolean() && !value.booleanValue())) {
                tree.remove(name);
            }
        }
        limit(
                tree,
                responses ? "max_output_tokens" : "max_completion_tokens",
                responses ? List.of("max_completion_tokens", "max_tokens") : List.of("max_tokens"));
        if (!responses) {
            if (tree.path("stream").asBoolean(false)) {
                JsonNode options = tree.get("stream_options");
                ObjectNode object = options instanceof ObjectNode there ? there : tree.objectNode();
                object.put("include_usage", true);
                tree.set("stream_options", object);
            }
            return;
        }
        JsonNode format = tree.remove("response_format");
        if (format != null && !format.isNull()) {
            JsonNode flat = format;
            if (format.has("json_schema")) {
                ObjectNode made = tree.objectNode().put("type", "json_schema");
                made.setAll((ObjectNode) format.get("json_schema"));
                flat = made;
            }
            into(tree, "text", "format", flat);
        }
        JsonNode effort = tree.remove("reasoning_effort");
        if (effort != null && !effort.isNull()) {
            into(tree, "reasoning", "effort", effort);
        }
    }

    private static void limit(ObjectNode tree, String wanted, List<String> others) {
        for (String other : others) {
            JsonNode value = tree.remove(other);
            if (value != null
                    && !value.isNull()
                    && tree.path(wanted).asString("").isEmpty()) {
                tree.set(wanted, value);
            }
        }
    }

    private static void into(ObjectNode tree, String home, String name, JsonNode value) {
        ObjectNode object = tree.get(home) instanceof ObjectNode there ? there : tree.objectNode();
        if (object.path(name).isMissingNode() || object.get(name).isNull()) {
            object.set(name, value);
        }
        tree.set(home, object);
    }

    private static Map<String, List<String>> edited() {
        Map<String, List<String>> values = new TreeMap<>();
        values.put("model", List.of("\"m\""));
        values.put("stream", List.of("true", "false", "null"));
        values.put(
                "stream_options",
                List.of(
                        "{}",
                        "null",
                        "{\"include_usage\":false}",
                        "{\"x\":1.0,\"include_usage\":true}",
                        "{\"x\": {}}"));
        values.put("temperature", List.of("0.10", "null", "1"));
        values.put("top_p", List.of("1", "0.5"));
        values.put("logprobs", List.of("true", "false"));
        values.put("presence_penalty", List.of("1"));
        values.put("logit_bias", List.of("{}", "{\"1\":2}"));
        values.put("max_tokens", List.of("5", "null"));
        values.put("max_completion_tokens", List.of("6", "null"));
        return values;
    }

    @Property(tries = 3000)
    void splicingIsTheSameAsEditingATree(@ForAll long seed) {
        Chance chance = new Chance(seed);
        boolean responses = chance.maybe();
        Map<String, List<String>> candidates = edited();
        if (responses) {
            candidates.put("max_output_tokens", List.of("7", "null"));
            candidates.put(
                    "response_format",
                    List.of(
                            "null",
                            "{\"type\":\"text\"}",
                            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"b\":1.0,\"a\":[]}}}"));
            candidates.put(
                    "text",
                    List.of(
                            "null",
                            "{}",
                            "{\"verbosity\":\"low\"}",
                            "{\"format\":null}",
                            "{\"format\":{\"type\":\"text\"}}"));
            candidates.put("reasoning_effort", List.of("\"low\"", "null"));
            candidates.put(
                    "reasoning",
                    List.of(
                            "null",
                            "{}",
                            "{\"summary\":\"auto\"}",
                            "{\"effort\":\"high\"}",
                            "{\"effort\":null,\"summary\":null}"));
        }
        Map<String, String> members = new LinkedHashMap<>();
        candidates.forEach((name, values) -> {
            if (chance.below(3) > 0) {
                members.put(name, chance.of(values));
            }
        });
        for (int i = chance.below(4); i > 0; i--) {
            members.put("unknown" + i, chance.value(3));
        }
        List<String> order = new ArrayList<>(members.keySet());
        Collections.shuffle(order, new Random(seed));
        StringBuilder body = new StringBuilder("{").append(chance.space());
        for (int i = 0; i < order.size(); i++) {
            body.append(i > 0 ? "," + chance.space() : "")
                    .append('"')
                    .append(order.get(i))
                    .append("\":")
                    .append(chance.space())
                    .append(members.get(order.get(i)))
                    .append(chance.space());
        }
        body.append("}").append(chance.space());

        String json = body.toString();
        Endpoint endpoint = responses ? Given.RESPONSES : Given.CHAT;
        String result = Given.joined(rewrite(endpoint, json, REASONING, true));
        ObjectNode expected = (ObjectNode) Given.tree(json);
        edit(expected, responses);
        assertThat(Given.tree(result)).as(json + " -> " + result).isEqualTo(expected);

        // What is unknown stays, byte by byte, in its order.
        List<String> unknown =
                order.stream().filter(name -> name.startsWith("unknown")).toList();
        int at = 0;
        for (String name : unknown) {
            int found = result.indexOf("\"" + name + "\":", at);
            assertThat(found).isGreaterThanOrEqualTo(at);
            assertThat(result.substring(found)).contains(members.get(name));
            at = found;
        }
        String exact = Given.joined(rewrite(endpoint, json, Refusals.NONE, false));
        assertThat(exact).isEqualTo(json.replaceFirst("(\"model\":\\s*)\"m\"", "$1\"upstream\""));
    }
}
