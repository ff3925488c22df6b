package dev.lockkeeper.fuzz;

import java.util.Base64;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;

/**
 * Every target of {@code bench/fuzz}, for a few thousand inputs made by chance from its corpus; with {@code
 * -Dfuzz.tries=10000000} for as many as that.
 */
class TargetsTest {
    private static final int SEEDS = 50;

    /** The same inputs each time: what nobody has tried yet is for trials to find, not for builds. */
    private static final String SEED = "20261121";

    private static final long TRIES = Long.getLong("fuzz.tries", 3_000);

    /** A target. */
    @FunctionalInterface
    private interface Target {
        void run(byte[] input) throws Exception;
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void serverSentEvents(@ForAll long seed) {
        run("sse", SseTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void jsonOfRequests(@ForAll long seed) {
        run("json", JsonTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void multipartForms(@ForAll long seed) {
        run("multipart", MultipartTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void configurations(@ForAll long seed) {
        run("settings", SettingsTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void headsOfRequests(@ForAll long seed) {
        run("head", HeadTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void pathsAndQueries(@ForAll long seed) {
        run("path", PathTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void streamsOfUpstreams(@ForAll long seed) {
        run("tap", TapTarget::fuzzerTestOneInput, seed);
    }

    @Property(tries = SEEDS, seed = SEED, shrinking = ShrinkingMode.OFF)
    void answersOfUpstreams(@ForAll long seed) {
        run("answer", AnswerTarget::fuzzerTestOneInput, seed);
    }

    private static void run(String name, Target target, long seed) {
        Mutations mutations = new Mutations(name);
        for (byte[] each : mutations.seeds()) {
            one(target, each);
        }
        Random random = new Random(seed);
        for (long i = TRIES / SEEDS; i > 0; i--) {
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
