package dev.lockkeeper.testing;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.db.DatabaseSettings.Server;
import dev.lockkeeper.db.DatabaseUnavailable;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * The two stores that a room's tables may be in. A test of such a room runs on each: {@link OnBothStores}. What is opened on
 * one folder is one database, also after it was closed; another folder is another, at the newest schema and otherwise empty.
 */
public enum Stores {
    SQLITE,
    POSTGRESQL;

    /** Opens the database of a folder. A test that can't have PostgreSQL here is skipped. */
    public Database open(Path folder) throws DatabaseUnavailable {
        return Database.open(folder, settings(folder));
    }

    /** The settings for the database of a folder. A test that can't have PostgreSQL here is skipped. */
    public DatabaseSettings settings(Path folder) {
        return switch (this) {
            case SQLITE -> new DatabaseSettings.Sqlite();
            case POSTGRESQL -> Cluster.running().schema(folder);
        };
    }

    /** Settings for a schema that does not exist. A test that can't have PostgreSQL here is skipped. */
    public static Postgres empty() {
        return Cluster.running().empty();
    }

    /** A connection of a superuser, for what no part of the gateway does. */
    public static Connection superuser() throws SQLException {
        return Cluster.running().postgres.getPostgresDatabase().getConnection();
    }

    /** Makes the server speak TLS with a certificate and its key, both PEM files; null: no longer. Takes effect in a moment. */
    public static void tls(@Nullable Path certificate, @Nullable Path key) throws SQLException, IOException {
        try (Connection connection = superuser();
                Statement statement = connection.createStatement()) {
            if (certificate == null || key == null) {
                statement.execute("ALTER SYSTEM RESET ssl");
            } else {
                try (ResultSet folder = statement.executeQuery("SHOW data_directory")) {
                    folder.next();
                    Path data = Path.of(folder.getString(1));
                    for (Path each : List.of(certificate, key)) {
                        Path there = data.resolve(each.getFileName());
                        Files.copy(each, there, StandardCopyOption.REPLACE_EXISTING);
                        Files.setPosixFilePermissions(there, PosixFilePermissions.fromString("rw-------"));
                        Files.setOwner(there, Files.getOwner(data));
                    }
                }
                statement.execute("ALTER SYSTEM SET ssl_cert_file = '" + certificate.getFileName() + "'");
                statement.execute("ALTER SYSTEM SET ssl_key_file = '" + key.getFileName() + "'");
                statement.execute("ALTER SYSTEM SET ssl = on");
            }
            statement.execute("SELECT pg_reload_conf()");
        }
    }

    /** One PostgreSQL for all tests of this process, on a free port; it ends with the process. */
    private static final class Cluster {
        private static final List<String> SCRIPTS = scripts();

        private static @Nullable Cluster running;
        private static @Nullable String whyNot;

        private final EmbeddedPostgres postgres;
        private final AtomicInteger made = new AtomicInteger();
        private final Map<Path, Postgres> schemas = new ConcurrentHashMap<>();

        private Cluster() throws IOException {
            postgres = EmbeddedPostgres.builder()
                    .setServerConfig("fsync", "off")
                    .setServerConfig("full_page_writes", "off")
                    .setServerConfig("synchronous_commit", "off")
                    .setServerConfig("max_connections", "300")
                    .setServerConfig("shared_buffers", "32MB")
                    .start();
        }

        static synchronized Cluster running() {
            if (running == null && whyNot == null) {
                try {
                    running = new Cluster();
                } catch (IOException | RuntimeException failed) {
                    whyNot = "no PostgreSQL can be started on this machine: " + failed;
                }
            }
            Assumptions.assumeTrue(running != null, String.valueOf(whyNot));
            return running;
        }

        Postgres empty() {
            return new Postgres(
                    List.of(new Server("127.0.0.1", postgres.getPort())),
                    "postgres",
                    "postgres",
                    null,
                    "t" + made.incrementAndGet(),
                    3,
                    Duration.ofSeconds(5),
                    Duration.ZERO,
                    DatabaseSettings.Tls.DISABLE,
                    null);
        }

        Postgres schema(Path folder) {
            return schemas.computeIfAbsent(folder.toAbsolutePath(), _ -> filled(empty()));
        }

        /** Brings a schema to the newest version without the migration tool, which takes ten times as long. */
        private Postgres filled(Postgres settings) {
            try (Connection connection = superuser();
                    Statement statement = connection.createStatement()) {
                connection.setAutoCommit(false);
                statement.execute("CREATE SCHEMA " + settings.schema());
                statement.execute("SET LOCAL search_path = " + settings.schema());
                for (String script : SCRIPTS) {
                    statement.execute(script);
                }
                statement.execute("CREATE TABLE flyway_schema_history (version TEXT, success BOOLEAN)");
                statement.execute("INSERT INTO flyway_schema_history VALUES ('" + SCRIPTS.size() + "', true)");
                connection.commit();
                return settings;
            } catch (SQLException failed) {
                throw new IllegalStateException(failed);
            }
        }

        /** The migrations in their order: V1, V2 and so on. */
        private static List<String> scripts() {
            try {
                Path folder = Path.of(
                        Objects.requireNonNull(Database.class.getClassLoader().getResource("db/migration/postgresql"))
                                .toURI());
                List<String> scripts = new ArrayList<>();
                for (int version = 1; true; version++) {
                    String start = "V" + version + "__";
                    List<Path> found;
                    try (Stream<Path> files = Files.list(folder)) {
                        found = files.filter(
                                        file -> file.getFileName().toString().startsWith(start))
                                .toList();
                    }
                    if (found.isEmpty()) {
                        return List.copyOf(scripts);
                    }
                    scripts.add(Files.readString(found.getFirst()));
                }
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            } catch (URISyntaxException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
    }
}
