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
        long seed) {
    Ask {
        tools = List.copyOf(tools);
        hosted = List.copyOf(hosted);
        stops = List.copyOf(stops);
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
