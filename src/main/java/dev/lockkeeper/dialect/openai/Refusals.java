package dev.lockkeeper.dialect.openai;

import org.jspecify.annotations.Nullable;

/**
 * What an upstream model would refuse in a request, and is therefore changed on the way. The rules are those that OpenAI's
 * documentation and client libraries give for each family of models.
 *
 * @param sampling whether {@code temperature}, {@code top_p}, {@code logprobs} and {@code top_logprobs} are refused
 * @param penalties whether the penalties and {@code logit_bias} are refused
 * @param maxTokens whether {@code max_tokens} is refused in a chat and {@code max_completion_tokens} wanted
 * @param chatShapes whether a response's request refuses what only a chat has: {@code response_format},
 *     {@code max_tokens}, {@code max_completion_tokens}, {@code reasoning_effort}
 * @param why why sampling members, penalties or biases are dropped, for warnings
 */
public record Refusals(boolean sampling, boolean penalties, boolean maxTokens, boolean chatShapes, String why) {
    /** Nothing is refused: only the model's name and {@code include_usage} change. */
    public static final Refusals NONE = new Refusals(false, false, false, false, "");

    /**
     * What OpenAI's model of this name refuses. A name that is not OpenAI's refuses {@link #chatShapes} only.
     *
     * @param upstreamModel the name as the upstream knows it
     * @param effort the reasoning effort asked for, null when the request leaves it to the model
     */
    public static Refusals of(String upstreamModel, @Nullable String effort) {
        boolean reasons = Models.reasons(upstreamModel);
        boolean quiet = reasons && Models.quiet(upstreamModel, effort);
        String why = upstreamModel + (quiet ? " does not take it" : " reasons at this effort");
        return new Refusals(reasons && !quiet, reasons, reasons, true, why);
    }
}
