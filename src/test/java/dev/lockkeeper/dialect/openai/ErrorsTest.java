package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ErrorsTest {
    @Test
    void anEnvelopeHasAllFourMembers() {
        Bytes body = Errors.envelope("A \"bad\" thing\n\u0001", "invalid_request_error", null, "x");
        assertThat(Given.tree(body.utf8()))
                .isEqualTo(
                        Given.tree(
                                "{\"error\":{\"message\":\"A \\\"bad\\\" thing\\n\\u0001\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"x\"}}"));
        assertThat(Errors.isEnvelope(body)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{}",
                "[]",
                "{\"error\":\"x\"}",
                "{\"error\":[]}",
                "{\"error\":null}",
                "{\"error\":{}",
                "<html>",
                "{\"a\":{\"error\":{}}}"
            })
    void otherBodiesAreNone(String body) {
        assertThat(Errors.isEnvelope(Bytes.utf8(body))).isFalse();
    }

    @Test
    void theNearestNamesComeFirst() {
        List<String> known = List.of("gpt-5.5", "gpt-5.4", "gpt-5.5-pro", "text-embedding-3-small", "gpt-4o");
        assertThat(Nearest.names("gpt5.5", known, 2)).containsExactly("gpt-5.5", "gpt-5.4");
        assertThat(Nearest.names("GPT-4O", known, 3)).startsWith("gpt-4o");
        assertThat(Nearest.names("gtp-4o", known, 1)).containsExactly("gpt-4o");
        assertThat(Nearest.names("claude-sonnet", known, 3)).isEmpty();
        assertThat(Nearest.names("x".repeat(10_000), known, 3)).isEmpty();
    }
}
