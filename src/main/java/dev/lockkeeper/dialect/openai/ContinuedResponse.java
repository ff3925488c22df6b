package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.dialect.openai.ResponseState.Stage;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Goes on with a response: the target's message is the client's open one, its further items follow that. */
final class ContinuedResponse extends Continuation {
    private static final int SWALLOWED = -1;

    private final ResponseState state;
    private final String text;
    private final boolean waits;

    /** The joined text, once it is whole. */
    private String firstText = "";

    /** Where the target's message stands that goes on with the client's; -1 as long as none came. */
    private int joined = -1;

    private final Map<Integer, Integer> places = new HashMap<>();
    private final List<ObjectNode> reasoning = new ArrayList<>(0);

    ContinuedResponse(Delivered before, Way way, StreamTap target, @Nullable UnaryOperator<Usage> usageTold) {
        super(target, true, new Joint(before.text, way), usageTold);
        this.state = before.response == null ? new ResponseState() : before.response.copy();
        this.text = before.text;
        this.waits = state.message() >= 0;
    }

    @Override
    boolean made(@Nullable String name, ObjectNode event, StringBuilder frames) {
        String type = ResponseState.string(event, "type");
        if (type.isEmpty()) {
            type = name == null ? "" : name;
        }
        switch (type) {
            case "error" -> {
                if (state.sequence() >= 0) {
                    send(type, event, frames);
                }
                return true;
            }
            case "response.created", "response.queued" -> {
                if (!state.created()) {
                    response(event);
                    send(type, event, frames);
                }
                return true;
            }
            case "response.in_progress" -> {
                if (!state.inProgress()) {
                    response(event);
                    send(type, event, frames);
                }
                return true;
            }
            case "response.completed", "response.incomplete", "response.cancelled", "response.failed" -> {
                return terminal(type, event, frames);
            }
            case "response.output_item.added" -> {
                return added(event, frames);
            }
            default -> {}
        }
        int place = ResponseState.number(event, "output_index");
        if (place < 0) {
            send(type, event, frames);
            return true;
        }
        if (place == joined) {
            return ofMessage(type, event, frames);
        }
        Integer ours = places.get(place);
        if (ours == null) {
            return no("it told of an item that it had not begun");
        }
        if (ours == SWALLOWED) {
            if (type.equals("response.output_item.done") && event.get("item") instanceof ObjectNode item) {
                reasoning.add(item);
            }
            return true;
        }
        event.put("output_index", ours.intValue());
        if (type.endsWith("_text.delta")) {
            state.delta(ResponseState.string(event, "delta"));
        }
        send(type, event, frames);
        return true;
    }

    private boolean added(ObjectNode event, StringBuilder frames) {
        int place = ResponseState.number(event, "output_index");
        JsonNode item = event.get("item");
        String type = item == null ? "" : ResponseState.string(item, "type");
        if (place < 0 || places.size() >= ResponseState.MAX_ITEMS) {
            return no("it told of an item without its place");
        }
        boolean wanted = waits && joined < 0;
        if (wanted && type.equals("message")) {
            joined = place;
            places.put(place, state.message());
            return true;
        }
        if (wanted && type.equals("reasoning")) {
            places.put(place, SWALLOWED);
            return true;
        }
        if (wanted) {
            return no("it did something else where text was to go on");
        }
        closeReasoning(frames);
        // A call that a model reasoned about is taken back by its provider only with that reasoning before it.
        reasoning.forEach(each -> place(each, frames));
        reasoning.clear();
        places.put(place, state.nextItem());
        event.put("output_index", state.nextItem());
        send("response.output_item.added", event, frames);
        return true;
    }

    /** Tells of an item of reasoning that was kept back, as if it came now. */
    private void place(ObjectNode item, StringBuilder frames) {
        ObjectNode added = MAPPER.createObjectNode().put("type", "response.output_item.added");
        added.put("sequence_number", 0).put("output_index", state.nextItem());
        ObjectNode empty = item.deepCopy();
        empty.putArray("summary");
        added.set("item", empty);
        send("response.output_item.added", added, frames);
        String id = ResponseState.string(item, "id");
        int index = 0;
        if (item.get("summary") instanceof ArrayNode summary) {
            for (JsonNode part : summary) {
                String text = ResponseState.string(part, "text");
                ObjectNode begun =
                        about("response.reasoning_summary_part.added", id).put("summary_index", index);
                begun.putObject("part").put("type", "summary_text").put("text", "");
                send("response.reasoning_summary_part.added", begun, frames);
                String delta = "response.reasoning_summary_text.delta";
                send(delta, about(delta, id).put("summary_index", index).put("delta", text), frames);
                String done = "response.reasoning_summary_text.done";
                send(done, about(done, id).put("summary_index", index).put("text", text), frames);
                ObjectNode ended =
                        about("response.reasoning_summary_part.done", id).put("summary_index", index);
                ended.set("part", part.deepCopy());
                send("response.reasoning_summary_part.done", ended, frames);
                index++;
            }
        }
        ObjectNode done = MAPPER.createObjectNode().put("type", "response.output_item.done");
        done.put("sequence_number", 0).put("output_index", state.openIndex());
        done.set("item", item.deepCopy());
        send("response.output_item.done", done, frames);
    }

