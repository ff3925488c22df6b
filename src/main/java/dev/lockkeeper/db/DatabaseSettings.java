package dev.lockkeeper.db;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which store keeps the tables. */
public sealed interface DatabaseSettings {
    /** The same store, for who would rather be told at once that it can't be reached. */
    default DatabaseSettings withoutWait() {
        return this;
    }

    /** The SQLite file {@code lockkeeper.db} in the data folder, for one process. */
    record Sqlite() implements DatabaseSettings {}

    /**
     * A PostgreSQL server.
     *
     * @param servers where it listens; of several the one that takes changes is used
     * @param database name of the database there
     * @param user who connects; null: as the process's own user is called
     * @param password null: none is sent
     * @param schema where the tables stand; made where it is missing
     * @param connections connections at most, one of which writes; at least 2
     * @param connectTimeout how long a statement waits for a connection before it fails
     * @param startWait how long a start waits for a server that can't be reached
     * @param tls whether and how connections are encrypted
     * @param ca PEM file with the certificates that sign the server's; null: those that Java trusts
     */
    record Postgres(
            List<Server> servers,
            String database,
            @Nullable String user,
            @Nullable String password,
            String schema,
            int connections,
            Duration connectTimeout,
            Duration startWait,
            Tls tls,
            @Nullable Path ca)
            implements DatabaseSettings {
        /** What is not written. */
        public static final String SCHEMA = "lockkeeper";

        /** What is not written. */
        public static final int CONNECTIONS = 10;

        /** What is not written. */
        public static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

        /** What is not written. */
        public static final Duration START_WAIT = Duration.ofSeconds(30);

        public Postgres {
            servers = List.copyOf(servers);
        }

        @Override
        public Postgres withoutWait() {
            return new Postgres(
                    servers, database, user, password, schema, connections, connectTimeout, Duration.ZERO, tls, ca);
        }

        /** The URL of the database, for PostgreSQL's own tools: without user, password and parameters. */
        public String url() {
            return servers.stream().map(Server::toString).collect(Collectors.joining(",", "postgres://", "/"))
                    + database;
        }

        /** What it is and where, for messages: servers, database and schema, no secret. */
        @Override
        public String toString() {
            return servers.stream().map(Server::toString).collect(Collectors.joining(",", "PostgreSQL at ", "/"))
                    + database + ", schema " + schema;
        }
    }

    /**
     * Where a server listens.
     *
     * @param host a name or an address, without brackets
     * @param port 1 to 65535
     */
    record Server(String host, int port) {
        @Override
        public String toString() {
            return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
        }
    }

    /** What is asked of the encryption, in the words of PostgreSQL's own clients. */
    enum Tls {
        /** Plain. */
        DISABLE,
        /** Encrypted where the server can, whoever it is. */
        PREFER,
        /** Encrypted, whoever it is. */
        REQUIRE,
        /** Encrypted, with a certificate that is trusted. */
        VERIFY_CA,
        /** Encrypted, with a certificate that is trusted and names the server. */
        VERIFY_FULL;

        /** As it is written: {@code verify-full}. */
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
