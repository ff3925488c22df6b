package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What a client knows of a response from the events that it was sent: which items, how far each, which ids. One thread. */
final class ResponseState {
    /** Items of one response; more are not gone on with. */
    static final int MAX_ITEMS = 256;

    static final JsonMapper MAPPER = JsonMapper.builder().build();

    /** How far the item at hand was told. */
    enum Stage {
        /** No item is open, or nothing of the open one. */
        ITEM,
        /** A part is open, and its text comes. */
        PART,
        /** The part's text was told to be whole. */
        TEXT_DONE,
        /** The part was told to be whole. */
        PART_DONE,
        /** The item was. */
        ITEM_DONE
    }

    private @Nullable ObjectNode snapshot;
    private boolean created;
    private boolean inProgress;
    private long sequence = -1;
    private final List<ObjectNode> items = new ArrayList<>();
    private int open = -1;
    private int message = -1;
    private Stage stage = Stage.ITEM;
    private String partType = "";
    private int partIndex;
    private StringBuilder text = new StringBuilder();
    private String messageText = "";
    private boolean reasoned;
    private @Nullable String unsound;

    ResponseState copy() {
        ResponseState copy = new ResponseState();
        copy.snapshot = snapshot;
        copy.created = created;
        copy.inProgress = inProgress;
        copy.sequence = sequence;
        items.forEach(each -> copy.items.add(each.deepCopy()));
        copy.open = open;
        copy.message = message;
        copy.stage = stage;
        copy.partType = partType;
        copy.partIndex = partIndex;
        copy.text = new StringBuilder(text);
        copy.messageText = messageText;
        copy.reasoned = reasoned;
        copy.unsound = unsound;
        return copy;
    }

    /** Reads an event that was kept as bytes; what is no JSON object makes the state unsound. */
    void take(String type, Bytes data) {
        JsonNode event;
        try {
            event = MAPPER.readTree(data.array(), data.offset(), data.length());
        } catch (JacksonException e) {
            // The walk that let it pass is less strict than this.
            refuse("An event of it can't be read.");
            return;
        }
        if (event instanceof ObjectNode object) {
            apply(type, object);
        } else {
            refuse("An event of it can't be read.");
        }
    }

    /** Takes an event that the client is sent, but for deltas. */
    void apply(String type, ObjectNode event) {
        switch (type) {
            case "response.created", "response.queued" -> {
                created = true;
                keep(event);
            }
            case "response.in_progress" -> {
                created = true;
                inProgress = true;
                keep(event);
            }
            case "response.output_item.added" -> itemAdded(event);
            case "response.content_part.added", "response.reasoning_summary_part.added" -> partAdded(type, event);
            case "response.output_text.done", "response.reasoning_summary_text.done", "response.reasoning_text.done" ->
                stage = Stage.TEXT_DONE;
            case "response.content_part.done", "response.reasoning_summary_part.done" -> partDone(event);
            case "response.output_item.done" -> itemDone(event);
            case "response.output_text.annotation.added" -> refuse("Sources were told of its text.");
            case "response.refusal.delta", "response.refusal.done" -> refuse("It refused to answer.");
            default -> {
                if (!known(type)) {
                    refuse("More than text was delivered.");
                }
            }
        }
    }

    private static boolean known(String type) {
        return switch (type) {
            case "response.output_text.delta",
                    "response.reasoning_summary_text.delta",
                    "response.reasoning_text.delta",
                    "response.completed",
                    "response.incomplete",
                    "response.failed",
                    "response.cancelled",
                    "error" -> true;
            default -> false;
        };
    }

    private void keep(ObjectNode event) {
        if (snapshot == null && event.get("response") instanceof ObjectNode response) {
            snapshot = response;
        }
    }

    private void itemAdded(ObjectNode event) {
        if (!(event.get("item") instanceof ObjectNode item)
                || number(event, "output_index") != items.size()
                || open >= 0) {
            refuse("Its items did not come one after the other.");
            return;
        }
        if (message >= 0) {
            refuse("More than its text was delivered.");
        }
        if (items.size() == MAX_ITEMS) {
            refuse("It has more items than are kept.");
            return;
        }
        open = items.size();
        items.add(item.deepCopy());
        stage = Stage.ITEM;
        text.setLength(0);
        switch (string(item, "type")) {
            case "message" -> message = open;
            case "reasoning" -> reasoned = true;
            default -> refuse("A call of a tool was delivered.");
        }
        look(item);
    }

