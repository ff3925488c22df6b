package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Ask.Choice;
import dev.lockkeeper.simulator.Ask.Format;
import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Responses: made, streamed, run in the background, kept and chained. Any thread. */
final class Responses {
    private static final Set<String> KNOWN = Set.of(
            "model",
            "input",
            "instructions",
            "previous_response_id",
            "conversation",
            "store",
            "background",
            "stream",
            "stream_options",
            "include",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "max_tool_calls",
            "text",
            "reasoning",
            "max_output_tokens",
            "temperature",
            "top_p",
            "top_logprobs",
            "truncation",
            "context_management",
            "metadata",
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
            "prompt",
            "service_tier",
            "moderation",
            "access_programs",
            "image",
            "client_metadata");

    private static final List<String> INCLUDES = List.of(
            "file_search_call.results",
            "web_search_call.results",
            "web_search_call.action.sources",
            "message.input_image.image_url",
            "computer_call_output.output.image_url",
            "code_interpreter_call.outputs",
            "reasoning.encrypted_content",
            "message.output_text.logprobs");

    /** How long a background response is queued, and how long it then takes at least. */
    private static final long QUEUED_MILLIS = 60;

    private static final long WORKING_MILLIS = 120;
    /** What a tree takes, in multiples of its text; and what an event that is still to be written takes. */
    private static final int TREE_FACTOR = 4;

    private static final int EVENT_BYTES = 150;
    private static final int LEAST_OUTPUT = 16;
    private static final int MOST_TOP_LOGPROBS = 20;

    private final World world;
    private final Conversations conversations;
    private final VectorStores vectorStores;
    private final Shelf<Stored> stored = new Shelf<>(Shelf.MOST_THINGS, World.RESPONSE_BYTES);

    Responses(World world, Conversations conversations, VectorStores vectorStores) {
        this.world = world;
        this.conversations = conversations;
        this.vectorStores = vectorStores;
    }

    /** A response that is kept: as bytes, which are a tenth of the tree. */
    private static final class Stored {
        final Bytes done;
        final @Nullable Bytes early;
        final Set<String> itemIds;
        final List<JsonNode> context;
        final List<JsonNode> input;
        final List<Event> events;
        final boolean streamed;
        final long startMillis;
        final long doneMillis;
        volatile boolean cancelled;

        Stored(
                ObjectNode done,
                @Nullable ObjectNode early,
                List<JsonNode> context,
                List<JsonNode> input,
                List<Event> events,
                boolean streamed,
                long startMillis,
                long doneMillis) {
            this.done = Json.bytes(done);
            this.early = early == null ? null : Json.bytes(early);
            this.context = context;
            this.input = input;
            this.events = events;
            this.streamed = streamed;
            this.startMillis = startMillis;
            this.doneMillis = doneMillis;
            Set<String> ids = new HashSet<>();
            Json.list(done, "output").forEach(item -> ids.add(Json.text(item, "id", "")));
            itemIds = Set.copyOf(ids);
        }

        boolean background() {
            return early != null;
        }

        ObjectNode done() {
            return read(done);
        }

        private static ObjectNode read(Bytes json) {
            JsonNode tree = Json.parse(json.array(), json.offset(), json.length());
            return tree instanceof ObjectNode object ? object : Json.object();
        }

        /** What a poll is told: a background response moves on with time. */
        ObjectNode at(long nowMillis) {
            if (early == null || (!cancelled && nowMillis >= doneMillis)) {
                return done();
            }
            return read(early)
                    .put(
                            "status",
                            cancelled
                                    ? "cancelled"
                                    : nowMillis < startMillis + QUEUED_MILLIS ? "queued" : "in_progress");
        }

        /** About how many bytes this takes. */
        long weight(int requestBytes) {
            return done.length() + TREE_FACTOR * (long) requestBytes + EVENT_BYTES * (long) events.size();
        }
    }

    /** What is said so far, gathered for counting and answering. */
    private static final class Said {
        final StringBuilder prompt = new StringBuilder();
        final Set<String> calls = new HashSet<>();
        final Set<String> outputs = new HashSet<>();
        int extra = 3;
        String asked = "";
        String askedBefore = "";
        String assistant = "";
        boolean afterTools;
        Ask.@Nullable Begun begun;
    }

