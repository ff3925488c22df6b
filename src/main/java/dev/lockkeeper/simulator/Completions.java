package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Event.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Legacy completions. Any thread. */
final class Completions {
    private static final Set<String> KNOWN = Set.of(
            "model",
            "prompt",
            "best_of",
            "echo",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_tokens",
            "n",
            "presence_penalty",
            "seed",
            "stop",
            "stream",
            "stream_options",
            "suffix",
            "temperature",
            "top_p",
            "user",
            "metadata");

    private static final int MAX_TOKENS = 16;
    private static final int MOST_CHOICES = 128;
    private static final int MOST_LOGPROBS = 5;

    private final World world;

    Completions(World world) {
        this.world = world;
    }

    /** One choice of the answer. */
    private record Choice(String text, String finish) {}

    Plan create(ObjectNode body, Controls given) throws Refused {
        Models.Model model = world.model(body);
        world.refuseUnknown(body, KNOWN);
        if (!Models.completes(model.name()) && !world.settings.models().contains(model.name())) {
            throw new Refused(
                    404,
                    "invalid_request_error",
                    "model",
                    null,
                    "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?");
        }
        Controls controls = world.controls(body, given);
        boolean stream = Params.flag(body, "stream", false);
        ObjectNode options = Params.object(body, "stream_options", "stream_options");
        if (options != null && !stream) {
            throw Refused.badRequest(
                    "stream_options", null, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
        }
        Params.decimal(body, "temperature", 0, 2);
        Params.decimal(body, "top_p", 0, 1);
        int n = Params.integer(body, "n", 1, 1, MOST_CHOICES);
        int limit = Params.integer(body, "max_tokens", MAX_TOKENS, 0, Integer.MAX_VALUE);
        int logprobs = Params.integer(body, "logprobs", -1, 0, MOST_LOGPROBS);
        boolean echo = Params.flag(body, "echo", false);
        List<String> prompts = prompts(body);
        List<String> stops = Chat.stops(body);
        List<Choice> choices = new ArrayList<>();
        int input = 0;
        int output = 0;
        int cached = 0;
        for (String prompt : prompts) {
            PromptCache.Count count = world.cache.count(model.name(), prompt);
            input += count.tokens();
            cached += count.cached();
            Ask ask = new Ask(
                    model,
                    controls,
                    prompt,
                    false,
                    List.of(),
                    List.of(),
                    new Ask.Choice.None(),
                    false,
                    new Ask.Format.Plain(),
                    limit,
                    stops,
                    "none",
                    false,
                    Params.integer(body, "seed", 0, Integer.MIN_VALUE, Integer.MAX_VALUE),
                    null);
            for (int i = 0; i < n; i++) {
                Answer answer = world.brain.answer(ask, i);
                output += answer.outputTokens();
                String text = answer.parts().getLast() instanceof Answer.Part.Text(String said, List<ObjectNode> _)
                        ? said
                        : "";
                choices.add(new Choice(echo ? prompt + text : text, answer.finish()));
            }
        }
        ObjectNode head = Json.object();
        head.put("id", world.ids.letters("cmpl-", 29)).put("object", "text_completion");
        head.put("created", world.nowSeconds()).put("model", model.snapshot());
        ObjectNode usage = controls.has(Mishap.NoUsage.class) ? null : new Used(input, cached, 0, output, 0).chat();
        if (stream) {
            boolean tell = Json.flag(options, "include_usage", false);
            return Plan.stream(events(head, choices, logprobs, tell, usage), controls);
        }
        ArrayNode written = head.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            written.add(
                    choice(i, choices.get(i).text(), logprobs, choices.get(i).finish()));
        }
        if (usage != null) {
            head.set("usage", usage);
        }
        return Plan.generated(head, controls);
    }

    private static List<String> prompts(ObjectNode body) throws Refused {
        JsonNode prompt = Json.get(body, "prompt");
        if (prompt == null) {
            return List.of("");
        }
        if (prompt.isString()) {
            return List.of(prompt.stringValue());
        }
        if (!prompt.isArray() || prompt.isEmpty()) {
            throw Refused.wrongType("prompt", "one of a string or array", Params.kind(prompt));
        }
        if (prompt.get(0).isNumber()) {
            return List.of(Json.string(prompt));
        }
        List<String> prompts = new ArrayList<>();
        prompt.forEach(each -> prompts.add(each.isString() ? each.stringValue() : Json.string(each)));
        return prompts;
    }

    private static ObjectNode choice(int index, String text, int logprobs, @Nullable String finish) {
        ObjectNode choice = Json.object();
        choice.put("text", text).put("index", index);
        if (logprobs < 0) {
            choice.putNull("logprobs");
        } else {
            ObjectNode told = choice.putObject("logprobs");
            ArrayNode tokens = told.putArray("tokens");
            ArrayNode chances = told.putArray("token_logprobs");
            ArrayNode others = told.putArray("top_logprobs");
            ArrayNode offsets = told.putArray("text_offset");
            int offset = 0;
            for (String piece : text.isEmpty() ? List.<String>of() : Prose.pieces(text)) {
                double chance = Chat.logprob(piece, 0).get("logprob").doubleValue();
                tokens.add(piece);
                chances.add(chance);
                others.addObject().put(piece, chance);
                offsets.add(offset);
                offset += piece.length();
            }
        }
        return choice.put("finish_reason", finish);
    }

    private static List<Event> events(
            ObjectNode head, List<Choice> choices, int logprobs, boolean tell, @Nullable ObjectNode usage) {
        String written = Json.string(head);
        String open = written.substring(0, written.length() - 1) + ",\"choices\":[";
        String close = tell ? "],\"usage\":null}" : "]}";
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < choices.size(); i++) {
            int index = i;
            for (String piece : Prose.pieces(choices.get(i).text())) {
                events.add(Event.token(_ -> open + Json.string(choice(index, piece, logprobs, null)) + close));
            }
            String end = Json.string(choice(index, "", -1, choices.get(i).finish()));
            events.add(new Event(null, Role.FINISH, false, _ -> open + end + close));
        }
        if (tell && usage != null) {
            String told = Json.string(usage);
            events.add(new Event(null, Role.USAGE, false, _ -> open + "],\"usage\":" + told + "}"));
        }
        events.add(new Event(null, Role.DONE, false, _ -> "[DONE]"));
        return events;
    }
}
