package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Answer.Part;
import dev.lockkeeper.simulator.Event.Role;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Writes one response's output: its items as they end up, and the events that lead there. Not thread-safe. */
final class ResponseWriter {
    private static final String FILLER = "Zk3Jd9sQ0vLmX7Tz";

    private final Ids ids;
    private final boolean incomplete;
    private final Set<String> include;
    private final int topLogprobs;
    private final boolean streamed;
    private final List<ObjectNode> items = new ArrayList<>();
    private final List<Event> middle = new ArrayList<>();
    private boolean obfuscation = true;

    ResponseWriter(Ids ids, boolean incomplete, Set<String> include, int topLogprobs, boolean streamed) {
        this.ids = ids;
        this.incomplete = incomplete;
        this.include = include;
        this.topLogprobs = topLogprobs;
        this.streamed = streamed;
    }

    /** What cannot be read by who carries it, though it can here. */
    static String sealed(String text) {
        StringBuilder sealed = new StringBuilder("gAAAAAB");
        String start = text.substring(0, Math.min(text.length(), 64)) + Integer.toHexString(text.hashCode());
        return sealed.append(
                        Base64.getUrlEncoder().withoutPadding().encodeToString(start.getBytes(StandardCharsets.UTF_8)))
                .toString();
    }

    List<ObjectNode> items() {
        return items;
    }

    void parts(List<Part> parts) {
        for (int i = 0; i < parts.size(); i++) {
            boolean cut = incomplete && i == parts.size() - 1;
            switch (parts.get(i)) {
                case Part.Reasoning(List<String> summary, int tokens) -> reasoning(summary, tokens);
                case Part.Text(String text, List<ObjectNode> annotations) -> text(text, annotations, cut);
                case Part.Refusal(String text) -> refusal(text, cut);
                case Part.Call call -> call(call, cut);
                case Part.Hosted(String kind, ObjectNode tool) -> hosted(kind, tool);
            }
        }
    }

    /** All events, from {@code response.created} to the terminal one. */
    List<Event> events(ObjectNode early, ObjectNode done, boolean background, boolean withObfuscation) {
        obfuscation = withObfuscation;
        List<Event> events = new ArrayList<>(middle.size() + 4);
        String created = Json.string(early);
        events.add(whole("response.created", Role.ORDINARY, created));
        if (background) {
            events.add(whole("response.queued", Role.ORDINARY, created));
            ObjectNode working = early.deepCopy();
            working.put("status", "in_progress");
            events.add(whole("response.in_progress", Role.ORDINARY, Json.string(working)));
        } else {
            events.add(whole("response.in_progress", Role.ORDINARY, created));
        }
        events.addAll(middle);
        String name = incomplete ? "response.incomplete" : "response.completed";
        events.add(whole(name, Role.FINISH, Json.string(done)));
        return events;
    }

    private static Event whole(String name, Role role, String response) {
        return Event.named(
                name,
                role,
                sequence -> "{\"type\":\"" + name + "\",\"sequence_number\":" + sequence + ",\"response\":" + response
                        + "}");
    }

    // ── events ──

    private void item(String name, int index, ObjectNode item) {
        if (!streamed) {
            return;
        }
        String written = Json.string(item);
        middle.add(Event.named(
                name,
                Role.ORDINARY,
                sequence -> "{\"type\":\"" + name + "\",\"sequence_number\":" + sequence + ",\"output_index\":" + index
                        + ",\"item\":" + written + "}"));
    }

    /** An event about an item; {@code rest} is further members, with a comma before each. */
    private void about(String name, int index, ObjectNode item, String rest) {
        if (!streamed) {
            return;
        }
        String id = Json.text(item, "id", "");
        middle.add(Event.named(name, Role.ORDINARY, sequence -> head(name, sequence, id, index) + rest + "}"));
    }

    private static String head(String name, int sequence, String id, int index) {
        return "{\"type\":\"" + name + "\",\"sequence_number\":" + sequence + ",\"item_id\":\"" + id
                + "\",\"output_index\":" + index;
    }

    private void deltas(String name, int index, ObjectNode item, String rest, String text, boolean logprobs) {
        if (!streamed) {
            return;
        }
        String id = Json.text(item, "id", "");
        for (String piece : Prose.pieces(text)) {
            middle.add(new Event(name, Role.ORDINARY, true, sequence -> {
                StringBuilder event = new StringBuilder(head(name, sequence, id, index)).append(rest);
                Json.quote(event.append(",\"delta\":"), piece);
                if (logprobs) {
                    event.append(",\"logprobs\":").append(logprobs(List.of(piece)));
                }
                if (obfuscation) {
                    event.append(",\"obfuscation\":\"")
                            .append(FILLER, 0, FILLER.length() - Math.min(piece.length(), FILLER.length() - 1))
                            .append('"');
                }
                return event.append('}').toString();
            }));
        }
    }

