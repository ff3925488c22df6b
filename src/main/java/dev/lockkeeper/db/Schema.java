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
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The schema of one database: its version, and the way to the newest.
 *
 * @param what what has the schema, for messages
 * @param otherwise what the operator may do instead of using it, for messages
 * @param migrations folder of its migrations; each version stands in the folder of each store
 * @param migrating where connections for a migration come from
 * @param name the schema in PostgreSQL's sense; null where there is only one
 * @param tableSql asks whether a table is there; its name takes the place of {@code %s}
 */
record Schema(
        String what,
        String otherwise,
        String migrations,
        DataSource migrating,
        @Nullable String name,
        String tableSql) {
    private static final Logger LOG = LoggerFactory.getLogger(Schema.class);

    /** The version that this program knows: the number of the newest migration. */
    static final int NEWEST = 14;

    static final String MIGRATIONS = "db/migration/";

    private static final String HISTORY = "flyway_schema_history";

    static Schema sqlite(Path file, DataSource migrating) {
        return new Schema(
                "database " + file.toAbsolutePath(),
                "Put back a copy of it, or name another folder with --data.",
                MIGRATIONS + "sqlite",
                migrating,
                null,
                "SELECT 1 FROM sqlite_master WHERE name = '%s'");
    }

    static Schema postgresql(DatabaseSettings.Postgres settings, DataSource migrating) {
        return new Schema(
                settings.toString(),
                "Put back a copy of it, or name another schema in database.schema.",
                MIGRATIONS + "postgresql",
                migrating,
                settings.schema(),
                "SELECT 1 FROM pg_tables WHERE schemaname = '" + settings.schema() + "' AND tablename = '%s'");
    }

    /** Looks the version up with plain SQL: the migration tool is loaded only when there is something to migrate. */
    void bringUpToDate(Connection connection) throws SQLException, DatabaseUnavailable {
        if (usable(connection) < NEWEST) {
            Migration.run(this);
        }
    }

    /**
     * The version that is there, 0 for none.
     *
     * @throws DatabaseUnavailable when this program can't use it
     */
    int usable(Connection connection) throws SQLException, DatabaseUnavailable {
        int version = version(connection);
        if (version > NEWEST) {
            int oldest = oldest(connection);
            if (oldest > NEWEST) {
                throw new DatabaseUnavailable(
                        Reason.NEWER,
                        what + " was made by a newer Lockkeeper (schema " + version + " for programs from " + oldest
                                + " on, this one knows " + NEWEST + "). Run that version or a later one. " + otherwise);
            }
            LOG.warn(
                    "{} has schema {}, which is newer than this program's {} and works with it all the same",
                    what,
                    version,
                    NEWEST);
        }
        return version;
    }

    private int version(Connection connection) throws SQLException {
        return has(connection, HISTORY)
                ? number(
                        connection,
                        "SELECT coalesce(max(CAST(version AS INTEGER)), 0) FROM " + HISTORY + " WHERE success")
                : 0;
    }

    /** The oldest schema whose programs work with the one that is there. */
    private int oldest(Connection connection) throws SQLException {
        return has(connection, "schema_reach")
                ? number(connection, "SELECT max(oldest) FROM schema_reach")
                : Integer.MAX_VALUE;
    }

    private boolean has(Connection connection, String table) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery(tableSql.formatted(table))) {
            return found.next();
        }
    }

    private static int number(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery(sql)) {
            return found.next() ? found.getInt(1) : 0;
        }
    }

    /** Apart, so that Flyway's classes are looked for only when this one is. */
    private static final class Migration {
        static void run(Schema schema) throws DatabaseUnavailable {
            try {
                FluentConfiguration flyway =
                        Flyway.configure().dataSource(schema.migrating).locations("classpath:" + schema.migrations);
                String name = schema.name;
                if (name != null) {
                    flyway.schemas(name).defaultSchema(name);
                }
                flyway.load().migrate();
            } catch (FlywayException e) {
                throw new DatabaseUnavailable(
                        Reason.BROKEN,
                        schema.what + " can't be brought to schema " + NEWEST + ": "
                                + String.valueOf(e.getMessage())
                                        .lines()
                                        .findFirst()
                                        .orElse("")
                                + ". " + schema.otherwise,
                        e);
            }
        }
    }
}
