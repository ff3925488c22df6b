package dev.lockkeeper.bench;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code soak}: an hour of load with mishaps, and whether the gateway is the same after it as before. */
@Command(
        name = "soak",
        mixinStandardHelpOptions = true,
        description =
                "Puts a gateway under mixed load with mishaps for a while; looks at its memory, threads, descriptors"
                        + " and accounts meanwhile, and says whether anything leaked or got lost.")
final class Soak implements Callable<Integer> {
    private static final int MOST_LINKS = 4_000;

    /** Growth that is not called a leak: the larger of these. */
    private static final double GROWTH_SHARE = 0.06;

    private static final int SERIES_MORE = 100;

    private static final long GROWTH_BYTES = 12L << 20;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--minutes", description = "How long. Default: ${DEFAULT-VALUE}.")
    private double minutes = 60;

    @Option(names = "--rate", description = "Calls a second. Default: ${DEFAULT-VALUE}.")
    private double rate = 500;

    @Option(names = "--mishaps", description = "Share of calls with a mishap, in percent. Default: ${DEFAULT-VALUE}.")
    private double mishaps = 5;

    @Option(
            names = "--reload-every",
            description = "Milliseconds from one reload of the configuration to the next, 0 for none; each changes the"
                    + " provider's key and pool. Default: ${DEFAULT-VALUE}.")
    private int reloadMillis;

    @Option(names = "--every", description = "Seconds between two samples. Default: ${DEFAULT-VALUE}.")
    private int everySeconds = 15;

    @Option(
            names = "--leaks",
            description = "Netty's leak detector: disabled, simple, advanced, paranoid. Default: ${DEFAULT-VALUE}.")
    private String leaks = "simple";

    @Option(names = "--java-opts", description = "Options for the gateway's JVM. Default: ${DEFAULT-VALUE}.")
    private String javaOptions = "-Xmx384m";

