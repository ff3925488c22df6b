package dev.lockkeeper.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.openai.core.ObjectMappers;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseStreamEvent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads a client's whole stream, and finds everything that is not as OpenAI's API has it. */
public final class StrictStream {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(tools.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(tools.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private StrictStream() {}

    /**
     * What a chat's stream said.
     *
     * @param calls arguments of tools' calls, in their order
     * @param comments without the colon
     */
    public record ChatSaid(
            String id,
            String text,
            String reasoning,
            List<String> calls,
            String finish,
            @Nullable JsonNode usage,
            List<String> comments,
            List<String> models) {}

    /**
     * What a response's stream said.
     *
     * @param response as it ended
     * @param comments without the colon
     */
    public record ResponseSaid(String text, JsonNode response, List<String> types, List<String> comments) {}

    private record Event(@Nullable String name, String data) {}

    private static List<Event> events(byte[] bytes, List<String> comments) {
        String all = new String(bytes, StandardCharsets.UTF_8);
        assertThat(all).doesNotContain("\ufffd");
        List<Event> events = new ArrayList<>();
        for (String block : all.split("\n\n", -1)) {
            String name = null;
            String data = null;
            for (String line : block.split("\n", -1)) {
                if (line.startsWith(":")) {
                    comments.add(line.substring(1).strip());
                } else if (line.startsWith("event: ")) {
                    name = line.substring(7);
                } else if (line.startsWith("data: ")) {
                    assertThat(data).as(block).isNull();
                    data = line.substring(6);
                } else {
                    assertThat(line).as("line").isEmpty();
                }
            }
            if (data != null) {
                events.add(new Event(name, data));
            }
        }
        assertThat(all).as("the stream's last bytes").endsWith("\n\n");
        return events;
    }

    private static String string(JsonNode object, String member) {
        JsonNode value = object.get(member);
        return value == null || value.isNull() ? "" : value.stringValue();
    }

    /** A chat that is whole: one id, one role, one finish, usage at most once behind it, {@code [DONE]} at last. */
    public static ChatSaid chat(byte[] bytes) {
        List<String> comments = new ArrayList<>();
        List<Event> events = events(bytes, comments);
        assertThat(events.getLast().data())
                .as(new String(bytes, StandardCharsets.UTF_8))
                .isEqualTo("[DONE]");
        ChatCompletionAccumulator official = ChatCompletionAccumulator.create();
        StringBuilder text = new StringBuilder();
        StringBuilder reasoning = new StringBuilder();
        TreeMap<Integer, StringBuilder> calls = new TreeMap<>();
        List<String> models = new ArrayList<>();
        String id = null;
        JsonNode created = null;
        int roles = 0;
        String finish = "";
        JsonNode usage = null;
        for (Event event : events.subList(0, events.size() - 1)) {
            JsonNode chunk = MAPPER.readTree(event.data());
            assertThat(usage).as("a chunk behind usage: %s", event.data()).isNull();
            id = id == null ? string(chunk, "id") : id;
            created = created == null ? chunk.get("created") : created;
            assertThat(string(chunk, "id")).isEqualTo(id).isNotEmpty();
            assertThat(chunk.get("created")).isEqualTo(created);
            assertThat(string(chunk, "object")).isEqualTo("chat.completion.chunk");
            if (models.isEmpty() || !models.getLast().equals(string(chunk, "model"))) {
                models.add(string(chunk, "model"));
            }
            for (JsonNode choice : chunk.get("choices")) {
                assertThat(finish).as("a choice behind the finish").isEmpty();
                assertThat(choice.get("index").intValue()).isZero();
                JsonNode delta = choice.get("delta");
                if (!string(delta, "role").isEmpty()) {
                    roles++;
                    assertThat(text).isEmpty();
                }
                text.append(string(delta, "content"));
                reasoning.append(string(delta, "reasoning_content"));
                if (delta.get("tool_calls") != null) {
                    for (JsonNode call : delta.get("tool_calls")) {
                        calls.computeIfAbsent(call.get("index").intValue(), _ -> new StringBuilder())
                                .append(string(call.get("function"), "arguments"));
                    }
                }
                finish = string(choice, "finish_reason");
            }
            if (chunk.get("usage") != null && !chunk.get("usage").isNull()) {
                assertThat(finish).as("usage before the finish").isNotEmpty();
                usage = chunk.get("usage");
            }
            try {
                ChatCompletionChunk read =
                        ObjectMappers.jsonMapper().readValue(event.data(), ChatCompletionChunk.class);
                official.accumulate(read.validate());
            } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                throw new AssertionError(event.data(), e);
            }
        }
        assertThat(roles).as("roles told").isEqualTo(1);
        assertThat(finish).as("finish").isNotEmpty();
        assertThat(official.chatCompletion()
                        .choices()
                        .getFirst()
                        .message()
                        .content()
                        .orElse(""))
                .isEqualTo(text.toString());
        return new ChatSaid(
                String.valueOf(id),
                text.toString(),
                reasoning.toString(),
                calls.values().stream().map(StringBuilder::toString).toList(),
                finish,
                usage,
                comments,
                models);
    }

    /** A response that is whole: numbers without a gap, every item and part begun, filled, ended, and told again at the end. */
    public static ResponseSaid response(byte[] bytes) {
        List<String> comments = new ArrayList<>();
        List<Event> events = events(bytes, comments);
        ResponseAccumulator official = ResponseAccumulator.create();
        List<String> types = new ArrayList<>();
        List<JsonNode> done = new ArrayList<>();
        StringBuilder all = new StringBuilder();
        String id = null;
        @Nullable JsonNode response = null;
        Open open = null;
        int sequence = 0;
        for (Event event : events) {
            assertThat(response)
                    .as("an event behind the last: %s", event.data())
                    .isNull();
            JsonNode node = MAPPER.readTree(event.data());
            String type = string(node, "type");
            types.add(type);
            assertThat(event.name()).isEqualTo(type);
            assertThat(node.get("sequence_number").intValue()).as(type).isEqualTo(sequence++);
            if (node.get("response") != null) {
                id = id == null ? string(node.get("response"), "id") : id;
                assertThat(string(node.get("response"), "id")).isEqualTo(id).isNotEmpty();
            }
            switch (type) {
                case "response.created" -> assertThat(sequence).isEqualTo(1);
                case "response.in_progress" -> assertThat(sequence).isEqualTo(2);
                case "response.output_item.added" -> {
                    assertThat(open).as("an item before the other's end").isNull();
                    open = new Open(done.size(), string(node.get("item"), "id"), node.get("item"));
                    assertThat(node.get("output_index").intValue()).isEqualTo(open.index);
                }
                case "response.output_item.done" -> {
                    Open item = known(open, node.get("output_index").intValue(), string(node.get("item"), "id"));
                    item.ends(node.get("item"));
                    done.add(node.get("item"));
                    open = null;
                }
                case "response.completed", "response.incomplete", "response.failed" -> {
                    assertThat(open).as("an item that did not end").isNull();
                    response = node.get("response");
                    assertThat(string(response, "status")).isEqualTo(type.substring("response.".length()));
                    List<JsonNode> output = new ArrayList<>();
                    response.get("output").forEach(output::add);
                    assertThat(output).isEqualTo(done);
                }
                default -> {
                    Open item = known(open, node.get("output_index").intValue(), string(node, "item_id"));
                    item.takes(type, node);
                    if (type.equals("response.output_text.delta")) {
                        all.append(string(node, "delta"));
                    }
                }
            }
            try {
                ResponseStreamEvent read =
                        ObjectMappers.jsonMapper().readValue(event.data(), ResponseStreamEvent.class);
                official.accumulate(read.validate());
            } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                throw new AssertionError(event.data(), e);
            }
        }
        assertThat(response).as("the end").isNotNull();
        Response whole = official.response();
        StringBuilder told = new StringBuilder();
        whole.output().stream()
                .filter(each -> each.isMessage())
                .flatMap(each -> each.asMessage().content().stream())
                .filter(each -> each.isOutputText())
                .forEach(each -> told.append(each.asOutputText().text()));
        assertThat(told.toString()).isEqualTo(all.toString());
        return new ResponseSaid(all.toString(), response, types, comments);
    }

