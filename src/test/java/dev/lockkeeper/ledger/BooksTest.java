package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;

class BooksTest {
    private static final Payer PAYER = new Payer("org", "proj", "key", "", "");
    private static final long HOUR = 3_600_000;

    private final Books books = new Books(100, 0, false);

    @Test
    void aHoldTakesFromAllAccountsOrFromNone() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        add(2, new Scope(Scope.Kind.KEY, "key"), 50, true);

        assertThat(hold(60, 60, 60, 0)).isInstanceOfSatisfying(Holding.Exhausted.class, no -> {
            assertThat(no.budget().number()).isEqualTo(2);
            assertThat(no.capNanos()).isEqualTo(50);
            assertThat(no.opensMillis()).isEqualTo(HOUR);
        });
        assertThat(balance(1).heldNanos()).isZero();
        assertThat(granted(hold(10, 60, 60, 0)).grantedNanos).isEqualTo(50);
        assertThat(balance(1).freeNanos()).isEqualTo(50);
        assertThat(balance(2).freeNanos()).isZero();
        books.audit();
    }

    @Test
    void aRunningCallsGrowthComesBeforeANewCall() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        Hold running = granted(hold(10, 10, 80, 0));

        assertThat(hold(30, 30, 30, 0)).isInstanceOf(Holding.Exhausted.class);
        assertThat(hold(20, 20, 20, 0)).isInstanceOf(Holding.Granted.class);
        assertThat(books.grow(running, 70, 70)).isEqualTo(70);
        assertThat(books.grow(running, 1, 1)).isZero();
        books.audit();
    }

    @Test
    void costBeyondTheHoldIsTakenFromWhatIsFreeAndTheRestIsAnOverrun() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        Hold one = granted(hold(40, 40, 40, 0));
        Hold two = granted(hold(40, 40, 40, 0));

        assertThat(settle(one, 55)).isZero();
        assertThat(settle(two, 50)).isEqualTo(5);
        assertThat(balance(1).freeNanos()).isEqualTo(-5);
        assertThat(balance(1).overrunNanos()).isEqualTo(5);
        books.audit();
    }

    @Test
    void aSoftBudgetRefusesNothing() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, false);

        Hold hold = granted(hold(400, 400, 400, 0));

        assertThat(books.bounded(hold)).isFalse();
        assertThat(settle(hold, 500)).isZero();
        assertThat(balance(1).freeNanos()).isEqualTo(-400);
    }

    @Test
    void whatCostsNothingIsHeldWhereNothingIsLeft() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        settle(granted(hold(100, 100, 100, 0)), 120);

        assertThat(hold(0, 0, 0, 0)).isInstanceOf(Holding.Granted.class);
        assertThat(hold(1, 1, 1, 0)).isInstanceOf(Holding.Exhausted.class);
    }

    @Test
    void aBudgetMadeLaterHoldsWhatOpenHoldsHold() {
        Hold open = granted(hold(70, 70, 90, 0));
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 50, true);

        assertThat(balance(1).freeNanos()).isEqualTo(-20);
        assertThat(books.grow(open, 1, 1)).isZero();
        books.audit();
        settle(open, 30);
        assertThat(balance(1).freeNanos()).isEqualTo(20);
        books.audit();
    }

    @Test
    void aBudgetMadeBetweenAChargeAndItsRecordCountsItOnce() {
        Hold before = granted(hold(70, 70, 0, 0));
        Hold behind = granted(hold(70, 70, 0, 0));
        books.charge(before, 30);
        books.charge(behind, 40);
        Period hourly = new Period(Period.Unit.HOUR, ZoneOffset.UTC);
        Budget budget = new Budget(1, new Scope(Scope.Kind.KEY, "key"), hourly, false, terms(100, true), 0);
        Standing standing = books.add(budget, () -> new long[] {1_000});
        assertThat(balance(1).heldNanos()).isEqualTo(70);
        books.audit();

        books.strike(before, 999, 0); // the database adds it up: its record stands before the mark
        books.strike(behind, 1_000, 0);
        books.added(standing.current, 30, 0);
        books.loaded(standing);

        assertThat(balance(1).spentNanos()).isEqualTo(70);
        assertThat(balance(1).heldNanos()).isZero();
        books.audit();
    }

    @Test
    void callsAreParkedWhileABudgetIsAddedUp() {
        Period hourly = new Period(Period.Unit.HOUR, ZoneOffset.UTC);
        Budget budget = new Budget(1, new Scope(Scope.Kind.KEY, "key"), hourly, false, terms(100, true), 0);
        Standing standing = books.add(budget, () -> new long[1]);
        Holding.Parked parked = (Holding.Parked) hold(1, 1, 1, 0);
        assertThat(parked.ready().toCompletableFuture()).isNotDone();

        books.added(standing.current, 100, 0);
        books.loaded(standing);

        assertThat(parked.ready().toCompletableFuture()).isCompleted();
        assertThat(hold(1, 1, 1, 0)).isInstanceOf(Holding.Exhausted.class);
    }

    @Test
    void whatAnOldHoldOverspendsOfACarriedRestIsAnOverrun() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true, true);
        Hold old = granted(hold(50, 50, 0, 0));
        Hold now = granted(hold(150, 150, 0, HOUR));

        assertThat(settle(old, 80)).isEqualTo(30);
        assertThat(balanceAt(HOUR).freeNanos()).isEqualTo(-30);
        settle(now, 150);
        books.audit();
    }

    @Test
    void aHoldBelongsToThePeriodItWasTakenIn() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        Hold late = granted(hold(60, 60, 60, HOUR - 1));
        Hold next = granted(hold(100, 100, 100, HOUR));

        settle(late, 60);
        settle(next, 100);
        assertThat(balance(1).spentNanos()).isEqualTo(100);
        assertThat(hold(1, 1, 1, 2 * HOUR)).isInstanceOf(Holding.Granted.class);
    }

    @Test
    void aClockThatIsSetBackReopensNothing() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        settle(granted(hold(100, 100, 100, HOUR)), 100);

        assertThat(hold(1, 1, 1, 0)).isInstanceOf(Holding.Exhausted.class);
    }

    @Test
    void theRestIsCarriedOverAtMostOnce() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true, true);
        settle(granted(hold(30, 30, 30, 0)), 30);

        assertThat(granted(hold(0, 1_000, 0, HOUR)).grantedNanos).isEqualTo(170);
        assertThat(balanceAt(9 * HOUR).grantedNanos()).isEqualTo(200);
    }

    @Test
    void aHoldOfTheLastPeriodGrowsFromWhatWasCarriedOver() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true, true);
        Hold old = granted(hold(30, 30, 30, 0));
        Hold now = granted(hold(120, 120, 120, HOUR));

        assertThat(balanceAt(HOUR).grantedNanos()).isEqualTo(170);
        assertThat(books.grow(old, 51, 51)).isZero();
        assertThat(books.grow(old, 50, 50)).isEqualTo(50);
        assertThat(balanceAt(HOUR).freeNanos()).isZero();
        books.audit();
        settle(old, 10);
        assertThat(balanceAt(HOUR).grantedNanos()).isEqualTo(190);
        settle(now, 120);
        books.audit();
    }

    @Test
    void aChangedAmountAppliesAtOnce() {
        add(1, new Scope(Scope.Kind.PROJECT, "proj"), 100, true);
        granted(hold(60, 60, 60, 0));
        Budget before = balance(1).budget();

        books.change(new Budget(1, before.scope(), before.period(), false, terms(50, true), 0));

        assertThat(balance(1).freeNanos()).isEqualTo(-10);
        assertThat(hold(1, 1, 1, 0)).isInstanceOf(Holding.Exhausted.class);
        books.audit();
    }

    @Test
    void endUsersOfOneNameInTwoProjectsAreTwo() {
        add(1, Scope.endUser("proj", "ann"), 10, true);
        Ask hers = ask(new Payer("org", "proj", "key", "ann", ""), 11, 11, 11);
        Ask another = ask(new Payer("org", "other", "key", "ann", ""), 11, 11, 11);

        assertThat(hold(hers, 0)).isInstanceOf(Holding.Exhausted.class);
        assertThat(hold(another, 0)).isInstanceOf(Holding.Granted.class);
    }

    @Test
    void moreHoldsThanMayBeOpenAreRefused() {
        for (int i = 0; i < 100; i++) {
            granted(hold(0, 0, 0, 0));
        }
        assertThat(hold(0, 0, 0, 0)).isInstanceOf(Holding.Closed.class);
    }

    private void add(long number, Scope scope, long amount, boolean hard) {
        add(number, scope, amount, hard, false);
    }

    private void add(long number, Scope scope, long amount, boolean hard, boolean carry) {
        Period hourly = new Period(Period.Unit.HOUR, ZoneOffset.UTC);
        Standing standing =
                books.add(new Budget(number, scope, hourly, carry, terms(amount, hard), 0), () -> new long[1]);
        books.loaded(standing);
    }

    private static Budget.Terms terms(long amount, boolean hard) {
        return new Budget.Terms(amount, hard, List.of());
    }

    private Holding hold(long least, long wanted, long likely, long at) {
        return hold(ask(PAYER, least, wanted, likely), at);
    }

    @SuppressWarnings("NullAway") // The ledger is not called here.
    private Holding hold(Ask ask, long at) {
        return books.hold(null, 0, ask, at, true);
    }

    private static Ask ask(Payer payer, long least, long wanted, long likely) {
        return new Ask("call", 1, payer, "openai", "gpt", "gpt-x", least, wanted, likely);
    }

    private static Hold granted(Holding holding) {
        return ((Holding.Granted) holding).hold();
    }

    private long settle(Hold hold, long cost) {
        long overrun = books.charge(hold, cost);
        books.strike(hold, 0, overrun);
        return overrun;
    }

    private Balance balance(long number) {
        return books.balances(0).stream()
                .filter(each -> each.budget().number() == number)
                .findFirst()
                .orElseThrow();
    }

    private Balance balanceAt(long millis) {
        return books.balances(millis).getFirst();
    }
}
