package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Prompts of a million tokens, uploads larger than memory would like, and the bounds that hold for all of them together. */
class LargeBodiesTest {
    private static final String OK =
            "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"
                    + "{\"role\":\"assistant\",\"content\":\"ok\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1000000,\"completion_tokens\":1,\"total_tokens\":1000001}}";
    private static final int FIVE_MB = 5_000_000;

    @Test
    void aPromptOfAMillionTokensPassesWholeWithItsModelRenamed() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, OK));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .model("mine", Profile.AUTO, "upstream/theirs")
                        .start()) {
            String prompt = "lock water boat gate ".repeat(FIVE_MB / 21);
            String before = "{\"messages\":[{\"role\":\"user\",\"content\":\"" + prompt + "\"}],\"model\":\"";
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", before + "mine\"}");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(upstream.requests().getFirst().text().equals(before + "theirs\"}"))
                    .as("the bytes are the client's but for the model")
                    .isTrue();
            await().atMost(5, SECONDS)
                    .untilAsserted(
                            () -> assertThat(gateway.house().bytesInFlight()).isZero());
        }
    }

    @Test
    void bodiesBeyondWhatTheProcessMayHoldAreRefusedAndAllRoomComesBack() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, OK));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .maxBytesInFlight(12_000_000)
                        .start();
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            String ask = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"" + "x".repeat(FIVE_MB)
                    + "\"}]}";
            List<CompletableFuture<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                answers.add(CompletableFuture.supplyAsync(
                        () -> gateway.post("/v1/chat/completions", ask).statusCode(), threads));
            }
            List<Integer> statuses = new ArrayList<>();
            for (CompletableFuture<Integer> each : answers) {
                statuses.add(each.get(60, SECONDS));
            }
            assertThat(statuses).containsAnyOf(200).allMatch(status -> status == 200 || status == 503);
            await().atMost(5, SECONDS)
                    .untilAsserted(
                            () -> assertThat(gateway.house().bytesInFlight()).isZero());
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void fullQueuesTowardsSlowReadersCountAndOneTooManyIsEndedHonestly() throws Exception {
        String large = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + "x".repeat(100_000)
                + "\"},\"finish_reason\":null}]}\n\n";
        String ask = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 500; i++) {
                        conversation.chunk(large);
                    }
                    conversation.awaitGone();
                });
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .maxBytesInFlight(100_000)
                        .start();
                Socket first = gateway.connect();
                Socket second = gateway.connect()) {
            for (Socket each : List.of(first, second)) {
                gateway.chatOn(each, ask);
            }
            await().atMost(20, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log())
                            .contains("\"error\":\"gateway_overloaded\"", "\"outcome\":\"failed\""));
            assertThat(gateway.house().callsInFlight())
                    .as("the other one goes on")
                    .isEqualTo(1);
            await().atMost(5, SECONDS)
                    .untilAsserted(
                            () -> assertThat(gateway.house().bytesInFlight()).isBetween(64L << 10, 100_000L));
        }
    }

    @ParameterizedTest(name = "model before the file: {0}, file of {1} bytes, length known: {2}")
    @CsvSource({"true,100,true", "false,100,true", "true,6000000,true", "false,6000000,true", "false,6000000,false"})
    void aMultipartBodyPassesWholeWhereverItsModelStands(boolean modelFirst, int size, boolean lengthKnown)
            throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(
                        (request, conversation) -> conversation.json(200, "{\"text\":\"heard\"}"));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .model("hears", Profile.AUTO, "upstream/whisper-1")
                        .start()) {
            byte[] file = new byte[size];
            new Random(7).nextBytes(file);
            byte[] body = form(modelFirst, "hears", file);
            HttpRequest.BodyPublisher publisher = lengthKnown
                    ? HttpRequest.BodyPublishers.ofByteArray(body)
                    : HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
            HttpResponse<String> answer = gateway.send(gateway.request("/v1/audio/transcriptions")
                    .header("content-type", "multipart/form-data; boundary=XyZ")
                    .POST(publisher));

            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(upstream.requests().getFirst().body().toArray()).isEqualTo(form(modelFirst, "whisper-1", file));
            assertThat(upstream.requests().getFirst().field("content-type"))
                    .isEqualTo("multipart/form-data; boundary=XyZ");
            await().atMost(5, SECONDS).untilAsserted(() -> {
                assertThat(gateway.house().bytesInFlight()).isZero();
                assertThat(gateway.spilled())
                        .as("files left in the spill folder")
                        .isEmpty();
            });
        }
    }

    @Test
    void aMultipartBodyWithoutItsModelIsRefused() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, "{}"));
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<String> answer = gateway.send(gateway.request("/v1/audio/transcriptions")
                    .header("content-type", "multipart/form-data; boundary=XyZ")
                    .POST(HttpRequest.BodyPublishers.ofString("--XyZ\r\ncontent-disposition: form-data; name=\"file\";"
                            + " filename=\"a\"\r\n\r\nabc\r\n--XyZ--\r\n")));
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(answer.body()).contains("missing_required_parameter");
            assertThat(upstream.requests()).isEmpty();
        }
    }

    @Test
    void aFileFlowsWithoutBeingHeld() throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) ->
                        conversation.json(200, "{\"id\":\"file-1\",\"object\":\"file\",\"bytes\":1}"));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .maxBytesInFlight(1_000_000)
                        .start()) {
            byte[] file = new byte[20_000_000];
            new Random(9).nextBytes(file);
            byte[] body = form(true, "unused", file);
            HttpResponse<String> answer = gateway.send(gateway.request("/v1/files")
                    .header("content-type", "multipart/form-data; boundary=XyZ")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(body)));
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(upstream.requests().getFirst().body().toArray()).isEqualTo(body);
        }
    }

    @Test
    void aLargeBinaryAnswerPassesWhole() throws Exception {
        byte[] audio = new byte[8_000_000];
        new Random(3).nextBytes(audio);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.send("HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: " + audio.length
                            + "\r\n\r\n");
                    conversation.send(audio);
                });
                Gateway gateway = Gateway.before(upstream)) {
            HttpResponse<byte[]> answer = gateway.bytes(gateway.request("/v1/audio/speech")
                    .header("content-type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"model\":\"tts-1\",\"input\":\"hi\",\"voice\":\"alloy\"}")));
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("content-type")).hasValue("audio/mpeg");
            assertThat(answer.body()).isEqualTo(audio);
        }
    }

    private static byte[] form(boolean modelFirst, String model, byte[] file) throws java.io.IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        String field = "--XyZ\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n" + model + "\r\n";
        String head = "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n"
                + "Content-Type: audio/mpeg\r\n\r\n";
        if (modelFirst) {
            out.write(field.getBytes(StandardCharsets.UTF_8));
        }
        out.write(head.getBytes(StandardCharsets.UTF_8));
        out.write(file);
        out.write("\r\n".getBytes(StandardCharsets.UTF_8));
        if (!modelFirst) {
            out.write(field.getBytes(StandardCharsets.UTF_8));
        }
        out.write("--XyZ--\r\n".getBytes(StandardCharsets.UTF_8));
        return out.toByteArray();
    }
}
