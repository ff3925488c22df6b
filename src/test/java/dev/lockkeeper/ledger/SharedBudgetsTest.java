package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
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
    private Database database;
    private Ledger one;
    private Ledger two;

    @BeforeEach
    void open() throws Exception {
        database = Stores.POSTGRESQL.open(temp);
        one = open(1);
        two = open(2);
    }

    private Ledger open(long node) throws Exception {
        Ledger opened = Ledger.open(new Store(database, node), new MemoryStorage(), 1, clock, SMALL);
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
        Payer payer = new Payer("org", "proj", "key", "", "");
        return ((Holding.Granted)
                        ledger.hold(0, new Ask("call", 1, payer, "openai", "gpt", "gpt-x", nanos, nanos, nanos)))
                .hold();
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
