package dev.lockkeeper.door;

import static java.util.Map.entry;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoint.Body;
import dev.lockkeeper.dialect.openai.Endpoint.Kind;
import dev.lockkeeper.dialect.openai.Endpoint.ModelIn;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The OpenAPI 3.1 document of what {@code /v1} takes. Paths, methods and summaries come from the table of endpoints; the
 * main bodies' schemas from {@code openapi.json} beside this class. Immutable; any thread.
 */
final class OpenApi {
    private static final String ROOT = "/v1";
    private static final String ORIGIN = "http://lockkeeper.invalid";
    private static final Pattern VARIABLE = Pattern.compile("\\{([^}]+)}");
    private static final JsonMapper JSON = JsonMapper.shared();

    /** Which schemas an operation's JSON request, form and good answer have; where nothing is written: any object. */
    private static final Map<String, Shape> SHAPES = Map.ofEntries(
            entry("POST /v1/chat/completions", Shape.of("ChatRequest", "ChatCompletion")),
            entry("GET /v1/chat/completions", Shape.of(null, "List")),
            entry("POST /v1/chat/completions/{completion_id}", Shape.of("Metadata", "ChatCompletion")),
            entry("GET /v1/chat/completions/{completion_id}", Shape.of(null, "ChatCompletion")),
            entry("GET /v1/chat/completions/{completion_id}/messages", Shape.of(null, "MessageList")),
            entry("POST /v1/responses", Shape.of("ResponseRequest", "Response")),
            entry("POST /v1/responses/input_tokens", Shape.of("ResponseRequest", "InputTokens")),
            entry("POST /v1/responses/compact", Shape.of("ResponseRequest", "Object")),
            entry("GET /v1/responses/{response_id}", Shape.of(null, "Response")),
            entry("POST /v1/responses/{response_id}/cancel", Shape.of(null, "Response")),
            entry("GET /v1/responses/{response_id}/input_items", Shape.of(null, "ItemList")),
            entry("POST /v1/embeddings", Shape.of("EmbeddingsRequest", "Embeddings")),
            entry("POST /v1/moderations", Shape.of("ModerationRequest", "Moderation")),
            entry("POST /v1/completions", Shape.of("CompletionRequest", "Completion")),
            entry("POST /v1/images/generations", Shape.of("ImageRequest", "Images")),
            entry("POST /v1/images/edits", new Shape("ImageEditRequest", "ImageEditForm", "Images")),
            entry("POST /v1/images/variations", new Shape(null, "ImageVariationForm", "Images")),
            entry("POST /v1/audio/speech", Shape.of("SpeechRequest", "AnyJson")),
            entry("POST /v1/audio/transcriptions", new Shape(null, "TranscriptionForm", "Transcription")),
            entry("POST /v1/audio/translations", new Shape(null, "TranslationForm", "Transcription")),
            entry("POST /v1/files", new Shape(null, "FileForm", "File")),
            entry("GET /v1/files", Shape.of(null, "List")),
            entry("GET /v1/files/{file_id}", Shape.of(null, "File")),
            entry("POST /v1/uploads", Shape.of("UploadRequest", "Upload")),
            entry("POST /v1/uploads/{upload_id}/parts", new Shape(null, "UploadPartForm", "Object")),
            entry("POST /v1/uploads/{upload_id}/complete", Shape.of("UploadComplete", "Upload")),
            entry("POST /v1/uploads/{upload_id}/cancel", Shape.of(null, "Upload")),
            entry("POST /v1/batches", Shape.of("BatchRequest", "Batch")),
            entry("GET /v1/batches", Shape.of(null, "List")),
            entry("GET /v1/batches/{batch_id}", Shape.of(null, "Batch")),
            entry("POST /v1/batches/{batch_id}/cancel", Shape.of(null, "Batch")),
            entry("POST /v1/vector_stores", Shape.of("VectorStoreRequest", "Object")),
            entry("GET /v1/vector_stores", Shape.of(null, "List")),
            entry("POST /v1/vector_stores/{vector_store_id}", Shape.of("VectorStoreRequest", "Object")),
            entry("POST /v1/vector_stores/{vector_store_id}/search", Shape.of("VectorStoreSearch", "AnyJson")),
            entry("POST /v1/vector_stores/{vector_store_id}/files", Shape.of("VectorStoreFileRequest", "Object")),
            entry("GET /v1/vector_stores/{vector_store_id}/files", Shape.of(null, "List")),
            entry(
                    "POST /v1/vector_stores/{vector_store_id}/files/{file_id}",
                    Shape.of("VectorStoreFileUpdate", "Object")),
            entry(
                    "POST /v1/vector_stores/{vector_store_id}/file_batches",
                    Shape.of("VectorStoreFileBatchRequest", "Object")),
            entry("GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files", Shape.of(null, "List")),
            entry("GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content", Shape.of(null, "AnyJson")),
            entry("POST /v1/conversations", Shape.of("ConversationRequest", "Conversation")),
            entry("GET /v1/conversations/{conversation_id}", Shape.of(null, "Conversation")),
            entry("POST /v1/conversations/{conversation_id}", Shape.of("Metadata", "Conversation")),
            entry("POST /v1/conversations/{conversation_id}/items", Shape.of("ConversationItems", "ItemList")),
            entry("GET /v1/conversations/{conversation_id}/items", Shape.of(null, "ItemList")),
            entry("GET /v1/conversations/{conversation_id}/items/{item_id}", Shape.of(null, "ResponseItem")),
            entry("DELETE /v1/conversations/{conversation_id}/items/{item_id}", Shape.of(null, "Conversation")),
            entry("GET /v1/models", Shape.of(null, "ModelList")),
            entry("GET /v1/models/{model}", Shape.of(null, "Model")));