    /** Answers a request, or refuses it. */
    Plan create(ObjectNode body, Controls given, int weight) throws Refused {
        refuseMoved(body);
        world.refuseUnknown(body, KNOWN);
        if (Json.get(body, "model") == null) {
            throw Refused.missing("model");
        }
        Models.Model model = world.model(body);
        if (model.dimensions() > 0) {
            throw Refused.badRequest(
                    "model",
                    "model_not_found",
                    "The requested model '" + model.name() + "' cannot be used with the Responses API.");
        }
        Controls controls = world.controls(body, given);
        boolean stream = Params.flag(body, "stream", false);
        if (Json.get(body, "stream_options") != null && !stream) {
            throw Refused.badRequest(
                    "stream_options", null, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
        }
        boolean store = Params.flag(body, "store", true);
        boolean background = Params.flag(body, "background", false);
        if (background && !store) {
            throw Refused.badRequest(
                    "background", "unsupported_parameter", "Background mode requires 'store' to be true.");
        }
        ObjectNode metadata = Params.metadata(body);
        ObjectNode reasoning = Params.object(body, "reasoning", "reasoning");
        String asksEffort = reasoning == null ? null : Params.text(reasoning, "effort", "reasoning.effort");
        String effort = Rules.effort(model, asksEffort, "reasoning.effort");
        String summary = reasoning == null
                ? null
                : Params.oneOf(reasoning, "summary", "reasoning.summary", List.of("auto", "concise", "detailed"));
        Rules.responseSampling(model, effort, body);
        Rules.retention(model, body);
        Params.decimal(body, "temperature", 0, 2);
        Params.decimal(body, "top_p", 0, 1);
        Params.oneOf(body, "truncation", "truncation", List.of("auto", "disabled"));
        int top = Params.integer(body, "top_logprobs", 0, 0, MOST_TOP_LOGPROBS);
        int limit = Params.integer(body, "max_output_tokens", -1, LEAST_OUTPUT, Integer.MAX_VALUE);
        Set<String> include = include(body);
        String tier = Rules.tier(body, true);
        ObjectNode text = Params.object(body, "text", "text");

        List<Ask.Tool> tools = new ArrayList<>();
        List<ObjectNode> hosted = new ArrayList<>();
        ArrayNode shownTools = tools(body, tools, hosted);
        Choice choice = choice(body, tools, hosted);

        List<JsonNode> before = before(body);
        List<JsonNode> input = input(body);
        Said said = new Said();
        String instructions = Params.text(body, "instructions");
        if (instructions != null) {
            said.prompt.append(instructions).append('\n');
            said.extra += 3;
        }
        for (int i = 0; i < before.size(); i++) {
            item(before.get(i), "input", said);
        }
        for (int i = 0; i < input.size(); i++) {
            item(input.get(i), "input[" + i + "]", said);
        }
        for (String id : said.calls) {
            if (!said.outputs.contains(id)) {
                throw Refused.badRequest("input", null, "No tool output found for function call " + id + ".");
            }
        }
        Format format = format(text, said);
        if (!tools.isEmpty() || !hosted.isEmpty()) {
            said.prompt.append(Json.string(shownTools));
        }
        if (format instanceof Format.Schema(String _, JsonNode schema)) {
            said.prompt.append(Json.string(schema));
        }
        for (ObjectNode each : hosted) {
            searched(each, said.asked);
        }
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
                List.of(),
                effort,
                summary != null,
                0,
                said.begun);
        PromptCache.Count prompt = world.cache.count(model.name(), said.prompt.toString());
        if (prompt.tokens() + said.extra > model.context()) {
            throw Rules.tooLong(model, prompt.tokens() + said.extra, "input");
        }
        Answer answer = world.brain.answer(ask, 0);
        Used used = Used.of(model, prompt, said.extra, answer.outputTokens(), answer.reasoningTokens());

        String id = world.ids.hex("resp_", 48);
        long now = world.nowMillis();
        ObjectNode early = early(id, body, model, effort, reasoning, tier, text, shownTools, metadata, now / 1000);
        boolean incomplete = answer.finish().equals("length");
        ResponseWriter writer = new ResponseWriter(world.ids, incomplete, include, top, stream);
        writer.parts(answer.parts());
        ObjectNode done = early.deepCopy();
        done.put("status", incomplete ? "incomplete" : "completed");
        done.put("completed_at", incomplete ? null : (Long) (now / 1000));
        if (incomplete) {
            done.putObject("incomplete_details").put("reason", "max_output_tokens");
        }
        ArrayNode output = done.putArray("output");
        writer.items().forEach(output::add);
        if (!controls.has(Mishap.NoUsage.class)) {
            done.set("usage", used.response());
        }
        early.put("status", background ? "queued" : "in_progress");
        boolean obfuscation = Json.flag(Json.get(body, "stream_options"), "include_obfuscation", true);
        List<Event> events = stream ? writer.events(early, done, background, obfuscation) : List.of();

        Stored kept = new Stored(
                done,
                background ? early : null,
                before,
                withIds(input),
                events,
                stream,
                now,
                now + QUEUED_MILLIS + WORKING_MILLIS + pace(controls) * answer.outputTokens());
        if (store) {
            stored.put(id, kept, kept.weight(weight));
        }
        String conversation = conversation(body);
        if (conversation != null) {
            conversations.append(conversation, kept.input, writer.items());
        }
        Plan.Ending ending = sequence -> failed(early, sequence);
        if (stream) {
            return new Plan.Stream(events, 0, ending, () -> kept.cancelled, controls);
        }
        return background ? Plan.json(kept.at(now)).with(controls) : Plan.generated(done, controls);
    }

