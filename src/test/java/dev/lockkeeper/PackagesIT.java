package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the build packs, unpacked and started with nothing of this machine in its environment: no Java, no variables. Not one
 * file of the folder it was built in is used, and a start cache that does not fit is a failure ({@code AOTMode=on}).
 */
class PackagesIT {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final Pattern OPEN = Pattern.compile("is open at (http://[^/]+)/v1 \\(operator: (http://[^)]+)\\)");
    private static final Pattern KEY = Pattern.compile("shown this once: (\\S+)");
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * Starts what follows in a root of its own that can't be written, but for the data folder; as the image's user where
     * this process may choose one. It sees this machine's network and processes, and not its files.
     */
    private static final String IN_ITS_ROOT = """
            set -e
            root=$1 user=$2
            shift 2
            mount --bind "$root" "$root"
            mount --rbind /proc "$root/proc"
            mount --rbind /dev "$root/dev"
            mount --bind "$root/var/lib/lockkeeper" "$root/var/lib/lockkeeper"
            mount -o remount,bind,ro "$root"
            exec chroot $user "$root" "$@"
            """;

    @TempDir
    Path temp;

    @BeforeAll
    static void onLinux() {
        assumeThat(System.getProperty("os.name"))
                .as("packages are made on Linux")
                .isEqualTo("Linux");
    }

    @Test
    void theArchiveRunsWhereThereIsNoJava() throws Exception {
        Path folder = Files.createDirectory(temp.resolve("with a space"));
        run("tar", "-xzf", built(".tar.gz"), "-C", folder.toString());
        Path archive = only(folder);
        assertThat(archive)
                .isDirectoryContaining(path -> path.endsWith("LICENSE"))
                .isDirectoryContaining(path -> path.endsWith("THIRD-PARTY.txt"));
        assertThat(Files.exists(archive.resolve("lockkeeper-sbom.json")))
                .as("there is an SBOM where Maven made one; it makes none while it is offline")
                .isEqualTo(Files.exists(Path.of("target/lockkeeper-sbom.json")));
        assertThat(archive.resolve("examples/lockkeeper.yaml")).exists();
        assertThat(archive.resolve("deploy/systemd/lockkeeper.service")).exists();
        String launcher = archive.resolve("bin/lockkeeper").toString();

        servesAndStops(
                List.of(launcher, "serve", "--data", folder.resolve("data").toString()),
                List.of(launcher, "health", "--data", folder.resolve("data").toString()),
                Map.of());
    }

    @Test
    void theImageRunsWithItsOwnEntryPointAndNothingElse() throws Exception {
        Path layout = Files.createDirectory(temp.resolve("layout"));
        Path root = Files.createDirectory(temp.resolve("root"));
        run("tar", "-xf", built(".image.tar"), "-C", layout.toString());
        JsonNode manifest =
                blob(layout, JSON.readTree(layout.resolve("index.json")).at("/manifests/0"));
        JsonNode config = blob(layout, manifest.path("config")).path("config");
        for (JsonNode layer : manifest.path("layers")) {
            run("tar", "-xzf", file(layout, layer).toString(), "-C", root.toString());
        }

        Map<String, String> environment = new TreeMap<>();
        config.path("Env").forEach(each -> {
            String[] parts = each.asString().split("=", 2);
            environment.put(parts[0], parts[1]);
        });
        assertThat(config.path("User").asString()).isEqualTo("65532:65532");
        assertThat(Files.readString(Path.of("Dockerfile")))
                .as("the Dockerfile says the same as the image")
                .contains(
                        "USER " + config.path("User").asString(),
                        "ENTRYPOINT [\"" + config.at("/Entrypoint/0").asString() + "\"]",
                        "CMD [\"" + config.at("/Cmd/0").asString() + "\"]",
                        "STOPSIGNAL " + config.path("StopSignal").asString(),
                        "LOCKKEEPER_HOST=" + environment.get("LOCKKEEPER_HOST"),
                        "LOCKKEEPER_DATA=" + environment.get("LOCKKEEPER_DATA"));
        List<String> inside = inItsRoot(root, config.path("User").asString());
        if (inside.isEmpty()) {
            System.err.println("PackagesIT: no root of its own can be made here (unshare, mount, chroot), so what the"
                    + " image holds runs on this machine's C library");
            environment.put(
                    "LOCKKEEPER_DATA", root.resolve("var/lib/lockkeeper").toString());
        }
        servesAndStops(
                words(inside, root, config.path("Entrypoint"), config.path("Cmd")),
                // The first word says how the others are meant.
                words(
                        inside,
                        root,
                        JSON.valueToTree(strings(config.at("/Healthcheck/Test")).stream()
                                .skip(1)
                                .toList())),
                environment);
    }

