package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.units.Usage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ledger with its own threads, on files. */
class LedgerFilesTest {
    private static final LedgerSettings SMALL = new LedgerSettings(1_000, 0, 64 << 10, Duration.ofMillis(5));
    private static final int LOOPS = 2;
    private static final int CALLS = 4_000;

    @TempDir
    Path temp;

    @Test
    void budgetsMadeWhileCallsRunMissNothingAndCountNothingTwice() throws Exception {
        try (Database database = Database.open(temp);
                Ledger ledger = Ledger.open(database, temp.resolve("journals"), LOOPS, Clock.systemUTC(), SMALL);
                ExecutorService loops = Executors.newFixedThreadPool(LOOPS)) {
            List<Future<Long>> running = new ArrayList<>();
            for (int i = 0; i < LOOPS; i++) {
                int loop = i;
                running.add(loops.submit(() -> calls(ledger, loop)));
            }
            for (int i = 0; i < 6; i++) {
                create(ledger);
                ledger.audit();
            }
            long spent = 0;
            for (Future<Long> each : running) {
                spent += each.get();
            }
            await().until(() -> ledger.lag().records() == 0);

            ledger.audit();
            assertThat(ledger.budgets().balances())
                    .hasSize(6)
                    .extracting(Balance::spentNanos)
                    .containsOnly(spent);
            assertThat(numbers(database, "SELECT spent FROM accounts")).containsOnly(spent);
            assertThat(numbers(database, "SELECT sum(cost) FROM entries")).containsExactly(spent);
            assertThat(numbers(database, "SELECT count(*) FROM entries")).containsExactly((long) LOOPS * CALLS);
            await().untilAsserted(() -> assertThat(ledger.journalBytes()).isLessThan(16L * (64 << 10)));
        }
    }

    /** Calls of a loop; those that are parked ask again. */
    private static long calls(Ledger ledger, int loop) throws Exception {
        long spent = 0;
        for (int i = 0; i < CALLS; i++) {
            Hold hold = granted(ledger, loop, i);
            boolean _ = hold.grow(5);
            hold.settle(bill(i % 7));
            spent += i % 7;
        }
        return spent;
    }

    private static Hold granted(Ledger ledger, int loop, int call) throws Exception {
        Ask ask = ask(loop + "-" + call);
        while (true) {
            switch (ledger.hold(loop, ask)) {
                case Holding.Granted(Hold hold) -> {
                    return hold;
                }
                case Holding.Parked(var ready) -> ready.toCompletableFuture().get();
                case Holding.Closed _ ->
                    await().until(() -> ledger.hold(loop, ask) instanceof Holding.Granted(Hold hold) && released(hold));
                case Holding.Exhausted no -> throw new AssertionError(no);
            }
        }
    }

    private static boolean released(Hold hold) {
        hold.release();
        return true;
    }

    private static void create(Ledger ledger) {
        Budgets.Changed made = ledger.budgets()
                .create(
                        new Budget.Wanted(
                                new Scope(Scope.Kind.PROJECT, "proj"),
                                new Period(Period.Unit.TOTAL, ZoneOffset.UTC),
                                false,
                                new Budget.Terms(1_000_000_000, true, List.of())),
                        List.of());
        assertThat(made).isInstanceOf(Budgets.Changed.Done.class);
    }

    @Test
    void whatAKilledProcessSaidIsSettledIsBookedOnce() throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:TieredStopAtLevel=1",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Settling.class.getName(),
                        temp.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<String> told = new ArrayList<>();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null && told.size() < 3_000; line = lines.readLine()) {
                told.add(line);
            }
            assertThat(child.toHandle().destroyForcibly()).isTrue(); // SIGKILL
            for (String line = lines.readLine(); line != null && line.endsWith("."); line = lines.readLine()) {
                told.add(line);
            }
        }
        assertThat(child.waitFor()).isEqualTo(128 + 9);
        assertThat(told).hasSizeGreaterThanOrEqualTo(3_000);

        try (Database database = Database.open(temp);
                Ledger ledger = Ledger.open(database, temp.resolve("journals"), 3, Clock.systemUTC(), SMALL)) {
            ledger.audit();
            List<String> booked = database.write(
                    handle -> handle.createQuery("SELECT call_id || '.' FROM entries WHERE kind = 'settled'")
                            .mapTo(String.class)
                            .list(),
                    _ -> {});
            assertThat(booked).doesNotHaveDuplicates().containsAll(told);
            assertThat(numbers(database, "SELECT count(*) FROM entries WHERE kind = 'recovered'"))
                    .allMatch(cutOff -> cutOff >= 1 && cutOff <= LOOPS + 1);
        }
    }

    /** Settles calls until it is killed, and says so of each once it is settled. */
    static final class Settling {
        private Settling() {}

        public static void main(String[] args) throws Exception {
            Path folder = Path.of(args[0]);
            Database database = Database.open(folder);
            Ledger ledger = Ledger.open(database, folder.resolve("journals"), LOOPS, Clock.systemUTC(), SMALL);
            PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
            Hold neverEnded = granted(ledger, 0, -1);
            ExecutorService loops = Executors.newFixedThreadPool(LOOPS);
            for (int i = 0; i < LOOPS; i++) {
                int loop = i;
                Future<?> _ = loops.submit((Callable<Void>) () -> {
                    for (int call = 0; neverEnded.grantedNanos() >= 0; call++) {
                        granted(ledger, loop, call).settle(bill(1));
                        out.println(loop + "-" + call + ".");
                    }
                    return null;
                });
            }
        }
    }

    @Test
    void aFileThatCanNotBeReadIsNamed() throws Exception {
        Path file = temp.resolve("journals/0-000000000001.journal");
        try (Database database = Database.open(temp)) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, "x".repeat(4_096));

            assertThat(catchThrowableOfType(
                            IOException.class,
                            () -> Ledger.open(database, temp.resolve("journals"), LOOPS, Clock.systemUTC(), SMALL)))
                    .isInstanceOf(JournalDamaged.class)
                    .hasMessageContaining(file.toRealPath() + " is not a journal of Lockkeeper");
        }
    }

    private static Ask ask(String call) {
        return new Ask(call, 1, new Payer("org", "proj", "key", "", ""), "openai", "gpt", "gpt-x", 10, 10, 10);
    }

    private static Bill bill(long cost) {
        return new Bill(cost, Usage.of(1, 1), false, "chat.completions", 200, "served", 0, 1);
    }

    private static List<Long> numbers(Database database, String sql) {
        return database.write(
                handle -> handle.createQuery(sql).mapTo(Long.class).list(), _ -> {});
    }
}
