package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.testing.SimulatedProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;

/** Streams as a provider sends them: recorded from the simulator. */
final class Wire implements AutoCloseable {
    private final SimulatedProvider provider;
    private final Map<String, byte[]> known = new HashMap<>();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    Wire(long seed) {
        provider = SimulatedProvider.seeded(seed);
    }

    /** The answer's bytes; the same question is asked once. */
    byte[] ask(Endpoint endpoint, String body) {
        return known.computeIfAbsent(body, _ -> fetch(endpoint, body));
    }

    private byte[] fetch(Endpoint endpoint, String body) {
        String path = endpoint.kind() == Endpoint.Kind.CHAT ? "/v1/chat/completions" : "/v1/responses";
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + provider.port() + path))
                .header("content-type", "application/json")
                .header("authorization", "Bearer sk-sim")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        try {
            HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (response.statusCode() != 200) {
                throw new AssertionError(response.statusCode() + ": "
                        + new String(response.body(), java.nio.charset.StandardCharsets.UTF_8));
            }
            return response.body();
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        http.close();
        provider.close();
    }
}
