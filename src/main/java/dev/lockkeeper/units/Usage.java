package dev.lockkeeper.units;

/**
 * What a call used, in tokens, as the upstream counts them for its bill: disjoint kinds are subsets told apart.
 *
 * @param input all tokens of the prompt, cached ones included
 * @param cachedInput of {@code input}, those read from the provider's prompt cache
 * @param writtenInput of {@code input}, those written to the provider's prompt cache
 * @param output all generated tokens, hidden reasoning included
 * @param reasoningOutput of {@code output}, those of hidden reasoning
 * @param estimated true when the upstream told nothing and the numbers are this gateway's own count
 */
public record Usage(
        long input, long cachedInput, long writtenInput, long output, long reasoningOutput, boolean estimated) {
    public Usage {
        if (input < 0 || cachedInput < 0 || writtenInput < 0 || output < 0 || reasoningOutput < 0) {
            throw new IllegalArgumentException("token counts can't be negative: " + input + ", " + cachedInput + ", "
                    + writtenInput + ", " + output + ", " + reasoningOutput);
        }
    }
}
