package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class UnaryTapTest {
    private static final String CHAT = """
            {"id":"chatcmpl-1","object":"chat.completion","created":173,"model":"gpt-5.5-2026","service_tier":"default",
             "choices":[{"index":0,"finish_reason":"stop","logprobs":null,
               "message":{"role":"assistant","content":"Gr\\u00fc\\u00dfe \\ud83d\\ude00 日本","refusal":null,"annotations":[],
               "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\\"id\\":1}"}}]}}],
             "usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,
               "prompt_tokens_details":{"cached_tokens":1,"audio_tokens":0,"cache_write_tokens":2},
               "completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0}},"unknown":[{"id":"x","usage":{"prompt_tokens":1}}]}
            """;

    private static UnaryTap read(Endpoint endpoint, List<Bytes> pieces) {
        UnaryTap tap = Taps.unary(endpoint);
        pieces.forEach(tap::piece);
        assertThat(tap.finished()).isFalse();
        tap.end();
        return tap;
    }

    private static UnaryTap read(Endpoint endpoint, String body) {
        return read(endpoint, List.of(Bytes.utf8(body)));
    }

    @Property(tries = 500)
    void anyCuttingGivesTheSameResult(@ForAll long seed) {
        UnaryTap tap = read(Given.CHAT, new Chance(seed).cut(CHAT));
        assertThat(tap.finished()).isTrue();
        assertThat(tap.failed()).isFalse();
        assertThat(tap.objectId()).isEqualTo("chatcmpl-1");
        assertThat(tap.model()).isEqualTo("gpt-5.5-2026");
        assertThat(tap.serviceTier()).isEqualTo("default");
        assertThat(tap.usage()).isEqualTo(Given.used(6, 1, 2, 1, 3, "default"));
        assertThat(tap.text()).hasToString("Grüße 😀 日本f{\"id\":1}");
        assertThat(tap.textBytes()).isEqualTo("Grüße 😀 日本f{\"id\":1}".getBytes(StandardCharsets.UTF_8).length);
    }

    @Test
    void anAnswerCutOffIsNotFinished() {
        for (int length = 0; length < CHAT.stripTrailing().length(); length += 7) {
            assertThat(read(Given.CHAT, CHAT.substring(0, length)).finished())
                    .as("%d", length)
                    .isFalse();
        }
        assertThat(read(Given.CHAT, "<html>").finished()).isFalse();
        assertThat(read(Given.CHAT, "[]").finished()).isFalse();
        assertThat(read(Given.CHAT, "{}{}").finished()).isFalse();
    }

    @Test
    void aResponsesUsageAndTextAreRead() {
        UnaryTap tap = read(Given.RESPONSES, """
                {"id":"resp_1","object":"response","status":"completed","model":"gpt-5.5","error":null,"text":{"format":{"type":"text"}},
                 "output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"R"}]},
                   {"type":"message","content":[{"type":"output_text","text":"Hi","annotations":[]}]},
                   {"type":"function_call","name":"f","arguments":"{}"}],
                 "usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":11}}
                """);
        assertThat(tap.finished()).isTrue();
        assertThat(tap.failed()).isFalse();
        assertThat(tap.usage()).isEqualTo(Given.used(5, 0, 0, 5, 1, ""));
        assertThat(tap.text()).hasToString("RHif{}");
        assertThat(tap.objectId()).isEqualTo("resp_1");
    }

    @Test
    void aFailureIsSeen() {
        assertThat(read(Given.RESPONSES, "{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":null}")
                        .failed())
                .isTrue();
        assertThat(read(Given.CHAT, "{\"error\":{\"message\":\"m\"}}").failed()).isTrue();
        assertThat(read(Given.CHAT, "{\"status\":\"failed\"}").failed()).isFalse();
    }

    @Test
    void embeddingsTellInputOnly() {
        UnaryTap tap = read(
                Endpoints.of("POST", "/v1/embeddings"),
                "{\"object\":\"list\",\"data\":[{\"embedding\":\"AAAA\"}],\"model\":\"e\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}");
        assertThat(tap.usage()).isEqualTo(Given.used(8, 0, 0, 0, 0, ""));
        assertThat(tap.textBytes()).isZero();
    }

    @Test
    void whatIsNotJsonIsFinishedWhereTheEndpointMayAnswerSo() {
        assertThat(read(Endpoints.of("POST", "/v1/audio/speech"), "\u0000ID3").finished())
                .isTrue();
        assertThat(read(Endpoints.of("POST", "/v1/audio/transcriptions"), "Hello")
                        .finished())
                .isTrue();
        assertThat(read(Endpoints.of("GET", "/v1/files/file-1/content"), "{\"a\":1}\n{\"a\":2}")
                        .finished())
                .isTrue();
    }

    @Test
    void aTranscriptionsTextIsText() {
        UnaryTap tap = read(
                Endpoints.of("POST", "/v1/audio/transcriptions"),
                "{\"text\":\"Hello\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":3,\"output_tokens\":2}}");
        assertThat(tap.text()).hasToString("Hello");
        assertThat(tap.usage())
                .isEqualTo(new Usage.Builder().audioInput(3).textOutput(2).build());
    }

    @Test
    void aCompletedUploadMakesItsFile() {
        UnaryTap tap = read(
                Endpoints.of("POST", "/v1/uploads/upload_1/complete"),
                "{\"id\":\"upload_1\",\"file\":{\"id\":\"file-1\",\"object\":\"file\"}}");
        assertThat(tap.objectId()).isEqualTo("file-1");
        assertThat(read(Endpoints.of("POST", "/v1/uploads"), "{\"id\":\"upload_1\",\"file\":null}")
                        .objectId())
                .isEqualTo("upload_1");
    }

    @Test
    void aBatchMakesItsResultFiles() {
        UnaryTap tap = read(
                Endpoints.of("GET", "/v1/batches/batch_1"),
                "{\"id\":\"batch_1\",\"output_file_id\":\"file-2\",\"error_file_id\":\"file-3\",\"input_file_id\":\"file-1\"}");
        assertThat(tap.alsoMade())
                .containsExactly(new Made(ObjectKind.FILE, "file-2"), new Made(ObjectKind.FILE, "file-3"));
        assertThat(read(Given.CHAT, "{\"output_file_id\":\"file-2\"}").alsoMade())
                .isEmpty();
    }

    @Test
    void aResponseMakesItsItemsAndContainers() {
        String output =
                "[{\"type\":\"reasoning\",\"id\":\"rs_1\"},{\"id\":\"ci_1\",\"container_id\":\"cntr_1\"},{\"id\":\"ci_2\",\"container_id\":\"cntr_1\"}]";
        Made[] made = {
            new Made(ObjectKind.OUTPUT_ITEM, "rs_1"),
            new Made(ObjectKind.OUTPUT_ITEM, "ci_1"),
            new Made(ObjectKind.CONTAINER, "cntr_1"),
            new Made(ObjectKind.OUTPUT_ITEM, "ci_2")
        };
        assertThat(read(Given.RESPONSES, "{\"id\":\"resp_1\",\"output\":" + output + "}")
                        .alsoMade())
                .containsExactly(made);
        assertThat(read(Endpoints.of("GET", "/v1/responses/resp_1"), "{\"output\":" + output + "}")
                        .alsoMade())
                .containsExactly(made);
        StreamTap tap = Taps.stream(Given.RESPONSES, RequestScan.none(Given.RESPONSES));
        tap.event(null, Bytes.utf8("{\"type\":\"response.completed\",\"response\":{\"output\":" + output + "}}"));
        assertThat(tap.alsoMade()).containsExactly(made);
    }

    @Test
    void whatAChatSaidAloudIsMade() {
        assertThat(read(Given.CHAT, "{\"choices\":[{\"message\":{\"audio\":{\"id\":\"audio_1\"}}}]}")
                        .alsoMade())
                .containsExactly(new Made(ObjectKind.AUDIO, "audio_1"));
    }

    @Test
    void imagesAndSpeechStreamsEndWithTheirLastEvent() {
        Endpoint images = Endpoints.of("POST", "/v1/images/generations");
        StreamTap tap = Taps.stream(images, Given.scan(images, "{\"n\":2,\"stream\":true}"));
        String done =
                "{\"type\":\"image_generation.completed\",\"b64_json\":\"AA\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}";
        assertThat(tap.event(
                        "image_generation.partial_image",
                        Bytes.utf8("{\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}")))
                .isEqualTo(StreamTap.Verdict.PASS);
        assertThat(tap.event("image_generation.completed", Bytes.utf8(done))).isEqualTo(StreamTap.Verdict.PASS);
        assertThat(tap.finished()).isFalse();
        assertThat(tap.event("image_generation.completed", Bytes.utf8(done))).isEqualTo(StreamTap.Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
        assertThat(tap.usage())
                .isEqualTo(new Usage.Builder()
                        .freshInput(1)
                        .imageOutput(2)
                        .images(2)
                        .build());

        Endpoint speech = Endpoints.of("POST", "/v1/audio/speech");
        StreamTap voice = Taps.stream(speech, RequestScan.none(speech));
        assertThat(voice.event(null, Bytes.utf8("{\"type\":\"speech.audio.delta\",\"audio\":\"AA\"}")))
                .isEqualTo(StreamTap.Verdict.PASS);
        assertThat(voice.event(
                        null,
                        Bytes.utf8(
                                "{\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}")))
                .isEqualTo(StreamTap.Verdict.HOLD);

        Endpoint write = Endpoints.of("POST", "/v1/audio/transcriptions");
        StreamTap text = Taps.stream(write, RequestScan.none(write));
        text.event(null, Bytes.utf8("{\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}"));
        assertThat(text.event(null, Bytes.utf8("{\"type\":\"transcript.text.done\",\"text\":\"Hel\"}")))
                .isEqualTo(StreamTap.Verdict.HOLD);
        assertThat(text.text()).hasToString("Hel");
        assertThat(text.brokenEnding("c", "m").utf8())
                .startsWith("event: error\ndata: {\"type\":\"error\",\"error\":{");
        assertThat(text.event(null, Bytes.utf8("oops"))).isEqualTo(StreamTap.Verdict.BROKEN);
    }
}
