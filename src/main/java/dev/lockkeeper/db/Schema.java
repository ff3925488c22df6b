package dev.lockkeeper.db;

import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/** The schema's version, and the way to the newest. */
final class Schema {
    /** The version that this program knows: the number of the newest file in {@value #MIGRATIONS}. */
    static final int NEWEST = 1;

    static final String MIGRATIONS = "db/migration";

    private Schema() {}

    /** Looks the version up with plain SQL: the migration tool is loaded only when there is something to migrate. */
    static void bringUpToDate(Connection connection, DataSource source, Path file)
            throws SQLException, DatabaseUnavailable {
        int version = version(connection);
        if (version > NEWEST) {
            throw new DatabaseUnavailable(
                    Reason.NEWER,
                    "database " + file.toAbsolutePath() + " was made by a newer Lockkeeper (schema " + version
                            + ", this one knows " + NEWEST
                            + "). Run that version or a later one, or name another folder with --data.");
        }
        if (version < NEWEST) {
            Migration.run(source, file);
        }
    }

    private static int version(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            try (ResultSet table =
                    statement.executeQuery("SELECT 1 FROM sqlite_master WHERE name = 'flyway_schema_history'")) {
                if (!table.next()) {
                    return 0;
                }
            }
            try (ResultSet newest = statement.executeQuery(
                    "SELECT coalesce(max(CAST(version AS INTEGER)), 0) FROM flyway_schema_history WHERE success")) {
                return newest.next() ? newest.getInt(1) : 0;
            }
        }
    }

    /** Apart, so that Flyway's classes are looked for only when this one is. */
    private static final class Migration {
        static void run(DataSource source, Path file) throws DatabaseUnavailable {
            try {
                Flyway.configure()
                        .dataSource(source)
                        .locations("classpath:" + MIGRATIONS)
                        .load()
                        .migrate();
            } catch (FlywayException e) {
                throw new DatabaseUnavailable(
                        Reason.BROKEN,
                        "database " + file.toAbsolutePath() + " can't be brought to schema " + NEWEST + ": "
                                + String.valueOf(e.getMessage())
                                        .lines()
                                        .findFirst()
                                        .orElse("")
                                + ". Put back a copy of it, or name another folder with --data.",
                        e);
            }
        }
    }
}
