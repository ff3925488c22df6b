package dev.lockkeeper.simulator;

import dev.lockkeeper.http.Loops;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A simulator on a socket, and a plain HTTP client for it. */
final class Running implements AutoCloseable {
    static final long SEED = 7;

    final Loops loops = Loops.start(1, new SplittableRandom(1));
    final Simulator simulator;
    final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    Running() {
        this(SimulatorSettings.seeded(SEED, Clock.systemUTC()));
    }

    Running(SimulatorSettings settings) {
        simulator = Simulator.start(loops, "127.0.0.1", 0, settings);
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + simulator.port() + path);
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(uri(path))
                .timeout(Duration.ofSeconds(20))
                .header("authorization", "Bearer sim-test")
                .header("content-type", "application/json");
    }

    HttpResponse<String> send(HttpRequest request) {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    HttpResponse<String> post(String path, String body) {
        return send(
                request(path).POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    HttpResponse<String> get(String path) {
        return send(request(path).build());
    }

    HttpResponse<String> delete(String path) {
        return send(request(path).DELETE().build());
    }

    static JsonNode json(HttpResponse<String> response) {
        return Json.MAPPER.readTree(response.body());
    }

    /** A JSON text written with single quotes for double ones. */
    static String quoted(String text) {
        return text.replace('\'', '"');
    }

    static ObjectNode object(String text) {
        return (ObjectNode) Json.MAPPER.readTree(quoted(text));
    }

    /** A server-sent event as it came. */
    record Sse(String name, String data) {
        JsonNode json() {
            return Json.MAPPER.readTree(data);
        }
    }

    static List<Sse> events(String body) {
        List<Sse> events = new ArrayList<>();
        for (String block : body.split("\n\n")) {
            String name = "";
            String data = "";
            for (String line : block.split("\n")) {
                if (line.startsWith("event: ")) {
                    name = line.substring(7);
                } else if (line.startsWith("data: ")) {
                    data = line.substring(6);
                }
            }
            if (!data.isEmpty()) {
                events.add(new Sse(name, data));
            }
        }
        return events;
    }

    @Override
    public void close() {
        client.close();
        simulator.close();
        loops.close();
    }
}