    private String logprobs(List<String> pieces) {
        if (!include.contains("message.output_text.logprobs")) {
            return "[]";
        }
        ArrayNode logprobs = Json.array();
        pieces.forEach(piece -> logprobs.add(Chat.logprob(piece, topLogprobs)));
        return Json.string(logprobs);
    }

    private static String member(String name, String text) {
        return Json.quote(new StringBuilder(",\"").append(name).append("\":"), text)
                .toString();
    }

    private static ObjectNode with(ObjectNode item, String status) {
        ObjectNode copy = item.deepCopy();
        return copy.put("status", status);
    }

    private static String status(boolean cut) {
        return cut ? "incomplete" : "completed";
    }

    // ── items ──

    private void reasoning(List<String> summary, int tokens) {
        int index = items.size();
        ObjectNode item = Json.object();
        item.put("id", ids.hex("rs_", 48)).put("type", "reasoning");
        item.putArray("summary");
        if (include.contains("reasoning.encrypted_content")) {
            item.put("encrypted_content", sealed(tokens + " tokens of reasoning"));
        }
        item("response.output_item.added", index, item);
        ObjectNode done = item.deepCopy();
        ArrayNode parts = done.putArray("summary");
        for (int i = 0; i < summary.size(); i++) {
            String at = ",\"summary_index\":" + i;
            String text = summary.get(i);
            about(
                    "response.reasoning_summary_part.added",
                    index,
                    item,
                    at + ",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}");
            deltas("response.reasoning_summary_text.delta", index, item, at, text, false);
            about("response.reasoning_summary_text.done", index, item, at + member("text", text));
            ObjectNode part = Json.object().put("type", "summary_text").put("text", text);
            about("response.reasoning_summary_part.done", index, item, at + ",\"part\":" + Json.string(part));
            parts.add(part);
        }
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private ObjectNode message() {
        ObjectNode item = Json.object();
        item.put("id", ids.hex("msg_", 48)).put("type", "message").put("status", "in_progress");
        item.putArray("content");
        item.put("role", "assistant");
        return item;
    }

    private void text(String text, List<ObjectNode> annotations, boolean cut) {
        int index = items.size();
        ObjectNode item = message();
        String at = ",\"content_index\":0";
        item("response.output_item.added", index, item);
        about(
                "response.content_part.added",
                index,
                item,
                at + ",\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"\"}");
        deltas("response.output_text.delta", index, item, at, text, true);
        ObjectNode part = Json.object().put("type", "output_text");
        ArrayNode cited = part.putArray("annotations");
        for (int i = 0; i < annotations.size(); i++) {
            cited.add(annotations.get(i));
            about(
                    "response.output_text.annotation.added",
                    index,
                    item,
                    at + ",\"annotation_index\":" + i + ",\"annotation\":" + Json.string(annotations.get(i)));
        }
        String logprobs = logprobs(Prose.pieces(text));
        part.set("logprobs", Json.orNull(Json.parse(logprobs)));
        part.put("text", text);
        about("response.output_text.done", index, item, at + member("text", text) + ",\"logprobs\":" + logprobs);
        about("response.content_part.done", index, item, at + ",\"part\":" + Json.string(part));
        ObjectNode done = with(item, status(cut));
        done.putArray("content").add(part);
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private void refusal(String text, boolean cut) {
        int index = items.size();
        ObjectNode item = message();
        String at = ",\"content_index\":0";
        item("response.output_item.added", index, item);
        about("response.content_part.added", index, item, at + ",\"part\":{\"type\":\"refusal\",\"refusal\":\"\"}");
        deltas("response.refusal.delta", index, item, at, text, false);
        about("response.refusal.done", index, item, at + member("refusal", text));
        ObjectNode part = Json.object().put("type", "refusal").put("refusal", text);
        about("response.content_part.done", index, item, at + ",\"part\":" + Json.string(part));
        ObjectNode done = with(item, status(cut));
        done.putArray("content").add(part);
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private void call(Part.Call call, boolean cut) {
        int index = items.size();
        String member = call.custom() ? "input" : "arguments";
        ObjectNode item = Json.object();
        item.put("id", ids.hex(call.custom() ? "ctc_" : "fc_", 48));
        item.put("type", call.custom() ? "custom_tool_call" : "function_call").put("status", "in_progress");
        item.put(member, "").put("call_id", ids.letters("call_", 24)).put("name", call.name());
        if (call.namespace() != null) {
            item.put("namespace", call.namespace());
        }
        item("response.output_item.added", index, item);
        String name = call.custom() ? "response.custom_tool_call_input" : "response.function_call_arguments";
        deltas(name + ".delta", index, item, "", call.arguments(), false);
        about(
                name + ".done",
                index,
                item,
                member(member, call.arguments()) + (call.custom() ? "" : member("name", call.name())));
        ObjectNode done = with(item, status(cut));
        done.put(member, call.arguments());
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private void hosted(String kind, ObjectNode tool) {
        switch (kind) {
            case "web_search" -> webSearch(tool);
            case "file_search" -> fileSearch(tool);
            case "code_interpreter" -> codeInterpreter(tool);
            default -> image();
        }
    }

    private void webSearch(ObjectNode tool) {
        int index = items.size();
        ObjectNode item = Json.object();
        item.put("id", ids.hex("ws_", 48)).put("type", "web_search_call").put("status", "in_progress");
        ObjectNode action =
                item.putObject("action").put("type", "search").put("query", Json.text(tool, "query", "lock"));
        action.putArray("queries").add(Json.text(tool, "query", "lock"));
        if (include.contains("web_search_call.action.sources")) {
            action.putArray("sources").addObject().put("type", "url").put("url", "https://example.com/lock");
        }
        item("response.output_item.added", index, item);
        about("response.web_search_call.in_progress", index, item, "");
        about("response.web_search_call.searching", index, item, "");
        about("response.web_search_call.completed", index, item, "");
        ObjectNode done = with(item, "completed");
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private void fileSearch(ObjectNode tool) {
        int index = items.size();
        ObjectNode item = Json.object();
        item.put("id", ids.hex("fs_", 48)).put("type", "file_search_call").put("status", "in_progress");
        item.putArray("queries").add(Json.text(tool, "query", "lock"));
        item.putNull("results");
        item("response.output_item.added", index, item);
        about("response.file_search_call.in_progress", index, item, "");
        about("response.file_search_call.searching", index, item, "");
        about("response.file_search_call.completed", index, item, "");
        ObjectNode done = with(item, "completed");
        if (include.contains("file_search_call.results")) {
            done.set("results", Json.orNull(tool.get("found")));
        }
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private void codeInterpreter(ObjectNode tool) {
        int index = items.size();
        var container = tool.get("container");
        String id = container != null && container.isString() ? container.stringValue() : ids.hex("cntr_", 48);
        String code = "depth = 4.2\nprint(depth * 2)";
        ObjectNode item = Json.object();
        item.put("id", ids.hex("ci_", 48)).put("type", "code_interpreter_call").put("status", "in_progress");
        item.put("code", "").put("container_id", id).putNull("outputs");
        item("response.output_item.added", index, item);
        about("response.code_interpreter_call.in_progress", index, item, "");
        deltas("response.code_interpreter_call_code.delta", index, item, "", code, false);
        about("response.code_interpreter_call_code.done", index, item, member("code", code));
        about("response.code_interpreter_call.interpreting", index, item, "");
        about("response.code_interpreter_call.completed", index, item, "");
        ObjectNode done = with(item, "completed");
        done.put("code", code);
        if (include.contains("code_interpreter_call.outputs")) {
            done.putArray("outputs").addObject().put("type", "logs").put("logs", "8.4\n");
        }
        item("response.output_item.done", index, done);
        items.add(done);
    }

    private void image() {
        int index = items.size();
        String picture = Base64.getEncoder().encodeToString(Picture.png(index + 1L));
        ObjectNode item = Json.object();
        item.put("id", ids.hex("ig_", 48)).put("type", "image_generation_call").put("status", "in_progress");
        item.putNull("result");
        item("response.output_item.added", index, item);
        about("response.image_generation_call.in_progress", index, item, "");
        about("response.image_generation_call.generating", index, item, "");
        about(
                "response.image_generation_call.partial_image",
                index,
                item,
                ",\"partial_image_index\":0,\"partial_image_b64\":\"" + picture + "\"");
        about("response.image_generation_call.completed", index, item, "");
        ObjectNode done = with(item, "completed");
        done.put("result", picture);
        item("response.output_item.done", index, done);
        items.add(done);
    }
}