    /** An event of the message that goes on with the client's own. */
    private boolean ofMessage(String type, ObjectNode event, StringBuilder frames) {
        event.put("output_index", state.message());
        if (event.get("item_id") != null) {
            event.put("item_id", messageId());
        }
        boolean first = ResponseState.number(event, "content_index") == 0;
        return switch (type) {
            case "response.content_part.added" -> first ? partAdded(event, frames) : sent(type, event, frames);
            case "response.output_text.delta" -> {
                String piece = ResponseState.string(event, "delta");
                if (first) {
                    String given = joint.take(piece);
                    yield fits() && text(event, given, frames);
                }
                state.delta(piece);
                yield sent(type, event, frames);
            }
            case "response.output_text.done" -> first ? textDone(event, frames) : sent(type, event, frames);
            case "response.content_part.done" -> first ? partDone(event, frames) : sent(type, event, frames);
            case "response.output_item.done" -> messageDone(event, frames);
            case "response.output_text.annotation.added" -> {
                shift(event.get("annotation"));
                yield sent(type, event, frames);
            }
            default -> sent(type, event, frames);
        };
    }

    private boolean partAdded(ObjectNode event, StringBuilder frames) {
        JsonNode part = event.get("part");
        boolean isText = part != null && ResponseState.string(part, "type").equals("output_text");
        if (!isText && !text.isEmpty()) {
            return no("it refused to answer");
        }
        return told(Stage.PART) || sent("response.content_part.added", event, frames);
    }

    private boolean textDone(ObjectNode event, StringBuilder frames) {
        if (!ended(frames)) {
            return false;
        }
        if (told(Stage.TEXT_DONE)) {
            return true;
        }
        event.put("text", state.text());
        return sent("response.output_text.done", event, frames);
    }

    private boolean partDone(ObjectNode event, StringBuilder frames) {
        if (!ended(frames)) {
            return false;
        }
        if (told(Stage.PART_DONE)) {
            return true;
        }
        part(event.get("part"), state.text());
        return sent("response.content_part.done", event, frames);
    }

    private boolean messageDone(ObjectNode event, StringBuilder frames) {
        if (!ended(frames)) {
            return false;
        }
        if (state.openIndex() == state.message() && event.get("item") instanceof ObjectNode item) {
            item.put("id", messageId());
            if (item.get("content") instanceof ArrayNode content && !content.isEmpty()) {
                part(content.get(0), firstText);
            }
            send("response.output_item.done", event, frames);
        }
        return true;
    }

    private boolean sent(String type, ObjectNode event, StringBuilder frames) {
        send(type, event, frames);
        return true;
    }

    /** Whether the client was told of the message as far as that. */
    private boolean told(Stage stage) {
        return state.openIndex() != state.message() || state.stage().compareTo(stage) >= 0;
    }

    /** The message's text is over: what is left of it is told. */
    private boolean ended(StringBuilder frames) {
        String rest = joint.end();
        if (!fits()) {
            return false;
        }
        if (!rest.isEmpty()) {
            ObjectNode delta = MAPPER.createObjectNode().put("type", "response.output_text.delta");
            delta.put("sequence_number", 0).put("item_id", messageId());
            delta.put("output_index", state.message()).put("content_index", 0);
            delta.putArray("logprobs");
            if (!text(delta, rest, frames)) {
                return false;
            }
        }
        if (firstText.isEmpty()) {
            firstText = state.messageText();
        }
        return true;
    }

    private boolean text(ObjectNode event, String piece, StringBuilder frames) {
        if (piece.isEmpty()) {
            return true;
        }
        if (told(Stage.TEXT_DONE)) {
            return no("it goes on where the text was told to be whole");
        }
        event.put("delta", piece);
        state.delta(piece);
        send("response.output_text.delta", event, frames);
        return true;
    }

    private String messageId() {
        return ResponseState.string(state.items().get(state.message()), "id");
    }

    /** Puts the joined text into a part. */
    private void part(@Nullable JsonNode node, String whole) {
        if (node instanceof ObjectNode part
                && ResponseState.string(part, "type").equals("output_text")) {
            part.put("text", whole);
            if (part.get("annotations") instanceof ArrayNode annotations) {
                annotations.forEach(this::shift);
            }
        }
    }

