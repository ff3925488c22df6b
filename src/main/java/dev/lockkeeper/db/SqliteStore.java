package dev.lockkeeper.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;

/** The SQLite file of a data folder. */
final class SqliteStore implements Store {
    static final String FILE = "lockkeeper.db";

    /** Connections, and threads, that read. */
    static final int READERS = 2;

    /** How long a statement waits for another connection's lock before it fails. */
    private static final Duration BUSY_TIMEOUT = Duration.ofSeconds(5);

    private final Path file;
    private final Connection writing;
    private final Jdbi writer;
    private final HikariDataSource pool;
    private final Jdbi reader;

    private SqliteStore(Path file, Connection writing, HikariDataSource pool) {
        this.file = file;
        this.writing = writing;
        this.writer = Jdbi.create(writing);
        this.pool = pool;
        this.reader = Jdbi.create(pool);
    }

    static SqliteStore open(Path folder) throws DatabaseUnavailable {
        Path file = folder.resolve(FILE);
        if (Files.exists(file) && !Files.isWritable(file)) {
            throw new DatabaseUnavailable(
                    Reason.UNWRITABLE,
                    "database " + file.toAbsolutePath() + " can't be written. Make it writable for this user, or name"
                            + " another folder with --data.");
        }
        SQLiteDataSource source = new SQLiteDataSource(pragmas());
        source.setUrl("jdbc:sqlite:" + file.toAbsolutePath());
        Connection writing = null;
        try {
            if (!Files.exists(file)) {
                OwnerOnly.empty(file); // what SQLite keeps beside it has the same permissions
            }
            writing = source.getConnection();
            Schema.sqlite(file, source).bringUpToDate(writing);
            return new SqliteStore(file, writing, readPool(file));
        } catch (IOException e) {
            throw new DatabaseUnavailable(
                    Reason.UNWRITABLE,
                    "database " + file.toAbsolutePath() + " can't be made: " + e.getMessage()
                            + ". Make its folder writable for this user, or name another one with --data.",
                    e);
        } catch (SQLException e) {
            throw new DatabaseUnavailable(
                    Reason.BROKEN,
                    "database " + file.toAbsolutePath() + " can't be opened: " + e.getMessage()
                            + ". Put back a copy of it, or name another folder with --data.",
                    closed(writing, e));
        } catch (DatabaseUnavailable e) {
            throw closed(writing, e);
        }
    }

    private static <E extends Exception> E closed(@Nullable Connection writing, E e) {
        if (writing != null) {
            try {
                writing.close();
            } catch (SQLException suppressed) {
                e.addSuppressed(suppressed);
            }
        }
        return e;
    }

    private static SQLiteConfig pragmas() {
        SQLiteConfig pragmas = new SQLiteConfig();
        // WAL: readers don't wait for the writer, nor it for them.
        pragmas.setJournalMode(SQLiteConfig.JournalMode.WAL);
        // NORMAL: with WAL a killed process loses nothing that was committed, and a commit costs no fsync. A power
        // failure may lose the last commits, never the file's consistency.
        pragmas.setSynchronous(SQLiteConfig.SynchronousMode.NORMAL);
        pragmas.setBusyTimeout(Math.toIntExact(BUSY_TIMEOUT.toMillis()));
        pragmas.enforceForeignKeys(true);
        pragmas.setTransactionMode(SQLiteConfig.TransactionMode.IMMEDIATE);
        return pragmas;
    }

    private static HikariDataSource readPool(Path file) {
        SQLiteConfig pragmas = pragmas();
        pragmas.setTransactionMode(SQLiteConfig.TransactionMode.DEFERRED);
        SQLiteDataSource source = new SQLiteDataSource(pragmas);
        source.setUrl("jdbc:sqlite:" + file.toAbsolutePath());
        HikariConfig config = new HikariConfig();
        config.setPoolName("lockkeeper-db");
        config.setDataSource(source);
        config.setConnectionInitSql("PRAGMA query_only = 1");
        config.setMaximumPoolSize(READERS);
        config.setMinimumIdle(0); // opened when the first read comes
        config.setInitializationFailTimeout(-1);
        return new HikariDataSource(config);
    }

    @Override
    public Jdbi writer() {
        return writer;
    }

    @Override
    public Jdbi reader() {
        return reader;
    }

    @Override
    public int readers() {
        return READERS;
    }

    @Override
    public String where() {
        return "SQLite in " + file;
    }

    @Override
    public void close() throws SQLException {
        pool.close();
        writing.close();
    }
}
