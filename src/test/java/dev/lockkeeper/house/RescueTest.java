package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.SimulatedProvider;
import dev.lockkeeper.testing.StrictStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A stream that breaks after text was delivered, over real sockets: what the client reads in the end. */
class RescueTest {
    private static final Policy RESCUE = new Policy(
            1,
            Duration.ofMillis(20),
            Duration.ofSeconds(5),
            Duration.ofSeconds(20),
            false,
            null,
            Duration.ofSeconds(10),
            false,
            null,
            Policy.BrokenStream.RESCUE,
            false);

    private static final List<String> MISHAPS = List.of(
            "cut(7)",
            "cut(20)",
            "reset(12)",
            "eof(15)",
            "garbage(11)",
            "error(14)",
            "failed(13)",
            "no-finish",
            "stall(10,60s)");

    private static SimulatedProvider one;
    private static SimulatedProvider same;
    private static SimulatedProvider other;
    private static Gateway gateway;

    @BeforeAll
    static void start() {
        one = SimulatedProvider.seeded(1);
        same = SimulatedProvider.seeded(1);
        other = SimulatedProvider.seeded(2);
        Gateway.Plan plan = Gateway.plan()
                .provider("one", one.port())
                .provider("same", same.port())
                .provider("other", other.port())
                .provider("prefix", other.port())
                .prefill(Prefill.PREFIX)
                .provider("final", other.port())
                .prefill(Prefill.CONTINUE_FINAL_MESSAGE)
                .model("prefix-taken", RESCUE, "one/gpt-4o+cut(20)", "prefix/gpt-4o+prefill")
                .model("final-taken", RESCUE, "one/gpt-4o+cut(20)", "final/gpt-4o+prefill")
                .model("prefix-refused", RESCUE, "one/gpt-4o+cut(20)", "prefix/gpt-4o")
                .model("final-refused", RESCUE, "one/gpt-4o+cut(20)", "final/gpt-4o")
                .timeouts(Duration.ofSeconds(10), Duration.ofSeconds(2), Duration.ofSeconds(60))
                .model("whole", RESCUE, "one/gpt-4o")
                .model("twice", RESCUE, "one/gpt-4o+cut(9)", "other/gpt-4o+cut(17)", "same/gpt-4o")
                .model("calls", RESCUE, "one/gpt-4o+cut(6)", "same/gpt-4o")
                .model("thinks", RESCUE, "one/gpt-5.4+cut(8)", "same/gpt-5.4")
                .model("refuses", RESCUE, "one/gpt-4o+cut(12)", "same/gpt-4o+refuse");
        for (String each : MISHAPS) {
            plan.model("again-" + each, RESCUE, "one/gpt-4o+" + each, "same/gpt-4o")
                    .model("quoted-" + each, RESCUE, "one/gpt-4o+" + each, "other/gpt-4o");
        }
        gateway = plan.start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
        one.close();
        same.close();
        other.close();
    }

    static List<String> mishaps() {
        return MISHAPS;
    }

    private static HttpResponse<String> chat(String model, String more) {
        return gateway.post(
                "/v1/chat/completions",
                "{\"model\":\"" + model + "\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                        + "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me about locks\"}]" + more + "}");
    }

    private static HttpResponse<String> respond(String model, String more) {
        return gateway.post(
                "/v1/responses",
                "{\"model\":\"" + model + "\",\"stream\":true,\"input\":\"Tell me about locks\"" + more + "}");
    }

