package dev.lockkeeper.db;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;

/** Where the tables are: connections to it, at its newest schema. Used by the threads of one {@link Database}. */
sealed interface Store extends AutoCloseable permits SqliteStore, PostgresStore {
    /** Runs what changes something; used by one thread at a time. */
    Jdbi writer();

    /** Runs what only reads; a change fails. */
    Jdbi reader();

    /** Connections that read. */
    int readers();

    /** What it is and where, for messages; no secret. */
    String where();

    @Override
    void close() throws SQLException;

    /** Whether a failure says that there is no connection, so that the next statement would fail as well. */
    static boolean isOutage(Throwable failure) {
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof SQLTransientConnectionException || (each instanceof SQLException e && isLost(e))) {
                return true;
            }
        }
        return false;
    }

    /** By the classes that the SQL standard and PostgreSQL have for it: 08, and 57P for a server that is going or coming. */
    private static boolean isLost(SQLException e) {
        @Nullable String state = e.getSQLState();
        return state != null && (state.startsWith("08") || state.startsWith("57P"));
    }
}
