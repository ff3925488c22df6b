package dev.lockkeeper.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code jmh}: what the pure parts of a call's way take, each alone. */
@Command(
        name = "jmh",
        mixinStandardHelpOptions = true,
        description = "Times the pure parts of a call's way with JMH, and writes a table.")
final class Micro implements Callable<Integer> {
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("splitter", "a chunk of a chat stream: finding its event"),
            Map.entry("chatTap", "the same, and reading it"),
            Map.entry("responsesTap", "a text delta of a Responses stream: finding and reading it"),
            Map.entry("unaryTap", "a chat completion of 1 KB: reading usage and finish"),
            Map.entry("scanSmall", "a request of 0.8 KB: reading it"),
            Map.entry("scanLarge", "a request of 450 KB: reading it"),
            Map.entry("rewrite", "a request of 0.8 KB: replacing its model, asking for usage"),
            Map.entry("multipartPeek", "a form with a file of 64 KiB: finding the model behind it"),
            Map.entry("findKey", "finding out who presents a key"),
            Map.entry("routeOne", "choosing for a model with one target"),
            Map.entry("routeCases", "choosing among four cases, for a rank of three by weight"),
            Map.entry("health", "an attempt's way past breakers, limit and latency: in, first token, out"),
            Map.entry("enterAndLeave.SQLITE", "three limits: coming in and leaving"),
            Map.entry("enterAndLeave.POSTGRESQL", "the same by shares, as a node on PostgreSQL"));

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--only", description = "A part's name, or a pattern. Default: all.")
    private String only = ".*";

    @Option(names = "--quick", description = "One fork and short iterations, for development.")
    private boolean quick;

    @Option(names = "--docs", description = "Folder with benchmarks.md, which gets the table. Default: target/bench")
    private Path docs = Path.of("target/bench");

    @Override
    public Integer call() throws RunnerException, IOException {
        PrintWriter say = spec.commandLine().getOut();
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .include("\\.(PureParts|LimitParts)\\." + only + "$")
                        .forks(quick ? 1 : 2)
                        .warmupIterations(quick ? 2 : 3)
                        .warmupTime(TimeValue.seconds(quick ? 1 : 2))
                        .measurementIterations(quick ? 2 : 5)
                        .measurementTime(TimeValue.seconds(1))
                        .jvmArgsAppend(
                                "-XX:+UseCompactObjectHeaders",
                                "--enable-native-access=ALL-UNNAMED",
                                "--sun-misc-unsafe-memory-access=allow")
                        .addProfiler(GCProfiler.class)
                        .build())
                .run();
        StringBuilder table = new StringBuilder("| part | time | allocated |\n|---|---:|---:|\n");
        for (String each : List.of(
                "findKey",
                "enterAndLeave.SQLITE",
                "enterAndLeave.POSTGRESQL",
                "scanSmall",
                "scanLarge",
                "rewrite",
                "multipartPeek",
                "unaryTap",
                "splitter",
                "chatTap",
                "responsesTap",
                "routeOne",
                "routeCases",
                "health")) {
            for (RunResult result : results) {
                String store = result.getParams().getParam("store");
                String part = result.getParams().getBenchmark() + (store == null ? "" : "." + store);
                if (part.endsWith("." + each)) {
                    Result<?> time = result.getPrimaryResult();
                    Result<?> allocated = result.getSecondaryResults().get("gc.alloc.rate.norm");
                    table.append(String.format(
                            Locale.ROOT,
                            "| %s | %,.0f ± %,.0f ns | %s |%n",
                            NAMES.get(each),
                            time.getScore(),
                            time.getScoreError(),
                            allocated == null ? "" : String.format(Locale.ROOT, "%,.0f B", allocated.getScore())));
                }
            }
        }
        say.println(table);
        Page.put(docs.resolve("benchmarks.md"), "jmh", Machine.told() + "\n\n" + table);
        say.flush();
        return 0;
    }
}
