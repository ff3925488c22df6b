package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * 200 callers at once on one budget of a dollar, over three ledgers on one PostgreSQL, one of which is killed in between; by
 * seeds.
 */
class SharedDollarTest {
    /** More by {@code -Dlockkeeper.dollar-runs=100}. */
    private static final int RUNS = Integer.getInteger("lockkeeper.dollar-runs", 3);

    private static final int NODES = 3;
    private static final int CALLERS = 200;
    private static final int MOST_STEPS = 100_000;
    private static final long CENT = Money.DOLLAR / 100;
    private static final long SLICE = CENT / 4;
    private static final Payer PAYER = new Payer("org", "proj", "key", "", "");
    private static final LedgerSettings SETTINGS = new LedgerSettings(CALLERS, 0, 1 << 20, Duration.ofMillis(50));

    @TempDir
    Path temp;

    @Test
    void itIsNeverOverspentAndNearlyAllOfItIsSpent() throws Exception {
        List<String> told = new ArrayList<>();
        for (int seed = 0; seed < RUNS; seed++) {
            try (Database database = Stores.POSTGRESQL.open(temp.resolve("" + seed))) {
                told.add(new Run(database, seed).run());
            } catch (AssertionError e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        if (RUNS > 3) {
            told.forEach(System.out::println);
        }
    }

    private static final class Run {
        private final Database database;
        private final RandomGenerator chance;
        private final List<Ledger> nodes = new ArrayList<>();
        private final List<Call> running = new ArrayList<>();
        private final IdentityHashMap<Ledger, Long> spentBy = new IdentityHashMap<>();
        private long spent;

        /** What calls held that were cut off by the kill. */
        private long cut;

        Run(Database database, int seed) throws Exception {
            this.database = database;
            this.chance = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
            for (int i = 1; i <= NODES; i++) {
                Ledger opened = Ledger.open(new Store(database, i), new MemoryStorage(), 1, new SetClock(0), SETTINGS);
                opened.keep();
                nodes.add(opened);
            }
        }

        String run() throws Exception {
            Period ever = new Period(Period.Unit.TOTAL, ZoneOffset.UTC);
            nodes.getFirst()
                    .budgets()
                    .create(
                            new Budget.Wanted(
                                    new Scope(Scope.Kind.KEY, "key"),
                                    ever,
                                    false,
                                    new Budget.Terms(Money.DOLLAR, true, List.of())),
                            List.of());
            for (Ledger each : nodes) {
                each.hear();
            }
            int kill = chance.nextInt(20, 200);
            long lost = 0;
            int steps = 0;
            while (true) {
                assertThat(++steps).as("steps until a call is refused for good").isLessThan(MOST_STEPS);
                Ledger node = nodes.get(chance.nextInt(nodes.size()));
                if (steps == kill) {
                    lost = kill();
                } else if (chance.nextInt(12) == 0) {
                    node.lease();
                } else if (chance.nextInt(40) == 0) {
                    node.step();
                } else if (running.size() < CALLERS && chance.nextInt(3) > 0) {
                    Call call = Call.of(chance, node);
                    switch (node.hold(0, call.ask())) {
                        case Holding.Granted(Hold hold) -> {
                            call.hold = hold;
                            running.add(call);
                        }
                        case Holding.Exhausted no -> {
                            if (no.spentNanos() + no.lostNanos()
                                    > no.capNanos() - call.ask().leastNanos()) {
                                assertThat(spent + lost).isGreaterThanOrEqualTo(Money.DOLLAR / 100 * 95);
                                end();
                                return "refused for good after " + steps + " steps: " + new Money(spent) + " spent, "
                                        + new Money(lost) + " lost";
                            }
                        }
                        case Holding.Parked _, Holding.Closed _ -> throw new AssertionError();
                    }
                } else if (!running.isEmpty()) {
                    Call call = running.get(chance.nextInt(running.size()));
                    if (call.goOn()) {
                        ended(call);
                    }
                }
                check();
            }
        }

        private void ended(Call call) {
            running.remove(call);
            spent += call.billed;
            spentBy.merge(call.node, call.billed, Math::addExact);
        }

        private void check() {
            long held =
                    running.stream().mapToLong(each -> each.hold.grantedNanos()).sum();
            assertThat(spent + held + cut).isLessThanOrEqualTo(Money.DOLLAR);
            nodes.forEach(Ledger::audit);
        }

        /** One is killed, and noticed to be gone: what it had leased, and not spent, is lost. */
        private long kill() {
            int which = chance.nextInt(NODES);
            Ledger killed = nodes.remove(which);
            running.removeIf(each -> {
                boolean gone = each.node == killed;
                cut += gone ? each.hold.grantedNanos() : 0;
                return gone;
            });
            return database.write(
                    handle -> {
                        handle.execute("UPDATE nodes SET heard = 0 WHERE id = ?", which + 1);
                        // What it spent is not all in the database, either.
                        return handle.createQuery("SELECT coalesce(sum(granted), 0) FROM leases WHERE node = ?")
                                        .bind(0, which + 1)
                                        .mapTo(Long.class)
                                        .one()
                                - spentBy.getOrDefault(killed, 0L);
                    },
                    _ -> {});
        }

        private void end() throws Exception {
            while (!running.isEmpty()) {
                Call call = running.getFirst();
                if (call.goOn()) {
                    ended(call);
                }
                check();
            }
            for (Ledger each : nodes) {
                each.step();
                each.close();
            }
        }
    }

    /** A call of random cost: in one piece, or a stream that grows. */
    private static final class Call {
        private final Ledger node;
        private final boolean stream;
        private final long cost;
        private final long worst;
        private Hold hold;
        private long delivered;
        private long billed;

        @SuppressWarnings("NullAway.Init") // set when it is granted
        private Call(Ledger node, boolean stream, long cost, long worst) {
            this.node = node;
            this.stream = stream;
            this.cost = cost;
            this.worst = worst;
        }

        static Call of(RandomGenerator chance, Ledger node) {
            long worst = chance.nextLong(CENT / 10, 4 * CENT);
            return new Call(node, chance.nextBoolean(), chance.nextLong(CENT / 20, worst), worst);
        }

        Ask ask() {
            long first = stream ? Math.min(SLICE, worst) : worst;
            return new Ask("call", 1, PAYER, "openai", "gpt", "gpt-x", first, first, stream ? worst / 2 : worst);
        }

        /** Delivers a slice; settles at its end, or where there is no money for another one. */
        boolean goOn() {
            delivered = Math.min(cost, stream ? delivered + SLICE : cost);
            if (delivered < cost && hold.grow(SLICE)) {
                return false;
            }
            billed = Math.min(delivered, hold.grantedNanos());
            hold.settle(new Bill(billed, Usage.of(1, 1), false, "chat", 200, "served", 0, 0));
            return true;
        }
    }
}
