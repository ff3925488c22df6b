package dev.lockkeeper.bench;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The benchmark's commands; the scripts in {@code bench/} run them. */
@Command(
        name = "bench",
        description = "Measures a gateway from outside.",
        mixinStandardHelpOptions = true,
        subcommands = {
            Run.class,
            Micro.class,
            KeysTrial.class,
            LedgerRun.class,
            Kill.class,
            Outage.class,
            Faults.class,
            Soak.class,
            StatementTrial.class,
            CheapUpstream.class
        })
final class Bench {
    private Bench() {}

    /** @param arguments the command and its options */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Bench()).execute(arguments));
    }
}