    private long pace(Controls controls) {
        return controls.paceMillis() >= 0
                ? controls.paceMillis()
                : world.settings.pace().toMillis();
    }

    private static String failed(ObjectNode early, int sequence) {
        ObjectNode failed = early.deepCopy();
        failed.put("status", "failed");
        failed.putObject("error")
                .put("code", "server_error")
                .put("message", "The server had an error processing your request. Sorry about that!");
        ObjectNode event = Json.object();
        event.put("type", "response.failed").put("sequence_number", sequence).set("response", failed);
        return Json.string(event);
    }

    /** Runs a search, so that both the call's results and the text's citations can tell of it. */
    private void searched(ObjectNode tool, String asked) {
        String words = Prose.lastWords(asked);
        tool.put("query", words.isEmpty() ? "lock" : words);
        if ("file_search".equals(Json.text(tool, "type"))) {
            ArrayNode found = vectorStores.found(tool, asked);
            tool.set("found", found);
            if (!found.isEmpty()) {
                tool.put("file_id", Json.text(found.get(0), "file_id"));
                tool.put("filename", Json.text(found.get(0), "filename"));
            }
        }
    }

    private static void refuseMoved(ObjectNode body) throws Refused {
        if (body.has("response_format")) {
            throw Refused.badRequest(
                    "response_format",
                    "unsupported_parameter",
                    "Unsupported parameter: 'response_format'. In the Responses API, this parameter has moved to 'text.format'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create.");
        }
        if (body.has("messages")) {
            throw Refused.badRequest(
                    "messages",
                    "unsupported_parameter",
                    "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create.");
        }
        for (String name : List.of("max_tokens", "max_completion_tokens")) {
            if (body.has(name)) {
                throw Refused.badRequest(
                        name,
                        "unsupported_parameter",
                        "Unsupported parameter: '" + name
                                + "'. In the Responses API, this parameter has moved to 'max_output_tokens'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create.");
            }
        }
        if (body.has("reasoning_effort")) {
            throw Refused.badRequest(
                    "reasoning_effort",
                    "unsupported_parameter",
                    "Unsupported parameter: 'reasoning_effort'. In the Responses API, this parameter has moved to 'reasoning.effort'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create.");
        }
    }

    private static Set<String> include(ObjectNode body) throws Refused {
        Set<String> include = new HashSet<>();
        List<JsonNode> written = Params.array(body, "include", "include");
        for (int i = 0; i < written.size(); i++) {
            String each = written.get(i).isString() ? written.get(i).stringValue() : "";
            if (!INCLUDES.contains(each)) {
                throw Params.invalidValue("include[" + i + "]", each, INCLUDES);
            }
            include.add(each);
        }
        return include;
    }

