package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;

/** Whatever stands in the file, the answer is settings or mistakes: never an exception, and never a secret. */
class ConfigurationFuzzTest {
    private static final String SECRET = "qqzzSECRETzzqq";

    private static final Path FOLDER = Path.of("target").toAbsolutePath();
    private static final Path FILE = FOLDER.resolve("fuzz.yaml");

    @AfterContainer
    static void removeFile() throws IOException {
        Files.deleteIfExists(FILE);
    }

    @Property(tries = 500)
    void anyBytesAreReadOrRefused(@ForAll byte[] bytes) throws IOException {
        Files.write(FILE, bytes);
        check();
    }

    @Property(tries = 400)
    void anyCharactersOfYamlAreReadOrRefused(@ForAll("punctuation") String text) throws IOException {
        Files.writeString(FILE, text);
        check();
    }

    @Property(tries = 400)
    void anyTreeOfKnownAndUnknownKeysIsReadOrRefused(@ForAll("trees") String text) throws IOException {
        Files.writeString(FILE, text);
        check();
    }

    @Property(tries = 400)
    void aGoodFileWithABadSpotIsReadOrRefused(@ForAll("spoilt") String text) throws IOException {
        Files.writeString(FILE, text);
        check();
    }

    private static void check() {
        Map<String, String> environment = Map.of("AZURE_KEY", SECRET, "SECRET", SECRET);
        switch (Config.in(FOLDER).with(environment).load(FILE)) {
            case Loaded.Good good -> {
                assertThat(good.settings().models()).isNotEmpty();
                assertThat(good.settings().providers()).isNotEmpty();
                assertThat(good.effective().render()).doesNotContain("api-key: \"" + SECRET);
                assertThat(good.notes().toString()).doesNotContain(SECRET);
            }
            case Loaded.Bad bad -> {
                List<Mistake> mistakes = bad.mistakes();
                assertThat(mistakes).isNotEmpty();
                assertThat(mistakes).allSatisfy(mistake -> {
                    assertThat(mistake.text()).doesNotContain("\n").doesNotContain(SECRET);
                    assertThat(mistake.line()).isNotNegative();
                });
            }
        }
    }

    @Provide
    Arbitrary<String> punctuation() {
        return Arbitraries.strings()
                .withChars(":-?,[]{}#&*!|>'\"%@`~ \n\t\r$\\=<ab10.")
                .ofMaxLength(60);
    }

    @Provide
    Arbitrary<String> trees() {
        return trees(4);
    }

    private static Arbitrary<String> trees(int depth) {
        Arbitrary<String> scalar = Arbitraries.of(
                "~",
                "",
                "1",
                "-1",
                "8080",
                "true",
                "yes",
                "30s",
                "64MiB",
                "openai",
                "openai/x",
                "simulator",
                "none",
                "https://a.example.com/v1",
                "http://127.0.0.1",
                "\"${SECRET}\"",
                "\"${NOPE}\"",
                "\"${file:/}\"",
                "\"\"",
                "\"\\0\"",
                "!!int 3",
                "!x y",
                "*a",
                "&a 1",
                "25%",
                "\"*\"");
        Arbitrary<String> key = Arbitraries.of(
                "server",
                "host",
                "port",
                "tls",
                "certificate",
                "key",
                "cors",
                "origins",
                "admin",
                "allowed-hosts",
                "data",
                "stream",
                "heartbeat",
                "limits",
                "bytes-in-flight",
                "log",
                "level",
                "providers",
                "openai",
                "simulator",
                "base-url",
                "auth",
                "api-key",
                "headers",
                "query",
                "http",
                "timeouts",
                "total",
                "pool",
                "queue",
                "models",
                "gpt-5.5",
                "targets",
                "profile",
                "context",
                "max-output",
                "<<",
                "?",
                "\"a b\"",
                "[a]");
        return depth == 0
                ? scalar
                : Arbitraries.oneOf(
                        scalar, list(trees(depth - 1)), mapping(key, trees(depth - 1)), mapping(key, trees(depth - 1)));
    }

    private static Arbitrary<String> list(Arbitrary<String> items) {
        return items.list().ofMaxSize(3).map(all -> all.stream().collect(Collectors.joining(", ", "[", "]")));
    }

    private static Arbitrary<String> mapping(Arbitrary<String> keys, Arbitrary<String> values) {
        return Combinators.combine(keys, values)
                .as((key, value) -> key + ": " + value)
                .list()
                .ofMaxSize(5)
                .map(all -> all.stream().collect(Collectors.joining(", ", "{", "}")));
    }

    @Provide
    Arbitrary<String> spoilt() {
        String good = EveryKey.YAML;
        Arbitrary<String> spot = Arbitraries.of(
                "",
                "~",
                "[]",
                "{}",
                "x",
                "\n",
                " ",
                ":",
                "\"",
                "${SECRET}",
                "0",
                "999999999999",
                "\u00e4",
                "*",
                "&a ",
                "! ",
                "---\n",
                "\t",
                "- ");
        return Combinators.combine(
                        Arbitraries.integers().between(0, good.length()),
                        Arbitraries.integers().between(0, 12),
                        spot)
                .as((from, length, text) ->
                        good.substring(0, from) + text + good.substring(Math.min(good.length(), from + length)));
    }
}
