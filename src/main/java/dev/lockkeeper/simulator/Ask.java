package dev.lockkeeper.simulator;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What is asked for, whatever wire format it came in.
 *
 * @param model who shall answer
 * @param controls what the caller wants of the simulator
 * @param asked the text of the last message of the user
 * @param afterTools whether the last thing said is a tool's result
 * @param tools the client's tools
 * @param hosted tools that the provider runs itself
 * @param choice which tools may or must be called
 * @param parallel whether more than one call may be made at once
 * @param format what the text has to be
 * @param limit the most tokens that may be made, hidden ones included; -1 for none
 * @param stops texts before which the answer ends
 * @param effort how hard to think
 * @param summary whether to summarize the thinking
 * @param seed the caller's own seed; 0 for none
 * @param begun what of the answer is written already; null: nothing
 */
record Ask(
        Models.Model model,
        Controls controls,
        String asked,
        boolean afterTools,
        List<Tool> tools,
        List<ObjectNode> hosted,
        Choice choice,
        boolean parallel,
        Format format,
        int limit,
        List<String> stops,
        String effort,
        boolean summary,
        long seed,
        @Nullable Begun begun) {
    Ask {
        tools = List.copyOf(tools);
        hosted = List.copyOf(hosted);
        stops = List.copyOf(stops);
    }

    /**
     * An answer that was cut off and is to be gone on with.
     *
     * @param text of it
     * @param repeated the end of that text that the answer is to begin with; empty for none
     */
    record Begun(String text, String repeated) {
        /** How a user begins who asks for that. */
        private static final String CUT_OFF = "Your last message was cut off.";

        private static final int LONGEST_REPEATED = 80;

        /** What a user asks for after a message of the assistant; null: something new. */
        static @Nullable Begun asked(String assistant, String user) {
            if (assistant.isEmpty() || !user.startsWith(CUT_OFF)) {
                return null;
            }
            for (int length = Math.min(LONGEST_REPEATED, assistant.length()); length > 0; length--) {
                String end = assistant.substring(assistant.length() - length);
                if (user.contains("\n" + end + "\n")) {
                    return new Begun(assistant, end);
                }
            }
            return new Begun(assistant, "");
        }

        /** What follows, where the answer as a whole were another one: its words from there on. */
        String rest(String whole) {
            if (whole.startsWith(text)) {
                return whole.substring(text.length());
            }
            int space = whole.indexOf(' ', Math.min(text.length(), whole.length()));
            return space < 0 ? " That is all." : whole.substring(space);
        }
    }

    /**
     * A tool of the client.
     *
     * @param name what it is called
     * @param namespace the namespace it stands in; null for none
     * @param parameters a function's JSON schema; null for a function without parameters and for a custom tool
     * @param format a custom tool's format; null for free text
     * @param custom whether it takes free text and not JSON
     */
    record Tool(
            String name,
            @Nullable String namespace,
            @Nullable JsonNode parameters,
            @Nullable JsonNode format,
            boolean custom) {}

    /** Which tools may or must be called. */
    sealed interface Choice {
        /** None. */
        record None() implements Choice {}

        /** As the model likes. */
        record Auto() implements Choice {}

        /** At least one. */
        record Required() implements Choice {}

        /** This one. */
        record Named(String name) implements Choice {}
    }

    /** What the text has to be. */
    sealed interface Format {
        /** Any text. */
        record Plain() implements Format {}

        /** Some JSON object. */
        record JsonObject() implements Format {}

        /** JSON that fits a schema. */
        record Schema(String name, JsonNode schema) implements Format {}
    }
}
