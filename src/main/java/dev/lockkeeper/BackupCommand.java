package dev.lockkeeper;

import dev.lockkeeper.db.Backup;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseUnavailable;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code backup}: copies the database of a data folder, whether a server runs on it or not. */
@Command(
        name = "backup",
        description = "Copies the database of the data folder to a file, also while a server runs on it.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper backup /backups/lockkeeper-$(date +%%F).db --data /var/lib/lockkeeper",
            "",
            "Keys are in it only as hashes; it is readable for its owner alone. A database in PostgreSQL is backed up with",
            "pg_dump.",
            "",
            "Exit codes: 0 copied; 1 it could not be copied (why is told); 2 the command line or the configuration is",
            "wrong."
        })
final class BackupCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private DataFolder data = new DataFolder();

    @Parameters(paramLabel = "FILE", description = "The copy: a new file.")
    private Path file = Path.of("");

    BackupCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        DataFolder.Place place = data.place(shell);
        if (place.store() instanceof DatabaseSettings.Postgres postgres) {
            throw CommandFailure.failed("the tables are in " + postgres + ", which has tools of its own. Run: pg_dump"
                    + " --format=custom --schema=" + postgres.schema() + " --file=" + file + " --dbname="
                    + postgres.url());
        }
        try {
            Backup.Made made = Backup.make(place.folder(), file);
            shell.out().println(made.file());
            shell.err()
                    .println("The database of " + place.folder().toAbsolutePath() + " is copied: schema "
                            + made.schema() + ", " + made.bytes() + " bytes.");
            return 0;
        } catch (Backup.Failed | DatabaseUnavailable cannot) {
            throw CommandFailure.failed(String.valueOf(cannot.getMessage()));
        }
    }
}
