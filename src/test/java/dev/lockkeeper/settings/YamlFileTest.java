package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class YamlFileTest {
    @TempDir
    Path folder;

    @Test
    void whatIsNotYamlIsToldWithItsPlaceAndWithoutItsContent() {
        assertThat(mistakes("server:\n  host: \"secret\n"))
                .singleElement()
                .satisfies(text -> assertThat(text)
                        .startsWith("lockkeeper.yaml:3:1: not YAML: found unexpected end of stream")
                        .doesNotContain("secret"));
        assertThat(mistakes("server:\n\tport: 1\n"))
                .containsExactly(
                        "lockkeeper.yaml:2:1: not YAML: found character '\\t(TAB)' that cannot start any token. (Do not"
                                + " use \\t(TAB) for indentation)");
        assertThat(mistakes("server: {host: a}}\n"))
                .singleElement()
                .asString()
                .startsWith("lockkeeper.yaml:1:18: not YAML");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\\u", "\\u12", "\\U", "\\Uffffffff\"", "\\U7fffffff\"", "\\U00110000\"", "\\x"})
    void anEscapeThatIsNoCharacterIsAMistake(String escape) {
        assertThat(mistakes("server: {}\ndata: \"" + escape))
                .singleElement()
                .asString()
                .startsWith("lockkeeper.yaml:2:")
                .contains("not YAML");
    }

    @Test
    void aPlaceInBracesWithoutQuotesIsExplained() {
        assertThat(mistakes("providers: {a: {api-key: ${KEY}}}\n"))
                .singleElement()
                .satisfies(text -> assertThat(text)
                        .startsWith("lockkeeper.yaml:1:")
                        .contains("not YAML")
                        .endsWith("; inside {} and [] write \"${…}\" in quotes"));
    }

    @Test
    void aRootThatIsNoMappingIsAMistake() {
        assertThat(mistakes("- a\n"))
                .containsExactly("lockkeeper.yaml:1:1: a list (expected: keys such as server:, providers:, models:)");
        assertThat(mistakes("hello\n"))
                .containsExactly(
                        "lockkeeper.yaml:1:1: a single value (expected: keys such as server:, providers:, models:)");
    }

    @Test
    void aSecondDocumentIsAMistake() {
        assertThat(mistakes("server: {}\n---\nserver: {}\n"))
                .containsExactly("lockkeeper.yaml:2:1: a second document begins here; a configuration is one document");
    }

    @Test
    void aKeyWrittenTwiceNamesBothPlaces() {
        assertThat(mistakes("server:\n  port: 1\nserver:\n  port: 2\n"))
                .containsExactly("lockkeeper.yaml:3:1: server: written twice (first in line 1)");
    }

    @Test
    void aDeepFileIsRefusedWithoutAStackOverflow() {
        assertThat(mistakes("a: " + "[".repeat(500_000)))
                .singleElement()
                .asString()
                .contains("nested more than 32 levels deep");
        assertThat(mistakes("a: " + "{b: ".repeat(200_000)))
                .singleElement()
                .asString()
                .contains("nested more than 32 levels deep");
    }

    @Test
    void anAliasBombIsRefused() {
        StringBuilder bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 20; i++) {
            bomb.append("a%d: &a%d [".formatted(i, i))
                    .repeat("*a%d, ".formatted(i - 1), 10)
                    .append("]\n");
        }

        assertThat(mistakes(bomb.toString()))
                .singleElement()
                .asString()
                .endsWith("more than 50000 values (aliases count as what they stand for)");
    }

    @Test
    void anAliasOfItselfOrOfNothingIsRefused() {
        assertThat(mistakes("server: &a {tls: *a}\n"))
                .containsExactly("lockkeeper.yaml:1:18: server.tls: the alias *a stands before or inside its anchor, or"
                        + " has none");
        assertThat(mistakes("server: *b\n"))
                .containsExactly(
                        "lockkeeper.yaml:1:9: server: the alias *b stands before or inside its anchor, or has none");
    }

    @Test
    void aFileThatIsTooLongIsRefused() {
        assertThat(mistakes("#" + "x".repeat(ConfigFile.MAX_BYTES)))
                .containsExactly("lockkeeper.yaml: longer than 1MiB");
        assertThat(Config.in(folder)
                        .file("#" + "x".repeat(ConfigFile.MAX_BYTES - 1))
                        .settings()
                        .simulated())
                .isTrue();
    }

    @Test
    void bytesThatAreNotUtf8AreFound() throws IOException {
        Files.write(folder.resolve("lockkeeper.yaml"), "server: {}\n# für".getBytes(StandardCharsets.ISO_8859_1));

        assertThat(Config.in(folder).mistakes()).containsExactly("lockkeeper.yaml:2:4: not UTF-8 from here on");
    }

    @Test
    void charactersThatYamlForbidsAreFound() {
        assertThat(mistakes("server: {}\n# a\u0007b\n"))
                .containsExactly("lockkeeper.yaml:2:4: the character U+0007 must not stand in YAML");
    }

    @Test
    void aByteOrderMarkAndWindowsLineEndsAreFine() {
        Settings settings =
                Config.in(folder).file("\uFEFFserver:\r\n  port: 1\r\n").settings();

        assertThat(settings.server().port()).isEqualTo(1);
    }

    private List<String> mistakes(String yaml) {
        return Config.in(folder).file(yaml).mistakes();
    }
}
