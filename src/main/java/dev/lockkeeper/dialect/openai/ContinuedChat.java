package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Goes on with a chat: chunks with the id and time of the first ones. */
final class ContinuedChat extends Continuation {
    private static final String[] REASONING = {"reasoning_content", "reasoning", "reasoning_details"};

    private final Delivered before;
    private final StringBuilder text;
    private Bytes head;
    private @Nullable JsonNode id;
    private @Nullable JsonNode created;
    private boolean role;
    private final boolean reasoned;
    private boolean reasons;
    private @Nullable String unsound;

    ContinuedChat(
            Delivered before, Way way, StreamTap target, boolean usageAsked, @Nullable UnaryOperator<Usage> usageTold) {
        super(target, usageAsked, new Joint(before.text, way), usageTold);
        this.before = before;
        this.text = new StringBuilder(before.text);
        this.head = before.head;
        this.role = before.role;
        this.reasoned = before.reasoning;
        this.unsound = before.unsound;
        learnHead();
    }

    private void learnHead() {
        if (head.length() == 0) {
            return;
        }
        try {
            JsonNode chunk = MAPPER.readTree(head.array(), head.offset(), head.length());
            id = chunk.get("id");
            created = chunk.get("created");
        } catch (JacksonException e) {
            id = null;
        }
    }

    @Override
    boolean made(@Nullable String name, ObjectNode chunk, StringBuilder frames) {
        if (target.failed()) {
            return true;
        }
        if (id != null) {
            chunk.set("id", id);
        }
        if (created != null) {
            chunk.set("created", created);
        }
        boolean told = usage(chunk);
        boolean pass = told;
        if (chunk.get("choices") instanceof ArrayNode choices) {
            for (JsonNode each : choices) {
                if (each instanceof ObjectNode choice) {
                    Boolean says = choice(choice);
                    if (says == null) {
                        return false;
                    }
                    pass |= says;
                }
            }
            pass |= choices.isEmpty() && head.length() == 0;
        }
        if (!pass) {
            return true;
        }
        String written = MAPPER.writeValueAsString(chunk);
        if (head.length() == 0 && chunk.get("choices") instanceof ArrayNode choices && !choices.isEmpty()) {
            head = Bytes.utf8(written);
            learnHead();
        }
        frames.append("data: ").append(written).append("\n\n");
        return true;
    }

    /** Whether the chunk tells usage. */
    private boolean usage(ObjectNode chunk) {
        JsonNode usage = chunk.get("usage");
        if (usage == null) {
            return false;
        }
        if (usage.isNull()) {
            if (!usageAsked) {
                chunk.remove("usage");
            }
            return false;
        }
        ObjectNode told = usageTold(true);
        if (told != null) {
            chunk.set("usage", told);
        }
        return true;
    }

    /** Whether something of the choice is left for the client; null: it does not fit. */
    private @Nullable Boolean choice(ObjectNode choice) {
        JsonNode reason = choice.get("finish_reason");
        boolean finish =
                reason != null && reason.isString() && !reason.stringValue().isEmpty();
        ObjectNode delta = choice.get("delta") instanceof ObjectNode object ? object : MAPPER.createObjectNode();
        if (!fits(delta)) {
            return null;
        }
        boolean says = finish;
        if (delta.get("role") != null) {
            if (role) {
                delta.remove("role");
            } else {
                role = true;
                says = true;
            }
        }
        if (!before.text.isEmpty() || reasoned) {
            for (String each : REASONING) {
                delta.remove(each);
            }
        }
        String piece = "";
        JsonNode content = delta.get("content");
        if (content != null && content.isString()) {
            piece = joint.take(content.stringValue());
        }
        boolean more = others(delta);
        if (finish || more) {
            piece += joint.end();
        }
        if (!fits()) {
            return null;
        }
        if (!piece.isEmpty()) {
            delta.put("content", piece);
            text.append(piece);
        } else if (content != null
                && content.isString()
                && !content.stringValue().isEmpty()) {
            delta.remove("content");
        }
        choice.set("delta", delta);
        return says || more || !piece.isEmpty() || reasoning(delta);
    }

    private boolean reasoning(ObjectNode delta) {
        for (String each : REASONING) {
            if (tells(delta.get(each))) {
                reasons = true;
                if (each.equals("reasoning_details")) {
                    unsound = Delivering.SEALED;
                }
                return true;
            }
        }
        return false;
    }

    /** What can't follow a text that was delivered. */
    private boolean fits(ObjectNode delta) {
        if (joint.joined() || before.text.isEmpty()) {
            return true;
        }
        if (tells(delta.get("refusal"))) {
            no("it refused to answer");
            return false;
        }
        if (tells(delta.get("audio")) || tells(delta.get("images"))) {
            no("it answered with something else than text");
            return false;
        }
        if (delta.get("content") instanceof ArrayNode) {
            no("its text came in parts");
            return false;
        }
        return true;
    }

    /** Whether the delta tells something that is neither text nor reasoning; after it nobody can go on. */
    private boolean others(ObjectNode delta) {
        boolean others = false;
        for (String each : new String[] {"tool_calls", "function_call", "refusal", "audio", "images", "annotations"}) {
            if (tells(delta.get(each))) {
                others = true;
                unsound = Delivering.MORE;
            }
        }
        if (delta.get("content") instanceof ArrayNode) {
            others = true;
            unsound = Delivering.MORE;
        }
        return others;
    }

    private static boolean tells(@Nullable JsonNode value) {
        return value != null
                && !value.isNull()
                && !(value.isString() && value.stringValue().isEmpty())
                && !(value.isArray() && value.isEmpty());
    }

    @Override
    boolean marked(StringBuilder frames) {
        String rest = joint.end();
        if (!fits()) {
            return false;
        }
        if (!rest.isEmpty()) {
            ObjectNode chunk = MAPPER.createObjectNode();
            if (id != null) {
                chunk.set("id", id);
            }
            chunk.put("object", "chat.completion.chunk");
            if (created != null) {
                chunk.set("created", created);
            }
            String model = model();
            chunk.put("model", model == null ? "" : model);
            ObjectNode choice = chunk.putArray("choices").addObject().put("index", 0);
            choice.putObject("delta").put("content", rest);
            choice.putNull("finish_reason");
            text.append(rest);
            frames.append("data: ").append(MAPPER.writeValueAsString(chunk)).append("\n\n");
        }
        return true;
    }

    @Override
    public Delivered delivered() {
        if (text.length() > TEXT_BOUND) {
            return Delivered.unsound(Endpoint.Kind.CHAT, true, Delivering.LONG);
        }
        return Delivered.chat(text.toString(), head, role, reasoned || reasons, unsound);
    }

    @Override
    public @Nullable String objectId() {
        return id != null && id.isString() ? id.stringValue() : target.objectId();
    }

    @Override
    public Bytes closing() {
        return target.closing();
    }

    @Override
    public Bytes brokenEnding(String code, String message) {
        return target.brokenEnding(code, message);
    }
}
