package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The relay before upstreams that do, byte for byte, what each test wrote. */
class RelayTest {
    private static final String ASK =
            "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"x_unknown\":{\"a\":[1.0,\"é\"]}}";
    private static final String ASK_STREAM =
            "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-2024\",\"x_new\":true,"
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ho\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}";
    private static final String CHUNK =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ho\"},\"finish_reason\":null}]}\n\n";
    private static final String FINISH =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String USAGE =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}\n\n";
    private static final String DONE = "data: [DONE]\n\n";

    @Test
    void aUnaryCallPassesWholeWithUnknownFieldsBothWays() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).isEqualTo(ANSWER);
            assertThat(upstream.requests()).singleElement().satisfies(request -> {
                assertThat(request.line()).isEqualTo("POST /v1/chat/completions HTTP/1.1");
                assertThat(request.text()).isEqualTo(ASK);
                assertThat(request.field("authorization")).isEqualTo("Bearer sk-upstream-secret");
                assertThat(request.head()).doesNotContain(gateway.key());
            });
            assertThat(answer.headers().firstValue("x-lockkeeper-provider")).hasValue("upstream");
            assertThat(answer.headers().firstValue("x-request-id").orElseThrow())
                    .startsWith("req_");
            assertThat(answer.headers().firstValueAsLong("x-lockkeeper-overhead-us"))
                    .isPresent();
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log())
                            .contains("\"input_tokens\":5", "\"output_tokens\":1", "\"outcome\":\"served\"")
                            .doesNotContain("hi", gateway.key(), "sk-upstream-secret"));
        }
    }

    @Test
    void aStreamPassesAndTheUsageThatOnlyTheGatewayAskedForIsStripped() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK + CHUNK);
                    conversation.chunk(FINISH + USAGE + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).isEqualTo(CHUNK + CHUNK + FINISH + DONE);
            assertThat(upstream.requests().getFirst().text()).contains("\"stream_options\":{\"include_usage\":true}");
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log()).contains("\"input_tokens\":5"));
        }
    }

    @Test
    void aStreamThatBreaksEndsInAnErrorEventAndNeverInDone() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK);
                    conversation.reset();
                });
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);

            assertThat(answer.statusCode()).isIn(200, 502);
            assertThat(answer.body()).contains("\"error\":{").doesNotContain("[DONE]");
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log()).contains("\"outcome\":\"failed\""));
        }
    }

    @Test
    void aStreamThatEndsAfterItsFinishReasonIsFinishedForTheClient() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.events();
                    conversation.send(CHUNK + FINISH);
                    conversation.close();
                });
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);

            assertThat(answer.body()).isEqualTo(CHUNK + FINISH + DONE);
            await().atMost(10, SECONDS)
                    .untilAsserted(
                            () -> assertThat(gateway.log()).contains("\"estimated\":true", "\"outcome\":\"served\""));
        }
    }

    @Test
    void aStreamThatEndsWithoutFinishReasonIsBroken() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.events();
                    conversation.send(CHUNK);
                    conversation.close();
                });
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);

            assertThat(answer.body()).startsWith(CHUNK).contains("\"error\":{").doesNotContain("[DONE]");
        }
    }

    /** How a client behaves before it goes away. */
    enum Leaving {
        UNARY,
        STREAM_NOT_BEGUN,
        STREAM_BEGUN,
        PIPELINING
    }

    @ParameterizedTest
    @EnumSource
    void aClientThatGoesAwayCancelsItsSilentUpstreamWithin100Millis(Leaving leaving) throws Exception {
        CompletableFuture<Long> gone = new CompletableFuture<>();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (leaving == Leaving.STREAM_BEGUN) {
                        conversation.chunkedEvents();
                        conversation.chunk(CHUNK);
                    }
                    gone.complete(conversation.awaitGone());
                });
                Gateway gateway = Gateway.before(upstream)) {
            long closed;
            try (Socket socket = gateway.connect()) {
                String ask = leaving == Leaving.UNARY ? ASK : ASK_STREAM;
                gateway.chatOn(socket, ask);
                await().atMost(5, SECONDS).until(() -> !upstream.requests().isEmpty());
                if (leaving == Leaving.PIPELINING) {
                    gateway.chatOn(socket, ask);
                }
                if (leaving == Leaving.STREAM_BEGUN) {
                    socket.getInputStream().readNBytes(100);
                }
                closed = System.nanoTime();
            }
            assertThat(Duration.ofNanos(gone.get(5, SECONDS) - closed)).isLessThan(Duration.ofMillis(100));
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log()).contains("\"outcome\":\"abandoned\""));
            assertThat(upstream.requests())
                    .as("the pipelined call was never sent on")
                    .hasSize(1);
        }
    }

    @Test
    void aClientThatGoesAwayInTheMiddleOfItsUploadCancelsItsUpstream() throws Exception {
        CompletableFuture<Long> gone = new CompletableFuture<>();
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Gateway gateway = Gateway.plan()
                        .provider("upstream", silent.getLocalPort())
                        .start()) {
            Thread.ofVirtual().start(() -> {
                try (Socket accepted = silent.accept()) {
                    // Takes the head, then reads no further: the upload stands still, the client is paused.
                    accepted.getInputStream().readNBytes(50);
                    await().atMost(20, SECONDS).pollInterval(5, MILLISECONDS).until(() -> {
                        try {
                            accepted.setSoTimeout(1);
                            accepted.getOutputStream().write('H');
                            return false;
                        } catch (IOException closed) {
                            return true;
                        }
                    });
                    gone.complete(System.nanoTime());
                } catch (IOException over) {
                    gone.completeExceptionally(over);
                }
            });
            long closed;
            try (Socket socket = gateway.connect()) {
                socket.getOutputStream()
                        .write(
                                ("POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
                                                + "authorization: Bearer " + gateway.key()
                                                + "\r\ncontent-length: 50000000\r\n\r\n"
                                                + "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n")
                                        .getBytes(StandardCharsets.UTF_8));
                // As much as the client's own side takes, then no more.
                byte[] piece = new byte[64 << 10];
                Thread writer = Thread.ofVirtual().start(() -> {
                    try {
                        for (int i = 0; i < 400; i++) {
                            socket.getOutputStream().write(piece);
                        }
                    } catch (IOException left) {
                        // The test closes the socket while this writes.
                    }
                });
                await().atMost(10, SECONDS).until(() -> gateway.house().callsInFlight() == 1);
                writer.join(Duration.ofMillis(500));
                socket.setSoLinger(true, 0);
                closed = System.nanoTime();
            }
            assertThat(Duration.ofNanos(gone.get(10, SECONDS) - closed)).isLessThan(Duration.ofMillis(500));
            await().atMost(5, SECONDS).until(() -> gateway.house().callsInFlight() == 0);
        }
    }

    @Test
    void aSlowReaderSlowsItsUpstream() throws Exception {
        CompletableFuture<Integer> sentChunks = new CompletableFuture<>();
        String large = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + "x".repeat(100_000)
                + "\"},\"finish_reason\":null}]}\n\n";
        int[] sent = {0};
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 1_000; i++) {
                        conversation.chunk(large);
                        sent[0] = i + 1;
                    }
                    conversation.chunk(FINISH + DONE);
                    conversation.lastChunk();
                    sentChunks.complete(sent[0]);
                });
                Gateway gateway = Gateway.before(upstream);
                Socket socket = gateway.connect()) {
            gateway.chatOn(socket, ASK_STREAM);
            InputStream in = socket.getInputStream();
            in.readNBytes(1_000);
            int[] before = {-1};
            await().atMost(10, SECONDS).pollInterval(500, MILLISECONDS).until(() -> {
                boolean stands = before[0] == sent[0];
                before[0] = sent[0];
                return stands;
            });
            assertThat(sent[0]).as("chunks of 100 kB sent while nobody reads").isLessThan(300);
            String rest = "";
            byte[] buffer = new byte[1 << 20];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                rest = new String(buffer, 0, read, StandardCharsets.UTF_8);
                if (rest.contains("[DONE]")) {
                    break;
                }
            }
            assertThat(rest).contains("[DONE]");
            assertThat(sentChunks.get(5, SECONDS)).isEqualTo(1_000);
        }
    }
}
