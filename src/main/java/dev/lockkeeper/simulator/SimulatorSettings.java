package dev.lockkeeper.simulator;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * How the simulated provider behaves where a request does not say.
 *
 * @param seed what all chance comes from: answers are the same for the same seed and request, ids for the same seed and
 *     order of requests
 * @param clock tells when things are made
 * @param tokens length of an answer's visible text, 1 to 200,000
 * @param pace between two tokens of a stream; zero sends them as fast as they are taken
 * @param firstByte before anything of a chat completion, completion or response comes
 * @param needsKey whether a request without {@code Authorization: Bearer} is refused
 * @param unknownParameters whether a request with parameters that OpenAI does not know is answered all the same
 * @param models names served besides OpenAI's
 * @param maxRequestBody bytes of a request's body; more is 413
 * @param mishaps how every call misbehaves, whatever it asks for
 */
public record SimulatorSettings(
        long seed,
        Clock clock,
        int tokens,
        Duration pace,
        Duration firstByte,
        boolean needsKey,
        boolean unknownParameters,
        List<String> models,
        long maxRequestBody,
        List<Mishap> mishaps) {

    /** The default length of an answer's text, in tokens. */
    public static final int TOKENS = 40;

    /** The default bound of a request's body, in bytes. */
    public static final long MAX_REQUEST_BODY = 64L << 20;

    public SimulatorSettings {
        models = List.copyOf(models);
        mishaps = List.copyOf(mishaps);
        if (tokens < 1 || tokens > Controls.MOST_TOKENS) {
            throw new IllegalArgumentException("tokens: " + tokens + " (expected: 1 to " + Controls.MOST_TOKENS + ")");
        }
        if (pace.isNegative() || pace.compareTo(Mishap.LONGEST) > 0) {
            throw new IllegalArgumentException("pace: " + pace + " (expected: 0 to 10 minutes)");
        }
        if (firstByte.isNegative() || firstByte.compareTo(Mishap.LONGEST) > 0) {
            throw new IllegalArgumentException("firstByte: " + firstByte + " (expected: 0 to 10 minutes)");
        }
    }

    /** The defaults, with a seed of one's own: two simulators with the same seed are alike. */
    public static SimulatorSettings seeded(long seed, Clock clock) {
        return new SimulatorSettings(
                seed, clock, TOKENS, Duration.ZERO, Duration.ZERO, true, false, List.of(), MAX_REQUEST_BODY, List.of());
    }

    /** The defaults, with a seed drawn by chance. */
    public static SimulatorSettings drawn(RandomGenerator chance, Clock clock) {
        return seeded(chance.nextLong(), clock);
    }

    /** The same with another length and pace of answers. */
    public SimulatorSettings withText(int newTokens, Duration newPace, Duration newFirstByte) {
        return new SimulatorSettings(
                seed,
                clock,
                newTokens,
                newPace,
                newFirstByte,
                needsKey,
                unknownParameters,
                models,
                maxRequestBody,
                mishaps);
    }

    /** The same, misbehaving at every call. */
    public SimulatorSettings withMishaps(List<Mishap> newMishaps) {
        return new SimulatorSettings(
                seed, clock, tokens, pace, firstByte, needsKey, unknownParameters, models, maxRequestBody, newMishaps);
    }

    /** The same, stricter or laxer about keys and parameters. */
    public SimulatorSettings withRules(boolean newNeedsKey, boolean newUnknownParameters) {
        return new SimulatorSettings(
                seed,
                clock,
                tokens,
                pace,
                firstByte,
                newNeedsKey,
                newUnknownParameters,
                models,
                maxRequestBody,
                mishaps);
    }
}