    private static @Nullable String conversation(ObjectNode body) throws Refused {
        JsonNode conversation = Json.get(body, "conversation");
        if (conversation == null) {
            return null;
        }
        return conversation.isString()
                ? conversation.stringValue()
                : Params.needed(conversation, "id", "conversation.id");
    }

    /** What was said before, by the chain or the conversation. */
    private List<JsonNode> before(ObjectNode body) throws Refused {
        String previous = Params.text(body, "previous_response_id");
        String conversation = conversation(body);
        if (previous != null && conversation != null) {
            throw Refused.badRequest(
                    "previous_response_id",
                    "mutually_exclusive_parameters",
                    "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you are only providing one of these parameters.");
        }
        if (conversation != null) {
            return conversations.items(conversation);
        }
        if (previous == null) {
            return List.of();
        }
        if (!previous.startsWith("resp")) {
            throw Refused.badRequest(
                    "previous_response_id",
                    "invalid_value",
                    "Invalid 'previous_response_id': '" + previous + "'. Expected an ID that begins with 'resp'.");
        }
        Stored found = stored.get(previous);
        if (found == null) {
            throw Refused.badRequest(
                    "previous_response_id",
                    "previous_response_not_found",
                    "Previous response with id '" + previous + "' not found.");
        }
        List<JsonNode> before = new ArrayList<>(found.context);
        before.addAll(found.input);
        Json.list(found.done(), "output").forEach(before::add);
        return before;
    }

    private static List<JsonNode> input(ObjectNode body) throws Refused {
        JsonNode input = Json.get(body, "input");
        if (input == null) {
            if (Json.get(body, "prompt") != null
                    || Json.get(body, "previous_response_id") != null
                    || Json.get(body, "conversation") != null) {
                return List.of();
            }
            throw Refused.badRequest("input", "missing_required_parameter", "Missing required parameter: 'input'.");
        }
        if (input.isString()) {
            ObjectNode message = Json.object();
            message.put("type", "message").put("role", "user");
            message.putArray("content").addObject().put("type", "input_text").put("text", input.stringValue());
            return List.of(message);
        }
        if (!input.isArray()) {
            throw Refused.badRequest(
                    "input",
                    "invalid_type",
                    "Invalid type for 'input': expected one of a string or array of input items, but got "
                            + Params.kind(input) + " instead.");
        }
        return Json.list(body, "input");
    }

    /** The input as it is kept: every item with an id and a type, a message's text as parts. */
    private List<JsonNode> withIds(List<JsonNode> input) {
        List<JsonNode> kept = new ArrayList<>(input.size());
        for (JsonNode item : input) {
            kept.add(conversations.kept(item));
        }
        return kept;
    }

    private void item(JsonNode item, String at, Said said) throws Refused {
        if (!item.isObject()) {
            throw Refused.wrongType(at, "an object", Params.kind(item));
        }
        String type = Params.text(item, "type", at + ".type");
        if (type == null || type.equals("message")) {
            message(item, at, said);
            return;
        }
        said.extra += 3;
        switch (type) {
            case "function_call", "custom_tool_call" -> {
                String id = Params.needed(item, "call_id", at + ".call_id");
                said.calls.add(id);
                said.prompt
                        .append(Params.needed(item, "name", at + ".name"))
                        .append(Json.text(item, type.equals("function_call") ? "arguments" : "input", ""))
                        .append('\n');
                said.afterTools = false;
            }
            case "function_call_output", "custom_tool_call_output" -> {
                String id = Params.needed(item, "call_id", at + ".call_id");
                if (!said.calls.contains(id)) {
                    throw Refused.badRequest(
                            "input", null, "No tool call found for function call output with call_id " + id + ".");
                }
                said.outputs.add(id);
                if (Json.get(item, "output") == null) {
                    throw Refused.missing(at + ".output");
                }
                JsonNode output = item.get("output");
                said.prompt
                        .append(output.isString() ? output.stringValue() : Json.string(output))
                        .append('\n');
                said.afterTools = true;
            }
            case "item_reference" -> {
                String id = Params.needed(item, "id", at + ".id");
                JsonNode found = find(id);
                if (found == null) {
                    throw new Refused(
                            404, "invalid_request_error", "input", null, "Item with id '" + id + "' not found.");
                }
                item(found, at, said);
            }
            case "reasoning" -> {
                String id = Params.text(item, "id", at + ".id");
                if (Json.get(item, "encrypted_content") == null && id != null && find(id) == null) {
                    throw new Refused(
                            404,
                            "invalid_request_error",
                            "input",
                            null,
                            "Item with id '" + id
                                    + "' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.");
                }
                Json.list(item, "summary").forEach(each -> said.prompt.append(Json.text(each, "text", "")));
            }
            default -> {
                if (!type.matches("[a-z_]+") && type.indexOf(':') < 0) {
                    throw Refused.badRequest(at + ".type", "invalid_value", "Invalid value: '" + type + "'.");
                }
                said.prompt.append(Json.string(item)).append('\n');
            }
        }
    }

