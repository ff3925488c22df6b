package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.dialect.openai.Endpoint.Body;
import dev.lockkeeper.dialect.openai.Endpoint.Kind;
import dev.lockkeeper.dialect.openai.Endpoint.ModelIn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** All endpoints of the API, and the way from a method and a path to one. Immutable; any thread. */
public final class Endpoints {
    /** Bytes of an object's id in a path; OpenAI's have less than 100. A longer one names nothing. */
    public static final int MAX_ID = 256;

    private static final String ROOT = "/v1";
    private static final List<Endpoint> ALL = table();
    private static final Node TRIE = trie(ALL);

    private Endpoints() {}

    /** Every endpoint, those of one path side by side. */
    public static List<Endpoint> all() {
        return ALL;
    }

    /**
     * Finds what a request asks for.
     *
     * @param method upper case
     * @param path percent-encoded, without query
     */
    public static Match match(String method, String path) {
        List<String> ids = new ArrayList<>(2);
        Node node = walk(path, ids);
        if (node == null) {
            return new Match.Unknown(hint(path));
        }
        Endpoint found = node.methods.get(method);
        if (found == null) {
            return new Match.WrongMethod(List.copyOf(node.methods.keySet()));
        }
        return new Match.Found(found, List.copyOf(ids));
    }

    /**
     * The endpoint of a request that is known to be one.
     *
     * @param method upper case
     * @param path as a request has it, with ids
     * @throws IllegalArgumentException there is none
     */
    public static Endpoint of(String method, String path) {
        if (match(method, path) instanceof Match.Found(Endpoint found, var _)) {
            return found;
        }
        throw new IllegalArgumentException("no endpoint: " + method + " " + path);
    }

    /** What a request asks for. */
    public sealed interface Match {
        /**
         * An endpoint.
         *
         * @param endpoint which
         * @param ids the path's variable parts, decoded, in order. But for model names they have letters, digits and
         *     {@code - _ . : ~ = + @} only, and are not {@code .} or {@code ..}
         */
        record Found(Endpoint endpoint, List<String> ids) implements Match {}

        /**
         * The path exists, with other methods.
         *
         * @param allowed those
         */
        record WrongMethod(List<String> allowed) implements Match {}

        /**
         * No such path.
         *
         * @param hint a path that exists and may have been meant ({@code /v1} missing or doubled, a slash too many), or null
         */
        record Unknown(@Nullable String hint) implements Match {}
    }

    private static @Nullable Node walk(String path, List<String> ids) {
        if (path.isEmpty() || path.charAt(0) != '/') {
            return null;
        }
        Node node = TRIE;
        int from = 1;
        while (true) {
            int slash = path.indexOf('/', from);
            int to = slash < 0 ? path.length() : slash;
            String segment = path.substring(from, to);
            Node next = node.children.get(segment);
            if (next == null) {
                next = node.variable;
                if (next == null) {
                    return null;
                }
                if (next.kind == ObjectKind.MODEL) {
                    // Model names may hold slashes, which not every client encodes.
                    String name = decode(path.substring(from));
                    if (name == null || name.isEmpty()) {
                        return null;
                    }
                    ids.add(name);
                    return next;
                }
                String id = decode(segment);
                if (id == null || !plainId(id)) {
                    return null;
                }
                ids.add(id);
            }
            node = next;
            if (slash < 0) {
                return node.methods.isEmpty() ? null : node;
            }
            from = slash + 1;
        }
    }

    /** Ids travel on to the upstream in a path: nothing in them may change what that path means. */
    private static boolean plainId(String id) {
        if (id.isEmpty() || id.length() > MAX_ID || id.equals(".") || id.equals("..")) {
            return false;
        }
        for (int i = 0; i < id.length(); i++) {
            char c = id.charAt(i);
            boolean plain = (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9')
                    || "-_.:~=+@".indexOf(c) >= 0;
            if (!plain) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable String decode(String segment) {
        if (segment.indexOf('%') < 0) {
            return segment;
        }
        byte[] bytes = segment.getBytes(StandardCharsets.UTF_8);
        int to = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] != '%') {
                bytes[to++] = bytes[i];
                continue;
            }
            int high = i + 2 < bytes.length ? Character.digit(bytes[i + 1], 16) : -1;
            int low = i + 2 < bytes.length ? Character.digit(bytes[i + 2], 16) : -1;
            if (high < 0 || low < 0) {
                return null;
            }
            bytes[to++] = (byte) (high << 4 | low);
            i += 2;
        }
        return new String(bytes, 0, to, StandardCharsets.UTF_8);
    }

