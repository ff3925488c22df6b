package dev.lockkeeper;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.admin.Reloaded;
import dev.lockkeeper.observe.Metrics;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.SettingsLoader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A configuration that is read again: by command, by a changed file, with and without mistakes. */
class ReloaderTest {
    private static final String GOOD = """
            server: {port: 0}
            admin: {port: 0}
            data: data
            providers: {simulator: {}}
            models: {one: simulator}
            """;

    @TempDir
    Path folder;

    private final HttpClient http = HttpClient.newHttpClient();

    private Path file() {
        return folder.resolve("lockkeeper.yaml");
    }

    private void write(String yaml) {
        write(file(), yaml);
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private House open(String yaml) throws Exception {
        write(yaml);
        return house();
    }

    private House house() throws Exception {
        Loaded.Good loaded = (Loaded.Good) SettingsLoader.load(file(), Map.of(), Overrides.NONE);
        return House.start(
                loaded,
                inEffect -> SettingsLoader.again(inEffect, file(), Map.of(), Overrides.NONE),
                OutputStream.nullOutputStream());
    }

    private String get(int port, String path, String... headers) {
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
            if (headers.length > 0) {
                request.headers(headers);
            }
            return http.send(request.build(), BodyHandlers.ofString()).body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private String models(House house) {
        return get(house.port(), "/v1/models", "authorization", "Bearer " + house.firstKey());
    }

    private double metric(House house, String name) {
        Matcher found =
                Pattern.compile("(?m)^" + Pattern.quote(name) + " (\\S+)$").matcher(get(house.adminPort(), "/metrics"));
        assertThat(found.find()).as(name).isTrue();
        return Double.parseDouble(found.group(1));
    }

    private String readiness(House house) {
        return get(house.adminPort(), "/readyz");
    }

    private record Ran(int code, List<String> out, List<String> err) {}

    private Ran reload() {
        return run("reload", "--data", folder.resolve("data").toString());
    }

    private static Ran run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), args);
        return new Ran(
                code, out.toString().lines().toList(), err.toString().lines().toList());
    }

    @Test
    void theCommandTellsWhatChangedAndWhatNeedsARestart() throws Exception {
        try (House house = open(GOOD + "reload: {watch: false}\n")) {
            assertThat(readiness(house))
                    .contains("\"configuration\"", "is in effect")
                    .doesNotContain("mistake");
            write(GOOD.replace("one: sim", "two: sim").replace("admin: {port: 0}", "admin: {port: 1}")
                    + "reload: {watch: false}\n");

            Ran ran = reload();

            assertThat(ran.code()).isZero();
            assertThat(ran.out()).containsExactlyInAnyOrder("models.two is new", "models.one is gone");
            assertThat(ran.err()).containsExactly("admin.port changed from 0 to 1: needs a restart");
            assertThat(models(house)).contains("\"two\"").doesNotContain("\"one\"");
            assertThat(readiness(house)).contains("\"ready\"", "admin.port changed from 0 to 1");
            assertThat(metric(house, "lockkeeper_config_reloads_total{result=\"changed\"}"))
                    .isEqualTo(1);

            Ran again = reload();
            assertThat(again.code()).isZero();
            assertThat(again.out()).isEmpty();
            assertThat(again.err().getFirst()).contains("Nothing");
            assertThat(metric(house, "lockkeeper_config_reloads_total{result=\"unchanged\"}"))
                    .isEqualTo(1);
        }
    }

    @Test
    void aBadFileChangesNothingAndIsToldEverywhere() throws Exception {
        try (House house = open(GOOD + "reload: {watch: false}\n")) {
            double success = metric(house, "lockkeeper_config_last_success_timestamp_seconds");
            assertThat(metric(house, "lockkeeper_config_last_reload_successful"))
                    .isEqualTo(1);
            write("modles: {}\n" + GOOD.replace("one: simulator", "two: nobody"));

            Ran ran = reload();

            assertThat(ran.code()).isEqualTo(2);
            assertThat(ran.out()).isEmpty();
            assertThat(ran.err())
                    .hasSize(3)
                    .anyMatch(line -> line.contains("lockkeeper.yaml:1:1: modles"))
                    .anyMatch(line -> line.contains("lockkeeper.yaml:6:") && line.contains("nobody"))
                    .last()
                    .asString()
                    .contains("2 mistakes; nothing was changed");
            assertThat(models(house)).contains("\"one\"").doesNotContain("\"two\"");
            assertThat(readiness(house))
                    .contains("\"status\" : \"ready\"", "has 2 mistakes; the configuration of", "is in effect");
            assertThat(metric(house, "lockkeeper_config_reloads_total{result=\"refused\"}"))
                    .isEqualTo(1);
            assertThat(metric(house, "lockkeeper_config_last_reload_successful"))
                    .isZero();
            assertThat(metric(house, "lockkeeper_config_last_success_timestamp_seconds"))
                    .isEqualTo(success);

            write(GOOD);
            assertThat(reload().code()).isZero();
            assertThat(readiness(house)).doesNotContain("mistake");
            assertThat(metric(house, "lockkeeper_config_last_reload_successful"))
                    .isEqualTo(1);
        }
    }

    @Test
    void aChangedFileIsFollowedByItselfAlsoOneThatHoldsASecretOrIsALinkThatWasTurned() throws Exception {
        Path first = Files.createDirectory(folder.resolve("..1"));
        Path second = Files.createDirectory(folder.resolve("..2"));
        write(first.resolve("name"), "first");
        write(second.resolve("name"), "second");
        // As Kubernetes mounts a ConfigMap: a link to a folder whose link is turned.
        Files.createSymbolicLink(folder.resolve("..data"), first);
        Files.createSymbolicLink(folder.resolve("name"), Path.of("..data/name"));
        try (House house = open(GOOD.replace("one: simulator", "one: \"simulator/${file:name}\""))) {
            assertThat(upstream(house)).isEqualTo("first");

            Files.createSymbolicLink(folder.resolve("..next"), second);
            Files.move(
                    folder.resolve("..next"),
                    folder.resolve("..data"),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            await().atMost(20, SECONDS).until(() -> upstream(house).equals("second"));

            // As an editor does it, and of the same length.
            write(folder.resolve("new"), GOOD.replace("one", "two"));
            Files.move(folder.resolve("new"), file(), StandardCopyOption.REPLACE_EXISTING);
            await().atMost(20, SECONDS).until(() -> models(house).contains("\"two\""));

            Files.delete(file());
            await().atMost(20, SECONDS).until(() -> readiness(house).contains("has 1 mistake;"));
            assertThat(models(house)).contains("\"two\"");
            write(GOOD);
            await().atMost(20, SECONDS).until(() -> models(house).contains("\"one\""));
        }
    }

    @Test
    void theConfigurationItselfIsFollowedWhereItIsALinkThatWasTurned() throws Exception {
        for (String version : List.of("one", "two")) {
            Path made = Files.createDirectory(folder.resolve("..made-" + version));
            write(made.resolve("lockkeeper.yaml"), GOOD.replace("one", version));
        }
        Files.createSymbolicLink(folder.resolve("..data"), Path.of("..made-one"));
        Files.createSymbolicLink(file(), Path.of("..data/lockkeeper.yaml"));
        try (House house = house()) {
            assertThat(models(house)).contains("\"one\"");

            Files.createSymbolicLink(folder.resolve("..data_tmp"), Path.of("..made-two"));
            Files.move(
                    folder.resolve("..data_tmp"),
                    folder.resolve("..data"),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            // As Kubernetes does at once.
            Files.delete(folder.resolve("..made-one/lockkeeper.yaml"));

            await().atMost(20, SECONDS).until(() -> models(house).contains("\"two\""));
            assertThat(house.settings().data()).isEqualTo(folder.resolve("data"));
        }
    }

    private static String upstream(House house) {
        return house.settings().models().getFirst().targets().getFirst().model();
    }

    @Test
    void aFileThatIsStillBeingWrittenIsWaitedFor() {
        write(GOOD);
        Loaded.Good loaded = (Loaded.Good) SettingsLoader.load(file(), Map.of(), Overrides.NONE);
        List<String> followed = new ArrayList<>();
        try (Metrics metrics = new Metrics(_ -> true);
                Reloader reloader = Reloader.start(
                        loaded,
                        inEffect -> SettingsLoader.again(inEffect, file(), Map.of(), Overrides.NONE),
                        settings -> followed.add(settings.models().getFirst().name()),
                        metrics,
                        Clock.systemUTC(),
                        Duration.ofDays(1))) {
            reloader.look();
            for (String half : List.of("", "serv", GOOD.substring(0, 50), GOOD.replace("one", "two"))) {
                write(half);
                reloader.look();
                assertThat(followed).as("after %s", half).isEmpty();
            }
            reloader.look();
            assertThat(followed).containsExactly("two");
            reloader.look();
            write(GOOD.replace("one", "three"));
            reloader.look();
            write(GOOD.replace("one", "two"));
            reloader.look();
            reloader.look();
            assertThat(followed).as("changed, and changed back before it stood").containsExactly("two");
            assertThat(reloader.check().detail()).doesNotContain("mistake");
        }
    }

    @Test
    void whatCannotBePutIntoEffectIsAFailureAndChangesNothing() throws Exception {
        write(GOOD);
        Loaded.Good loaded = (Loaded.Good) SettingsLoader.load(file(), Map.of(), Overrides.NONE);
        try (House house = House.start(
                loaded,
                _ -> {
                    throw new IllegalStateException("a bug");
                },
                OutputStream.nullOutputStream())) {
            assertThat(house.readAgain("a test")).isInstanceOf(Reloaded.Failed.class);
            assertThat(reload().code()).isEqualTo(1);
            assertThat(metric(house, "lockkeeper_config_reloads_total{result=\"failed\"}"))
                    .isEqualTo(2);
            assertThat(metric(house, "lockkeeper_config_last_reload_successful"))
                    .isZero();
            assertThat(models(house)).contains("\"one\"");
        }
    }

    @Test
    void whereNoServerRunsTheCommandSaysSo() throws Exception {
        Ran nowhere = reload();
        assertThat(nowhere.code()).isEqualTo(1);
        assertThat(nowhere.err()).singleElement().asString().contains("no server runs on", "--data");
        open(GOOD).close();
        assertThat(reload().err()).singleElement().asString().contains("no server runs on");
    }

    @Test
    void theServerIsFoundByAConfigurationWithMistakes() throws Exception {
        try (House _ = open(GOOD + "reload: {watch: false}\n")) {
            write(GOOD.replace("simulator: {}", "simulator: {bad: 1}"));
            Ran ran = run("reload", "--config", file().toString());
            assertThat(ran.code()).isEqualTo(2);
            assertThat(ran.err()).anyMatch(line -> line.contains("providers.simulator.bad"));
        }
    }
}
