package dev.lockkeeper;

import dev.lockkeeper.db.Backup;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.ledger.Forgotten;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.units.Money;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code restore}: puts a copy that {@code backup} made in the place of a data folder's database. */
@Command(
        name = "restore",
        description =
                "Puts a copy that 'lockkeeper backup' made in the place of the data folder's database. No server may run"
                        + " on the folder. The database that was there is kept beside it.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper restore /backups/lockkeeper-2026-11-21.db --data /var/lib/lockkeeper",
            "",
            "What was spent since the copy was made is told: the books forget it.",
            "",
            "Exit codes: 0 restored; 1 nothing was changed (why is told); 2 the command line or the configuration is",
            "wrong."
        })
final class RestoreCommand implements Callable<Integer> {
    private static final Clock CLOCK = Clock.systemUTC();

    private final Shell shell;

    @Mixin
    private DataFolder data = new DataFolder();

    @Parameters(paramLabel = "FILE", description = "The copy.")
    private Path file = Path.of("");

    RestoreCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        DataFolder.Place place = data.place(shell);
        if (place.store() instanceof DatabaseSettings.Postgres postgres) {
            throw CommandFailure.failed("the tables are in " + postgres + ", which has tools of its own. Stop all"
                    + " processes that use them, then run: pg_restore --clean --if-exists --schema="
                    + postgres.schema() + " --dbname=" + postgres.url() + " " + file);
        }
        Path folder = place.folder();
        try {
            boolean settled = settle(folder);
            Backup.Restored restored = Backup.restore(file, folder, CLOCK);
            shell.err()
                    .println("The database of " + folder.toAbsolutePath() + " is the one in " + file.toAbsolutePath()
                            + " now (schema " + restored.schema() + ").");
            Path kept = restored.kept();
            if (kept != null) {
                shell.err().println("The one that was there is " + kept.toAbsolutePath() + ".");
            }
            try (Database copy = Database.open(folder)) {
                if (settled && kept != null) {
                    tell(Forgotten.between(copy, kept));
                } else if (Files.isDirectory(DataFolder.journal(folder))) {
                    replay(copy);
                }
            }
            return 0;
        } catch (Backup.Failed | DatabaseUnavailable | IOException cannot) {
            throw CommandFailure.failed(String.valueOf(cannot.getMessage()));
        }
    }

    /** Books what stands in the journals where it belongs, in the database that was there; false where that can't be done. */
    private boolean settle(Path folder) throws DatabaseUnavailable {
        if (!Database.isIn(folder)) {
            return false;
        }
        try (Database database = Database.open(folder);
                Ledger _ = ledger(database)) {
            return true;
        } catch (DatabaseUnavailable e) {
            if (e.reason() != DatabaseUnavailable.Reason.BROKEN) {
                throw e;
            }
            shell.err().println("What is forgotten can't be told: " + e.getMessage());
        } catch (IOException e) {
            shell.err().println("What is forgotten can't be told: " + e.getMessage());
        }
        return false;
    }

    private void tell(Forgotten forgotten) {
        shell.err()
                .println(
                        forgotten.entries() == 0
                                ? "No spend is forgotten: what was booked is in the copy."
                                : "The books forget " + new Money(forgotten.nanos()) + " in " + forgotten.entries()
                                        + (forgotten.entries() == 1 ? " attempt" : " attempts")
                                        + " of calls, from " + Instant.ofEpochMilli(forgotten.sinceMillis())
                                        + " on. Budgets have as much more to spend.");
        if (forgotten.pending() > 0) {
            shell.err()
                    .println(forgotten.pending() + " of what is billed later, for which "
                            + new Money(forgotten.pendingNanos())
                            + " were set aside, is waited for no more: what it costs is not booked.");
        }
    }

    /** The database that was there is lost, its journals are not: what the copy lacks is booked from them, if they reach back to it. */
    private void replay(Database copy) throws IOException {
        try (Ledger _ = ledger(copy)) {
            shell.err().println("What the journals have and the copy had not is booked.");
        } catch (IOException e) {
            Path journal = DataFolder.journal(copy.folder());
            Path aside = journal.resolveSibling(journal.getFileName() + ".before-" + CLOCK.millis());
            Files.move(journal, aside);
            shell.err()
                    .println("What the journals have is not booked, since they don't reach back to the copy; they are"
                            + " kept in " + aside.toAbsolutePath() + ". (" + e.getMessage() + ")");
        }
    }

    private static Ledger ledger(Database database) throws IOException {
        return Ledger.open(database, DataFolder.journal(database.folder()), 1, CLOCK, LedgerSettings.DEFAULT);
    }
}
