package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.SettingsLoader;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The files of {@code deploy/}: what they name exists in the gateway. */
class DeployedFilesTest {
    private static final Path DEPLOY = Path.of("deploy");
    private static final Pattern METRIC = Pattern.compile("\\b(?:lockkeeper|jvm|process)_[a-z0-9_]+");

    @Test
    void dashboardAlertsAndAutoscalingNameMetricsThatExist(@TempDir Path folder) throws Exception {
        Set<String> there = scraped(folder);

        there.addAll(metrics(Files.readAllLines(Path.of("docs/observing.md")).stream()
                .filter(line -> line.contains("with TLS only"))
                .collect(Collectors.joining("\n"))));

        for (String file : new String[] {
            "observing/dashboard.json",
            "observing/alerts.yaml",
            "README.md",
            "helm/lockkeeper/templates/horizontalpodautoscaler.yaml"
        }) {
            Set<String> named = metrics(Files.readString(DEPLOY.resolve(file)));
            assertThat(named).as(file).isNotEmpty();
            assertThat(there).as(file).containsAll(named);
        }
    }

    @Test
    void theConfigurationBesideTheComposeFileIsInOrder() {
        assertInOrder(DEPLOY.resolve("compose/lockkeeper.yaml"));
    }

    @Test
    void theConfigurationOfTheChartIsInOrder(@TempDir Path folder) throws IOException {
        Load load = new Load(LoadSettings.builder().build());
        Map<?, ?> values =
                (Map<?, ?>) load.loadFromString(Files.readString(DEPLOY.resolve("helm/lockkeeper/values.yaml")));
        // The chart's template adds these.
        Map<Object, Object> config = new LinkedHashMap<>((Map<?, ?>) values.get("config"));
        Map<Object, Object> server = new LinkedHashMap<>((Map<?, ?>) config.get("server"));
        server.put("host", "0.0.0.0");
        server.put("port", 8080);
        config.put("server", server);
        config.put("admin", Map.of("host", "0.0.0.0", "port", 8081));
        config.put("data", "/var/lib/lockkeeper");
        Path file = folder.resolve("lockkeeper.yaml");
        Files.writeString(file, new Dump(DumpSettings.builder().build()).dumpToString(config));

        assertInOrder(file);
    }

    private static void assertInOrder(Path file) {
        assertThat(SettingsLoader.load(file, Map.of(), Overrides.NONE)).isInstanceOf(Loaded.Good.class);
    }

    private static Set<String> metrics(String text) {
        // What follows `by` or stands in braces may look alike, but labels have no such prefix.
        return METRIC.matcher(text).results().map(MatchResult::group).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> scraped(Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("lockkeeper.yaml"), """
                server: {port: 0}
                admin: {port: 0}
                data: data
                providers: {simulator: {}}
                models: {gpt-5.5: simulator}
                """);
        Loaded.Good loaded = (Loaded.Good) SettingsLoader.load(file, Map.of(), Overrides.NONE);
        try (House house = House.start(
                        loaded,
                        inEffect -> SettingsLoader.again(inEffect, file, Map.of(), Overrides.NONE),
                        OutputStream.nullOutputStream());
                HttpClient http = HttpClient.newHttpClient()) {
            HttpRequest call = HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + house.port() + "/v1/chat/completions"))
                    .header("authorization", "Bearer " + house.firstKey())
                    .header("content-type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"))
                    .build();
            assertThat(http.send(call, HttpResponse.BodyHandlers.ofString()).statusCode())
                    .isEqualTo(200);
            HttpRequest scrape = HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + house.adminPort() + "/metrics"))
                    .build();
            return metrics(http.send(scrape, HttpResponse.BodyHandlers.ofString())
                    .body()
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .collect(Collectors.joining("\n")));
        }
    }
}
