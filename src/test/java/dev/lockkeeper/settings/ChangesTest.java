package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is told of a configuration that was read again, and what reading it again asks of the file. */
class ChangesTest {
    private static final String BEFORE = """
            server: {port: 8080, max-head: 32KiB}
            log: {level: info}
            providers:
              a: {base-url: https://a.example/v1, api-key: secret-one, headers: {x-team: blue}}
              b: {base-url: https://b.example/v1, api-key: "${file:b-key}"}
            models: {m: a, n: b, o: a}
            """;

    @TempDir
    Path folder;

    private Loaded.Good read(String yaml) {
        return Config.in(folder).file("b-key", "secret-b\n").file(yaml).good();
    }

    private Changes changes(String... replacements) {
        String after = BEFORE;
        for (int i = 0; i < replacements.length; i += 2) {
            assertThat(after).contains(replacements[i]);
            after = after.replace(replacements[i], replacements[i + 1]);
        }
        Effective before = read(BEFORE).effective();
        return Changes.between(before, before, read(after).effective());
    }

    @Test
    void nothingIsToldOfTheSame() {
        assertThat(changes()).isEqualTo(new Changes(List.of(), List.of()));
    }

    @Test
    void keysAreToldByNameAndSecretsByNothingMore() {
        Changes changes =
                changes("secret-one", "secret-two", "level: info", "level: warn", "{x-team: blue}", "{x-other: red}");
        assertThat(changes.followed())
                .containsExactlyInAnyOrder(
                        "log.level changed",
                        "providers.a.api-key changed",
                        "providers.a.headers.x-team changed",
                        "providers.a.headers.x-other changed");
        assertThat(changes.toString()).doesNotContain("secret");
    }

    @Test
    void aProviderOrModelThatCameOrWentIsToldAsAWhole() {
        assertThat(changes("  b: {base-url", "  c: {base-url", "n: b", "p: c").followed())
                .containsExactlyInAnyOrder(
                        "providers.c is new", "models.p is new", "providers.b is gone", "models.n is gone");
    }

    @Test
    void pricesCanBeFollowed() {
        Changes changes = changes(
                "models: {m: a, n: b, o: a}",
                "models: {m: a, n: b, o: a}\nprices: {unpriced: {input: $1, output: $2}, providers: {a: {models: {m: [{input: $1, output: $2}]}}}}");
        assertThat(changes.followed())
                .contains("prices.unpriced.input changed", "prices.providers.a.models.m[0].output changed");
        assertThat(changes.restart()).isEmpty();
    }

    @Test
    void theOrderMatters() {
        assertThat(changes("{m: a, n: b, o: a}", "{n: b, m: a, o: a}").followed())
                .containsExactly("the order of models changed");
    }

    @Test
    void whatNeedsARestartIsToldWithBothValuesAgainstTheStart() {
        Changes changes = changes("port: 8080", "port: 9000");
        assertThat(changes.followed()).isEmpty();
        assertThat(changes.restart()).containsExactly("server.port changed from 8080 to 9000: needs a restart");

        Effective started = read(BEFORE).effective();
        Effective other = read(BEFORE.replace("port: 8080", "port: 9000")).effective();
        assertThat(Changes.between(started, other, started).restart())
                .as("back as it was")
                .isEmpty();
        assertThat(Changes.between(started, other, other).restart())
                .as("still to be done")
                .hasSize(1);
    }

    @Test
    void theContentOfASecretsFileIsAChange() {
        Loaded.Good before = read(BEFORE);
        Loaded.Good after = Config.in(folder).file("b-key", "secret-c").good();
        assertThat(Changes.between(before.effective(), before.effective(), after.effective())
                        .followed())
                .containsExactly("providers.b.api-key changed");
        assertThat(after.files()).containsOnlyKeys(folder.resolve("lockkeeper.yaml"), folder.resolve("b-key"));
        assertThat(after.files().get(folder.resolve("b-key")))
                .isNotEqualTo(before.files().get(folder.resolve("b-key")))
                .isEqualTo(SettingsLoader.state(folder.resolve("b-key")))
                .doesNotContain("secret");
    }

