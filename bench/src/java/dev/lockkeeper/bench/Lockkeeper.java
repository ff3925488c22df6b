package dev.lockkeeper.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A gateway as an operator starts it: by the launcher, in a process of its own, on ports that were free.
 *
 * @param child its process
 * @param port where clients reach it
 * @param adminPort where the operator does
 * @param key a key it takes
 */
record Lockkeeper(Child child, int port, int adminPort, String key) implements AutoCloseable {
    /** The folder of the sources: where the launcher is. The commands of the benchmark start there. */
    static final Path HOME = Path.of("").toAbsolutePath();

    private static final List<String> LAUNCHER =
            List.of(HOME.resolve("lockkeeper").toString());
    private static final Duration UP = Duration.ofSeconds(60);
    private static final Pattern PORT = Pattern.compile("is open at http://[^ ]*:([0-9]+)/v1");
    private static final Pattern ADMIN = Pattern.compile("operator: http://[^ ]*:([0-9]+)\\)");
    private static final Pattern KEY = Pattern.compile("shown this once: (\\S+)");
    private static final Pattern SIMULATOR = Pattern.compile("is open at http://[^ ]*:([0-9]+)/v1");

    /**
     * Starts one on a new data folder.
     *
     * @param configuration the file's text, without {@code data}
     * @param javaOptions options for its JVM, besides the launcher's
     * @param lines hears the lines of calls; null lets them go to a file
     */
    static Lockkeeper start(Path folder, String configuration, String javaOptions, @Nullable Consumer<String> lines) {
        return start(LAUNCHER, folder, configuration, javaOptions, lines);
    }

    /** The same by another command than this folder's launcher. */
    static Lockkeeper start(
            List<String> launcher,
            Path folder,
            String configuration,
            String javaOptions,
            @Nullable Consumer<String> lines) {
        try {
            Files.createDirectories(folder);
            Files.writeString(
                    folder.resolve("lockkeeper.yaml"), configuration + "data: " + folder.resolve("data") + "\n");
            Child child = serve(launcher, folder, javaOptions, lines);
            return new Lockkeeper(
                    child,
                    Integer.parseInt(child.await(PORT, UP)),
                    Integer.parseInt(child.await(ADMIN, UP)),
                    child.await(KEY, UP));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Starts one on a folder where one was before; returns at once. */
    static Child serve(Path folder, String javaOptions, @Nullable Consumer<String> lines) {
        return serve(LAUNCHER, folder, javaOptions, lines);
    }

    private static Child serve(
            List<String> launcher, Path folder, String javaOptions, @Nullable Consumer<String> lines) {
        List<String> command = new ArrayList<>(launcher);
        command.addAll(
                List.of("serve", "--config", folder.resolve("lockkeeper.yaml").toString()));
        Child.Plan plan =
                new Child.Plan("lockkeeper", folder, command).environment(Map.of("LOCKKEEPER_JAVA_OPTS", javaOptions));
        if (lines != null) {
            plan.lines(lines);
        }
        return plan.start();
    }

    /** A simulated provider in a process of its own; the port is where it is open. */
    record Simulator(Child child, int port) implements AutoCloseable {
        static Simulator start(Path folder, String javaOptions) {
            Child child = new Child.Plan(
                            "simulator",
                            folder,
                            List.of(HOME.resolve("lockkeeper").toString(), "simulate", "--port", "0", "--seed", "1"))
                    .environment(Map.of("LOCKKEEPER_JAVA_OPTS", javaOptions))
                    .start();
            return new Simulator(child, Integer.parseInt(child.await(SIMULATOR, UP)));
        }

        @Override
        public void close() {
            child.close();
        }
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    Proc proc() {
        return child.proc();
    }

    Scrape metrics() {
        return Scrape.of(adminPort);
    }

    @Override
    public void close() {
        child.close();
    }
}
