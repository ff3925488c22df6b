package dev.lockkeeper.bench;

import dev.lockkeeper.testing.OutageTrial;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code outage}: calls while providers die and come back. */
@Command(
        name = "outage",
        mixinStandardHelpOptions = true,
        description =
                "Makes calls at a steady rate while each of three providers dies and comes back at random, and looks"
                        + " whether each caller gets its answer, whole and once. Ends with 1 where one does not.")
final class Outage implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--calls", description = "Default: 10000")
    private int calls = 10_000;

    @Option(names = "--rate", description = "Calls a second. Default: 200")
    private int rate = 200;

    @Option(names = "--seed", description = "Of the outages. Default: 1")
    private long seed = 1;

    @Override
    public Integer call() throws Exception {
        OutageTrial.Result seen = new OutageTrial(calls, rate, seed).run();
        spec.commandLine()
                .getOut()
                .printf(
                        "%d calls, %d whole, %d outages, %d attempts (%.1f%% of the calls went elsewhere, %.1f%% were tried"
                                + " again at the same provider); p50 %d ms, p99 %d ms, longest"
                                + " %d ms; slowest recovery of a breaker %d ms%n",
                        seen.calls(),
                        seen.whole(),
                        seen.outages(),
                        seen.attempts(),
                        100.0 * (seen.attempts() - seen.retries() - seen.calls()) / seen.calls(),
                        100.0 * seen.retries() / seen.calls(),
                        seen.p50Millis(),
                        seen.p99Millis(),
                        seen.longestMillis(),
                        seen.slowestRecoveryMillis());
        seen.wrong().forEach((what, times) -> spec.commandLine().getOut().printf("%d x %s%n", times, what));
        spec.commandLine().getOut().flush();
        return seen.whole() == seen.calls() ? 0 : 1;
    }
}
