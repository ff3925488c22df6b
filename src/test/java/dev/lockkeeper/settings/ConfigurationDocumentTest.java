package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.Pem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The document of the keys and the code say the same, and the example is one. */
class ConfigurationDocumentTest {
    private static final Path DOCUMENT = Path.of("docs/configuration.md");

    /** {@code | `key` | type | default | `example` | meaning |}. */
    private static final Pattern ROW =
            Pattern.compile("\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| `([^`]+)` \\| ([^|]+) \\|");

    @TempDir
    Path folder;

    @Test
    void everyKeyOfTheCodeIsInTheDocumentWithItsTypeAndDefaultAndNoOther() throws IOException {
        Map<String, String> code = new LinkedHashMap<>();
        EveryKey.in(folder)
                .good()
                .effective()
                .entries()
                .forEach(entry -> code.put(entry.pattern(), entry.type() + "; default: " + entry.byDefault()));
        // What is known of a model has another default than what is not: the file above names no known one.
        code.computeIfPresent("models.<name>.context", (_, text) -> text.replace("unknown", "the catalogue's"));
        code.computeIfPresent("models.<name>.max-output", (_, text) -> text.replace("unknown", "the catalogue's"));

        Map<String, String> document = rows().stream()
                .collect(Collectors.toMap(row -> row.group(1), row -> row.group(2) + "; default: " + row.group(3)));

        assertThat(document).containsExactlyInAnyOrderEntriesOf(code);
    }

    @Test
    void theKeysThatNeedARestartAreInTheDocumentAndNoOthers() throws IOException {
        String section = Files.readString(DOCUMENT)
                .replaceAll("(?s).*\n## What needs a restart\n", "")
                .replaceAll("(?s)\n## .*", "");
        List<String> named = Pattern.compile("`([^`]+)`")
                .matcher(section)
                .results()
                .map(key -> key.group(1))
                .toList();

        assertThat(named)
                .containsExactlyInAnyOrderElementsOf(EveryKey.in(folder).good().effective().entries().stream()
                        .map(Reading.Entry::pattern)
                        .filter(Restart::neededBy)
                        .toList());
    }

    @Test
    void everyExampleOfTheDocumentIsGood() throws IOException {
        Map<String, Object> tree = new LinkedHashMap<>();
        for (Matcher row : rows()) {
            String key = row.group(1)
                    .replace("providers.<name>.keys", "providers.several.keys")
                    .replace("providers.<name>", "providers.acme")
                    .replace("models.<name>.like", "models.deployment.like")
                    .replace("models.<name>.cases", "models.auto.cases")
                    .replace("models.<name>", "models.m")
                    .replace("<condition>", "tools")
                    .replace("fees.<rate>", "fees.tool-image-input")
                    .replace("<rate>", "input")
                    .replace("<tier>", "batch")
                    .replace("<fee>", "web-search")
                    .replace("<name>", "x-a");
            put(tree, List.of(key.split("\\.")), row.group(4).replace("${", "$${"));
        }
        put(tree, List.of("providers", "several", "base-url"), "https://several.example.com/v1");
        Config config = Config.in(folder)
                .file("tls/ca.pem", Pem.of("authority.test").certificate())
                .file("tls/certificate.pem", Pem.of("settings.test").certificate())
                .file("tls/key.pem", Pem.of("settings.test").key())
                .file(yaml(tree, ""));

        assertThat(config.good().effective().entries())
                .as("an example that shows the default")
                .filteredOn(
                        entry -> !entry.path().contains("auto") || entry.path().contains("cases"))
                .noneMatch(entry -> entry.byDefault().equals(entry.yaml())
                        && !entry.origin().startsWith("default"));
    }

    @Test
    void theExampleFileLoads() {
        Config config = new Config(
                Path.of("").toAbsolutePath(),
                Map.of(
                        "OPENAI_API_KEY", "sk-1",
                        "AZURE_OPENAI_API_KEY", "2",
                        "OPENROUTER_API_KEY", "3"),
                Overrides.NONE);

        Loaded loaded = config.load(Path.of("examples/lockkeeper.yaml"));

        assertThat(Config.texts(loaded)).isEmpty();
        Loaded.Good good = (Loaded.Good) loaded;
        assertThat(good.notes()).isEmpty();
        assertThat(good.settings().providers())
                .extracting("name")
                .containsExactly("openai", "azure", "openrouter", "vllm", "ollama", "llama");
        assertThat(good.settings().models()).hasSizeGreaterThan(8);
    }

    private static List<Matcher> rows() throws IOException {
        List<Matcher> rows = new ArrayList<>();
        for (String line : Files.readAllLines(DOCUMENT)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                rows.add(row);
            }
        }
        return rows;
    }

    @SuppressWarnings("unchecked") // a value is a text, or a map that this method put there
    private static void put(Map<String, Object> into, List<String> path, String value) {
        if (path.size() == 1) {
            into.put(path.getFirst(), value);
        } else {
            put(
                    (Map<String, Object>) into.computeIfAbsent(path.getFirst(), _ -> new LinkedHashMap<>()),
                    path.subList(1, path.size()),
                    value);
        }
    }

    private static String yaml(Map<?, ?> tree, String indent) {
        StringBuilder text = new StringBuilder();
        tree.forEach((key, value) -> {
            if (key.equals("cases") && value instanceof Map<?, ?> inside) {
                // A list of one mapping.
                String item = yaml(inside, indent + "    ");
                text.append(indent)
                        .append("cases:\n")
                        .append(indent)
                        .append("  -")
                        .append(item.substring(indent.length() + 3));
                return;
            }
            text.append(indent).append(key).append(':');
            if (value instanceof Map<?, ?> inside) {
                text.append('\n').append(yaml(inside, indent + "  "));
            } else {
                text.append(' ').append(value).append('\n');
            }
        });
        return text.toString();
    }
}
