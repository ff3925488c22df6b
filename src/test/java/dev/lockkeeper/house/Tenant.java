package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.Gateway;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A project's key and how it is used: makes every kind of object, and reads what it is answered. */
final class Tenant {
    static final String BOUNDARY = "the-boundary";
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final Gateway gateway;
    private final String key;
    private final @Nullable String provider;

    Tenant(Gateway gateway, String key) {
        this(gateway, key, null);
    }

    private Tenant(Gateway gateway, String key, @Nullable String provider) {
        this.gateway = gateway;
        this.key = key;
        this.provider = provider;
    }

    /** The same, saying at which provider. */
    Tenant at(String name) {
        return new Tenant(gateway, key, name);
    }

    /** What was answered. */
    record Answer(int status, String body, Map<String, List<String>> headers) {
        JsonNode json() {
            return JSON.readTree(body);
        }

        String text(String pointer) {
            return json().at(pointer).asString("");
        }

        String id() {
            return text("/id");
        }

        /** The answer, which has to be a good one. */
        Answer good() {
            assertThat(status).as(body).isEqualTo(200);
            return this;
        }

        @Nullable String field(String name) {
            List<String> values = headers.get(name);
            return values == null ? null : values.getFirst();
        }

        /** The answer, which has to say that there is no such object, and to come from the gateway. */
        void unknown(String what) {
            assertThat(status).as(what + " -> " + body).isEqualTo(404);
            assertThat(text("/error/type")).as(what).isEqualTo("invalid_request_error");
            assertThat(text("/error/message")).as(what).contains("in this project");
            assertThat(json().at("/error/code").isNull()).as(what).isTrue();
            assertThat(field("x-lockkeeper-provider"))
                    .as(what + " has reached a provider")
                    .isNull();
        }

        /** The ids of a list. */
        List<String> ids() {
            List<String> ids = new ArrayList<>();
            good().json().path("data").forEach(each -> ids.add(each.path("id").asString()));
            return ids;
        }

        /** The objects in the data of a stream's events. */
        List<JsonNode> events() {
            List<JsonNode> events = new ArrayList<>();
            for (String line : good().body.split("\n", -1)) {
                if (line.startsWith("data: {")) {
                    events.add(JSON.readTree(line.substring("data: ".length())));
                }
            }
            return events;
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(gateway.url("/v1" + path)))
                .header("authorization", "Bearer " + key)
                .timeout(Duration.ofSeconds(30));
        if (provider != null) {
            request.header("x-lockkeeper-provider", provider);
        }
        return request;
    }

    private static Answer send(HttpRequest.Builder request) {
        try {
            HttpResponse<String> answer = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
            return new Answer(
                    answer.statusCode(), answer.body(), answer.headers().map());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    Answer get(String path) {
        return send(request(path).GET());
    }

    Answer delete(String path) {
        return send(request(path).DELETE());
    }

    Answer post(String path) {
        return send(request(path).POST(BodyPublishers.noBody()));
    }

    Answer post(String path, String json) {
        return send(request(path)
                .header("content-type", "application/json")
                .POST(BodyPublishers.ofString(json.replace('\'', '"'))));
    }

    /** Sends a form; of each field name, value, and a file's name where it is a file. */
    Answer form(String path, String[]... fields) {
        StringBuilder form = new StringBuilder();
        for (String[] each : fields) {
            form.append("--")
                    .append(BOUNDARY)
                    .append("\r\ncontent-disposition: form-data; name=\"")
                    .append(each[0]);
            form.append(each.length > 2 ? "\"; filename=\"" + each[2] + "\"" : "\"");
            form.append("\r\n\r\n").append(each[1]).append("\r\n");
        }
        form.append("--").append(BOUNDARY).append("--\r\n");
        return send(request(path)
                .header("content-type", "multipart/form-data; boundary=" + BOUNDARY)
                .POST(BodyPublishers.ofString(form.toString())));
    }

    // ---- makers, one for each kind of object ----

    String file() {
        return file("user_data", "a text");
    }

    String file(String purpose, String content) {
        return form("/files", new String[] {"purpose", purpose}, new String[] {"file", content, "a.jsonl"})
                .good()
                .id();
    }

    String batchInput() {
        return file("batch", """
                {"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}}
                """);
    }

    String upload() {
        return post("/uploads", "{'filename':'a.txt','purpose':'user_data','bytes':6,'mime_type':'text/plain'}")
                .good()
                .id();
    }

    String part(String upload) {
        return form("/uploads/" + upload + "/parts", new String[] {"data", "a text", "a.txt"})
                .good()
                .id();
    }

    String batch() {
        return post(
                        "/batches",
                        "{'input_file_id':'" + batchInput()
                                + "','endpoint':'/v1/chat/completions','completion_window':'24h'}")
                .good()
                .id();
    }

    /** A batch that is done, as it is told. */
    JsonNode batchDone() {
        String id = batch();
        AtomicReference<JsonNode> told = new AtomicReference<>();
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> {
            told.set(get("/batches/" + id).good().json());
            return told.get().path("status").asString().equals("completed");
        });
        return told.get();
    }

    Answer respond(String members) {
        ObjectNode body = (ObjectNode) JSON.readTree(("{" + members + "}").replace('\'', '"'));
        if (!body.has("model")) {
            body.put("model", "gpt-4o");
        }
        if (!body.has("input")) {
            body.put("input", "hi");
        }
        return post("/responses", body.toString());
    }

    String response() {
        return respond("").good().id();
    }

    Answer chat(String members) {
        ObjectNode body = (ObjectNode) JSON.readTree(("{" + members + "}").replace('\'', '"'));
        if (!body.has("model")) {
            body.put("model", "gpt-4o");
        }
        if (!body.has("messages")) {
            body.putArray("messages").addObject().put("role", "user").put("content", "hi");
        }
        return post("/chat/completions", body.toString());
    }

    String chatCompletion() {
        return chat("'store':true,'metadata':{'a':'b'}").good().id();
    }

    String conversation() {
        return post("/conversations", "{}").good().id();
    }

    String item(String conversation) {
        return post("/conversations/" + conversation + "/items", "{'items':[{'role':'user','content':'hi'}]}")
                .good()
                .text("/data/0/id");
    }

    String vectorStore() {
        return post("/vector_stores", "{'name':'a store'}").good().id();
    }

    String storeFile(String store) {
        return post("/vector_stores/" + store + "/files", "{'file_id':'" + file() + "'}")
                .good()
                .id();
    }

    String storeBatch(String store) {
        return post("/vector_stores/" + store + "/file_batches", "{'file_ids':['" + file() + "']}")
                .good()
                .id();
    }

    /** A response of the code interpreter: the call is an item that names its container. */
    Answer computed() {
        return respond("'tools':[{'type':'code_interpreter','container':{'type':'auto'}}],'tool_choice':'required'")
                .good();
    }

    String container() {
        for (JsonNode each : computed().json().path("output")) {
            if (each.has("container_id")) {
                return each.path("container_id").asString();
            }
        }
        throw new AssertionError("no container");
    }

    String outputItem() {
        return respond("").good().text("/output/0/id");
    }

    String reasoning() {
        return respond("'model':'gpt-5.5'").good().text("/output/0/id");
    }

    String audio() {
        return chat("'model':'gpt-audio','modalities':['text','audio'],'audio':{'voice':'alloy','format':'wav'}")
                .good()
                .text("/choices/0/message/audio/id");
    }
}
