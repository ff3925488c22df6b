package dev.lockkeeper.fuzz;

import dev.lockkeeper.dialect.openai.BatchLine;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoint.Kind;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.dialect.openai.Rewritten;
import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request's JSON body: it is refused as malformed, or it is JSON, and what the splice makes of it is what editing its
 * tree makes of it. What is JSON and has no member that is read here is never refused.
 */
public final class JsonTarget {
    private static final List<Endpoint> ENDPOINTS = List.of(
            Endpoints.of("POST", "/v1/chat/completions"),
            Endpoints.of("POST", "/v1/responses"),
            Endpoints.of("POST", "/v1/completions"),
            Endpoints.of("POST", "/v1/embeddings"),
            Endpoints.of("POST", "/v1/images/generations"),
            Endpoints.of("POST", "/v1/audio/speech"),
            Endpoints.of("POST", "/v1/conversations"));

    private static final List<Refusals> REFUSALS =
            List.of(Refusals.of("gpt-5.5", null), Refusals.NONE, Refusals.of("gpt-4o", null));

    /** Members that may make a body malformed by their type or value. */
    private static final Set<String> READ = Set.of(
            "model",
            "stream",
            "stream_options",
            "stream_format",
            "store",
            "background",
            "n",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "temperature",
            "top_p",
            "logprobs",
            "top_logprobs",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "response_format",
            "text",
            "reasoning",
            "reasoning_effort",
            "service_tier",
            "safety_identifier",
            "user",
            "web_search_options",
            "messages",
            "input",
            "items",
            "prompt",
            "instructions",
            "tools",
            "functions",
            "previous_response_id",
            "conversation");

    private JsonTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        Bytes body = input.rest();
        int choice = input.choice(ENDPOINTS.size() * REFUSALS.size() + 1);
        if (choice == ENDPOINTS.size() * REFUSALS.size()) {
            batchLine(body);
            return;
        }
        Endpoint endpoint = ENDPOINTS.get(choice % ENDPOINTS.size());
        Refusals refusals = REFUSALS.get(choice / ENDPOINTS.size());
        JsonNode tree = Given.tree(body);
        RequestScan scan;
        try {
            scan = RequestScan.of(body, endpoint);
        } catch (Malformed refused) {
            Input.check(!refused.message().isEmpty(), "no reason");
            Input.check(
                    !(tree instanceof ObjectNode object)
                            || object.propertyNames().stream().anyMatch(READ::contains),
                    "refused: " + refused.message());
            return;
        }
        Input.check(scan.textBytes() >= 0 && scan.textBytes() <= body.length(), "text bytes " + scan.textBytes());
        Input.check(scan.choices() >= 1, "choices " + scan.choices());
        scan.references();
        if (tree == null) {
            return; // deeper than a tree is made of: below
        }
        Input.check(tree.isObject(), "taken, and no object");
        Bytes result = joined(Rewrite.of(
                body, scan, endpoint, new Rewrite.Wish("up\"stream", refusals, true, Rewrite.UNLIMITED, null)));
        JsonNode once = Given.treeOfNamesOnce(body);
        JsonNode after = once == null ? Given.tree(result) : Given.treeOfNamesOnce(result);
        Input.check(after != null, "no JSON any more: " + result.utf8());
        if (once instanceof ObjectNode expected) {
            boolean modelled = endpoint.model() != Endpoint.ModelIn.NONE;
            Input.same(modelled ? text(once, "model") : "null", String.valueOf(scan.model()), "model");
            edit(expected, endpoint, refusals);
            Input.same(expected, after, "not what editing the tree gives");
        }
    }

    private static String text(JsonNode object, String name) {
        JsonNode value = object.get(name);
        return value == null || !value.isString() ? "null" : value.stringValue();
    }

    private static void batchLine(Bytes line) {
        try {
            BatchLine read = BatchLine.of(line);
            JsonNode tree = Given.treeOfNamesOnce(line);
            if (tree != null) {
                Input.same(text(tree.get("body"), "model"), String.valueOf(read.model()), "model");
            }
        } catch (Malformed refused) {
            Input.check(!refused.message().isEmpty(), "no reason");
        }
    }

    private static Bytes joined(Rewritten rewritten) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        rewritten.pieces().forEach(piece -> out.write(piece.array(), piece.offset(), piece.length()));
        Input.same((long) out.size(), rewritten.length(), "length");
        return Bytes.of(out.toByteArray());
    }

    /** The same edits as {@link Rewrite} makes, on a tree. */
    private static void edit(ObjectNode tree, Endpoint endpoint, Refusals refusals) {
        Kind kind = endpoint.kind();
        boolean chat = kind == Kind.CHAT;
        boolean responses = kind == Kind.RESPONSES;
        if (tree.has("model") && endpoint.model() != Endpoint.ModelIn.NONE) {
            tree.put("model", "up\"stream");
        }
        if ((chat || kind == Kind.COMPLETIONS) && isTrue(tree.get("stream"))) {
            ObjectNode options = tree.get("stream_options") instanceof ObjectNode there ? there : tree.objectNode();
            options.put("include_usage", true);
            tree.set("stream_options", options);
        }
        if (chat || responses) {
            if (refusals.sampling()) {
                drop(tree, "temperature", "top_p", "logprobs", "top_logprobs");
            }
            if (refusals.penalties()) {
                drop(tree, "presence_penalty", "frequency_penalty", "logit_bias");
            }
        }
        if (chat && refusals.maxTokens()) {
            limit(tree, "max_completion_tokens", "max_tokens");
        }
        if (responses && refusals.chatShapes()) {
            limit(tree, "max_output_tokens", "max_completion_tokens", "max_tokens");
            move(tree, "response_format", "text", "format");
            move(tree, "reasoning_effort", "reasoning", "effort");
        }
    }

    private static boolean isTrue(@Nullable JsonNode value) {
        return value != null && value.isBoolean() && value.booleanValue();
    }

    private static boolean says(@Nullable JsonNode value) {
        return value != null && !value.isNull();
    }

    private static void drop(ObjectNode tree, String... names) {
        for (String name : names) {
            JsonNode value = tree.get(name);
            if (says(value) && !(value.isBoolean() && !value.booleanValue())) {
                tree.remove(name);
            }
        }
    }

    private static void limit(ObjectNode tree, String wanted, String... others) {
        for (String other : others) {
            JsonNode value = tree.remove(other);
            if (says(value) && !says(tree.get(wanted))) {
                tree.set(wanted, value);
            }
        }
    }

    private static void move(ObjectNode tree, String name, String home, String inside) {
        JsonNode value = tree.remove(name);
        if (!says(value)) {
            return;
        }
        JsonNode moved = value;
        JsonNode type = value.get("type");
        boolean schema = type == null || !type.isString() || type.stringValue().equals("json_schema");
        if (name.equals("response_format") && schema && value.get("json_schema") instanceof ObjectNode nested) {
            ObjectNode flat = tree.objectNode().put("type", "json_schema");
            flat.setAll(nested);
            moved = flat;
        }
        ObjectNode object = tree.get(home) instanceof ObjectNode there ? there : tree.objectNode();
        if (!says(object.get(inside))) {
            object.set(inside, moved);
        }
        tree.set(home, object);
    }
}
