package dev.lockkeeper.admin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The admin API of a running server. Blocks; any thread. */
public final class AdminClient implements Desk {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final RunningServer server;

    public AdminClient(RunningServer server) {
        this.server = server;
    }

    /** Makes the server read its configuration again. */
    public Reloaded reload() {
        Said said = ask("POST", "/admin/v1/reload", null);
        return ReloadJson.read(said.status(), said.body());
    }

    @Override
    public Said ask(String method, String path, @Nullable JsonNode body) {
        HttpRequest request = HttpRequest.newBuilder(server.admin().resolve(path))
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.toString()))
                .header("authorization", server.token().bearer())
                .header("content-type", "application/json")
                .timeout(TIMEOUT)
                .build();
        // A proxy in the environment is not for this machine's own ports.
        try (HttpClient http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .proxy(HttpClient.Builder.NO_PROXY)
                .connectTimeout(CONNECT_TIMEOUT)
                .build()) {
            HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
            return Said.of(
                    response.statusCode(),
                    response.headers().firstValue("content-type").orElse(""),
                    response.body());
        } catch (IOException | JacksonException e) {
            throw new UncheckedIOException(new IOException(
                    "the server at " + server.admin() + " (process " + server.pid() + ") could not be asked: "
                            + e.getMessage(),
                    e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the server was asked", e);
        }
    }
}
