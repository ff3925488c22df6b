package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.Explanation;
import dev.lockkeeper.routing.Flags;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Plan;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Pulse;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.routing.Traits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The worked policies of docs/routing.md: the document shows the files as they are, and calls go where its tables say. */
class WorkedPoliciesTest {
    private static final Path FILES = Path.of("examples/routing");

    /** 22 November 2026. */
    private static final long NOW = 1_795_305_600_000L;

    private static final Pattern POLICY = Pattern.compile(
            "\n### [^\n]*\n\n`examples/routing/([a-z-]+\\.yaml)`(.*?)(?=\n### |\n## |$)", Pattern.DOTALL);

    private static final Pattern YAML = Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL);
    private static final Pattern ROW = Pattern.compile("\n\\| (.+?) \\| (.*?)\\| (.+?) \\| (.*?)\\|(?=\n|$)");
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");

    @TempDir
    static Path folder;

    /** A line of a table. */
    record Row(String file, String call, String chosenBy, List<String> order, List<String> out) {
        @Override
        public String toString() {
            return file + ": " + call;
        }
    }

    private static String document() throws IOException {
        return Files.readString(Path.of("docs/routing.md"));
    }

    private static List<MatchResult> policies() throws IOException {
        return POLICY.matcher(document()).results().toList();
    }

    static List<Row> rows() throws IOException {
        List<Row> rows = new ArrayList<>();
        for (MatchResult policy : policies()) {
            for (MatchResult row : ROW.matcher(policy.group(2)).results().toList()) {
                if (!row.group(1).equals("call") && !row.group(1).startsWith("-")) {
                    rows.add(new Row(
                            policy.group(1),
                            row.group(1),
                            row.group(2).strip(),
                            codes(row.group(3)),
                            codes(row.group(4))));
                }
            }
        }
        return rows;
    }

    private static List<String> codes(String cell) {
        return CODE.matcher(cell).results().map(code -> code.group(1)).toList();
    }

    @Test
    void theDocumentShowsEachFileAsItIs() throws IOException {
        Map<String, String> shown = new HashMap<>();
        for (MatchResult policy : policies()) {
            var yaml = YAML.matcher(policy.group(2));
            assertThat(yaml.find()).as(policy.group(1)).isTrue();
            shown.put(policy.group(1), yaml.group(1));
        }
        Map<String, String> files = new HashMap<>();
        try (Stream<Path> all = Files.list(FILES)) {
            for (Path file : all.toList()) {
                files.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        assertThat(shown).hasSize(7).isEqualTo(files);
        assertThat(rows()).hasSizeGreaterThan(15);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void aCallGoesWhereTheDocumentSays(Row row) throws IOException {
        Settings settings = settings(row.file());
        Model model = settings.offered().all().iterator().next();
        Told told = new Told();
        for (String each : row.call().equals("any") ? List.<String>of() : codes(row.call())) {
            told.tell(each.substring(0, each.indexOf(':')), each.substring(each.indexOf(':') + 2));
        }
        // As if nobody had any luck: what chance decides stays as it is written.
        Router router = new Router(told, told, () -> -1L);

        Explanation explained = router.explain(model, told.traits(), NOW);

        assertThat(names(explained.plan())).isEqualTo(row.order());
        assertThat(explained.plan().out().stream()
                        .map(out -> out.candidate().toString())
                        .toList())
                .isEqualTo(row.out());
        assertThat(explained.plan().chosenBy()).isEqualTo(row.chosenBy());
        assertThat(router.plan(model, told.traits(), NOW)).isEqualTo(explained.plan());
    }

    private static List<String> names(Plan plan) {
        return plan.order().stream().map(Candidate::toString).toList();
    }

    private static Settings settings(String file) throws IOException {
        Map<String, String> secrets = new HashMap<>();
        for (String name :
                List.of("OPENAI_API_KEY", "DEEPSEEK_API_KEY", "AZURE_SE_KEY", "OPENAI_EU_KEY", "AZURE_KEY")) {
            secrets.put(name, "secret-" + name);
        }
        Loaded.Good good = Config.in(folder)
                .with(secrets)
                .file(Files.readString(FILES.resolve(file)))
                .good();
        assertThat(good.notes()).as(file).isEmpty();
        return good.settings();
    }

    /** What the first cell of a line tells. */
    private static final class Told implements Pulse, Flags {
        private final Map<String, Long> rests = new HashMap<>();
        private final Map<String, Long> firstToken = new HashMap<>();
        private Traits call = Traits.NONE;
        private double flag = -1;

        void tell(String name, String value) {
            switch (name) {
                case "rests" -> rests.put(value, 5_000L);
                case "first-token" -> {
                    int space = value.indexOf(' ');
                    firstToken.put(value.substring(0, space), Long.parseLong(value.substring(space + 1)) * 1_000_000);
                }
                case "flag" -> flag = Double.parseDouble(value);
                case "input-tokens" -> call = with("inputTokens", Long.valueOf(value));
                case "complexity" ->
                    call = with("complexity", Traits.Complexity.valueOf(value.toUpperCase(Locale.ROOT)));
                case "endpoint", "project" -> call = with(name, value);
                case "region" -> call = with("regions", Set.of(value));
                default -> throw new IllegalArgumentException(name);
            }
        }

        private Traits with(String component, Object value) {
            try {
                var components = Traits.class.getRecordComponents();
                Class<?>[] types = new Class<?>[components.length];
                Object[] values = new Object[components.length];
                for (int i = 0; i < components.length; i++) {
                    types[i] = components[i].getType();
                    values[i] = components[i].getName().equals(component)
                            ? value
                            : components[i].getAccessor().invoke(call);
                }
                return Traits.class.getDeclaredConstructor(types).newInstance(values);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }

        Traits traits() {
            return call;
        }

        @Override
        public double percent(String model, String named, Traits of) {
            return flag;
        }

        @Override
        public long restsMillis(Candidate at) {
            return rests.getOrDefault(at.toString(), 0L);
        }

        @Override
        public String whyItRests(Candidate at) {
            return "it failed";
        }

        @Override
        public long firstTokenNanos(Candidate at) {
            return firstToken.getOrDefault(at.toString(), 0L);
        }
    }

    @Test
    void everyConditionStandsInTheDocument() throws IOException {
        String table = document().replaceAll("(?s).*\n## Conditions\n", "").replaceAll("(?s)\n## .*", "");
        List<String> shown = new ArrayList<>();
        for (String line : table.lines().filter(each -> each.startsWith("| `")).toList()) {
            shown.addAll(codes(line.substring(1, line.indexOf('|', 1))));
        }
        List<String> known = new ArrayList<>(List.of("input-tokens", "hours", "region"));
        for (Property each : Property.values()) {
            known.add(each.word());
        }

        assertThat(shown).containsExactlyInAnyOrderElementsOf(known);
        assertThat(Condition.ALWAYS.terms()).isEmpty();
    }
}
