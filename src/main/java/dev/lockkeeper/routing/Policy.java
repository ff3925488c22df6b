package dev.lockkeeper.routing;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a model's calls are tried.
 *
 * @param attempts tries at one candidate, 1 to 10; a silent one is never tried twice
 * @param firstWait before the second try at a candidate where it says nothing of when; doubled for each further one, with full
 *     jitter
 * @param longestWait between two tries, also where the provider asks for more
 * @param retryTotal from the call's start; no retry begins after, and nobody who is ill is waited for any longer
 * @param elsewhereOnPolicy whether a refusal for its content's sake is tried elsewhere; else the caller gets it untouched
 * @param deadline from the call's start to its end; null: what the caller or the provider's timeouts say
 * @param firstToken how long a stream's first token is waited for where there is another candidate; null: by effort and tier
 * @param firstTokenOff whether that limit is off
 * @param hedge whether both run when the first token is late; null: the late one is given up
 * @param brokenStream what happens where a stream breaks after text was delivered
 * @param wholeOnly whether a stream's answer is gathered until it is whole, so that the caller gets all of it or an error
 */
public record Policy(
        int attempts,
        Duration firstWait,
        Duration longestWait,
        Duration retryTotal,
        boolean elsewhereOnPolicy,
        @Nullable Duration deadline,
        @Nullable Duration firstToken,
        boolean firstTokenOff,
        @Nullable Hedge hedge,
        BrokenStream brokenStream,
        boolean wholeOnly) {

    /** 3 attempts, 0.5 s to 30 s between them, within a minute. */
    public static final Policy USUAL = new Policy(
            3,
            Duration.ofMillis(500),
            Duration.ofSeconds(30),
            Duration.ofMinutes(1),
            false,
            null,
            null,
            false,
            null,
            BrokenStream.RESCUE,
            false);

    /** Each candidate is tried once, nothing is rescued. */
    public static final Policy ONCE = new Policy(
            1,
            Duration.ofMillis(500),
            Duration.ofSeconds(30),
            Duration.ofMinutes(1),
            false,
            null,
            null,
            true,
            null,
            BrokenStream.END,
            false);

    /**
     * The bounds of racing.
     *
     * @param sharePercent of a model's calls that may be raced, 0 to 100
     * @param costNanosPerDay what the losers may cost a day, UTC, in nano-dollars
     */
    public record Hedge(double sharePercent, long costNanosPerDay) {}

    /** What happens where a stream breaks after text was delivered. */
    public enum BrokenStream {
        /** The next candidate goes on with it where that is sound, else it ends in an error event. */
        RESCUE,
        /** It ends in an error event. */
        END
    }
}
