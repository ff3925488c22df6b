package dev.lockkeeper.routing;

import java.util.Set;

/**
 * What a call is, as far as targets are chosen by it. A text that is not told is empty.
 *
 * @param inputTokens tokens of the prompt, as they are reckoned
 * @param outputLimit tokens that the answer may have as the caller says; -1 when it doesn't
 * @param stream whether the answer is asked for as a stream
 * @param tools whether the model may call functions of the caller
 * @param images whether pictures are among the input
 * @param audio whether recordings are among the input, or sound is asked for
 * @param schema whether the answer must fit a JSON schema
 * @param sampling whether sampling parameters are set, which models that reason refuse
 * @param effort the reasoning effort asked for
 * @param serviceTier the service tier asked for
 * @param tag the caller's own mark of the call ({@code x-lockkeeper-tag})
 * @param complexity how hard the caller says the call is
 * @param accuracy how exact the caller says the answer must be
 * @param sensitivity the label of what the prompt holds, as the caller says
 * @param organization id of who pays
 * @param project id of what is budgeted
 * @param projectName the project's name, as conditions have it
 * @param key id of what calls
 * @param test whether the key is a test key
 * @param environment the key's environment, as conditions have it
 * @param endUser the person behind the call, as the books know them
 * @param conversation what the call goes on with: a conversation's or a response's id
 * @param promptCacheKey {@code prompt_cache_key}
 * @param regions the regions that the call may go to; empty: any
 * @param pinned the one provider where the objects live that the call names; empty: any
 * @param endpoint what is asked, as the catalogue names it: {@code chat}, {@code responses}, {@code embeddings}, …
 */
public record Traits(
        long inputTokens,
        long outputLimit,
        boolean stream,
        boolean tools,
        boolean images,
        boolean audio,
        boolean schema,
        boolean sampling,
        String effort,
        String serviceTier,
        String tag,
        Complexity complexity,
        String accuracy,
        String sensitivity,
        String organization,
        String project,
        String projectName,
        String key,
        boolean test,
        String environment,
        String endUser,
        String conversation,
        String promptCacheKey,
        Set<String> regions,
        String pinned,
        String endpoint) {
    public Traits {
        regions = Set.copyOf(regions);
    }

    /** A call of which nothing is told. */
    public static final Traits NONE = new Traits(
            0,
            -1,
            false,
            false,
            false,
            false,
            false,
            false,
            "",
            "",
            "",
            Complexity.UNKNOWN,
            "",
            "",
            "",
            "",
            "",
            "",
            false,
            "",
            "",
            "",
            "",
            Set.of(),
            "",
            "");

    /** How hard a call is, by its caller's own label ({@code x-lockkeeper-complexity}, or {@code metadata.complexity}). */
    public enum Complexity {
        /** Not said. */
        UNKNOWN,
        /** Sorting, extracting, short answers. */
        ROUTINE,
        /** What most calls are. */
        STANDARD,
        /** What wants a flagship. */
        COMPLEX,
        /** What must not be wrong. */
        CRITICAL
    }
}
