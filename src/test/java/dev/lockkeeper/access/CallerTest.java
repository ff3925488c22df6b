package dev.lockkeeper.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lockkeeper.http.Network;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CallerTest {
    @Test
    void aTestKeyReachesWhatItsProjectAllowsAndElseTheSimulatorAlone() {
        Caller live = caller(KeyKind.LIVE, HostedTools.ALL, Set.of(), List.of());
        assertThat(live.mayReach("openai", false)).isTrue();

        Caller test = caller(KeyKind.TEST, HostedTools.ALL, Set.of(), List.of());
        assertThat(test.mayReach("openai", false)).isFalse();
        assertThat(test.mayReach("simulator", true)).isTrue();

        Caller allowed = caller(KeyKind.TEST, HostedTools.ALL, Set.of("cheap"), List.of());
        assertThat(allowed.mayReach("cheap", false)).isTrue();
        assertThat(allowed.mayReach("openai", false)).isFalse();
        assertThat(allowed.mayReach("simulator", true)).as("not named").isFalse();
    }

    @Test
    void toolsAreAllowedByNameWhateverTheirDate() {
        HostedTools some = HostedTools.of(List.of("web_search", "computer_use"));
        assertThat(some.allow("web_search")).isTrue();
        assertThat(some.allow("web_search_preview_2025_03_11")).isTrue();
        assertThat(some.allow("web_search_2025_08_26")).isTrue();
        assertThat(some.allow("web_searcher")).isFalse();
        assertThat(some.allow("computer")).isTrue();
        assertThat(some.allow("computer_use_preview")).isTrue();
        assertThat(some.allow("code_interpreter")).isFalse();
        assertThat(some.allow("function")).as("runs at the client").isTrue();
        assertThat(HostedTools.NONE.allow("mcp")).isFalse();
        assertThat(HostedTools.NONE.allow("custom")).isTrue();
        assertThat(HostedTools.ALL.allow("of_tomorrow")).isTrue();
    }

    @Test
    void toolsAreWordsAndBack() {
        for (HostedTools each :
                List.of(HostedTools.ALL, HostedTools.NONE, new HostedTools(false, Set.of("mcp", "file_search")))) {
            assertThat(HostedTools.of(each.words())).isEqualTo(each);
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostedTools.of(List.of("web_search", "websearch")))
                .withMessageStartingWith("tools: websearch (expected: all or none alone, or some of apply_patch");
        assertThatIllegalArgumentException().isThrownBy(() -> HostedTools.of(List.of("all", "mcp")));
    }

    @Test
    void aKeyWithNetworksComesFromThemAlone() {
        Caller anywhere = caller(KeyKind.LIVE, HostedTools.ALL, Set.of(), List.of());
        assertThat(anywhere.mayComeFrom("203.0.113.9")).isTrue();

        Caller bound = caller(
                KeyKind.LIVE, HostedTools.ALL, Set.of(), List.of(network("10.0.0.0/8"), network("2001:db8::/32")));
        assertThat(bound.mayComeFrom("10.9.8.7")).isTrue();
        assertThat(bound.mayComeFrom("::ffff:10.9.8.7"))
                .as("the same, by an IPv6 socket")
                .isTrue();
        assertThat(bound.mayComeFrom("2001:db8::1")).isTrue();
        assertThat(bound.mayComeFrom("11.0.0.1")).isFalse();
        assertThat(bound.mayComeFrom("")).as("a Unix socket").isFalse();
    }

    private static Network network(String text) {
        return Objects.requireNonNull(Network.parse(text));
    }

    private static Caller caller(KeyKind kind, HostedTools tools, Set<String> testProviders, List<Network> networks) {
        return new Caller(
                "key_1", "proj_1", "p", "org_1", Set.of(), kind, tools, testProviders, networks, "", Set.of());
    }
}