    private @Nullable JsonNode find(String id) {
        for (var each : stored.page(null, Shelf.MOST_THINGS, false, _ -> true).entries()) {
            if (each.getValue().itemIds.contains(id)) {
                for (JsonNode item : Json.list(each.getValue().done(), "output")) {
                    if (id.equals(Json.text(item, "id"))) {
                        return item;
                    }
                }
            }
            for (JsonNode item : each.getValue().input) {
                if (id.equals(Json.text(item, "id"))) {
                    return item;
                }
            }
        }
        return conversations.find(id);
    }

    private static void message(JsonNode item, String at, Said said) throws Refused {
        String role = Params.needed(item, "role", at + ".role");
        List<String> roles = List.of("assistant", "system", "developer", "user");
        if (!roles.contains(role)) {
            throw Params.invalidValue(at + ".role", role, roles);
        }
        said.extra += 3;
        said.prompt.append(role).append('\n');
        int from = said.prompt.length();
        JsonNode content = Json.get(item, "content");
        if (content == null) {
            throw Refused.missing(at + ".content");
        }
        if (content.isString()) {
            said.prompt.append(content.stringValue());
        } else if (content.isArray()) {
            for (int p = 0; p < content.size(); p++) {
                part(content.get(p), at + ".content[" + p + "]", said);
            }
        } else {
            throw Refused.badRequest(
                    at + ".content",
                    "invalid_type",
                    "Invalid type for '" + at + ".content': expected one of a string or array of objects, but got "
                            + Params.kind(content) + " instead.");
        }
        if (role.equals("user")) {
            said.askedBefore = said.asked;
            said.asked = said.prompt.substring(from);
            said.begun = Ask.Begun.asked(said.assistant, said.asked);
            if (said.begun != null) {
                said.asked = said.askedBefore;
            }
            said.assistant = "";
        } else if (role.equals("assistant")) {
            said.assistant = said.prompt.substring(from);
        }
        said.afterTools = false;
        said.prompt.append('\n');
    }

    private static void part(JsonNode part, String at, Said said) throws Refused {
        if (!part.isObject()) {
            throw Refused.wrongType(at, "an object", Params.kind(part));
        }
        String type = Params.needed(part, "type", at + ".type");
        switch (type) {
            case "input_text", "output_text", "summary_text", "reasoning_text", "text" ->
                said.prompt.append(Params.needed(part, "text", at + ".text"));
            case "refusal" -> said.prompt.append(Params.needed(part, "refusal", at + ".refusal"));
            case "input_image", "input_file", "input_audio", "computer_screenshot" -> said.extra += 85;
            default ->
                throw Params.invalidValue(
                        at + ".type",
                        type,
                        List.of(
                                "input_text",
                                "input_image",
                                "output_text",
                                "refusal",
                                "input_file",
                                "computer_screenshot",
                                "summary_text"));
        }
    }

    private static ArrayNode tools(ObjectNode body, List<Ask.Tool> tools, List<ObjectNode> hosted) throws Refused {
        ArrayNode shown = Json.array();
        List<JsonNode> written = Params.array(body, "tools", "tools");
        for (int i = 0; i < written.size(); i++) {
            shown.add(tool(written.get(i), "tools[" + i + "]", null, tools, hosted));
        }
        return shown;
    }