    /** Starts a server, asks it and its health, makes one call and stops it. */
    private void servesAndStops(List<String> serve, List<String> health, Map<String, String> environment)
            throws Exception {
        Path told = temp.resolve("told");
        Process server = process(serve, environment, told);
        try {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .pollInterval(Duration.ofMillis(50))
                    .untilAsserted(() -> {
                        assertThat(server.isAlive())
                                .as("%s%n%s", serve, Files.readString(told))
                                .isTrue();
                        assertThat(Files.readString(told)).contains("Try it");
                    });
            String said = Files.readString(told);
            URI admin = URI.create(found(OPEN, said, 2));
            try (HttpClient http = HttpClient.newHttpClient()) {
                for (String path : List.of("/livez", "/readyz")) {
                    assertThat(http.send(request(admin.resolve(path)).build(), BodyHandlers.ofString())
                                    .statusCode())
                            .as(path)
                            .isEqualTo(200);
                }
                HttpResponse<String> answer = http.send(
                        request(URI.create(found(OPEN, said, 1) + "/v1/chat/completions"))
                                .header("authorization", "Bearer " + found(KEY, said, 1))
                                .header("content-type", "application/json")
                                .POST(
                                        BodyPublishers.ofString(
                                                "{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"))
                                .build(),
                        BodyHandlers.ofString());
                assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
                assertThat(JSON.readTree(answer.body())
                                .at("/choices/0/message/content")
                                .asString())
                        .isNotEmpty();
            }
            Path healthTold = temp.resolve("health");
            Process asked = process(health, environment, healthTold);
            assertThat(asked.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(asked.exitValue()).as(Files.readString(healthTold)).isZero();

            server.destroy();
            assertThat(server.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(server.exitValue()).as(Files.readString(told)).isZero();
        } finally {
            server.destroyForcibly();
        }
    }

    private static HttpRequest.Builder request(URI where) {
        return HttpRequest.newBuilder(where).timeout(PATIENCE);
    }

    private Process process(List<String> command, Map<String, String> environment, Path told) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(told.toFile());
        builder.directory(temp.toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        builder.environment().put("LOCKKEEPER_PORT", "0");
        builder.environment().put("LOCKKEEPER_ADMIN_PORT", "0");
        builder.environment().put("LOCKKEEPER_JAVA_OPTS", "-XX:AOTMode=on");
        return builder.start();
    }

    /** The words before a command that start it in its own root; none where this machine does not allow it. */
    private List<String> inItsRoot(Path root, String user) throws IOException, InterruptedException {
        boolean mayChoose = "root".equals(System.getProperty("user.name"));
        List<String> words = new ArrayList<>(List.of("unshare", mayChoose ? "-m" : "-rm", "/bin/sh", "-c"));
        words.addAll(List.of(IN_ITS_ROOT, "sh", root.toString(), mayChoose ? "--userspec=" + user : ""));
        List<String> trial = new ArrayList<>(words);
        trial.addAll(List.of("/bin/sh", "-c", ":"));
        Process tried;
        try {
            tried = new ProcessBuilder(trial)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException noSuchProgram) {
            return List.of();
        }
        return tried.waitFor() == 0 ? resolved(words) : List.of();
    }

    /** The processes begin without a PATH. */
    private static List<String> resolved(List<String> words) {
        List<String> with = new ArrayList<>(List.of("/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"));
        with.addAll(words);
        return with;
    }

    private static List<String> words(List<String> before, Path root, JsonNode... parts) {
        List<String> words = new ArrayList<>(before);
        for (JsonNode part : parts) {
            words.addAll(strings(part));
        }
        if (before.isEmpty()) {
            words.set(0, root + words.getFirst());
        }
        return words;
    }

    private static List<String> strings(JsonNode array) {
        return array.valueStream().map(JsonNode::asString).toList();
    }

    private static JsonNode blob(Path layout, JsonNode descriptor) throws Exception {
        return JSON.readTree(file(layout, descriptor));
    }

    /** A blob's file; its content is what its name and its size promise. */
    private static Path file(Path layout, JsonNode descriptor) throws Exception {
        String digest = descriptor.path("digest").asString();
        Path file = layout.resolve("blobs").resolve(digest.replace(':', '/'));
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        try (InputStream in = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 16];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                sha256.update(buffer, 0, read);
            }
        }
        assertThat("sha256:" + HexFormat.of().formatHex(sha256.digest())).isEqualTo(digest);
        assertThat(Files.size(file)).isEqualTo(descriptor.path("size").asLong());
        return file;
    }

    /** What the build has put into {@code target/}. */
    private static String built(String ending) throws IOException {
        try (Stream<Path> files = Files.list(Path.of("target"))) {
            List<String> found = files.map(file -> file.toAbsolutePath().toString())
                    .filter(file -> file.endsWith(ending))
                    .toList();
            assertThat(found).as("target/*%s", ending).hasSize(1);
            return found.getFirst();
        }
    }

    private static Path only(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> found = files.toList();
            assertThat(found).hasSize(1);
            return found.getFirst();
        }
    }

    private static String found(Pattern pattern, String in, int group) {
        Matcher matcher = pattern.matcher(in);
        assertThat(matcher.find()).as(in).isTrue();
        return matcher.group(group);
    }

    private static void run(String... command) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                .as("%s", List.of(command))
                .isZero();
    }
}
