package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Answer.Part;
import dev.lockkeeper.simulator.Ask.Choice;
import dev.lockkeeper.simulator.Ask.Format;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import tools.jackson.databind.node.ObjectNode;

/**
 * Thinks up an answer: the same ask and seed give the same answer.
 *
 * @param seed what all chance comes from
 * @param defaultTokens length of a text where none is wanted
 */
record Brain(long seed, int defaultTokens) {
    private static final int CALL_OVERHEAD = 7;
    private static final int SUMMARY_TOKENS = 24;

    Answer answer(Ask ask, int choice) {
        SplittableRandom chance = new SplittableRandom(
                seed ^ (ask.asked().hashCode() * 0x9E3779B97F4A7C15L) ^ (choice * 0xC2B2AE3D27D4EB4FL) ^ ask.seed());
        List<Part> parts = new ArrayList<>();
        int limit = ask.limit() < 0 ? Integer.MAX_VALUE : ask.limit();
        int reasoning = reasoning(ask);
        if (reasoning > 0) {
            boolean cut = reasoning >= limit;
            reasoning = Math.min(reasoning, limit);
            parts.add(new Part.Reasoning(
                    ask.summary()
                            ? List.of("**Thinking it over**\n\n" + Prose.text("", SUMMARY_TOKENS, chance))
                            : List.of(),
                    reasoning));
            if (cut) {
                return new Answer(parts, "length", reasoning, reasoning);
            }
        }
        int left = limit - reasoning;
        if (ask.controls().refuse()) {
            String text = Tokens.head("I'm sorry, but I can't help with that.", left);
            parts.add(new Part.Refusal(text));
            return new Answer(parts, "stop", reasoning + Tokens.count(text), reasoning);
        }
        boolean hostedRan = false;
        if (!ask.afterTools() && !(ask.choice() instanceof Choice.None)) {
            for (ObjectNode tool : ask.hosted()) {
                if (wants(ask, Json.text(tool, "type", ""))) {
                    parts.add(new Part.Hosted(kind(tool), tool));
                    hostedRan = true;
                }
            }
        }
        List<Ask.Tool> called = called(ask, chance, hostedRan);
        if (!called.isEmpty()) {
            return calls(ask, parts, called, left, reasoning, chance);
        }
        Ask.Begun begun = ask.begun();
        // What was begun is a part of the whole, so the whole is thought up first.
        String text = begun == null
                ? text(ask, left, chance)
                : begun.repeated() + begun.rest(text(ask, Integer.MAX_VALUE, chance));
        String finish = "stop";
        String whole = stopped(text, ask.stops());
        int tokens = Tokens.count(whole);
        if (tokens > left) {
            whole = Tokens.head(whole, left);
            tokens = left;
            finish = "length";
        } else if (tokens == left && cutShort(ask, left)) {
            finish = "length";
        }
        List<ObjectNode> annotations = List.of();
        if (hostedRan) {
            Hosted.Cited cited = Hosted.cite(parts, whole);
            whole = cited.text();
            annotations = cited.annotations();
        }
        parts.add(new Part.Text(whole, annotations));
        return new Answer(parts, finish, reasoning + tokens, reasoning);
    }

    private static boolean wants(Ask ask, String type) {
        return !(ask.choice() instanceof Choice.Named(String name))
                || name.equals(type)
                || type.startsWith(name)
                || name.startsWith(type);
    }

    private static String kind(ObjectNode tool) {
        String type = Json.text(tool, "type", "");
        return type.startsWith("web_search") ? "web_search" : type;
    }

    private static int reasoning(Ask ask) {
        if (ask.controls().reasoning() >= 0) {
            return ask.controls().reasoning();
        }
        if (!ask.model().reasons()) {
            return 0;
        }
        return switch (ask.effort()) {
            case "none" -> 0;
            case "minimal" -> 16;
            case "low" -> 64;
            case "medium" -> 128;
            case "high" -> 256;
            case "xhigh" -> 512;
            default -> 1024;
        };
    }

