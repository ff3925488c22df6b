package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Usage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class LedgerTest {
    private static final long HOUR = 3_600_000;
    private static final long NOON = Instant.parse("2026-11-21T12:00:00Z").toEpochMilli();
    private static final Payer PAYER = new Payer("org", "proj", "key", "ann", "tag");
    private static final Scope PROJECT = new Scope(Scope.Kind.PROJECT, "proj");
    private static final LedgerSettings SMALL = new LedgerSettings(100, 1_000, 32 << 10, Duration.ofMillis(50));

    @Parameter
    Stores kind = Stores.SQLITE;

    @TempDir
    Path temp;

    private final MemoryStorage storage = new MemoryStorage();
    private final SetClock clock = new SetClock(NOON);
    private Database database;
    private Ledger ledger;

    @BeforeEach
    void open() throws Exception {
        database = kind.open(temp);
        reopen(2, SMALL);
    }

    private void reopen(int loops) throws Exception {
        reopen(loops, SMALL);
    }

    private void reopen(int loops, LedgerSettings settings) throws Exception {
        storage.restart();
        ledger = Ledger.open(new Store(database, 1), storage, loops, clock, settings);
        ledger.keep();
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void whatIsSettledIsBookedWithAllThatIsKnown() throws Exception {
        Usage usage = Usage.of(100, 20).withTier("priority");
        hold(0, 50).settle(new Bill(30, usage, false, "chat.completions", 200, "served", NOON - 5, 1_234));
        ledger.step();

        assertThat(rows("SELECT taken || ' ' || call_id || ' ' || attempt || ' ' || kind || ' ' || organization || ' '"
                        + " || project || ' ' || key_id || ' ' || end_user || ' ' || tag || ' ' || provider || ' ' ||"
                        + " model || ' ' || upstream_model || ' ' || endpoint || ' ' || status || ' ' || outcome || ' '"
                        + " || started || ' ' || millis || ' ' || held || ' ' || cost || ' ' || overrun || ' ' ||"
                        + " estimated || ' ' || tier || ' ' || fresh_input || ' ' || text_output FROM entries"))
                .containsExactly(NOON + " call 1 settled org proj key ann tag openai gpt gpt-x chat.completions 200"
                        + " served " + (NOON - 5) + " 1234 50 30 0 0 priority 100 20");
        assertThat(rows("SELECT hour || ' ' || end_user || ' ' || tag || ' ' || calls || ' ' || cost || ' ' ||"
                        + " fresh_input || ' ' || text_output FROM rollups"))
                .containsExactly(NOON + " ann tag 1 30 100 20");
    }

    @Test
    void aTextThatADatabaseRefusesHoldsUpNoBooks() throws Exception {
        Payer odd = new Payer("org", "proj", "key", "a\0b\ud800", "t\0");
        Ask ask = new Ask("call odd", 1, odd, "openai", "gpt", "gpt-x", 10, 10, 10);
        Hold open = ((Holding.Granted) ledger.hold(0, ask)).hold();
        Hold settled = ((Holding.Granted) ledger.hold(1, ask)).hold();
        Usage usage = Usage.of(100, 20).withTier("tier\0");
        settled.settle(new Bill(7, usage, false, "chat.completions", 200, "served", NOON, 1));
        ledger.step();
        assertThat(open.grow(1)).isTrue();

        reopen(2);

        assertThat(ledger.lag().trouble()).isNull();
        assertThat(rows("SELECT cost || ' ' || tier FROM entries WHERE kind = 'settled'"))
                .containsExactly("7 tier\uFFFD");
        assertThat(rows("SELECT count(*) FROM entries")).containsExactly("2");
    }

    @Test
    void namesThatTheDatabaseKeepsAlikeAreOneRowInABatchOfMany() throws Exception {
        reopen(2, new LedgerSettings(1_000, 0, 1 << 20, Duration.ofMillis(50)));
        for (int i = 0; i < 350; i++) {
            String user = "u" + i / 2 + (i % 2 == 0 ? "\0" : "\uFFFD");
            Ask ask = new Ask("call " + i, 1, new Payer("org", "proj", "key", user, ""), "openai", "gpt", "x", 1, 1, 1);
            ((Holding.Granted) ledger.hold(0, ask)).hold().settle(bill(1));
        }
        ledger.step();
        assertThat(ledger.lag().trouble()).isNull();
        assertThat(rows("SELECT count(*) || ' ' || sum(calls) FROM rollups")).containsExactly("175 350");
        assertThat(rows("SELECT count(*) || ' ' || sum(calls) FROM rollup_user_days"))
                .containsExactly("175 350");
        assertThat(rows("SELECT count(*) || ' ' || count(DISTINCT call_id) FROM entries"))
                .containsExactly("350 350");
    }

    @Test
    void piecesOfOtherSizesAreReadAndHoldsBeyondTheirBoundRefused() throws Exception {
        hold(0, 50).settle(bill(1)); // in a piece of 32 KiB, not in the database yet
        for (int kib : List.of(128, 64, 256)) {
            reopen(2, new LedgerSettings(3, 0, kib << 10, Duration.ofMillis(1)));
            for (int i = 0; i < 1_000; i++) {
                hold(i % 2, 50).settle(bill(1));
                if (i % 50 == 0) {
                    ledger.keep();
                }
            }
        }
        reopen(2);
        assertThat(rows("SELECT count(*) || ' ' || sum(cost) FROM entries WHERE kind = 'settled'"))
                .containsExactly("3001 3001");

        reopen(2, new LedgerSettings(3, 0, 64 << 10, Duration.ofMillis(1)));
        List<Hold> open = List.of(hold(0, 1), hold(0, 1), hold(1, 1));
        assertThat(ledger.hold(0, ask(1))).isInstanceOf(Holding.Closed.class);
        open.getFirst().release();
        hold(0, 1).release();
    }

    @Test
    void onlyTheFirstEndCounts() throws Exception {
        create(PROJECT, 100);
        Hold hold = hold(0, 50);
        hold.settle(bill(30));
        hold.settle(bill(40));
        hold.release();
        Hold other = hold(0, 50);
        other.release();
        other.settle(bill(7));
        assertThat(other.grow(1)).isFalse();
        ledger.step();

        assertThat(rows("SELECT cost FROM entries")).containsExactly("30");
        assertThat(balance().spentNanos()).isEqualTo(30);
        assertThat(balance().heldNanos()).isZero();
    }

    @Test
    void aHoldThatAKilledProcessLeftIsBookedAtWhatItHeld() throws Exception {
        create(PROJECT, 1_000);
        hold(0, 50).settle(bill(30));
        Hold open = hold(1, 50);
        assertThat(open.grow(25)).isTrue();

        reopen(1);

        assertThat(rows("SELECT kind || ' ' || estimated || ' ' || cost FROM entries ORDER BY id"))
                .containsExactlyInAnyOrder("settled 0 30", "recovered 1 75");
        assertThat(balance().spentNanos()).isEqualTo(105);
        reopen(3);
        assertThat(balance().spentNanos()).isEqualTo(105);
        assertThat(rows("SELECT count(*) FROM entries")).containsExactly("2");
    }

    @Test
    void aHoldThatWaitsOutlivesItsProcess() throws Exception {
        create(PROJECT, 1_000);
        Awaited what = new Awaited(Awaited.Kind.BATCH, "batch_1", "/v1/batches", "batch", 7, 9, NOON + HOUR);
        Hold waits = hold(1, 50);
        assertThat(waits.pending()).isNull();
        assertThat(waits.await(what)).isTrue();
        Hold _ = hold(0, 5);

        reopen(1); // the loop of the hold is no more
        reopen(3);

        assertThat(rows("SELECT kind || ' ' || cost FROM entries")).containsExactly("recovered 5");
        assertThat(rows("SELECT awaits || ' ' || awaited || ' ' || held || ' ' || until FROM open_holds"))
                .containsExactly("batch batch_1 50 " + (NOON + HOUR));
        assertThat(balance().heldNanos()).isEqualTo(50);
        assertThat(balance().freeNanos()).isEqualTo(945);
        ledger.audit();
        Hold same = ledger.waiting().getFirst();
        assertThat(same.pending()).isEqualTo(new Pending(what, "call", PAYER, "openai", "gpt", "gpt-x", 50, NOON));
        same.settle(bill(20));
        same.settle(bill(21));
        ledger.step();
        assertThat(rows("SELECT cost FROM entries WHERE kind = 'settled'")).containsExactly("20");
        assertThat(rows("SELECT count(*) FROM open_holds")).containsExactly("0");
        reopen(2);
        assertThat(ledger.waiting()).isEmpty();
        assertThat(balance().spentNanos()).isEqualTo(25);
    }

    @Test
    void whatWaitsFromAnEarlierPeriodIsPaidByThatPeriod() throws Exception {
        create(PROJECT, 100, Period.Unit.HOUR, true, true);
        Hold waits = hold(0, 60);
        assertThat(waits.await(new Awaited(Awaited.Kind.RESPONSE, "resp_1", "/v1/responses", "", 1, 2, NOON)))
                .isTrue();
        clock.forward(Duration.ofMillis(2 * HOUR));
        hold(0, 10).settle(bill(10));

        reopen(2);

        // Nobody called in the hour between, so all of it came over.
        assertThat(balance().freeNanos()).isEqualTo(190);
        Hold same = ledger.waiting().getFirst();
        same.settle(bill(130)); // of 100, 60 held
        ledger.step();
        ledger.audit();
        assertThat(rows("SELECT kind || ' ' || cost || ' ' || overrun FROM entries ORDER BY cost"))
                // Of a period that is over no more is leased than is held.
                .containsExactly("settled 10 0", kind == Stores.SQLITE ? "overrun 130 30" : "overrun 130 70");
        assertThat(rows("SELECT spent FROM accounts ORDER BY period_start")).containsExactly("130", "10");
    }

    @Test
    void whatWaitsInThePeriodBeforeIsNotCarriedOver() throws Exception {
        create(PROJECT, 100, Period.Unit.HOUR, true, true);
        assertThat(hold(0, 60).await(new Awaited(Awaited.Kind.RESPONSE, "resp_1", "/v1/responses", "", 1, 2, NOON)))
                .isTrue();
        clock.forward(Duration.ofMillis(HOUR));
        hold(0, 10).settle(bill(10));

        reopen(2);

        assertThat(balance().freeNanos()).isEqualTo(130);
        ledger.waiting().getFirst().settle(bill(20));
        ledger.step();
        assertThat(balance().freeNanos()).isEqualTo(170);
        ledger.audit();
        reopen(2);
        assertThat(balance().freeNanos()).isEqualTo(170);
    }

    @Test
    void aHoldOutlivesItsSegment() throws Exception {
        Hold held = hold(0, 50);
        held.grow(5);
        Hold settled = hold(0, 60);
        for (int i = 0; i < 500; i++) {
            hold(0, 1).settle(bill(1));
            ledger.step();
        }
        assertThat(rows("SELECT held FROM open_holds ORDER BY held")).containsExactly("55", "60");
        assertThat(ledger.journalBytes()).isLessThanOrEqualTo(6L * (32 << 10));
        held.grow(10);
        settled.settle(bill(61));

        reopen(2);

        assertThat(rows("SELECT count(*) FROM open_holds")).containsExactly("0");
        assertThat(rows("SELECT kind || ' ' || cost FROM entries WHERE cost > 1 ORDER BY cost"))
                .containsExactly("settled 61", "recovered 65");
    }

    @Test
    void processesOnOneDatabaseRecoverTheirOwnJournalsOnly() throws Exception {
        MemoryStorage elsewhere = new MemoryStorage();
        Ledger other = Ledger.open(new Store(database, 2), elsewhere, 2, clock, SMALL);
        Hold theirs = ((Holding.Granted) other.hold(0, ask(40))).hold();
        other.step();
        Hold _ = hold(0, 50);

        reopen(2);
        theirs.settle(bill(35));
        other.step();

        assertThat(rows("SELECT kind || ' ' || cost FROM entries ORDER BY cost"))
                .containsExactly("settled 35", "recovered 50");
    }

    @Test
    void theLastRecordIsLeftOutWhereItWasCutOff() throws Exception {
        hold(0, 50).settle(bill(30));
        Hold hold = hold(0, 40);
        storage.killAfter(0);
        assertThatThrownBy(() -> hold.settle(bill(11))).isInstanceOf(MemoryStorage.Killed.class);

        reopen(2);

        assertThat(rows("SELECT kind || ' ' || cost FROM entries ORDER BY id"))
                .containsExactly("settled 30", "recovered 40");
    }

    @Test
    void aDamagedRecordBeforeTheEndIsToldWithFileAndOffset() throws Exception {
        for (int i = 0; i < 5; i++) {
            hold(0, 50).settle(bill(30));
        }
        ledger.keep();
        MemorySegment bytes = storage.bytes(new Storage.Name(0, 1));
        bytes.set(ValueLayout.JAVA_BYTE, 700, (byte) (bytes.get(ValueLayout.JAVA_BYTE, 700) ^ 1));

        assertThatThrownBy(() -> reopen(2))
                .isInstanceOf(JournalDamaged.class)
                .hasMessageMatching("journal 0-1 is damaged at offset \\d+: .*Put back a good copy.*");
    }

    @Test
    void aJournalOfAnotherVersionIsTold() throws Exception {
        hold(0, 50).settle(bill(30));
        ledger.keep();
        storage.bytes(new Storage.Name(0, 1)).set(ValueLayout.JAVA_BYTE, 8, (byte) 9);

        assertThatThrownBy(() -> reopen(2))
                .isInstanceOf(JournalDamaged.class)
                .hasMessageContaining("has version 9, this Lockkeeper reads 1");
    }

    @Test
    void aPowerCutLosesNothingThatWasForced() throws Exception {
        hold(0, 50).settle(bill(30));
        ledger.keep();
        hold(0, 40).settle(bill(20));
        storage.powerCut();

        reopen(2);

        assertThat(rows("SELECT cost FROM entries")).containsExactly("30");
    }

    @Test
    void nothingIsAppliedThatAPowerCutCouldTakeBack() throws Exception {
        Hold hold = hold(0, 50);
        ledger.keep();
        hold.settle(bill(30));
        while (ledger.apply()) {
            // Until all that may be applied is.
        }
        storage.powerCut();

        reopen(2);

        assertThat(rows("SELECT kind || ' ' || cost FROM entries")).containsExactly("recovered 50");
    }

    @Test
    void aNewBudgetKnowsWhatWasSpentInItsPeriod() throws Exception {
        hold(0, 10).settle(bill(10));
        clock.set(NOON + HOUR);
        hold(0, 20).settle(bill(20));
        hold(1, 40).settle(bill(40));
        Hold open = hold(1, 80);

        create(PROJECT, 1_000);
        create(Scope.endUser("proj", "ann"), 1_000, Period.Unit.TOTAL, true, false);
        create(Scope.endUser("proj", "bob"), 1_000, Period.Unit.TOTAL, true, false);

        assertThat(ledger.budgets().balances())
                .extracting(each -> each.spentNanos() + " " + each.heldNanos())
                .containsExactly("60 80", "70 80", "0 0");
        open.settle(bill(5));
        ledger.audit();
        reopen(2);
        assertThat(ledger.budgets().balances()).extracting(Balance::spentNanos).containsExactly(65L, 75L, 0L);
    }

    @Test
    void aBudgetOfAPartOfAnHourIsAddedUpFromTheEntries() throws Exception {
        ZoneId kathmandu = ZoneId.of("Asia/Kathmandu"); // 5:45 ahead
        clock.set(NOON + HOUR / 4 - 1);
        hold(0, 1).settle(bill(1));
        clock.set(NOON + HOUR / 4);
        hold(0, 2).settle(bill(2));
        clock.set(NOON + HOUR);
        hold(0, 4).settle(bill(4));

        ledger.budgets()
                .create(
                        new Budget.Wanted(
                                PROJECT,
                                new Period(Period.Unit.HOUR, kathmandu),
                                false,
                                new Budget.Terms(100, true, List.of())),
                        List.of());

        assertThat(balance().spentNanos()).isEqualTo(6);
    }

    @Test
    void budgetsSurviveARestartAsTheyStand() throws Exception {
        create(PROJECT, 100, Period.Unit.HOUR, true, true);
        hold(0, 30).settle(bill(30));
        clock.set(NOON + HOUR);
        hold(0, 10).settle(bill(10));
        ledger.budgets().change(1, new Budget.Terms(150, true, List.of(50)), List.of());
        hold(0, 5).settle(bill(5));
        Balance before = balance();
        assertThat(before.grantedNanos()).isEqualTo(220);

        reopen(2);

        assertThat(balance()).isEqualTo(before);
        ledger.budgets().close(1);
        reopen(2);
        assertThat(ledger.budgets().balances()).isEmpty();
    }

    @Test
    void aClockThatWasSetBackBeforeARestartReopensNothing() throws Exception {
        create(PROJECT, 100);
        clock.set(NOON + HOUR);
        hold(0, 100).settle(bill(100));
        clock.set(NOON);

        reopen(2);

        assertThat(ledger.hold(0, ask(1))).isInstanceOf(Holding.Exhausted.class);
    }

    @Test
    void anOverrunIsBookedInFullAndTold() throws Exception {
        create(PROJECT, 100);
        hold(0, 90).settle(bill(130));
        ledger.step();

        assertThat(rows("SELECT kind || ' ' || cost || ' ' || overrun FROM entries"))
                .containsExactly("overrun 130 30");
        assertThat(balance().overrunNanos()).isEqualTo(30);
        assertThat(new Alerts(database).list(null, null, new Page(null, 10)).elements())
                .extracting(Alerts.Told::alert)
                .filteredOn(each -> each.kind() == Alert.Kind.OVERRUN)
                .singleElement()
                .satisfies(alert -> assertThat(alert.id()).isEqualTo("bud_1:" + NOON + ":overrun"))
                .satisfies(alert -> assertThat(alert.text()).contains("billed $0.00000013 where $0.00000009 were"));
    }

    @Test
    void anAlertIsWrittenOnceForEachPercentage() throws Exception {
        create(PROJECT, 100, Period.Unit.HOUR, true, false);
        hold(0, 60).settle(bill(60));
        ledger.step();
        ledger.step();
        hold(0, 35).settle(bill(35));
        ledger.step();
        List<String> expected = List.of("bud_1:" + NOON + ":50", "bud_1:" + NOON + ":90");
        assertThat(rows("SELECT id FROM alerts ORDER BY id")).isEqualTo(expected);

        reopen(2);
        ledger.step();
        assertThat(rows("SELECT id FROM alerts ORDER BY id")).isEqualTo(expected);
        assertThat(new Alerts(database).due(NOON, 1).getFirst().alert().text())
                .isEqualTo(
                        "Budget bud_1 of project:proj has reached 50%: $0.00000006 of $0.0000001 are spent in the hour"
                                + " from 2026-11-21T12:00:00Z.");
    }

    @Test
    void anAlertMovesOnForOneOfThoseWhoReadIt() throws Exception {
        create(PROJECT, 100);
        hold(0, 60).settle(bill(60));
        ledger.step();
        Alerts alerts = new Alerts(database);
        Alerts.Told read = alerts.due(NOON, 10).getFirst();

        assertThat(alerts.move(read, Alerts.State.WAITING, 1, NOON + 5, "away")).isNotNull();
        assertThat(alerts.move(read, Alerts.State.DELIVERED, 1, NOON, "")).isNull();
        assertThat(alerts.due(NOON + 4, 10)).isEmpty();
        Alerts.Told due = alerts.due(NOON + 5, 10).getFirst();
        assertThat(due.trouble()).isEqualTo("away");
        assertThat(alerts.move(due, Alerts.State.DELIVERED, 2, NOON, "")).isNotNull();
        assertThat(alerts.list(Alerts.State.DELIVERED, null, new Page(null, 10)).elements())
                .hasSize(1);
        assertThat(alerts.list(Alerts.State.WAITING, null, new Page(null, 10)).elements())
                .isEmpty();
        alerts.forgetOld(NOON + Alerts.KEPT_MILLIS);
        assertThat(alerts.list(null, null, new Page(null, 10)).elements()).hasSize(1);
        alerts.forgetOld(NOON + Alerts.KEPT_MILLIS + 1);
        assertThat(alerts.list(null, null, new Page(null, 10)).elements()).isEmpty();
    }

    /** Spends in the hours of this weekday in the weeks before, the farthest first; then in this one. */
    private List<String> surge(long amount, long now, long... before) throws Exception {
        create(PROJECT, amount, Period.Unit.TOTAL, false, false);
        for (int i = 0; i < before.length; i++) {
            rollup(NOON - (before.length - i) * 7L * 24 * HOUR, before[i]);
        }
        clock.set(NOON + HOUR / 2);
        hold(0, now).settle(bill(now));
        ledger.step();
        ledger.budgets().lookForSurges();
        ledger.budgets().lookForSurges();
        return rows("SELECT id || ' ' || percent || ' ' || base || ' ' || spent FROM alerts WHERE kind = 'surge'");
    }

    private void rollup(long hour, long cost) {
        String zeros = ", 0".repeat(Counts.COLUMNS.length);
        database.<Integer>write(
                handle -> handle.execute(
                        "INSERT INTO rollups VALUES (?, 'org', 'proj', 'key', 'ann', 'gpt', 'openai', 'tag', 1, 0, ?, 0"
                                + zeros + ")",
                        hour,
                        cost),
                _ -> {});
    }

    @Test
    void anHourThatCostsThriceTheUsualIsToldOnce() throws Exception {
        assertThat(surge(1_000_000, 30_000, 8_000, 12_000)).containsExactly("bud_1:" + NOON + ":surge 300 10000 30000");
        assertThat(new Alerts(database)
                        .list(null, null, new Page(null, 10))
                        .elements()
                        .getFirst()
                        .alert()
                        .text())
                .isEqualTo("Budget bud_1 of project:proj spends fast: $0.00003 in the hour from 2026-11-21T12:00:00Z,"
                        + " which usually costs $0.00001.");
    }

    @Test
    void anHourBelowThriceTheUsualIsNoSurge() throws Exception {
        assertThat(surge(1_000_000, 29_999, 8_000, 12_000)).isEmpty();
    }

    @Test
    void oneWeekOfHistoryMakesNothingUsual() throws Exception {
        assertThat(surge(1_000_000, 500_000, 10_000)).isEmpty();
    }

    @Test
    void anHourInWhichNobodyEverCalledIsASurgeWhenSomebodyDoes() throws Exception {
        rollup(NOON - 15 * 24 * HOUR, 5);
        assertThat(surge(1_000_000, 10_000))
                .containsExactly("bud_1:" + NOON + ":surge " + Integer.MAX_VALUE + " 0 10000");
    }

    @Test
    void aHundredthOfABudgetIsNeverASurge() throws Exception {
        assertThat(surge(1_000_000, 9_999, 1, 1, 1, 1)).isEmpty();
    }

    @Test
    void whatIsChosenForASurgeAndForTheEndOfABudgetOutlivesARestart() throws Exception {
        create(PROJECT, 100);
        Budget.Terms terms = new Budget.Terms(100, true, List.of(80), 0, "cheap");
        List<String> seen = new ArrayList<>();
        assertThat(ledger.budgets()
                        .change(1, terms, List.of(), (_, id, before, after) -> seen.add(id + before + after)))
                .isInstanceOf(Budgets.Changed.Done.class);
        assertThat(seen.getFirst())
                .startsWith("bud_1{")
                .contains("\"fallback_model\":null", "\"fallback_model\":\"cheap\"", "\"surge_percent\":0");

        reopen(1);
        assertThat(balance().budget().terms()).isEqualTo(terms);
        hold(0, 100).settle(bill(100));
        assertThat(ledger.hold(0, ask(1)))
                .isInstanceOfSatisfying(
                        Holding.Exhausted.class,
                        end -> assertThat(end.budget().terms().fallbackModel()).isEqualTo("cheap"));
        assertThat(ledger.budgets().change(1, new Budget.Terms(9, false, List.of(), 0, "cheap"), List.of()))
                .isInstanceOfSatisfying(
                        Budgets.Changed.Refused.class,
                        refused -> assertThat(refused.field()).isEqualTo("fallback_model"));
        assertThat(ledger.budgets().change(1, new Budget.Terms(9, true, List.of(), 100, ""), List.of()))
                .isInstanceOfSatisfying(
                        Budgets.Changed.Refused.class,
                        refused -> assertThat(refused.field()).isEqualTo("surge_percent"));
    }

    @Test
    void nothingIsLostWhileTheDatabaseIsGone() throws Exception {
        create(PROJECT, 1_000);
        hold(0, 40).settle(bill(10)); // more is leased than that
        Database gone = database;
        gone.close();
        ledger.keep();
        assertThatThrownBy(ledger::apply).isInstanceOf(RuntimeException.class);
        hold(1, 20).settle(bill(20));
        assertThat(ledger.lag().records()).isEqualTo(4);
        assertThat(ledger.lag().trouble()).isNotNull();

        database = kind.open(temp);
        reopen(2);

        assertThat(rows("SELECT cost FROM entries ORDER BY cost")).containsExactly("10", "20");
        assertThat(balance().spentNanos()).isEqualTo(30);
    }

    @Test
    void aLowDiskRefusesNewHoldsAndNoEnds() throws Exception {
        Hold open = hold(0, 10);
        storage.free = 999;
        ledger.lookAtDisk();

        assertThat(ledger.hold(0, ask(1)))
                .isInstanceOfSatisfying(
                        Holding.Closed.class, no -> assertThat(no.why()).contains("the disk is low: 999 bytes"));
        open.settle(bill(10));
        storage.free = 1_000;
        ledger.lookAtDisk();
        assertThat(ledger.hold(0, ask(1))).isInstanceOf(Holding.Granted.class);
    }

    @Test
    void whereTheJournalCanNotBeExtendedHoldsAreRefusedBeforeAnEndLacksRoom() throws Exception {
        List<Hold> open = new ArrayList<>();
        while (open.size() < 100 && ledger.hold(0, ask(1)) instanceof Holding.Granted(Hold hold)) {
            open.add(hold);
        }
        assertThat(open).hasSizeBetween(5, 99);
        open.forEach(each -> each.settle(bill(1)));
        ledger.step();

        assertThat(rows("SELECT count(*) FROM entries")).containsExactly(Integer.toString(open.size()));
        assertThat(ledger.hold(0, ask(1))).isInstanceOf(Holding.Granted.class);
    }

    @Test
    void badWishesAreToldWithFieldValueAndReason() {
        create(PROJECT, 100, Period.Unit.DAY, true, false);

        assertThat(wish(-1, Period.Unit.DAY, false, List.of(), List.of()))
                .isEqualTo(new Budgets.Changed.Refused("amount", "-$0.000000001", "expected: $0.00 to $1000000000.00"));
        assertThat(wish(10, Period.Unit.TOTAL, true, List.of(), List.of()))
                .isEqualTo(
                        new Budgets.Changed.Refused("carry_over", "true", "a budget over all time has no next period"));
        assertThat(wish(10, Period.Unit.DAY, false, List.of(50, 50), List.of()))
                .isEqualTo(new Budgets.Changed.Refused(
                        "alerts", "[50, 50]", "expected: percentages from 1 to 1000, ascending"));
        assertThat(wish(101, Period.Unit.HOUR, false, List.of(), List.of(PROJECT)))
                .isEqualTo(new Budgets.Changed.Refused(
                        "amount",
                        "$0.000000101",
                        "it could never be reached: bud_1 of project:proj allows $0.0000001 per day"));
        assertThat(wish(101, Period.Unit.MONTH, false, List.of(), List.of(PROJECT)))
                .isInstanceOf(Budgets.Changed.Done.class);
        assertThat(ledger.budgets().close(9))
                .isEqualTo(new Budgets.Changed.Refused("budget", "bud_9", "no such budget stands; see the list"));
    }

    private Budgets.Changed wish(
            long amount, Period.Unit unit, boolean carry, List<Integer> alerts, List<Scope> within) {
        return ledger.budgets()
                .create(
                        new Budget.Wanted(
                                new Scope(Scope.Kind.KEY, "key"),
                                new Period(unit, ZoneOffset.UTC),
                                carry,
                                new Budget.Terms(amount, true, alerts)),
                        within);
    }

    private void create(Scope scope, long amount) {
        create(scope, amount, Period.Unit.HOUR, true, false);
    }

    private void create(Scope scope, long amount, Period.Unit unit, boolean hard, boolean carry) {
        Budgets.Changed made = ledger.budgets()
                .create(
                        new Budget.Wanted(
                                scope,
                                new Period(unit, ZoneOffset.UTC),
                                carry,
                                new Budget.Terms(amount, hard, Budget.Terms.DEFAULT_ALERTS)),
                        List.of());
        assertThat(made).isInstanceOf(Budgets.Changed.Done.class);
    }

    private Hold hold(int loop, long nanos) {
        return ((Holding.Granted) ledger.hold(loop, ask(nanos))).hold();
    }

    private static Ask ask(long nanos) {
        return new Ask("call", 1, PAYER, "openai", "gpt", "gpt-x", nanos, nanos, nanos);
    }

    private static Bill bill(long cost) {
        return new Bill(cost, Usage.of(1, 1), false, "chat.completions", 200, "served", NOON, 1);
    }

    private Balance balance() {
        ledger.audit();
        return ledger.budgets().balances().getFirst();
    }

    private List<String> rows(String sql) {
        return database.write(
                handle -> handle.createQuery(sql).mapTo(String.class).list(), _ -> {});
    }
}
