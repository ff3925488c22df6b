package dev.lockkeeper.simulator;

import tools.jackson.databind.node.ObjectNode;

/**
 * What a call used, in tokens.
 *
 * @param input all of the prompt
 * @param cached of those, known from an earlier prompt
 * @param written of those, kept for a later one where the model tells that
 * @param output all that was made
 * @param reasoning of those, hidden ones
 */
record Used(int input, int cached, int written, int output, int reasoning) {
    static Used of(Models.Model model, PromptCache.Count prompt, int extra, int output, int reasoning) {
        boolean tells = model.name().startsWith("gpt-5.6") || model.name().startsWith("gpt-6");
        int written = tells && prompt.tokens() >= 1_024 ? prompt.tokens() - prompt.cached() : 0;
        return new Used(prompt.tokens() + extra, prompt.cached(), written, output, reasoning);
    }

    ObjectNode chat() {
        ObjectNode usage = Json.object();
        usage.put("prompt_tokens", input).put("completion_tokens", output).put("total_tokens", input + output);
        usage.putObject("prompt_tokens_details")
                .put("cached_tokens", cached)
                .put("audio_tokens", 0)
                .put("cache_write_tokens", written);
        usage.putObject("completion_tokens_details")
                .put("reasoning_tokens", reasoning)
                .put("audio_tokens", 0)
                .put("accepted_prediction_tokens", 0)
                .put("rejected_prediction_tokens", 0);
        return usage;
    }

    ObjectNode response() {
        ObjectNode usage = Json.object();
        usage.put("input_tokens", input);
        usage.putObject("input_tokens_details").put("cached_tokens", cached).put("cache_write_tokens", written);
        usage.put("output_tokens", output);
        usage.putObject("output_tokens_details").put("reasoning_tokens", reasoning);
        return usage.put("total_tokens", input + output);
    }
}
