package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.admin.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code serve} in a process of its own, and the commands beside it. A start costs two seconds of a processor, so those tests
 * that leave the server as it is share one.
 */
class CommandsOnARunningServerTest {
    private static final Pattern URL = Pattern.compile("http://127\\.0\\.0\\.1:\\d+(?=/v1)");
    private static final Pattern KEY = Pattern.compile("lk-live-[0-9A-Za-z]{49}");

    private static final String YAML =
            "reload: {watch: false}\nproviders: {simulator: {}}\nmodels: {%s: simulator, asked: simulator/gpt-4o}\n";

    @TempDir
    static Path shared;

    private static Serving server;

    @TempDir
    Path temp;

    private record Ran(int code, String out, String err) {}

    @BeforeAll
    static void startTheServer() throws IOException {
        write(shared.resolve("lockkeeper.yaml"), YAML.formatted("before"));
        server = serve(
                shared.resolve("data"),
                "--config",
                shared.resolve("lockkeeper.yaml").toString());
    }

    @AfterAll
    static void stopTheServer() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void aKeyMadeByCommandWorksAtOnceAndStopsAtOnce() throws Exception {
        Path data = shared.resolve("data");
        Ran created = run(data, "keys", "create", "ci");
        assertThat(created.err()).contains("Key ci");
        String first = created.out().strip();
        assertThat(server.status(first)).isEqualTo(200);

        String id = run(data, "keys", "list")
                .out()
                .lines()
                .filter(line -> line.contains(" ci "))
                .findFirst()
                .orElseThrow()
                .split(" ")[0];
        String second = run(data, "keys", "rotate", id).out().strip();
        assertThat(server.status(first)).isEqualTo(401);
        assertThat(server.status(second)).isEqualTo(200);

        assertThat(run(data, "keys", "revoke", id).code()).isZero();
        assertThat(server.status(second)).isEqualTo(401);
        assertThat(run(data, "keys", "revoke", "key_nobody").code()).isEqualTo(1);
        Ran misnamed = run(data, "keys", "create", " ");
        assertThat(misnamed.code()).isEqualTo(2);
        assertThat(misnamed.err()).contains("name: is empty");
    }

    @Test
    void anOrganizationClosedByCommandRefusesItsKeysAtOnceAndTheLogSaysWho() throws Exception {
        Path data = shared.resolve("data");
        assertThat(run(data, "org", "create", "Acme & Sons").code()).isZero();
        String key = run(data, "keys", "create", "web", "--org", "Acme & Sons", "--project", "site")
                .out()
                .strip();
        assertThat(server.status(key)).isEqualTo(200);
        assertThat(run(data, "org", "close", "Acme & Sons").code()).isZero();
        assertThat(server.status(key)).isEqualTo(403);
        assertThat(run(data, "org", "open", "Acme & Sons").code()).isZero();
        assertThat(server.status(key)).isEqualTo(200);
        assertThat(run(data, "audit", "list").out()).contains("organization.close", "data-folder");
        assertThat(run(data, "audit", "verify").code()).isZero();
    }

    @Test
    void aBudgetMadeByCommandStandsInTheServerAndItsScopeIsOneOfTheConfiguration() {
        Path data = shared.resolve("data");
        Ran made = run(data, "budgets", "create", "provider", "simulator", "3usd", "--period", "day", "--soft");
        assertThat(made.err()).isEqualTo("Budget bud_1 of provider simulator: $3.00 per day, soft, $3.00 free.\n");
        assertThat(run(data, "budgets", "create", "provider", "elsewhere", "3usd", "--period", "day")
                        .err())
                .contains("scope_id: provider elsewhere is not known");
        assertThat(run(
                                data,
                                "budgets",
                                "create",
                                "project",
                                "default",
                                "1usd",
                                "--period",
                                "day",
                                "--fallback-model",
                                "x")
                        .err())
                .contains("fallback_model: x is not known");
        assertThat(run(data, "budgets", "show", "bud_1").out()).contains("granted  $3.00", "nothing is refused");
        assertThat(run(data, "budgets", "close", "bud_1").code()).isZero();
        assertThat(run(data, "budgets", "list").err()).contains("There are no budgets");
        assertThat(run(data, "audit", "list").out()).contains("budget.create", "budget.close");
    }

