package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.relay.EndUsers;
import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.upstream.ProviderSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EffectiveTest {
    @TempDir
    Path folder;

    @Test
    void eachValueHasItsOrigin() {
        String text = Config.in(folder)
                .with(Map.of("LOCKKEEPER_HOST", "127.0.0.2", "KEY", "top-secret"))
                .with(new Overrides(null, 9000, null, null))
                .file("""
                        stream:
                          gather: 20ms
                        providers:
                          a:
                            base-url: https://a.example.com/${VERSION:-v1}
                            api-key: ${KEY}
                        models: {gpt-4o: a}
                        """)
                .good()
                .effective()
                .render();

        assertThat(text.lines().map(line -> line.replaceAll(" +#", " #")))
                .contains(
                        "  loops: 2 # default: as many as cores",
                        "  host: 127.0.0.2 # LOCKKEEPER_HOST",
                        "  port: 9000 # --port",
                        "data: " + folder.resolve("lockkeeper-data") + " # default: ./lockkeeper-data",
                        "  heartbeat: 15s # default",
                        "  gather: 20ms # lockkeeper.yaml:2",
                        "    base-url: https://a.example.com/v1 # lockkeeper.yaml:5 with ${VERSION:-…}",
                        "    api-key: \"********\" # lockkeeper.yaml:6 with ${KEY}",
                        "    headers: {} # default",
                        "  gpt-4o:",
                        "    targets: [a/gpt-4o] # lockkeeper.yaml:7",
                        "    context: 128000 # default: the catalogue's");
    }

    @Test
    void secretsAreMasked() {
        String text = Config.in(folder)
                .file("api-key", "top-secret-1")
                .file("""
                        providers:
                          a:
                            base-url: https://a.example.com/v1
                            api-key: ${file:api-key}
                            headers: {x-a: top-secret-2}
                            query: {a: top-secret-3}
                        models: {m: a}
                        """)
                .good()
                .effective()
                .render();

        assertThat(text).doesNotContain("top-secret").contains("x-a: \"********\"", "a: \"********\"");
    }

    @Test
    void whatIsPrintedReadsAsTheSame() throws IOException {
        Files.createDirectories(folder.resolve("again"));
        for (Config config : List.of(
                Config.in(folder.resolve("again")),
                Config.in(folder.resolve("again")).with(Map.of("OPENAI_API_KEY", "sk-one")),
                EveryKey.in(folder))) {
            Loaded.Good good = config.good();
            Config again = Config.in(folder.resolve("again"))
                    .file("printed.yaml", good.effective().render());

            Loaded second = again.load(Path.of("printed.yaml"));

            assertThat(Config.texts(second)).isEmpty();
            assertThat(masked(((Loaded.Good) second).settings())).isEqualTo(masked(good.settings()));
        }
    }

    @Property(tries = 1000)
    void anyTextReadsAsTheSame(
            @ForAll
                    @StringLength(min = 1, max = 40)
                    @Chars({'$', '{', '}', '"', '#', ':', '\n', '\u0007', '\u0085', '\ufeff'})
                    @CharRange(from = ' ', to = '\u2fff')
                    String text) {
        String yaml = Effective.scalar(text);
        List<Mistake> mistakes = new ArrayList<>();

        Piece.Members members = YamlFile.read("x", "a: " + yaml + " # b\nb: [" + yaml + ", " + yaml + "]\n", mistakes);

        assertThat(mistakes).isEmpty();
        assertThat(texts(Objects.requireNonNull(members))).containsExactly(text, text, text);
    }

    private static List<String> texts(Piece piece) {
        return switch (piece) {
            case Piece.Text text -> {
                assertThat(text.isNull()).isFalse();
                Interpolation.Filled filled = new Interpolation(Map.of(), Path.of(""), Content::of).fill(text.text());
                yield List.of(((Interpolation.Filled.Whole) filled).text());
            }
            case Piece.Items list ->
                list.items().stream().flatMap(item -> texts(item).stream()).toList();
            case Piece.Members mapping ->
                mapping.members().values().stream()
                        .flatMap(member -> texts(member.value()).stream())
                        .toList();
        };
    }

    /** The same settings, as they are when every secret is {@code ********}. */
    private static Settings masked(Settings settings) {
        List<ProviderSettings> providers = settings.providers().stream()
                .map(provider -> new ProviderSettings(
                        provider.name(),
                        provider.baseUrl(),
                        provider.auth(),
                        provider.keys().stream()
                                .map(key -> new ProviderSettings.Key(key.name(), Shown.MASK, key.weight()))
                                .toList(),
                        masked(provider.headers()),
                        masked(provider.query()),
                        masked(provider.connection()),
                        provider.timeouts(),
                        provider.regions(),
                        provider.prefill()))
                .toList();
        return new Settings(
                settings.loops(),
                settings.server(),
                settings.drain(),
                settings.door(),
                settings.admin(),
                settings.data(),
                masked(settings.database()),
                settings.relay().naming(EndUsers.AS_NAMED),
                masked(settings.repeats()),
                settings.ledger(),
                settings.log(),
                providers,
                settings.models(),
                settings.prices(),
                masked(settings.alerts()),
                settings.simulated(),
                settings.watch(),
                settings.health());
    }

    private static AlertSettings masked(AlertSettings alerts) {
        ClientSettings.Proxy proxy = alerts.proxy();
        return new AlertSettings(
                alerts.url(),
                "***",
                alerts.privateAddresses(),
                proxy == null
                        ? null
                        : new ClientSettings.Proxy(
                                proxy.host(), proxy.port(), proxy.tls(), "***", proxy.authorities()));
    }

    private static RepeatSettings masked(RepeatSettings repeats) {
        return new RepeatSettings(
                repeats.keepFor(),
                repeats.goOn(),
                repeats.maxAnswer(),
                repeats.maxTotal(),
                repeats.secret() == null ? null : "***");
    }

    private static DatabaseSettings masked(DatabaseSettings database) {
        return switch (database) {
            case DatabaseSettings.Sqlite sqlite -> sqlite;
            case DatabaseSettings.Postgres(
                    var servers,
                    var name,
                    var user,
                    var password,
                    var schema,
                    var connections,
                    var connectTimeout,
                    var startWait,
                    var tls,
                    var ca) ->
                new DatabaseSettings.Postgres(
                        servers,
                        name,
                        user,
                        password == null ? null : Shown.MASK,
                        schema,
                        connections,
                        connectTimeout,
                        startWait,
                        tls,
                        ca);
        };
    }

    private static ClientSettings masked(ClientSettings way) {
        ClientSettings.Proxy proxy = way.proxy();
        return proxy == null
                ? way
                : way.through(
                        new ClientSettings.Proxy(
                                proxy.host(), proxy.port(), proxy.tls(), Shown.MASK, proxy.authorities()),
                        way.certificates());
    }

    private static Map<String, String> masked(Map<String, String> secrets) {
        Map<String, String> masked = new TreeMap<>(secrets);
        masked.replaceAll((_, _) -> Shown.MASK);
        return masked;
    }
}