    @Option(names = "--seed", description = "What the mix of calls comes from. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Option(names = "--out", description = "Folder for samples, picture and verdict. Default: ${DEFAULT-VALUE}.")
    private Path out = Path.of("target/soak");

    @Option(names = "--docs", description = "Folder with benchmarks.md, which gets picture and verdict. Default: none.")
    private @Nullable Path docs;

    /** What was seen at one moment. */
    private record Sample(
            double minute,
            long sent,
            long ended,
            long lines,
            long wrongs,
            double residentMiB,
            double heapMiB,
            int threads,
            int descriptors,
            int clientConnections,
            double upstreamConnections,
            double callsInFlight,
            double bytesInFlight,
            double cores,
            double p50Millis,
            double p99Millis) {}

    private final List<Sample> samples = new ArrayList<>();
    private final Tally tally = new Tally();
    private final Recorder latencies = new Recorder(3);
    private long cpuBefore;
    private long cpuBeforeAt;

    @Override
    public Integer call() throws IOException {
        PrintWriter say = spec.commandLine().getOut();
        Files.createDirectories(out);
        Path work = Files.createTempDirectory("lockkeeper-soak");
        try (Lockkeeper.Simulator simulator = Lockkeeper.Simulator.start(work, "-Xmx1g");
                Lockkeeper gateway = Lockkeeper.start(
                        work,
                        configuration(simulator.port()),
                        javaOptions + " -Dio.netty.leakDetection.level=" + leaks,
                        tally::line);
                EventLoopGroup loops = Sockets.loops(1, "load")) {
            say.printf(
                    "Soak: %s calls/s for %s minutes, %s%% mishaps; gateway %d, simulator %d, files in %s%n",
                    Picture.trimmed(rate),
                    Picture.trimmed(minutes),
                    Picture.trimmed(mishaps),
                    gateway.proc().pid(),
                    simulator.child().proc().pid(),
                    work);
            say.flush();
            Links links = new Links(loops.next(), gateway.address(), MOST_LINKS, false);
            cpuBefore = gateway.proc().cpuNanos();
            cpuBeforeAt = System.nanoTime();
            SoakClient client =
                    new SoakClient(links, new SoakMix(seed, gateway.key(), mishaps / 100), tally, latencies, rate);
            long began = System.nanoTime();
            long length = (long) (minutes * 60e9);
            long every = Duration.ofSeconds(everySeconds).toNanos();
            client.start();
            Reloads reloads = reloadMillis == 0
                    ? null
                    : Reloads.start(
                            gateway,
                            work,
                            List.of(other(simulator.port()), configuration(simulator.port())),
                            Duration.ofMillis(reloadMillis));
            // The first half fills pools, and caches up to their bounds: what they keep is no leak.
            long warm = length / 2;
            Baseline baseline = null;
            for (long at = every; at <= length; at += every) {
                Pause.until(began + at);
                if (!gateway.child().alive()) {
                    say.println("The gateway has ended: " + gateway.child().said());
                    return 1;
                }
                if (baseline == null && at >= warm) {
                    baseline = Baseline.of(gateway);
                }
                sample(gateway, links, began, say);
            }
            if (reloads != null) {
                reloads.close();
            }
            client.stop();
            for (int i = 0; i < 140 && tally.endedSoFar() < tally.sentSoFar(); i++) {
                Pause.millis(1_000);
            }
            loops.next().execute(links::close);
            // Upstream connections idle for 20 s, then close.
            Pause.millis(30_000);
            sample(gateway, links, began, say);
            List<Finding> findings = findings(gateway, baseline == null ? Baseline.of(gateway) : baseline);
            if (reloads != null) {
                say.println("First reload that failed: " + (reloads.failure().isEmpty() ? "none" : reloads.failure()));
                is(
                        findings,
                        "reloads put into effect, of " + reloads.asked() + " asked for",
                        reloads.followed(),
                        reloads.asked());
            }
            return write(findings, say);
        }
    }

    /** What the gateway had when it was warm, at half time. */
    private record Baseline(double liveHeapMiB, int threads, long series) {
        static Baseline of(Lockkeeper gateway) {
            return new Baseline(liveHeapMiB(gateway), gateway.proc().threads(), series(gateway.metrics()));
        }

        /** Series of its own; the JVM's come with the collections that it happens to make. */
        static long series(Scrape metrics) {
            return metrics.values().keySet().stream()
                    .filter(each -> each.startsWith("lockkeeper_"))
                    .count();
        }

        /** What is left of the heap after a collection that it is told to make. */
        static double liveHeapMiB(Lockkeeper gateway) {
            try {
                String jcmd =
                        Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
                new ProcessBuilder(jcmd, Long.toString(gateway.proc().pid()), "GC.run")
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor();
            } catch (IOException | InterruptedException failed) {
                throw new IllegalStateException("jcmd", failed);
            }
            return gateway.metrics().sum("jvm_memory_used_bytes", "area=\"heap\"") / (1 << 20);
        }
    }

    private void sample(Lockkeeper gateway, Links links, long began, PrintWriter say) {
        Proc proc = gateway.proc();
        Scrape metrics = gateway.metrics();
        long now = System.nanoTime();
        long cpu = proc.cpuNanos();
        double cores = (cpu - cpuBefore) / (double) (now - cpuBeforeAt);
        cpuBefore = cpu;
        cpuBeforeAt = now;
        Histogram recent = latencies.getIntervalHistogram();
        Sample sample = new Sample(
                (now - began) / 60e9,
                tally.sentSoFar(),
                tally.endedSoFar(),
                tally.linesSoFar(),
                tally.wrongs(),
                proc.residentBytes() / (double) (1 << 20),
                metrics.sum("jvm_memory_used_bytes", "area=\"heap\"") / (1 << 20),
                proc.threads(),
                proc.descriptors(),
                links.open(),
                metrics.sum("lockkeeper_upstream_connections"),
                metrics.sum("lockkeeper_calls_in_flight"),
                metrics.sum("lockkeeper_bytes_in_flight"),
                cores,
                recent.getValueAtPercentile(50) / 1000.0,
                recent.getValueAtPercentile(99) / 1000.0);
        samples.add(sample);
        say.printf(
                Locale.ROOT,
                "%s %5.1f min  sent %d ended %d wrong %d  rss %.0f MiB heap %.0f MiB threads %d fds %d  in flight %.0f"
                        + "  cores %.2f  p50 %.1f ms p99 %.1f ms%n",
                LocalTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS),
                sample.minute,
                sample.sent,
                sample.ended,
                sample.wrongs,
                sample.residentMiB,
                sample.heapMiB,
                sample.threads,
                sample.descriptors,
                sample.callsInFlight,
                sample.cores,
                sample.p50Millis,
                sample.p99Millis);
        say.flush();
    }

    /** One thing that was looked at. */
    private record Finding(String what, String seen, boolean good) {}

