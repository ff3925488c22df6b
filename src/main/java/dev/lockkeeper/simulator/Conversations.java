package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Conversations and their items, kept within bounds. Any thread. */
final class Conversations {
    /** The most items that one conversation keeps; the oldest is dropped. */
    static final int MOST_ITEMS = 2_000;

    private static final int MOST_AT_ONCE = 20;

    private final World world;
    private final Shelf<ObjectNode> conversations = new Shelf<>(Shelf.MOST_THINGS, World.RESPONSE_BYTES);
    private final Shelf<List<JsonNode>> items = new Shelf<>(Shelf.MOST_THINGS, World.RESPONSE_BYTES);

    Conversations(World world) {
        this.world = world;
    }

    /** An item as it is kept: with an id, a type and a status, a message's text as parts. */
    ObjectNode kept(JsonNode item) {
        String type = Json.text(item, "type", "message");
        ObjectNode kept = Json.object();
        String prefix = switch (type) {
            case "message" -> "msg_";
            case "function_call" -> "fc_";
            case "function_call_output" -> "fco_";
            case "custom_tool_call" -> "ctc_";
            case "custom_tool_call_output" -> "ctco_";
            case "reasoning" -> "rs_";
            default -> "item_";
        };
        kept.put("id", Json.text(item, "id") == null ? world.ids.hex(prefix, 48) : Json.text(item, "id"));
        kept.put("type", type);
        if (!type.equals("item_reference") && !type.equals("reasoning") && !type.equals("compaction")) {
            kept.put("status", Json.text(item, "status", "completed"));
        }
        for (var each : item.properties()) {
            if (!kept.has(each.getKey())) {
                kept.set(each.getKey(), each.getValue());
            }
        }
        JsonNode content = Json.get(item, "content");
        if (type.equals("message") && content != null && content.isString()) {
            boolean assistant = "assistant".equals(Json.text(item, "role"));
            ObjectNode part = kept.putArray("content").addObject();
            part.put("type", assistant ? "output_text" : "input_text").put("text", content.stringValue());
            if (assistant) {
                part.putArray("annotations");
            }
        }
        return kept;
    }

    ObjectNode create(ObjectNode body) throws Refused {
        ObjectNode metadata = Params.metadata(body);
        List<JsonNode> first = added(body, false);
        ObjectNode made = Json.object();
        String id = world.ids.hex("conv_", 48);
        made.put("id", id).put("object", "conversation").put("created_at", world.nowSeconds());
        made.set("metadata", metadata == null ? Json.object() : metadata);
        conversations.put(id, made, 256);
        items.put(id, first, weight(first));
        return made;
    }

    /** About how many bytes items take: a tree is some four times its text. */
    private static long weight(List<? extends JsonNode> list) {
        long weight = 0;
        for (JsonNode each : list) {
            weight += 4L * Json.string(each).length();
        }
        return weight;
    }

    private List<JsonNode> added(ObjectNode body, boolean needed) throws Refused {
        if (needed && Json.get(body, "items") == null) {
            throw Refused.missing("items");
        }
        List<JsonNode> written = Params.array(body, "items", "items");
        if (written.size() > MOST_AT_ONCE) {
            throw Params.tooMany("items", written.size(), MOST_AT_ONCE);
        }
        List<JsonNode> kept = new ArrayList<>();
        for (JsonNode each : written) {
            if (!each.isObject()) {
                throw Refused.wrongType("items[" + kept.size() + "]", "an object", Params.kind(each));
            }
            kept.add(kept(each));
        }
        return kept;
    }

    ObjectNode get(String id) throws Refused {
        return conversations.needed(id, "Conversation");
    }

    ObjectNode update(String id, ObjectNode body) throws Refused {
        ObjectNode changed = Params.withMetadata(get(id), body);
        conversations.change(id, changed);
        return changed;
    }

    ObjectNode delete(String id) throws Refused {
        get(id);
        conversations.remove(id);
        items.remove(id);
        return Json.object().put("id", id).put("object", "conversation.deleted").put("deleted", true);
    }

    /** All items, in order. */
    List<JsonNode> items(String id) throws Refused {
        get(id);
        List<JsonNode> found = items.get(id);
        return found == null ? List.of() : found;
    }

    /** Adds what a response took in and gave out. */
    void append(String id, List<JsonNode> input, List<? extends JsonNode> output) throws Refused {
        synchronized (items) {
            List<JsonNode> all = new ArrayList<>(items(id));
            all.addAll(input);
            all.addAll(output);
            List<JsonNode> kept =
                    all.size() > MOST_ITEMS ? List.copyOf(all.subList(all.size() - MOST_ITEMS, all.size())) : all;
            items.put(id, kept, weight(kept));
        }
    }

    ObjectNode add(String id, ObjectNode body) throws Refused {
        List<JsonNode> added = added(body, true);
        append(id, added, List.of());
        return World.list(added, false);
    }

    ObjectNode list(String id, Query query) throws Refused {
        return World.page(query, items(id), !"asc".equals(query.get("order")));
    }

    JsonNode item(String id, String item) throws Refused {
        for (JsonNode each : items(id)) {
            if (item.equals(Json.text(each, "id"))) {
                return each;
            }
        }
        throw Refused.notFound("Item with id '" + item + "' not found in conversation '" + id + "'.");
    }

    ObjectNode deleteItem(String id, String item) throws Refused {
        synchronized (items) {
            List<JsonNode> left = new ArrayList<>(items(id));
            left.remove(item(id, item));
            items.put(id, left, weight(left));
        }
        return get(id);
    }

    /** An item of any conversation, null where there is none with this id. */
    @Nullable JsonNode find(String item) {
        for (var each : items.page(null, Shelf.MOST_THINGS, false, _ -> true).entries()) {
            for (JsonNode one : each.getValue()) {
                if (item.equals(Json.text(one, "id"))) {
                    return one;
                }
            }
        }
        return null;
    }
}