    @Test
    void providersTellsHowThoseWhoServeAreDoing() throws Exception {
        assertThat(run(temp.resolve("data"), "providers").err()).contains("no server runs on", "--data");
        Path data = shared.resolve("data");
        String key = run(data, "keys", "create", "asks").out().strip();
        assertThat(server.call(key, "asked")).isEqualTo(200);
        Ran told = run(data, "providers");
        assertThat(told.code()).as("%s", told).isZero();
        assertThat(told.out())
                .matches("(?s)PROVIDER +STATE +AGAIN IN .*simulator +ok .*  gpt-4o +ok +- +0% of \\d+ .*");
        assertThat(Json.read(run(data, "providers", "--json").out())
                        .at("/data/0/targets/0/model")
                        .asString())
                .isEqualTo("gpt-4o");
    }

    @Test
    void healthTellsThatAServerIsReady() {
        assertThat(run(temp.resolve("data"), "health").err()).contains("no server runs on", "--data");
        Ran ready = run(shared.resolve("data"), "health");
        assertThat(ready.code()).as("%s", ready).isZero();
        assertThat(ready.out()).contains("\"ready\"");
    }

    @Test
    void aRunningServerTellsWhereACallWouldGo() throws Exception {
        Path data = shared.resolve("data");
        String model = server.models().contains("before") ? "before" : "after";
        String id = Json.read(run(data, "keys", "create", "r", "--project", "routed", "--test", "--json")
                        .out())
                .path("id")
                .asString();

        Ran asked = run(data, "route", "--model", model, "--key", id);

        assertThat(asked.code()).as("%s", asked).isZero();
        assertThat(asked.out()).contains("simulator/" + model, "the only one of its rank");
        assertThat(run(data, "route", "--model", model, "--key", "key_none").err())
                .contains("key: there is no 'key_none'");
    }

    @Test
    void aSecondServerOnTheSameFolderIsRefusedWithTheFirstsProcess() throws Exception {
        assertThat(refused(shared.resolve("data"), "--port", "0", "--admin-port", "0"))
                .contains("process " + server.process.pid(), "--data");
    }

    @Test
    void aHangUpMakesItReadItsConfigurationAgainAndNothingElse() throws Exception {
        Path file = shared.resolve("lockkeeper.yaml");
        assertThat(server.models()).contains("before");
        write(file, YAML.formatted("after"));

        server.hangUp();
        await().atMost(20, TimeUnit.SECONDS)
                .untilAsserted(() -> assertThat(server.models()).contains("after"));

        write(file, "broken: [");
        server.hangUp();
        await().atMost(20, TimeUnit.SECONDS)
                .untilAsserted(
                        () -> assertThat(server.said).anyMatch(line -> line.contains("was not reloaded (SIGHUP)")));
        // Other servers that are started beside it read this file, too.
        write(file, YAML.formatted("after"));
        assertThat(server.said).anyMatch(line -> line.contains("models.after is new"));
        assertThat(server.models()).contains("after");
        assertThat(server.process.isAlive()).isTrue();
    }

    @Test
    void aServerThatIsToldToStopEndsWithZeroAndItsFirstKeyIsShownOnceAndWorksOn() throws Exception {
        Path data = temp.resolve("data");
        String key;
        try (Serving first = serve(data)) {
            key = first.key();
            assertThat(first.status(key)).isEqualTo(200);
            first.process.destroy();
            assertThat(first.process.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(first.process.exitValue()).isZero();
        }
        assertThat(data.resolve("server.json")).doesNotExist();
        assertThat(run(data, "keys", "list").code()).as("without a server").isZero();
        try (Serving again = serve(data)) {
            assertThat(again.greeting).noneMatch(line -> KEY.matcher(line).find());
            assertThat(again.status(key)).isEqualTo(200);
        }
    }

    @Test
    void whatAKilledServerLeavesBehindMisleadsNobody() throws Exception {
        Path data = temp.resolve("data");
        String key;
        try (Serving killed = serve(data)) {
            key = run(data, "keys", "create", "ci").out().strip();
            killed.process.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
        }
        assertThat(data.resolve("server.json")).exists();
        Ran gone = run(data, "health");
        assertThat(gone.code()).isEqualTo(1);
        assertThat(gone.err()).contains("could not be asked");
        assertThat(run(data, "keys", "create", "later").code()).isZero();
        try (Serving again = serve(data)) {
            assertThat(again.status(key)).as("made before the kill").isEqualTo(200);
        }
    }

    @Test
    void aStartThatFailsOnATakenPortDoesNotUseUpTheFirstKey() throws Exception {
        Path data = temp.resolve("data");
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertThat(refused(data, "--port", port, "--admin-port", "0")).contains(port);
            assertThat(refused(data, "--port", "0", "--admin-port", port)).contains(port);
        }
        assertThat(run(data, "keys", "list").err()).contains("There are no keys");
    }

