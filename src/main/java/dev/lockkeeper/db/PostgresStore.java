package dev.lockkeeper.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.db.DatabaseSettings.Server;
import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import javax.net.ssl.SSLException;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A schema of a PostgreSQL server. A connection that is lost is replaced by itself, once the server is there again. */
final class PostgresStore implements Store {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresStore.class);

    /** How long the server works on one statement before it gives up. */
    private static final Duration STATEMENT_TIMEOUT = Duration.ofSeconds(20);

    /** How long the server keeps a transaction open whose process says nothing: its locks end with it. */
    private static final Duration SILENCE_TIMEOUT = Duration.ofSeconds(25);

    /** How long a connection may be silent while an answer is due; longer than the server's own bound. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(25);

    /** After a connection could not be had, for how long no other is waited for. */
    private static final Duration BETWEEN_WAITS = Duration.ofSeconds(1);

    /** While a start waits: between two tries, and between two messages. */
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(250);

    private static final Duration PROGRESS = Duration.ofSeconds(5);

    private final Postgres settings;
    private final Pool writing;
    private final Pool reading;
    private final Jdbi writer;
    private final Jdbi reader;

    private PostgresStore(Postgres settings) {
        this.settings = settings;
        this.writing = new Pool("lockkeeper-db-write", settings, 1, false);
        this.reading = new Pool("lockkeeper-db-read", settings, settings.connections() - 1, true);
        this.writer = Jdbi.create(writing::connection);
        this.reader = Jdbi.create(reading::connection);
    }

    static PostgresStore open(Postgres settings) throws DatabaseUnavailable {
        try (Connection first = first(settings)) {
            Schema.postgresql(settings, source(settings)).bringUpToDate(first);
        } catch (SQLException e) {
            throw new DatabaseUnavailable(
                    Reason.BROKEN, settings + " (database.url) can't be used: " + e.getMessage() + ".", e);
        }
        return new PostgresStore(settings);
    }

    /** A connection, as soon as there is one. */
    private static Connection first(Postgres settings) throws DatabaseUnavailable {
        PGSimpleDataSource source = bounded(settings, true);
        long began = System.nanoTime();
        long told = began;
        while (true) {
            try {
                return source.getConnection();
            } catch (SQLException e) {
                long left = settings.startWait().toNanos() - (System.nanoTime() - began);
                if (left <= 0 || !mayPass(e)) {
                    throw unavailable(settings, e);
                }
                if (told == began || System.nanoTime() - told >= PROGRESS.toNanos()) {
                    told = System.nanoTime();
                    LOG.info(
                            "waiting for {}: {}; giving up in {} s (database.start-wait)",
                            settings,
                            e.getMessage(),
                            Duration.ofNanos(left).toSeconds());
                }
            }
            try {
                Thread.sleep(BETWEEN_TRIES);
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
                throw new DatabaseUnavailable(Reason.UNREACHABLE, "interrupted while waiting for " + settings);
            }
        }
    }

    /** Whether a failure to connect may be over in a moment: the server is not there yet, is starting, or is full. */
    private static boolean mayPass(SQLException e) {
        String state = String.valueOf(e.getSQLState());
        if (state.startsWith("57P") || state.equals("53300") || state.equals("08001")) {
            return true;
        }
        // Others of class 08 mean also that TLS did not come about, by a cause of its own or by none.
        boolean network = false;
        for (Throwable each = e; each != null; each = each.getCause()) {
            if (each instanceof SSLException) {
                return false;
            }
            network |= each instanceof IOException;
        }
        return network && state.startsWith("08");
    }

    private static DatabaseUnavailable unavailable(Postgres settings, SQLException e) {
        String state = String.valueOf(e.getSQLState());
        String remedy;
        if (state.startsWith("28")) {
            remedy = "Correct database.user and database.password, or let that user in (pg_hba.conf).";
        } else if (state.equals("3D000")) {
            remedy = "Make that database, or correct its name in database.url.";
        } else if (mayPass(e)) {
            remedy = "Start it, or correct database.url; database.start-wait is how long a start waits for it.";
        } else {
            remedy = "Correct database.url, or database.tls (it is "
                    + settings.tls().word() + ") and database.ca.";
        }
        return new DatabaseUnavailable(
                Reason.UNREACHABLE, settings + " (database.url) can't be reached: " + said(e) + ". " + remedy, e);
    }

    /** What a failure says, with its cause where that says more; on one line, without a full stop. */
    private static String said(Throwable e) {
        String message = String.valueOf(e.getMessage());
        Throwable cause = e.getCause();
        if (cause != null && cause.getMessage() != null && !message.contains(cause.getMessage())) {
            message += " (" + cause.getMessage() + ")";
        }
        return message.lines().findFirst().orElse("").replaceFirst("\\.$", "");
    }

    /** Without bounds on statements: for a migration, which takes as long as it takes. */
    private static PGSimpleDataSource source(Postgres settings) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setServerNames(settings.servers().stream().map(Server::host).toArray(String[]::new));
        source.setPortNumbers(settings.servers().stream().mapToInt(Server::port).toArray());
        if (settings.servers().size() > 1) {
            source.setTargetServerType("primary");
        }
        source.setDatabaseName(settings.database());
        if (settings.user() != null) {
            source.setUser(settings.user());
        }
        if (settings.password() != null) {
            source.setPassword(settings.password());
        }
        source.setCurrentSchema(settings.schema());
        source.setApplicationName("lockkeeper");
        source.setConnectTimeout(Math.max(1, (int) settings.connectTimeout().toSeconds()));
        source.setTcpKeepAlive(true);
        source.setGssEncMode("disable"); // Kerberos, which nothing here can be set up for
        source.setSslMode(settings.tls().word());
        switch (settings.tls()) {
            case VERIFY_CA, VERIFY_FULL -> {
                if (settings.ca() == null) {
                    source.setSslfactory("org.postgresql.ssl.DefaultJavaSSLFactory");
                } else {
                    source.setSslRootCert(settings.ca().toString());
                }
            }
            case DISABLE, PREFER, REQUIRE -> {}
        }
        return source;
    }

    /** For everyday statements. */
    private static PGSimpleDataSource bounded(Postgres settings, boolean readOnly) {
        PGSimpleDataSource source = source(settings);
        source.setSocketTimeout((int) ANSWER_TIMEOUT.toSeconds());
        source.setOptions("-c statement_timeout=" + STATEMENT_TIMEOUT.toMillis()
                + " -c idle_in_transaction_session_timeout=" + SILENCE_TIMEOUT.toMillis()
                + (readOnly ? " -c default_transaction_read_only=on" : ""));
        return source;
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
        return settings.connections() - 1;
    }

    @Override
    public String where() {
        return settings.toString();
    }

    @Override
    public void close() {
        reading.source.close();
        writing.source.close();
    }

    /** Connections of one kind. When one could not be had in time, others that are asked for in the next second fail at once. */
    private static final class Pool {
        private final HikariDataSource source;
        private final Postgres settings;
        private volatile @Nullable Missed missed;

        Pool(String name, Postgres settings, int size, boolean readOnly) {
            this.settings = settings;
            HikariConfig config = new HikariConfig();
            config.setPoolName(name);
            config.setDataSource(bounded(settings, readOnly));
            config.setMaximumPoolSize(size);
            config.setMinimumIdle(1); // so that it reconnects by itself, not only when asked
            config.setConnectionTimeout(settings.connectTimeout().toMillis());
            config.setInitializationFailTimeout(-1);
            source = new HikariDataSource(config);
        }

        Connection connection() throws SQLException {
            Missed last = missed;
            if (last != null
                    && System.nanoTime() - last.at < BETWEEN_WAITS.toNanos()
                    && source.getHikariPoolMXBean().getIdleConnections() == 0) {
                throw away(last.why);
            }
            try {
                Connection connection = source.getConnection();
                missed = null;
                return connection;
            } catch (SQLTransientConnectionException e) {
                missed = new Missed(System.nanoTime(), e);
                throw away(e);
            }
        }

        private SQLTransientConnectionException away(SQLException why) {
            Throwable cause = why.getCause();
            return new SQLTransientConnectionException(
                    settings + " gave no connection within "
                            + settings.connectTimeout().toMillis() + " ms: " + said(cause == null ? why : cause),
                    "08001",
                    why);
        }
    }

    /** A connection that could not be had, and when. */
    private record Missed(long at, SQLException why) {}
}
