package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.admin.AdminSettings;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.door.DoorSettings;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.DrainSettings;
import dev.lockkeeper.http.Front;
import dev.lockkeeper.http.Network;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.observe.LogSettings;
import dev.lockkeeper.prices.PriceList;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.prices.Tier;
import dev.lockkeeper.relay.EndUsers;
import dev.lockkeeper.relay.FairSettings;
import dev.lockkeeper.relay.LaterSettings;
import dev.lockkeeper.relay.RelaySettings;
import dev.lockkeeper.relay.ResumeSettings;
import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.routing.Abilities;
import dev.lockkeeper.routing.Anchor;
import dev.lockkeeper.routing.Choose;
import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Share;
import dev.lockkeeper.routing.Skill;
import dev.lockkeeper.routing.Term;
import dev.lockkeeper.testing.Pem;
import dev.lockkeeper.upstream.ProviderSettings;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsLoaderTest {
    @TempDir
    Path folder;

    @Test
    void withoutAFileEverythingHasItsDefault() {
        Loaded.Good good = Config.in(folder).good();

        ProviderSettings simulator = new ProviderSettings(
                "simulator",
                URI.create("http://127.0.0.1:0/v1"),
                ProviderSettings.Auth.NONE,
                "",
                Map.of(),
                Map.of(),
                new ClientSettings(
                        "simulator",
                        "127.0.0.1",
                        0,
                        false,
                        ClientSettings.Version.AUTO,
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(60),
                        1000,
                        Duration.ofSeconds(5),
                        1000,
                        true),
                new ProviderSettings.Timeouts(Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofMinutes(10)));
        assertThat(good.settings())
                .isEqualTo(new Settings(
                        2,
                        new ServerSettings(
                                "127.0.0.1",
                                8080,
                                null,
                                65_536,
                                67_108_864,
                                Duration.ofSeconds(10),
                                Duration.ofSeconds(30),
                                Duration.ofSeconds(75),
                                20_000),
                        new DrainSettings(Duration.ofSeconds(1), Duration.ofSeconds(30)),
                        new DoorSettings(List.of()),
                        new AdminSettings("127.0.0.1", 8081, List.of()),
                        folder.resolve("lockkeeper-data"),
                        new DatabaseSettings.Sqlite(),
                        new RelaySettings(
                                Duration.ofSeconds(15),
                                Duration.ZERO,
                                16_777_216,
                                268_435_456,
                                8_192,
                                folder.resolve("lockkeeper-data/spill"),
                                262_144,
                                1_000_000,
                                false,
                                EndUsers.AS_NAMED,
                                FairSettings.NONE,
                                LaterSettings.DEFAULT,
                                new ResumeSettings(Duration.ofMinutes(5), 4_194_304, 107_374_182)),
                        new RepeatSettings(Duration.ofHours(24), Duration.ofMinutes(10), 4_194_304, 268_435_456, null),
                        new LedgerSettings(100_000, 67_108_864, 4_194_304, Duration.ofMillis(50)),
                        new LogSettings(true, "text", "info", LogSettings.Client.ADDRESS),
                        List.of(simulator),
                        List.of(
                                simulated("gpt-5.5", 1_050_000, 128_000),
                                simulated("gpt-5.5-pro", 1_050_000, 128_000),
                                simulated("gpt-5.4", 1_050_000, 128_000),
                                simulated("gpt-5.4-mini", 400_000, 128_000),
                                simulated("gpt-5.4-nano", 400_000, 128_000),
                                simulated("gpt-4o", 128_000, 16_384),
                                simulated("gpt-4o-mini", 128_000, 16_384),
                                simulated("text-embedding-3-small", 8191, 0)),
                        PricesSettings.NONE,
                        AlertSettings.LOG_ONLY,
                        true,
                        true,
                        Map.of()));
        assertThat(good.notes()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            postgres://localhost/x                           | prefer
            postgresql://127.0.0.1:6000/x                    | prefer
            jdbc:postgresql://[::1]/x                        | prefer
            postgres://db.internal/x                         | verify-full
            postgres://localhost,db.internal/x               | verify-full
            postgres://db.internal/x?sslmode=require         | require
            """)
    void aDatabaseElsewhereIsReachedByTlsThatIsCheckedUnlessItsUrlSaysOtherwise(String url, String tls) {
        DatabaseSettings store = Config.in(folder)
                .file("database: {url: \"" + url + "\"}")
                .settings()
                .database();

        assertThat(store)
                .isInstanceOfSatisfying(
                        DatabaseSettings.Postgres.class,
                        postgres -> assertThat(postgres.tls().word()).isEqualTo(tls));
    }

    private static List<ModelSettings> everyModel() {
        Abilities thousand = new Abilities(1000, 999, Set.of(), Set.of(), Set.of(), Set.of());
        Abilities twoThousand = new Abilities(2000, 1999, Set.of(), Set.of(), Set.of(), Set.of());
        ModelSettings first = new ModelSettings(
                "gpt-5.5",
                List.of(new CaseSettings(
                        "",
                        Condition.ALWAYS,
                        null,
                        List.of(
                                List.of(new RankedTarget(new TargetSettings("azure", "my-deployment"), 1, thousand)),
                                List.of(new RankedTarget(new TargetSettings("azure", "second one"), 1, thousand))),
                        Choose.STICKY,
                        Anchor.CONVERSATION)),
                List.of("auto"),
                Profile.EXACT,
                1000,
                999,
                new Policy(
                        5,
                        Duration.ofMillis(100),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(20),
                        true,
                        Duration.ofSeconds(90),
                        Duration.ofSeconds(8),
                        false,
                        new Policy.Hedge(2.5, 1_000_000_000),
                        Policy.BrokenStream.END,
                        true));
        Policy other = new Policy(
                1,
                Duration.ofSeconds(1),
                Duration.ofSeconds(20),
                Duration.ofSeconds(30),
                true,
                Duration.ofSeconds(80),
                null,
                true,
                null,
                Policy.BrokenStream.END,
                true);
        Abilities some =
                new Abilities(9, 8, Set.of(Skill.TOOLS), Set.of(Skill.IMAGES), Set.of("low", "high"), Set.of());
        ModelSettings second = new ModelSettings(
                "auto",
                List.of(new CaseSettings(
                        "hard",
                        new Condition(List.of(
                                new Term.Said(Property.COMPLEXITY, Set.of("critical"), false),
                                new Term.Said(Property.STREAM, Set.of("true"), true))),
                        new Share(20, Anchor.END_USER),
                        List.of(
                                List.of(
                                        new RankedTarget(new TargetSettings("azure", "a"), 1, twoThousand),
                                        new RankedTarget(new TargetSettings("azure", "b"), 3, some)),
                                List.of(new RankedTarget(new TargetSettings("azure", "c"), 1, twoThousand))),
                        Choose.STICKY,
                        Anchor.KEY)),
                List.of("last"),
                Profile.SAMPLING,
                2000,
                1999,
                other);
        ModelSettings third = new ModelSettings(
                "last",
                List.of(new CaseSettings(
                        "",
                        Condition.ALWAYS,
                        null,
                        List.of(List.of(new RankedTarget(new TargetSettings("azure", "last"), 1, twoThousand))),
                        Choose.STICKY,
                        Anchor.ORGANIZATION)),
                List.of(),
                Profile.SAMPLING,
                2000,
                1999,
                new Policy(
                        other.attempts(),
                        other.firstWait(),
                        other.longestWait(),
                        other.retryTotal(),
                        true,
                        other.deadline(),
                        Duration.ofSeconds(1),
                        false,
                        null,
                        Policy.BrokenStream.END,
                        true));
        return List.of(first, second, third);
    }

    private static ModelSettings simulated(String name, long context, long maxOutput) {
        return new ModelSettings(
                name, List.of(new TargetSettings("simulator", name)), Profile.AUTO, context, maxOutput, Policy.USUAL);
    }

    @Test
    void oneKeyMayStandForAListOfOne() {
        ProviderSettings provider =
                Config.in(folder).file("""
                        providers: {a: {base-url: https://a.example.com/v1, keys: {name: blue, key: sk-1, weight: 7}},
                                    b: {base-url: https://b.example.com/v1, keys: sk-2}}
                        models: {m: b}
                        """).settings().providers().getFirst();

        assertThat(provider.keys()).containsExactly(new ProviderSettings.Key("blue", "sk-1", 7));
        assertThat(provider.credential()).isEqualTo("sk-1");
        assertThat(provider.toString() + provider.keys()).doesNotContain("sk-1");
    }

    @Test
    void everyKeyCanBeSet() {
        Loaded.Good good = EveryKey.in(folder).good();

        ProviderSettings azure = new ProviderSettings(
                "azure",
                URI.create("https://example.openai.azure.com:8443/openai/v1"),
                ProviderSettings.Auth.API_KEY,
                List.of(new ProviderSettings.Key("", "azure-secret-1", 1)),
                Map.of("x-team", "blue", "X-Trace", "a: b # c"),
                Map.of("api-version", "preview", "odd name", "ü & z"),
                new ClientSettings(
                        "azure",
                        "example.openai.azure.com",
                        8443,
                        true,
                        ClientSettings.Version.HTTP_2,
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(10),
                        10,
                        Duration.ZERO,
                        0,
                        true,
                        throughProxy(),
                        new ClientSettings.Certificates(
                                Pem.of("authority.test").certificate(),
                                Pem.of("settings.test").certificate(),
                                Pem.of("settings.test").key(),
                                "api.example.com")),
                new ProviderSettings.Timeouts(
                        Duration.ofMinutes(2), Duration.ofSeconds(15), Duration.ofSeconds(30), Duration.ofHours(1)),
                List.of("eu", "eu-west"),
                Prefill.PREFIX);
        ProviderSettings several = good.settings().providers().getLast();
        assertThat(several.keys())
                .containsExactly(
                        new ProviderSettings.Key("first", "several-secret-1", 3),
                        new ProviderSettings.Key("key-2", "several-secret-2", 1));
        assertThat(several.regions()).containsExactly("us");
        assertThat(good.settings())
                .isEqualTo(new Settings(
                        3,
                        new ServerSettings(
                                "0.0.0.0",
                                9000,
                                new ServerSettings.Tls(
                                        folder.resolve("tls/certificate.pem"), folder.resolve("tls/key.pem")),
                                32_768,
                                1_073_741_824,
                                Duration.ofSeconds(5),
                                Duration.ofMillis(1500),
                                Duration.ofMinutes(2),
                                5000,
                                new Front(
                                        Stream.of("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")
                                                .map(Network::parse)
                                                .toList(),
                                        true,
                                        Front.Field.FORWARDED,
                                        true),
                                new ServerSettings.UnixSocket(folder.resolve("run/lockkeeper.sock"), 0600)),
                        new DrainSettings(Duration.ofSeconds(5), Duration.ZERO),
                        new DoorSettings(List.of("https://app.example.com", "http://localhost:3000")),
                        new AdminSettings("::1", 9001, List.of("gateway.internal", "ops")),
                        folder.resolve("elsewhere/data"),
                        new DatabaseSettings.Postgres(
                                List.of(
                                        new DatabaseSettings.Server("db1.internal", 5432),
                                        new DatabaseSettings.Server("db2.internal", 6432)),
                                "gate way",
                                "lockkeeper",
                                "database-secret-1",
                                "gateway",
                                20,
                                Duration.ofSeconds(2),
                                Duration.ofMinutes(5),
                                DatabaseSettings.Tls.VERIFY_FULL,
                                folder.resolve("tls/ca.pem")),
                        new RelaySettings(
                                Duration.ZERO,
                                Duration.ofMillis(20),
                                1_000_000,
                                (1L << 30) / 100 * 40,
                                700,
                                Path.of("/var/tmp/spill"),
                                1_048_576,
                                200_000,
                                true,
                                new EndUsers("pepper"),
                                new FairSettings(Set.of("azure"), Duration.ofSeconds(3), Map.of("org_default", 5)),
                                new LaterSettings(
                                        Duration.ofSeconds(2),
                                        Duration.ofMinutes(5),
                                        Duration.ofHours(12),
                                        Duration.ofHours(30),
                                        10_000),
                                new ResumeSettings(Duration.ofSeconds(90), 65_536, 33_554_432)),
                        new RepeatSettings(
                                Duration.ofHours(12),
                                Duration.ofMinutes(1),
                                1_048_576,
                                2_147_483_648L,
                                "idempotency-secret-of-32-letters-or-more"),
                        new LedgerSettings(
                                5_000,
                                1_073_741_824,
                                1_048_576,
                                Duration.ofMillis(10),
                                LedgerSettings.WithoutDatabase.ALLOW),
                        new LogSettings(false, "json", "debug", LogSettings.Client.NETWORK),
                        List.of(azure, several),
                        everyModel(),
                        prices(),
                        new AlertSettings(
                                URI.create("https://hooks.internal:8443/lockkeeper?team=blue"),
                                "webhook-secret-1",
                                true,
                                throughProxy()),
                        false,
                        false,
                        Map.of(
                                "azure",
                                new HealthSettings(
                                        new HealthSettings.Breaker(
                                                Duration.ofSeconds(20),
                                                5,
                                                60,
                                                90,
                                                Duration.ofSeconds(20),
                                                Duration.ofMillis(500),
                                                1),
                                        new HealthSettings.Concurrency(2, 50, 10, Duration.ofSeconds(1)),
                                        15,
                                        Duration.ofSeconds(30)))));
        assertThat(good.effective().entries())
                .as("a key that this file leaves at its default")
                .noneMatch(entry ->
                        entry.origin().startsWith("default") && !entry.path().contains("several"));
    }

    private static ClientSettings.Proxy throughProxy() {
        return new ClientSettings.Proxy(
                "proxy.internal",
                3129,
                true,
                "Basic bWU6cHJveHktc2VjcmV0LTE=", // me:proxy-secret-1
                Pem.of("authority.test").certificate());
    }

    private static PricesSettings prices() {
        PriceSettings deployment = new PriceSettings(
                Instant.parse("2026-10-01T00:00:00Z").toEpochMilli(),
                Instant.parse("2027-01-01T00:00:00Z").toEpochMilli(),
                Map.of(
                        Rate.INPUT, 2_500_000_000L,
                        Rate.CACHED_INPUT, 250_000_000L,
                        Rate.OUTPUT, 15_000_000_000L,
                        Rate.AUDIO_MINUTE, 6_000_000L,
                        Rate.IMAGE, 40_000_000L,
                        Rate.REQUEST, 0L),
                272_000,
                Map.of(Rate.INPUT, 5_000_000_000L, Rate.OUTPUT, 22_500_000_000L),
                Map.of(
                        Tier.BATCH, new PriceSettings.Tariff(50, Map.of()),
                        Tier.FLEX, new PriceSettings.Tariff(40, Map.of(Rate.OUTPUT, 6_000_000_000L))),
                "");
        PriceSettings listed = Objects.requireNonNull(
                        Objects.requireNonNull(Shipped.prices().get("openai"))
                                .models()
                                .get("gpt-5.5"))
                .getLast();
        PriceSettings like = new PriceSettings(
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                listed.rates(),
                listed.longOver(),
                listed.longRates(),
                listed.tiers(),
                listed.source());
        PriceSettings later = new PriceSettings(
                Instant.parse("2027-01-01T00:00:00Z").toEpochMilli(),
                Long.MAX_VALUE,
                Map.of(Rate.INPUT, 1_000_000_000L, Rate.OUTPUT, 2_000_000_000L),
                Long.MAX_VALUE,
                Map.of(),
                Map.of(),
                "");
        return new PricesSettings(
                Map.of(
                        "azure",
                        new PriceList(
                                Map.of("my-deployment", List.of(deployment), "second one", List.of(like, later)),
                                Map.of(
                                        Rate.WEB_SEARCH, 10_000_000L,
                                        Rate.CONTAINER, 30_000_000L,
                                        Rate.TOOL_IMAGE_OUTPUT, 40_000_000_000L))),
                PriceSettings.always(Map.of(
                        Rate.INPUT, 30_000_000_000L,
                        Rate.OUTPUT, 180_000_000_000L,
                        Rate.AUDIO_MINUTE, 1_000_000_000L,
                        Rate.IMAGE, 500_000_000L,
                        Rate.REQUEST, 10_000_000L)));
    }

    @Test
    void anEmptyFileSaysNothing() {
        Settings none = Config.in(folder).settings();

        assertThat(Config.in(folder).file("# nothing yet\nserver:\n").settings())
                .isEqualTo(none);
    }

    @Test
    void withOpenAisKeyOpenAisModelsAreOffered() {
        Loaded.Good good =
                Config.in(folder).with(Map.of("OPENAI_API_KEY", "sk-one")).good();

        assertThat(good.settings().simulated()).isFalse();
        ProviderSettings openai = good.settings().providers().getFirst();
        assertThat(openai.name()).isEqualTo("openai");
        assertThat(openai.baseUrl()).isEqualTo(URI.create("https://api.openai.com/v1"));
        assertThat(openai.auth()).isEqualTo(ProviderSettings.Auth.BEARER);
        assertThat(openai.credential()).isEqualTo("sk-one");
        assertThat(openai.connection().tls()).isTrue();
        assertThat(openai.connection().port()).isEqualTo(443);
        assertThat(openai.connection().privateAddresses()).isFalse();
        assertThat(good.settings().models())
                .extracting(ModelSettings::name)
                .contains("gpt-5.5", "gpt-4o-mini", "o3", "text-embedding-3-large", "whisper-1")
                .noneMatch(name -> name.startsWith("claude"));
        assertThat(good.notes())
                .containsExactly(
                        "OPENAI_API_KEY is set, so OpenAI's models are offered through https://api.openai.com/v1.");
    }

    @Test
    void openAisBaseUrlIsHonouredAlsoWhenItIsPrivate() {
        ProviderSettings openai = Config.in(folder)
                .with(Map.of("OPENAI_API_KEY", "sk-one", "OPENAI_BASE_URL", "http://127.0.0.1:9999/v1/"))
                .settings()
                .providers()
                .getFirst();

        assertThat(openai.baseUrl()).isEqualTo(URI.create("http://127.0.0.1:9999/v1"));
        assertThat(openai.connection().port()).isEqualTo(9999);
        assertThat(openai.connection().tls()).isFalse();
        assertThat(openai.connection().privateAddresses()).isTrue();
    }

    @Test
    void anEmptyKeyIsNoKey() {
        assertThat(Config.in(folder)
                        .with(Map.of("OPENAI_API_KEY", ""))
                        .settings()
                        .simulated())
                .isTrue();
    }

    @Test
    void providersOfTheFileTakeThePlaceOfTheDefaultOnes() {
        Settings settings = Config.in(folder)
                .with(Map.of("OPENAI_API_KEY", "sk-one"))
                .file("""
                        providers: {mine: {base-url: https://llm.example.com/v1, auth: none}}
                        models: {a: mine}
                        """)
                .settings();

        assertThat(settings.providers()).extracting(ProviderSettings::name).containsExactly("mine");
        assertThat(settings.models()).extracting(ModelSettings::name).containsExactly("a");
        assertThat(settings.simulated()).isFalse();
    }

    @Test
    void modelsOfTheFileUseTheDefaultProvider() {
        Config config = Config.in(folder).file("models: {mine: simulator/gpt-4o}");

        assertThat(config.settings().models())
                .containsExactly(new ModelSettings(
                        "mine",
                        List.of(new TargetSettings("simulator", "gpt-4o")),
                        Profile.AUTO,
                        128_000,
                        16_384,
                        Policy.USUAL));
    }

    @Test
    void theSimulatorCanStandBesideOthers() {
        Settings settings = Config.in(folder).file("""
                        providers:
                          simulator:
                          mine: {base-url: https://llm.example.com/v1, auth: none}
                        models: {a: mine, b: simulator}
                        """).settings();

        assertThat(settings.simulated()).isTrue();
        assertThat(settings.providers()).extracting(ProviderSettings::name).containsExactly("simulator", "mine");
    }

    @Test
    void theShortFormsOfAModelSayTheSameAsTheLongOne() {
        String providers = """
                providers:
                  one: {base-url: https://one.example.com/v1, auth: none}
                  two: {base-url: https://two.example.com/v1, auth: none}
                models:
                """;
        List<TargetSettings> both = List.of(new TargetSettings("one", "gpt-4o"), new TargetSettings("two", "vendor/x"));

        for (String model : List.of(
                "  gpt-4o: [one, two/vendor/x]",
                "  gpt-4o: {targets: [one/gpt-4o, two/vendor/x]}",
                "  gpt-4o: {targets: [{provider: one, model: gpt-4o}, {provider: two, model: vendor/x}]}")) {
            assertThat(Config.in(folder)
                            .file(providers + model)
                            .settings()
                            .models()
                            .getFirst()
                            .targets())
                    .as(model)
                    .isEqualTo(both);
        }
    }

    @Test
    void theCommandLineBeatsTheEnvironmentWhichBeatsTheFile() {
        Config config = Config.in(folder).file("""
                server: {port: 1001, host: 127.0.0.1}
                admin: {port: 2001}
                data: three
                """);
        Map<String, String> environment = Map.of(
                "LOCKKEEPER_HOST", "127.0.0.2",
                "LOCKKEEPER_PORT", "1002",
                "LOCKKEEPER_ADMIN_HOST", "127.0.0.3",
                "LOCKKEEPER_ADMIN_PORT", "2002",
                "LOCKKEEPER_DATA", "three-of-environment");

        assertThat(config.settings().server().port()).isEqualTo(1001);

        Settings byEnvironment = config.with(environment).settings();
        assertThat(byEnvironment.server().host()).isEqualTo("127.0.0.2");
        assertThat(byEnvironment.server().port()).isEqualTo(1002);
        assertThat(byEnvironment.admin().host()).isEqualTo("127.0.0.3");
        assertThat(byEnvironment.admin().port()).isEqualTo(2002);
        assertThat(byEnvironment.data()).isEqualTo(folder.resolve("three-of-environment"));

        Settings byCommandLine = config.with(environment)
                .with(new Overrides("127.0.0.9", 1003, 2003, Path.of("three-of-command-line")))
                .settings();
        assertThat(byCommandLine.server().host()).isEqualTo("127.0.0.9");
        assertThat(byCommandLine.server().port()).isEqualTo(1003);
        assertThat(byCommandLine.admin().port()).isEqualTo(2003);
        assertThat(byCommandLine.data()).isEqualTo(folder.resolve("three-of-command-line"));
        assertThat(byCommandLine.relay().spill()).isEqualTo(folder.resolve("three-of-command-line/spill"));
    }

    @Test
    void theNamedFileBeatsTheVariableWhichBeatsTheFileInTheWorkingDirectory() {
        Config config = Config.in(folder)
                .file("server: {port: 1}")
                .file("named.yaml", "server: {port: 2}")
                .file("etc/variable.yaml", "server: {port: 3}");
        Config variable = config.with(Map.of("LOCKKEEPER_CONFIG", "etc/variable.yaml"));

        assertThat(config.settings().server().port()).isEqualTo(1);
        assertThat(variable.settings().server().port()).isEqualTo(3);
        assertThat(((Loaded.Good) variable.load(Path.of("named.yaml")))
                        .settings()
                        .server()
                        .port())
                .isEqualTo(2);
    }

    @Test
    void pathsInTheFileStartAtItsFolderAndOthersAtTheWorkingDirectory() {
        Config config = Config.in(folder)
                .file("etc/lockkeeper.yaml", "data: ../store\nlimits: {spill: tmp}\n")
                .with(Map.of("LOCKKEEPER_CONFIG", "etc/lockkeeper.yaml"));

        assertThat(config.settings().data()).isEqualTo(folder.resolve("store"));
        assertThat(config.settings().relay().spill()).isEqualTo(folder.resolve("etc/tmp"));
        assertThat(config.with(new Overrides(null, null, null, Path.of("here")))
                        .settings()
                        .data())
                .isEqualTo(folder.resolve("here"));
    }

    @Test
    void valuesAreFilledInFromEnvironmentAndFiles() {
        Settings settings = Config.in(folder)
                .with(Map.of("HOST_NAME", "llm.example.com", "EMPTY", ""))
                .file("secret", "from-a-file\n")
                .file("""
                        server: {port: "${PORT:-7000}"}
                        providers:
                          a:
                            base-url: https://${HOST_NAME}/${EMPTY:-v1}
                            api-key: ${file:secret}
                            headers: {x-a: "1${EMPTY}2", x-b: "$${HOST_NAME}"}
                        models: {m: a}
                        """)
                .settings();

        ProviderSettings provider = settings.providers().getFirst();
        assertThat(settings.server().port()).isEqualTo(7000);
        assertThat(provider.baseUrl()).hasToString("https://llm.example.com/v1");
        assertThat(provider.credential()).isEqualTo("from-a-file");
        assertThat(provider.headers()).containsEntry("x-a", "12").containsEntry("x-b", "${HOST_NAME}");
    }

    @Test
    void anAnchorCanBeUsedInSeveralPlaces() {
        Settings settings = Config.in(folder).file("""
                        providers:
                          a: {base-url: https://a.example.com/v1, auth: none, timeouts: &slow {first-byte: 5m}}
                          b: {base-url: https://b.example.com/v1, auth: none, timeouts: *slow}
                        models: {m: [a, b]}
                        """).settings();

        assertThat(settings.providers())
                .extracting(provider -> provider.timeouts().firstByte())
                .containsExactly(Duration.ofMinutes(5), Duration.ofMinutes(5));
    }

    @Test
    void whatIsWorthKnowingIsANote() {
        assertThat(Config.in(folder)
                        .with(Map.of(
                                "LOCKKEEPER_PROT", "1",
                                "LOCKKEEPER_PORT", "tcp://10.0.0.1:8080",
                                "LOCKKEEPER_SERVICE_HOST", "10.0.0.1"))
                        .file("""
                                admin: {host: 0.0.0.0}
                                limits: {bytes-in-flight: 32MiB}
                                providers:
                                  plain: {base-url: http://llm.example.com/v1, auth: none}
                                  near: {base-url: http://vllm:8000/v1, auth: none}
                                  idle: {base-url: https://llm.example.com/v1, auth: none}
                                models: {m: [plain, near]}
                                """)
                        .good()
                        .notes())
                .containsExactly(
                        "LOCKKEEPER_PORT is ignored: Kubernetes sets it for a Service of that name. Set server.port in"
                                + " the file, or enableServiceLinks: false in the pod.",
                        "LOCKKEEPER_PROT sets nothing; did you mean LOCKKEEPER_PORT?",
                        "admin.host is 0.0.0.0, so other machines reach the admin port. It speaks plain HTTP: keep it"
                                + " inside your network.",
                        "limits.bytes-in-flight is 32MiB and server.max-request-body is 64MiB: a JSON body between the"
                                + " two is answered 503.",
                        "providers.plain.base-url: http://llm.example.com/v1 is plain http, so key and prompts can be"
                                + " read on the way. Write https if the server speaks it.",
                        "providers.near.base-url: vllm sounds like a host of your own network. Calls to a private"
                                + " address are refused; if it has one, write private-addresses: true.",
                        "providers.idle serves no model.");
    }

    @Test
    void whatIsKnownOfAModelIsFilledInAndWhatIsWrittenWins() {
        List<ModelSettings> models = Config.in(folder).file("""
                        providers: {a: {base-url: https://a.example.com/v1, auth: none}}
                        models:
                          known: a/gpt-4o-2024-11-20
                          vendored: a/anthropic/claude-haiku-4-5
                          written: {targets: [a/gpt-4o], max-output: 7}
                          unknown: a/my-own
                        """).settings().models();

        assertThat(models).extracting(ModelSettings::context).containsExactly(128_000L, 200_000L, 128_000L, 0L);
        assertThat(models).extracting(ModelSettings::maxOutput).containsExactly(16_384L, 64_000L, 7L, 0L);
    }

    @Test
    void anIpv6AddressIsAHost() {
        ClientSettings connection =
                Config.in(folder).file("""
                        providers: {a: {base-url: "http://[::1]:8000/v1", auth: none, private-addresses: true}}
                        models: {m: a}
                        """).settings().providers().getFirst().connection();

        assertThat(connection.host()).isEqualTo("::1");
        assertThat(connection.port()).isEqualTo(8000);
    }

    @Test
    void aSharedDatabaseWithoutASecretForItsReplaysAndAShortSecretAreTold() {
        assertThat(Config.in(folder)
                        .file("database: {url: postgres://db.internal/x}\n")
                        .good()
                        .notes())
                .singleElement()
                .asString()
                .contains("idempotency.secret is not set");
        assertThat(Config.in(folder)
                        .file("idempotency: {secret: short-secret}\n")
                        .good()
                        .notes())
                .singleElement()
                .asString()
                .contains("idempotency.secret is shorter than 32")
                .doesNotContain("short-secret");
    }
}
