package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Usage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three ledgers on one PostgreSQL, by seeds: calls, growth, kills, restarts, clocks that differ and jump, changed budgets and
 * a database that fails. After each step what all of them hold and have spent is compared with what may be spent.
 */
class LeaseSimulationTest {
    private static final int SEEDS = Integer.getInteger("lockkeeper.lease-seeds", 12);
    private static final int STEPS = 250;
    private static final long NOON = Instant.parse("2026-11-21T12:00:00Z").toEpochMilli();
    private static final LedgerSettings SMALL = new LedgerSettings(200, 0, 16 << 10, Duration.ofMillis(50));
    private static final List<Payer> PAYERS = List.of(
            new Payer("org", "a", "k1", "ann", ""),
            new Payer("org", "a", "k2", "", ""),
            new Payer("org", "b", "k3", "", ""));

    @TempDir
    Path temp;

    @Test
    void whatAllHoldAndHaveSpentIsNeverMoreThanTheBudgets() throws Exception {
        try (Database database = Stores.POSTGRESQL.open(temp)) {
            for (int seed = 0; seed < SEEDS; seed++) {
                try {
                    new Run(database, seed).run();
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed, e);
                }
            }
        }
    }

    private record Booked(Payer payer, long at, long cost) {}

    private static final class Open {
        final Gateway node;
        final Hold hold;
        long held;

        Open(Gateway node, Hold hold) {
            this.node = node;
            this.hold = hold;
            this.held = hold.grantedNanos();
        }
    }

    private static final class Gateway {
        final MemoryStorage storage = new MemoryStorage();
        final SetClock clock = new SetClock(NOON);
        final FaultyStore store;
        boolean dead = true;

        @SuppressWarnings("NullAway.Init") // started before it is used
        Ledger ledger;

        Gateway(Database database, long number) {
            store = new FaultyStore(database, number);
        }

        void start() throws IOException {
            storage.restart();
            store.fault = FaultyStore.Fault.NONE;
            ledger = Ledger.open(store, storage, 2, clock, SMALL);
            ledger.keep();
            dead = false;
        }
    }

    private static final class Run {
        private final Database database;
        private final RandomGenerator chance;
        private final List<Gateway> nodes = new ArrayList<>();
        private final List<Open> open = new ArrayList<>();
        private final List<Booked> booked = new ArrayList<>();

        /** The highest amount that each budget ever had. */
        private final Map<Long, Long> most = new HashMap<>();

        /** Budgets of which more may be spent: calls ran before they were there. */
        private final Set<Long> late = new HashSet<>();

        private final List<Budget> budgets = new ArrayList<>();
        private final boolean fences;
        private final boolean overruns;
        private boolean overran;

        Run(Database database, int seed) {
            this.database = database;
            this.overruns = seed % 4 == 3;
            this.fences = seed % 3 == 2;
            this.chance = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        }

        void run() throws IOException {
            Simulation.empty(database);
            for (int i = 1; i <= 3; i++) {
                nodes.add(new Gateway(database, i));
            }
            for (Gateway each : nodes) {
                each.start();
            }
            create(Scope.Kind.ORGANIZATION, "org", Period.Unit.TOTAL, 6_000, false);
            create(Scope.Kind.PROJECT, "a", Period.Unit.HOUR, 1_000, false);
            create(Scope.Kind.KEY, "k1", Period.Unit.HOUR, 300, true);
            for (Gateway each : nodes) {
                each.ledger.hear();
            }
            for (int i = 0; i < STEPS; i++) {
                Gateway node = nodes.get(chance.nextInt(nodes.size()));
                try {
                    step(node);
                } catch (MemoryStorage.Killed killed) {
                    kill(node);
                } catch (FaultyStore.Failed gone) {
                    // It is tried again.
                }
                check();
            }
            finish();
        }

        private void create(Scope.Kind kind, String id, Period.Unit unit, long amount, boolean carry) {
            Budgets.Changed made = nodes.getFirst()
                    .ledger
                    .budgets()
                    .create(
                            new Budget.Wanted(
                                    new Scope(kind, id),
                                    new Period(unit, ZoneOffset.UTC),
                                    carry,
                                    new Budget.Terms(amount, true, List.of())),
                            List.of());
            Budget budget = ((Budgets.Changed.Done) made).budget();
            budgets.add(budget);
            most.put(budget.number(), amount);
        }

        private void step(Gateway node) throws IOException {
            int what = chance.nextInt(100);
            if (node.dead) {
                if (what < 20) {
                    restart(node);
                }
            } else if (node.ledger.closed() != null && what < 40) {
                restart(node); // it was fenced
            } else if (what < 40) {
                long least = chance.nextLong(0, 120);
                long wanted = least + chance.nextLong(0, 60);
                Ask ask = new Ask(
                        "call",
                        1,
                        PAYERS.get(chance.nextInt(PAYERS.size())),
                        "openai",
                        "gpt",
                        "gpt-x",
                        least,
                        wanted,
                        chance.nextLong(0, 150));
                if (node.ledger.hold(chance.nextInt(2), ask) instanceof Holding.Granted(Hold hold)) {
                    open.add(new Open(node, hold));
                }
            } else if (what < 65) {
                Open one = ofNode(node);
                if (one != null) {
                    boolean beyond = overruns && chance.nextInt(30) == 0;
                    overran |= beyond;
                    long cost = beyond ? one.held + 10 : chance.nextLong(0, one.held + 1);
                    one.hold.settle(new Bill(cost, Usage.of(1, 1), false, "chat", 200, "served", 0, 0));
                    open.remove(one);
                    booked.add(new Booked(one.hold.ask.payer(), one.hold.atMillis, cost));
                }
            } else if (what < 75) {
                Open one = ofNode(node);
                if (one != null) {
                    one.held += one.hold.growUpTo(chance.nextLong(0, 100));
                }
            } else if (what < 87) {
                node.ledger.lease();
            } else if (what < 93) {
                node.ledger.step();
            } else if (what < 95) {
                node.store.fault = chance.nextBoolean() ? FaultyStore.Fault.BEFORE : FaultyStore.Fault.AFTER;
            } else if (what < 97) {
                node.clock.forward(Duration.ofMillis(chance.nextLong(-20, 60) * 60_000));
            } else if (what == 97) {
                change(node);
            } else if (what == 98) {
                if (chance.nextInt(4) == 0 && late.isEmpty()) {
                    create(Scope.Kind.PROJECT, "b", Period.Unit.TOTAL, 500, false);
                    late.add(budgets.getLast().number());
                }
            } else if (chance.nextInt(3) == 0) {
                fence(node);
            } else {
                node.storage.killAfter(chance.nextInt(4));
            }
        }

        /** Takes from another one, which is dead or not, what it has leased: what it held by then is beyond the budgets. */
        private void fence(Gateway by) {
            int which = chance.nextInt(nodes.size());
            if (!fences || nodes.get(which) == by) {
                return;
            }
            if (by.ledger.budgets().fence(which + 1, true, Witness.NOBODY) instanceof Node.Fenced.Done) {
                overran = true;
            }
        }

        private void change(Gateway node) {
            long number = budgets.get(chance.nextInt(budgets.size())).number();
            long amount = most.getOrDefault(number, 0L) * chance.nextLong(50, 120) / 100;
            if (node.ledger.budgets().change(number, new Budget.Terms(amount, true, List.of()), List.of())
                    instanceof Budgets.Changed.Done) {
                most.merge(number, amount, Math::max);
            }
        }

        private @Nullable Open ofNode(Gateway node) {
            List<Open> his = open.stream().filter(each -> each.node == node).toList();
            return his.isEmpty() ? null : his.get(chance.nextInt(his.size()));
        }

        private void kill(Gateway node) {
            node.dead = true;
        }

        private void restart(Gateway node) throws IOException {
            node.start();
            for (Open each : List.copyOf(open)) {
                if (each.node == node) {
                    open.remove(each);
                    booked.add(new Booked(each.hold.ask.payer(), each.hold.atMillis, each.held));
                }
            }
        }

        /** Over all nodes, those that are dead as well. */
        private void check() {
            for (Gateway each : nodes) {
                if (!each.dead) {
                    each.ledger.audit();
                }
            }
            if (overran) {
                return;
            }
            for (Budget each : budgets) {
                if (late.contains(each.number())) {
                    continue;
                }
                Map<Long, Long> used = new HashMap<>();
                open.forEach(one -> use(used, each, one.hold.ask.payer(), one.hold.atMillis, one.held));
                booked.forEach(one -> use(used, each, one.payer, one.at, one.cost));
                long cap = (each.carryOver() ? 2 : 1) * most.getOrDefault(each.number(), 0L);
                used.forEach((start, sum) ->
                        assertThat(sum).as("%s from %s", each.id(), start).isLessThanOrEqualTo(cap));
            }
        }

        private static void use(Map<Long, Long> used, Budget budget, Payer payer, long at, long nanos) {
            if (budget.scope().covers(payer, "gpt", "openai")) {
                used.merge(budget.period().start(at), nanos, Math::addExact);
            }
        }

        private void finish() throws IOException {
            for (Gateway each : nodes) {
                each.store.fault = FaultyStore.Fault.NONE;
                each.storage.restart();
                if (each.dead || each.ledger.closed() != null) {
                    restart(each);
                }
            }
            for (Open each : List.copyOf(open)) {
                each.hold.settle(new Bill(each.held, Usage.of(1, 1), false, "chat", 200, "served", 0, 0));
                booked.add(new Booked(each.hold.ask.payer(), each.hold.atMillis, each.held));
            }
            for (Gateway each : nodes) {
                each.ledger.step();
                each.ledger.audit();
            }
            assertThat(number("SELECT count(*) FROM entries")).isEqualTo(booked.size());
            long all = booked.stream().mapToLong(Booked::cost).sum();
            assertThat(number("SELECT coalesce(sum(cost), 0) FROM entries")).isEqualTo(all);
            for (Budget budget : budgets) {
                Map<Long, Long> spent = new HashMap<>();
                long first = budget.period().start(budget.createdMillis());
                booked.forEach(one -> {
                    if (one.at >= first) {
                        use(spent, budget, one.payer, one.at, one.cost);
                    }
                });
                spent.forEach((start, sum) -> assertThat(number("SELECT coalesce(sum(spent), 0) FROM accounts WHERE"
                                + " budget = " + budget.number() + " AND period_start = " + start))
                        .as("%s from %s", budget.id(), start)
                        .isEqualTo(sum));
            }
            for (Budget budget : budgets) {
                if (!budget.carryOver() && !late.contains(budget.number())) {
                    assertThat(number("SELECT coalesce(max(spent - overrun), 0) FROM accounts WHERE budget = "
                                    + budget.number()))
                            .as("%s without overruns", budget.id())
                            .isLessThanOrEqualTo(most.getOrDefault(budget.number(), 0L));
                }
            }
            assertThat(number("SELECT count(*) FROM leases WHERE granted < 0 OR wish < 0"))
                    .isZero();
            for (Gateway each : nodes) {
                each.ledger.close();
            }
            assertThat(number("SELECT count(*) FROM leases WHERE granted > spent"))
                    .isZero();
        }

        private long number(String sql) {
            return database.write(
                    handle -> handle.createQuery(sql).mapTo(Long.class).one(), _ -> {});
        }
    }
}
