package dev.lockkeeper.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.access.HostedTools;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.routing.Traits;
import dev.lockkeeper.routing.Traits.Complexity;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelsTest {
    private static final Endpoint RESPONSES = endpoint();

    private static Endpoint endpoint() {
        if (Endpoints.match("POST", "/v1/responses") instanceof Endpoints.Match.Found(Endpoint found, var _)) {
            return found;
        }
        throw new AssertionError();
    }

    private static RequestScan asked(String body) {
        try {
            return RequestScan.of(Bytes.utf8(body), RESPONSES);
        } catch (Malformed e) {
            throw new AssertionError(e);
        }
    }

    private static Labels read(String body, Headers headers) {
        if (Labels.of(asked(body), headers) instanceof Labels labels) {
            return labels;
        }
        throw new AssertionError("refused");
    }

    private static Refusal.BadBody refused(String body, Headers headers) {
        if (Labels.of(asked(body), headers) instanceof Labels.Wrong(Refusal.BadBody why)) {
            return why;
        }
        throw new AssertionError("taken");
    }

    @Test
    void aCallThatSaysNothingOfItselfHasNoLabels() {
        assertThat(read("{}", Headers.empty())).isEqualTo(new Labels(Complexity.UNKNOWN, "", "", ""));
        assertThat(read("{}", Headers.empty().set("x-lockkeeper-complexity", " ")))
                .isEqualTo(new Labels(Complexity.UNKNOWN, "", "", ""));
    }

    @ParameterizedTest
    @CsvSource({"routine,ROUTINE", "standard,STANDARD", "Complex,COMPLEX", "CRITICAL,CRITICAL"})
    void aCallSaysHowHardItIs(String word, Complexity expected) {
        assertThat(read("{\"metadata\":{\"complexity\":\"" + word + "\"}}", Headers.empty())
                        .complexity())
                .isEqualTo(expected);
        assertThat(read("{}", Headers.empty().set("X-Lockkeeper-Complexity", word))
                        .complexity())
                .isEqualTo(expected);
    }

    @Test
    void aHeaderCountsMoreThanMetadata() {
        Labels labels = read(
                """
                {"metadata":{"complexity":"routine","accuracy":"low","sensitivity":"personal"}}""",
                Headers.empty()
                        .set("x-lockkeeper-complexity", "critical")
                        .set("x-lockkeeper-accuracy", "high")
                        .set("x-lockkeeper-tag", "t".repeat(200)));
        assertThat(labels).isEqualTo(new Labels(Complexity.CRITICAL, "high", "personal", "t".repeat(Labels.MAX_TAG)));
    }

    @Test
    void aLabelThatCantBeOneIsRefusedByWhereItStands() {
        assertThat(refused("{}", Headers.empty().set("x-lockkeeper-complexity", "hard")))
                .isEqualTo(new Refusal.BadBody(
                        "'x-lockkeeper-complexity' is 'hard': routine, standard, complex or critical was expected.",
                        "x-lockkeeper-complexity",
                        "invalid_value"));
        assertThat(refused("{\"metadata\":{\"complexity\":\"O(n)\"}}", Headers.empty()))
                .isEqualTo(new Refusal.BadBody(
                        "'metadata.complexity' is 'O(n)': routine, standard, complex or critical was expected.",
                        "metadata.complexity",
                        "invalid_value"));
        assertThat(refused("{\"metadata\":{\"sensitivity\":\"" + "s".repeat(65) + "\"}}", Headers.empty())
                        .message())
                .isEqualTo("'metadata.sensitivity' is '" + "s".repeat(64)
                        + "…': at most 64 characters were expected, none of control.");
        assertThat(refused("{\"metadata\":{\"accuracy\":\"a\\u0000\"}}", Headers.empty())
                        .param())
                .isEqualTo("metadata.accuracy");
    }

    @Test
    void whatACallIsIsToldOfItsBodyItsLabelsAndItsKey() {
        Caller caller = new Caller(
                "key_1",
                "proj_1",
                "web",
                "org_1",
                Set.of(),
                KeyKind.TEST,
                HostedTools.ALL,
                Set.of(),
                List.of(),
                "staging",
                Set.of("eu"));
        RequestScan asked = asked("""
                {"model":"m","input":"Hi","stream":true,"max_output_tokens":9,"service_tier":"flex","top_p":1,
                 "reasoning":{"effort":"high"},"prompt_cache_key":"pck","previous_response_id":"resp_1",
                 "tools":[{"type":"function","name":"f"}],"text":{"format":{"type":"json_schema"}},
                 "metadata":{"complexity":"complex","accuracy":"high","sensitivity":"none"}}
                """);
        Headers headers = Headers.empty().set("x-lockkeeper-tag", "t");
        Traits traits = ((Labels) Labels.of(asked, headers)).traits(asked, caller, "u", 17, "azure");
        assertThat(traits)
                .isEqualTo(new Traits(
                        17,
                        9,
                        true,
                        true,
                        false,
                        false,
                        true,
                        true,
                        "high",
                        "flex",
                        "t",
                        Complexity.COMPLEX,
                        "high",
                        "none",
                        "org_1",
                        "proj_1",
                        "web",
                        "key_1",
                        true,
                        "staging",
                        "u",
                        "resp_1",
                        "pck",
                        Set.of("eu"),
                        "azure",
                        "responses"));
    }
}
