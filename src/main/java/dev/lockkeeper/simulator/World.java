package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What all answers of one simulator share: settings, ids, memory. Any thread. */
final class World {
    /** How many bytes of requests the stored responses may take together. */
    static final long RESPONSE_BYTES = 32L << 20;

    /** How many bytes all files may take together. */
    static final long FILE_BYTES = 128L << 20;

    final SimulatorSettings settings;
    final Ids ids;
    final Brain brain;
    final PromptCache cache = new PromptCache();
    final Controls controls;

    World(SimulatorSettings settings) {
        this.settings = settings;
        ids = new Ids(settings.seed());
        brain = new Brain(settings.seed(), settings.tokens());
        controls = Controls.NONE.withMishaps(settings.mishaps());
    }

    long nowMillis() {
        return settings.clock().millis();
    }

    long nowSeconds() {
        return nowMillis() / 1000;
    }

    /** The model that a request asks for, if there is one. */
    Models.Model model(JsonNode body) throws Refused {
        if (!body.has("model") || Json.get(body, "model") == null) {
            throw Refused.badRequest(null, null, "you must provide a model parameter");
        }
        String name = Controls.bareModel(Params.needed(body, "model", "model"));
        if (!Models.known(name, settings.models())) {
            throw noModel(name);
        }
        return Models.of(name);
    }

    static Refused noModel(String name) {
        return new Refused(
                404,
                "invalid_request_error",
                "model",
                "model_not_found",
                "The model `" + name + "` does not exist or you do not have access to it.");
    }

    /** Refuses a request with a parameter that is not among these, where the simulator is strict about them. */
    void refuseUnknown(ObjectNode body, Set<String> known) throws Refused {
        if (!settings.unknownParameters()) {
            Params.onlyKnown(body, known);
        }
    }

    /** What the request's model name and metadata want of the simulator. */
    Controls controls(JsonNode body, Controls given) throws Refused {
        return given.withModel(Json.text(body, "model", "")).withMetadata(Json.get(body, "metadata"));
    }

    /** A page of a list in OpenAI's shape. */
    ObjectNode page(Query query, Shelf<ObjectNode> shelf, java.util.function.Predicate<ObjectNode> test)
            throws Refused {
        Shelf.Page<ObjectNode> page =
                shelf.page(query.get("after"), query.limit(), "asc".equals(query.get("order")), test);
        List<JsonNode> data = new ArrayList<>();
        page.entries().forEach(each -> data.add(each.getValue()));
        return list(data, page.more());
    }

    static ObjectNode list(List<? extends JsonNode> data, boolean more) {
        ObjectNode list = Json.object();
        list.put("object", "list");
        ArrayNode array = list.putArray("data");
        data.forEach(array::add);
        list.put("first_id", data.isEmpty() ? null : Json.text(data.getFirst(), "id"));
        list.put("last_id", data.isEmpty() ? null : Json.text(data.getLast(), "id"));
        list.put("has_more", more);
        return list;
    }

    /** A page cut out of a list that is known whole. */
    static ObjectNode page(Query query, List<? extends JsonNode> all, boolean newestFirst) throws Refused {
        List<JsonNode> ordered = new ArrayList<>(all);
        if (newestFirst) {
            ordered = ordered.reversed();
        }
        @Nullable String after = query.get("after");
        List<JsonNode> data = new ArrayList<>();
        boolean reached = after == null;
        boolean more = false;
        int limit = query.limit();
        for (JsonNode each : ordered) {
            if (!reached) {
                reached = after != null && after.equals(Json.text(each, "id"));
            } else if (data.size() == limit) {
                more = true;
                break;
            } else {
                data.add(each);
            }
        }
        return list(data, more);
    }
}
