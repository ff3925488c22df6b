package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.testing.Gateway;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** What tests of calls with an {@code Idempotency-Key} have in common. */
final class Keyed {
    static final String CHAT = "/v1/chat/completions";
    static final String MESSAGES = "\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";
    static final String ASK = "{" + MESSAGES + "}";
    static final String ASK_STREAM = "{" + MESSAGES + ",\"stream\":true}";
    static final String DONE = "data: [DONE]\n\n";

    static String answer(String text) {
        return "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":"
                + "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" + text
                + "\"},\"finish_reason\":\"stop\"}],"
                + "\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}";
    }

    static String chunk(String text) {
        return "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\","
                + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":null}]}\n\n";
    }

    static String finish() {
        return "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\","
                + "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    }

    static HttpRequest.Builder keyed(Gateway gateway, String key, String body) {
        return gateway.request(CHAT)
                .header("content-type", "application/json")
                .header("idempotency-key", key)
                .POST(HttpRequest.BodyPublishers.ofString(body));
    }

    static HttpResponse<String> ask(Gateway gateway, String key, String body) {
        return gateway.send(keyed(gateway, key, body));
    }

    static CompletableFuture<HttpResponse<String>> later(Supplier<HttpResponse<String>> call) {
        return CompletableFuture.supplyAsync(call, task -> Thread.ofVirtual().start(task));
    }

    static String field(HttpResponse<?> answer, String name) {
        return answer.headers().firstValue(name).orElse("");
    }

    static RepeatSettings with(int maxAnswer, long maxTotal, Duration goOn) {
        return new RepeatSettings(Duration.ofHours(24), goOn, maxAnswer, maxTotal, null);
    }

    private Keyed() {}

    /** A client on a bare socket, which reads no more than it is asked to. */
    static final class Reader implements AutoCloseable {
        private final Socket socket;
        private final InputStream in;
        private final ByteArrayOutputStream read = new ByteArrayOutputStream();

        Reader(Gateway gateway, String key, String body) throws IOException {
            socket = gateway.connect();
            socket.setReceiveBufferSize(16 << 10);
            socket.setSoTimeout(20_000);
            in = socket.getInputStream();
            gateway.chatOn(socket, body, "idempotency-key: " + key);
        }

        void until(String text) throws IOException {
            byte[] some = new byte[64 << 10];
            String tail = text();
            while (!tail.contains(text)) {
                int count = in.read(some);
                assertThat(count).as("the answer goes on until " + text).isPositive();
                read.write(some, 0, count);
                String now = new String(some, 0, count, StandardCharsets.UTF_8);
                tail = tail.substring(Math.max(0, tail.length() - 100)) + now;
            }
        }

        String text() {
            return read.toString(StandardCharsets.UTF_8);
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