    private static Open known(@Nullable Open open, int index, String id) {
        if (open == null) {
            throw new AssertionError("an event about item " + index + " that is not open");
        }
        assertThat(index).isEqualTo(open.index);
        assertThat(id).isEqualTo(open.id);
        return open;
    }

    /** An item that is being told. */
    private static final class Open {
        private final int index;
        private final String id;
        private final String type;
        private final List<String> texts = new ArrayList<>();
        private StringBuilder text = new StringBuilder();
        private int part;
        private int stage;

        Open(int index, String id, JsonNode item) {
            this.index = index;
            this.id = id;
            this.type = string(item, "type");
            assertThat(id).isNotEmpty();
        }

        void takes(String event, JsonNode node) {
            boolean call = type.equals("function_call") || type.equals("custom_tool_call");
            if (event.endsWith("part.added")) {
                assertThat(stage).as(event).isZero();
                assertThat(place(node)).isEqualTo(part);
                text = new StringBuilder();
                stage = 1;
            } else if (event.endsWith(".delta")) {
                assertThat(stage).as(event).isEqualTo(call ? 0 : 1);
                text.append(string(node, "delta"));
            } else if (event.endsWith("part.done")) {
                assertThat(stage).as(event).isEqualTo(2);
                assertThat(place(node)).isEqualTo(part);
                JsonNode whole = node.get("part");
                assertThat(string(whole, whole.get("refusal") == null ? "text" : "refusal"))
                        .isEqualTo(text.toString());
                texts.add(text.toString());
                part++;
                stage = 0;
            } else if (event.endsWith(".done")) {
                assertThat(stage).as(event).isEqualTo(call ? 0 : 1);
                String member = event.contains("arguments") ? "arguments" : event.contains("input") ? "input" : "text";
                assertThat(string(node, event.contains("refusal") ? "refusal" : member))
                        .isEqualTo(text.toString());
                if (call) {
                    texts.add(text.toString());
                } else {
                    stage = 2;
                }
            } else if (!event.endsWith("annotation.added")) {
                throw new AssertionError(event + " is not expected");
            }
        }

        private int place(JsonNode node) {
            return node.get(
                            type.equals("reasoning") && node.get("summary_index") != null
                                    ? "summary_index"
                                    : "content_index")
                    .intValue();
        }

        void ends(JsonNode item) {
            assertThat(stage).as("the item's end").isZero();
            assertThat(string(item, "type")).isEqualTo(type);
            List<String> told = new ArrayList<>();
            switch (type) {
                case "message" -> item.get("content").forEach(each -> told.add(string(each, "text")));
                case "reasoning" -> item.get("summary").forEach(each -> told.add(string(each, "text")));
                case "function_call" -> told.add(string(item, "arguments"));
                default -> told.addAll(texts);
            }
            assertThat(told).isEqualTo(texts.stream().map(String::toString).toList());
        }
    }
}
