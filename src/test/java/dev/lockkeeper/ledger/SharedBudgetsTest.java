package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Usage;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two ledgers on one PostgreSQL. */
class SharedBudgetsTest {
    private static final long NOON = Instant.parse("2026-11-21T12:00:00Z").toEpochMilli();
    private static final Scope PROJECT = new Scope(Scope.Kind.PROJECT, "proj");
    private static final LedgerSettings SMALL = new LedgerSettings(100, 1_000, 32 << 10, Duration.ofMillis(50));

    @TempDir
    Path temp;

    private final SetClock clock = new SetClock(NOON);
    private final MemoryStorage lostStorage = new MemoryStorage();
    private Database database;
    private Ledger one;
    private Ledger two;

    @BeforeEach
    void open() throws Exception {
        database = Stores.POSTGRESQL.open(temp);
        one = open(1, new MemoryStorage());
        two = open(2, lostStorage);
    }

    private Ledger open(long node, MemoryStorage storage) throws Exception {
        Ledger opened = Ledger.open(new Store(database, node), storage, 1, clock, SMALL);
        opened.keep();
        return opened;
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void whatAnotherProcessSpentIsCountedOnceWhereverItIsWhenABudgetIsMade() throws Exception {
        settle(two, 10);
        two.step();
        settle(two, 20); // in its journal only
        Hold open = hold(two, 40);
        create(one, 1_000);
        settle(two, 80);
        two.step(); // hears of it while it books
        assertThat(spent(two)).isEqualTo(110);
        assertThat(two.budgets().balances().getFirst().heldNanos()).isEqualTo(40);
        settle(two, 160);
        open.settle(bill(30));
        two.step();

        two.audit();
        assertThat(spent(two)).isEqualTo(300);
        assertThat(rows("SELECT id || ' ' || spent FROM alerts"))
                .as("of less than a third")
                .isEmpty();
        assertThat(rows("SELECT spent FROM accounts")).containsExactly("300");
    }

    @Test
    void aBudgetThatAnotherProcessChangesOrClosesIsHeardOf() throws Exception {
        create(one, 1_000);
        two.hear();
        Budget.Terms terms = new Budget.Terms(50, true, List.of());
        one.budgets().change(1, terms, List.of());
        two.hear();
        assertThat(two.budgets().balances().getFirst().budget().terms()).isEqualTo(terms);

        two.budgets().close(1);
        one.hear();
        assertThat(one.budgets().balances()).isEmpty();
    }

    @Test
    void whatAKilledProcessHadLeasedIsLostUntilItIsFenced() throws Exception {
        create(one, 1_000);
        two.hear();
        Hold _ = hold(two, 300);
        two.step();
        // It is killed. Ten seconds later:
        silent(2);
        Hold most = hold(one, 400);
        long lost = Long.parseLong(
                rows("SELECT granted - spent FROM leases WHERE node = 2").getFirst());
        assertThat(lost).isGreaterThanOrEqualTo(300);
        assertThat(one.hold(0, ask(700 - 1), false))
                .isInstanceOfSatisfying(
                        Holding.Exhausted.class,
                        no -> assertThat(no.lostNanos()).isEqualTo(lost));
        assertThat(one.budgets().nodes())
                .filteredOn(each -> each.number() == 2)
                .singleElement()
                .satisfies(each -> assertThat(each.state()).isEqualTo(Node.State.SILENT));

        assertThat(one.budgets().fence(2, false, Witness.NOBODY))
                .isInstanceOfSatisfying(
                        Node.Fenced.Done.class, done -> assertThat(done.nanos()).isEqualTo(lost));
        assertThat(one.budgets().fence(9, false, Witness.NOBODY)).isInstanceOf(Node.Fenced.Unknown.class);
        clear(one);
        Hold rest = hold(one, 600);
        rest.settle(bill(600));
        most.settle(bill(400));

        // It comes back: nothing that it did is lost, and all of it is more than there was.
        two = open(2, lostStorage);
        assertThat(two.closed()).isNull();
        one.step();
        two.step();
        assertThat(rows("SELECT kind || ' ' || cost || ' ' || overrun FROM entries ORDER BY cost"))
                .containsExactly("recovered 300 300", "settled 400 0", "settled 600 0");
        assertThat(rows("SELECT spent || ' ' || overrun FROM accounts")).containsExactly("1300 300");
    }

    @Test
    void aProcessThatIsFencedWhileItRunsTakesNoNewCalls() throws Exception {
        create(one, 1_000);
        two.hear();
        Hold open = hold(two, 300);
        assertThat(one.budgets().fence(2, false, Witness.NOBODY)).isInstanceOf(Node.Fenced.Runs.class);
        assertThat(one.budgets().fence(2, true, Witness.NOBODY)).isInstanceOf(Node.Fenced.Done.class);
        two.lease();

        assertThat(two.hold(0, ask(1)))
                .isInstanceOfSatisfying(
                        Holding.Closed.class, no -> assertThat(no.why()).contains("node 2", "Start this server anew"));
        assertThat(open.growUpTo(100)).isZero();
        open.settle(bill(200));
        two.step();
        assertThat(rows("SELECT kind || ' ' || overrun FROM entries")).containsExactly("overrun 200");
        two.close();
        two = open(2, new MemoryStorage());
        assertThat(hold(two, 50).grantedNanos()).isEqualTo(50);
    }

    @Test
    void whatOneGivesBackAnotherGets() throws Exception {
        create(one, 1_000);
        two.hear();
        Hold first = hold(one, 900);
        one.lease();
        assertThat(two.hold(0, ask(500))).isInstanceOfSatisfying(Holding.Exhausted.class, no -> {
            assertThat(no.spentNanos() + no.lostNanos()).isZero();
            assertThat(no.heldNanos()).isGreaterThanOrEqualTo(900);
        });
        first.settle(bill(10));
        one.lease();
        one.lease();
        clear(two);
        assertThat(hold(two, 500).grantedNanos()).isEqualTo(500);
    }

    @Test
    void callsGoOnWithWhatIsLeasedWhileTheDatabaseIsGone() throws Exception {
        create(one, 1_000);
        Hold first = hold(one, 100);
        database.close();
        first.settle(bill(100));
        one.keep();
        one.lease();

        assertThat(one.hold(0, ask(90))).isInstanceOf(Holding.Granted.class);
        assertThat(one.hold(0, ask(900)))
                .isInstanceOfSatisfying(
                        Holding.Closed.class,
                        no -> assertThat(no.why()).contains("bud_1 can't be asked of the database"));
        database = Stores.POSTGRESQL.open(temp);
    }

    @Test
    void whatNoLeaseCoversIsMadeAndBookedAsAnOverrunWhereTheOperatorWantsIt() throws Exception {
        MemoryStorage storage = new MemoryStorage();
        LedgerSettings allowing =
                new LedgerSettings(100, 1_000, 32 << 10, Duration.ofMillis(50), LedgerSettings.WithoutDatabase.ALLOW);
        Ledger three = Ledger.open(new Store(database, 3), storage, 1, clock, allowing);
        three.keep();
        create(three, 1_000);
        hold(three, 100).settle(bill(100));
        database.close();
        three.lease();
        Hold beyond = hold(three, 2_000);
        assertThat(beyond.growUpTo(500)).isEqualTo(500);
        three.audit();
        beyond.settle(bill(2_200));
        three.audit();

        database = Stores.POSTGRESQL.open(temp);
        three = Ledger.open(new Store(database, 3), storage, 1, clock, allowing);
        assertThat(rows("SELECT kind || ' ' || cost || ' ' || (overrun >= 1300) FROM entries ORDER BY cost"))
                .containsExactly("settled 100 false", "overrun 2200 true");
        three.close();
    }

    @Test
    void aSoftBudgetThatBecomesHardBoundsWhatAllHold() throws Exception {
        create(one, 1_000);
        two.hear();
        one.budgets().change(1, new Budget.Terms(1_000, false, List.of()), List.of());
        two.hear();
        Hold his = hold(two, 800);
        hold(one, 600).settle(bill(600));
        one.step();
        one.budgets().change(1, new Budget.Terms(1_500, true, List.of()), List.of());
        two.hear();
        one.lease(); // gives back what the other one lacks
        one.lease();
        two.lease();
        assertThat(his.growUpTo(1_000)).isEqualTo(100);
        assertThat(one.hold(0, ask(1))).isInstanceOf(Holding.Exhausted.class);
        one.audit();
        two.audit();
    }

    @Test
    void aRoundThatBreaksWakesWhoWaitsForALease() {
        Budget budget = new Budget(
                1,
                PROJECT,
                new Period(Period.Unit.HOUR, ZoneOffset.UTC),
                false,
                new Budget.Terms(1_000, true, List.of()),
                NOON);
        Books books = new Books(10, NOON, true);
        Standing standing = books.add(budget, () -> new long[1]);
        books.added(standing.current, 0, 0);
        books.loaded(standing);
        FaultyStore store = new FaultyStore(database, 3);
        Leases leases = new Leases(books, store, false, () -> {});
        Holding.Parked parked = (Holding.Parked) books.hold(one, 0, ask(10), NOON, true);
        store.fault = FaultyStore.Fault.BROKEN;

        assertThatThrownBy(() -> leases.round(true, false)).isInstanceOf(StackOverflowError.class);
        assertThat(parked.ready().toCompletableFuture()).isCompleted();
        assertThat(books.leased().trouble()).contains("too deep");
    }

    private void silent(long node) {
        database.<Integer>write(handle -> handle.execute("UPDATE nodes SET heard = 1 WHERE id = ?", node), _ -> {});
    }

    /** So many rounds that it is asked again whether there is more. */
    private static void clear(Ledger ledger) {
        for (int i = 0; i < 10; i++) {
            ledger.lease();
        }
    }

    @Test
    void processesNumberTheirBudgetsInOneRow() {
        create(one, 1_000);
        create(two, 1_000);
        assertThat(rows("SELECT id FROM budgets ORDER BY id")).containsExactly("1", "2");
    }

    @Test
    void aThresholdThatProcessesReachTogetherIsToldOnce() throws Exception {
        create(one, 100);
        two.hear();
        settle(one, 49);
        one.step();
        settle(two, 2);
        two.step();
        settle(one, 1);
        one.step();

        assertThat(rows("SELECT id || ' ' || spent FROM alerts")).containsExactly("bud_1:" + NOON + ":50 51");
    }

    private static void create(Ledger ledger, long amount) {
        assertThat(ledger.budgets()
                        .create(
                                new Budget.Wanted(
                                        PROJECT,
                                        new Period(Period.Unit.HOUR, ZoneOffset.UTC),
                                        false,
                                        new Budget.Terms(amount, true, Budget.Terms.DEFAULT_ALERTS)),
                                List.of()))
                .isInstanceOf(Budgets.Changed.Done.class);
    }

    private static Hold hold(Ledger ledger, long nanos) {
        return ((Holding.Granted) ledger.hold(0, ask(nanos))).hold();
    }

    private static Ask ask(long nanos) {
        Payer payer = new Payer("org", "proj", "key", "", "");
        return new Ask("call", 1, payer, "openai", "gpt", "gpt-x", nanos, nanos, nanos);
    }

    private static void settle(Ledger ledger, long nanos) {
        hold(ledger, nanos).settle(bill(nanos));
    }

    private static Bill bill(long nanos) {
        return new Bill(nanos, Usage.of(1, 1), false, "chat", 200, "served", 0, 0);
    }

    private static long spent(Ledger ledger) {
        return ledger.budgets().balances().getFirst().spentNanos();
    }

    private List<String> rows(String sql) {
        return database.write(
                handle -> handle.createQuery(sql).mapTo(String.class).list(), _ -> {});
    }
}
