package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What the caller wants of the simulator beyond what OpenAI's API can say.
 *
 * @param tokens length of the visible answer, -1 for the default
 * @param paceMillis between two tokens of a stream, -1 for the default
 * @param reasoning hidden reasoning tokens, -1 for what the effort makes
 * @param refuse whether to answer with a refusal
 * @param text answer exactly this, null for prose
 * @param calls how many tools to call where the choice is the model's, -1 for the usual rule
 * @param prefill whether a chat may end with an assistant's message to be gone on with, as other servers take it
 * @param mishaps how to misbehave
 */
record Controls(
        int tokens,
        long paceMillis,
        int reasoning,
        boolean refuse,
        @Nullable String text,
        int calls,
        boolean prefill,
        List<Mishap> mishaps) {
    static final Controls NONE = new Controls(-1, -1, -1, false, null, -1, false, List.of());

    /** The longest answer that can be wanted, in tokens. */
    static final int MOST_TOKENS = 200_000;

    /** The most tool calls that can be wanted. */
    static final int MOST_CALLS = 128;

    Controls {
        mishaps = List.copyOf(mishaps);
    }

    /** The model's name without what is written behind its first {@code +}. */
    static String bareModel(String model) {
        int plus = model.indexOf('+');
        return plus < 0 ? model : model.substring(0, plus);
    }

    /** These controls, and what {@code text} says in the grammar {@code name(arguments)+name(arguments)}. */
    Controls with(String text, String param) throws Refused {
        Building building = new Building(this);
        try {
            for (String each : Term.split(text, '+')) {
                if (!each.isBlank()) {
                    building.term(each.strip());
                }
            }
        } catch (IllegalArgumentException wrong) {
            throw Refused.badRequest(
                    param, "invalid_value", "The simulator does not understand this: " + wrong.getMessage());
        }
        return building.built();
    }

    /** These controls, and what a model's name says behind its first {@code +}. */
    Controls withModel(String model) throws Refused {
        int plus = model.indexOf('+');
        return plus < 0 ? this : with(model.substring(plus + 1), "model");
    }

    /** These controls, and what the {@code sim_…} members of a request's metadata say. */
    Controls withMetadata(@Nullable JsonNode metadata) throws Refused {
        if (metadata == null || !metadata.isObject() || metadata.isEmpty()) {
            return this;
        }
        Building building = new Building(this);
        for (Map.Entry<String, JsonNode> each : metadata.properties()) {
            String key = each.getKey();
            if (key.startsWith("sim_") && each.getValue().isString()) {
                try {
                    building.metadata(key, each.getValue().stringValue());
                } catch (IllegalArgumentException wrong) {
                    throw Refused.badRequest(
                            "metadata." + key,
                            "invalid_value",
                            "The simulator does not understand this: " + wrong.getMessage());
                }
            }
        }
        return building.built();
    }

    boolean has(Class<? extends Mishap> kind) {
        for (Mishap each : mishaps) {
            if (kind.isInstance(each)) {
                return true;
            }
        }
        return false;
    }

    Controls withMishaps(List<Mishap> others) {
        return new Controls(tokens, paceMillis, reasoning, refuse, text, calls, prefill, others);
    }

    private static final class Building {
        private int tokens;
        private long paceMillis;
        private int reasoning;
        private boolean refuse;
        private @Nullable String text;
        private int calls;
        private boolean prefill;
        private final List<Mishap> mishaps;

        Building(Controls from) {
            tokens = from.tokens;
            paceMillis = from.paceMillis;
            reasoning = from.reasoning;
            refuse = from.refuse;
            text = from.text;
            calls = from.calls;
            prefill = from.prefill;
            mishaps = new ArrayList<>(from.mishaps);
        }

        void term(String written) {
            if (written.startsWith("text(") && written.endsWith(")")) {
                text = written.substring("text(".length(), written.length() - 1);
                return;
            }
            Term term = Term.parse(written);
            switch (term.name()) {
                case "tokens" -> tokens = Math.clamp(term.only("tokens").number(0, "tokens", 100), 1, MOST_TOKENS);
                case "pace" ->
                    paceMillis = term.only("pause")
                            .duration(0, "pause", java.time.Duration.ofMillis(20))
                            .toMillis();
                case "reasoning" -> reasoning = Math.min(term.only("tokens").number(0, "tokens", 100), MOST_TOKENS);
                case "refuse" -> {
                    term.only();
                    refuse = true;
                }
                case "prefill" -> {
                    term.only();
                    prefill = true;
                }
                case "calls" -> calls = Math.min(term.only("calls").number(0, "calls", 1), MOST_CALLS);
                default -> mishaps.add(mishap(written));
            }
        }

        private static Mishap mishap(String written) {
            try {
                return Mishap.parse(written);
            } catch (IllegalArgumentException wrong) {
                String message = String.valueOf(wrong.getMessage());
                throw message.startsWith("mishap: ")
                        ? new IllegalArgumentException(
                                message + " or one of tokens, pace, reasoning, refuse, text, calls, prefill", wrong)
                        : wrong;
            }
        }

        void metadata(String key, String value) {
            switch (key) {
                case "sim_tokens" -> term("tokens(" + value + ")");
                case "sim_pace_ms" -> term("pace(" + value + ")");
                case "sim_first_ms" -> term("first(" + value + ")");
                case "sim_reasoning" -> term("reasoning(" + value + ")");
                case "sim_calls" -> term("calls(" + value + ")");
                case "sim_refuse" -> refuse = !value.equals("false");
                case "sim_text" -> text = value;
                case "sim_mishap" -> mishaps.addAll(Mishap.parseAll(value));
                default ->
                    throw new IllegalArgumentException(
                            key
                                    + " (expected one of sim_tokens, sim_pace_ms, sim_first_ms, sim_reasoning, sim_calls, sim_refuse, sim_text, sim_mishap)");
            }
        }

        Controls built() {
            return new Controls(tokens, paceMillis, reasoning, refuse, text, calls, prefill, mishaps);
        }
    }
}
