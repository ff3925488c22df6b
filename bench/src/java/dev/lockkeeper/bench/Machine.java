package dev.lockkeeper.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;

/** Where and when something was measured. */
final class Machine {
    private Machine() {}

    /** Date, commit, cores, processor, kernel, JDK in one line. */
    static String told() {
        return "%s, commit %s, %d cores (%s), Linux %s, JDK %s"
                .formatted(
                        LocalDate.now(ZoneOffset.UTC),
                        commit(),
                        Runtime.getRuntime().availableProcessors(),
                        processor(),
                        System.getProperty("os.version"),
                        System.getProperty("java.version"));
    }

    private static String processor() {
        try {
            return Files.readString(Path.of("/proc/cpuinfo"))
                    .lines()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown processor");
        } catch (IOException none) {
            return "unknown processor";
        }
    }

    private static String commit() {
        String said = firstLine(List.of("git", "rev-parse", "--short", "HEAD"));
        return said.isEmpty() ? "unknown" : said;
    }

    /** The first line that a command says, on either output; empty when it can't be run. */
    static String firstLine(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
                String line = reader.readLine();
                process.waitFor();
                return line == null ? "" : line;
            }
        } catch (IOException none) {
            return "";
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
