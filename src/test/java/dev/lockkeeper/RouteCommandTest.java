package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.admin.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Where a call would go, by the configuration alone. */
class RouteCommandTest {
    @TempDir
    Path temp;

    private record Ran(int code, String out, String err) {}

    @BeforeEach
    void write() throws IOException {
        Files.writeString(temp.resolve("lockkeeper.yaml"), """
                providers:
                  a: {base-url: https://a.example.com/v1, auth: none}
                  b: {base-url: https://b.example.com/v1, auth: none}
                models:
                  auto:
                    cases:
                      - {name: hard, when: {complexity: critical}, targets: [a/pro]}
                      - {name: web, when: {project: web, not: {tools: true}}, targets: [b/web, a/mini]}
                      - {name: rest, targets: [{target: a/mini, context: 1000}]}
                """);
        Files.writeString(temp.resolve("call.json"), """
                {"model": "auto", "messages": [{"role": "user", "content": "Hello there, how are you today?"}]}
                """);
    }

    private Ran run(String... args) {
        List<String> all = new ArrayList<>(List.of("route"));
        all.addAll(List.of(args));
        all.addAll(List.of("--config", temp.resolve("lockkeeper.yaml").toString()));
        all.addAll(List.of("--data", temp.resolve("data").toString()));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(
                new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), all.toArray(String[]::new));
        return new Ran(code, out.toString(), err.toString());
    }

    @Test
    void aCallIsExplainedWithoutBeingMade() {
        Ran ran = run("--file", temp.resolve("call.json").toString(), "--project", "web");

        assertThat(ran.err()).isEmpty();
        assertThat(ran.code()).isZero();
        assertThat(ran.out()).isEqualTo("""
                model auto, about 16 tokens of input
                not  auto.hard: complexity is unknown (expected: complexity: critical)
                case auto.web: project: web; not tools: true

                   TARGET  RANK    WHY
                1  b/web   auto 1  the only one of its rank
                2  a/mini  auto 2  the only one of its rank
                """);
    }

    @Test
    void labelsAndTokensAreTold() {
        assertThat(run("--model", "auto", "--complexity", "critical").out()).contains("case auto.hard", "1  a/pro");
        assertThat(run("--model", "auto", "--input-tokens", "5").out()).contains("case auto.rest", "1  a/mini");
    }

    @Test
    void whereNobodyCanServeItTheReasonIsTold() {
        Ran ran = run("--model", "auto", "--input-tokens", "5000");

        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.out()).contains("-  a/mini  left out  it takes 1000 tokens, and the call comes to about 5000");
        assertThat(ran.err()).contains("Nobody can serve this call now.");
    }

    @Test
    void itIsToldAsJson() {
        JsonNode told =
                Json.read(run("--model", "auto", "--region", "eu", "--json").out());

        assertThat(told.path("case").asString()).isEqualTo("rest");
        assertThat(told.at("/targets/0/cause").asString()).isEqualTo("region");
        assertThat(told.at("/targets/0/why").asString())
                .isEqualTo("the call is bound to eu, and nobody says where this one is");
    }

    @Test
    void whatCantBeEndsTheCommand() throws IOException {
        assertThat(run("--model", "none").err()).contains("model: there is no 'none' that this key may ask for");
        assertThat(run("--model", "auto", "--complexity", "odd").code()).isEqualTo(2);
        assertThat(run("--file", temp.resolve("none.json").toString()).err()).contains("can't be read");
        Path bad = Files.writeString(temp.resolve("bad.json"), "{");
        assertThat(run("--file", bad.toString()).err()).contains("--file: ", "is not JSON");
        assertThat(run().err()).contains("model: missing; the call names none either");
    }
}
