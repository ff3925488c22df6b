package dev.lockkeeper.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

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
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class AccessTest {
    private static final Actor WHO = Actor.folder("test");
    private static final String HERE = "192.0.2.7";

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private final AtomicLong now = new AtomicLong(1_800_000_000_000L);
    private final AtomicLong nanos = new AtomicLong();
    private final Clock clock = ((InstantSource) () -> Instant.ofEpochMilli(now.get())).withZone(ZoneOffset.UTC);

    private Database database;
    private Access access;

    @BeforeEach
    void open() throws Exception {
        database = store.open(temp);
        access = Access.open(database, clock, new SecureRandom(), nanos::get);
    }

    @AfterEach
    void close() {
        access.close();
        database.close();
    }

    // Tenants

    @Test
    void aClosedOrRevokedTenantRefusesItsKeysAtOnceAndAnOpenedOneTakesThemAgain() {
        access.tenants().createOrganization(WHO, "Acme", 250, List.of());
        Created key = access.keys().create(WHO, "k", "Acme", "web", KeyKind.LIVE, KeyTerms.FREE);
        String project = key.key().projectId();
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);

        access.tenants().projectBecomes(WHO, project, TenantState.CLOSED);
        assertThat(found(key.text())).isEqualTo(Presented.Refused.PROJECT_CLOSED);
        access.tenants().projectBecomes(WHO, project, TenantState.OPEN);
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);

        access.tenants().organizationBecomes(WHO, "Acme", TenantState.REVOKED);
        assertThat(found(key.text())).isEqualTo(Presented.Refused.ORGANIZATION_CLOSED);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> access.tenants().organizationBecomes(WHO, "Acme", TenantState.OPEN))
                .withMessageContaining("revoked, which is for good");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> access.keys().create(WHO, "k", "Acme", "web", KeyKind.LIVE, KeyTerms.FREE))
                .withMessageContaining("closed or revoked");
    }

    @Test
    void whatIsInUseIsNotDeleted() {
        Organization acme = access.tenants().createOrganization(WHO, "Acme", 0, List.of());
        Created key = access.keys().create(WHO, "k", acme.id(), "web", KeyKind.LIVE, KeyTerms.FREE);
        String project = key.key().projectId();
        assertThat(access.tenants().deleteOrganization(WHO, "Acme")).isEqualTo(Tenants.Deleted.IN_USE);
        assertThat(access.tenants().deleteProject(WHO, project)).isEqualTo(Tenants.Deleted.IN_USE);
        assertThat(access.tenants().deleteProject(WHO, "proj_default")).isEqualTo(Tenants.Deleted.IN_USE);
        assertThat(access.tenants().deleteOrganization(WHO, "org_default")).isEqualTo(Tenants.Deleted.IN_USE);

        access.keys().revoke(WHO, key.key().id());
        assertThat(access.tenants().deleteProject(WHO, project)).isEqualTo(Tenants.Deleted.DONE);
        assertThat(access.tenants().deleteOrganization(WHO, "Acme")).isEqualTo(Tenants.Deleted.DONE);
        assertThat(access.tenants().deleteOrganization(WHO, "Acme")).isEqualTo(Tenants.Deleted.UNKNOWN);
        assertThat(access.keys().none()).isTrue();
    }

    @Test
    void tenantsThatCantBeAreRefusedWithFieldValueAndExpectation() {
        Tenants tenants = access.tenants();
        tenants.createOrganization(WHO, "Acme", 0, List.of());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.createOrganization(WHO, "Acme", 0, List.of()))
                .withMessage("name: Acme (expected: one that no other organization has)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.createOrganization(WHO, "Other", -10_001, List.of()))
                .withMessageStartingWith("markup_basis_points: -10001 (expected: -10000 to 100000");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.createProject(WHO, "nobody", "p", List.of(), List.of()))
                .withMessageStartingWith("organization: nobody (expected:");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.createProject(WHO, "org_default", "default", List.of(), List.of()))
                .withMessage("name: default (expected: one that no other project of the organization has)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.changeOrganization(WHO, "Acme", "default", null, null))
                .withMessageStartingWith("name: default");
    }

    @Test
    void ofTwoProjectsWithOneNameOnlyTheIdMeansOne() {
        access.tenants().createOrganization(WHO, "Acme", 0, List.of());
        Project here = access.tenants().createProject(WHO, "org_default", "web", List.of(), List.of());
        Project there = access.tenants().createProject(WHO, "Acme", "web", List.of("cheap"), List.of());
        assertThat(access.tenants().project("web")).isNull();
        assertThat(access.tenants().project(there.id())).isEqualTo(there);
        assertThat(access.tenants().projects("Acme", Page.FIRST).elements()).containsExactly(there);
        assertThat(access.tenants().projects("org_default", Page.FIRST).elements())
                .extracting(Project::id)
                .contains(here.id());
    }

    // Where calls may be answered

    @Test
    void aProjectIsBoundToItsRegionsElseToItsOrganizationsAndNoOtherIs() {
        access.tenants().createOrganization(WHO, "Acme", 0, List.of("eu", "us", "eu"));
        access.tenants().createProject(WHO, "Acme", "close", List.of(), List.of("eu"));
        Created here = access.keys().create(WHO, "k", "Acme", "close", KeyKind.LIVE, KeyTerms.FREE);
        Created beside = access.keys().create(WHO, "k", "Acme", "made with a key", KeyKind.LIVE, KeyTerms.FREE);
        Created elsewhere = key(KeyTerms.FREE);
        assertThat(regions(here)).containsExactly("eu");
        assertThat(regions(beside)).containsExactlyInAnyOrder("eu", "us");
        assertThat(regions(elsewhere)).isEmpty();

        access.tenants().changeOrganization(WHO, "Acme", null, null, List.of("eu"));
        assertThat(regions(beside)).as("at once").containsExactly("eu");
        access.tenants().changeProject(WHO, "close", null, null, List.of());
        access.tenants().changeOrganization(WHO, "Acme", null, null, List.of());
        assertThat(regions(here)).isEmpty();
        assertThat(access.audit()
                        .list(Long.MAX_VALUE, null, Page.FIRST)
                        .elements()
                        .getFirst()
                        .before())
                .contains("\"regions\":[\"eu\"]");
    }

    @Test
    void aProjectIsNeverBoundToWhatItsOrganizationIsNot() {
        Tenants tenants = access.tenants();
        tenants.createOrganization(WHO, "Acme", 0, List.of("eu", "ch"));
        tenants.createProject(WHO, "Acme", "web", List.of(), List.of("ch"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.createProject(WHO, "Acme", "x", List.of(), List.of("eu", "us")))
                .withMessage("regions: project x has eu, us, and its organization eu, ch (expected: some of the"
                        + " organization's)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.changeProject(WHO, "web", null, null, List.of("us")));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.changeOrganization(WHO, "Acme", null, null, List.of("eu")))
                .withMessage(
                        "regions: project web has ch, and its organization eu (expected: some of the organization's)");
        assertThat(Objects.requireNonNull(tenants.organization("Acme")).regions())
                .containsExactly("eu", "ch");
        for (String bad : List.of("", "EU", "eu west", "eu\nus", "x".repeat(64))) {
            assertThatIllegalArgumentException()
                    .as(bad)
                    .isThrownBy(() -> tenants.changeProject(WHO, "web", null, null, List.of(bad)))
                    .withMessageContaining("(expected: a label of a-z, 0-9 and -, such as eu)");
        }
        List<String> many = IntStream.range(0, 33).mapToObj(each -> "r" + each).toList();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tenants.changeOrganization(WHO, "default", null, null, many))
                .withMessage("regions: 33 labels (expected: at most 32)");
    }

    // Flags

    @Test
    void aFlagGoesForItsTenantAndTheNearestOneCounts() {
        Flags flags = access.flags();
        String acme =
                access.tenants().createOrganization(WHO, "Acme", 0, List.of()).id();
        String web = access.tenants()
                .createProject(WHO, "Acme", "web", List.of(), List.of())
                .id();
        assertThat(flags.basisPoints("auto", "new", acme, web)).isEqualTo(Flags.NONE);
        flags.set(WHO, "auto", "new", null, null, 500);
        flags.set(WHO, "auto", "new", "Acme", null, 0);
        Flag ofWeb = flags.set(WHO, "auto", "new", null, "web", Flags.ALL);
        assertThat(flags.basisPoints("auto", "new", "org_default", "proj_default"))
                .isEqualTo(500);
        assertThat(flags.basisPoints("auto", "new", acme, "proj_another")).isZero();
        assertThat(flags.basisPoints("auto", "new", acme, web)).isEqualTo(Flags.ALL);
        assertThat(flags.basisPoints("auto", "other", acme, web)).isEqualTo(Flags.NONE);
        assertThat(flags.basisPoints("mini", "new", acme, web)).isEqualTo(Flags.NONE);

        now.addAndGet(1_000);
        Flag changed = flags.set(Actor.folder("Ann"), "auto", "new", null, web, 250);
        assertThat(changed.id()).as("the same").isEqualTo(ofWeb.id());
        assertThat(changed.changedBy()).isEqualTo("Ann");
        assertThat(changed.changedMillis()).isEqualTo(now.get());
        assertThat(flags.basisPoints("auto", "new", acme, web)).isEqualTo(250);
        Audit.Row noted = access.audit()
                .list(Long.MAX_VALUE, changed.id(), Page.FIRST)
                .elements()
                .getFirst();
        assertThat(noted.action()).isEqualTo("flag.set");
        assertThat(noted.before()).contains("\"share_basis_points\":10000", "\"tenant\":\"web\"");
        assertThat(noted.after()).contains("\"share_basis_points\":250", "\"case\":\"new\"");

        assertThat(flags.list("auto", null, null, Page.FIRST).elements()).hasSize(3);
        assertThat(flags.list(null, "Acme", null, Page.FIRST).elements())
                .extracting(Flag::basisPoints)
                .containsExactly(0);
        assertThat(flags.list("none", null, null, Page.FIRST).elements()).isEmpty();
        flags.remove(WHO, changed.id());
        assertThat(flags.basisPoints("auto", "new", acme, web)).isZero();
        assertThat(flags.remove(WHO, changed.id())).as("again").isNull();
    }

    @Test
    void aTenantsFlagsGoWithIt() {
        Flags flags = access.flags();
        access.tenants().createOrganization(WHO, "Acme", 0, List.of());
        String web = access.tenants()
                .createProject(WHO, "Acme", "web", List.of(), List.of())
                .id();
        flags.set(WHO, "auto", "new", "Acme", null, 1);
        flags.set(WHO, "auto", "new", null, web, 2);
        access.tenants().deleteProject(WHO, web);
        assertThat(share(web)).isEqualTo(Flags.NONE);
        access.tenants().deleteOrganization(WHO, "Acme");
        assertThat(flags.list(null, null, null, Page.FIRST).elements()).isEmpty();
    }

    @Test
    void aFlagThatCantBeIsRefusedWithFieldValueAndExpectation() {
        Flags flags = access.flags();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> flags.set(WHO, "auto", "new", null, null, 10_001))
                .withMessage("share_basis_points: 10001 (expected: 0 to 10000; 500 is 5%)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> flags.set(WHO, "auto", " ", null, null, 1))
                .withMessageContaining("case: is empty");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> flags.set(WHO, "auto", "new", "nobody", null, 1))
                .withMessageContaining("organization: nobody (expected: the id or name");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> flags.set(WHO, "auto", "new", null, "nothing", 1))
                .withMessageContaining("project: nothing (expected: the id of one");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> flags.set(WHO, "auto", "new", "default", "default", 1))
                .withMessage("project: default beside organization default (expected: one of the two)");
        assertThat(flags.list(null, null, null, Page.FIRST).elements()).isEmpty();
    }

    private int share(String project) {
        return access.flags().basisPoints("auto", "new", "org_default", project);
    }

    private Set<String> regions(Created key) {
        return found(key.text()) instanceof Presented.Known(Caller caller) ? caller.regions() : Set.of("refused");
    }

    // Keys

    @Test
    void aTypoIsToldAsOneAndAnOldKeyWithoutChecksumStaysValid() {
        String text = key(KeyTerms.FREE).text();
        char last = text.charAt(20) == 'a' ? 'b' : 'a';
        assertThat(found(text.substring(0, 20) + last + text.substring(21))).isEqualTo(Presented.Refused.MISTYPED);
        assertThat(found(text.substring(0, text.length() - 1))).isEqualTo(Presented.Refused.MISTYPED);
        assertThat(found("lk-test-" + text.substring(8))).isEqualTo(Presented.Refused.MISTYPED);
        assertThat(found("sk-proj-whatever")).isEqualTo(Presented.Refused.UNKNOWN);

        String old = "lk-live-" + "a".repeat(43);
        assertThat(found(old)).isEqualTo(Presented.Refused.UNKNOWN);
        boolean _ = database.write(
                handle -> handle.createUpdate("INSERT INTO keys (id, project, name, kind, hash, last4, models, created)"
                                        + " VALUES ('key_old', 'proj_default', 'old', 'live', ?, 'aaaa', '', 0)")
                                .bind(0, Secrets.sha256(old))
                                .execute()
                        == 1,
                _ -> {});
        access.close();
        access = Access.open(database, clock, new SecureRandom(), nanos::get);
        assertThat(found(old)).isInstanceOf(Presented.Known.class);
    }

    @Test
    void aKeyEndsWhenItsTimeIsOverAndMoreTimeCanBeGiven() {
        Created key = key(new KeyTerms("", now.get() + 1_000, List.of(), HostedTools.ALL, List.of()));
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);
        now.addAndGet(1_000);
        assertThat(found(key.text())).isEqualTo(Presented.Refused.EXPIRED);

        // Its other terms can change while it is over.
        assertThat(access.keys().change(WHO, key.key().id(), "renamed", terms -> terms))
                .isNotNull();
        access.keys().change(WHO, key.key().id(), null, _ -> KeyTerms.FREE);
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> key(new KeyTerms("", now.get(), List.of(), HostedTools.ALL, List.of())))
                .withMessageStartingWith("expires_at: 2027-01-15T08:00:01Z (expected: a time to come");
    }

    @Test
    void aKeyIsUsedFromItsNetworksAlone() {
        Created key = key(new KeyTerms(
                "", null, List.of(), HostedTools.NONE, KeyTerms.networks(List.of("192.0.2.0/24", "2001:db8::/32"))));
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);
        assertThat(access.keys().find(key.text(), "198.51.100.1")).isEqualTo(Presented.Refused.ELSEWHERE);
        assertThat(access.keys().find(key.text(), "2001:db8::1")).isInstanceOf(Presented.Known.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyTerms.networks(List.of("10.0.0.1/8")))
                .withMessage("networks: 10.0.0.1/8 (expected: 10.0.0.0/8)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyTerms.networks(List.of("intern")))
                .withMessageContaining("such as 10.0.0.0/8");
    }

    @Test
    void bothTextsWorkDuringAnOverlapAndThenTheNewOneAlone() {
        Created first = key(KeyTerms.FREE);
        String id = first.key().id();
        Created second = rotated(id, Duration.ofMinutes(5));
        assertThat(found(first.text())).isEqualTo(found(second.text())).isInstanceOf(Presented.Known.class);
        assertThat(second.key().previousUntilMillis()).isEqualTo(now.get() + 300_000);

        now.addAndGet(300_000);
        assertThat(found(first.text())).isEqualTo(Presented.Refused.UNKNOWN);
        assertThat(found(second.text())).isInstanceOf(Presented.Known.class);

        Created third = rotated(id, Duration.ofMinutes(5));
        access.keys().revoke(WHO, id);
        assertThat(found(second.text())).as("in its overlap").isEqualTo(Presented.Refused.UNKNOWN);
        assertThat(found(third.text())).isEqualTo(Presented.Refused.UNKNOWN);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rotated(id, Duration.ofDays(8)))
                .withMessage("overlap_seconds: 691200 (expected: 0 to 604800, which is 7 days)");
    }

    @Test
    void whenAKeyWasLastUsedIsKnownAtOnceAndWrittenLater() {
        Created key = key(KeyTerms.FREE);
        String id = key.key().id();
        assertThat(info(id).usedMillis()).isNull();
        now.addAndGet(60_000);
        found(key.text());
        assertThat(info(id).usedMillis()).isEqualTo(now.get());
        assertThat(usedInTheDatabase(id)).isNull();

        access.writeUses();
        assertThat(usedInTheDatabase(id)).isEqualTo(now.get());
        now.addAndGet(10_000);
        found(key.text());
        access.close();
        assertThat(usedInTheDatabase(id)).as("at the end").isEqualTo(now.get());
    }

    // Other nodes

    @Test
    void regionsAndFlagsOfAnotherProcessAreHeard() {
        Created key = key(KeyTerms.FREE);
        try (Access other = Access.open(database, clock, new SecureRandom(), nanos::get)) {
            other.tenants().changeProject(WHO, "default", null, null, List.of("eu"));
            other.flags().set(WHO, "auto", "new", null, "default", 500);
            assertThat(regions(key)).as("not looked yet").isEmpty();
            assertThat(share("proj_default")).isEqualTo(Flags.NONE);
            access.look();
            assertThat(regions(key)).containsExactly("eu");
            assertThat(share("proj_default")).isEqualTo(500);

            other.tenants().changeProject(WHO, "default", null, null, List.of());
            Flag flag =
                    other.flags().list(null, null, null, Page.FIRST).elements().getFirst();
            other.flags().remove(WHO, flag.id());
            access.look();
            assertThat(regions(key)).isEmpty();
            assertThat(share("proj_default")).isEqualTo(Flags.NONE);
        }
        access.close();
        access = Access.open(database, clock, new SecureRandom(), nanos::get);
        access.flags().set(WHO, "auto", "new", "default", null, 1);
        try (Access later = Access.open(database, clock, new SecureRandom(), nanos::get)) {
            assertThat(later.flags().basisPoints("auto", "new", "org_default", "proj_x"))
                    .isEqualTo(1);
        }
    }

    @Test
    void aChangeOfAnotherProcessIsHeard() {
        Created key = key(KeyTerms.FREE);
        try (Access other = Access.open(database, clock, new SecureRandom(), nanos::get)) {
            other.keys().revoke(WHO, key.key().id());
            assertThat(found(key.text())).as("not looked yet").isInstanceOf(Presented.Known.class);
            access.look();
            assertThat(found(key.text())).isEqualTo(Presented.Refused.UNKNOWN);
        }
    }

    @Test
    void whatAnotherProcessHeardIsWhatItWouldReadAtAStart() {
        List<String> texts = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(3);
        try (Access other = Access.open(database, clock, new SecureRandom(), nanos::get)) {
            for (int i = 0; i < 6; i++) {
                access.tenants().createOrganization(WHO, "o" + i, 0, List.of());
            }
            Map<String, String> projects = new HashMap<>();
            for (int step = 0; step < 200; step++) {
                Access by = random.nextBoolean() ? access : other;
                int at = random.nextInt(6);
                String organization = "o" + at;
                String project = projects.getOrDefault("p" + at, "none");
                List<KeyInfo> keys = access.keys().list(null, null, Page.FIRST).elements();
                String key = keys.isEmpty()
                        ? ""
                        : keys.get(random.nextInt(keys.size())).id();
                List<String> regions = random.nextBoolean() ? List.of() : List.of("eu");
                switch (random.nextInt(14)) {
                    case 0, 1, 2 -> {
                        by.tenants().organizationBecomes(WHO, organization, TenantState.OPEN);
                        by.tenants().projectBecomes(WHO, project, TenantState.OPEN);
                        Created made = by.keys().create(WHO, "k", organization, "p" + at, KeyKind.LIVE, KeyTerms.FREE);
                        projects.put("p" + at, made.key().projectId());
                        texts.add(made.text());
                    }
                    case 3 -> {
                        Created renewed = by.keys().rotate(WHO, key, Duration.ofSeconds(at * 100L));
                        if (renewed != null) {
                            texts.add(renewed.text());
                        }
                    }
                    case 4 -> by.keys().revoke(WHO, key);
                    case 5 -> by.keys().change(WHO, key, "n" + step, terms -> terms);
                    case 6 -> by.tenants().projectBecomes(WHO, project, TenantState.CLOSED);
                    case 7 -> by.tenants().organizationBecomes(WHO, organization, TenantState.CLOSED);
                    case 8 -> by.tenants().changeProject(WHO, project, "p" + at, List.of("x" + step), null);
                    case 9 -> by.tenants().changeProject(WHO, project, null, null, regions);
                    case 10 ->
                        by.tenants()
                                .changeOrganization(
                                        WHO,
                                        organization,
                                        null,
                                        null,
                                        regions.isEmpty() ? regions : List.of("eu", "us"));
                    case 11 ->
                        by.flags().set(WHO, "m", "c" + at, random.nextBoolean() ? organization : null, null, step);
                    case 12 ->
                        by.flags().list(null, null, null, Page.FIRST).elements().stream()
                                .findFirst()
                                .ifPresent(each -> by.flags().remove(WHO, each.id()));
                    default -> by.audit().note(WHO, "budget.change", "bud_1", null, null);
                }
                if (random.nextInt(5) == 0) {
                    access.look();
                    other.look();
                    same(access, other, texts);
                }
            }
            access.look();
            other.look();
            try (Access fresh = Access.open(database, clock, new SecureRandom(), nanos::get)) {
                same(access, fresh, texts);
                same(other, fresh, texts);
            }
        }
        assertThat(texts).hasSizeGreaterThan(20);
    }

    private static void same(Access one, Access other, List<String> texts) {
        for (String text : texts) {
            Presented found = one.keys().find(text, HERE);
            assertThat(found).isEqualTo(other.keys().find(text, HERE));
            for (int i = 0; i < 6 && found instanceof Presented.Known(Caller caller); i++) {
                assertThat(one.flags().basisPoints("m", "c" + i, caller.organizationId(), caller.projectId()))
                        .isEqualTo(
                                other.flags().basisPoints("m", "c" + i, caller.organizationId(), caller.projectId()));
            }
        }
    }

    @Test
    void afterMoreChangesThanAreLookedAtOneByOneAndAfterAnotherHistoryAllIsReadAgain() {
        Created key = key(KeyTerms.FREE);
        try (Access other = Access.open(database, clock, new SecureRandom(), nanos::get)) {
            other.keys().revoke(WHO, key.key().id());
            boolean _ = database.write(
                    handle -> {
                        for (int i = 0; i < 1_100; i++) {
                            other.audit().append(handle, WHO, "budget.change", "bud_1", null, null);
                        }
                        return true;
                    },
                    _ -> {});
            access.look();
            assertThat(found(key.text())).isEqualTo(Presented.Refused.UNKNOWN);

            // Nobody here knows what such a change is about.
            Created another = key(KeyTerms.FREE);
            other.look();
            execute("UPDATE keys SET revoked = 1 WHERE id = '" + another.key().id() + "'");
            other.audit().note(WHO, "team.close", "team_1", null, null);
            access.look();
            assertThat(found(another.text())).isEqualTo(Presented.Refused.UNKNOWN);

            // An older copy was put back, and others have gone on from there.
            Created third = key(KeyTerms.FREE);
            execute(store == Stores.SQLITE ? "DROP TRIGGER audit_stays" : "DROP TRIGGER audit_stays ON audit");
            execute("UPDATE audit SET hash = 'another' WHERE seq = (SELECT max(seq) FROM audit)");
            execute("UPDATE keys SET revoked = 1 WHERE id = '" + third.key().id() + "'");
            other.audit().note(WHO, "budget.change", "bud_1", null, null);
            access.look();
            assertThat(found(third.text())).isEqualTo(Presented.Refused.UNKNOWN);
        }
    }

    @Test
    void onASharedDatabaseRevocationIsHeardWithinASecond() {
        if (store == Stores.SQLITE) {
            return; // one process alone has it
        }
        Created key = key(KeyTerms.FREE);
        try (Access other = Access.open(database, clock, new SecureRandom(), System::nanoTime)
                .watching()) {
            assertThat(other.keys().find(key.text(), HERE)).isInstanceOf(Presented.Known.class);
            access.keys().revoke(WHO, key.key().id());
            // A bound for a busy machine; what it is about is that somebody looks.
            await().atMost(10, TimeUnit.SECONDS)
                    .until(() -> other.keys().find(key.text(), HERE) == Presented.Refused.UNKNOWN);
        }
    }

    @Test
    void aNodeThatCantHearOnASharedDatabaseRefusesKeysAfterABound() {
        Created key = key(KeyTerms.FREE);
        String token = access.people()
                .createToken(WHO, "t", null, Set.of(Right.KEYS_READ), null)
                .text();
        nanos.addAndGet(Access.CLOSED_AFTER.toNanos());
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);
        nanos.addAndGet(1);
        boolean alone = store == Stores.SQLITE;
        if (alone) {
            assertThat(found(key.text())).isInstanceOf(Presented.Known.class);
            assertThat(access.people().find(token)).isNotNull();
        } else {
            assertThat(found(key.text())).isEqualTo(Presented.Refused.UNHEARD);
            assertThat(access.people().find(token)).isNull();
        }
        access.look();
        assertThat(found(key.text())).isInstanceOf(Presented.Known.class);
    }

    // People

    @Test
    void anInvitationWorksOnceAndInTime() {
        People people = access.people();
        People.Shown<Invitation> used = people.invite(WHO, "Ann", "ann@example.com", Role.DEVELOPER, People.INVITATION);
        People.Accepted ann = Objects.requireNonNull(people.accept(used.text()));
        assertThat(ann.person().role()).isEqualTo(Role.DEVELOPER);
        assertThat(people.accept(used.text())).as("again").isNull();

        People.Shown<Invitation> late = people.invite(WHO, "Bob", "b@example.com", Role.VIEWER, Duration.ofMinutes(1));
        now.addAndGet(60_000);
        assertThat(people.accept(late.text())).isNull();

        People.Shown<Invitation> back = people.invite(WHO, "Cy", "c@example.com", Role.VIEWER, People.INVITATION);
        assertThat(people.revokeInvitation(WHO, back.of().id())).isNotNull();
        assertThat(people.accept(back.text())).isNull();
        assertThat(people.revokeInvitation(WHO, used.of().id())).as("used").isNull();
        assertThat(people.people(Page.FIRST).elements())
                .extracting(Person::name)
                .containsExactly("Ann");
    }

    @Test
    void whatIsNoInvitationChangesNothing() {
        long before = access.memory().change();
        assertThat(access.people().accept("lk-invite-" + "x".repeat(49))).isNull();
        assertThat(access.memory().change()).isEqualTo(before);
    }

    @Test
    void ofManyWhoAcceptAnInvitationAtOnceOneIsHere() throws Exception {
        String text = access.people()
                .invite(WHO, "Ann", "ann@example.com", Role.VIEWER, People.INVITATION)
                .text();
        try (var many = Executors.newVirtualThreadPerTaskExecutor()) {
            var tries = Stream.generate(() -> many.submit(() -> access.people().accept(text) != null))
                    .limit(20)
                    .toList();
            int accepted = 0;
            for (var each : tries) {
                accepted += each.get(30, TimeUnit.SECONDS) ? 1 : 0;
            }
            assertThat(accepted).isEqualTo(1);
        }
        assertThat(access.people().people(Page.FIRST).elements()).hasSize(1);
    }

    @Test
    void nobodyInvitesToMoreThanTheyMay() {
        People people = access.people();
        Actor ci = actor(people.createToken(WHO, "ci", null, Set.of(Right.PEOPLE_WRITE, Right.KEYS_WRITE), null)
                .text());
        People.Accepted viewer = accepted("Vera", Role.VIEWER);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> people.invite(ci, "X", "x@example.com", Role.ADMIN, People.INVITATION))
                .withMessage("role: admin (expected: a role that may do no more than ci, which has not the scope"
                        + " tenants:read)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> people.changeRole(ci, viewer.person().id(), Role.DEVELOPER));
        Actor admin = actor(accepted("Ann", Role.ADMIN).token().text());
        assertThat(people.invite(admin, "X", "x@example.com", Role.ADMIN, People.INVITATION))
                .isNotNull();
    }

    @Test
    void aProjectIsMadeBesideAKeyOnlyByWhoMayMakeOne() {
        Actor developer = actor(accepted("Dev", Role.DEVELOPER).token().text());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> access.keys().create(developer, "k", "unbudgeted", KeyKind.LIVE, KeyTerms.FREE))
                .withMessageStartingWith("project: unbudgeted (expected:")
                .withMessageContaining("tenants:write");
        assertThat(access.keys().create(developer, "k", "default", KeyKind.LIVE, KeyTerms.FREE))
                .isNotNull();
    }

    @Test
    void aPersonsTokensFollowTheirRoleAndEndWithThem() {
        People people = access.people();
        People.Accepted ann = accepted("Ann", Role.ADMIN);
        String token = ann.token().text();
        assertThat(actor(token).may(Right.AUDIT_READ)).isTrue();
        assertThat(actor(token).id()).isEqualTo(ann.person().id());

        people.changeRole(WHO, ann.person().id(), Role.VIEWER);
        assertThat(actor(token).may(Right.KEYS_READ)).isTrue();
        assertThat(actor(token).may(Right.KEYS_WRITE)).isFalse();
        assertThat(actor(token).may(Right.AUDIT_READ)).isFalse();

        people.remove(WHO, ann.person().id());
        assertThat(people.find(token)).isNull();
        assertThat(people.changeRole(WHO, ann.person().id(), Role.ADMIN)).isNull();
    }

    @Test
    void onlyAnOwnerMakesAndRemovesOwners() {
        People people = access.people();
        Actor admin = actor(accepted("Ann", Role.ADMIN).token().text());
        People.Accepted owner = accepted("Olga", Role.OWNER);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> people.invite(admin, "X", "x@example.com", Role.OWNER, People.INVITATION))
                .withMessageStartingWith("role: owner (expected: another role; only an owner");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> people.remove(admin, owner.person().id()));
        assertThatIllegalArgumentException().isThrownBy(() -> people.changeRole(admin, admin.id(), Role.OWNER));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> people.revokeToken(admin, owner.token().of().id()));
        String invited = people.invite(WHO, "Otto", "o@example.com", Role.OWNER, People.INVITATION)
                .of()
                .id();
        assertThatIllegalArgumentException().isThrownBy(() -> people.revokeInvitation(admin, invited));
        assertThat(people.remove(actor(owner.token().text()), admin.id())).isNotNull();
    }

    @Test
    void aTokenMayNoMoreThanWhoMadeItAndEndsInTime() {
        People people = access.people();
        var made = people.createToken(WHO, "ci", null, Set.of(Right.PEOPLE_WRITE, Right.KEYS_READ), now.get() + 1_000);
        Actor ci = actor(made.text());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> people.createToken(ci, "more", null, Set.of(Right.KEYS_WRITE), null))
                .withMessageContaining(
                        "scopes: keys:write (expected: scopes that ci has, which are keys:read, people:write");
        assertThat(people.createToken(ci, "same", null, Set.of(Right.PEOPLE_READ), null)
                        .of()
                        .rights())
                .containsExactly(Right.PEOPLE_READ);
        now.addAndGet(1_000);
        assertThat(people.find(made.text())).isNull();
        assertThat(people.find("")).isNull();
        assertThat(people.find("x".repeat(100_000))).isNull();
    }

    @Test
    void noTextOfTokensOrInvitationsIsKept() throws Exception {
        String invitation = access.people()
                .invite(WHO, "Ann", "ann@example.com", Role.OWNER, People.INVITATION)
                .text();
        String token = Objects.requireNonNull(access.people().accept(invitation))
                .token()
                .text();
        assertThat(access.audit()
                        .list(Long.MAX_VALUE, null, new Page(null, 100))
                        .elements()
                        .toString())
                .doesNotContain(token.substring(9, 40), invitation.substring(10, 40));
        database.close();
        try (Stream<Path> files = Files.list(temp)) {
            for (Path file : files.toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                        .doesNotContain(token.substring(9, 40), invitation.substring(10, 40));
            }
        }
        database = store.open(temp);
    }

    // The log of changes

    @Test
    void everyChangeStandsInTheLogWithWhatWasBeforeAndAfter() {
        Organization acme = access.tenants().createOrganization(WHO, "Acme", 0, List.of());
        access.tenants().changeOrganization(WHO, "Acme", "Acme Ltd", 300, null);
        Created key = access.keys().create(WHO, "k", "Acme Ltd", "web", KeyKind.TEST, KeyTerms.FREE);
        access.keys().revoke(WHO, key.key().id());
        access.keys().revoke(WHO, key.key().id()); // changes nothing

        List<Audit.Row> rows =
                access.audit().list(Long.MAX_VALUE, null, new Page(null, 100)).elements();
        assertThat(rows)
                .extracting(Audit.Row::action)
                .containsExactly(
                        "key.revoke", "key.create", "project.create", "organization.change", "organization.create");
        Audit.Row change = access.audit()
                .list(Long.MAX_VALUE, acme.id(), new Page(null, 1))
                .elements()
                .getFirst();
        assertThat(change.json().at("/before/name").asString()).isEqualTo("Acme");
        assertThat(change.json().at("/after/name").asString()).isEqualTo("Acme Ltd");
        assertThat(change.json().at("/after/markup_basis_points").asInt()).isEqualTo(300);
        assertThat(change.actorName()).isEqualTo("test");
        assertThat(rows.toString()).doesNotContain(key.text());
        assertThat(access.audit()
                        .list(rows.getFirst().seq(), null, new Page(null, 100))
                        .elements())
                .hasSize(4);
        assertThat(access.audit().verify(""))
                .isEqualTo(new Audit.Verdict(5, rows.getFirst().hash(), null, ""));
    }

    @Test
    void aChangeThatFailsLeavesNoRow() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> access.tenants().createOrganization(WHO, "default", 0, List.of()));
        assertThat(access.audit()
                        .list(Long.MAX_VALUE, null, new Page(null, 100))
                        .elements())
                .isEmpty();
        assertThat(access.audit().verify("").rows()).isZero();
    }

    @Test
    void theLogCantBeChangedAndIfItIsTheFirstBrokenRowIsNamed() {
        for (int i = 0; i < 6; i++) {
            access.tenants().createOrganization(WHO, "o" + i, 0, List.of());
        }
        String head = access.audit().verify("").head();
        for (String sql : List.of("UPDATE audit SET actor = 'x' WHERE seq = 3", "DELETE FROM audit WHERE seq = 6")) {
            assertThatThrownBy(() -> execute(sql)).hasStackTraceContaining("append-only");
        }
        execute(store == Stores.SQLITE ? "DROP TRIGGER audit_stays" : "DROP TRIGGER audit_stays ON audit");
        if (store == Stores.SQLITE) {
            execute("DROP TRIGGER audit_is_kept");
        }

        execute("DELETE FROM audit WHERE seq = 6");
        assertThat(access.audit().verify("").broken())
                .as("cut off at the end: does not show by itself")
                .isNull();
        assertThat(access.audit().verify(head)).satisfies(verdict -> {
            assertThat(verdict.broken()).isEqualTo(6);
            assertThat(verdict.why()).contains("kept");
        });

        execute("UPDATE audit SET actor = 'somebody else' WHERE seq = 4");
        assertThat(access.audit().verify("").broken()).isEqualTo(4);
        execute("DELETE FROM audit WHERE seq = 2");
        assertThat(access.audit().verify("")).satisfies(verdict -> {
            assertThat(verdict.broken()).isEqualTo(2);
            assertThat(verdict.rows()).isEqualTo(1);
            assertThat(verdict.why()).isEqualTo("row 2 is missing");
        });
    }

    @Test
    void changesOfManyAtOnceMakeOneUnbrokenLog() throws Exception {
        try (Access other = Access.open(database, clock, new SecureRandom(), nanos::get);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 40; i++) {
                Access by = i % 2 == 0 ? access : other;
                String name = "o" + i;
                threads.execute(() -> by.tenants().createOrganization(WHO, name, 0, List.of()));
            }
        }
        assertThat(access.audit().verify("")).satisfies(verdict -> {
            assertThat(verdict.broken()).isNull();
            assertThat(verdict.rows()).isEqualTo(40);
        });
    }

    @Test
    void otherRoomsChangesAreWrittenInTheirOwnTransaction() {
        var witness = access.audit().witness(WHO, "budget.create");
        boolean _ = database.write(
                handle -> {
                    witness.saw(handle, "budget_1", null, "{\"amount\":\"$5\"}");
                    return true;
                },
                _ -> {});
        access.audit().note(WHO, "prices.reload", "prices", "{\"models\":1}", null);
        assertThat(access.audit().list(Long.MAX_VALUE, null, new Page(null, 10)).elements())
                .extracting(Audit.Row::action)
                .containsExactly("prices.reload", "budget.create");
        assertThat(access.audit().verify("").rows()).isEqualTo(2);
    }

    private void execute(String sql) {
        int _ = database.write(handle -> handle.execute(sql), _ -> {});
    }

    private Created key(KeyTerms terms) {
        return access.keys().create(WHO, "k", "default", KeyKind.LIVE, terms);
    }

    private Created rotated(String id, Duration overlap) {
        return Objects.requireNonNull(access.keys().rotate(WHO, id, overlap));
    }

    private Presented found(String text) {
        return access.keys().find(text, HERE);
    }

    private KeyInfo info(String id) {
        return Objects.requireNonNull(access.keys().get(id));
    }

    private @Nullable Long usedInTheDatabase(String id) {
        return database.<@Nullable Long>read(handle -> handle.createQuery("SELECT used FROM keys WHERE id = ?")
                        .bind(0, id)
                        .map((row, _) -> row.getObject(1) == null ? null : row.getLong(1))
                        .one())
                .join();
    }

    private People.Accepted accepted(String name, Role role) {
        String text = access.people()
                .invite(WHO, name, "x@example.com", role, People.INVITATION)
                .text();
        return Objects.requireNonNull(access.people().accept(text));
    }

    private Actor actor(String token) {
        return Objects.requireNonNull(access.people().find(token));
    }
}
