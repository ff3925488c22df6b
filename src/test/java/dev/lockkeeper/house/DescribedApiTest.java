package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/** What {@code /openapi.json} says, held against the running server. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DescribedApiTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String BOUNDARY = "the-boundary";
    private static final String CHAT =
            "{\"model\":\"gpt-4o\",\"store\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    /** What stands for the documented example where an endpoint takes other models than a chat does. */
    private static final Map<String, String> MODELS = Map.of(
            "/embeddings", "text-embedding-3-small",
            "/completions", "gpt-3.5-turbo-instruct",
            "/moderations", "omni-moderation-latest",
            "/images/generations", "gpt-image-1",
            "/images/edits", "gpt-image-1",
            "/images/variations", "dall-e-2",
            "/audio/speech", "tts-1",
            "/audio/transcriptions", "whisper-1",
            "/audio/translations", "whisper-1");

    /** What the smallest request asks for may be refused here, by the provider and with a reason. */
    private static final Set<String> MAY_BE_REFUSED = Set.of(
            "POST /uploads/{upload_id}/complete", // no part was uploaded
            "POST /batches/{batch_id}/cancel", // it may be done already
            "POST /vector_stores/{vector_store_id}/file_batches"); // one of two members must be there

    private final Gateway gateway = gateway();
    private JsonNode document = JSON.createObjectNode();

    private static Gateway gateway() {
        Gateway.Plan plan = Gateway.plan().model("gpt-5.5", Profile.AUTO, "simulator/gpt-5.5");
        plan.model("gpt-4o", Profile.AUTO, "simulator/gpt-4o");
        for (String each : Set.copyOf(MODELS.values())) {
            plan.model(each, Profile.AUTO, "simulator/" + each);
        }
        return plan.start();
    }

    @BeforeAll
    void read() {
        HttpResponse<String> answer = gateway.get("/openapi.json");
        assertThat(answer.statusCode()).isEqualTo(200);
        document = JSON.readTree(answer.body());
    }

    @AfterAll
    void close() {
        gateway.close();
    }

    @Test
    void theServerItNamesIsThisOne() {
        assertThat(document.at("/servers/0/url").asString()).isEqualTo(gateway.url("/v1"));
    }

    @TestFactory
    List<DynamicTest> everyOperationIsServedAndAnswersAsDescribed() {
        List<DynamicTest> tests = new ArrayList<>();
        for (var path : document.path("paths").properties()) {
            for (var operation : path.getValue().properties()) {
                if (!operation.getKey().equals("parameters")) {
                    String method = operation.getKey().toUpperCase(Locale.ROOT);
                    tests.add(DynamicTest.dynamicTest(
                            method + " " + path.getKey(), () -> call(method, path.getKey(), operation.getValue())));
                }
            }
        }
        assertThat(tests).hasSize(Endpoints.all().size());
        return tests;
    }

    private void call(String method, String path, JsonNode operation) {
        HttpResponse<String> answer = send(method, withIds(path), operation.path("requestBody"));
        String told = method + " " + path + " -> " + answer.statusCode() + " " + shorten(answer.body());
        if (MAY_BE_REFUSED.contains(method + " " + path)) {
            assertThat(answer.statusCode()).as(told).isIn(200, 400, 409);
        } else {
            assertThat(answer.statusCode()).as(told).isEqualTo(200);
        }
        String type = answer.headers().firstValue("content-type").orElse("");
        if (!type.startsWith("application/json")) {
            return;
        }
        JsonNode schema = answer.statusCode() < 300
                ? operation.at("/responses/200/content/application~1json/schema")
                : document.at("/components/schemas/Error");
        List<String> complaints = new ArrayList<>();
        check(schema, JSON.readTree(answer.body()), "", complaints);
        assertThat(complaints).as(told).isEmpty();
    }

    private HttpResponse<String> send(String method, String path, JsonNode body) {
        JsonNode content = body.path("content");
        var request = gateway.request("/v1" + path);
        if (content.has("application/json")) {
            String json = JSON.writeValueAsString(
                    example(content.at("/application~1json/schema"), MODELS.getOrDefault(path, "gpt-5.5")));
            request.header("content-type", "application/json").method(method, BodyPublishers.ofString(json));
        } else if (content.has("multipart/form-data")) {
            String form =
                    form(example(content.at("/multipart~1form-data/schema"), MODELS.getOrDefault(path, "gpt-5.5")));
            request.header("content-type", "multipart/form-data; boundary=" + BOUNDARY)
                    .method(method, BodyPublishers.ofString(form));
        } else {
            request.method(method, BodyPublishers.noBody());
        }
        return gateway.send(request);
    }

    // ---- objects for the ids of a path: made anew for each operation, since some delete them ----

    private String withIds(String path) {
        String chosen = path;
        if (path.contains("{vector_store_id}")) {
            String store = id("POST", "/vector_stores", "{\"name\":\"x\"}");
            chosen = chosen.replace("{vector_store_id}", store);
            if (path.contains("{file_id}")) {
                String file = file();
                id("POST", "/vector_stores/" + store + "/files", "{\"file_id\":\"" + file + "\"}");
                chosen = chosen.replace("{file_id}", file);
            }
            if (path.contains("{batch_id}")) {
                String batch =
                        id("POST", "/vector_stores/" + store + "/file_batches", "{\"file_ids\":[\"" + file() + "\"]}");
                chosen = chosen.replace("{batch_id}", batch);
            }
        }
        if (path.contains("{conversation_id}")) {
            String conversation = id("POST", "/conversations", "{}");
            chosen = chosen.replace("{conversation_id}", conversation);
            if (path.contains("{item_id}")) {
                JsonNode items = JSON.readTree(gateway.post(
                                "/v1/conversations/" + conversation + "/items",
                                "{\"items\":[{\"role\":\"user\",\"content\":\"hi\"}]}")
                        .body());
                chosen = chosen.replace("{item_id}", items.at("/data/0/id").asString());
            }
        }
        if (chosen.contains("{completion_id}")) {
            chosen = chosen.replace("{completion_id}", id("POST", "/chat/completions", CHAT));
        }
        if (chosen.contains("{response_id}")) {
            String background = String.valueOf(path.endsWith("/cancel"));
            chosen = chosen.replace(
                    "{response_id}",
                    id(
                            "POST",
                            "/responses",
                            "{\"model\":\"gpt-5.5\",\"input\":\"hi\",\"background\":" + background + "}"));
        }
        if (chosen.contains("{upload_id}")) {
            chosen = chosen.replace(
                    "{upload_id}",
                    id(
                            "POST",
                            "/uploads",
                            "{\"filename\":\"a.txt\",\"purpose\":\"user_data\",\"bytes\":1,\"mime_type\":\"text/plain\"}"));
        }
        if (chosen.contains("{batch_id}")) {
            chosen = chosen.replace("{batch_id}", id("POST", "/batches", batch()));
        }
        return chosen.replace("{file_id}", chosen.contains("{file_id}") ? file() : "")
                .replace("{model}", "gpt-5.5");
    }

    private String batch() {
        return "{\"input_file_id\":\"" + file()
                + "\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\"}";
    }

    private String id(String method, String path, String json) {
        HttpResponse<String> made = gateway.send(gateway.request("/v1" + path)
                .header("content-type", "application/json")
                .method(method, BodyPublishers.ofString(json)));
        assertThat(made.statusCode()).as(path + " -> " + made.body()).isEqualTo(200);
        return JSON.readTree(made.body()).path("id").asString();
    }

    private String file() {
        ObjectNode form = JSON.createObjectNode();
        form.put("purpose", "batch");
        form.put(
                "file",
                "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":" + CHAT + "}\n");
        HttpResponse<String> made = gateway.send(gateway.request("/v1/files")
                .header("content-type", "multipart/form-data; boundary=" + BOUNDARY)
                .POST(BodyPublishers.ofString(form(form))));
        assertThat(made.statusCode()).as(made.body()).isEqualTo(200);
        return JSON.readTree(made.body()).path("id").asString();
    }

    private static String form(JsonNode members) {
        StringBuilder form = new StringBuilder();
        for (var each : members.properties()) {
            boolean file = List.of("file", "image", "data").contains(each.getKey());
            form.append("--").append(BOUNDARY).append("\r\ncontent-disposition: form-data; name=\"");
            form.append(each.getKey()).append(file ? "\"; filename=\"a.jsonl\"" : "\"");
            form.append("\r\n\r\n").append(each.getValue().asString()).append("\r\n");
        }
        return form.append("--").append(BOUNDARY).append("--\r\n").toString();
    }

    // ---- the little of JSON Schema that the document uses ----

    /** The smallest value that a schema allows. */
    private JsonNode example(JsonNode given, String model) {
        JsonNode schema = resolved(given);
        if (schema.has("anyOf")) {
            return example(schema.path("anyOf").get(0), model);
        }
        if (schema.has("const")) {
            return schema.path("const");
        }
        if (schema.has("enum")) {
            return schema.path("enum").get(0);
        }
        if (schema.has("examples")) {
            JsonNode first = schema.path("examples").get(0);
            return first.asString("").equals("gpt-5.5") ? StringNode.valueOf(model) : first;
        }
        return switch (schema.path("type").isArray()
                ? schema.at("/type/0").asString()
                : schema.path("type").asString()) {
            case "string" ->
                schema.path("description").asString("").startsWith("A file that")
                        ? StringNode.valueOf(file())
                        : StringNode.valueOf("text");
            case "integer", "number" -> JSON.readTree("1");
            case "boolean" -> JSON.readTree("false");
            case "array" ->
                schema.path("minItems").asInt(0) > 0 || schema.path("items").has("$ref")
                        ? JSON.createArrayNode().add(example(schema.path("items"), model))
                        : JSON.createArrayNode();
            default -> {
                ObjectNode object = JSON.createObjectNode();
                for (JsonNode name : schema.path("required")) {
                    object.set(name.asString(), example(schema.at("/properties").path(name.asString()), model));
                }
                if (schema.at("/properties/input").has("anyOf") && !object.has("input")) {
                    object.put("input", "hi");
                }
                if (schema.at("/properties/role").has("enum")) {
                    object.put("content", "hi").put("role", "user");
                }
                yield object;
            }
        };
    }

    private void check(JsonNode given, JsonNode value, String at, List<String> complaints) {
        JsonNode schema = resolved(given);
        if (schema.has("anyOf")) {
            boolean any = false;
            for (JsonNode each : schema.path("anyOf")) {
                List<String> inner = new ArrayList<>();
                check(each, value, at, inner);
                any |= inner.isEmpty();
            }
            if (!any) {
                complaints.add(at + ": none of anyOf fits " + shorten(value.toString()));
            }
            return;
        }
        if (schema.has("const") && !schema.path("const").equals(value)) {
            complaints.add(at + ": " + schema.path("const") + " was described, not " + shorten(value.toString()));
        }
        if (schema.has("type") && !typed(schema.path("type"), value)) {
            complaints.add(at + ": " + schema.path("type") + " was described, not " + shorten(value.toString()));
            return;
        }
        if (value.isObject()) {
            for (JsonNode name : schema.path("required")) {
                if (!value.has(name.asString())) {
                    complaints.add(at + "/" + name.asString() + " is missing");
                }
            }
            for (var each : schema.path("properties").properties()) {
                if (value.has(each.getKey())) {
                    check(each.getValue(), value.path(each.getKey()), at + "/" + each.getKey(), complaints);
                }
            }
        }
        if (value.isArray() && schema.has("items")) {
            for (int i = 0; i < value.size(); i++) {
                check(schema.path("items"), value.get(i), at + "/" + i, complaints);
            }
        }
    }

    private static boolean typed(JsonNode type, JsonNode value) {
        if (type.isArray()) {
            for (JsonNode each : type) {
                if (typed(each, value)) {
                    return true;
                }
            }
            return false;
        }
        return switch (type.asString()) {
            case "object" -> value.isObject();
            case "array" -> value.isArray();
            case "string" -> value.isString();
            case "boolean" -> value.isBoolean();
            case "null" -> value.isNull();
            case "integer" -> value.isIntegralNumber();
            case "number" -> value.isNumber();
            default -> throw new IllegalStateException("type " + type);
        };
    }

    private JsonNode resolved(JsonNode schema) {
        return schema.has("$ref") ? document.at(schema.path("$ref").asString().substring(1)) : schema;
    }

    private static String shorten(String text) {
        return text.length() <= 300 ? text : text.substring(0, 300) + "…";
    }
}
