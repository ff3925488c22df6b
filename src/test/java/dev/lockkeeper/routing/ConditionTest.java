package dev.lockkeeper.routing;

import static dev.lockkeeper.routing.Made.call;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.ZoneId;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ConditionTest {
    private static final long NOW = Instant.parse("2026-11-23T07:30:00Z").toEpochMilli();

    static Stream<Arguments> properties() {
        return Stream.of(
                Arguments.of(Property.TOOLS, "tools", true, "true"),
                Arguments.of(Property.IMAGES, "images", true, "true"),
                Arguments.of(Property.AUDIO, "audio", true, "true"),
                Arguments.of(Property.SCHEMA, "schema", true, "true"),
                Arguments.of(Property.STREAM, "stream", true, "true"),
                Arguments.of(Property.EFFORT, "effort", "high", "high"),
                Arguments.of(Property.SERVICE_TIER, "serviceTier", "flex", "flex"),
                Arguments.of(Property.ENDPOINT, "endpoint", "chat", "chat"),
                Arguments.of(Property.TAG, "tag", "nightly", "nightly"),
                Arguments.of(Property.COMPLEXITY, "complexity", Traits.Complexity.ROUTINE, "routine"),
                Arguments.of(Property.COMPLEXITY, "complexity", Traits.Complexity.STANDARD, "standard"),
                Arguments.of(Property.COMPLEXITY, "complexity", Traits.Complexity.COMPLEX, "complex"),
                Arguments.of(Property.COMPLEXITY, "complexity", Traits.Complexity.CRITICAL, "critical"),
                Arguments.of(Property.ACCURACY, "accuracy", "exact", "exact"),
                Arguments.of(Property.SENSITIVITY, "sensitivity", "health", "health"),
                Arguments.of(Property.ORGANIZATION, "organization", "org_1", "org_1"),
                Arguments.of(Property.PROJECT, "project", "proj_1", "proj_1"),
                Arguments.of(Property.PROJECT, "projectName", "web", "web"),
                Arguments.of(Property.KEY, "key", "key_1", "key_1"),
                Arguments.of(Property.KEY_KIND, "test", true, "test"),
                Arguments.of(Property.ENVIRONMENT, "environment", "staging", "staging"),
                Arguments.of(Property.END_USER, "endUser", "u", "u"));
    }

    @ParameterizedTest
    @MethodSource("properties")
    void aTextHoldsWhereTheCallHasItAndNowhereElse(Property of, String component, Object has, String text) {
        Traits with = call().with(component, has).traits();
        Term any = new Term.Said(of, Set.of(text, "something else"), false);
        Term none = new Term.Said(of, Set.of(text, "something else"), true);

        assertThat(any.holds(with, NOW)).isTrue();
        assertThat(none.holds(with, NOW)).isFalse();
        assertThat(any.holds(Traits.NONE, NOW)).isFalse();
        assertThat(none.holds(Traits.NONE, NOW)).isTrue();
        assertThat(any.found(with, NOW)).isEqualTo(of.word() + " is " + text);
        assertThat(none.written()).startsWith("not " + of.word() + ": ").contains(text);
    }

    @Test
    void whatIsNotSaidIsUnknown() {
        Term unknown = new Term.Said(Property.EFFORT, Set.of(""), false);

        assertThat(unknown.holds(Traits.NONE, NOW)).isTrue();
        assertThat(unknown.holds(call().with("effort", "low").traits(), NOW)).isFalse();
        assertThat(unknown.written()).isEqualTo("effort: unknown");
    }

    @Test
    void bothEndsOfARangeAreInIt() {
        Term range = new Term.Tokens(List.of(new Term.Range(10, 20), new Term.Range(30, Long.MAX_VALUE)), false);

        assertThat(Stream.of(9L, 10L, 20L, 21L, 30L, 1_000_000L)
                        .map(tokens ->
                                range.holds(call().with("inputTokens", tokens).traits(), NOW)))
                .containsExactly(false, true, true, false, true, true);
        assertThat(range.written()).isEqualTo("input-tokens: 10..20, 30..");
    }

    @Test
    void hoursAreThoseOfTheirZone() {
        BitSet monday = new BitSet();
        monday.set(8);
        Term berlin = new Term.Hours(ZoneId.of("Europe/Berlin"), monday, "mon 8-9 Europe/Berlin", false);
        Term utc = new Term.Hours(ZoneId.of("UTC"), monday, "mon 8-9", false);

        assertThat(berlin.holds(Traits.NONE, NOW)).isTrue();
        assertThat(utc.holds(Traits.NONE, NOW)).isFalse();
        assertThat(berlin.found(Traits.NONE, NOW)).isEqualTo("it is monday 8:00 in Europe/Berlin");
    }

    @Test
    void aCallIsBoundToOneOfTheRegionsOrNot() {
        Term bound = new Term.Bound(Set.of("eu", "ch"), false);

        assertThat(bound.holds(call().with("regions", Set.of("eu", "us")).traits(), NOW))
                .isTrue();
        assertThat(bound.holds(call().with("regions", Set.of("us")).traits(), NOW))
                .isFalse();
        assertThat(bound.holds(Traits.NONE, NOW)).isFalse();
        assertThat(bound.found(Traits.NONE, NOW)).isEqualTo("the call is bound to no region");
    }
}
