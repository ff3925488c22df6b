package dev.lockkeeper;

import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.SettingsLoader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;

/**
 * {@code train}: lives a gateway's life in short, so that a JVM that records it ({@code -XX:AOTCacheOutput}) learns which
 * classes a start needs and which methods are hot. Packaging runs it; it changes nothing but a temporary folder of its own.
 */
@Command(
        name = "train",
        hidden = true,
        description =
                "Starts a gateway on a temporary folder, makes typical calls to it and stops. Packaging runs this to"
                        + " make the cache for quick starts.",
        footer = {"", "Exit codes: 0 done; 1 a call was not answered as it should be."})
final class TrainCommand implements Callable<Integer> {
    /** Rounds of calls: enough that the JVM counts the methods of a call as hot. */
    private static final int ROUNDS = 60;

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final Shell shell;

    TrainCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() throws IOException, InterruptedException, DatabaseUnavailable {
        Path folder = Files.createTempDirectory("lockkeeper-train");
        try {
            Path file = folder.resolve("lockkeeper.yaml");
            Path data = folder.resolve("data");
            Files.writeString(file, """
                    server: {port: 0}
                    admin: {port: 0}
                    data: "%s"
                    providers:
                      simulator: {}
                      nobody: {base-url: "https://127.0.0.1:1/v1", auth: none, private-addresses: true}
                    models:
                      gpt-5.5: simulator
                      text-embedding-3-small: simulator
                      unreachable: nobody
                    prices:
                      unpriced: {input: $1, output: $2}
                    """.formatted(data));
            commands("version");
            commands("check", "--config", file.toString());
            String key;
            try (House first = house(file)) { // makes the database
                key = String.valueOf(first.firstKey());
                commands("keys", "list", "--data", data.toString());
                commands("health", "--data", data.toString());
            }
            try (House house = house(file)) {
                calls(house, key);
            }
            commands("keys", "create", "another", "--data", data.toString());
            return 0;
        } finally {
            delete(folder);
        }
    }

    /** Runs a command in this process; what it prints is of no use. */
    private static void commands(String... words) {
        PrintWriter nowhere = new PrintWriter(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        int code = Main.run(new Shell(Map.of(), nowhere, nowhere, false), words);
        if (code != 0) {
            throw CommandFailure.failed("'" + String.join(" ", words) + "' ended with " + code + " (expected: 0)");
        }
    }

    private static House house(Path file) throws DatabaseUnavailable, IOException {
        return switch (SettingsLoader.load(file, Map.of(), Overrides.NONE)) {
            case Loaded.Good good -> House.start(good.settings(), OutputStream.nullOutputStream());
            case Loaded.Bad bad -> throw CommandFailure.failed("the configuration for training: " + bad.mistakes());
        };
    }

    private void calls(House house, String key) throws IOException, InterruptedException {
        URI gateway = URI.create("http://127.0.0.1:" + house.port());
        URI operator = URI.create("http://127.0.0.1:" + house.adminPort());
        try (HttpClient http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .proxy(HttpClient.Builder.NO_PROXY)
                .connectTimeout(TIMEOUT)
                .build()) {
            String hello = "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";
            for (int round = 0; round < ROUNDS; round++) {
                ask(http, 200, gateway.resolve("/v1/chat/completions"), key, "{\"model\":\"gpt-5.5\"," + hello);
                ask(
                        http,
                        200,
                        gateway.resolve("/v1/chat/completions"),
                        key,
                        "{\"model\":\"gpt-5.5\",\"stream\":true,\"stream_options\":{\"include_usage\":true}," + hello);
                ask(
                        http,
                        200,
                        gateway.resolve("/v1/responses"),
                        key,
                        "{\"model\":\"gpt-5.5\",\"stream\":" + (round % 2 == 0) + ",\"input\":\"Hello\"}");
            }
            ask(
                    http,
                    200,
                    gateway.resolve("/v1/embeddings"),
                    key,
                    "{\"model\":\"text-embedding-3-small\",\"input\":\"Hello\"}");
            ask(http, 200, gateway.resolve("/v1/models"), key, null);
            ask(http, 401, gateway.resolve("/v1/models"), "lk-live-nobody", null);
            ask(http, 404, gateway.resolve("/v1/chat/completions"), key, "{\"model\":\"none\"," + hello);
            // Nobody listens there: the client's side of TLS is set up all the same.
            ask(http, 502, gateway.resolve("/v1/chat/completions"), key, "{\"model\":\"unreachable\"," + hello);
            for (String path : List.of("/livez", "/readyz", "/metrics")) {
                ask(http, 200, operator.resolve(path), key, null);
            }
        }
    }

    private void ask(HttpClient http, int expected, URI where, String key, @Nullable String body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(where).timeout(TIMEOUT).header("authorization", "Bearer " + key);
        if (body != null) {
            request.header("content-type", "application/json").POST(BodyPublishers.ofString(body));
        }
        int status = http.send(request.build(), BodyHandlers.ofString()).statusCode();
        if (status != expected) {
            shell.err().println("train: " + where + " was answered " + status + " (expected: " + expected + ")");
            throw CommandFailure.failed("the training is of no use; see above");
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        }
    }
}
