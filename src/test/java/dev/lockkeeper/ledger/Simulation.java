package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.units.Usage;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One run: a ledger under steps, and beside it what must be in the books. */
final class Simulation {
    private static final List<Payer> PAYERS = List.of(
            new Payer("org", "a", "k1", "", ""),
            new Payer("org", "a", "k1", "ann", "t"),
            new Payer("org", "a", "k2", "ann", ""),
            new Payer("org", "b", "k3", "ann", ""),
            new Payer("two", "c", "k4", "", ""));
    private static final List<String> MODELS = List.of("gpt", "gpt-mini");
    private static final List<Scope> SCOPES = List.of(
            new Scope(Scope.Kind.ORGANIZATION, "org"),
            new Scope(Scope.Kind.PROJECT, "a"),
            new Scope(Scope.Kind.PROJECT, "b"),
            new Scope(Scope.Kind.KEY, "k1"),
            Scope.endUser("a", "ann"),
            new Scope(Scope.Kind.MODEL, "gpt"),
            new Scope(Scope.Kind.PROVIDER, "openai"));
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
    private static final LedgerSettings SMALL = new LedgerSettings(60, 0, 16 << 10, Duration.ofMillis(50));

    /** A step; what it picks from is counted modulo how many there are. */
    sealed interface Step {}

    record Take(int loop, int who, long least, long more, long likely) implements Step {}

    record Grow(int which, long nanos, boolean all) implements Step {}

    /** Settles for a part of what is held, or for so much more when the upstream billed beyond it. */
    record Settle(int which, int percent, boolean beyond) implements Step {}

    record Release(int which) implements Step {}

    /** What it costs will be known later: it outlives the process. */
    record Await(int which) implements Step {}

    record Create(int scope, long amount, Period.Unit unit, boolean hard, boolean carry) implements Step {}

    record Change(int which, long amount, boolean hard) implements Step {}

    record Close(int which) implements Step {}

    record Clocks(int minutes) implements Step {}

    enum Chore {
        KEEP,
        APPLY,
        ALL,
        FAIL_BEFORE,
        FAIL_AFTER
    }

    record Chores(Chore chore) implements Step {}

    record Kill(int records) implements Step {}

    record Restart(int loops) implements Step {}

    /** What must be in the books once. */
    private record Booked(Payer payer, String model, long at, long cost) {}

    private record Open(Hold hold, long held) {}

    /** Named by its id: after a restart another object stands for the same hold. */
    private static Awaited awaited(int number, long until) {
        return new Awaited(
                number % 2 == 0 ? Awaited.Kind.RESPONSE : Awaited.Kind.BATCH,
                "resp_" + number,
                "/v1/responses",
                "flex",
                number,
                2L * number,
                until);
    }

    private int waited;

    private final MemoryStorage storage = new MemoryStorage();
    private final SetClock clock = new SetClock(Instant.parse("2026-10-24T22:10:00Z")); // the clocks are set that night
    private final Database database;
    private final FaultyStore store;

    @SuppressWarnings("NullAway.Init") // run() begins with a start
    private Ledger ledger;

    private int loops = 2;
    private long latest = clock.millis();
    private final List<Open> open = new ArrayList<>();
    private final List<Booked> booked = new ArrayList<>();

    @SuppressWarnings("NullAway.Init")
    Simulation(Database database) {
        this.database = database;
        this.store = new FaultyStore(database, 1);
    }

    /** Takes all of the books from a database. */
    static void empty(Database database) {
        database.<Integer>write(
                handle -> {
                    for (String table : List.of(
                            "entries",
                            "rollups",
                            "rollup_hours",
                            "rollup_days",
                            "alerts",
                            "leases",
                            "accounts",
                            "budgets",
                            "open_holds",
                            "journals")) {
                        handle.execute("DELETE FROM " + table);
                    }
                    return 0;
                },
                _ -> {});
    }

    void run(List<Step> steps) throws IOException {
        empty(database);
        restart(2);
        for (Step step : steps) {
            Map<Long, Balance> before = balances();
            try {
                take(step);
            } catch (MemoryStorage.Killed killed) {
                restart(1 + booked.size() % 3);
            } catch (FaultyStore.Failed gone) {
                continue; // It is tried again.
            }
            ledger.audit();
            check(step, before, balances());
        }
        storage.restart();
        store.fault = FaultyStore.Fault.NONE;
        while (!open.isEmpty()) {
            settle(0, 1);
        }
        finish();
        long time = ledger.time();
        Map<Long, Balance> before = balances();
        restart(2);
        if (ledger.time() == time) {
            assertThat(balances())
                    .as("what is carried over is the same after a restart")
                    .isEqualTo(before);
        }
        finish();
    }

