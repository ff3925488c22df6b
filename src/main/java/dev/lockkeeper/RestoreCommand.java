package dev.lockkeeper;

import dev.lockkeeper.db.Backup;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseUnavailable;
import java.nio.file.Path;
import java.time.Clock;
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
            "Exit codes: 0 restored; 1 nothing was changed (why is told); 2 the command line or the configuration is",
            "wrong."
        })
final class RestoreCommand implements Callable<Integer> {
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
        try {
            Backup.Restored restored = Backup.restore(file, place.folder(), Clock.systemUTC());
            shell.err()
                    .println("The database of " + place.folder().toAbsolutePath() + " is the one in "
                            + file.toAbsolutePath() + " now (schema " + restored.schema() + ").");
            Path kept = restored.kept();
            if (kept != null) {
                shell.err().println("The one that was there is " + kept.toAbsolutePath() + ".");
            }
            return 0;
        } catch (Backup.Failed | DatabaseUnavailable cannot) {
            throw CommandFailure.failed(String.valueOf(cannot.getMessage()));
        }
    }
}
