package dev.lockkeeper.simulator;

import dev.lockkeeper.http.QueryString;
import dev.lockkeeper.units.Bytes;
import java.util.Locale;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Finds who answers a request. Any thread. */
final class Router {
    private static final Logger LOG = LoggerFactory.getLogger(Router.class);
    private static final long MODELS_CREATED = 1_760_000_000L;

    private final World world;
    private final Chat chat;
    private final Responses responses;
    private final Conversations conversations;
    private final Embeddings embeddings;
    private final Files files;
    private final VectorStores vectorStores;
    private final Completions completions;
    private final Moderations moderations;
    private final Images images;
    private final Audio audio;
    private final Batches batches;

    Router(World world, Executor workers) {
        this.world = world;
        chat = new Chat(world);
        conversations = new Conversations(world);
        files = new Files(world);
        vectorStores = new VectorStores(world, files);
        responses = new Responses(world, conversations, vectorStores);
        embeddings = new Embeddings(world);
        completions = new Completions(world);
        moderations = new Moderations(world);
        images = new Images(world);
        audio = new Audio(world);
        batches = new Batches(world, files, workers, this::planned);
    }

    /** Whether answering takes long though the body is small. */
    boolean heavy(Request request) {
        return request.path().endsWith("/embeddings") || request.path().endsWith("/search");
    }

    /** What will be answered. */
    Plan plan(Request request) throws Refused {
        Controls given =
                request.controls() == null ? world.controls : world.controls.with(request.controls(), "x-simulator");
        Plan plan = route(request, given);
        return plan.controls().equals(Controls.NONE) ? plan.with(given) : plan;
    }

    private Plan route(Request request, Controls given) throws Refused {
        String path = request.path();
        if (path.startsWith("/v1/")) {
            path = path.substring(3);
        }
        String[] steps = path.substring(1).split("/", -1);
        for (int i = 0; i < steps.length; i++) {
            steps[i] = QueryString.decode(steps[i]);
        }
        Plan plan = switch (steps[0]) {
            case "chat" -> steps.length > 1 && steps[1].equals("completions") ? chat(request, steps, given) : null;
            case "responses" -> responses(request, steps, given);
            case "conversations" -> conversations(request, steps);
            case "models" -> models(request, steps);
            case "embeddings" -> steps.length == 1 && post(request) ? embeddings.create(json(request), given) : null;
            case "completions" -> steps.length == 1 && post(request) ? completions.create(json(request), given) : null;
            case "moderations" -> steps.length == 1 && post(request) ? moderations.create(json(request), given) : null;
            case "images" -> images(request, steps, given);
            case "audio" -> audio(request, steps, given);
            case "batches" -> batches(request, steps);
            case "files" -> files(request, steps);
            case "uploads" -> uploads(request, steps);
            case "vector_stores" -> vectorStores(request, steps);
            default -> null;
        };
        if (plan == null) {
            throw Refused.notFound("Invalid URL (" + request.method() + " " + request.path() + ")");
        }
        return plan;
    }

    /** What will be answered, be it a refusal. */
    Plan planned(Request request) {
        try {
            return plan(request);
        } catch (Refused refused) {
            return Plan.refused(refused);
        } catch (RuntimeException bug) {
            LOG.error("The simulator could not answer {} {}", request.method(), request.path(), bug);
            return Plan.refused(
                    new Refused(500, "server_error", null, null, "The simulator failed; its log tells more."));
        }
    }

    private static boolean post(Request request) {
        return request.method().equals("POST");
    }

    private static boolean get(Request request) {
        return request.method().equals("GET");
    }

    private static boolean delete(Request request) {
        return request.method().equals("DELETE");
    }

    /** The body as a JSON object. */
    static ObjectNode json(Request request) throws Refused {
        String type = request.contentType();
        if (type != null && !type.toLowerCase(Locale.ROOT).contains("json")) {
            throw new Refused(
                    415,
                    "invalid_request_error",
                    null,
                    "unsupported_content_type",
                    "Unsupported content type: '" + type
                            + "'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: "
                            + type + "'. Please try again with a supported content type.");
        }
        Bytes body = request.body();
        JsonNode node = body.length() == 0 ? Json.object() : Json.parse(body.array(), body.offset(), body.length());
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw Refused.badRequest(
                null,
                node == null ? "invalid_json" : null,
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)");
    }