    private void take(Step step) throws IOException {
        switch (step) {
            case Take(int loop, int who, long least, long more, long likely) -> {
                Ask ask = new Ask(
                        "call" + booked.size(),
                        1,
                        PAYERS.get(who % PAYERS.size()),
                        "openai",
                        MODELS.get(who % MODELS.size()),
                        "gpt-x",
                        least,
                        least + more,
                        likely);
                if (ledger.hold(loop % loops, ask) instanceof Holding.Granted(Hold hold)) {
                    assertThat(hold.atMillis).isEqualTo(latest);
                    assertThat(hold.grantedNanos()).isLessThanOrEqualTo(least + more);
                    open.add(new Open(hold, hold.grantedNanos()));
                }
            }
            case Grow(int which, long nanos, boolean all) -> {
                if (!open.isEmpty()) {
                    int at = which % open.size();
                    Open grown = open.get(at);
                    long more = all ? (grown.hold.grow(nanos) ? nanos : 0) : grown.hold.growUpTo(nanos);
                    open.set(at, new Open(grown.hold, grown.held + more));
                    assertThat(grown.hold.grantedNanos()).isEqualTo(grown.held + more);
                }
            }
            case Settle(int which, int percent, boolean beyond) -> {
                if (!open.isEmpty()) {
                    int at = which % open.size();
                    long held = open.get(at).held;
                    settle(at, beyond && percent > 80 ? held + percent : held * percent / 100);
                }
            }
            case Release(int which) -> {
                if (!open.isEmpty()) {
                    int at = which % open.size();
                    open.get(at).hold.release();
                    open.remove(at);
                }
            }
            case Await(int which) -> {
                if (!open.isEmpty()) {
                    Hold hold = open.get(which % open.size()).hold;
                    Awaited what = awaited(++waited, clock.millis());
                    if (hold.pending() == null && hold.await(what)) {
                        assertThat(hold.pending()).isNotNull();
                    }
                }
            }
            case Create(int scope, long amount, Period.Unit unit, boolean hard, boolean carry) ->
                ledger.budgets()
                        .create(
                                new Budget.Wanted(
                                        SCOPES.get(scope % SCOPES.size()),
                                        new Period(unit, BERLIN),
                                        carry && unit != Period.Unit.TOTAL,
                                        new Budget.Terms(amount, hard, Budget.Terms.DEFAULT_ALERTS)),
                                List.of());
            case Change(int which, long amount, boolean hard) -> {
                List<Long> numbers = List.copyOf(balances().keySet());
                if (!numbers.isEmpty()) {
                    ledger.budgets()
                            .change(
                                    numbers.get(which % numbers.size()),
                                    new Budget.Terms(amount, hard, List.of()),
                                    List.of());
                }
            }
            case Close(int which) -> {
                List<Long> numbers = List.copyOf(balances().keySet());
                if (!numbers.isEmpty()) {
                    ledger.budgets().close(numbers.get(which % numbers.size()));
                }
            }
            case Clocks(int minutes) -> {
                clock.forward(Duration.ofMillis(minutes * 60_000L));
                latest = Math.max(latest, clock.millis());
            }
            case Chores(Chore chore) -> {
                switch (chore) {
                    case KEEP -> ledger.keep();
                    case APPLY -> ledger.apply();
                    case ALL -> ledger.step();
                    case FAIL_BEFORE -> store.fault = FaultyStore.Fault.BEFORE;
                    case FAIL_AFTER -> store.fault = FaultyStore.Fault.AFTER;
                }
            }
            case Kill(int records) -> storage.killAfter(records);
            case Restart(int wanted) -> restart(wanted);
        }
    }

    private void settle(int at, long cost) {
        Hold hold = open.get(at).hold;
        hold.settle(new Bill(cost, Usage.of(cost, 1), false, "chat", 200, "served", 0, 0));
        open.remove(at);
        booked.add(new Booked(hold.ask.payer(), hold.ask.model(), hold.atMillis, cost));
    }