    private static List<Ask.Tool> called(Ask ask, SplittableRandom chance, boolean hostedRan) {
        List<Ask.Tool> tools = ask.tools();
        if (tools.isEmpty()) {
            return List.of();
        }
        switch (ask.choice()) {
            case Choice.None _ -> {
                return List.of();
            }
            case Choice.Named(String name) -> {
                return tools.stream()
                        .filter(tool -> tool.name().equals(name))
                        .limit(1)
                        .toList();
            }
            case Choice.Auto _ -> {
                if (ask.afterTools()
                        || ask.controls().calls() == 0
                        || ask.controls().text() != null) {
                    return List.of();
                }
            }
            case Choice.Required _ -> {
                if (hostedRan) {
                    return List.of();
                }
            }
        }
        if (ask.controls().calls() > 0) {
            List<Ask.Tool> called = new ArrayList<>();
            int calls = ask.parallel() ? ask.controls().calls() : 1;
            for (int i = 0; i < calls; i++) {
                called.add(tools.get(i % tools.size()));
            }
            return called;
        }
        List<Ask.Tool> mentioned =
                tools.stream().filter(tool -> ask.asked().contains(tool.name())).toList();
        if (mentioned.isEmpty()) {
            return List.of(tools.get(chance.nextInt(tools.size())));
        }
        return ask.parallel() ? mentioned : mentioned.subList(0, 1);
    }

    private static Answer calls(
            Ask ask, List<Part> parts, List<Ask.Tool> called, int left, int reasoning, SplittableRandom chance) {
        int used = 0;
        String finish = ask.choice() instanceof Choice.Named ? "stop" : "tool_calls";
        for (Ask.Tool tool : called) {
            String arguments;
            if (tool.custom()) {
                arguments = custom(tool, ask, chance);
            } else if (tool.parameters() == null) {
                arguments = "{}";
            } else {
                arguments = Json.string(SchemaFit.make(tool.parameters(), chance));
            }
            int room = left - used - CALL_OVERHEAD;
            int tokens = Tokens.count(arguments);
            if (tokens > room) {
                parts.add(new Part.Call(
                        tool.name(), tool.namespace(), Tokens.head(arguments, Math.max(room, 0)), tool.custom()));
                return new Answer(parts, "length", reasoning + left, reasoning);
            }
            parts.add(new Part.Call(tool.name(), tool.namespace(), arguments, tool.custom()));
            used += tokens + CALL_OVERHEAD;
        }
        return new Answer(parts, finish, reasoning + used, reasoning);
    }

    private static String custom(Ask.Tool tool, Ask ask, SplittableRandom chance) {
        if (tool.format() != null) {
            var grammar = Json.get(tool.format(), "grammar");
            var holder = grammar == null ? tool.format() : grammar;
            String definition = Json.text(holder, "definition");
            if (definition != null && "regex".equals(Json.text(holder, "syntax"))) {
                return Regex.make(definition, chance);
            }
        }
        return Prose.text(ask.asked(), 12, chance);
    }

    /** Whether the wanted length was longer than the limit, though the text made fills the limit exactly. */
    private boolean cutShort(Ask ask, int left) {
        return ask.begun() == null
                && ask.controls().text() == null
                && ask.format() instanceof Format.Plain
                && wanted(ask) > left;
    }

    private int wanted(Ask ask) {
        return ask.controls().tokens() > 0 ? ask.controls().tokens() : defaultTokens;
    }

    private String text(Ask ask, int left, SplittableRandom chance) {
        String wanted = ask.controls().text();
        if (wanted != null) {
            return wanted;
        }
        return switch (ask.format()) {
            case Format.Plain _ -> {
                int tokens = wanted(ask);
                // No more is made than may be told, with one token over so that the cut shows.
                yield Prose.text(ask.asked(), tokens > left ? Math.min(tokens, left + 1) : tokens, chance);
            }
            case Format.JsonObject _ -> {
                ObjectNode object = Json.object();
                object.put("answer", Prose.text(ask.asked(), Math.max(wanted(ask) - 8, 8), chance));
                yield Json.string(object);
            }
            case Format.Schema(String _, var schema) -> Json.string(SchemaFit.make(schema, chance));
        };
    }

    private static String stopped(String text, List<String> stops) {
        int end = text.length();
        for (String stop : stops) {
            int at = stop.isEmpty() ? -1 : text.indexOf(stop);
            if (at >= 0 && at < end) {
                end = at;
            }
        }
        return text.substring(0, end);
    }
}
