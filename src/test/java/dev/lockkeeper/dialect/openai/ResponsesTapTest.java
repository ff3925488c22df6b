package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.openai.core.ObjectMappers;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseStreamEvent;
import dev.lockkeeper.dialect.openai.StreamTap.Verdict;
import dev.lockkeeper.units.Bytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ResponsesTapTest {
    private static final String CREATED = """
            {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":17,
             "status":"in_progress","model":"gpt-5.5-2026","output":[],"instructions":"Be kind","usage":null,"error":null,
             "service_tier":"auto","metadata":{"a":"b"},"unknown":{"x":1.0},"temperature":0.5,"tools":[]}}""";

    private static Verdict take(StreamTap tap, String type, String more) {
        String data = "{\"type\":\"" + type + "\"" + (more.isEmpty() ? "" : "," + more) + "}";
        return tap.event(type, Bytes.utf8(data));
    }

    private static StreamTap begun() {
        StreamTap tap = new ResponsesTap();
        assertThat(tap.event("response.created", Bytes.utf8(CREATED))).isEqualTo(Verdict.PASS);
        return tap;
    }

    @Test
    void aResponsePassesAndItsTerminalEventIsHeld() {
        StreamTap tap = begun();
        assertThat(tap.objectId()).isEqualTo("resp_1");
        assertThat(
                        take(
                                tap,
                                "response.output_item.added",
                                "\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"in_progress\"}"))
                .isEqualTo(Verdict.PASS);
        assertThat(take(tap, "response.output_text.delta", "\"sequence_number\":2,\"delta\":\"Hel\""))
                .isEqualTo(Verdict.PASS);
        assertThat(take(tap, "response.output_text.delta", "\"sequence_number\":3,\"delta\":\"lo\""))
                .isEqualTo(Verdict.PASS);
        assertThat(take(tap, "response.output_text.done", "\"sequence_number\":4,\"text\":\"Hello\""))
                .isEqualTo(Verdict.PASS);
        assertThat(tap.finished()).isFalse();
        assertThat(
                        take(
                                tap,
                                "response.completed",
                                "\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"service_tier\":\"default\",\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4,\"cache_write_tokens\":1},\"output_tokens\":7,\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":16}}"))
                .isEqualTo(Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
        assertThat(tap.done()).isTrue();
        assertThat(tap.failed()).isFalse();
        assertThat(tap.usage()).isEqualTo(Given.used(4, 4, 1, 5, 2, "default"));
        assertThat(tap.serviceTier()).isEqualTo("default");
        assertThat(tap.model()).isEqualTo("gpt-5.5-2026");
        assertThat(tap.text()).hasToString("Hello");
        assertThat(tap.closing().length()).isZero();
        assertThat(tap.event(null, Bytes.utf8("[DONE]"))).isEqualTo(Verdict.HOLD);
    }

    @ParameterizedTest
    @ValueSource(strings = {"response.completed", "response.incomplete", "response.cancelled", "response.failed"})
    void everyTerminalEventEnds(String type) {
        StreamTap tap = begun();
        assertThat(take(tap, type, "\"response\":{\"id\":\"resp_1\"}")).isEqualTo(Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
        assertThat(tap.failed()).isEqualTo(type.equals("response.failed"));
    }

    @Test
    void theTypeCountsWhereTheEventHasNoName() {
        StreamTap tap = begun();
        assertThat(tap.event(null, Bytes.utf8("{\"type\":\"response.completed\",\"response\":{}}")))
                .isEqualTo(Verdict.HOLD);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\",\"param\":null,\"sequence_number\":1}",
                "{\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"message\":\"m\"}}",
                "{\"error\":{\"message\":\"m\"}}"
            })
    void anErrorEventPassesAndSaysThatTheUpstreamFailed(String error) {
        StreamTap tap = begun();
        assertThat(tap.event(null, Bytes.utf8(error))).isEqualTo(Verdict.PASS);
        assertThat(tap.failed()).isTrue();
        assertThat(tap.finished()).isFalse();
        assertThat(tap.event(null, Bytes.utf8("[DONE]"))).isEqualTo(Verdict.DROP);
        // OpenAI may still tell the response's own failure.
        assertThat(take(tap, "response.failed", "\"response\":{\"id\":\"resp_1\"}"))
                .isEqualTo(Verdict.HOLD);
        assertThat(tap.done()).isTrue();
    }

    @Test
    void anEndMarkerWithoutATerminalEventIsBroken() {
        assertThat(begun().event(null, Bytes.utf8("[DONE]"))).isEqualTo(Verdict.BROKEN);
    }

    @Test
    void onlyWhatAModelWroteCountsAsText() {
        StreamTap tap = begun();
        take(tap, "response.reasoning_summary_text.delta", "\"delta\":\"1\"");
        take(tap, "response.reasoning_text.delta", "\"delta\":\"2\"");
        take(tap, "response.function_call_arguments.delta", "\"delta\":\"3\"");
        take(tap, "response.custom_tool_call_input.delta", "\"delta\":\"4\"");
        take(tap, "response.refusal.delta", "\"delta\":\"5\"");
        take(tap, "response.audio.delta", "\"delta\":\"AAAA\"");
        take(tap, "response.shell_call_output_content.delta", "\"delta\":{\"stdout\":\"x\"}");
        take(tap, "response.function_call_arguments.done", "\"arguments\":\"3\"");
        assertThat(tap.text()).hasToString("12345");
    }

    private static JsonNode ending(StreamTap tap) {
        String ending =
                tap.brokenEnding("upstream_reset", "The upstream broke off.").utf8();
        assertThat(ending).startsWith("event: response.failed\ndata: {").endsWith("}\n\n");
        String data = ending.substring(ending.indexOf("data: ") + 6).strip();
        assertThat(data).doesNotContain("\n");
        strict(data);
        return Given.tree(data);
    }

    /** The official Java client reads the event and finds nothing missing. */
    private static void strict(String data) {
        try {
            ResponseStreamEvent event = ObjectMappers.jsonMapper().readValue(data, ResponseStreamEvent.class);
            event.validate();
            Response response = event.asFailed().response();
            response.validate();
            assertThat(response.error().orElseThrow().message())
                    .contains("broke off")
                    .contains("upstream_reset");
            assertThat(response.status().orElseThrow().asString()).isEqualTo("failed");
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new AssertionError(data, e);
        }
    }

    @Test
    void aBrokenEndingIsTheSameResponseFailed() {
        StreamTap tap = begun();
        take(tap, "response.output_text.delta", "\"sequence_number\":7,\"delta\":\"Hel\"");
        JsonNode event = ending(tap);
        assertThat(event.get("type").stringValue()).isEqualTo("response.failed");
        assertThat(event.get("sequence_number").intValue()).isEqualTo(8);
        JsonNode response = event.get("response");
        assertThat(response.get("id").stringValue()).isEqualTo("resp_1");
        assertThat(response.get("created_at").intValue()).isEqualTo(17);
        assertThat(response.get("status").stringValue()).isEqualTo("failed");
        assertThat(response.get("instructions").stringValue()).isEqualTo("Be kind");
        assertThat(response.get("temperature").doubleValue()).isEqualTo(0.5);
        assertThat(response.get("metadata").get("a").stringValue()).isEqualTo("b");
        assertThat(response.get("unknown").get("x").asString()).isEqualTo("1.0");
        for (String required : new String[] {
            "object",
            "completed_at",
            "incomplete_details",
            "previous_response_id",
            "output",
            "error",
            "tools",
            "tool_choice",
            "truncation",
            "parallel_tool_calls",
            "text",
            "top_p",
            "presence_penalty",
            "frequency_penalty",
            "top_logprobs",
            "reasoning",
            "usage",
            "max_output_tokens",
            "max_tool_calls",
            "store",
            "background",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key"
        }) {
            assertThat(response.has(required)).as(required).isTrue();
        }
    }

    @Test
    void aBrokenEndingBeforeAnythingIsStillAWholeResponse() {
        JsonNode event = ending(new ResponsesTap());
        assertThat(event.get("sequence_number").intValue()).isZero();
        assertThat(event.get("response").get("status").stringValue()).isEqualTo("failed");
    }

    @Test
    void aResponseTooLargeToKeepIsToldOfInShort() {
        StreamTap tap = new ResponsesTap();
        tap.event("response.created", Bytes.utf8(CREATED.replace("Be kind", "x".repeat(ResponsesTap.SNAPSHOT_BOUND))));
        JsonNode response = ending(tap).get("response");
        assertThat(response.get("id").stringValue()).isEqualTo("resp_1");
        assertThat(response.get("model").stringValue()).isEqualTo("gpt-5.5-2026");
        assertThat(response.get("created_at").intValue()).isEqualTo(17);
        assertThat(response.get("instructions").isNull()).isTrue();
    }

    @Test
    void theEventsBytesAreNotKept() {
        byte[] bytes = CREATED.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        StreamTap tap = new ResponsesTap();
        tap.event("response.created", Bytes.of(bytes));
        java.util.Arrays.fill(bytes, (byte) 'x');
        assertThat(ending(tap).get("response").get("id").stringValue()).isEqualTo("resp_1");
    }
}
