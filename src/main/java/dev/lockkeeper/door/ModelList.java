package dev.lockkeeper.door;

import dev.lockkeeper.routing.Model;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Models in OpenAI's shape, with a member {@code lockkeeper} for what only a gateway knows. */
final class ModelList {
    private static final JsonMapper JSON = JsonMapper.shared();

    private ModelList() {}

    static Bytes all(List<Model> models, long createdSeconds) {
        ObjectNode list = JSON.createObjectNode();
        list.put("object", "list");
        ArrayNode data = list.putArray("data");
        models.forEach(each -> data.add(shape(each, createdSeconds)));
        return Bytes.of(JSON.writeValueAsBytes(list));
    }

    static Bytes one(Model model, long createdSeconds) {
        return Bytes.of(JSON.writeValueAsBytes(shape(model, createdSeconds)));
    }

    private static ObjectNode shape(Model model, long createdSeconds) {
        ObjectNode shape = JSON.createObjectNode();
        shape.put("id", model.name());
        shape.put("object", "model");
        shape.put("created", createdSeconds);
        shape.put("owned_by", model.targets().getFirst().provider());
        ObjectNode more = shape.putObject("lockkeeper");
        ArrayNode targets = more.putArray("targets");
        model.targets().forEach(each -> targets.addObject().put("provider", each.provider()));
        if (model.context() > 0) {
            more.put("context", model.context());
        }
        if (model.maxOutput() > 0) {
            more.put("max_output", model.maxOutput());
        }
        return shape;
    }
}