    private List<Finding> findings(Lockkeeper gateway, Baseline baseline) {
        List<Finding> findings = new ArrayList<>();
        Scrape metrics = gateway.metrics();
        long sent = tally.sentSoFar();
        long counted = (long) metrics.sum("lockkeeper_calls_total");
        String said = gateway.child().said();
        long leaked = said.lines().filter(line -> line.contains("LEAK:")).count();
        long errors = said.lines().filter(line -> line.contains(" ERROR ")).count();
        Sample last = samples.getLast();
        double live = Baseline.liveHeapMiB(gateway);

        is(findings, "calls that ended for their clients, of " + sent + " sent", tally.endedSoFar(), sent);
        is(findings, "calls that ended otherwise than they must", tally.wrongs(), 0);
        is(findings, "lines in the log", tally.linesSoFar(), sent);
        is(findings, "calls in the metrics", counted, sent);
        is(findings, "ids told to clients that are in no line", tally.onlyAtClients(), 0);
        is(
                findings,
                "lines of calls whose client was told no id (" + tally.withoutId() + " of those)",
                tally.onlyInLog(),
                tally.withoutId());
        is(findings, "calls whose status differs between client and log", tally.statusesDiffer(), 0);
        is(findings, "log lines lost", (long) metrics.sum("lockkeeper_log_lines_lost_total"), 0);
        is(findings, "calls in flight afterwards", (long) last.callsInFlight, 0);
        is(findings, "bytes in flight afterwards", (long) last.bytesInFlight, 0);
        is(findings, "connections to the provider afterwards", (long) last.upstreamConnections, 0);
        is(findings, "buffers that Netty's detector (" + leaks + ") found leaked", leaked, 0);
        is(findings, "errors in the gateway's own log", errors, 0);
        findings.add(new Finding(
                "threads, at half time and afterwards",
                baseline.threads + ", " + last.threads,
                last.threads <= baseline.threads + 2));
        // A seldom kind of call may show itself late; a series for each reload or connection would be thousands.
        long series = Baseline.series(metrics);
        findings.add(new Finding(
                "series of metrics, at half time and afterwards",
                baseline.series + ", " + series,
                series <= baseline.series + SERIES_MORE));
        int lowest = samples.stream().mapToInt(Sample::descriptors).min().orElse(0);
        findings.add(new Finding(
                "descriptors, least under load and afterwards",
                lowest + ", " + last.descriptors,
                last.descriptors <= lowest));
        findings.add(grown("live heap, at half time and afterwards", baseline.liveHeapMiB, live));
        List<Sample> loaded = samples.subList(0, samples.size() - 1);
        int half = loaded.size() / 2;
        int quarter = Math.max(1, loaded.size() / 4);
        findings.add(grown(
                "resident memory, second quarter and last (medians)",
                median(loaded.subList(Math.min(quarter, half), Math.max(half, quarter + 1)), Sample::residentMiB),
                median(loaded.subList(loaded.size() - quarter, loaded.size()), Sample::residentMiB)));
        return findings;
    }

    private static void is(List<Finding> findings, String what, long seen, long expected) {
        findings.add(new Finding(what, Long.toString(seen), seen == expected));
    }

    private static Finding grown(String what, double before, double after) {
        double bound = before + Math.max(before * GROWTH_SHARE, GROWTH_BYTES / (double) (1 << 20));
        return new Finding(what, String.format(Locale.ROOT, "%.0f MiB, %.0f MiB", before, after), after <= bound);
    }

    private static double median(List<Sample> of, ToDoubleFunction<Sample> value) {
        double[] sorted = of.stream().mapToDouble(value).sorted().toArray();
        return sorted.length == 0 ? 0 : sorted[sorted.length / 2];
    }