    private static ObjectNode tool(
            JsonNode tool, String at, @Nullable String namespace, List<Ask.Tool> tools, List<ObjectNode> hosted)
            throws Refused {
        if (!(tool instanceof ObjectNode object)) {
            throw Refused.wrongType(at, "an object", Params.kind(tool));
        }
        String type = Params.needed(tool, "type", at + ".type");
        ObjectNode shown = object.deepCopy();
        switch (type) {
            case "function" -> {
                String name = Params.text(tool, "name", at + ".name");
                Rules.name(name, at + ".name");
                JsonNode parameters = Json.get(tool, "parameters");
                JsonNode asked = Json.get(tool, "strict");
                boolean strict = asked != null
                        ? Json.flag(tool, "strict", false)
                        : parameters != null && StrictSchema.wrong(parameters) == null;
                Rules.function(String.valueOf(name), parameters, strict, at + ".parameters");
                shown.put("strict", strict);
                for (String member : List.of("description", "parameters")) {
                    if (!shown.has(member)) {
                        shown.putNull(member);
                    }
                }
                tools.add(new Ask.Tool(String.valueOf(name), namespace, parameters, null, false));
            }
            case "custom" -> {
                String name = Params.text(tool, "name", at + ".name");
                Rules.name(name, at + ".name");
                tools.add(new Ask.Tool(String.valueOf(name), namespace, null, Json.get(tool, "format"), true));
            }
            case "namespace" -> {
                String name = Params.needed(tool, "name", at + ".name");
                List<JsonNode> inner = Params.array(tool, "tools", at + ".tools");
                for (int i = 0; i < inner.size(); i++) {
                    tool(inner.get(i), at + ".tools[" + i + "]", name, tools, hosted);
                }
            }
            case "file_search" -> {
                if (Json.list(tool, "vector_store_ids").isEmpty()) {
                    throw Refused.missing(at + ".vector_store_ids");
                }
                hosted.add(shown.deepCopy());
            }
            case "code_interpreter" -> {
                if (Json.get(tool, "container") == null) {
                    throw Refused.missing(at + ".container");
                }
                hosted.add(shown.deepCopy());
            }
            case "web_search",
                    "web_search_2025_08_26",
                    "web_search_preview",
                    "web_search_preview_2025_03_11",
                    "image_generation" -> hosted.add(shown.deepCopy());
            default -> {
                if (!type.matches("[a-z_0-9]+")) {
                    throw Refused.badRequest(at + ".type", "invalid_value", "Invalid value: '" + type + "'.");
                }
            }
        }
        return shown;
    }

    private static Choice choice(ObjectNode body, List<Ask.Tool> tools, List<ObjectNode> hosted) throws Refused {
        JsonNode choice = Json.get(body, "tool_choice");
        if (choice == null) {
            return new Choice.Auto();
        }
        if (choice.isString()) {
            Choice word = Chat.word(choice.stringValue());
            if (word instanceof Choice.Required && tools.isEmpty() && hosted.isEmpty()) {
                throw Refused.badRequest(
                        "tool_choice", null, "Tool choice 'required' must be specified with 'tools' parameter.");
            }
            return word;
        }
        String type = Params.needed(choice, "type", "tool_choice.type");
        if (type.equals("allowed_tools")) {
            return Chat.word(Json.text(choice, "mode", "auto"));
        }
        if (type.equals("function") || type.equals("custom")) {
            String name = Params.needed(choice, "name", "tool_choice.name");
            if (tools.stream().noneMatch(tool -> tool.name().equals(name))) {
                throw Refused.badRequest(
                        "tool_choice", null, "Tool choice '" + name + "' not found in 'tools' parameter.");
            }
            return new Choice.Named(name);
        }
        if (hosted.stream().noneMatch(tool -> Json.text(tool, "type", "").startsWith(type))) {
            throw Refused.badRequest("tool_choice", null, "Tool choice '" + type + "' not found in 'tools' parameter.");
        }
        return new Choice.Named(type);
    }