    @Test
    void whatARunningProcessCannotFollowStaysAsItIs() {
        Settings running = read(BEFORE).settings();
        Settings written = read(BEFORE.replace("8080, max-head: 32KiB", "9000, cors: {origins: [\"*\"]}")
                        + "data: elsewhere\nlimits: {multipart-peek: 1MiB}\n")
                .settings();
        Settings after = running.whileRunning(written);
        assertThat(after.server()).isEqualTo(running.server());
        assertThat(after.data()).isEqualTo(running.data());
        assertThat(after.relay().spill()).isEqualTo(running.relay().spill());
        assertThat(after.relay().peek()).isEqualTo(1 << 20);
        assertThat(after.door().corsOrigins()).containsExactly("*");
    }

    @Test
    void aFileThatIsGoneOrEmptyIsNoWishForDefaults() throws Exception {
        Loaded.Good before = read(BEFORE);
        for (String empty : List.of("", "# nothing but this\n")) {
            Loaded again = Config.in(folder).file(empty).again(before);
            assertThat(Config.texts(again)).singleElement().asString().startsWith("lockkeeper.yaml: the file is empty");
        }
        Files.delete(folder.resolve("lockkeeper.yaml"));
        Loaded again = Config.in(folder).again(before);
        assertThat(Config.texts(again)).containsExactly("lockkeeper.yaml: there is no such file");
        assertThat(again.files()).containsOnlyKeys(folder.resolve("lockkeeper.yaml"));
    }

    @Test
    void aPipeIsReadOnceAndNeverWaitedFor() throws Exception {
        Path pipe = folder.resolve("pipe");
        assumeTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "mkfifo makes no pipe here");
        Loaded.Good before = read(BEFORE);
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            // Nobody writes to it: who opens it waits.
            assertThat(SettingsLoader.state(pipe)).isNotEmpty();
            Loaded secret = Config.in(folder)
                    .file(BEFORE.replace("file:b-key", "file:pipe"))
                    .again(before);
            assertThat(Config.texts(secret)).singleElement().asString().contains("not a pipe");
            Loaded whole = SettingsLoader.again(before, pipe, Map.of(), Overrides.NONE);
            assertThat(Config.texts(whole)).singleElement().asString().contains("can be read only once");
            assertThat(whole.files()).doesNotContainKey(pipe);
        });
    }

    @Test
    void aFileThatWasNotThereAtTheStartIsFoundWhenItComes() {
        Loaded.Good before = Config.in(folder).good();
        assertThat(before.fromFile()).isFalse();
        assertThat(before.files()).containsOnlyKeys(folder.resolve("lockkeeper.yaml"));
        Loaded again = Config.in(folder).file("b-key", "x").file(BEFORE).again(before);
        assertThat(Config.texts(again)).isEmpty();
        assertThat(((Loaded.Good) again).fromFile()).isTrue();
    }

    @Test
    void everyKeyOfTheServerSaysWhetherItNeedsARestart() {
        List<String> patterns = EveryKey.in(folder).good().effective().entries().stream()
                .map(Reading.Entry::pattern)
                .filter(Restart::neededBy)
                .toList();
        assertThat(patterns)
                .contains("server.port", "server.loops", "admin.allowed-hosts", "data", "server.tls.certificate")
                .noneMatch(key -> Arrays.asList("server.cors.origins", "server.drain", "log.level")
                        .contains(key))
                .allMatch(key -> key.equals("data")
                        || key.startsWith("server.")
                        || key.startsWith("admin.")
                        || key.startsWith("database.")
                        || key.startsWith("idempotency.")
                        || key.startsWith("ledger."));
    }
}