    private int write(List<Finding> findings, PrintWriter say) throws IOException {
        boolean good = findings.stream().allMatch(Finding::good);
        String table = "| looked at | seen | |\n|---|---|---|\n"
                + findings.stream()
                        .map(each -> "| " + each.what + " | " + each.seen + " | " + (each.good ? "good" : "**BAD**")
                                + " |\n")
                        .collect(Collectors.joining());
        String ends = "Endings: " + tally.ends() + "\nOutcomes in the log: " + tally.outcomes() + "\n";
        Files.writeString(out.resolve("verdict.md"), Machine.told() + "\n\n" + table + "\n" + ends);
        Files.writeString(out.resolve("kinds.txt"), tally.table());
        Files.writeString(out.resolve("wrong.txt"), String.join("\n", tally.wrongOnes()) + "\n");
        writeSamples();
        Files.writeString(out.resolve("soak.svg"), picture());
        if (docs != null) {
            Files.createDirectories(docs.resolve("benchmarks"));
            Files.writeString(docs.resolve("benchmarks").resolve("soak.svg"), picture());
            Page.put(
                    docs.resolve("benchmarks.md"),
                    "soak",
                    Machine.told()
                            + "\n\n![Memory, threads, descriptors and calls over the soak](benchmarks/soak.svg)\n\n"
                            + table + "\n" + ends.replace("\n", "\n\n"));
        }
        say.println(table);
        say.println(ends);
        say.println(
                (good ? "Nothing leaked, nothing was lost." : "Something is wrong.") + " See " + out.toAbsolutePath());
        say.flush();
        return good ? 0 : 1;
    }

    private void writeSamples() {
        StringBuilder csv = new StringBuilder(
                "minute,sent,ended,lines,wrong,rss_mib,heap_mib,threads,descriptors,client_connections,"
                        + "upstream_connections,calls_in_flight,bytes_in_flight,cores,p50_ms,p99_ms\n");
        for (Sample each : samples) {
            csv.append(String.format(
                    Locale.ROOT,
                    "%.2f,%d,%d,%d,%d,%.1f,%.1f,%d,%d,%d,%.0f,%.0f,%.0f,%.3f,%.2f,%.2f%n",
                    each.minute,
                    each.sent,
                    each.ended,
                    each.lines,
                    each.wrongs,
                    each.residentMiB,
                    each.heapMiB,
                    each.threads,
                    each.descriptors,
                    each.clientConnections,
                    each.upstreamConnections,
                    each.callsInFlight,
                    each.bytesInFlight,
                    each.cores,
                    each.p50Millis,
                    each.p99Millis));
        }
        try {
            Files.writeString(out.resolve("samples.csv"), csv);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private String picture() {
        double[] x = samples.stream().mapToDouble(Sample::minute).toArray();
        Picture picture = new Picture(
                "Soak: %s calls/s for %s minutes, %s%% of them with a mishap"
                        .formatted(Picture.trimmed(rate), Picture.trimmed(minutes), Picture.trimmed(mishaps)),
                Machine.told());
        picture.line("Resident memory", x, values(Sample::residentMiB), Soak::mebibytes);
        picture.line("Heap in use", x, values(Sample::heapMiB), Soak::mebibytes);
        picture.line("Calls in flight", x, values(Sample::callsInFlight), Soak::plain);
        picture.line("Descriptors", x, values(each -> each.descriptors), Soak::plain);
        picture.line("Threads", x, values(each -> each.threads), Soak::plain);
        picture.line("Processor", x, values(Sample::cores), value -> Picture.trimmed(value) + " cores");
        return picture.svg();
    }

    private double[] values(ToDoubleFunction<Sample> value) {
        return samples.stream().mapToDouble(value).toArray();
    }

    private static String mebibytes(double value) {
        return Math.round(value) + " MiB";
    }

    private static String plain(double value) {
        return Long.toString(Math.round(value));
    }

    /** The same with another key and another pool, so that following it takes new connections. */
    private static String other(int simulatorPort) {
        return configuration(simulatorPort)
                .replace("api-key: sk-simulated", "api-key: sk-simulated-too")
                .replace("keep-alive: 20s", "keep-alive: 21s");
    }

    /** Waits are short enough that each mishap ends, and long enough that a busy machine makes none of its own. */
    private static String configuration(int simulatorPort) {
        return """
                server: {host: 127.0.0.1, port: 0}
                admin: {port: 0}
                reload: {watch: false}
                stream: {max-event: 4MiB, heartbeat: 2s}
                prices: {unpriced: {input: $1, output: $2}}
                providers:
                  sim:
                    base-url: http://127.0.0.1:%d/v1
                    api-key: sk-simulated
                    private-addresses: true
                    timeouts: {connect: 10s, first-byte: 20s, idle: 20s, total: 90s}
                    pool: {connections: 2000, queue: 2000, keep-alive: 20s, wait: 10s}
                models:
                """.formatted(simulatorPort)
                + SoakMix.MODELS.stream().map(each -> "  " + each + ": sim\n").collect(Collectors.joining());
    }
}
