package dev.lockkeeper.upstream;

import dev.lockkeeper.http.Headers;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads from an answer's head what is left of the provider's limits. Pure; any thread; whatever stands there, nothing here throws. */
public final class RateLimits {
    /** A limit's reset that is later is looked at again by then: an answer tells of it anew. */
    static final long MOST_MILLIS = 60 * 60 * 1000;

    /** OpenAI's, and those of servers that speak like it: a reset is a span such as {@code 1m30.951s}. */
    private static final List<Field> SPANS = List.of(
            Field.of("requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
            Field.of("tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
            Field.of(
                    "tokens of the project",
                    "x-ratelimit-remaining-project-tokens",
                    "x-ratelimit-reset-project-tokens"));

    /** Anthropic's: a reset is a time of RFC 3339. */
    private static final List<Field> TIMES = List.of(
            Field.of("requests", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
            Field.of("tokens", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
            Field.of(
                    "input tokens",
                    "anthropic-ratelimit-input-tokens-remaining",
                    "anthropic-ratelimit-input-tokens-reset"),
            Field.of(
                    "output tokens",
                    "anthropic-ratelimit-output-tokens-remaining",
                    "anthropic-ratelimit-output-tokens-reset"));

    private RateLimits() {}

    private record Field(String of, String remaining, String reset) {
        static Field of(String of, String remaining, String reset) {
            return new Field(of, remaining, reset);
        }
    }

    /**
     * A limit of which nothing is left.
     *
     * @param of what it limits, such as {@code tokens}
     * @param millis until its reset, more than 0, at most an hour
     */
    public record Spent(String of, long millis) {}

    /**
     * The limit of which nothing is left for the longest time; null where something is left of each, or nothing is told.
     *
     * @param nowMillis since 1970; counts where the answer has no date
     */
    public static @Nullable Spent spent(Headers headers, long nowMillis) {
        Spent longest = null;
        for (Field each : SPANS) {
            if (isNothing(headers.get(each.remaining()))) {
                longest = longer(longest, each, Spans.span(headers.get(each.reset())));
            }
        }
        for (Field each : TIMES) {
            if (isNothing(headers.get(each.remaining()))) {
                long theirs = Spans.httpDate(headers.get("date"));
                long millis = Spans.untilTime(headers.get(each.reset()), theirs >= 0 ? theirs : nowMillis);
                longest = longer(longest, each, millis);
            }
        }
        return longest;
    }

    private static @Nullable Spent longer(@Nullable Spent longest, Field field, long millis) {
        return millis <= 0 || (longest != null && longest.millis() >= millis)
                ? longest
                : new Spent(field.of(), Math.min(millis, MOST_MILLIS));
    }

    /** Nothing is left where a number is told and it is 0 or less. */
    private static boolean isNothing(@Nullable String remaining) {
        return remaining != null && (remaining.equals("0") || (remaining.startsWith("-") && remaining.length() <= 20));
    }
}