    private static @Nullable String hint(String path) {
        String slim = path.replaceAll("/{2,}", "/");
        if (slim.length() > 1 && slim.endsWith("/")) {
            slim = slim.substring(0, slim.length() - 1);
        }
        for (String each : List.of(slim, ROOT + slim, slim.startsWith(ROOT + ROOT + "/") ? slim.substring(3) : "")) {
            if (!each.equals(path) && walk(each, new ArrayList<>()) != null) {
                return each;
            }
        }
        return null;
    }

    private static final class Node {
        final Map<String, Node> children = new HashMap<>();
        final Map<String, Endpoint> methods = new TreeMap<>();

        @Nullable Node variable;

        @Nullable ObjectKind kind;
    }

    private static Node trie(List<Endpoint> endpoints) {
        Node root = new Node();
        for (Endpoint each : endpoints) {
            Node node = root;
            int names = 0;
            for (String segment : each.path().substring(1).split("/")) {
                if (segment.startsWith("{")) {
                    if (node.variable == null) {
                        node.variable = new Node();
                    }
                    node = node.variable;
                    node.kind = each.names().get(names++);
                } else {
                    node = node.children.computeIfAbsent(segment, _ -> new Node());
                }
            }
            node.methods.put(each.method(), each);
        }
        return root;
    }

