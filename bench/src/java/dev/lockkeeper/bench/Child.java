package dev.lockkeeper.bench;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A process that the benchmark has started. It ends when this is closed, and at the latest with the benchmark itself. */
final class Child implements AutoCloseable {
    /** How long a process may take to end by itself after it was told to. */
    private static final Duration GRACE = Duration.ofSeconds(15);

    private static final Set<Child> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> RUNNING.forEach(each -> each.process.destroyForcibly()), "children"));
    }

    private final String name;
    private final Process process;
    private final Path errors;

    private Child(String name, Process process, Path errors) {
        this.name = name;
        this.process = process;
        this.errors = errors;
    }

    /** What is to be started, and where what it says goes. */
    static final class Plan {
        private final String name;
        private final Path folder;
        private final List<String> command;
        private Map<String, String> environment = Map.of();
        private @Nullable Consumer<String> lines;

        /**
         * @param name names the process in messages, and the files of what it says
         * @param folder where those files are made
         */
        Plan(String name, Path folder, List<String> command) {
            this.name = name;
            this.folder = folder;
            this.command = command;
        }

        /** Variables it gets besides those of this process. */
        Plan environment(Map<String, String> value) {
            environment = value;
            return this;
        }

        /** Who hears the lines of its standard output, on a thread of its own. Otherwise they go to a file. */
        Plan lines(Consumer<String> hearer) {
            lines = hearer;
            return this;
        }

        /** Starts it. */
        Child start() {
            try {
                Files.createDirectories(folder);
                Path errors = folder.resolve(name + ".err");
                ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
                File output = folder.resolve(name + ".out").toFile();
                Consumer<String> hearer = lines;
                if (hearer == null) {
                    builder.redirectOutput(output);
                }
                builder.environment().putAll(environment);
                Child child = new Child(name, builder.start(), errors);
                RUNNING.add(child);
                if (hearer != null) {
                    Thread.ofPlatform().daemon().name(name + " lines").start(() -> child.hear(hearer));
                }
                return child;
            } catch (IOException failed) {
                throw new UncheckedIOException(name + " could not be started", failed);
            }
        }
    }

    private void hear(Consumer<String> hearer) {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                hearer.accept(line);
            }
        } catch (IOException ended) {
            // Its last line was the one before.
        }
    }

    /**
     * Waits until its standard error has something.
     *
     * @return the first group
     * @throws IllegalStateException when it ends or the time is up; the message has what it said
     */
    String await(Pattern wanted, Duration atMost) {
        long until = System.nanoTime() + atMost.toNanos();
        while (true) {
            Matcher found = wanted.matcher(said());
            if (found.find()) {
                return found.group(1);
            }
            if (!process.isAlive() || System.nanoTime() > until) {
                throw new IllegalStateException(
                        name + (process.isAlive() ? " is not up after " + atMost.toSeconds() + " s" : " has ended")
                                + ", it said: " + said());
            }
            Pause.millis(5);
        }
    }

    /** What it has said on standard error. */
    String said() {
        try {
            return Files.readString(errors);
        } catch (IOException unread) {
            return "";
        }
    }

    boolean alive() {
        return process.isAlive();
    }

    Proc proc() {
        return new Proc(process.pid());
    }

    /** Tells it to end; when it has not after a while, it is made to. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException stopped) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        RUNNING.remove(this);
    }
}