    private static final String DOCUMENT = document(Endpoints.all(), Version.TEXT);

    private OpenApi() {}

    /**
     * The document.
     *
     * @param origin scheme, host and port that the reader reached this gateway by, such as
     *     {@code http://127.0.0.1:8080}; told as the server of the API
     */
    static Bytes json(String origin) {
        String quoted = JSON.writeValueAsString(origin);
        return Bytes.utf8(DOCUMENT.replace(ORIGIN, quoted.substring(1, quoted.length() - 1)));
    }

    private static String document(List<Endpoint> endpoints, String version) {
        ObjectNode root = (ObjectNode) JSON.readTree(Resource.text("openapi.json"));
        ((ObjectNode) root.path("info")).put("version", version);
        ObjectNode paths = root.putObject("paths");
        for (Endpoint each : endpoints) {
            String path = each.path().substring(ROOT.length());
            ObjectNode item =
                    paths.path(path) instanceof ObjectNode there ? there : pathItem(paths.putObject(path), path);
            operation(item.putObject(each.method().toLowerCase(Locale.ROOT)), each);
        }
        return JSON.writeValueAsString(root);
    }

    private static ObjectNode pathItem(ObjectNode item, String path) {
        Matcher variables = VARIABLE.matcher(path);
        while (variables.find()) {
            ObjectNode parameter = item.withArray("parameters").addObject();
            parameter.put("name", variables.group(1)).put("in", "path").put("required", true);
            parameter.putObject("schema").put("type", "string");
        }
        return item;
    }

    private static void operation(ObjectNode operation, Endpoint endpoint) {
        String name = endpoint.method() + " " + endpoint.path();
        Shape shape = SHAPES.getOrDefault(
                name, Shape.of(endpoint.body() == Body.NONE ? null : "AnyJson", plainAnswer(endpoint)));
        operation.put("operationId", operationId(endpoint));
        operation.put("summary", endpoint.summary());
        operation.putArray("tags").add(tag(endpoint.path()));
        query(operation, endpoint, shape);
        if (mayBeKeyed(endpoint)) {
            operation.withArray("parameters").addObject().put("$ref", "#/components/parameters/idempotencyKey");
        }
        if (streams(endpoint)) {
            for (String each : List.of("resumable", "lastEventId")) {
                operation.withArray("parameters").addObject().put("$ref", "#/components/parameters/" + each);
            }
        }
        request(operation, endpoint.body(), shape);
        answers(operation, endpoint, shape);
    }

    /** Whether its answers may be streams that can be resumed. */
    private static boolean streams(Endpoint endpoint) {
        return endpoint.method().equals("POST")
                && endpoint.model() == ModelIn.REQUIRED
                && switch (endpoint.kind()) {
                    case CHAT, RESPONSES, COMPLETIONS, IMAGES, SPEECH, TRANSCRIPTION -> true;
                    case EMBEDDINGS, MODELS, PLAIN -> false;
                };
    }

    private static boolean mayBeKeyed(Endpoint endpoint) {
        return endpoint.method().equals("POST") && endpoint.body() != Body.MULTIPART;
    }

    private static String plainAnswer(Endpoint endpoint) {
        return endpoint.deletes() ? "Deleted" : "Object";
    }

    /** {@code post_chat_completions}, {@code get_files_by_file_id_content}. */
    private static String operationId(Endpoint endpoint) {
        String path =
                VARIABLE.matcher(endpoint.path().substring(ROOT.length() + 1)).replaceAll("by_$1");
        return endpoint.method().toLowerCase(Locale.ROOT) + "_" + path.replace('/', '_');
    }

    private static String tag(String path) {
        int end = path.indexOf('/', ROOT.length() + 1);
        return path.substring(ROOT.length() + 1, end < 0 ? path.length() : end);
    }

