package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.testing.Stores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.opentest4j.TestAbortedException;

/**
 * Calls, budgets, clocks, crashes and failing databases by chance; after each step the sums add up, and at the end memory,
 * database and a model of few lines agree. What fails is shrunk to few steps.
 */
@SuppressWarnings("NullAway.Init") // set before the first property
class LedgerSimulationTest {
    private static Path folder;
    private static Database sqlite;

    @BeforeContainer
    static void open() throws Exception {
        folder = Files.createTempDirectory("ledger-simulation");
        sqlite = Stores.SQLITE.open(folder.resolve("sqlite"));
    }

    @AfterContainer
    static void close() throws IOException {
        sqlite.close();
        try (var files = Files.walk(folder)) {
            files.sorted(java.util.Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        }
    }

    @Property(tries = 150)
    void theBooksAddUpWhateverHappens(@ForAll("steps") List<Simulation.Step> steps) throws Exception {
        new Simulation(sqlite).run(steps);
    }

    @Property(tries = 6)
    void theBooksAddUpWhateverHappensOnPostgres(@ForAll("steps") List<Simulation.Step> steps) throws Exception {
        try (Database postgres = Stores.POSTGRESQL.open(folder.resolve("postgresql"))) {
            new Simulation(postgres).run(steps);
        } catch (TestAbortedException without) {
            assertThat(without).hasMessageContaining("PostgreSQL");
        }
    }

    /** It was leased when there was more, and a call that got nothing of it wants it still. */
    @Example
    void whatWasLeasedOfABudgetThatBecameSmallerIsNotHeldAnyMore() throws Exception {
        theBooksAddUpWhateverHappensOnPostgres(List.of(
                new Simulation.Create(0, 4, Period.Unit.HOUR, true, false),
                new Simulation.Take(0, 0, 82, 396, 11),
                new Simulation.Change(0, 0, true),
                new Simulation.Take(0, 2, 0, 298, 18)));
    }

    @Provide
    Arbitrary<List<Simulation.Step>> steps() {
        Arbitrary<Integer> any = Arbitraries.integers().between(0, 1_000);
        Arbitrary<Long> nanos = Arbitraries.longs().between(0, 400);
        Arbitrary<Simulation.Step> hold =
                Combinators.combine(any, any, nanos, nanos, nanos).as(Simulation.Take::new);
        Arbitrary<Simulation.Step> grow =
                Combinators.combine(any, nanos, Arbitraries.of(true, false)).as(Simulation.Grow::new);
        Arbitrary<Simulation.Step> settle = Combinators.combine(
                        any, Arbitraries.integers().between(0, 100), Arbitraries.of(true, false))
                .as(Simulation.Settle::new);
        Arbitrary<Simulation.Step> create = Combinators.combine(
                        any,
                        Arbitraries.longs().between(0, 4_000),
                        Arbitraries.of(Period.Unit.HOUR, Period.Unit.DAY, Period.Unit.TOTAL),
                        Arbitraries.of(true, true, false),
                        Arbitraries.of(true, false))
                .as(Simulation.Create::new);
        Arbitrary<Simulation.Step> change = Combinators.combine(
                        any, Arbitraries.longs().between(0, 4_000), Arbitraries.of(true, false))
                .as(Simulation.Change::new);
        return Arbitraries.frequencyOf(
                        Tuple.of(40, hold),
                        Tuple.of(15, grow),
                        Tuple.of(30, settle),
                        Tuple.of(3, any.map(Simulation.Release::new)),
                        Tuple.of(6, any.map(Simulation.Await::new)),
                        Tuple.of(3, create),
                        Tuple.of(2, change),
                        Tuple.of(1, any.map(Simulation.Close::new)),
                        Tuple.of(4, Arbitraries.integers().between(-90, 90).map(Simulation.Clocks::new)),
                        Tuple.of(8, Arbitraries.of(Simulation.Chore.values()).map(Simulation.Chores::new)),
                        Tuple.of(2, Arbitraries.integers().between(0, 12).map(Simulation.Kill::new)),
                        Tuple.of(1, Arbitraries.integers().between(1, 4).map(Simulation.Restart::new)))
                .list()
                .ofMinSize(20)
                .ofMaxSize(400);
    }
}
