package dev.lockkeeper.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code lockkeeper serve} in a process of its own, so that signals and exit codes are real. */
public final class ServeProcess implements AutoCloseable {
    private static final Pattern OPEN = Pattern.compile("is open at (http://[^/]+)/v1 \\(operator: (http://[^)]+)\\)");
    private static final Pattern KEY = Pattern.compile("lk-live-[0-9A-Za-z]{49}");
    private static final long PATIENCE_SECONDS = 120;

    private final Process process;
    private final List<String> messages = new CopyOnWriteArrayList<>();
    private final List<String> calls = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Void> open = new CompletableFuture<>();
    private final Thread out;
    private final Thread err;

    private ServeProcess(Process process) {
        this.process = process;
        // A test or a trial that is broken off leaves none behind.
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        out = Thread.ofVirtual().start(() -> read(process.inputReader(StandardCharsets.UTF_8), calls::add));
        err = Thread.ofVirtual().start(() -> {
            read(process.errorReader(StandardCharsets.UTF_8), this::message);
            open.completeExceptionally(new IllegalStateException("it ended: " + messages));
        });
    }

    /**
     * Starts one.
     *
     * @param folder the working folder, which holds the database
     * @param configuration what {@code lockkeeper.yaml} is to say
     */
    public static ServeProcess start(Path folder, String configuration) throws IOException {
        Files.writeString(folder.resolve("lockkeeper.yaml"), configuration);
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                ClassPath.PACKED,
                "dev.lockkeeper.Main",
                "serve"));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("OPENAI_") || name.startsWith("LOCKKEEPER_"));
        return new ServeProcess(builder.start());
    }

    private static void read(BufferedReader from, Consumer<String> into) {
        try (from) {
            for (String line = from.readLine(); line != null; line = from.readLine()) {
                into.accept(line);
            }
        } catch (IOException closed) {
            // By the test.
        }
    }

    private void message(String line) {
        messages.add(line);
        if (line.startsWith("  curl ")) {
            open.complete(null);
        }
    }

    /** Waits until its ports are open. */
    public ServeProcess awaitOpen() throws Exception {
        open.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        return this;
    }

    /** Where clients reach it, without path. */
    public String url() {
        return found(OPEN, 1);
    }

    /** Where the operator reaches it, without path. */
    public String adminUrl() {
        return found(OPEN, 2);
    }

    /** The key that was made at its first start. */
    public String key() {
        return found(KEY, 0);
    }

    private String found(Pattern pattern, int group) {
        Matcher matcher = pattern.matcher(said());
        if (!matcher.find()) {
            throw new IllegalStateException("not said: " + pattern + " in " + messages);
        }
        return matcher.group(group);
    }

    /** What it said on standard error so far. */
    public String said() {
        return String.join("\n", messages);
    }

    /** The lines of the log of calls so far. */
    public List<String> calls() {
        return List.copyOf(calls);
    }

    /** Sends it a signal, such as {@code TERM}. */
    public void signal(String name) throws Exception {
        int exit = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .inheritIO()
                .start()
                .waitFor();
        if (exit != 0) {
            throw new IllegalStateException("kill -" + name + " ended with " + exit);
        }
    }

    /** Whether it runs. */
    public boolean runs() {
        return process.isAlive();
    }

    /** Waits for its end; tells its exit code, when all it said is here. */
    public int exit() throws Exception {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("it does not end: " + messages);
        }
        out.join();
        err.join();
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }
}