    private @Nullable Plan chat(Request request, String[] steps, Controls given) throws Refused {
        return switch (steps.length) {
            case 2 ->
                post(request)
                        ? chat.create(json(request), given, request.body().length())
                        : get(request) ? Plan.json(chat.list(request.query())) : null;
            case 3 ->
                switch (request.method()) {
                    case "GET" -> Plan.json(chat.get(steps[2]));
                    case "POST" -> Plan.json(chat.update(steps[2], json(request)));
                    case "DELETE" -> Plan.json(chat.delete(steps[2]));
                    default -> null;
                };
            case 4 ->
                get(request) && steps[3].equals("messages")
                        ? Plan.json(chat.messages(steps[2], request.query()))
                        : null;
            default -> null;
        };
    }

    private @Nullable Plan responses(Request request, String[] steps, Controls given) throws Refused {
        if (steps.length == 1) {
            return post(request)
                    ? responses.create(json(request), given, request.body().length())
                    : null;
        }
        if (steps.length == 2 && post(request)) {
            return switch (steps[1]) {
                case "input_tokens" -> Plan.json(responses.inputTokens(json(request)));
                case "compact" -> Plan.generated(responses.compact(json(request)), given);
                default -> null;
            };
        }
        if (steps.length == 2) {
            return get(request)
                    ? responses.get(steps[1], request.query())
                    : delete(request) ? Plan.json(responses.delete(steps[1])) : null;
        }
        if (steps.length == 3 && steps[2].equals("cancel") && post(request)) {
            return Plan.json(responses.cancel(steps[1]));
        }
        return steps.length == 3 && steps[2].equals("input_items") && get(request)
                ? Plan.json(responses.inputItems(steps[1], request.query()))
                : null;
    }

    private @Nullable Plan conversations(Request request, String[] steps) throws Refused {
        if (steps.length == 1) {
            return post(request) ? Plan.json(conversations.create(json(request))) : null;
        }
        if (steps.length == 2) {
            return switch (request.method()) {
                case "GET" -> Plan.json(conversations.get(steps[1]));
                case "POST" -> Plan.json(conversations.update(steps[1], json(request)));
                case "DELETE" -> Plan.json(conversations.delete(steps[1]));
                default -> null;
            };
        }
        if (!steps[2].equals("items") || steps.length > 4) {
            return null;
        }
        if (steps.length == 3) {
            return post(request)
                    ? Plan.json(conversations.add(steps[1], json(request)))
                    : get(request) ? Plan.json(conversations.list(steps[1], request.query())) : null;
        }
        return get(request)
                ? Plan.json(conversations.item(steps[1], steps[3]))
                : delete(request) ? Plan.json(conversations.deleteItem(steps[1], steps[3])) : null;
    }

    private static ObjectNode model(String name) {
        return Json.object()
                .put("id", name)
                .put("object", "model")
                .put("created", MODELS_CREATED)
                .put("owned_by", "system");
    }

    private @Nullable Plan models(Request request, String[] steps) throws Refused {
        if (!get(request)) {
            return null;
        }
        if (steps.length == 1) {
            ObjectNode list = Json.object().put("object", "list");
            ArrayNode data = list.putArray("data");
            Models.LISTED.forEach(each -> data.add(model(each)));
            world.settings.models().forEach(each -> data.add(model(each)));
            return Plan.json(list);
        }
        String name = String.join("/", java.util.List.of(steps).subList(1, steps.length));
        if (!Models.known(Controls.bareModel(name), world.settings.models())) {
            throw new Refused(
                    404,
                    "invalid_request_error",
                    "model",
                    "model_not_found",
                    "The model '" + name + "' does not exist");
        }
        return Plan.json(model(name));
    }

    private @Nullable Plan images(Request request, String[] steps, Controls given) throws Refused {
        if (steps.length != 2 || !post(request)) {
            return null;
        }
        return switch (steps[1]) {
            case "generations" -> images.create("generations", json(request), false, given);
            case "edits", "variations" -> {
                if (steps[1].equals("edits") && !form(request)) {
                    yield images.create("edits", json(request), false, given);
                }
                Multipart form = Multipart.of(request.contentType(), request.body());
                yield images.create(steps[1], typed(form.body()), form.field("image") != null, given);
            }
            default -> null;
        };
    }

    private static boolean form(Request request) {
        String type = request.contentType();
        return type != null && type.toLowerCase(Locale.ROOT).startsWith("multipart/");
    }

    /** A form's texts, with numbers and truth values where a JSON body would have them. */
    private static ObjectNode typed(ObjectNode form) {
        ObjectNode typed = Json.object();
        form.properties().forEach(each -> {
            String text = each.getValue().isString() ? each.getValue().stringValue() : "";
            switch (each.getKey()) {
                case "n", "partial_images", "output_compression" -> {
                    JsonNode number = Json.parse(text);
                    typed.set(each.getKey(), number == null ? each.getValue() : number);
                }
                case "stream" -> typed.put("stream", text.equals("true"));
                default -> typed.set(each.getKey(), each.getValue());
            }
        });
        return typed;
    }