    private static Format format(@Nullable ObjectNode text, Said said) throws Refused {
        ObjectNode format = text == null ? null : Params.object(text, "format", "text.format");
        if (text != null) {
            Params.oneOf(text, "verbosity", "text.verbosity", List.of("low", "medium", "high"));
        }
        if (format == null) {
            return new Format.Plain();
        }
        String type = Params.needed(format, "type", "text.format.type");
        return switch (type) {
            case "text" -> {
                yield new Format.Plain();
            }
            case "json_object" -> {
                if (!said.prompt.toString().toLowerCase(Locale.ROOT).contains("json")) {
                    throw Refused.badRequest(
                            "input",
                            null,
                            "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.");
                }
                yield new Format.JsonObject();
            }
            case "json_schema" -> {
                yield Chat.schema(format, "text.format", "text.format.schema");
            }
            default ->
                throw Params.invalidValue("text.format.type", type, List.of("json_object", "json_schema", "text"));
        };
    }

    /** The response before anything of its output is there. */
    private static ObjectNode early(
            String id,
            ObjectNode body,
            Models.Model model,
            String effort,
            @Nullable ObjectNode reasoning,
            @Nullable String tier,
            @Nullable ObjectNode text,
            ArrayNode tools,
            @Nullable ObjectNode metadata,
            long created)
            throws Refused {
        ObjectNode early = Json.object();
        early.put("id", id).put("object", "response").put("created_at", created);
        early.put("status", "in_progress").put("background", Params.flag(body, "background", false));
        early.putNull("completed_at").putNull("error");
        early.put("frequency_penalty", 0.0).putNull("incomplete_details");
        early.set("instructions", Json.orNull(Json.get(body, "instructions")));
        early.set("max_output_tokens", Json.orNull(Json.get(body, "max_output_tokens")));
        early.set("max_tool_calls", Json.orNull(Json.get(body, "max_tool_calls")));
        early.put("model", model.snapshot());
        early.putArray("output");
        early.put("parallel_tool_calls", Params.flag(body, "parallel_tool_calls", true));
        early.put("presence_penalty", 0.0);
        early.set("previous_response_id", Json.orNull(Json.get(body, "previous_response_id")));
        String conversation = conversation(body);
        if (conversation != null) {
            early.putObject("conversation").put("id", conversation);
        }
        if (Json.get(body, "prompt") != null) {
            early.set("prompt", body.get("prompt"));
        }
        early.set("prompt_cache_key", Json.orNull(Json.get(body, "prompt_cache_key")));
        early.set("prompt_cache_retention", Json.orNull(Json.get(body, "prompt_cache_retention")));
        early.putObject("reasoning")
                .put("effort", model.reasons() ? effort : null)
                .set("summary", Json.orNull(Json.get(reasoning, "summary")));
        early.set("safety_identifier", Json.orNull(Json.get(body, "safety_identifier")));
        early.put("service_tier", tier);
        early.put("store", Params.flag(body, "store", true));
        early.set("temperature", number(body, "temperature"));
        ObjectNode shownText = early.putObject("text");
        shownText.set("format", shownFormat(Json.get(text, "format")));
        shownText.put("verbosity", Json.text(text, "verbosity", "medium"));
        JsonNode choice = Json.get(body, "tool_choice");
        if (choice == null) {
            early.put("tool_choice", "auto");
        } else {
            early.set("tool_choice", choice);
        }
        early.set("tools", tools);
        early.put("top_logprobs", Json.number(body, "top_logprobs", 0));
        early.set("top_p", number(body, "top_p"));
        early.put("truncation", Json.text(body, "truncation", "disabled"));
        early.putNull("usage");
        early.set("user", Json.orNull(Json.get(body, "user")));
        early.set("metadata", metadata == null ? Json.object() : metadata);
        return early;
    }

    private static JsonNode shownFormat(@Nullable JsonNode format) {
        if (format == null) {
            return Json.object().put("type", "text");
        }
        ObjectNode shown = (ObjectNode) format.deepCopy();
        if ("json_schema".equals(Json.text(format, "type"))) {
            if (!shown.has("strict")) {
                shown.put("strict", false);
            }
            if (!shown.has("description")) {
                shown.putNull("description");
            }
        }
        return shown;
    }

