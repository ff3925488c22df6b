package dev.lockkeeper.bench;

import dev.lockkeeper.testing.KillTrial;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code kill}: kills a gateway under load, many times, and holds what clients saw against the books. */
@Command(
        name = "kill",
        mixinStandardHelpOptions = true,
        description =
                "Kills a gateway under load (kill -9), starts it again, and looks whether each answer that a client"
                        + " saw whole is booked once. Ends with 1 where one is not.")
final class Kill implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--times", description = "Kills. Default: 50")
    private int times = 50;

    @Option(names = "--rate", description = "Calls a second at most. Default: 500")
    private int rate = 500;

    @Option(names = "--load", description = "Milliseconds of load before a kill, at most. Default: 3000")
    private long load = 3_000;

    @Option(names = "--seed", description = "Of the times of the kills. Default: 1")
    private long seed = 1;

    @Override
    public Integer call() throws Exception {
        PrintWriter say = spec.commandLine().getOut();
        Path folder = Files.createTempDirectory("kill-");
        KillTrial.Result seen = new KillTrial(folder, rate, seed).run(times, load);
        say.printf(
                "%d kills in %.1f s of load: %d calls sent (%.0f a second), %d answers seen whole%n",
                seen.kills(),
                seen.loadMillis() / 1e3,
                seen.asked(),
                seen.asked() * 1e3 / Math.max(1, seen.loadMillis()),
                seen.complete());
        say.printf(
                "of those booked once, at their cost: %d; booked twice: %d; cut off and booked at what was held: %d%n",
                seen.booked(), seen.twice(), seen.recovered());
        say.println("the folder is " + folder);
        say.flush();
        return seen.booked() == seen.complete() && seen.twice() == 0 ? 0 : 1;
    }
}
