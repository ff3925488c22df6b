package dev.lockkeeper.testing;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code lockkeeper serve} in a process of its own, with what the system grants it in a test's hands: limits, and where its
 * output goes. Ports are free ones, the folder is its own.
 */
public final class Served implements AutoCloseable {
    private static final Pattern OPEN = Pattern.compile("is open at (http://[^/]+)/v1 \\(operator: (http://[^)]+)\\)");
    private static final Pattern KEY = Pattern.compile("lk-live-[A-Za-z0-9_-]+");
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final Process process;
    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();
    private final URI url;
    private final URI admin;
    private final String key;

    private Served(Process process, boolean readsOutput) {
        this.process = process;
        Thread.ofVirtual().start(() -> read(process.getErrorStream(), errors));
        if (readsOutput) {
            Thread.ofVirtual().start(() -> read(process.getInputStream(), OutputStream.nullOutputStream()));
        }
        await().atMost(60, SECONDS).until(() -> KEY.matcher(errors()).find() || !process.isAlive());
        Matcher open = OPEN.matcher(errors());
        Matcher first = KEY.matcher(errors());
        if (!open.find() || !first.find()) {
            process.destroyForcibly();
            throw new IllegalStateException("it did not start: " + errors());
        }
        this.url = URI.create(open.group(1));
        this.admin = URI.create(open.group(2));
        this.key = first.group();
    }

    /**
     * Starts one, with the simulator unless the configuration says otherwise.
     *
     * @param configuration the content of its {@code lockkeeper.yaml}
     * @param before shell commands that are run in the process before it becomes the server, such as {@code ulimit -n 100}
     * @param readsOutput whether somebody reads its standard output
     */
    public static Served start(String configuration, String before, boolean readsOutput, String... javaOptions) {
        try {
            Path folder = Files.createTempDirectory("lockkeeper-served");
            Path file = Files.writeString(folder.resolve("lockkeeper.yaml"), configuration);
            List<String> command = new ArrayList<>(List.of(
                    "sh",
                    "-c",
                    before + "\nexec \"$@\"",
                    "sh",
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-XX:TieredStopAtLevel=1",
                    "--enable-native-access=ALL-UNNAMED",
                    "--sun-misc-unsafe-memory-access=allow"));
            command.addAll(List.of(javaOptions));
            command.addAll(List.of(
                    "-cp",
                    ClassPath.PACKED,
                    "dev.lockkeeper.Main",
                    "serve",
                    "--config",
                    file.toString(),
                    "--port",
                    "0",
                    "--admin-port",
                    "0",
                    "--data",
                    folder.resolve("data").toString()));
            ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
            builder.environment()
                    .keySet()
                    .removeIf(name -> name.startsWith("LOCKKEEPER_") || name.startsWith("OPENAI"));
            return new Served(builder.start(), readsOutput);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static void read(InputStream from, OutputStream to) {
        try (from) {
            from.transferTo(to);
        } catch (IOException closed) {
            // The process is gone.
        }
    }

    /** What it said on standard error. */
    public String errors() {
        return errors.toString(StandardCharsets.UTF_8);
    }

    public Process process() {
        return process;
    }

    public int port() {
        return url.getPort();
    }

    public String key() {
        return key;
    }

    public HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(url.resolve(path))
                .header("authorization", "Bearer " + key)
                .timeout(Duration.ofSeconds(20));
    }

    public HttpResponse<String> post(String path, String json) throws IOException {
        return send(request(path)
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json)));
    }

    /** What the admin port answers to a GET without a token. */
    public HttpResponse<String> admin(String path) throws IOException {
        return send(HttpRequest.newBuilder(admin.resolve(path)).timeout(Duration.ofSeconds(20)));
    }

    /** The value of a metric, by its name and labels as they are written. */
    public double metric(String line) throws IOException {
        return admin("/metrics")
                .body()
                .lines()
                .filter(each -> each.startsWith(line + " "))
                .mapToDouble(each -> Double.parseDouble(each.substring(line.length() + 1)))
                .findFirst()
                .orElse(0);
    }

    public HttpResponse<String> send(HttpRequest.Builder request) throws IOException {
        try {
            return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** Tells it to stop; its exit code. */
    public int stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("it does not stop: " + errors());
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
