package dev.lockkeeper.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Clients in another language: installed as their lock file says, into a folder of the build that later builds find
 * again, and run as processes that print a line of JSON per case. Where their tool is missing, what needs it is
 * reported as aborted and said aloud, never left out in silence.
 */
final class Scripts {
    private static final Duration VERSION_LIMIT = Duration.ofSeconds(20);
    private static final Duration INSTALL_LIMIT = Duration.ofMinutes(4);
    private static final Duration SUITE_LIMIT = Duration.ofMinutes(3);
    private static final int OLDEST_NODE = 20;
    private static final int OLDEST_PYTHON_3 = 10;

    private static final JsonMapper JSON = JsonMapper.shared();
    private static final Path SOURCES = Path.of("src/test/clients");
    private static final Path INSTALLED = Path.of("target/clients");
    private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+)");

    private final Path folder;
    private final List<String> interpreter;

    private Scripts(Path folder, List<String> interpreter) {
        this.folder = folder;
        this.interpreter = interpreter;
    }

    /**
     * The clients for Node.js, installed.
     *
     * @throws TestAbortedException where Node.js or npm is missing or too old
     */
    static Scripts node() {
        leaveOutIfAsked("node", "NODE");
        String node = version("node", "--version");
        if (major(node) < OLDEST_NODE) {
            throw skipped("NODE", "`node --version`: " + node + "; install Node.js " + OLDEST_NODE + " or newer");
        }
        String npm = version("npm", "--version");
        if (major(npm) < 0) {
            throw skipped("NODE", "`npm --version`: " + npm + "; install npm");
        }
        Path folder = install("node", List.of("package.json", "package-lock.json"), into -> {
            run(into, INSTALL_LIMIT, "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund");
        });
        return new Scripts(folder, List.of("node"));
    }

    /**
     * The clients for Python, installed.
     *
     * @throws TestAbortedException where Python, its venv or pip is missing or too old
     */
    static Scripts python() {
        leaveOutIfAsked("python", "PYTHON");
        List<String> said = new ArrayList<>();
        for (String python : List.of("python3", "python")) {
            said.add(version(python, "--version"));
            Matcher version = VERSION.matcher(said.getLast());
            if (version.find()
                    && Integer.parseInt(version.group(1)) == 3
                    && Integer.parseInt(version.group(2)) >= OLDEST_PYTHON_3) {
                return python(python);
            }
        }
        throw skipped(
                "PYTHON",
                "`python3 --version`: " + said.getFirst() + "; install Python 3." + OLDEST_PYTHON_3 + " or newer");
    }

    private static Scripts python(String python) {
        if (!version(python, "-c", "import venv, ensurepip; print('1.0')").startsWith("1.0")) {
            throw skipped(
                    "PYTHON", python + " has no venv and pip; install them (Debian, Ubuntu: apt install python3-venv)");
        }
        Path folder = install("python", List.of("requirements.lock"), into -> {
            run(into, INSTALL_LIMIT, python, "-m", "venv", "venv");
            run(
                    into,
                    INSTALL_LIMIT,
                    inVenv(into, "pip"),
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--require-hashes",
                    "--only-binary",
                    ":all:",
                    "--no-deps",
                    "--requirement",
                    "requirements.lock");
        });
        return new Scripts(folder, List.of(inVenv(folder, "python")));
    }

    private static String inVenv(Path folder, String tool) {
        boolean windows = System.getProperty("os.name", "").startsWith("Windows");
        return folder.resolve(windows ? "venv/Scripts/" + tool + ".exe" : "venv/bin/" + tool)
                .toAbsolutePath()
                .toString();
    }

    /**
     * Runs a suite against a gateway: a test for each of its cases, and one that all of it was run.
     *
     * @param suite the script's file name
     * @param gateway what it calls
     */
    Stream<DynamicTest> suite(String suite, Gateway gateway) {
        List<String> command = new ArrayList<>(interpreter);
        command.add(suite);
        Path output = folder.resolve(suite + ".out").toAbsolutePath();
        Path errors = folder.resolve(suite + ".err").toAbsolutePath();
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile());
        builder.environment().putAll(gateway.environment());
        String end = finish(builder, SUITE_LIMIT);
        List<DynamicTest> tests = new ArrayList<>();
        for (String line : read(output).lines().toList()) {
            if (line.startsWith("{")) {
                JsonNode each = JSON.readTree(line);
                String name = each.get("name").stringValue();
                tests.add(dynamicTest(name, () -> {
                    if (!each.get("ok").booleanValue()) {
                        fail(suite + ", " + name + ": " + each.get("detail").stringValue());
                    }
                }));
            }
        }
        int cases = tests.size();
        tests.add(dynamicTest(
                suite + " was run to its end",
                () -> assertThat(end)
                        .as("end of %s after %d cases; it said: %s", suite, cases, last(read(errors)))
                        .isEqualTo("exit 0")));
        tests.add(dynamicTest(
                suite + " has cases",
                () -> assertThat(cases).as(last(read(errors))).isPositive()));
        return tests.stream();
    }

    private interface Install {
        void into(Path folder);
    }

    /** A folder with the suites of {@code language}, installed there once for each content of its lock file. */
    private static Path install(String language, List<String> locked, Install install) {
        Path sources = SOURCES.resolve(language);
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String each : locked) {
                digest.update(Files.readAllBytes(sources.resolve(each)));
            }
            String hash = HexFormat.of().formatHex(digest.digest(), 0, 6);
            Path folder = INSTALLED.resolve(language + "-" + hash);
            Path ready = folder.resolve(".installed");
            Files.createDirectories(folder);
            try (Stream<Path> files = Files.list(sources)) {
                for (Path each : files.filter(Files::isRegularFile).toList()) {
                    Files.copy(each, folder.resolve(each.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
            }
            if (!Files.exists(ready)) {
                install.into(folder);
                Files.writeString(ready, hash);
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What a tool says of its version; what went wrong where it can't be run. */
    private static String version(String... command) {
        try {
            Path output = Files.createTempFile("version", ".txt");
            try {
                String end = finish(
                        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()),
                        VERSION_LIMIT);
                return end.equals("exit 0") ? read(output).strip() : end;
            } finally {
                Files.delete(output);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int major(String said) {
        Matcher version = VERSION.matcher(said);
        return version.find() ? Integer.parseInt(version.group(1)) : -1;
    }

    private static void run(Path folder, Duration limit, String... command) {
        Path output = folder.resolve("install.log").toAbsolutePath();
        String end = finish(
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile())),
                limit);
        if (!end.equals("exit 0")) {
            throw new IllegalStateException(String.join(" ", command) + " in " + folder + ": " + end
                    + " (expected: exit 0). Its registry must be reachable; -Dclients.skip=node,python leaves these"
                    + " clients out. It said: " + last(read(output)));
        }
    }

    /** How a process ended: its exit code, why it did not start, or that it was killed after its time. */
    private static String finish(ProcessBuilder builder, Duration limit) {
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            return "not started: " + e.getMessage();
        }
        try {
            process.getOutputStream().close();
            if (process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                return "exit " + process.exitValue();
            }
            return "killed after " + limit.toSeconds() + " s";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static void leaveOutIfAsked(String language, String name) {
        if (List.of(System.getProperty("clients.skip", "").split(",")).contains(language)) {
            throw skipped(name, "-Dclients.skip names " + language);
        }
    }

    /** Says aloud that clients are left out, in the build's own output. */
    private static TestAbortedException skipped(String name, String why) {
        String line = "THE " + name + " CLIENTS ARE NOT TESTED: " + why;
        System.err.println("[WARNING] " + "=".repeat(line.length()));
        System.err.println("[WARNING] " + line);
        System.err.println("[WARNING] " + "=".repeat(line.length()));
        return new TestAbortedException(line);
    }

    private static String last(String text) {
        return text.substring(Math.max(0, text.length() - 4000)).strip();
    }

    private static String read(Path file) {
        try {
            return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