    private void partAdded(String type, ObjectNode event) {
        boolean summary = type.endsWith("summary_part.added");
        JsonNode part = event.get("part");
        partType = summary ? "summary_text" : part == null ? "" : string(part, "type");
        partIndex = number(event, summary ? "summary_index" : "content_index");
        text.setLength(0);
        stage = Stage.PART;
        if (open >= 0 && open == message) {
            if (!partType.equals("output_text")) {
                refuse("Something else than text was delivered.");
            } else if (partIndex != 0) {
                refuse("Its text came in several parts.");
            }
        }
    }

    private void partDone(ObjectNode event) {
        stage = Stage.PART_DONE;
        if (open >= 0 && open != message && event.get("part") instanceof ObjectNode part) {
            ObjectNode item = items.get(open);
            String parts = partType.equals("summary_text") ? "summary" : "content";
            ArrayNode told = item.get(parts) instanceof ArrayNode known ? known : item.putArray(parts);
            told.add(part.deepCopy());
        }
    }

    private void itemDone(ObjectNode event) {
        int index = number(event, "output_index");
        if (index < 0 || index >= items.size() || !(event.get("item") instanceof ObjectNode item)) {
            refuse("Its items did not come one after the other.");
            return;
        }
        if (index == message) {
            messageText = text.toString();
        }
        items.set(index, item.deepCopy());
        open = -1;
        stage = Stage.ITEM_DONE;
        look(item);
    }

    /** What only who made it can read binds the answer to its maker. */
    private void look(ObjectNode item) {
        JsonNode sealed = item.get("encrypted_content");
        if (sealed != null && !sealed.isNull()) {
            refuse("Its reasoning is sealed, and only the model that wrote it can go on from there.");
        }
    }

    void delta(String piece) {
        text.append(piece);
    }

    void told(long number) {
        sequence = Math.max(sequence, number);
    }

    void refuse(String why) {
        if (unsound == null) {
            unsound = why;
        }
    }

    // ---- what is known ----

    boolean created() {
        return created;
    }

    boolean inProgress() {
        return inProgress;
    }

    boolean reasoned() {
        return reasoned;
    }

    @Nullable String unsound() {
        return unsound;
    }

    @Nullable ObjectNode snapshot() {
        return snapshot;
    }

    /** The number of the last event, -1 for none. */
    long sequence() {
        return sequence;
    }

    /** The next event's number. */
    long next() {
        return ++sequence;
    }

    /** Where the next item stands. */
    int nextItem() {
        return items.size();
    }

    List<ObjectNode> items() {
        return items;
    }

    /** The item that was begun and not ended; null for none. */
    @Nullable ObjectNode openItem() {
        return open < 0 ? null : items.get(open);
    }

    int openIndex() {
        return open;
    }

    /** Where the message stands; -1 for nowhere yet. */
    int message() {
        return message;
    }

    Stage stage() {
        return stage;
    }

    String partType() {
        return partType;
    }

    int partIndex() {
        return partIndex;
    }

    /** Text of the part that was told last. */
    String text() {
        return text.toString();
    }

    /** The message's text so far. */
    String messageText() {
        return message < 0 ? "" : open == message ? text.toString() : messageText;
    }

    /** Whether the message's text was told to be whole. */
    boolean textDone() {
        return message >= 0 && (open != message || stage.compareTo(Stage.TEXT_DONE) >= 0);
    }

    ArrayNode output() {
        ArrayNode output = MAPPER.createArrayNode();
        items.forEach(each -> output.add(each.deepCopy()));
        return output;
    }

    static String string(JsonNode object, String member) {
        JsonNode value = object.get(member);
        return value != null && value.isString() ? value.stringValue() : "";
    }

    static int number(JsonNode object, String member) {
        JsonNode value = object.get(member);
        return value != null && value.isIntegralNumber() && value.canConvertToInt() ? value.intValue() : -1;
    }
}