    private void shift(@Nullable JsonNode node) {
        if (node instanceof ObjectNode annotation) {
            for (String each : new String[] {"start_index", "end_index"}) {
                int place = ResponseState.number(annotation, each);
                if (place >= 0) {
                    annotation.put(each, place + joint.shift());
                }
            }
        }
    }

    private boolean terminal(String type, ObjectNode event, StringBuilder frames) {
        if (type.equals("response.failed")) {
            response(event);
            send(type, event, frames);
            return true;
        }
        if (waits && joined < 0) {
            return no("no text came");
        }
        if (joined >= 0 && !ended(frames)) {
            return false;
        }
        closeReasoning(frames);
        response(event);
        send(type, event, frames);
        return true;
    }

    /** Ends an item of reasoning that was cut short: what follows is another model's. */
    private void closeReasoning(StringBuilder frames) {
        ObjectNode item = state.openItem();
        if (item == null || !ResponseState.string(item, "type").equals("reasoning")) {
            return;
        }
        boolean summary = state.partType().equals("summary_text");
        String index = summary ? "summary_index" : "content_index";
        String id = ResponseState.string(item, "id");
        if (state.stage() == Stage.PART) {
            String type = summary ? "response.reasoning_summary_text.done" : "response.reasoning_text.done";
            ObjectNode done = about(type, id).put(index, state.partIndex()).put("text", state.text());
            send(type, done, frames);
        }
        if (state.stage() == Stage.TEXT_DONE) {
            String type = summary ? "response.reasoning_summary_part.done" : "response.content_part.done";
            ObjectNode done = about(type, id).put(index, state.partIndex());
            done.putObject("part").put("type", state.partType()).put("text", state.text());
            send(type, done, frames);
        }
        ObjectNode whole = state.items().get(state.openIndex()).deepCopy();
        if (whole.get("status") != null) {
            whole.put("status", "incomplete");
        }
        ObjectNode done = MAPPER.createObjectNode().put("type", "response.output_item.done");
        done.put("sequence_number", 0).put("output_index", state.openIndex());
        done.set("item", whole);
        send("response.output_item.done", done, frames);
    }

    private ObjectNode about(String type, String id) {
        return MAPPER.createObjectNode()
                .put("type", type)
                .put("sequence_number", 0)
                .put("item_id", id)
                .put("output_index", state.openIndex());
    }

    /** Makes the response inside an event the client's own. */
    private void response(ObjectNode event) {
        if (!(event.get("response") instanceof ObjectNode response)) {
            return;
        }
        ObjectNode known = state.snapshot();
        if (known != null) {
            for (String each : new String[] {"id", "created_at", "max_output_tokens"}) {
                JsonNode value = known.get(each);
                if (value != null) {
                    response.set(each, value);
                }
            }
            // No provider keeps the joined answer.
            if (response.get("store") != null) {
                response.put("store", false);
            }
        }
        response.set("output", state.output());
        if (response.get("usage") instanceof ObjectNode) {
            ObjectNode told = usageTold(false);
            if (told != null) {
                response.set("usage", told);
            }
        }
    }

    private void send(String type, ObjectNode event, StringBuilder frames) {
        state.apply(type, event);
        if (event.get("sequence_number") != null) {
            event.put("sequence_number", state.next());
        }
        frames.append("event: ").append(type).append("\ndata: ");
        frames.append(MAPPER.writeValueAsString(event)).append("\n\n");
    }

    @Override
    boolean marked(StringBuilder frames) {
        return true;
    }

    @Override
    public Delivered delivered() {
        return state.messageText().length() > TEXT_BOUND
                ? Delivered.unsound(Endpoint.Kind.RESPONSES, true, Delivering.LONG)
                : Delivered.response(state.copy());
    }

    @Override
    public @Nullable String objectId() {
        ObjectNode known = state.snapshot();
        String id = known == null ? "" : ResponseState.string(known, "id");
        return id.isEmpty() ? target.objectId() : id;
    }

    @Override
    public Bytes closing() {
        return target.closing();
    }

    @Override
    public Bytes afterError(String code, String message) {
        return target.done() ? Bytes.EMPTY : brokenEnding(code, message);
    }

    @Override
    public Bytes brokenEnding(String code, String message) {
        ObjectNode known = state.snapshot();
        Bytes snapshot = known == null ? Bytes.EMPTY : Bytes.utf8(MAPPER.writeValueAsString(known));
        return FailedResponse.event(snapshot, objectId(), model(), -1, state.sequence() + 1, code, message);
    }
}
