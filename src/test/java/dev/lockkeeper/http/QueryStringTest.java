package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class QueryStringTest {
    @Test
    void namesAndValuesAreDecodedAndRepeatedOnesKeptInOrder() {
        assertThat(QueryString.parameters("a=1&metadata%5Bk%5D=v+w&a=2&flag&=x&b=%zz"))
                .containsEntry("a", List.of("1", "2"))
                .containsEntry("metadata[k]", List.of("v w"))
                .containsEntry("flag", List.of(""))
                .containsEntry("b", List.of("%zz"));
        assertThat(QueryString.lastValues("a=1&a=2")).containsExactly(java.util.Map.entry("a", "2"));
    }

    @Test
    void noQueryHasNoParametersAndAnEndlessOneIsBounded() {
        assertThat(QueryString.parameters(null)).isEmpty();
        assertThat(QueryString.parameters("")).isEmpty();
        String full = "x=1" + "&x=1".repeat(QueryString.MAX_PARAMETERS - 1);
        for (String each : List.of(full, full + "&x=2", full + "&y=2&z=3", full + "&".repeat(10_000))) {
            assertThat(QueryString.parameters(each))
                    .hasSize(1)
                    .containsEntry("x", Collections.nCopies(QueryString.MAX_PARAMETERS, "1"));
        }
    }
}
