package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

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
        assertThat(QueryString.parameters("x&".repeat(10_000)).values())
                .allSatisfy(values -> assertThat(values).hasSizeLessThanOrEqualTo(QueryString.MAX_PARAMETERS));
    }
}
