package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.Gateway;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Clients that send anything: each call is answered, and no fault of a client is called the gateway's or a provider's. */
class ClientFaultTest {
    private static final int PATIENCE_MILLIS = 30_000;
    private static final Pattern STATUS = Pattern.compile("^HTTP/1\\.1 (\\d{3}) ");
    private static final List<String> METHODS = List.of("POST", "GET", "DELETE", "PUT", "OPTIONS", "BREW", "post");
    private static final List<String> PATHS = List.of(
            "/v1/chat/completions",
            "/v1/responses",
            "/v1/completions",
            "/v1/embeddings",
            "/v1/images/generations",
            "/v1/images/edits",
            "/v1/audio/speech",
            "/v1/audio/transcriptions",
            "/v1/files",
            "/v1/batches",
            "/v1/models",
            "/v1/models/gpt-4o",
            "/v1/conversations",
            "/v1/responses/resp_1",
            "/v1/responses/%2e%2e/x",
            "/v1/%zz",
            "/v1//files?limit=-1&after=%00",
            "/",
            "*");
    private static final List<String> TYPES = List.of(
            "application/json",
            "application/json; charset=utf-16",
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            ";",
            "text/plain",
            "\"");
    private static final List<String> BODIES = List.of(
            "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}",
            "",
            "{",
            "{}",
            "[]",
            "null",
            "\u0000\u0001\u00ff",
            "{\"model\":7}",
            "{\"model\":\"gpt-4o\",\"model\":\"gpt-4o-mini\"}",
            "{\"model\":\"gpt-4o\",\"messages\":null,\"stream\":\"yes\"}",
            "{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":[]}",
            "{\"model\":\"gpt-4o\",\"n\":1e99,\"max_tokens\":-1}",
            "{\"model\":\"gpt-4o\",\"input\":[{",
            "{\"model\":\"gpt-4o\",\"input\":[[",
            "{\"model\":\"gpt-4o\",\"input\":{\"type\":[",
            "{\"model\":\"gpt-4o\",\"x\":" + "[".repeat(2_000) + "]".repeat(2_000) + "}",
            "{\"model\":\"gpt-4o\",\"previous_response_id\":\"resp_1\"}",
            "{\"model\":\"\\ud800\",\"messages\":[]}",
            "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngpt-4o\r\n--b--\r\n",
            "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n",
            "--b--");

    private static Gateway gateway;

    @BeforeContainer
    static void start() {
        gateway = Gateway.simulated();
    }

    @AfterContainer
    static void stop() {
        gateway.close();
    }

    private static <T> T any(List<T> of, Random random) {
        return of.get(random.nextInt(of.size()));
    }

    private static String ask(byte[] request) throws IOException {
        try (Socket socket = gateway.connect()) {
            socket.setSoTimeout(PATIENCE_MILLIS);
            socket.getOutputStream().write(request);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    /** Any mix of methods, paths, types and bodies, in every other one of them one byte another. */
    @Property(tries = 500, shrinking = ShrinkingMode.OFF)
    void aClientsFaultIsAnsweredAndNever5xx(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        String body = any(BODIES, random);
        String head = any(METHODS, random) + " " + any(PATHS, random) + " HTTP/1.1\r\nHost: h\r\nContent-Type: "
                + any(TYPES, random) + "\r\nAuthorization: Bearer " + gateway.key() + "\r\n";
        String ends = "Connection: close\r\nContent-Length: " + body.length() + "\r\n\r\n";
        byte[] request = (head + ends + body).getBytes(StandardCharsets.ISO_8859_1);
        if (random.nextBoolean()) {
            // Where a head ends stays as it is: what is not whole is waited for, which is tried elsewhere.
            int at = random.nextInt(head.length() + body.length());
            at = at < head.length() ? at : at + ends.length();
            if (request[at] != '\r' && request[at] != '\n') {
                request[at] = (byte) (' ' + random.nextInt(0x100 - ' '));
            }
        }
        String sent = new String(request, StandardCharsets.ISO_8859_1);
        String answer = ask(request);
        Matcher status = STATUS.matcher(answer);
        assertThat(status.find()).as("%s%n%s", sent, answer).isTrue();
        assertThat(Integer.parseInt(status.group(1))).as("%s%n%s", sent, answer).isBetween(200, 499);
    }
}