    private static byte[] bytes(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer.body().getBytes(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @MethodSource("mishaps")
    void aChatIsWhole(String mishap) {
        String whole = StrictStream.chat(bytes(chat("whole", ""))).text();
        StrictStream.ChatSaid again = StrictStream.chat(bytes(chat("again-" + mishap, "")));
        assertThat(again.text()).isEqualTo(whole);
        assertThat(again.comments())
                .anyMatch(each -> each.matches("lockkeeper rescued after \\d+ characters by same/gpt-4o"));
        StrictStream.ChatSaid quoted = StrictStream.chat(bytes(chat("quoted-" + mishap, "")));
        assertThat(quoted.text()).isNotEqualTo(whole).startsWith(whole.substring(0, 10));
        assertThat(quoted.comments()).anyMatch(each -> each.endsWith(" by other/gpt-4o"));
        assertThat(quoted.usage()).isNotNull();
    }

    @ParameterizedTest
    @MethodSource("mishaps")
    void aResponseIsWhole(String mishap) {
        String whole = StrictStream.response(bytes(respond("whole", ""))).text();
        StrictStream.ResponseSaid again = StrictStream.response(bytes(respond("again-" + mishap, "")));
        assertThat(again.text()).isEqualTo(whole);
        assertThat(again.comments())
                .anyMatch(each -> each.matches("lockkeeper rescued after \\d+ characters by same/gpt-4o"));
        if (mishap.equals("no-finish")) {
            // Its text was told to be whole: only one that answers the same may go on behind it.
            assertThat(respond("quoted-" + mishap, "").body()).contains("response.failed");
            return;
        }
        StrictStream.ResponseSaid quoted = StrictStream.response(bytes(respond("quoted-" + mishap, "")));
        assertThat(quoted.text()).isNotEqualTo(whole).startsWith(whole.substring(0, 10));
    }

    /** How many attempts of a model's only call failed. */
    private static int failed(String model) {
        await().until(() -> gateway.log().contains("\"model\":\"" + model + "\""));
        return gateway.log()
                        .lines()
                        .filter(each -> each.contains("\"model\":\"" + model + "\""))
                        .findFirst()
                        .orElseThrow()
                        .split("\"failure\":", -1)
                        .length
                - 1;
    }

    @ParameterizedTest
    @ValueSource(strings = {"prefix", "final"})
    void aTargetThatTakesABeginningGoesOnFromItAndOneThatRefusesItIsAskedOtherwise(String how) {
        String whole = StrictStream.chat(bytes(chat("whole", ""))).text();
        StrictStream.ChatSaid taken = StrictStream.chat(bytes(chat(how + "-taken", "")));
        assertThat(taken.text()).startsWith(whole.substring(0, 50)).isNotEqualTo(whole);
        assertThat(taken.comments()).anyMatch(each -> each.endsWith(" by " + how + "/gpt-4o+prefill"));
        assertThat(failed(how + "-taken")).isEqualTo(1);
        StrictStream.ChatSaid refused = StrictStream.chat(bytes(chat(how + "-refused", "")));
        assertThat(refused.text()).isEqualTo(taken.text());
        assertThat(failed(how + "-refused"))
                .as("the stream, the beginning, the other text")
                .isEqualTo(3);
    }

    @Test
    void aRescueThatBreaksIsRescuedItself() {
        StrictStream.ChatSaid chat = StrictStream.chat(bytes(chat("twice", "")));
        assertThat(chat.comments()).anyMatch(each -> each.endsWith(" by same/gpt-4o"));
        StrictStream.ResponseSaid response = StrictStream.response(bytes(respond("twice", "")));
        assertThat(response.text()).isNotEmpty();
    }

    @Test
    void aResponseThatThoughtAloudIsWhole() {
        for (String effort : List.of("low", "high")) {
            String reasoning = ",\"reasoning\":{\"effort\":\"" + effort + "\",\"summary\":\"auto\"}";
            StrictStream.ResponseSaid said = StrictStream.response(bytes(respond("thinks", reasoning)));
            assertThat(said.text()).isNotEmpty();
            assertThat(said.comments()).anyMatch(each -> each.startsWith("lockkeeper rescued"));
        }
    }

    @Test
    void aCallOfAToolThatIsHalfSentIsNotGoneOnWith() {
        String chat = chat(
                        "calls",
                        ",\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"open_the_gate\","
                                + "\"parameters\":{\"type\":\"object\",\"properties\":{\"gate\":{\"type\":\"string\"},"
                                + "\"slowly\":{\"type\":\"boolean\"}},\"required\":[\"gate\",\"slowly\"]}}}]")
                .body();
        assertThat(chat)
                .contains("open_the_gate", "\"error\"", "not the whole answer")
                .doesNotContain("[DONE]", "rescued");
        String response = respond(
                        "calls",
                        ",\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":\"open_the_gate\","
                                + "\"parameters\":{\"type\":\"object\",\"properties\":{\"gate\":{\"type\":\"string\"},"
                                + "\"slowly\":{\"type\":\"boolean\"}},\"required\":[\"gate\",\"slowly\"]}}]")
                .body();
        assertThat(response)
                .contains("open_the_gate", "response.failed", "not the whole answer")
                .doesNotContain("rescued");
    }

    @Test
    void aTargetThatRefusesToAnswerEndsTheStreamAsItBroke() {
        String answer = chat("refuses", "").body();
        assertThat(answer).contains("\"error\"").doesNotContain("[DONE]", "can't help");
        await().until(() -> gateway.log().contains("\"delivered\":"));
    }

    private static String chunk(String delta, String finish) {
        return "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
                + "[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finish + "}]}\n\n";
    }

    @Test
    void nothingOfABrokenStreamIsToldOnceItIsLeft() throws Exception {
        String role = chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null");
        String beginning = chunk("{\"content\":\"First the gate opens\"}", "null");
        String end =
                chunk("{\"content\":\", then it closes.\"}", "null") + chunk("{}", "\"stop\"") + "data: [DONE]\n\n";
        for (String before : List.of("", role + beginning)) {
            try (ScriptedUpstream bad = ScriptedUpstream.answering((_, conversation) -> {
                        conversation.chunkedEvents();
                        conversation.chunk(before + "data: {oops\n\n" + role + beginning + end);
                        conversation.lastChunk();
                    });
                    ScriptedUpstream good = ScriptedUpstream.answering((_, conversation) -> {
                        conversation.chunkedEvents();
                        conversation.chunk(role + beginning + end);
                        conversation.lastChunk();
                    });
                    Gateway between = Gateway.plan()
                            .provider("bad", bad.port())
                            .provider("good", good.port())
                            .model("gpt", RESCUE, "bad/a", "good/b")
                            .start()) {
                HttpResponse<String> answer = between.post(
                        "/v1/chat/completions",
                        "{\"model\":\"gpt\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
                assertThat(StrictStream.chat(bytes(answer)).text()).isEqualTo("First the gate opens, then it closes.");
                assertThat(good.requests()).hasSize(1);
            }
        }
    }
}
