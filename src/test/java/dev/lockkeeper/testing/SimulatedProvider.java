package dev.lockkeeper.testing;

import dev.lockkeeper.http.Loops;
import dev.lockkeeper.simulator.Simulator;
import dev.lockkeeper.simulator.SimulatorSettings;
import java.time.Clock;
import java.util.SplittableRandom;

/** A simulator that stands apart from any gateway, and outlives it. */
public final class SimulatedProvider implements AutoCloseable {
    private final Loops loops;
    private final Simulator simulator;

    private SimulatedProvider(long seed) {
        loops = Loops.start(1, new SplittableRandom(seed));
        simulator = Simulator.start(
                loops,
                "127.0.0.1",
                0,
                SimulatorSettings.seeded(seed, Clock.systemUTC()).withRules(false, false));
    }

    /** Two with the same seed give the same ids in the same order. */
    public static SimulatedProvider seeded(long seed) {
        return new SimulatedProvider(seed);
    }

    public int port() {
        return simulator.port();
    }

    @Override
    public void close() {
        simulator.close();
        loops.close();
    }
}
