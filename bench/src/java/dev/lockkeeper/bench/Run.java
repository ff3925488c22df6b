package dev.lockkeeper.bench;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code run}: what the gateway costs beside a plain proxy and beside nothing, in interleaved rounds of one run. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description =
                "Measures calls directly, through nginx and through the gateway, in turns, and writes a table and a"
                        + " picture.")
final class Run implements Callable<Integer> {
    private static final int UNARY_RATE = 1_000;
    private static final int PROMPT_RATE = 20;
    private static final int CONNECTIONS = 64;
    private static final int MOST_LINKS = 4_000;
    private static final int FEW_STREAMS = 100;
    private static final int MANY_STREAMS = 1_000;

    /** Milliseconds between two chunks of a stream: 20 and 10 a second. */
    private static final List<Integer> PACES = List.of(50, 100);

    private static final Pattern PORTS = Pattern.compile("ports ([0-9 ]+)\\n");

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--quick", description = "A few minutes' run, for development: its figures mean little.")
    private boolean quick;

    @Option(names = "--rounds", description = "Rounds of each measurement. Default: 5, or 2 with --quick.")
    private int rounds;

    @Option(
            names = "--only",
            split = ",",
            description = "Some of unary, streams, many, prompt, flat, start. Default: all.")
    private List<String> only = List.of("unary", "streams", "many", "prompt", "flat", "start");

    @Option(names = "--java-opts", description = "Options for the gateway's JVM besides the launcher's. Default: none.")
    private String javaOptions = "";

    @Option(
            names = "--docs",
            description = "Folder with benchmarks.md, which gets table and picture. Default: target/bench")
    private Path docs = Path.of("target/bench");

    @Option(
            names = "--beside",
            split = " ",
            description =
                    "Command that starts another Lockkeeper, such as 'env LOCKKEEPER_GC=serial ./lockkeeper' or the"
                            + " launcher of another checkout: it is measured in turns with this one. For development; it stands"
                            + " in what is told of the rounds, not in the table.")
    private List<String> beside = List.of();

    @Option(
            names = "--hold",
            description = "Before it measures, says the gateway's process id and puts load on it for so many seconds,"
                    + " unary and streams in turns: for a profiler.")
    private int holdSeconds;

    private final Map<String, List<Double>> seen = new TreeMap<>();
    private final List<String> remarks = new ArrayList<>();

    /** A way from client to upstream. */
    private record Way(
            String name, List<InetSocketAddress> doors, String key, List<Proc> between, String modelPrefix) {}

    @Override
    public Integer call() throws IOException {
        if (rounds == 0) {
            rounds = quick ? 2 : 5;
        }
        PrintWriter say = spec.commandLine().getOut();
        Path work = Files.createTempDirectory("lockkeeper-bench");
        String nginxVersion = Nginx.version();
        try (Child upstream = startUpstream(work)) {
            List<Integer> ports = Stream.of(upstream.await(PORTS, Duration.ofSeconds(30))
                            .strip()
                            .split(" "))
                    .map(Integer::valueOf)
                    .toList();
            try (Lockkeeper gateway = Lockkeeper.start(work, configuration(ports), javaOptions, null);
                    Closing<Lockkeeper> other = new Closing<>(
                            beside.isEmpty()
                                    ? null
                                    : Lockkeeper.start(
                                            beside, work.resolve("beside"), configuration(ports), javaOptions, null));
                    Closing<Nginx> nginx =
                            new Closing<>(nginxVersion == null ? null : Nginx.start(work.resolve("nginx"), ports));
                    EventLoopGroup loops = Sockets.loops(1, "load")) {
                say.printf(
                        "Gateway %d, upstream %d, %s; files in %s%n",
                        gateway.proc().pid(),
                        upstream.proc().pid(),
                        nginxVersion == null ? "no nginx: that column stays empty" : nginxVersion,
                        work);
                List<Way> ways = new ArrayList<>();
                ways.add(new Way("direct", addresses(ports), "any", List.of(), ""));
                if (nginx.inside != null) {
                    ways.add(new Way(
                            "nginx",
                            addresses(nginx.inside.ports()),
                            "any",
                            nginx.inside.child().proc().family(),
                            ""));
                }
                ways.add(through("lockkeeper", gateway));
                if (other.inside != null) {
                    ways.add(through("other", other.inside));
                }
                measure(ways, upstream.proc(), gateway, loops, say);
            }
            if (only.contains("start")) {
                start(work, ports, say);
            }
        }
        write(nginxVersion, say);
        return 0;
    }