    @Test
    void aDataFolderThatCantBeWrittenIsOneLine() throws Exception {
        Path data = temp.resolve("data");
        write(data, "a file");
        assertThat(refused(data, "--port", "0", "--admin-port", "0")).contains(data.toString(), "is a file", "--data");
    }

    private static void write(Path file, String text) throws IOException {
        Files.writeString(file, text);
    }

    private static Ran run(Path data, String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--data", data.toString()));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(
                new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), all.toArray(String[]::new));
        return new Ran(code, out.toString(), err.toString());
    }

    /** The one line of a server that does not start. */
    private static String refused(Path data, String... args) throws Exception {
        Process process = start(data, args);
        String said = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said).isEqualTo(1);
        // A busy machine may hold up an event loop, which is told with its stack.
        assertThat(said.lines().filter(line -> !line.startsWith("\t") && !line.contains("LoopWatch")))
                .hasSize(1);
        return said;
    }

    private static Process start(Path data, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "serve",
                "--data",
                data.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(Objects.requireNonNull(data.getParent()).toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("OPENAI_") || name.startsWith("LOCKKEEPER_"));
        return builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    }

    private static Serving serve(Path data, String... args) throws IOException {
        List<String> all = new ArrayList<>(List.of("--port", "0", "--admin-port", "0"));
        all.addAll(List.of(args));
        return new Serving(start(data, all.toArray(String[]::new)));
    }

    /** A server in a process of its own, open when this is made. */
    private static final class Serving implements AutoCloseable {
        private final Process process;
        private final List<String> greeting = new ArrayList<>();
        private final List<String> said = new CopyOnWriteArrayList<>();
        private final String url;

        Serving(Process process) throws IOException {
            this.process = process;
            BufferedReader stream =
                    new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
            String line = stream.readLine();
            while (line != null && !line.contains("curl ")) {
                greeting.add(line);
                line = stream.readLine();
            }
            Matcher found = URL.matcher(String.join("\n", greeting));
            assertThat(found.find()).as("%s", greeting).isTrue();
            url = found.group();
            Thread.ofVirtual().start(() -> {
                try {
                    stream.lines().forEach(said::add);
                } catch (UncheckedIOException ended) {
                    // It was killed: nothing more is said.
                }
            });
        }

        String key() {
            Matcher found = KEY.matcher(String.join("\n", greeting));
            assertThat(found.find()).as("%s", greeting).isTrue();
            return found.group();
        }

        int status(String key) throws Exception {
            return ask(key).statusCode();
        }

        int call(String key, String model) throws Exception {
            try (HttpClient http = HttpClient.newHttpClient()) {
                return http.send(
                                HttpRequest.newBuilder(URI.create(url + "/v1/chat/completions"))
                                        .header("authorization", "Bearer " + key)
                                        .header("content-type", "application/json")
                                        .timeout(Duration.ofSeconds(10))
                                        .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"" + model
                                                + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"))
                                        .build(),
                                BodyHandlers.discarding())
                        .statusCode();
            }
        }

        String models() throws Exception {
            return ask(key()).body();
        }

        private HttpResponse<String> ask(String key) throws Exception {
            try (HttpClient http = HttpClient.newHttpClient()) {
                return http.send(
                        HttpRequest.newBuilder(URI.create(url + "/v1/models"))
                                .header("authorization", "Bearer " + key)
                                .timeout(Duration.ofSeconds(10))
                                .build(),
                        BodyHandlers.ofString());
            }
        }

        void hangUp() throws Exception {
            assertThat(new ProcessBuilder("kill", "-HUP", Long.toString(process.pid()))
                            .start()
                            .waitFor())
                    .isZero();
        }

        /** Kills it: what a stop in good order is like has a test of its own, and takes a second. */
        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }
}
