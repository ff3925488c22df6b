package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Project;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A running server, by its admin API: its keys and its configuration. Blocks; any thread. */
public final class AdminClient implements KeyDesk {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final RunningServer server;

    public AdminClient(RunningServer server) {
        this.server = server;
    }

    @Override
    public Created create(String name, String project, KeyKind kind, List<String> models) {
        ObjectNode wanted = KeyJson.MAPPER
                .createObjectNode()
                .put("name", name)
                .put("project", project)
                .put("kind", kind.word());
        models.forEach(wanted.putArray("models")::add);
        return KeyJson.created(ask("POST", "/admin/v1/keys", wanted).orElseThrow());
    }

    @Override
    public List<KeyInfo> list() {
        List<KeyInfo> keys = new ArrayList<>();
        ask("GET", "/admin/v1/keys", null).orElseThrow().path("data").forEach(key -> keys.add(KeyJson.key(key)));
        return keys;
    }

    @Override
    public List<Project> projects() {
        List<Project> projects = new ArrayList<>();
        ask("GET", "/admin/v1/projects", null)
                .orElseThrow()
                .path("data")
                .forEach(project -> projects.add(KeyJson.project(project)));
        return projects;
    }

    @Override
    public Optional<Created> rotate(String id) {
        return ask("POST", "/admin/v1/keys/" + encoded(id) + "/rotate", null).map(KeyJson::created);
    }

    @Override
    public Optional<KeyInfo> revoke(String id) {
        return ask("POST", "/admin/v1/keys/" + encoded(id) + "/revoke", null).map(KeyJson::key);
    }

    /** Makes the server read its configuration again. */
    public Reloaded reload() {
        return sent("POST", "/admin/v1/reload", null, ReloadJson::read);
    }

    private static String encoded(String id) {
        return URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The answer's body; empty for 404. */
    private Optional<JsonNode> ask(String method, String path, @Nullable JsonNode body) {
        return sent(method, path, body, (status, json) -> {
            if (status / 100 == 2) {
                return Optional.of(json);
            }
            String message = json.path("error").path("message").asString();
            return switch (status) {
                case 404 -> Optional.empty();
                case 400 -> throw new IllegalArgumentException(message);
                default ->
                    throw new UncheckedIOException(new IOException("the server at " + server.admin() + " (process "
                            + server.pid() + ") answered " + status + ": " + message));
            };
        });
    }

    /** Makes something of an answer's status and body. */
    @FunctionalInterface
    private interface Reading<T> {
        T of(int status, JsonNode json);
    }

    private <T> T sent(String method, String path, @Nullable JsonNode body, Reading<T> reading) {
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
            return reading.of(response.statusCode(), KeyJson.MAPPER.readTree(response.body()));
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
