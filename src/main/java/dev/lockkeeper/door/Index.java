package dev.lockkeeper.door;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.units.Bytes;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What {@code GET /v1} tells a program: the endpoints that there are. Any thread. */
final class Index {
    private static final Bytes BODY = body();

    private Index() {}

    /** The list. */
    static Bytes json() {
        return BODY;
    }

    private static Bytes body() {
        JsonMapper json = JsonMapper.shared();
        ObjectNode root = json.createObjectNode();
        root.put("object", "list").put("name", "lockkeeper").put("version", Version.TEXT);
        root.put("description", "OpenAI's API; send a key of this gateway as Authorization: Bearer.");
        root.put("openapi", "/openapi.json");
        ArrayNode data = root.putArray("data");
        for (Endpoint each : Endpoints.all()) {
            data.addObject()
                    .put("object", "endpoint")
                    .put("method", each.method())
                    .put("path", each.path())
                    .put("summary", each.summary());
        }
        return Bytes.of(json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    }
}