    private static void query(ObjectNode operation, Endpoint endpoint, Shape shape) {
        if (!endpoint.method().equals("GET")) {
            return;
        }
        if (shape.answer.endsWith("List") && endpoint.kind() != Kind.MODELS) {
            ArrayNode parameters = operation.withArray("parameters");
            for (String each : List.of("after", "limit", "order")) {
                parameters.addObject().put("$ref", "#/components/parameters/" + each);
            }
        }
        switch (endpoint.path()) {
            case "/v1/chat/completions" -> {
                operation.put(
                        "description",
                        "Lists stored completions. With model, and with prompt or messages, it is a call in short form"
                                + " instead, for quick trials: the answer is that of POST.");
                parameter(
                        operation,
                        "model",
                        "string",
                        "Only completions of this model; in short form: the model asked.");
                parameter(operation, "prompt", "string", "Short form: the user's message.");
                parameter(operation, "messages", "string", "Short form: the messages, as JSON.");
            }
            case "/v1/responses/{response_id}" -> {
                parameter(operation, "stream", "boolean", "Answer as server-sent events.");
                parameter(operation, "starting_after", "integer", "Of a stream: begin behind this sequence number.");
            }
            case "/v1/files" -> parameter(operation, "purpose", "string", "Only files of this purpose.");
            default -> {
                // No parameters of its own.
            }
        }
    }

    private static void parameter(ObjectNode operation, String name, String type, String description) {
        ObjectNode parameter = operation.withArray("parameters").addObject();
        parameter.put("name", name).put("in", "query").put("description", description);
        parameter.putObject("schema").put("type", type);
    }

    private static void request(ObjectNode operation, Body body, Shape shape) {
        if (body == Body.NONE) {
            return;
        }
        ObjectNode request = operation.putObject("requestBody").put("required", true);
        ObjectNode content = request.putObject("content");
        if (body == Body.JSON || body == Body.EITHER) {
            schema(content.putObject("application/json"), shape.json == null ? "AnyJson" : shape.json);
        }
        if (body == Body.MULTIPART || body == Body.EITHER) {
            schema(content.putObject("multipart/form-data"), shape.form == null ? "AnyJson" : shape.form);
        }
    }

    private static void answers(ObjectNode operation, Endpoint endpoint, Shape shape) {
        ObjectNode responses = operation.putObject("responses");
        ObjectNode good = responses.putObject("200").put("description", "Done.");
        ObjectNode headers = good.putObject("headers");
        boolean relayed = endpoint.kind() != Kind.MODELS;
        for (String each : relayed
                ? List.of("x-request-id", "x-lockkeeper-provider", "x-lockkeeper-overhead-us", "x-lockkeeper-warnings")
                : List.of("x-request-id")) {
            headers.putObject(each).put("$ref", "#/components/headers/" + each);
        }
        if (mayBeKeyed(endpoint)) {
            for (String each : List.of("x-lockkeeper-replayed", "x-lockkeeper-replay-of")) {
                headers.putObject(each).put("$ref", "#/components/headers/" + each);
            }
        }
        if (streams(endpoint)) {
            for (String each : List.of("x-lockkeeper-resumable", "x-lockkeeper-resume-of")) {
                headers.putObject(each).put("$ref", "#/components/headers/" + each);
            }
        }
        ObjectNode content = good.putObject("content");
        if (endpoint.path().startsWith("/v1/files/") && endpoint.path().endsWith("/content")) {
            content.putObject("application/octet-stream");
        } else {
            content(content, endpoint, shape);
        }
        responses.putObject("4XX").put("$ref", "#/components/responses/Refused");
        responses.putObject("5XX").put("$ref", "#/components/responses/Failed");
    }

    private static void content(ObjectNode content, Endpoint endpoint, Shape shape) {
        switch (endpoint.kind()) {
            case CHAT -> {
                schema(content.putObject("application/json"), shape.answer);
                schema(content.putObject("text/event-stream"), "ChatCompletionChunk");
            }
            case RESPONSES -> {
                schema(content.putObject("application/json"), shape.answer);
                if (!endpoint.path().endsWith("/compact") && !endpoint.path().endsWith("/cancel")) {
                    schema(content.putObject("text/event-stream"), "ResponseEvent");
                }
            }
            case COMPLETIONS -> {
                schema(content.putObject("application/json"), shape.answer);
                schema(content.putObject("text/event-stream"), "Completion");
            }
            case IMAGES -> {
                schema(content.putObject("application/json"), shape.answer);
                schema(content.putObject("text/event-stream"), "AnyJson");
            }
            case SPEECH -> {
                content.putObject("audio/*");
                schema(content.putObject("text/event-stream"), "AnyJson");
            }
            case TRANSCRIPTION -> {
                schema(content.putObject("application/json"), shape.answer);
                content.putObject("text/plain").putObject("schema").put("type", "string");
                schema(content.putObject("text/event-stream"), "AnyJson");
            }
            case EMBEDDINGS, MODELS, PLAIN -> schema(content.putObject("application/json"), shape.answer);
        }
    }

    private static void schema(ObjectNode media, String name) {
        media.putObject("schema").put("$ref", "#/components/schemas/" + name);
    }

    /** Names of schemas. */
    private record Shape(@Nullable String json, @Nullable String form, String answer) {
        static Shape of(@Nullable String json, String answer) {
            return new Shape(json, null, answer);
        }
    }
}