    private static JsonNode number(ObjectNode body, String name) {
        JsonNode member = Json.get(body, name);
        return member == null ? Json.object().numberNode(1.0) : member;
    }

    // ── what is kept ──

    private Stored kept(String id) throws Refused {
        return stored.needed(id, "Response");
    }

    Plan get(String id, Query query) throws Refused {
        Stored found = kept(id);
        if (!"true".equals(query.get("stream"))) {
            return Plan.json(found.at(world.nowMillis()));
        }
        if (!found.streamed) {
            throw Refused.badRequest(
                    "stream",
                    null,
                    "This response cannot be streamed because it was not created with 'stream' set to true.");
        }
        int from = 0;
        String after = query.get("starting_after");
        if (after != null) {
            try {
                from = Math.addExact(Integer.parseInt(after), 1);
            } catch (NumberFormatException | ArithmeticException notOne) {
                throw Refused.badRequest(
                        "starting_after", "invalid_type", "Invalid type for 'starting_after': expected an integer.");
            }
        }
        return new Plan.Stream(
                found.events, Math.clamp(from, 0, found.events.size()), null, () -> found.cancelled, Controls.NONE);
    }

    ObjectNode delete(String id) throws Refused {
        kept(id).cancelled = true;
        stored.remove(id);
        return Json.object().put("id", id).put("object", "response").put("deleted", true);
    }

    ObjectNode cancel(String id) throws Refused {
        Stored found = kept(id);
        if (!found.background()) {
            throw Refused.badRequest(null, null, "Cannot cancel a synchronous response.");
        }
        long now = world.nowMillis();
        if (!found.cancelled && now >= found.doneMillis) {
            return found.done();
        }
        found.cancelled = true;
        return found.at(now);
    }

    ObjectNode inputItems(String id, Query query) throws Refused {
        Stored found = kept(id);
        List<JsonNode> items = new ArrayList<>(found.context);
        items.addAll(found.input);
        return World.page(query, items, !"asc".equals(query.get("order")));
    }

    /** Counts what a request would take in. */
    ObjectNode inputTokens(ObjectNode body) throws Refused {
        world.model(body);
        Said said = new Said();
        String instructions = Params.text(body, "instructions");
        if (instructions != null) {
            said.prompt.append(instructions);
            said.extra += 3;
        }
        for (JsonNode each : before(body)) {
            item(each, "input", said);
        }
        for (JsonNode each : Json.get(body, "input") == null ? List.<JsonNode>of() : input(body)) {
            item(each, "input", said);
        }
        ArrayNode tools = tools(body, new ArrayList<>(), new ArrayList<>());
        if (!tools.isEmpty()) {
            said.prompt.append(Json.string(tools));
        }
        return Json.object()
                .put("object", "response.input_tokens")
                .put("input_tokens", Tokens.count(said.prompt.toString()) + said.extra);
    }

    /** Shortens what was said to the user's messages and one item that stands for the rest. */
    ObjectNode compact(ObjectNode body) throws Refused {
        Models.Model model = world.model(body);
        List<JsonNode> items = new ArrayList<>(before(body));
        if (Json.get(body, "input") != null) {
            items.addAll(input(body));
        }
        Said said = new Said();
        for (JsonNode each : items) {
            item(each, "input", said);
        }
        ObjectNode compacted = Json.object();
        compacted.put("id", world.ids.hex("resp_", 48)).put("object", "response.compaction");
        compacted.put("created_at", world.nowSeconds());
        ArrayNode output = compacted.putArray("output");
        for (JsonNode each : withIds(items)) {
            if ("user".equals(Json.text(each, "role"))) {
                output.add(each);
            }
        }
        output.addObject()
                .put("id", world.ids.hex("cmp_", 48))
                .put("type", "compaction")
                .put("encrypted_content", ResponseWriter.sealed(said.prompt.toString()));
        PromptCache.Count count = world.cache.count(model.name(), said.prompt.toString());
        compacted.set("usage", Used.of(model, count, said.extra, 20, 0).response());
        return compacted;
    }
}