    private @Nullable Plan audio(Request request, String[] steps, Controls given) throws Refused {
        if (steps.length != 2 || !post(request)) {
            return null;
        }
        return switch (steps[1]) {
            case "speech" -> audio.speech(json(request), given);
            case "transcriptions", "translations" ->
                audio.text(Multipart.of(request.contentType(), request.body()), steps[1].equals("translations"), given);
            default -> null;
        };
    }

    private @Nullable Plan batches(Request request, String[] steps) throws Refused {
        if (steps.length == 1) {
            return post(request)
                    ? Plan.json(batches.create(json(request)))
                    : get(request) ? Plan.json(batches.list(request.query())) : null;
        }
        if (steps.length == 2) {
            return get(request) ? Plan.json(batches.get(steps[1])) : null;
        }
        return steps.length == 3 && steps[2].equals("cancel") && post(request)
                ? Plan.json(batches.cancel(steps[1]))
                : null;
    }

    private @Nullable Plan files(Request request, String[] steps) throws Refused {
        if (steps.length == 1) {
            return post(request)
                    ? Plan.json(files.create(Multipart.of(request.contentType(), request.body())))
                    : get(request) ? Plan.json(files.list(request.query())) : null;
        }
        if (steps.length == 2) {
            return get(request)
                    ? Plan.json(files.get(steps[1]))
                    : delete(request) ? Plan.json(files.delete(steps[1])) : null;
        }
        return steps.length == 3 && steps[2].equals("content") && get(request)
                ? Plan.raw("application/octet-stream", files.content(steps[1]), Controls.NONE)
                : null;
    }

    private @Nullable Plan uploads(Request request, String[] steps) throws Refused {
        if (!post(request)) {
            return null;
        }
        if (steps.length == 1) {
            return Plan.json(files.createUpload(json(request)));
        }
        if (steps.length != 3) {
            return null;
        }
        return switch (steps[2]) {
            case "parts" -> Plan.json(files.addPart(steps[1], Multipart.of(request.contentType(), request.body())));
            case "complete" -> Plan.json(files.complete(steps[1], json(request)));
            case "cancel" -> Plan.json(files.cancel(steps[1]));
            default -> null;
        };
    }

    private @Nullable Plan vectorStores(Request request, String[] steps) throws Refused {
        if (steps.length == 1) {
            return post(request)
                    ? Plan.json(vectorStores.create(json(request)))
                    : get(request) ? Plan.json(vectorStores.list(request.query())) : null;
        }
        String store = steps[1];
        if (steps.length == 2) {
            return switch (request.method()) {
                case "GET" -> Plan.json(vectorStores.get(store));
                case "POST" -> Plan.json(vectorStores.update(store, json(request)));
                case "DELETE" -> Plan.json(vectorStores.delete(store));
                default -> null;
            };
        }
        return switch (steps[2]) {
            case "search" ->
                steps.length == 3 && post(request) ? Plan.json(vectorStores.search(store, json(request))) : null;
            case "files" -> storeFiles(request, store, steps);
            case "file_batches" -> storeBatches(request, store, steps);
            default -> null;
        };
    }

    private @Nullable Plan storeFiles(Request request, String store, String[] steps) throws Refused {
        if (steps.length == 3) {
            return post(request)
                    ? Plan.json(vectorStores.addFile(store, json(request)))
                    : get(request) ? Plan.json(vectorStores.listFiles(store, request.query())) : null;
        }
        if (steps.length == 5) {
            return get(request) && steps[4].equals("content")
                    ? Plan.json(vectorStores.fileContent(store, steps[3]))
                    : null;
        }
        return switch (request.method()) {
            case "GET" -> Plan.json(vectorStores.getFile(store, steps[3]));
            case "POST" -> Plan.json(vectorStores.updateFile(store, steps[3], json(request)));
            case "DELETE" -> Plan.json(vectorStores.deleteFile(store, steps[3]));
            default -> null;
        };
    }

    private @Nullable Plan storeBatches(Request request, String store, String[] steps) throws Refused {
        if (steps.length == 3) {
            return post(request) ? Plan.json(vectorStores.createBatch(store, json(request))) : null;
        }
        if (steps.length == 4) {
            return get(request) ? Plan.json(vectorStores.getBatch(store, steps[3])) : null;
        }
        return switch (steps[4]) {
            case "files" -> get(request) ? Plan.json(vectorStores.batchFiles(store, steps[3], request.query())) : null;
            case "cancel" -> post(request) ? Plan.json(vectorStores.getBatch(store, steps[3])) : null;
            default -> null;
        };
    }
}
