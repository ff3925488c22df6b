package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Answer.Part;
import dev.lockkeeper.simulator.Ask.Choice;
import dev.lockkeeper.simulator.Ask.Format;
import dev.lockkeeper.simulator.Event.Role;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Chat completions: made, streamed, and kept where the caller wants that. Any thread. */
final class Chat {
    private static final Set<String> KNOWN = Set.of(
            "messages",
            "model",
            "audio",
            "frequency_penalty",
            "presence_penalty",
            "function_call",
            "functions",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "max_completion_tokens",
            "max_tokens",
            "metadata",
            "modalities",
            "moderation",
            "n",
            "parallel_tool_calls",
            "prediction",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "reasoning_effort",
            "response_format",
            "safety_identifier",
            "seed",
            "service_tier",
            "stop",
            "store",
            "stream",
            "stream_options",
            "temperature",
            "top_p",
            "tool_choice",
            "tools",
            "user",
            "verbosity",
            "web_search_options");

    private static final Set<String> KNOWN_WITH_PREFILL = Stream.concat(
                    KNOWN.stream(), Stream.of("continue_final_message", "add_generation_prompt"))
            .collect(Collectors.toUnmodifiableSet());

    private static final List<String> ROLES = List.of("system", "assistant", "user", "function", "tool", "developer");
    private static final int MESSAGE_OVERHEAD = 3;
    private static final int ANSWER_OVERHEAD = 3;
    private static final int IMAGE_TOKENS = 85;
    private static final int MOST_CHOICES = 128;
    private static final int MOST_TOOLS = 128;
    private static final int MOST_STOPS = 4;
    private static final int MOST_TOP_LOGPROBS = 20;

    private final World world;
    private final Shelf<ObjectNode> stored = new Shelf<>(Shelf.MOST_THINGS, World.RESPONSE_BYTES);
    private final Shelf<List<JsonNode>> storedMessages = new Shelf<>(Shelf.MOST_THINGS, World.RESPONSE_BYTES);

    Chat(World world) {
        this.world = world;
    }

    /** What a conversation says, gathered for counting and answering. */
    private static final class Said {
        final StringBuilder prompt = new StringBuilder();
        int extra = ANSWER_OVERHEAD;
        String asked = "";
        String askedBefore = "";
        String assistant = "";
        boolean afterTools;
        Ask.@Nullable Begun begun;
    }

