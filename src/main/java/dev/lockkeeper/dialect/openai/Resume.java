package dev.lockkeeper.dialect.openai;

/**
 * What a request has to say so that its answer goes on with another one.
 *
 * @param way how it is asked for
 * @param prefill how the upstream takes a beginning; read for {@link Way#PREFILL} only
 * @param text what was delivered; it is not told to anybody but the upstream
 * @param spentTokens about how many tokens of the output limit that took; the limit is lowered by so many where the text is
 *     given
 */
public record Resume(Way way, Prefill prefill, String text, long spentTokens) {
    /** The number of characters only: the text is an answer. */
    @Override
    public String toString() {
        return "Resume[" + way + ", " + prefill + ", " + text.length() + " characters, " + spentTokens + " tokens]";
    }
}
