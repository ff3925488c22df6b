package dev.lockkeeper.db;

import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A note in a data folder that its tables are in PostgreSQL. Without it, whoever opens the folder and forgets to name the
 * configuration would be given a new and empty SQLite database.
 */
final class StoreNote {
    private static final Logger LOG = LoggerFactory.getLogger(StoreNote.class);

    static final String NAME = "lockkeeper.postgresql";

    private StoreNote() {}

    /** Leaves the note; without a secret. */
    static void note(Path folder, DatabaseSettings.Postgres settings) {
        Path file = folder.resolve(NAME);
        String text = settings + "\n";
        try {
            if (!Files.exists(file) || !Files.readString(file).equals(text) || !OwnerOnly.is(file)) {
                OwnerOnly.write(file, text);
            }
        } catch (IOException e) {
            LOG.warn("{} can't be written: {}", file, e.toString());
        }
    }

    /** Refuses a folder that has the note. */
    static void check(Path folder) throws DatabaseUnavailable {
        Path file = folder.resolve(NAME);
        if (Files.exists(file)) {
            throw new DatabaseUnavailable(
                    Reason.ELSEWHERE,
                    "data folder " + folder.toAbsolutePath() + " is used with " + read(file)
                            + ". Name its configuration with --config; to use SQLite from now on, delete "
                            + file.toAbsolutePath() + ".");
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException unreadable) {
            return "PostgreSQL";
        }
    }
}
