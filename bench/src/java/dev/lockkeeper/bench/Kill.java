package dev.lockkeeper.bench;

import dev.lockkeeper.testing.KillTrial;
import dev.lockkeeper.testing.NodesKillTrial;
import dev.lockkeeper.units.Money;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code kill}: kills a gateway under load, or several that share a budget, and holds what clients saw against the books. */
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

    @Option(
            names = "--nodes",
            description =
                    "Gateways that share one budget on one PostgreSQL, and are killed. Default: 1, without a budget")
    private int nodes = 1;

    @Option(names = "--budget", description = "Of several: what they may spend, in dollars. Default: 15")
    private int budget = 15;

    @Option(names = "--runs", description = "Of several: how many seeds. Default: 1")
    private int runs = 1;

    @Option(names = "--longest", description = "Of several: seconds of kills at most, of each run. Default: 60")
    private long longest = 60;

    @Option(names = "--no-fencing", description = "Of several: none is fenced")
    private boolean noFencing;

    @Override
    public Integer call() throws Exception {
        return nodes > 1 ? several() : one();
    }

    private int several() throws Exception {
        PrintWriter say = spec.commandLine().getOut();
        int wrong = 0;
        for (long each = seed; each < seed + runs; each++) {
            Path folder = Files.createTempDirectory("kill-");
            NodesKillTrial.Result seen = new NodesKillTrial(folder, nodes, rate, budget * Money.DOLLAR, each)
                    .run(1_000 * longest, !noFencing);
            say.printf(
                    "seed %d: %d kills, %d fenced; %d calls sent, %d answers seen whole, %d of them booked once at their"
                            + " cost, %d booked twice, %d cut off and booked at what was held%n",
                    each,
                    seen.kills(),
                    seen.fenced(),
                    seen.asked(),
                    seen.complete(),
                    seen.booked(),
                    seen.twice(),
                    seen.recovered());
            say.printf(
                    "  of %s: at most %s spent and leased, in %d looks; first refused for good with %s spent and %s"
                            + " leased, with all running at %s; in the end %s, of that %s overruns%n",
                    new Money(seen.budgetNanos()),
                    new Money(seen.mostNanos()),
                    seen.looks(),
                    new Money(seen.firstNanos()),
                    new Money(seen.firstLeasedNanos()),
                    new Money(seen.lastNanos()),
                    new Money(seen.spentNanos()),
                    new Money(seen.overrunNanos()));
            say.println("  refused or cut off: " + new TreeMap<>(seen.refused()));
            for (String what : seen.wrong()) {
                wrong++;
                say.println("  WRONG: " + what);
            }
            say.println("  the folder is " + folder);
            say.flush();
        }
        return wrong == 0 ? 0 : 1;
    }

    private int one() throws Exception {
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
