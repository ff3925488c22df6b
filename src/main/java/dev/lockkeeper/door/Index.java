package dev.lockkeeper.door;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What {@code GET /v1} tells a program: the endpoints that there are. Any thread. */
public final class Index {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Index() {}

    /**
     * The list.
     *
     * @param endpoints the table of what is served
     * @param version of this gateway
     */
    public static Bytes json(List<Endpoint> endpoints, String version) {
        ObjectNode root = JSON.createObjectNode();
        root.put("object", "list").put("name", "lockkeeper").put("version", version);
        root.put("description", "OpenAI's API; send a key of this gateway as Authorization: Bearer.");
        root.put("openapi", "/openapi.json");
        ArrayNode data = root.putArray("data");
        for (Endpoint each : endpoints) {
            data.addObject()
                    .put("object", "endpoint")
                    .put("method", each.method())
                    .put("path", each.path())
                    .put("summary", each.summary());
        }
        return Bytes.of(JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    }
}