    /** Answers a request, or refuses it. */
    Plan create(ObjectNode body, Controls given, int weight) throws Refused {
        Models.Model model = world.model(body);
        if (model.dimensions() > 0 || !model.chat()) {
            throw new Refused(
                    404,
                    "invalid_request_error",
                    "model",
                    null,
                    model.reasons()
                            ? "This model is only supported in v1/responses and not in v1/chat/completions."
                            : "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?");
        }
        Controls controls = world.controls(body, given);
        world.refuseUnknown(body, controls.prefill() ? KNOWN_WITH_PREFILL : KNOWN);
        boolean stream = Params.flag(body, "stream", false);
        ObjectNode streamOptions = Params.object(body, "stream_options", "stream_options");
        if (streamOptions != null && !stream) {
            throw Refused.badRequest(
                    "stream_options", null, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
        }
        String effort = Rules.effort(model, Params.text(body, "reasoning_effort"), "reasoning_effort");
        ObjectNode metadata = Params.metadata(body);
        Rules.chatSampling(model, effort, body);
        Rules.retention(model, body);
        Params.decimal(body, "temperature", 0, 2);
        Params.decimal(body, "top_p", 0, 1);
        Params.decimal(body, "frequency_penalty", -2, 2);
        Params.decimal(body, "presence_penalty", -2, 2);
        Params.oneOf(body, "verbosity", "verbosity", List.of("low", "medium", "high"));
        int choices = Params.integer(body, "n", 1, 1, MOST_CHOICES);
        int limit = Params.integer(
                body,
                "max_completion_tokens",
                Params.integer(body, "max_tokens", -1, 1, Integer.MAX_VALUE),
                1,
                Integer.MAX_VALUE);
        boolean logprobs = Params.flag(body, "logprobs", false);
        int top = Params.integer(body, "top_logprobs", 0, 0, MOST_TOP_LOGPROBS);
        if (Json.get(body, "top_logprobs") != null && !logprobs) {
            throw Refused.badRequest(
                    "top_logprobs", null, "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
        }
        String tier = Rules.tier(body, false);
        boolean legacy = Json.get(body, "functions") != null;
        List<Ask.Tool> tools = legacy ? functions(body) : tools(body);
        Choice choice = legacy ? functionChoice(body, tools) : choice(body, tools);
        Said said = said(body);
        prefilled(body, said, controls);
        Format format = format(body, said);
        if (!tools.isEmpty()) {
            said.prompt.append(Json.string(Json.orNull(Json.get(body, legacy ? "functions" : "tools"))));
        }
        if (format instanceof Format.Schema(String _, JsonNode schema)) {
            said.prompt.append(Json.string(schema));
        }
        List<ObjectNode> hosted = new ArrayList<>();
        if (Json.get(body, "web_search_options") != null) {
            hosted.add(Json.object().put("type", "web_search"));
        }
        long seed = Params.integer(body, "seed", 0, Integer.MIN_VALUE, Integer.MAX_VALUE);
        Ask ask = new Ask(
                model,
                controls,
                said.asked,
                said.afterTools,
                tools,
                hosted,
                choice,
                Params.flag(body, "parallel_tool_calls", true),
                format,
                limit,
                stops(body),
                effort,
                false,
                seed,
                said.begun);
        PromptCache.Count prompt = world.cache.count(model.name(), said.prompt.toString());
        if (prompt.tokens() + said.extra > model.context()) {
            throw Rules.tooLong(model, prompt.tokens() + said.extra, "messages");
        }
        List<Answer> answers = new ArrayList<>();
        int output = 0;
        int reasoning = 0;
        for (int i = 0; i < choices; i++) {
            Answer answer = world.brain.answer(ask, i);
            answers.add(answer);
            output += answer.outputTokens();
            reasoning += answer.reasoningTokens();
        }
        Used used = Used.of(model, prompt, said.extra, output, reasoning);
        Writing writing = new Writing(
                world.ids.letters("chatcmpl-", 29),
                world.nowSeconds(),
                model.snapshot(),
                tier,
                "fp_" + Long.toHexString(Ids.mix(model.name().hashCode()) >>> 24),
                logprobs ? top : -1,
                legacy,
                audio(body));
        ObjectNode whole = null;
        boolean store = Params.flag(body, "store", false);
        if (store || !stream) {
            whole = whole(writing, answers, used, controls);
            if (store) {
                if (metadata != null) {
                    whole.set("metadata", metadata);
                }
                store(writing.id, whole, body, weight);
            }
        }
        if (whole != null && !stream) {
            return Plan.generated(whole, controls);
        }
        return Plan.stream(
                events(
                        writing,
                        answers,
                        used,
                        Json.flag(streamOptions, "include_usage", false),
                        Json.flag(streamOptions, "include_obfuscation", true),
                        controls),
                controls);
    }

    private static @Nullable String audio(ObjectNode body) throws Refused {
        boolean wanted = false;
        for (JsonNode each : Params.array(body, "modalities", "modalities")) {
            wanted |= each.isString() && each.stringValue().equals("audio");
        }
        if (!wanted) {
            return null;
        }
        ObjectNode audio = Params.object(body, "audio", "audio");
        if (audio == null) {
            throw Refused.missing("audio");
        }
        String format = Params.needed(audio, "format", "audio.format");
        if (Json.flag(body, "stream", false) && !format.equals("pcm16")) {
            throw Refused.badRequest(
                    "audio.format",
                    "unsupported_value",
                    "Unsupported value: 'audio.format' does not support '" + format
                            + "' when stream=true. Supported values are: 'pcm16'.");
        }
        return format;
    }

    // ── what comes in ──

    private static Said said(ObjectNode body) throws Refused {
        if (Json.get(body, "messages") == null) {
            throw Refused.missing("messages");
        }
        List<JsonNode> messages = Params.array(body, "messages", "messages");
        if (messages.isEmpty()) {
            throw Params.noElement("messages");
        }
        Said said = new Said();
        Set<String> open = new LinkedHashSet<>();
        Set<String> answered = new HashSet<>();
        for (int i = 0; i < messages.size(); i++) {
            String at = "messages[" + i + "]";
            JsonNode message = messages.get(i);
            if (!message.isObject()) {
                throw Refused.wrongType(at, "an object", Params.kind(message));
            }
            String role = Params.needed(message, "role", at + ".role");
            if (!ROLES.contains(role)) {
                throw Params.invalidValue(at + ".role", role, ROLES);
            }
            if (role.equals("tool")) {
                String id = Params.needed(message, "tool_call_id", at + ".tool_call_id");
                if (!open.contains(id) && !answered.contains(id)) {
                    throw Refused.badRequest(
                            at + ".role",
                            null,
                            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.");
                }
                open.remove(id);
                answered.add(id);
            } else if (!open.isEmpty()) {
                throw unanswered(open, at);
            }
            said.extra += MESSAGE_OVERHEAD;
            said.prompt.append(role).append('\n');
            int from = said.prompt.length();
            content(message, role, at, said);
            if (role.equals("user")) {
                said.askedBefore = said.asked;
                said.asked = said.prompt.substring(from);
            } else if (role.equals("assistant")) {
                said.assistant = said.prompt.substring(from);
            }
            said.afterTools = role.equals("tool") || role.equals("function");
            said.prompt.append('\n');
            calls(message, at, said, open);
        }
        if (!open.isEmpty()) {
            throw unanswered(open, "messages[" + (messages.size() - 1) + "]");
        }
        return said;
    }

    /** Finds out whether an answer was begun that is to be gone on with, by either of the ways that servers know. */
    private void prefilled(ObjectNode body, Said said, Controls controls) throws Refused {
        List<JsonNode> messages = Params.array(body, "messages", "messages");
        JsonNode last = messages.getLast();
        String role = Json.text(last, "role", "");
        if (role.equals("user") && messages.size() > 1) {
            boolean afterAssistant = "assistant".equals(Json.text(messages.get(messages.size() - 2), "role"));
            said.begun = afterAssistant ? Ask.Begun.asked(said.assistant, said.asked) : null;
            if (said.begun != null) {
                said.asked = said.askedBefore;
            }
            return;
        }
        boolean prefix = Json.flag(last, "prefix", false);
        if (!prefix && !Json.flag(body, "continue_final_message", false)) {
            return;
        }
        if (prefix && !controls.prefill()) {
            String param = "messages[" + (messages.size() - 1) + "].prefix";
            throw Refused.badRequest(param, "unknown_parameter", "Unknown parameter: '" + param + "'.");
        }
        if (!role.equals("assistant")) {
            throw Refused.badRequest("messages", null, "The last message must be an assistant's to be continued.");
        }
        said.begun = new Ask.Begun(said.assistant, "");
    }

    private static Refused unanswered(Set<String> open, String at) {
        return Refused.badRequest(
                at + ".role",
                null,
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
                        + String.join(", ", open));
    }

    private static void calls(JsonNode message, String at, Said said, Set<String> open) throws Refused {
        List<JsonNode> calls = Params.array(message, "tool_calls", at + ".tool_calls");
        for (int c = 0; c < calls.size(); c++) {
            String where = at + ".tool_calls[" + c + "]";
            open.add(Params.needed(calls.get(c), "id", where + ".id"));
            boolean custom =
                    Params.needed(calls.get(c), "type", where + ".type").equals("custom");
            ObjectNode call = Params.object(
                    calls.get(c), custom ? "custom" : "function", where + (custom ? ".custom" : ".function"));
            if (call == null) {
                throw Refused.missing(where + (custom ? ".custom" : ".function"));
            }
            said.prompt
                    .append(Params.needed(call, "name", where + ".name"))
                    .append(Params.needed(
                            call, custom ? "input" : "arguments", where + (custom ? ".input" : ".arguments")))
                    .append('\n');
        }
    }

    private static void content(JsonNode message, String role, String at, Said said) throws Refused {
        JsonNode content = Json.get(message, "content");
        if (content == null) {
            boolean mayLack = role.equals("assistant");
            if (!mayLack) {
                throw message.has("content")
                        ? Refused.badRequest(
                                at + ".content", null, "Invalid value for 'content': expected a string, got null.")
                        : Refused.missing(at + ".content");
            }
            said.prompt.append(Json.text(message, "refusal", ""));
            return;
        }
        if (content.isString()) {
            said.prompt.append(content.stringValue());
            return;
        }
        if (!content.isArray()) {
            throw Refused.badRequest(
                    at + ".content",
                    "invalid_type",
                    "Invalid type for '" + at + ".content': expected one of a string or array of objects, but got "
                            + Params.kind(content) + " instead.");
        }
        for (int p = 0; p < content.size(); p++) {
            String where = at + ".content[" + p + "]";
            JsonNode part = content.get(p);
            if (!part.isObject()) {
                throw Refused.wrongType(where, "an object", Params.kind(part));
            }
            String type = Params.needed(part, "type", where + ".type");
            switch (type) {
                case "text" -> said.prompt.append(Params.needed(part, "text", where + ".text"));
                case "refusal" -> said.prompt.append(Params.needed(part, "refusal", where + ".refusal"));
                case "image_url" -> {
                    ObjectNode image = Params.object(part, "image_url", where + ".image_url");
                    if (image == null) {
                        throw Refused.missing(where + ".image_url");
                    }
                    Params.needed(image, "url", where + ".image_url.url");
                    said.extra += IMAGE_TOKENS;
                }
                case "input_audio", "file" -> {
                    if (Params.object(part, type, where + "." + type) == null) {
                        throw Refused.missing(where + "." + type);
                    }
                    said.extra += IMAGE_TOKENS;
                }
                default ->
                    throw Params.invalidValue(
                            where + ".type", type, List.of("text", "image_url", "input_audio", "refusal", "file"));
            }
        }
    }

    private static List<Ask.Tool> tools(ObjectNode body) throws Refused {
        List<JsonNode> written = Params.array(body, "tools", "tools");
        if (written.size() > MOST_TOOLS) {
            throw Params.tooMany("tools", written.size(), MOST_TOOLS);
        }
        if (body.has("tools") && Json.get(body, "tools") != null && written.isEmpty()) {
            throw Params.noElement("tools");
        }
        List<Ask.Tool> tools = new ArrayList<>();
        for (int i = 0; i < written.size(); i++) {
            String at = "tools[" + i + "]";
            JsonNode tool = written.get(i);
            if (!tool.isObject()) {
                throw Refused.wrongType(at, "an object", Params.kind(tool));
            }
            String type = Params.needed(tool, "type", at + ".type");
            if (!type.equals("function") && !type.equals("custom")) {
                throw Params.invalidValue(at + ".type", type, List.of("function", "custom"));
            }
            ObjectNode inner = Params.object(tool, type, at + "." + type);
            if (inner == null) {
                throw Refused.missing(at + "." + type);
            }
            String name = Params.text(inner, "name", at + "." + type + ".name");
            Rules.name(name, at + "." + type + ".name");
            JsonNode parameters = Json.get(inner, "parameters");
            if (type.equals("function")) {
                Rules.function(
                        String.valueOf(name),
                        parameters,
                        Json.flag(inner, "strict", false),
                        at + ".function.parameters");
            }
            tools.add(new Ask.Tool(
                    String.valueOf(name), null, parameters, Json.get(inner, "format"), type.equals("custom")));
        }
        return tools;
    }

    private static List<Ask.Tool> functions(ObjectNode body) throws Refused {
        List<Ask.Tool> tools = new ArrayList<>();
        for (JsonNode each : Params.array(body, "functions", "functions")) {
            String name = Json.text(each, "name");
            Rules.name(name, "functions[" + tools.size() + "].name");
            tools.add(new Ask.Tool(String.valueOf(name), null, Json.get(each, "parameters"), null, false));
        }
        return tools;
    }

    private static Choice functionChoice(ObjectNode body, List<Ask.Tool> tools) {
        JsonNode choice = Json.get(body, "function_call");
        String name = Json.text(choice, "name");
        if (name != null) {
            return new Choice.Named(name);
        }
        return tools.isEmpty()
                        || (choice != null
                                && choice.isString()
                                && choice.stringValue().equals("none"))
                ? new Choice.None()
                : new Choice.Auto();
    }

    private static Choice choice(ObjectNode body, List<Ask.Tool> tools) throws Refused {
        JsonNode choice = Json.get(body, "tool_choice");
        if (choice == null) {
            return new Choice.Auto();
        }
        if (tools.isEmpty()) {
            throw Refused.badRequest(
                    "tool_choice",
                    null,
                    "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.");
        }
        if (choice.isString()) {
            return word(choice.stringValue());
        }
        String type = Params.needed(choice, "type", "tool_choice.type");
        if (type.equals("allowed_tools")) {
            ObjectNode allowed = Params.object(choice, "allowed_tools", "tool_choice.allowed_tools");
            return word(Json.text(allowed, "mode", "auto"));
        }
        ObjectNode inner = Params.object(choice, type, "tool_choice." + type);
        if (inner == null) {
            throw Refused.missing("tool_choice." + type);
        }
        String name = Params.needed(inner, "name", "tool_choice." + type + ".name");
        if (tools.stream().noneMatch(tool -> tool.name().equals(name))) {
            throw Refused.badRequest(
                    "tool_choice",
                    null,
                    "Invalid value for 'tool_choice': tool '" + name + "' not found in 'tools' parameter.");
        }
        return new Choice.Named(name);
    }

    static Choice word(String word) throws Refused {
        return switch (word) {
            case "none" -> new Choice.None();
            case "auto" -> new Choice.Auto();
            case "required" -> new Choice.Required();
            default -> throw Params.invalidValue("tool_choice", word, List.of("none", "auto", "required"));
        };
    }

    private static Format format(ObjectNode body, Said said) throws Refused {
        ObjectNode format = Params.object(body, "response_format", "response_format");
        if (format == null) {
            return new Format.Plain();
        }
        String type = Params.needed(format, "type", "response_format.type");
        return switch (type) {
            case "text" -> {
                yield new Format.Plain();
            }
            case "json_object" -> {
                if (!said.prompt.toString().toLowerCase(Locale.ROOT).contains("json")) {
                    throw Refused.badRequest(
                            "messages",
                            null,
                            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.");
                }
                yield new Format.JsonObject();
            }
            case "json_schema" -> {
                ObjectNode inner = Params.object(format, "json_schema", "response_format.json_schema");
                if (inner == null) {
                    throw Refused.missing("response_format.json_schema");
                }
                yield schema(inner, "response_format.json_schema", "response_format");
            }
            default ->
                throw Params.invalidValue("response_format.type", type, List.of("json_object", "json_schema", "text"));
        };
    }

    static Format schema(ObjectNode inner, String at, String param) throws Refused {
        String name = Params.text(inner, "name", at + ".name");
        Rules.name(name, at + ".name");
        ObjectNode schema = Params.object(inner, "schema", at + ".schema");
        if (schema == null) {
            throw Refused.missing(at + ".schema");
        }
        if (Json.flag(inner, "strict", false)) {
            Rules.strictFormat(String.valueOf(name), schema, param);
        }
        return new Format.Schema(String.valueOf(name), schema);
    }

    /** The texts before which an answer ends. */
    static List<String> stops(ObjectNode body) throws Refused {
        JsonNode stop = Json.get(body, "stop");
        if (stop == null) {
            return List.of();
        }
        if (stop.isString()) {
            return List.of(stop.stringValue());
        }
        if (!stop.isArray()) {
            throw Refused.wrongType("stop", "one of a string or array of strings", Params.kind(stop));
        }
        if (stop.size() > MOST_STOPS) {
            throw Params.tooMany("stop", stop.size(), MOST_STOPS);
        }
        List<String> stops = new ArrayList<>();
        for (JsonNode each : stop) {
            if (!each.isString()) {
                throw Refused.wrongType("stop[" + stops.size() + "]", "a string", Params.kind(each));
            }
            stops.add(each.stringValue());
        }
        return stops;
    }

    // ── what goes out ──

    /** What all pieces of one completion share. */
    private record Writing(
            String id,
            long created,
            String model,
            @Nullable String tier,
            String fingerprint,
            int logprobs,
            boolean legacy,
            @Nullable String audio) {}

    private ObjectNode whole(Writing writing, List<Answer> answers, Used used, Controls controls) {
        ObjectNode whole = Json.object();
        whole.put("id", writing.id).put("object", "chat.completion");
        whole.put("created", writing.created).put("model", writing.model);
        ArrayNode choices = whole.putArray("choices");
        for (int i = 0; i < answers.size(); i++) {
            Answer answer = answers.get(i);
            ObjectNode choice = choices.addObject();
            choice.put("index", i);
            ObjectNode message = choice.putObject("message");
            message.put("role", "assistant").putNull("content").putNull("refusal");
            message.putArray("annotations");
            choice.putNull("logprobs");
            choice.put("finish_reason", finish(answer, writing));
            for (Part part : answer.parts()) {
                switch (part) {
                    case Part.Text(String text, List<ObjectNode> annotations) -> {
                        if (writing.audio != null) {
                            message.set("audio", audio(writing, text));
                        } else {
                            message.put("content", text);
                        }
                        annotations.forEach(
                                each -> message.withArray("annotations").add(nested(each)));
                        if (writing.logprobs >= 0) {
                            choice.set("logprobs", logprobs(Prose.pieces(text), writing.logprobs, "content"));
                        }
                    }
                    case Part.Refusal(String text) -> {
                        message.put("refusal", text);
                        if (writing.logprobs >= 0) {
                            choice.set("logprobs", logprobs(Prose.pieces(text), writing.logprobs, "refusal"));
                        }
                    }
                    case Part.Call call -> {
                        if (writing.legacy) {
                            message.putObject("function_call")
                                    .put("name", call.name())
                                    .put("arguments", call.arguments());
                        } else {
                            message.withArray("tool_calls").add(call(call, call.arguments()));
                        }
                    }
                    case Part.Reasoning _, Part.Hosted _ -> {
                        // Neither shows in a chat completion.
                    }
                }
            }
        }
        if (!controls.has(Mishap.NoUsage.class)) {
            whole.set("usage", used.chat());
        }
        return whole.put("service_tier", writing.tier).put("system_fingerprint", writing.fingerprint);
    }

    private static ObjectNode nested(ObjectNode flat) {
        String type = Json.text(flat, "type", "url_citation");
        ObjectNode nested = Json.object().put("type", type);
        ObjectNode inner = flat.deepCopy();
        inner.remove("type");
        nested.set(type, inner);
        return nested;
    }

    private ObjectNode audio(Writing writing, String transcript) {
        return Json.object()
                .put("id", world.ids.hex("audio_", 32))
                .put(
                        "data",
                        java.util.Base64.getEncoder()
                                .encodeToString(Sound.tone(transcript.length(), String.valueOf(writing.audio))))
                .put("expires_at", writing.created + 3600)
                .put("transcript", transcript);
    }

    private ObjectNode call(Part.Call call, String arguments) {
        ObjectNode written = Json.object();
        written.put("id", world.ids.letters("call_", 24)).put("type", call.custom() ? "custom" : "function");
        written.putObject(call.custom() ? "custom" : "function")
                .put("name", call.name())
                .put(call.custom() ? "input" : "arguments", arguments);
        return written;
    }

    private static String finish(Answer answer, Writing writing) {
        return writing.legacy && answer.finish().equals("tool_calls") ? "function_call" : answer.finish();
    }

    static ObjectNode logprobs(List<String> pieces, int top, String member) {
        ObjectNode logprobs = Json.object();
        ArrayNode content = Json.array();
        pieces.forEach(piece -> content.add(logprob(piece, top)));
        logprobs.putNull("content").putNull("refusal");
        logprobs.set(member, content);
        return logprobs;
    }

    static ObjectNode logprob(String piece, int top) {
        double chance = -((Ids.mix(piece.hashCode()) & 0xFFF) / 4096.0);
        ObjectNode written = token(piece, chance);
        ArrayNode others = written.putArray("top_logprobs");
        for (int i = 0; i < top; i++) {
            others.add(token(i == 0 ? piece : " " + Prose.NOUNS.get(i % Prose.NOUNS.size()), chance - i));
        }
        return written;
    }

    private static ObjectNode token(String piece, double chance) {
        ObjectNode token = Json.object();
        token.put("token", piece).put("logprob", chance);
        ArrayNode bytes = token.putArray("bytes");
        for (byte each : piece.getBytes(StandardCharsets.UTF_8)) {
            bytes.add(each & 0xFF);
        }
        return token;
    }

    private List<Event> events(
            Writing writing, List<Answer> answers, Used used, boolean usage, boolean obfuscation, Controls controls) {
        String head = frameHead(writing);
        String tail = usage ? ",\"usage\":null" : "";
        List<List<Event>> choices = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            choices.add(choice(writing, answers.get(i), i, head, tail, obfuscation));
        }
        List<Event> events = new ArrayList<>();
        int longest = choices.stream().mapToInt(List::size).max().orElse(0);
        for (int place = 0; place < longest; place++) {
            for (List<Event> each : choices) {
                if (place < each.size()) {
                    events.add(each.get(place));
                }
            }
        }
        if (usage && !controls.has(Mishap.NoUsage.class)) {
            String written = Json.string(used.chat());
            events.add(new Event(null, Role.USAGE, false, _ -> head + "],\"usage\":" + written + "}"));
        }
        events.add(new Event(null, Role.DONE, false, _ -> "[DONE]"));
        return events;
    }

    private static String frameHead(Writing writing) {
        ObjectNode head = Json.object();
        head.put("id", writing.id).put("object", "chat.completion.chunk");
        head.put("created", writing.created).put("model", writing.model);
        head.put("service_tier", writing.tier).put("system_fingerprint", writing.fingerprint);
        String written = Json.string(head);
        return written.substring(0, written.length() - 1) + ",\"choices\":[";
    }

    private List<Event> choice(
            Writing writing, Answer answer, int index, String head, String tail, boolean obfuscation) {
        List<Event> events = new ArrayList<>();
        Chunk chunk = new Chunk(head, index, tail, obfuscation);
        boolean calls = answer.parts().stream().anyMatch(Part.Call.class::isInstance);
        events.add(chunk.event(
                false,
                calls
                        ? "{\"role\":\"assistant\",\"content\":null,\"refusal\":null}"
                        : "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}",
                null));
        int tool = 0;
        for (Part part : answer.parts()) {
            switch (part) {
                case Part.Text(String text, List<ObjectNode> annotations) -> {
                    if (writing.audio != null) {
                        audio(writing, text, chunk, events);
                    } else {
                        text(writing, text, "content", chunk, events);
                    }
                    if (!annotations.isEmpty()) {
                        ArrayNode nested = Json.array();
                        annotations.forEach(each -> nested.add(nested(each)));
                        events.add(chunk.event(false, "{\"annotations\":" + Json.string(nested) + "}", null));
                    }
                }
                case Part.Refusal(String text) -> text(writing, text, "refusal", chunk, events);
                case Part.Call call -> call(writing, call, tool++, chunk, events);
                case Part.Reasoning _, Part.Hosted _ -> {
                    // Neither shows in a chat completion.
                }
            }
        }
        String finish = finish(answer, writing);
        events.add(new Event(null, Role.FINISH, false, _ -> chunk.write("{}", "null", "\"" + finish + "\"")));
        return events;
    }

    private static void text(Writing writing, String text, String member, Chunk chunk, List<Event> events) {
        for (String piece : Prose.pieces(text)) {
            events.add(Event.token(_ -> {
                StringBuilder delta = new StringBuilder("{\"").append(member).append("\":");
                String logprobs =
                        writing.logprobs < 0 ? "null" : Json.string(logprobs(List.of(piece), writing.logprobs, member));
                return chunk.write(Json.quote(delta, piece).append('}').toString(), logprobs, "null");
            }));
        }
    }

    private void audio(Writing writing, String text, Chunk chunk, List<Event> events) {
        ObjectNode audio = audio(writing, text);
        String id = Json.text(audio, "id", "");
        for (String piece : Prose.pieces(text)) {
            String delta = Json.string(Json.object().put("id", id).put("transcript", piece));
            events.add(chunk.event(true, "{\"audio\":" + delta + "}", null));
        }
        String data = Json.string(Json.object().put("id", id).put("data", Json.text(audio, "data", "")));
        events.add(chunk.event(true, "{\"audio\":" + data + "}", null));
        String end = Json.string(Json.object().put("id", id).put("expires_at", writing.created + 3600));
        events.add(chunk.event(false, "{\"audio\":" + end + "}", null));
    }

    private void call(Writing writing, Part.Call call, int index, Chunk chunk, List<Event> events) {
        List<String> pieces = Prose.pieces(call.arguments());
        if (writing.legacy) {
            String start = Json.string(Json.object().put("name", call.name()).put("arguments", ""));
            events.add(chunk.event(true, "{\"function_call\":" + start + "}", null));
            pieces.forEach(piece -> events.add(chunk.event(
                    true, Json.quote(new StringBuilder("{\"function_call\":{\"arguments\":"), piece) + "}}", null)));
            return;
        }
        ObjectNode start = Json.object().put("index", index);
        start.setAll(call(call, ""));
        events.add(chunk.event(true, "{\"tool_calls\":[" + Json.string(start) + "]}", null));
        String open = "{\"tool_calls\":[{\"index\":" + index
                + (call.custom() ? ",\"custom\":{\"input\":" : ",\"function\":{\"arguments\":");
        pieces.forEach(piece ->
                events.add(chunk.event(true, Json.quote(new StringBuilder(open), piece) + "}}]}", null)));
    }

    /** Writes the chunks of one choice. */
    private record Chunk(String head, int index, String tail, boolean obfuscation) {
        private static final String FILLER = "k3Jd9sQ0vLmX7TzB";

        Event event(boolean paced, String delta, @Nullable String finish) {
            String written = finish == null ? "null" : "\"" + finish + "\"";
            return new Event(null, Role.ORDINARY, paced, _ -> write(delta, "null", written));
        }

        String write(String delta, String logprobs, String finish) {
            StringBuilder chunk = new StringBuilder(head.length() + delta.length() + logprobs.length() + 96);
            chunk.append(head)
                    .append("{\"index\":")
                    .append(index)
                    .append(",\"delta\":")
                    .append(delta);
            chunk.append(",\"logprobs\":")
                    .append(logprobs)
                    .append(",\"finish_reason\":")
                    .append(finish);
            chunk.append("}]").append(tail);
            if (obfuscation) {
                int length = 1 + Math.floorMod(-delta.length(), FILLER.length());
                chunk.append(",\"obfuscation\":\"").append(FILLER, 0, length).append('"');
            }
            return chunk.append('}').toString();
        }
    }

    // ── what is kept ──

    private void store(String id, ObjectNode whole, ObjectNode body, int weight) {
        List<JsonNode> messages = new ArrayList<>();
        for (JsonNode each : Json.list(body, "messages")) {
            ObjectNode message = Json.object().put("id", id + "-" + messages.size());
            message.setAll((ObjectNode) each);
            messages.add(message);
        }
        ObjectNode kept = whole.deepCopy();
        if (!kept.has("metadata")) {
            kept.putObject("metadata");
        }
        storedMessages.put(id, messages, weight);
        stored.put(id, kept, weight);
    }

    ObjectNode list(Query query) throws Refused {
        @Nullable String model = query.get("model");
        Map<String, String> metadata = query.under("metadata");
        return world.page(
                query,
                stored,
                each -> (model == null || Json.text(each, "model", "").startsWith(model))
                        && metadata.entrySet().stream()
                                .allMatch(pair ->
                                        pair.getValue().equals(Json.text(each.get("metadata"), pair.getKey()))));
    }

    ObjectNode get(String id) throws Refused {
        return stored.needed(id, "Chat completion");
    }

    ObjectNode update(String id, ObjectNode body) throws Refused {
        ObjectNode changed = Params.withMetadata(get(id), body);
        stored.change(id, changed);
        return changed;
    }

    ObjectNode delete(String id) throws Refused {
        get(id);
        stored.remove(id);
        storedMessages.remove(id);
        return Json.object()
                .put("object", "chat.completion.deleted")
                .put("id", id)
                .put("deleted", true);
    }

    ObjectNode messages(String id, Query query) throws Refused {
        get(id);
        List<JsonNode> messages = storedMessages.get(id);
        return World.page(query, messages == null ? List.of() : messages, "desc".equals(query.get("order")));
    }
}