    /** The process is gone: what was open is booked at what it held. */
    private void restart(int wanted) throws IOException {
        storage.restart();
        store.fault = FaultyStore.Fault.NONE;
        loops = wanted;
        ledger = Ledger.open(store, storage, loops, clock, SMALL);
        ledger.keep();
        Map<String, Hold> waiting = new HashMap<>();
        for (Hold each : ledger.waiting()) {
            assertThat(each.loop()).isLessThan(loops);
            assertThat(waiting.put(awaited(each).id(), each)).isNull();
        }
        List<Open> left = new ArrayList<>();
        for (Open each : open) {
            Ask ask = each.hold.ask;
            Pending pending = each.hold.pending();
            if (pending == null) {
                booked.add(new Booked(ask.payer(), ask.model(), each.hold.atMillis, each.held));
            } else {
                Hold same = waiting.remove(pending.awaited().id());
                if (same == null) {
                    throw new AssertionError(pending + " is lost");
                }
                assertThat(awaited(same)).isEqualTo(pending.awaited());
                assertThat(same.grantedNanos()).isEqualTo(each.held);
                assertThat(same.atMillis).isEqualTo(pending.sinceMillis());
                left.add(new Open(same, each.held));
            }
        }
        assertThat(waiting).isEmpty();
        open.clear();
        open.addAll(left);
        ledger.audit();
        // A clock that was set forward and told to nobody is forgotten.
        latest = ledger.time();
    }

    private static Awaited awaited(Hold hold) {
        Pending pending = hold.pending();
        if (pending == null) {
            throw new AssertionError("a hold is left that waits for nothing");
        }
        return pending.awaited();
    }

    private Map<Long, Balance> balances() {
        Map<Long, Balance> all = new HashMap<>();
        ledger.budgets().balances().forEach(each -> all.put(each.budget().number(), each));
        return all;
    }

    /** Nothing that a call does may bring a hard budget below zero, but for overruns. */
    private static void check(Step step, Map<Long, Balance> before, Map<Long, Balance> after) {
        if (step instanceof Change || step instanceof Create) {
            return;
        }
        after.forEach((number, now) -> {
            Balance then = before.get(number);
            boolean beyond = step instanceof Settle(int _, int _, boolean more) && more;
            if (then == null || !now.budget().terms().hard() || (now.budget().carryOver() && beyond)) {
                return;
            }
            if (now.startMillis() < then.startMillis()) {
                // Only a restart, and only where nobody had used the later period.
                assertThat(then.spentNanos() + then.heldNanos())
                        .as("%s of %s", step, then)
                        .isZero();
                return;
            }
            boolean same = then.startMillis() == now.startMillis();
            long least = same ? Math.min(0, then.freeNanos()) : 0;
            long overran = now.overrunNanos() - (same ? then.overrunNanos() : 0);
            assertThat(now.freeNanos() + overran).as("%s of %s", step, now).isGreaterThanOrEqualTo(least);
        });
    }

    /** Memory, database and what must be booked are the same. */
    private void finish() throws IOException {
        ledger.step();
        ledger.audit();
        assertThat(number("SELECT count(*) FROM entries")).isEqualTo(booked.size());
        assertThat(number("SELECT count(*) FROM open_holds")).isZero();
        long all = booked.stream().mapToLong(Booked::cost).sum();
        assertThat(number("SELECT coalesce(sum(cost), 0) FROM entries")).isEqualTo(all);
        for (String table : List.of("rollups", "rollup_hours", "rollup_days")) {
            assertThat(number("SELECT coalesce(sum(calls), 0) FROM " + table)).isEqualTo(booked.size());
            assertThat(number("SELECT coalesce(sum(cost), 0) FROM " + table)).isEqualTo(all);
        }
        for (Balance each : ledger.budgets().balances()) {
            long spent = booked.stream()
                    .filter(one -> in(each.budget().scope(), one))
                    .filter(one -> each.startMillis() <= one.at && one.at < each.endMillis())
                    .mapToLong(Booked::cost)
                    .sum();
            assertThat(each.spentNanos()).as("%s", each).isEqualTo(spent);
            assertThat(each.heldNanos()).isZero();
            assertThat(number("SELECT coalesce(sum(spent), 0) FROM accounts WHERE budget = "
                            + each.budget().number() + " AND period_start = " + each.startMillis()))
                    .isEqualTo(spent);
        }
    }

    private static boolean in(Scope scope, Booked one) {
        return switch (scope.kind()) {
            case ORGANIZATION -> one.payer.organization().equals(scope.id());
            case PROJECT -> one.payer.project().equals(scope.id());
            case KEY -> one.payer.key().equals(scope.id());
            case END_USER -> (one.payer.project() + "/" + one.payer.endUser()).equals(scope.id());
            case MODEL -> one.model.equals(scope.id());
            case PROVIDER -> true;
        };
    }

    private long number(String sql) {
        return database.write(
                handle -> handle.createQuery(sql).mapTo(Long.class).one(), _ -> {});
    }
}