    private static List<Endpoint> table() {
        Table t = new Table();
        t.at("/v1/chat/completions", Kind.CHAT)
                .post(Body.JSON, ModelIn.REQUIRED, ObjectKind.CHAT_COMPLETION, "Answer a chat, whole or as a stream");
        t.at("/v1/chat/completions", Kind.PLAIN).list(ObjectKind.CHAT_COMPLETION, "List stored chat completions");
        t.at("/v1/chat/completions/{completion_id}", Kind.PLAIN, ObjectKind.CHAT_COMPLETION)
                .get("Read a stored chat completion")
                .post(Body.JSON, ModelIn.NONE, null, "Change a stored chat completion's metadata")
                .delete("Delete a stored chat completion");
        t.at("/v1/chat/completions/{completion_id}/messages", Kind.PLAIN, ObjectKind.CHAT_COMPLETION)
                .get("List the messages of a stored chat completion");

        t.at("/v1/responses", Kind.RESPONSES)
                .post(Body.JSON, ModelIn.REQUIRED, ObjectKind.RESPONSE, "Make a response, whole or as a stream");
        t.at("/v1/responses/input_tokens", Kind.PLAIN)
                .post(Body.JSON, ModelIn.REQUIRED, null, "Count the input tokens of a response");
        t.at("/v1/responses/compact", Kind.RESPONSES).post(Body.JSON, ModelIn.REQUIRED, null, "Compact a conversation");
        t.at("/v1/responses/{response_id}", Kind.RESPONSES, ObjectKind.RESPONSE)
                .get("Read a response, whole or as a stream");
        t.at("/v1/responses/{response_id}", Kind.PLAIN, ObjectKind.RESPONSE).delete("Delete a response");
        t.at("/v1/responses/{response_id}/cancel", Kind.RESPONSES, ObjectKind.RESPONSE)
                .post(Body.NONE, ModelIn.NONE, null, "Cancel a background response");
        t.at("/v1/responses/{response_id}/input_items", Kind.PLAIN, ObjectKind.RESPONSE)
                .get("List a response's input items");

        t.at("/v1/embeddings", Kind.EMBEDDINGS).post(Body.JSON, ModelIn.REQUIRED, null, "Embed texts");
        t.at("/v1/moderations", Kind.PLAIN).post(Body.JSON, ModelIn.OPTIONAL, null, "Classify texts and images");
        t.at("/v1/completions", Kind.COMPLETIONS)
                .post(Body.JSON, ModelIn.REQUIRED, null, "Complete a text (legacy), whole or as a stream");

        t.at("/v1/images/generations", Kind.IMAGES).post(Body.JSON, ModelIn.OPTIONAL, null, "Make images");
        t.at("/v1/images/edits", Kind.IMAGES).post(Body.EITHER, ModelIn.OPTIONAL, null, "Edit images");
        t.at("/v1/images/variations", Kind.IMAGES).post(Body.MULTIPART, ModelIn.OPTIONAL, null, "Vary an image");
        t.at("/v1/audio/speech", Kind.SPEECH).post(Body.JSON, ModelIn.REQUIRED, null, "Speak a text");
        t.at("/v1/audio/transcriptions", Kind.TRANSCRIPTION)
                .post(Body.MULTIPART, ModelIn.REQUIRED, null, "Write down speech");
        t.at("/v1/audio/translations", Kind.TRANSCRIPTION)
                .post(Body.MULTIPART, ModelIn.REQUIRED, null, "Write down speech in English");

        t.at("/v1/files", Kind.PLAIN)
                .post(Body.MULTIPART, ModelIn.NONE, ObjectKind.FILE, "Upload a file")
                .list(ObjectKind.FILE, "List files");
        t.at("/v1/files/{file_id}", Kind.PLAIN, ObjectKind.FILE)
                .get("Read what is known of a file")
                .delete("Delete a file");
        t.at("/v1/files/{file_id}/content", Kind.PLAIN, ObjectKind.FILE).get("Read a file");
        t.at("/v1/uploads", Kind.PLAIN)
                .post(Body.JSON, ModelIn.NONE, ObjectKind.UPLOAD, "Begin the upload of a large file");
        t.at("/v1/uploads/{upload_id}/parts", Kind.PLAIN, ObjectKind.UPLOAD)
                .post(Body.MULTIPART, ModelIn.NONE, ObjectKind.UPLOAD_PART, "Upload a part of a large file");
        t.at("/v1/uploads/{upload_id}/complete", Kind.PLAIN, ObjectKind.UPLOAD)
                .post(Body.JSON, ModelIn.NONE, ObjectKind.FILE, "Complete an upload: the file is made");
        t.at("/v1/uploads/{upload_id}/cancel", Kind.PLAIN, ObjectKind.UPLOAD)
                .post(Body.NONE, ModelIn.NONE, null, "Cancel an upload");

        t.at("/v1/batches", Kind.PLAIN)
                .post(Body.JSON, ModelIn.NONE, ObjectKind.BATCH, "Start a batch")
                .list(ObjectKind.BATCH, "List batches");
        t.at("/v1/batches/{batch_id}", Kind.PLAIN, ObjectKind.BATCH).get("Read a batch");
        t.at("/v1/batches/{batch_id}/cancel", Kind.PLAIN, ObjectKind.BATCH)
                .post(Body.NONE, ModelIn.NONE, null, "Cancel a batch");

        String store = "/v1/vector_stores/{vector_store_id}";
        t.at("/v1/vector_stores", Kind.PLAIN)
                .post(Body.JSON, ModelIn.NONE, ObjectKind.VECTOR_STORE, "Make a vector store")
                .list(ObjectKind.VECTOR_STORE, "List vector stores");
        t.at(store, Kind.PLAIN, ObjectKind.VECTOR_STORE)
                .get("Read a vector store")
                .post(Body.JSON, ModelIn.NONE, null, "Change a vector store")
                .delete("Delete a vector store");
        t.at(store + "/search", Kind.PLAIN, ObjectKind.VECTOR_STORE)
                .post(Body.JSON, ModelIn.NONE, null, "Search a vector store");
        t.at(store + "/files", Kind.PLAIN, ObjectKind.VECTOR_STORE)
                .post(Body.JSON, ModelIn.NONE, null, "Put a file into a vector store")
                .get("List a vector store's files");
        t.at(store + "/files/{file_id}", Kind.PLAIN, ObjectKind.VECTOR_STORE, ObjectKind.VECTOR_STORE_FILE)
                .get("Read a vector store's file")
                .post(Body.JSON, ModelIn.NONE, null, "Change a vector store's file's attributes")
                .delete("Take a file out of a vector store");
        t.at(store + "/files/{file_id}/content", Kind.PLAIN, ObjectKind.VECTOR_STORE, ObjectKind.VECTOR_STORE_FILE)
                .get("Read the parsed content of a vector store's file");
        t.at(store + "/file_batches", Kind.PLAIN, ObjectKind.VECTOR_STORE)
                .post(
                        Body.JSON,
                        ModelIn.NONE,
                        ObjectKind.VECTOR_STORE_FILE_BATCH,
                        "Put many files into a vector store");
        String batch = store + "/file_batches/{batch_id}";
        t.at(batch, Kind.PLAIN, ObjectKind.VECTOR_STORE, ObjectKind.VECTOR_STORE_FILE_BATCH)
                .get("Read a vector store's file batch");
        t.at(batch + "/cancel", Kind.PLAIN, ObjectKind.VECTOR_STORE, ObjectKind.VECTOR_STORE_FILE_BATCH)
                .post(Body.NONE, ModelIn.NONE, null, "Cancel a vector store's file batch");
        t.at(batch + "/files", Kind.PLAIN, ObjectKind.VECTOR_STORE, ObjectKind.VECTOR_STORE_FILE_BATCH)
                .get("List the files of a vector store's file batch");

        t.at("/v1/conversations", Kind.PLAIN)
                .post(Body.JSON, ModelIn.NONE, ObjectKind.CONVERSATION, "Make a conversation");
        t.at("/v1/conversations/{conversation_id}", Kind.PLAIN, ObjectKind.CONVERSATION)
                .get("Read a conversation")
                .post(Body.JSON, ModelIn.NONE, null, "Change a conversation's metadata")
                .delete("Delete a conversation");
        t.at("/v1/conversations/{conversation_id}/items", Kind.PLAIN, ObjectKind.CONVERSATION)
                .post(Body.JSON, ModelIn.NONE, null, "Add items to a conversation")
                .get("List a conversation's items");
        t.at(
                        "/v1/conversations/{conversation_id}/items/{item_id}",
                        Kind.PLAIN,
                        ObjectKind.CONVERSATION,
                        ObjectKind.ITEM)
                .get("Read a conversation's item")
                .delete("Delete a conversation's item");

        t.at("/v1/models", Kind.MODELS).get("List the models that this key may use");
        t.at("/v1/models/{model}", Kind.MODELS, ObjectKind.MODEL).get("Read a model");
        return List.copyOf(t.rows);
    }

    private static final class Table {
        final List<Endpoint> rows = new ArrayList<>();
        private String path = "";
        private Kind kind = Kind.PLAIN;
        private List<ObjectKind> names = List.of();

        Table at(String newPath, Kind newKind, ObjectKind... newNames) {
            path = newPath;
            kind = newKind;
            names = List.of(newNames);
            return this;
        }

        Table get(String summary) {
            return row("GET", Body.NONE, ModelIn.NONE, null, null, false, summary);
        }

        Table list(ObjectKind lists, String summary) {
            return row("GET", Body.NONE, ModelIn.NONE, null, lists, false, summary);
        }

        Table delete(String summary) {
            return row("DELETE", Body.NONE, ModelIn.NONE, null, null, true, summary);
        }

        Table post(Body body, ModelIn model, @Nullable ObjectKind makes, String summary) {
            return row("POST", body, model, makes, null, false, summary);
        }

        private Table row(
                String method,
                Body body,
                ModelIn model,
                @Nullable ObjectKind makes,
                @Nullable ObjectKind lists,
                boolean deletes,
                String summary) {
            rows.add(new Endpoint(method, path, kind, body, model, makes, names, lists, deletes, summary));
            return this;
        }
    }
}
