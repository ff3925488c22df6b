package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a client is told when the process has as much as it may have, and that everything else goes on. */
class OverloadTest {
    private static final String CHAT = "{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":"
                    + "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}";

    /** An upstream that answers when it is told to. */
    private static ScriptedUpstream waiting(CountDownLatch until) {
        return ScriptedUpstream.answering((request, conversation) -> {
            until.await(30, TimeUnit.SECONDS);
            conversation.json(200, ANSWER);
        });
    }

    @Test
    void aCallBeyondTheBoundIsToldSoAndTheOthersGoOn() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (ScriptedUpstream upstream = waiting(go);
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .maxCalls(2)
                        .start()) {
            List<CompletableFuture<HttpResponse<String>>> under = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                under.add(CompletableFuture.supplyAsync(() -> gateway.post("/v1/chat/completions", CHAT)));
            }
            await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == 2);

            HttpResponse<String> refused = gateway.post("/v1/chat/completions", CHAT);

            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(refused.body()).contains("\"gateway_overloaded\"").contains("calls");
            assertThat(refused.headers().firstValue("retry-after")).hasValue("1");
            assertThat(gateway.get("/v1/files").statusCode())
                    .as("a list is a call, too")
                    .isEqualTo(503);
            assertThat(gateway.get("/v1/models").statusCode())
                    .as("what needs no place")
                    .isEqualTo(200);
            assertThat(gateway.send(HttpRequest.newBuilder(
                                            gateway.request("/v1/files").build().uri())
                                    .GET())
                            .statusCode())
                    .as("who has no key learns nothing of the load")
                    .isEqualTo(401);
            assertThat(gateway.admin("/metrics").body())
                    .contains("lockkeeper_overload_refused_total{reason=\"calls\"} 2.0")
                    .contains("lockkeeper_overload_refused_total{reason=\"bytes\"} 0.0")
                    .contains("lockkeeper_calls_in_flight 2.0");

            go.countDown();
            for (CompletableFuture<HttpResponse<String>> each : under) {
                assertThat(each.get(10, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
            }
            await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == 0);
            assertThat(gateway.post("/v1/chat/completions", CHAT).statusCode()).isEqualTo(200);
            await().atMost(10, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log()).contains("\"error\":\"gateway_overloaded\""));
        }
    }

    @Test
    void aRefusedCallNeedNotSendItsBody() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (ScriptedUpstream upstream = waiting(go);
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .maxCalls(1)
                        .start()) {
            CompletableFuture<HttpResponse<String>> under =
                    CompletableFuture.supplyAsync(() -> gateway.post("/v1/chat/completions", CHAT));
            await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == 1);

            try (Socket client = gateway.connect()) {
                client.setSoTimeout(10_000);
                client.getOutputStream().write(head(gateway, "content-length: 50000000\r\n", "{\"model\":"));

                String answer = read(client);

                assertThat(answer).startsWith("HTTP/1.1 503 ").contains("gateway_overloaded");
                assertThat(answer).as("the rest is not worth reading").contains("connection: close");
            }
            go.countDown();
            assertThat(under.get(10, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void anUpstreams503IsNotOurs() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> conversation.json(
                        503, "{\"error\":{\"message\":\"full\",\"type\":\"server_error\",\"code\":\"theirs\"}}"));
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", CHAT);

            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body()).contains("theirs").doesNotContain("gateway_overloaded");
            assertThat(gateway.admin("/metrics").body())
                    .doesNotContainPattern("lockkeeper_overload_refused_total\\{reason=\"\\w+\"} [1-9]");
        }
    }

    @Test
    void aConnectionBeyondTheBoundIsToldSoAndOneBeyondThatIsClosed() throws Exception {
        int bound = 4;
        int allowance = 16;
        try (Gateway gateway = Gateway.plan().maxConnections(bound).start()) {
            List<Socket> open = new ArrayList<>();
            try {
                for (int i = 0; i < bound; i++) {
                    open.add(served(gateway));
                }
                for (int i = 0; i < allowance; i++) {
                    open.add(gateway.connect());
                }

                try (Socket further = gateway.connect()) {
                    assertThat(closed(further)).isTrue();
                }
                String told = ask(gateway, open.getLast());

                assertThat(told)
                        .startsWith("HTTP/1.1 503 ")
                        .contains("gateway_overloaded")
                        .contains("connections")
                        .contains("retry-after: 1")
                        .contains("connection: close");
                assertThat(ask(gateway, open.getFirst()))
                        .as("one that was there before")
                        .startsWith("HTTP/1.1 200 ");
                String metrics = gateway.admin("/metrics").body();
                assertThat(metrics)
                        .contains("lockkeeper_overload_refused_total{reason=\"connections\"} 1.0")
                        .contains("lockkeeper_overload_refused_total{reason=\"connections_unheard\"} 1.0");
            } finally {
                for (Socket each : open) {
                    each.close();
                }
            }
            await().atMost(10, SECONDS)
                    .untilAsserted(() ->
                            assertThat(gateway.get("/v1/models").statusCode()).isEqualTo(200));
        }
    }

    @Test
    void theAdminPortAnswersWhileAllConnectionsAreTaken() throws Exception {
        try (Gateway gateway = Gateway.plan().maxConnections(1).start();
                Socket only = served(gateway)) {
            long began = System.nanoTime();
            for (int i = 0; i < 20; i++) {
                assertThat(gateway.admin("/readyz").statusCode()).isEqualTo(200);
            }
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
            assertThat(ask(gateway, only)).startsWith("HTTP/1.1 200 ");
        }
    }

    /** A connection on which a call was answered, so that it is surely counted. */
    private static Socket served(Gateway gateway) throws IOException {
        Socket socket = gateway.connect();
        socket.setSoTimeout(10_000);
        assertThat(ask(gateway, socket)).startsWith("HTTP/1.1 200 ");
        return socket;
    }

    /** Asks for the models; what is answered. */
    private static String ask(Gateway gateway, Socket socket) throws IOException {
        socket.setSoTimeout(10_000);
        OutputStream out = socket.getOutputStream();
        out.write(("GET /v1/models HTTP/1.1\r\nhost: here\r\nauthorization: Bearer " + gateway.key() + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        return read(socket);
    }

    private static byte[] head(Gateway gateway, String fields, String begunBody) {
        return ("POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\nauthorization: Bearer " + gateway.key()
                        + "\r\ncontent-type: application/json\r\n" + fields + "\r\n" + begunBody)
                .getBytes(StandardCharsets.US_ASCII);
    }

    /** One answer with a length. */
    private static String read(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            assertThat(next).as("closed after: %s", head).isNotNegative();
            head.append((char) next);
        }
        int at = head.indexOf("content-length: ") + "content-length: ".length();
        int length = Integer.parseInt(head.substring(at, head.indexOf("\r\n", at)));
        return head + new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    private static boolean closed(Socket socket) throws IOException {
        socket.setSoTimeout(10_000);
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketException reset) {
            return true;
        }
    }
}
