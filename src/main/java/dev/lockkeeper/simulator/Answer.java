package dev.lockkeeper.simulator;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * What one choice of an answer consists of, before any wire format.
 *
 * @param parts in order
 * @param finish {@code stop}, {@code length} or {@code tool_calls}
 * @param outputTokens all that were made, hidden reasoning included
 * @param reasoningTokens of those, the hidden ones
 */
record Answer(List<Part> parts, String finish, int outputTokens, int reasoningTokens) {
    Answer {
        parts = List.copyOf(parts);
    }

    /** A part of an answer. */
    sealed interface Part {
        /** Hidden thinking, of which a summary may be told. */
        record Reasoning(List<String> summary, int tokens) implements Part {
            public Reasoning {
                summary = List.copyOf(summary);
            }
        }

        /** A visible text, with what annotates it. */
        record Text(String text, List<ObjectNode> annotations) implements Part {
            public Text {
                annotations = List.copyOf(annotations);
            }
        }

        /** A text that says no. */
        record Refusal(String text) implements Part {}

        /** A call of a client's tool: arguments are JSON for a function, any text for a custom tool. */
        record Call(String name, @Nullable String namespace, String arguments, boolean custom) implements Part {}

        /** A tool that the provider runs itself: {@code web_search}, {@code file_search} or {@code code_interpreter}. */
        record Hosted(String kind, ObjectNode tool) implements Part {}
    }
}
