package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every way in which the simulator misbehaves, for every kind of answer. A client gets a whole answer or is told that it
 * is not one; there is nothing between.
 */
class MishapTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static Gateway gateway;

    @BeforeAll
    static void start() {
        gateway = Gateway.plan()
                .timeouts(Duration.ofMillis(1_500), Duration.ofMillis(1_500), Duration.ofSeconds(20))
                .start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
    }

    /** What a client made of an answer. */
    enum Got {
        WHOLE,
        ERROR_STATUS,
        ERROR_EVENT,
        BROKEN_CONNECTION
    }

    @ParameterizedTest(name = "{0}: unary {1}, chat stream {2}, responses stream {3}")
    @CsvSource(
            delimiter = '|',
            value = {
                "status(503,retry-after=0) | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "status(429,retry-after-ms=5,should-retry=false) | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "html(502)         | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "stall(2,300ms)    | WHOLE        | WHOLE        | WHOLE",
                "stall(2,8s)       | ERROR_STATUS | ERROR_EVENT  | ERROR_EVENT",
                "silence           | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "first(300ms)      | WHOLE        | WHOLE        | WHOLE",
                "first(8s)         | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "cut(2)            | ERROR_STATUS | ERROR_EVENT  | ERROR_EVENT",
                "cut(bytes=700)    | ERROR_STATUS | ERROR_EVENT  | ERROR_STATUS",
                "cut(bytes=20)     | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "reset(0)          | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "eof(3)            | ERROR_STATUS | ERROR_EVENT  | ERROR_EVENT",
                "split(1)          | WHOLE        | WHOLE        | WHOLE",
                "split(7)          | WHOLE        | WHOLE        | WHOLE",
                "garbage(2)        | ERROR_STATUS | ERROR_EVENT  | ERROR_EVENT",
                "error(0)          | ERROR_STATUS | ERROR_STATUS | ERROR_STATUS",
                "error(3)          | ERROR_STATUS | ERROR_EVENT  | ERROR_EVENT",
                "failed(3)         | ERROR_STATUS | ERROR_EVENT  | ERROR_EVENT",
                "no-done           | WHOLE        | WHOLE        | WHOLE",
                "no-finish         | WHOLE        | ERROR_EVENT  | ERROR_EVENT",
                "no-usage          | WHOLE        | WHOLE        | WHOLE",
                "oversize(2,20MiB) | WHOLE        | ERROR_EVENT  | ERROR_EVENT",
                "no-end            | ERROR_STATUS | WHOLE        | WHOLE",
            })
    void aClientGetsAWholeAnswerOrIsToldThatItIsNot(String mishap, Got unary, Got chat, Got responses) {
        assertThat(unary(mishap)).as("unary chat").isEqualTo(unary);
        assertThat(chat(mishap)).as("chat stream").isEqualTo(chat);
        assertThat(responses(mishap)).as("responses stream").isEqualTo(responses);
    }

    @ParameterizedTest
    @CsvSource({"/v1/chat/completions,messages,false", "/v1/chat/completions,messages,true", "/v1/responses,input,true"
    })
    void usageThatAnUpstreamDoesNotTellIsEstimated(String path, String input, boolean stream) {
        HttpResponse<String> answer = gateway.post(path, ask(input, stream, "no-usage"));
        String id = answer.headers().firstValue("x-request-id").orElseThrow();
        await().atMost(10, SECONDS)
                .untilAsserted(() -> assertThat(gateway.log().lines())
                        .anySatisfy(line -> assertThat(line)
                                .contains(id, "\"estimated\":true")
                                .doesNotContain("\"input_tokens\":0,", "\"output_tokens\":0,")));
    }

    @ParameterizedTest
    @CsvSource({"reset(3)", "reset(1)"})
    void aResetInTheMiddleIsTold(String mishap) {
        // What was sent before a reset may or may not arrive, so it is an error with or without a status.
        assertThat(chat(mishap)).isIn(Got.ERROR_EVENT, Got.ERROR_STATUS);
        assertThat(responses(mishap)).isIn(Got.ERROR_EVENT, Got.ERROR_STATUS);
        assertThat(unary(mishap)).isEqualTo(Got.ERROR_STATUS);
    }

    private static String ask(String input, boolean stream, String mishap) {
        String content =
                input.equals("messages") ? "[{\"role\":\"user\",\"content\":\"Tell me of locks\"}]" : "\"Tell me\"";
        return "{\"model\":\"gpt-4o\",\"stream\":" + stream + ",\"" + input + "\":" + content
                + ",\"metadata\":{\"sim_tokens\":\"30\",\"sim_mishap\":\"" + mishap + "\"}}";
    }

    private static Got unary(String mishap) {
        try {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask("messages", false, mishap));
            JsonNode json = JSON.readTree(answer.body());
            if (answer.statusCode() == 200) {
                assertThat(json.at("/choices/0/finish_reason").asString()).isNotEmpty();
                return Got.WHOLE;
            }
            assertThat(json.at("/error/message").asString()).isNotEmpty();
            return Got.ERROR_STATUS;
        } catch (UncheckedIOException broken) {
            return Got.BROKEN_CONNECTION;
        }
    }

    private static Got chat(String mishap) {
        HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask("messages", true, mishap));
        if (answer.statusCode() != 200) {
            assertThat(JSON.readTree(answer.body()).at("/error/message").asString())
                    .isNotEmpty();
            return Got.ERROR_STATUS;
        }
        List<String> events = events(answer.body());
        boolean finished = events.stream().anyMatch(each -> each.contains("\"finish_reason\":\"stop\""));
        boolean failed = events.stream().anyMatch(each -> each.startsWith("{\"error\":{"));
        if (events.getLast().equals("[DONE]")) {
            assertThat(finished).as("[DONE] only after a finish reason").isTrue();
            assertThat(failed).as("[DONE] never after an error").isFalse();
            return Got.WHOLE;
        }
        assertThat(events.getLast()).as(answer.body()).startsWith("{\"error\":{");
        return Got.ERROR_EVENT;
    }

    private static Got responses(String mishap) {
        HttpResponse<String> answer = gateway.post("/v1/responses", ask("input", true, mishap));
        if (answer.statusCode() != 200) {
            assertThat(JSON.readTree(answer.body()).at("/error/message").asString())
                    .isNotEmpty();
            return Got.ERROR_STATUS;
        }
        List<String> events = events(answer.body());
        if (events.getLast().equals("[DONE]")) {
            events.removeLast();
        }
        JsonNode last = JSON.readTree(events.getLast());
        String type = last.path("type").asString();
        if (type.equals("response.completed")) {
            for (int i = 0; i < events.size(); i++) {
                assertThat(JSON.readTree(events.get(i)).path("sequence_number").asInt())
                        .isEqualTo(i);
            }
            return Got.WHOLE;
        }
        assertThat(type).as(answer.body()).isIn("response.failed", "error");
        return Got.ERROR_EVENT;
    }

    private static List<String> events(String body) {
        List<String> events = new ArrayList<>();
        body.lines().filter(line -> line.startsWith("data: ")).forEach(line -> events.add(line.substring(6)));
        return events;
    }
}