    private static Way through(String name, Lockkeeper gateway) {
        return new Way(
                name,
                List.of(gateway.address(), gateway.address(), gateway.address()),
                gateway.key(),
                List.of(gateway.proc()),
                "bench-");
    }

    /** Something that may not be there, and is closed if it is. */
    private record Closing<T extends AutoCloseable>(
            @Nullable T inside) implements AutoCloseable {
        @Override
        public void close() {
            if (inside != null) {
                try {
                    inside.close();
                } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                }
            }
        }
    }

    private Child startUpstream(Path work) {
        return new Child.Plan(
                        "upstream",
                        work,
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java")
                                        .toString(),
                                "-XX:+UseSerialGC",
                                "-Xmx256m",
                                "--enable-native-access=ALL-UNNAMED",
                                "--sun-misc-unsafe-memory-access=allow",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Bench.class.getName(),
                                "upstream",
                                "--every",
                                PACES.get(0) + "," + PACES.get(1)))
                .start();
    }

    private static List<InetSocketAddress> addresses(List<Integer> ports) {
        return ports.stream()
                .map(port -> new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
                .toList();
    }

    // ---- the measurements ----

    private void measure(List<Way> ways, Proc upstream, Lockkeeper gateway, EventLoopGroup loops, PrintWriter say) {
        warm(ways, loops, say);
        if (holdSeconds > 0) {
            hold(
                    ways.stream()
                            .filter(each -> each.name.equals("lockkeeper"))
                            .findFirst()
                            .orElseThrow(),
                    loops,
                    say);
        }
        for (int round = 1; round <= rounds; round++) {
            if (only.contains("unary")) {
                for (Way each : ways) {
                    unary(each, upstream, loops);
                }
                tell(say, round, "unary");
            }
            if (only.contains("prompt")) {
                for (Way each : ways) {
                    prompt(each, loops);
                }
                tell(say, round, "prompt");
            }
            if (only.contains("streams")) {
                for (Way each : ways) {
                    streams(each, upstream, loops, "streams", FEW_STREAMS, 1);
                }
                tell(say, round, "streams");
            }
            if (only.contains("many")) {
                for (Way each : ways) {
                    streams(each, upstream, loops, "many", MANY_STREAMS, 2);
                }
                tell(say, round, "many");
            }
            if (only.contains("flat")) {
                for (Way each : ways) {
                    flatOut(each, upstream, loops);
                }
                tell(say, round, "flat");
            }
        }
        remarks.add("Peak of the gateway's resident memory over the whole run: %d MiB; lines of calls lost: %.0f."
                .formatted(
                        gateway.proc().peakResidentBytes() >> 20,
                        gateway.metrics().sum("lockkeeper_log_lines_lost_total")));
    }

    /** At least a minute of all kinds of load through the gateway, a few seconds through the others. */
    private void warm(List<Way> ways, EventLoopGroup loops, PrintWriter say) {
        say.println("Warming up ...");
        say.flush();
        for (Way each : ways) {
            double share = each.modelPrefix.isEmpty() ? quick ? 0.1 : 0.2 : quick ? 0.3 : 1;
            load(each, 0, loops, unaryRequest(each), load -> load.open(UNARY_RATE, 25 * share));
            load(each, 1, loops, streamRequest(each, 1), load -> {
                Load.Streams streams = load.streams(200, 2);
                Pause.millis((long) (20_000 * share));
                streams.close(load);
                return null;
            });
            load(each, 0, loops, unaryRequest(each), load -> load.flatOut(CONNECTIONS, 15 * share));
            load(each, 0, loops, promptRequest(each), load -> load.open(PROMPT_RATE, 8 * share));
        }
    }

    private void hold(Way way, EventLoopGroup loops, PrintWriter say) {
        say.printf(
                "Holding for %d s: profile process %d%n",
                holdSeconds, way.between.getFirst().pid());
        say.flush();
        long until = System.nanoTime() + holdSeconds * 1_000_000_000L;
        while (System.nanoTime() < until) {
            say.println("unary");
            say.flush();
            load(way, 0, loops, unaryRequest(way), load -> load.open(4 * UNARY_RATE, 20));
            say.println("streams");
            say.flush();
            load(way, 2, loops, streamRequest(way, 2), load -> {
                Load.Streams streams = load.streams(MANY_STREAMS, 2);
                Pause.millis(20_000);
                streams.close(load);
                return null;
            });
        }
    }

    private interface Work<T extends @Nullable Object> {
        T on(Load load);
    }

    /** Does something over connections of its own, which are closed afterwards. */
    private static <T extends @Nullable Object> T load(
            Way way, int door, EventLoopGroup loops, String request, Work<T> work) {
        Links links = new Links(loops.next(), way.doors.get(door), MOST_LINKS, true);
        Load load = new Load(links, request);
        try {
            load.open(CONNECTIONS);
            return work.on(load);
        } finally {
            loops.next().execute(links::close);
            Pause.millis(300);
        }
    }

    private static long cpu(List<Proc> of) {
        return of.stream().mapToLong(Proc::cpuNanos).sum();
    }

    private static long resident(List<Proc> of) {
        return of.stream().mapToLong(Proc::residentBytes).sum();
    }

    private void unary(Way way, Proc upstream, EventLoopGroup loops) {
        load(way, 0, loops, unaryRequest(way), load -> {
            load.open(UNARY_RATE, 1);
            long cpuBefore = cpu(way.between);
            long upstreamBefore = upstream.cpuNanos();
            Load.Result result = load.open(UNARY_RATE, quick ? 5 : 15);
            note("unary", way, "cpu", (cpu(way.between) - cpuBefore) / 1e3 / result.calls());
            note("unary", way, "upstream", (upstream.cpuNanos() - upstreamBefore) / 1e3 / result.calls());
            times("unary", way, result);
            return null;
        });
    }

    private void prompt(Way way, EventLoopGroup loops) {
        load(way, 0, loops, promptRequest(way), load -> {
            load.open(PROMPT_RATE, 0.5);
            times("prompt", way, load.open(PROMPT_RATE, quick ? 3 : 6));
            return null;
        });
    }

    private void flatOut(Way way, Proc upstream, EventLoopGroup loops) {
        load(way, 0, loops, unaryRequest(way), load -> {
            load.flatOut(CONNECTIONS, 0.5);
            long cpuBefore = cpu(way.between);
            long upstreamBefore = upstream.cpuNanos();
            Load.Result result = load.flatOut(CONNECTIONS, quick ? 3 : 8);
            note("flat", way, "rate", result.perSecond());
            note("flat", way, "cpu", (cpu(way.between) - cpuBefore) / 1e3 / result.calls());
            note("flat", way, "upstream", (upstream.cpuNanos() - upstreamBefore) / 1e3 / result.calls());
            note("flat", way, "failed", (double) result.failed());
            return null;
        });
    }

    private void streams(Way way, Proc upstream, EventLoopGroup loops, String scenario, int count, int door) {
        load(way, door, loops, streamRequest(way, door), load -> {
            Load.Streams streams = load.streams(count, count / 250.0);
            try {
                Histogram _ = streams.delays();
                long chunksBefore = streams.chunks();
                long cpuBefore = cpu(way.between);
                long upstreamBefore = upstream.cpuNanos();
                long began = System.nanoTime();
                Pause.millis(quick ? 5_000 : 12_000);
                long cpu = cpu(way.between) - cpuBefore;
                long upstreamCpu = upstream.cpuNanos() - upstreamBefore;
                long chunks = streams.chunks() - chunksBefore;
                double seconds = (System.nanoTime() - began) / 1e9;
                Histogram delays = streams.delays();
                note(scenario, way, "cpu", cpu / 1e3 / chunks);
                note(scenario, way, "upstream", upstreamCpu / 1e3 / chunks);
                note(scenario, way, "rate", chunks / seconds);
                note(scenario, way, "p50", delays.getValueAtPercentile(50) / 1e3);
                note(scenario, way, "p99", delays.getValueAtPercentile(99) / 1e3);
                note(scenario, way, "resident", resident(way.between) / (double) (1 << 20));
                note(scenario, way, "failed", (double) streams.ended());
            } finally {
                streams.close(load);
                // The upstream sees them go; so does what is between.
                Pause.millis(1_000);
            }
            return null;
        });
    }

    private void times(String scenario, Way way, Load.Result result) {
        note(scenario, way, "p50", result.times().getValueAtPercentile(50) / 1e3);
        note(scenario, way, "p90", result.times().getValueAtPercentile(90) / 1e3);
        note(scenario, way, "p99", result.times().getValueAtPercentile(99) / 1e3);
        note(scenario, way, "failed", (double) result.failed());
    }

    private void note(String scenario, Way way, String what, double value) {
        seen.computeIfAbsent(scenario + " " + way.name + " " + what, _ -> new ArrayList<>())
                .add(value);
    }

    /** From {@code serve} to the first answer with 200, in a new process each time, on a data folder that is there. */
    private void start(Path work, List<Integer> upstreams, PrintWriter say) {
        Path folder = work.resolve("start");
        int port = Nginx.free();
        String file = configuration(upstreams).replace("port: 0}\nadmin", "port: " + port + "}\nadmin");
        String key;
        try (Lockkeeper first = Lockkeeper.start(folder, file, javaOptions, null)) {
            key = first.key();
        }
        String request = unaryRequest(key, "bench-0");
        // The first ones may have to make what later ones find.
        int before = 2;
        for (int i = 0; i < (quick ? 3 : 10) + before; i++) {
            long began = System.nanoTime();
            try (Child child = Lockkeeper.serve(folder, javaOptions, null)) {
                FirstAnswer.await(port, request, child);
                double millis = (System.nanoTime() - began) / 1e6;
                if (i >= before) {
                    seen.computeIfAbsent("start lockkeeper millis", _ -> new ArrayList<>())
                            .add(millis);
                }
            }
        }
        say.printf(Locale.ROOT, "start: %s%n", seen.get("start lockkeeper millis"));
        say.flush();
    }

    private void tell(PrintWriter say, int round, String scenario) {
        say.printf("round %d, %s:%n", round, scenario);
        seen.forEach((name, values) -> {
            if (name.startsWith(scenario + " ")) {
                say.printf(Locale.ROOT, "  %-30s %.1f%n", name, values.getLast());
                if (name.equals(scenario + " other cpu")) {
                    double own = seen.getOrDefault(scenario + " lockkeeper cpu", List.of())
                            .getLast();
                    say.printf(Locale.ROOT, "  %-30s %.3f%n", scenario + " this / other", own / values.getLast());
                }
            }
        });
        say.flush();
    }

    // ---- what is asked ----

    private static String unaryRequest(Way way) {
        return unaryRequest(way.key, way.modelPrefix + "0");
    }

    private static String unaryRequest(String key, String model) {
        return request(key, body(model, "How does a canal lock work? ".repeat(20), false));
    }

    private static String streamRequest(Way way, int door) {
        return request(way.key, body(way.modelPrefix + door, "How does a canal lock work? ".repeat(20), true));
    }

    /** Some 100,000 tokens: English has four to five letters each. */
    private static String promptRequest(Way way) {
        String sentence = "The keeper of the lock opened the upper paddles and watched the water rise in the chamber. ";
        return request(way.key, body(way.modelPrefix + "0", sentence.repeat(5_300), false));
    }

    static String body(String model, String prompt, boolean stream) {
        return "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"system\",\"content\":\"You answer in a few"
                + " sentences.\"},{\"role\":\"user\",\"content\":\"" + prompt + "\"}],\"temperature\":0.7"
                + (stream ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "") + "}";
    }

    private static String request(String key, String body) {
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: OpenAI/Python 2.9.0\r\n"
                + "Accept: application/json\r\nAuthorization: Bearer " + key
                + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
    }

    /** Everything as it comes, but for the ports; log lines go to a file. */
    private static String configuration(List<Integer> upstreams) {
        StringBuilder text = new StringBuilder("server: {host: 127.0.0.1, port: 0}\nadmin: {port: 0}\nproviders:\n");
        for (int i = 0; i < upstreams.size(); i++) {
            text.append(
                    "  up%d: {base-url: 'http://127.0.0.1:%d/v1', api-key: sk-bench, private-addresses: true, pool: {connections: 2000}}\n"
                            .formatted(i, upstreams.get(i)));
        }
        text.append("models:\n");
        for (int i = 0; i < upstreams.size(); i++) {
            text.append("  bench-%d: up%d/gpt-4o\n".formatted(i, i));
        }
        return text.toString();
    }

    private void write(@Nullable String nginxVersion, PrintWriter say) throws IOException {
        Report report = new Report(seen, nginxVersion, quick, rounds, remarks);
        say.println(report.table());
        Path pictures = docs.resolve("benchmarks");
        Files.createDirectories(pictures);
        Files.writeString(pictures.resolve("run.svg"), report.picture());
        Page.put(
                docs.resolve("benchmarks.md"),
                "run",
                Machine.told() + (nginxVersion == null ? "" : ", " + nginxVersion) + "\n\n![Cost beside nginx and"
                        + " beside nothing](benchmarks/run.svg)\n\n" + report.table());
        say.println("Written to " + docs.resolve("benchmarks.md").toAbsolutePath());
        say.flush();
    }
}
