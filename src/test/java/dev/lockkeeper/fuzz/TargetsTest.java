package dev.lockkeeper.fuzz;

import java.util.Base64;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every target of {@code bench/fuzz}, for its corpus and a few thousand inputs made by chance from it; with {@code
 * -Dfuzz.tries=10000000} for as many as that.
 */
class TargetsTest {
    /** The same inputs each time: what nobody has tried yet is for trials to find, not for builds. */
    private static final long SEED = 20261121;

    private static final long TRIES = Long.getLong("fuzz.tries", 3_000);

    /** A target. */
    @FunctionalInterface
    interface Target {
        void run(byte[] input) throws Exception;
    }

    private static Arguments target(String corpus, Target target) {
        return Arguments.of(corpus, target);
    }

    private static Stream<Arguments> targets() {
        return Stream.of(
                target("sse", SseTarget::fuzzerTestOneInput),
                target("json", JsonTarget::fuzzerTestOneInput),
                target("multipart", MultipartTarget::fuzzerTestOneInput),
                target("settings", SettingsTarget::fuzzerTestOneInput),
                target("head", HeadTarget::fuzzerTestOneInput),
                target("path", PathTarget::fuzzerTestOneInput),
                target("tap", TapTarget::fuzzerTestOneInput),
                target("answer", AnswerTarget::fuzzerTestOneInput));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("targets")
    void everyInputIsTakenAsWhatItIs(String corpus, Target target) {
        Mutations mutations = new Mutations(corpus);
        for (byte[] each : mutations.seeds()) {
            one(target, each);
        }
        Random random = new Random(SEED);
        for (long i = 0; i < TRIES; i++) {
            one(target, mutations.next(random));
        }
    }

    private static void one(Target target, byte[] input) {
        try {
            target.run(input);
        } catch (Exception | Error failed) {
            throw new AssertionError("input, base64: " + Base64.getEncoder().encodeToString(input), failed);
        }
    }
}
