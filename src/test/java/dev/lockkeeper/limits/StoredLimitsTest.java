package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.LimitsTest.Time;
import dev.lockkeeper.limits.QuotaRequest.State;
import dev.lockkeeper.limits.QuotaRequests.Decision;
import dev.lockkeeper.limits.Subject.Kind;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class StoredLimitsTest {
    private static final Subject KEY = new Subject(Kind.KEY, "key_1");
    private static final Subject PROJECT = new Subject(Kind.PROJECT, "proj_1");
    private static final Subject ORGANIZATION = new Subject(Kind.ORGANIZATION, "org_1");
    private static final Scoped CALLER = new Scoped("org_1", "proj_1", "key_1", "alice", "gpt", "openai");
    private static final Scoped DEFAULT = new Scoped("org_default", "proj_default", "key_0", "", "", "");

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private final Time time = new Time();
    private final List<String> seen = new ArrayList<>();
    private final Witness witness = (_, subject, before, after) -> seen.add(subject + " " + before + " -> " + after);
    private Database database;
    private Limits limits;
    private QuotaRequests requests;

    @BeforeEach
    void open() throws Exception {
        database = store.open(temp);
        limits = Limits.open(database, time, time::nanos);
        requests = new QuotaRequests(database, limits, new Random(1));
    }

    @AfterEach
    void close() {
        limits.close();
        database.close();
    }

    private void again() throws Exception {
        close();
        open();
    }

    /** One organization with one project with one key. */
    private static @Nullable List<Subject> parents(Subject subject) {
        if (subject.isEach()) {
            return List.of();
        }
        return switch (subject.kind()) {
            case END_USER -> List.of(PROJECT, ORGANIZATION);
            case KEY -> subject.equals(KEY) ? List.of(PROJECT, ORGANIZATION) : null;
            case PROJECT -> subject.equals(PROJECT) ? List.of(ORGANIZATION) : null;
            case ORGANIZATION -> subject.equals(ORGANIZATION) ? List.of() : null;
            case MODEL, PROVIDER -> List.of();
        };
    }

    private Limits.Change set(Subject subject, Measure measure, long amount) {
        return limits.set(subject, measure, amount, null, StoredLimitsTest::parents, witness);
    }

    @Test
    void aNewOrganizationStartsWithFiveRequestsASecondAndFiveCallsAtOnce() {
        for (int i = 0; i < 5; i++) {
            assertThat(limits.enter(CALLER, 1)).isInstanceOf(Permit.class);
        }
        assertThat(limits.enter(CALLER, 1))
                .isInstanceOfSatisfying(
                        Entry.Refused.class,
                        refused -> assertThat(refused.limit().measure()).isEqualTo(Measure.REQUESTS_PER_SECOND));
        time.pass(Duration.ofSeconds(1));
        assertThat(limits.enter(CALLER, 1))
                .isInstanceOfSatisfying(
                        Entry.Refused.class,
                        refused -> assertThat(refused.limit().measure()).isEqualTo(Measure.CONCURRENT_CALLS));
    }

    @Test
    void theFirstOrganizationHasNoLimit() {
        for (int i = 0; i < 100; i++) {
            assertThat(limits.enter(DEFAULT, 1)).isSameAs(Permit.FREE);
        }
    }

    @Test
    void aLimitCountsAtOnceAndAfterARestart() throws Exception {
        set(new Subject(Kind.ORGANIZATION, "org_1"), Measure.CONCURRENT_CALLS, 2);
        assertThat(limits.enter(CALLER, 1)).isInstanceOf(Permit.class);
        assertThat(limits.enter(CALLER, 1)).isInstanceOf(Permit.class);
        assertThat(limits.enter(CALLER, 1)).isInstanceOf(Entry.Refused.class);
        List<Limit> before = limits.all();
        again();
        assertThat(limits.all()).isEqualTo(before).hasSize(5);

        set(ORGANIZATION, Measure.CONCURRENT_CALLS, Limit.NONE);
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, Limit.NONE);
        assertThat(limits.enter(CALLER, 1)).isSameAs(Permit.FREE);
        assertThat(limits.remove(ORGANIZATION, null, witness)).isTrue();
        assertThat(limits.remove(ORGANIZATION, null, witness)).isFalse();
        assertThat(limits.all()).hasSize(4);
        assertThat(limits.enter(CALLER, 1)).isNotSameAs(Permit.FREE);
    }

    @Test
    void aLimitThatCouldNeverBeReachedIsRefused() {
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, 10);
        set(PROJECT, Measure.REQUESTS_PER_SECOND, 10);
        refused(
                PROJECT,
                Measure.REQUESTS_PER_SECOND,
                11,
                "amount: 11 (expected: what can be reached; organization org_1 has a limit of 10 requests per second"
                        + " (burst 10), which lets at most 10 through in that time)");
        refused(
                KEY,
                Measure.REQUESTS_PER_MINUTE,
                611,
                "amount: 611 (expected: what can be reached; project proj_1 has a limit of 10 requests per second"
                        + " (burst 10), which lets at most 610 through in that time)");
        set(KEY, Measure.REQUESTS_PER_DAY, 864_010);
        refused(KEY, Measure.REQUESTS_PER_DAY, 864_011, "at most 864010 through");
        refused(KEY, Measure.CONCURRENT_CALLS, 6, "organization org_1 has a limit of 5 concurrent calls");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> limits.set(KEY, Measure.REQUESTS_PER_SECOND, 5, 11L, StoredLimitsTest::parents, witness))
                .withMessageContaining("burst: 11")
                .withMessageContaining("at most 10 through at once");
        limits.set(KEY, Measure.REQUESTS_PER_SECOND, 5, 10L, StoredLimitsTest::parents, witness);
        set(KEY, Measure.TOKENS_PER_MINUTE, 1_000_000);
    }

    @Test
    void aParentsLimitMayBeLoweredAndSaysWhatCanNotBeReachedAnyMore() {
        set(ORGANIZATION, Measure.TOKENS_PER_DAY, 1_000);
        set(KEY, Measure.TOKENS_PER_MINUTE, 800);
        assertThat(set(ORGANIZATION, Measure.TOKENS_PER_DAY, 700).notes())
                .containsExactly(
                        "key key_1 has a limit of 800 tokens per minute (burst 800), which can't be reached any"
                                + " more");
        assertThat(set(ORGANIZATION, Measure.TOKENS_PER_DAY, 900).notes()).isEmpty();
    }

    @Test
    void whatMakesNoSenseIsRefusedWithFieldValueAndReason() {
        refused(KEY, Measure.REQUESTS_PER_DAY, 0, "amount: 0 (expected: 1 to 1000000000000000");
        refused(KEY, Measure.REQUESTS_PER_SECOND, -7, "amount: -7 (expected: 1 to 1000000000");
        refused(KEY, Measure.CONCURRENT_CALLS, 1_000_001, "amount: 1000001 (expected: 1 to 1000000");
        refused(new Subject(Kind.KEY, "key_9"), Measure.CONCURRENT_CALLS, 1, "id: key key_9 is not known");
        refused(
                new Subject(Kind.END_USER, "alice"),
                Measure.CONCURRENT_CALLS,
                1,
                "id: alice (expected: the project's id");
        refused(new Subject(Kind.MODEL, " "), Measure.CONCURRENT_CALLS, 1, "id: is empty");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> limits.set(KEY, Measure.TOKENS_PER_DAY, 5, 10L, StoredLimitsTest::parents, witness))
                .withMessageContaining("burst: 10 (expected: none for tokens-per-day");
        assertThat(limits.all()).hasSize(4);
    }

    @Test
    void aRestartBeginsNoNewDay() throws Exception {
        set(ORGANIZATION, Measure.CONCURRENT_CALLS, Limit.NONE);
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, Limit.NONE);
        set(KEY, Measure.TOKENS_PER_DAY, 1_000);
        ((Permit) limits.enter(CALLER, 500)).correct(700);
        again();
        assertThat(limits.enter(CALLER, 301)).isInstanceOf(Entry.Refused.class);
        assertThat(limits.enter(CALLER, 200)).isInstanceOf(Permit.class);
        again();
        assertThat(limits.enter(CALLER, 101)).isInstanceOf(Entry.Refused.class);
        again();
        time.pass(Duration.ofDays(1));
        assertThat(limits.enter(CALLER, 1_000)).isInstanceOf(Permit.class);
        again();
        assertThat(limits.enter(CALLER, 1)).isInstanceOf(Entry.Refused.class);
    }

    @Test
    void ofADayThatIsOverNothingIsKept() {
        set(new Subject(Kind.END_USER, "proj_1/*"), Measure.TOKENS_PER_DAY, 1_000);
        assertThat(limits.enter(CALLER, 300)).isInstanceOf(Permit.class);
        limits.writeDays();
        assertThat(rowsOfDays()).isEqualTo(1);
        time.pass(Duration.ofDays(1));
        limits.writeDays();
        assertThat(rowsOfDays()).isZero();
    }

    private long rowsOfDays() {
        return database.<Long>read(handle -> handle.createQuery("SELECT count(*) FROM limit_days")
                        .mapTo(Long.class)
                        .one())
                .join();
    }

    @Test
    void twoOnOneDatabaseGoOnFromTheSumOfADay() {
        set(KEY, Measure.TOKENS_PER_DAY, 1_000);
        Limits other = Limits.open(database, time, time::nanos);
        assertThat(limits.enter(CALLER, 300)).isInstanceOf(Permit.class);
        assertThat(other.enter(CALLER, 400)).isInstanceOf(Permit.class);
        limits.writeDays();
        other.writeDays();
        assertThat(other.enter(CALLER, 301)).isInstanceOf(Entry.Refused.class);
        assertThat(limits.enter(CALLER, 100)).isInstanceOf(Permit.class);
        limits.writeDays();
        assertThat(limits.enter(CALLER, 201)).isInstanceOf(Entry.Refused.class);
        assertThat(limits.enter(CALLER, 200)).isInstanceOf(Permit.class);
        other.close();
    }

    @Test
    void anotherProcessOnOneDatabaseHearsOfALimit() {
        assumeThat(store).isEqualTo(Stores.POSTGRESQL);
        Limits other = Limits.open(database, time, time::nanos);
        set(KEY, Measure.TOKENS_PER_DAY, 1_000);
        assertThat(other.all()).hasSize(4);
        other.writeDays();
        assertThat(other.all()).isEqualTo(limits.all()).hasSize(5);
        other.close();
    }

    @Test
    void aWishWaitsUntilItIsApprovedWhichSetsTheLimit() {
        QuotaRequest wish = ask(ORGANIZATION, 50);
        assertThat(wish.state()).isEqualTo(State.WAITING);
        assertThat(requests.list(State.WAITING, null, Page.FIRST).elements()).containsExactly(wish);
        assertThat(limits.all()).hasSize(4);

        assertThat(requests.approve(wish.id(), "carol", "as agreed", StoredLimitsTest::parents, witness))
                .isInstanceOfSatisfying(Decision.Decided.class, decided -> {
                    assertThat(decided.request().state()).isEqualTo(State.APPROVED);
                    assertThat(decided.request().decidedBy()).isEqualTo("carol");
                    assertThat(decided.request().decidedMillis()).isEqualTo(time.millis());
                    assertThat(decided.request().note()).isEqualTo("as agreed");
                });
        assertThat(limits.all()).contains(wish.wish());
        assertThat(requests.approve(wish.id(), "carol", "", StoredLimitsTest::parents, witness))
                .isInstanceOf(Decision.Before.class);
        assertThat(requests.refuse(wish.id(), "dave", "", witness)).isInstanceOf(Decision.Before.class);
        assertThat(requests.refuse("quota_0", "dave", "", witness)).isInstanceOf(Decision.Unknown.class);
        assertThat(requests.list(State.WAITING, null, Page.FIRST).elements()).isEmpty();
    }

    @Test
    void aWishThatIsRefusedChangesNoLimit() {
        QuotaRequest wish = ask(ORGANIZATION, 50);
        time.pass(Duration.ofSeconds(1));
        QuotaRequest other = ask(ORGANIZATION, 60);
        assertThat(requests.refuse(wish.id(), "carol", "too much", witness)).isInstanceOf(Decision.Decided.class);
        assertThat(requests.list(null, null, Page.FIRST).elements())
                .extracting(QuotaRequest::id)
                .containsExactly(other.id(), wish.id());
        assertThat(limits.all()).hasSize(4);
    }

    @Test
    void aWishThatCouldNeverBeReachedIsRefusedAtOnce() {
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, 20);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ask(PROJECT, 50))
                .withMessageContaining("amount: 50 (expected: what can be reached;")
                .withMessageContaining("organization org_1 has a limit of 20 requests per second");
        assertThat(requests.list(null, null, Page.FIRST).elements()).isEmpty();
    }

    @Test
    void aWishThatCanNotBeReachedAnyMoreGoesOnWaiting() {
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, 100);
        QuotaRequest wish = ask(PROJECT, 50);
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, 20);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> requests.approve(wish.id(), "carol", "", StoredLimitsTest::parents, witness))
                .withMessageContaining("organization org_1 has a limit of 20 requests per second");
        assertThat(requests.list(State.WAITING, null, Page.FIRST).elements())
                .extracting(QuotaRequest::id)
                .containsExactly(wish.id());
    }

    @Test
    void whoWitnessesChangesIsToldOfEach() {
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, 20);
        set(ORGANIZATION, Measure.REQUESTS_PER_SECOND, Limit.NONE);
        QuotaRequest wish = ask(ORGANIZATION, 50);
        requests.approve(wish.id(), "carol", "", StoredLimitsTest::parents, witness);
        limits.remove(ORGANIZATION, null, witness);
        String limit = "{\"measure\":\"requests-per-second\",\"amount\":";
        String wished = "{\"for\":\"organization/org_1\",\"measure\":\"requests-per-second\",\"amount\":50,\"state\":";
        assertThat(seen)
                .containsExactly(
                        "organization/org_1 null -> " + limit + "20,\"burst\":20}",
                        "organization/org_1 " + limit + "20,\"burst\":20} -> " + limit + "null}",
                        wish.id() + " null -> " + wished + "\"waiting\"}",
                        wish.id() + " " + wished + "\"waiting\"} -> " + wished + "\"approved\"}",
                        "organization/org_1 " + limit + "null} -> " + limit + "50,\"burst\":50}",
                        "organization/org_1 " + limit + "50,\"burst\":50} -> null");
    }

    private QuotaRequest ask(Subject subject, long amount) {
        return requests.ask(
                subject,
                Measure.REQUESTS_PER_SECOND,
                amount,
                null,
                "a workshop",
                "https://example.org/workshop",
                "alice",
                StoredLimitsTest::parents,
                witness);
    }

    private void refused(Subject subject, Measure measure, long amount, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> set(subject, measure, amount))
                .withMessageContaining(why);
    }
}
