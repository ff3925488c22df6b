package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code serve} in a process of its own, and the commands beside it. */
class CommandsOnARunningServerTest {
    private static final Pattern URL = Pattern.compile("http://127\\.0\\.0\\.1:\\d+(?=/v1)");
    private static final Pattern KEY = Pattern.compile("lk-live-[0-9A-Za-z]{43}");

    @TempDir
    Path temp;

    private record Ran(int code, String out, String err) {}

    @Test
    void aKeyMadeByCommandWorksAtOnceAndStopsAtOnce() throws Exception {
        try (Serving server = serve()) {
            Ran created = keys("create", "ci");
            assertThat(created.err()).contains("Key ci");
            String first = created.out().strip();
            assertThat(server.status(first)).isEqualTo(200);

            String id = keys("list")
                    .out()
                    .lines()
                    .filter(line -> line.contains(" ci "))
                    .findFirst()
                    .orElseThrow()
                    .split(" ")[0];
            String second = keys("rotate", id).out().strip();
            assertThat(server.status(first)).isEqualTo(401);
            assertThat(server.status(second)).isEqualTo(200);

            assertThat(keys("revoke", id).code()).isZero();
            assertThat(server.status(second)).isEqualTo(401);
            assertThat(keys("revoke", "key_nobody").code()).isEqualTo(1);
            Ran misnamed = keys("create", " ");
            assertThat(misnamed.code()).isEqualTo(2);
            assertThat(misnamed.err()).contains("name: is empty");
        }
    }

    @Test
    void theFirstKeyIsShownOnceAndWorks() throws Exception {
        String key;
        try (Serving server = serve()) {
            key = server.key();
            assertThat(server.status(key)).isEqualTo(200);
        }
        try (Serving again = serve()) {
            assertThat(again.greeting).noneMatch(line -> KEY.matcher(line).find());
            assertThat(again.status(key)).isEqualTo(200);
        }
    }

    @Test
    void aServerThatIsToldToStopEndsWithZeroAndCommandsGoOnWithoutIt() throws Exception {
        Serving server = serve();
        server.process.destroy();
        assertThat(server.process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(server.process.exitValue()).isZero();
        assertThat(temp.resolve("data/server.json")).doesNotExist();
        assertThat(keys("list").code()).isZero();
    }

    @Test
    void healthTellsWhetherAServerIsReady() throws Exception {
        assertThat(run("health", List.of()).err()).contains("no server runs on", "--data");
        try (Serving server = serve()) {
            Ran ready = run("health", List.of());
            assertThat(ready.code()).as("%s", ready).isZero();
            assertThat(ready.out()).contains("\"ready\"");
            server.process.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
        }
        Ran gone = run("health", List.of());
        assertThat(gone.code()).isEqualTo(1);
        assertThat(gone.err()).contains("could not be asked");
    }

    @Test
    void whatAKilledServerLeavesBehindMisleadsNobody() throws Exception {
        String key;
        try (Serving server = serve()) {
            key = keys("create", "ci").out().strip();
            server.process.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
        }
        assertThat(temp.resolve("data/server.json")).exists();
        assertThat(keys("create", "later").code()).isZero();
        try (Serving again = serve()) {
            assertThat(again.status(key)).as("made before the kill").isEqualTo(200);
        }
    }

    @Test
    void aSecondServerOnTheSameFolderIsRefusedWithTheFirstsProcess() throws Exception {
        try (Serving server = serve()) {
            Process second = start("--port", "0", "--admin-port", "0");
            String said = new String(second.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(second.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(second.exitValue()).isEqualTo(1);
            assertThat(said.lines()).singleElement().asString().contains("process " + server.process.pid(), "--data");
        }
    }

    @Test
    void aStartThatFailsOnATakenPortDoesNotUseUpTheFirstKey() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            for (String option : List.of("--port", "--admin-port")) {
                String other = option.equals("--port") ? "--admin-port" : "--port";
                Process refused = start(option, Integer.toString(taken.getLocalPort()), other, "0");
                String said = new String(refused.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
                assertThat(refused.waitFor(20, TimeUnit.SECONDS)).isTrue();
                assertThat(refused.exitValue()).as(said).isEqualTo(1);
                assertThat(said.lines()).singleElement().asString().contains(Integer.toString(taken.getLocalPort()));
            }
        }
        try (Serving server = serve()) {
            assertThat(server.status(server.key())).isEqualTo(200);
        }
    }

    @Test
    void aDataFolderThatCantBeWrittenIsOneLine() throws Exception {
        Files.writeString(temp.resolve("data"), "a file");
        Process refused = start("--port", "0", "--admin-port", "0");
        String said = new String(refused.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(refused.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(refused.exitValue()).isEqualTo(1);
        assertThat(said.lines())
                .singleElement()
                .asString()
                .contains(temp.resolve("data").toString(), "is a file", "--data");
    }

    private Ran keys(String... args) {
        return run("keys", List.of(args));
    }

    private Ran run(String command, List<String> args) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(args);
        all.addAll(List.of("--data", temp.resolve("data").toString()));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(
                new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), all.toArray(String[]::new));
        return new Ran(code, out.toString(), err.toString());
    }

    private Process start(String... args) throws IOException {
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
                temp.resolve("data").toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).directory(temp.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("OPENAI_") || name.startsWith("LOCKKEEPER_"));
        return builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    }

    private Serving serve() throws IOException {
        return new Serving(start("--port", "0", "--admin-port", "0"));
    }

    /** A server in a process of its own, open when this is made. */
    private static final class Serving implements AutoCloseable {
        private final Process process;
        private final List<String> greeting = new ArrayList<>();
        private final String url;

        Serving(Process process) throws IOException {
            this.process = process;
            BufferedReader said =
                    new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
            String line = said.readLine();
            while (line != null && !line.contains("curl ")) {
                greeting.add(line);
                line = said.readLine();
            }
            Matcher found = URL.matcher(String.join("\n", greeting));
            assertThat(found.find()).as("%s", greeting).isTrue();
            url = found.group();
            Thread.ofVirtual().start(() -> said.lines().forEach(_ -> {}));
        }

        String key() {
            Matcher found = KEY.matcher(String.join("\n", greeting));
            assertThat(found.find()).as("%s", greeting).isTrue();
            return found.group();
        }

        int status(String key) throws Exception {
            try (HttpClient http = HttpClient.newHttpClient()) {
                return http.send(
                                HttpRequest.newBuilder(URI.create(url + "/v1/models"))
                                        .header("authorization", "Bearer " + key)
                                        .timeout(Duration.ofSeconds(10))
                                        .build(),
                                BodyHandlers.discarding())
                        .statusCode();
            }
        }

        @Override
        public void close() {
            process.destroy();
            try {
                process.onExit().get(20, TimeUnit.SECONDS);
            } catch (Exception e) {
                process.destroyForcibly();
            }
        }
    }
}
