package dev.lockkeeper.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class KeysTest {
    private static final Clock CLOCK = Clock.fixed(Instant.ofEpochMilli(1_234_567_890_123L), ZoneOffset.UTC);

    @Parameter
    Stores store = Stores.SQLITE;

    private static final Actor WHO = Actor.folder("test");
    private static final String HERE = "127.0.0.1";

    @TempDir
    Path temp;

    private Database database;
    private Access access;
    private Keys keys;

    @BeforeEach
    void open() throws Exception {
        database = store.open(temp);
        access = Access.open(database, CLOCK, new SecureRandom(), System::nanoTime);
        keys = access.keys();
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void aNewKeyIsFoundAtOnceWithWhatItMay() {
        Created created = create("ci", "default", KeyKind.LIVE, List.of("gpt-5.5", "gpt-4o"));

        assertThat(created.text()).matches("lk-live-[0-9A-Za-z]{49}");
        assertThat(find(created.text()))
                .isEqualTo(new Caller(
                        created.key().id(),
                        "proj_default",
                        "default",
                        "org_default",
                        Set.of("gpt-5.5", "gpt-4o"),
                        KeyKind.LIVE,
                        HostedTools.ALL,
                        Set.of(),
                        List.of(),
                        "",
                        Set.of()));
        assertThat(known(created.text()).mayUse("gpt-4o")).isTrue();
        assertThat(known(created.text()).mayUse("gpt-4")).isFalse();
        assertThat(created.key().createdMillis()).isEqualTo(CLOCK.millis());
        assertThat(created.text()).endsWith(created.key().last4());
    }

    @Test
    void aKeyWithoutAListMayUseEveryModel() {
        Created created = create("ci", "default", KeyKind.TEST, List.of());
        assertThat(created.text()).startsWith("lk-test-");
        assertThat(known(created.text()).mayUse("anything")).isTrue();
    }

    @Test
    void anUnknownProjectIsMadeOnce() {
        Created first = create("a", "search", KeyKind.LIVE, List.of());
        Created second = create("b", "search", KeyKind.LIVE, List.of());

        assertThat(first.newProject()).isTrue();
        assertThat(second.newProject()).isFalse();
        assertThat(second.key().projectId()).isEqualTo(first.key().projectId()).startsWith("proj_");
        assertThat(access.tenants().projects(null, Page.FIRST).elements())
                .extracting(Project::name)
                .containsExactly("default", "search");
        assertThat(access.tenants().projects(null, Page.FIRST).elements())
                .extracting(Project::keys)
                .containsExactly(0, 2);
    }

    @Test
    void whatIsNoKeyIsSimplyUnknown() {
        String text = create("a", "default", KeyKind.LIVE, List.of()).text();
        for (String wrong : List.of(
                "",
                " ",
                "lk-live-",
                text + "x",
                text + " ",
                text.substring(0, text.length() - 1),
                text.toUpperCase(java.util.Locale.ROOT),
                "lk-test-" + text.substring(8),
                "sk-abc",
                "ünïcödé \ud800",
                "x".repeat(1_000_000),
                text + "x".repeat(300))) {
            assertThat(find(wrong)).isNull();
        }
        assertThat(find(text)).isNotNull();
    }

    @Test
    void rotatingGivesANewTextToTheSameKeyAndStopsTheOldOne() {
        Created old = create("a", "default", KeyKind.TEST, List.of("m"));
        Created renewed = Objects.requireNonNull(keys.rotate(WHO, old.key().id(), Duration.ZERO));

        assertThat(renewed.text()).startsWith("lk-test-").isNotEqualTo(old.text());
        assertThat(renewed.key().id()).isEqualTo(old.key().id());
        assertThat(renewed.key().replacedMillis()).isEqualTo(CLOCK.millis());
        assertThat(find(old.text())).isNull();
        assertThat(find(renewed.text())).isNotNull();
    }

    @Test
    void aRevokedKeyStopsAtOnceAndForGood() {
        Created created = create("a", "default", KeyKind.LIVE, List.of());
        String id = created.key().id();

        assertThat(keys.revoke(WHO, id)).isNotNull();
        assertThat(find(created.text())).isNull();
        assertThat(keys.rotate(WHO, id, Duration.ZERO)).isNull();
        assertThat(keys.revoke(WHO, id)).as("again").isNotNull();
        assertThat(keys.list(null, null, Page.FIRST).elements())
                .singleElement()
                .satisfies(key -> assertThat(key.revokedMillis()).isEqualTo(CLOCK.millis()));
    }

    @Test
    void anUnknownIdCanBeNeitherRotatedNorRevoked() {
        assertThat(keys.rotate(WHO, "key_nobody", Duration.ZERO)).isNull();
        assertThat(keys.revoke(WHO, "key_nobody")).isNull();
    }

    @Test
    void keysSurviveARestartAndRevokedOnesStayRevoked() throws Exception {
        Created works = create("a", "p", KeyKind.LIVE, List.of("m"));
        Created revoked = create("b", "p", KeyKind.LIVE, List.of());
        keys.revoke(WHO, revoked.key().id());
        Caller before = find(works.text());
        database.close();
        open();

        assertThat(find(works.text())).isEqualTo(before);
        assertThat(find(revoked.text())).isNull();
        assertThat(keys.list(null, null, Page.FIRST).elements())
                .extracting(KeyInfo::name)
                .containsExactlyInAnyOrder("a", "b");
    }

    @Test
    void theTextIsInNoFileAndInNoToString() throws Exception {
        Created created = create("a", "default", KeyKind.LIVE, List.of());
        String secret = created.text().substring("lk-live-".length());
        database.close();
        try (Stream<Path> files = Files.list(temp)) {
            for (Path file : files.toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                        .doesNotContain(secret);
            }
        }
        assertThat(created.toString()).doesNotContain(secret);
        open();
    }

    @Test
    void namesThatCantBeAreRefusedWithTheReason() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> create("", "default", KeyKind.LIVE, List.of()))
                .withMessage("name: is empty (expected: 1 to 100 characters)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> create("a", "x".repeat(101), KeyKind.LIVE, List.of()))
                .withMessage("project: has 101 characters (expected: at most 100)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> create("a", "default", KeyKind.LIVE, List.of("a\nb")))
                .withMessage("models: has control characters (expected: none)");
        assertThat(keys.none()).isTrue();
    }

    @Test
    void manyChangesAtOnceLeaveMemoryAndDatabaseAlike() throws Exception {
        Set<String> texts = ConcurrentHashMap.newKeySet();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 50; i++) {
                int number = i;
                threads.execute(() -> {
                    Created created = create("k" + number, "p" + number % 7, KeyKind.LIVE, List.of());
                    if (number % 3 == 0) {
                        keys.revoke(WHO, created.key().id());
                    } else {
                        Created renewed = Objects.requireNonNull(
                                keys.rotate(WHO, created.key().id(), Duration.ZERO));
                        assertThat(find(renewed.text())).isNotNull();
                        texts.add(renewed.text());
                    }
                });
            }
        }
        assertThat(texts).hasSize(33).allMatch(text -> find(text) != null);
        assertThat(access.tenants().projects(null, Page.FIRST).elements()).hasSize(8);
        Keys fresh = Access.open(database, CLOCK, new SecureRandom(), System::nanoTime)
                .keys();
        assertThat(texts).allMatch(text -> Objects.equals(fresh.find(text, HERE), keys.find(text, HERE)));
    }

    private Created create(String name, String project, KeyKind kind, List<String> models) {
        return keys.create(WHO, name, project, kind, KeyTerms.FREE.forModels(models));
    }

    private @Nullable Caller find(String text) {
        return keys.find(text, HERE) instanceof Presented.Known(Caller caller) ? caller : null;
    }

    private Caller known(String text) {
        return Objects.requireNonNull(find(text));
    }
}
