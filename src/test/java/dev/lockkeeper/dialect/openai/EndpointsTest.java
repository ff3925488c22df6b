package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.Endpoints.Match;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EndpointsTest {
    @Test
    void everyEndpointIsFoundByItsOwnPath() {
        for (Endpoint each : Endpoints.all()) {
            String path = each.path().replaceAll("\\{[a-z_]+}", "x-1");
            assertThat(Endpoints.match(each.method(), path))
                    .as(each.method() + " " + each.path())
                    .isEqualTo(new Match.Found(
                            each, each.names().stream().map(_ -> "x-1").toList()));
            long variables =
                    Pattern.compile("\\{").matcher(each.path()).results().count();
            assertThat(each.names()).as(each.path()).hasSize((int) variables);
        }
    }

    @Test
    void aPathsOwnWordsWinOverIds() {
        assertThat(Endpoints.of("POST", "/v1/responses/compact").path()).isEqualTo("/v1/responses/compact");
        assertThat(Endpoints.of("POST", "/v1/responses/input_tokens").path()).isEqualTo("/v1/responses/input_tokens");
        assertThat(Endpoints.of("GET", "/v1/responses/resp_1").path()).isEqualTo("/v1/responses/{response_id}");
    }

    @Test
    void idsComeDecodedAndInOrder() {
        assertThat(Endpoints.match("GET", "/v1/vector_stores/vs_%31/files/file-2/content"))
                .isInstanceOfSatisfying(
                        Match.Found.class, found -> assertThat(found.ids()).containsExactly("vs_1", "file-2"));
    }

    @ParameterizedTest
    @CsvSource({
        "/v1/models/gpt-5.5, gpt-5.5",
        "/v1/models/org%2Fmodel, org/model",
        "/v1/models/org/model, org/model",
        "/v1/models/ft:gpt-4o:acme::1, ft:gpt-4o:acme::1"
    })
    void modelNamesMayHoldSlashesAndColons(String path, String model) {
        assertThat(Endpoints.match("GET", path))
                .isInstanceOfSatisfying(
                        Match.Found.class, found -> assertThat(found.ids()).containsExactly(model));
    }

    @ParameterizedTest
    @CsvSource({
        "/v1/files/..",
        "/v1/files/.",
        "/v1/files/%2e%2e",
        "/v1/files/a%2Fb",
        "/v1/files/a%5Cb",
        "/v1/files/a%3Fb",
        "/v1/files/a%0ab",
        "/v1/files/a%zz",
        "/v1/files/a%2",
        "/v1/files/%00",
        "/v1/conversations/conv_1/items/..%2F..%2Ffiles"
    })
    void anIdThatWouldChangeThePathIsUnknown(String path) {
        assertThat(Endpoints.match("GET", path)).isEqualTo(new Match.Unknown(null));
    }

    @Test
    void anIdLongerThanTheBoundIsUnknown() {
        assertThat(Endpoints.match("GET", "/v1/files/" + "a".repeat(256))).isInstanceOf(Match.Found.class);
        assertThat(Endpoints.match("GET", "/v1/files/" + "a".repeat(257))).isInstanceOf(Match.Unknown.class);
    }

    @Test
    void aWrongMethodTellsTheRightOnes() {
        assertThat(Endpoints.match("PUT", "/v1/chat/completions"))
                .isEqualTo(new Match.WrongMethod(List.of("GET", "POST")));
        assertThat(Endpoints.match("GET", "/v1/embeddings")).isEqualTo(new Match.WrongMethod(List.of("POST")));
        assertThat(Endpoints.match("GET", "/v1/responses/compact")).isEqualTo(new Match.WrongMethod(List.of("POST")));
    }

    @ParameterizedTest
    @CsvSource({
        "/chat/completions, /v1/chat/completions",
        "/v1/v1/chat/completions, /v1/chat/completions",
        "/v1/chat/completions/, /v1/chat/completions",
        "/v1//chat/completions, /v1/chat/completions",
        "//v1/chat/completions, /v1/chat/completions",
        "/files/file-1, /v1/files/file-1"
    })
    void aPathNearARightOneGetsAHint(String path, String hint) {
        assertThat(Endpoints.match("POST", path)).isEqualTo(new Match.Unknown(hint));
    }

    @ParameterizedTest
    @CsvSource({
        "/",
        "/v1",
        "/v1/",
        "/v2/chat/completions",
        "/v1/chat",
        "/v1/files/a/b/c",
        "v1/files",
        "''",
        "/v1/threads"
    })
    void otherPathsAreUnknown(String path) {
        assertThat(Endpoints.match("GET", path)).isEqualTo(new Match.Unknown(null));
    }

    @Test
    void whatLivesInsideAnObjectComesBehindOneThatIsOwned() {
        for (Endpoint each : Endpoints.all()) {
            if (each.kind() != Endpoint.Kind.MODELS && !each.names().isEmpty()) {
                assertThat(each.names().getFirst().owned()).as(each.path()).isTrue();
            }
        }
    }
}
