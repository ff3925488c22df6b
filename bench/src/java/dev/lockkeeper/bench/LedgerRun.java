package dev.lockkeeper.bench;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Payer;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Usage;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ledger}: what a hold and its settling take of a loop, and how fast the database takes them. */
@Command(
        name = "ledger",
        mixinStandardHelpOptions = true,
        description = "Times holds and settles under three budgets, and how many calls a second reach the database.")
final class LedgerRun implements Callable<Integer> {
    private static final long PAUSE_NANOS = 1_000_000;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--calls", description = "Calls. Default: 100000")
    private int calls = 100_000;

    @Option(names = "--rate", description = "Calls a second while they are timed. Default: 10000")
    private int rate = 10_000;

    @Option(names = "--store", description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private Stores store = Stores.SQLITE;

    @Option(names = "--users", description = "End users whom calls name in turn. Default: ${DEFAULT-VALUE}.")
    private int users = 100;

    @Option(names = "--data", description = "Where the folder for it is made: on the disk that is asked about.")
    private Path data = Path.of("target");

    @Override
    public Integer call() throws Exception {
        PrintWriter say = spec.commandLine().getOut();
        Files.createDirectories(data);
        Path folder = Files.createTempDirectory(data, "ledger-");
        try (Database database = store.open(folder);
                Ledger ledger = Ledger.open(
                        database, folder.resolve("journal"), 1, Clock.systemUTC(), LedgerSettings.DEFAULT)) {
            budget(ledger, new Scope(Scope.Kind.ORGANIZATION, "org_default"));
            budget(ledger, new Scope(Scope.Kind.PROJECT, "proj_default"));
            budget(ledger, new Scope(Scope.Kind.MODEL, "gpt-5.5"));
            long[] hold = new long[calls];
            long[] settle = new long[calls];
            timed(ledger, hold, settle); // warms
            caughtUp(ledger);
            timed(ledger, hold, settle);
            caughtUp(ledger);
            long began = System.nanoTime();
            for (int i = 0; i < calls; i++) {
                granted(ledger, i).settle(bill());
            }
            caughtUp(ledger);
            double seconds = (System.nanoTime() - began) / 1e9;
            ledger.audit();
            say.printf("hold:   p50 %5d ns, p99 %6d ns, most %9d ns%n", at(hold, 50), at(hold, 99), at(hold, 100));
            say.printf(
                    "settle: p50 %5d ns, p99 %6d ns, most %9d ns (%d calls at %d a second)%n",
                    at(settle, 50), at(settle, 99), at(settle, 100), calls, rate);
            say.printf("in the database: %.0f calls a second (%d at once)%n", calls / seconds, calls);
        }
        say.println("the folder is " + folder.toAbsolutePath());
        say.flush();
        return 0;
    }

    private void timed(Ledger ledger, long[] hold, long[] settle) {
        long began = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            long due = began + i * 1_000_000_000L / rate;
            while (System.nanoTime() < due) {
                Thread.onSpinWait();
            }
            long start = System.nanoTime();
            Hold taken = granted(ledger, i);
            long held = System.nanoTime();
            taken.settle(bill());
            settle[i] = System.nanoTime() - held;
            hold[i] = held - start;
        }
    }

    private Hold granted(Ledger ledger, int call) {
        Ask ask = new Ask(
                "req_0123456789abcdef" + call,
                1,
                new Payer("org_default", "proj_default", "key_0123456789abcdef", "user-" + call % users, ""),
                "openai",
                "gpt-5.5",
                "gpt-5.5-2026-04-23",
                1_000,
                10_000_000,
                10_000_000);
        while (true) {
            if (ledger.hold(0, ask) instanceof Holding.Granted(Hold hold)) {
                return hold;
            }
            LockSupport.parkNanos(PAUSE_NANOS); // the journal is being extended
        }
    }

    private static Bill bill() {
        return new Bill(4_000_000, Usage.of(900, 300), false, "chat.completions", 200, "served", 0, 1_000);
    }

    private static void budget(Ledger ledger, Scope scope) {
        ledger.budgets()
                .create(
                        new Budget.Wanted(
                                scope,
                                new Period(Period.Unit.MONTH, ZoneOffset.UTC),
                                false,
                                new Budget.Terms(100_000_000_000_000_000L, true, List.of())),
                        List.of());
    }

    private static void caughtUp(Ledger ledger) {
        while (ledger.lag().records() > 0) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private static long at(long[] nanos, int percent) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)];
    }
}
