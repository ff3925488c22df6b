package dev.lockkeeper.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.db.DatabaseSettings.Server;
import dev.lockkeeper.db.DatabaseSettings.Tls;
import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import dev.lockkeeper.testing.Cable;
import dev.lockkeeper.testing.Pem;
import dev.lockkeeper.testing.Stores;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only PostgreSQL has: a server that can be missing, late or gone, and other processes beside this one. */
class PostgresTest {
    @TempDir
    Path temp;

    @Test
    void theSchemaIsMadeAndTheFolderHasNoDatabaseOfItsOwn() throws Exception {
        Postgres settings = Stores.empty();
        for (int run = 0; run < 2; run++) {
            try (Database database = Database.open(temp, settings)) {
                assertThat(names(database)).containsExactly("default");
                assertThat(database.where()).isEqualTo(settings.toString());
            }
        }
        assertThat(temp.resolve("lockkeeper.db")).doesNotExist();
        assertThat(temp.resolve("lockkeeper.lock")).exists();
    }

    @Test
    void severalProcessesThatFindAnEmptySchemaMigrateItOnce() throws Exception {
        Postgres settings = Stores.empty();
        List<CompletableFuture<Database>> opening = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Path folder = temp.resolve("node" + i);
            opening.add(CompletableFuture.supplyAsync(() -> opened(folder, settings)));
        }
        for (CompletableFuture<Database> each : opening) {
            try (Database database = each.get(60, TimeUnit.SECONDS)) {
                List<Integer> versions = database.<List<Integer>>read(handle -> handle.createQuery(
                                        "SELECT CAST(version AS INTEGER) FROM flyway_schema_history"
                                                + " WHERE version IS NOT NULL ORDER BY 1")
                                .mapTo(Integer.class)
                                .list())
                        .join();
                assertThat(versions)
                        .isEqualTo(
                                IntStream.rangeClosed(1, Schema.NEWEST).boxed().toList());
            }
        }
    }

    @Test
    void aNewerSchemaIsUsedWhereItStillServesThisProgramAndRefusedWhereItDoesNot() throws Exception {
        DatabaseSettings settings = Stores.POSTGRESQL.settings(temp);
        change(settings, "INSERT INTO flyway_schema_history (version, success) VALUES ('99', true)");
        Database.open(temp, settings).close();

        change(settings, "UPDATE schema_reach SET oldest = 98");
        DatabaseUnavailable refusal = refusal(settings);
        assertThat(refusal.reason()).isEqualTo(Reason.NEWER);
        assertThat(refusal).hasMessageContaining("schema 99 for programs from 98 on");
    }

    @Test
    void whoIsNotLetInIsToldWhatToCorrectAtOnceAndWithoutThePassword() {
        Postgres good = Stores.empty();
        Duration longWait = Duration.ofMinutes(1);
        DatabaseUnavailable stranger = refusal(with(good, good.database(), "nobody", Tls.DISABLE, longWait));
        assertThat(stranger.reason()).isEqualTo(Reason.UNREACHABLE);
        assertThat(stranger)
                .hasMessageContaining(good.servers().getFirst().toString())
                .hasMessageContaining("nobody")
                .hasMessageContaining("Correct database.user")
                .hasMessageNotContaining("s3cret");
        assertThat(refusal(with(good, "elsewhere", "postgres", Tls.DISABLE, longWait)))
                .hasMessageContaining("\"elsewhere\"")
                .hasMessageContaining("Make that database");
        assertThat(refusal(with(good, good.database(), "postgres", Tls.VERIFY_FULL, longWait)))
                .hasMessageContaining("SSL")
                .hasMessageContaining("database.tls (it is verify-full)");
    }

    @Test
    void aCertificateIsCheckedAgainstTheAuthorityAndTheHost() throws Exception {
        Pem pem = Pem.of("database.test"); // for 127.0.0.1, too, and not for localhost
        Path certificate = Files.writeString(temp.resolve("server.pem"), pem.certificate());
        Path key = Files.writeString(temp.resolve("server.key"), pem.key());
        Path other = Files.writeString(
                temp.resolve("other.pem"), Pem.of("other.test").certificate());
        Postgres settings = Stores.empty();
        try {
            Stores.tls(certificate, key);
            Postgres checked = reached("127.0.0.1", settings, Tls.VERIFY_FULL, certificate);
            await().atMost(Duration.ofSeconds(10)).ignoreExceptions().until(() -> {
                Database.open(temp, checked).close();
                return true;
            });
            try (Database database = Database.open(temp, checked)) {
                boolean encrypted = database.<Boolean>read(
                                handle -> handle.createQuery("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                                        .mapTo(Boolean.class)
                                        .one())
                        .join();
                assertThat(encrypted).isTrue();
            }
            Database.open(temp, reached("localhost", settings, Tls.VERIFY_CA, certificate))
                    .close();
            Database.open(temp, reached("localhost", settings, Tls.REQUIRE, null))
                    .close();
            assertThat(refusal(reached("localhost", settings, Tls.VERIFY_FULL, certificate)))
                    .hasMessageContaining("localhost")
                    .hasMessageContaining("database.tls (it is verify-full)");
            assertThat(refusal(reached("127.0.0.1", settings, Tls.VERIFY_CA, other)))
                    .hasMessageContaining("database.tls (it is verify-ca) and database.ca");
            assertThat(refusal(reached("127.0.0.1", settings, Tls.VERIFY_FULL, null)))
                    .as("what the JDK trusts")
                    .hasMessageContaining("database.ca");
        } finally {
            Stores.tls(null, null);
        }
    }

    @Test
    void aServerThatIsNotThereIsNamedOnceTheWaitIsOver() throws Exception {
        try (Cable cable = new Cable(port(Stores.empty()))) {
            DatabaseUnavailable refusal = refusal(through(cable, Stores.empty(), Duration.ofMillis(300)));
            assertThat(refusal.reason()).isEqualTo(Reason.UNREACHABLE);
            assertThat(refusal)
                    .hasMessageContaining("127.0.0.1:" + cable.port())
                    .hasMessageContaining("refused")
                    .hasMessageContaining("database.start-wait");
        }
        Database.open(temp).close(); // the folder was given back, and is not noted as PostgreSQL's
    }

    @Test
    void aServerThatComesLateIsWaitedFor() throws Exception {
        Postgres direct = Stores.empty();
        try (Cable cable = new Cable(port(direct))) {
            Postgres settings = through(cable, direct, Duration.ofMinutes(1));
            CompletableFuture<Database> opening = CompletableFuture.supplyAsync(() -> opened(temp, settings));
            assertThatThrownBy(() -> opening.get(500, TimeUnit.MILLISECONDS)).hasNoCause();
            cable.mend();
            try (Database database = opening.get(60, TimeUnit.SECONDS)) {
                assertThat(database.answers()).isTrue();
            }
        }
    }

    @Test
    void aServerThatGoesAwayFailsWhatIsAskedSoonAndIsFoundAgainWhenItIsBack() throws Exception {
        Postgres direct = (Postgres) Stores.POSTGRESQL.settings(temp);
        try (Cable cable = new Cable(port(direct))) {
            cable.mend();
            try (Database database = Database.open(temp, through(cable, direct, Duration.ZERO))) {
                WriteBehind<String> behind = database.writeBehind(1_000, 100, (handle, names) -> {
                    names.forEach(name -> insert(handle, name));
                    return List.of();
                });
                insert(database, "before");
                cable.cut();

                long began = System.nanoTime();
                List<CompletableFuture<Void>> changes = new ArrayList<>();
                for (int i = 0; i < 500; i++) {
                    changes.add(behind.add("lost" + i));
                }
                assertThat(database.answers()).isFalse();
                CompletableFuture<List<String>> read = read(database);
                assertThatThrownBy(() -> insert(database, "lost"))
                        .satisfies(
                                failure -> assertThat(Store.isOutage(failure)).isTrue());
                assertThatThrownBy(() -> insert(database, "lost as well"))
                        .hasStackTraceContaining("gave no connection within 1000 ms");
                assertThatThrownBy(() -> read.get(10, TimeUnit.SECONDS)).isNotNull();
                behind.settled().get(10, TimeUnit.SECONDS);
                assertThat(changes).allMatch(CompletableFuture::isCompletedExceptionally);
                assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(15));

                cable.mend();
                await().atMost(Duration.ofSeconds(30)).until(database::answers);
                await().atMost(Duration.ofSeconds(30)).ignoreExceptions().until(() -> {
                    insert(database, "after");
                    return true;
                });
                assertThat(names(database)).containsExactlyInAnyOrder("default", "before", "after");
            }
        }
    }

    @Test
    void aFolderThatIsUsedWithPostgresIsNotGivenAnEmptyDatabaseByMistake() throws Exception {
        Postgres settings = Stores.empty();
        Database.open(temp, settings).close();

        DatabaseUnavailable refusal = refusal(new DatabaseSettings.Sqlite());
        assertThat(refusal.reason()).isEqualTo(Reason.ELSEWHERE);
        assertThat(refusal)
                .hasMessageContaining(settings.toString())
                .hasMessageContaining("--config")
                .hasMessageContaining(temp.resolve("lockkeeper.postgresql").toString());
        assertThat(temp.resolve("lockkeeper.db")).doesNotExist();

        Files.delete(temp.resolve("lockkeeper.postgresql"));
        Database.open(temp).close();
    }

    private Database opened(Path folder, Postgres settings) {
        try {
            return Database.open(folder, settings);
        } catch (DatabaseUnavailable e) {
            throw new IllegalStateException(e);
        }
    }

    private DatabaseUnavailable refusal(DatabaseSettings settings) {
        return catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(temp, settings));
    }

    private static void change(DatabaseSettings settings, String sql) throws SQLException {
        try (Connection connection = Stores.superuser();
                Statement statement = connection.createStatement()) {
            statement.execute("SET search_path = " + ((Postgres) settings).schema());
            statement.execute(sql);
        }
    }

    private static Postgres with(Postgres from, String database, String user, Tls tls, Duration startWait) {
        return new Postgres(
                from.servers(),
                database,
                user,
                "s3cret",
                from.schema(),
                from.connections(),
                from.connectTimeout(),
                startWait,
                tls,
                null);
    }

    private static Postgres reached(String host, Postgres from, Tls tls, @Nullable Path ca) {
        return new Postgres(
                List.of(new Server(host, port(from))),
                from.database(),
                from.user(),
                from.password(),
                from.schema(),
                from.connections(),
                from.connectTimeout(),
                Duration.ZERO,
                tls,
                ca);
    }

    private static int port(Postgres settings) {
        return settings.servers().getFirst().port();
    }

    private static Postgres through(Cable cable, Postgres from, Duration startWait) {
        return new Postgres(
                List.of(new Server("127.0.0.1", cable.port())),
                from.database(),
                from.user(),
                from.password(),
                from.schema(),
                from.connections(),
                Duration.ofSeconds(1),
                startWait,
                from.tls(),
                null);
    }

    private static void insert(Database database, String name) {
        database.<String>write(handle -> insert(handle, name), _ -> {});
    }

    private static String insert(org.jdbi.v3.core.Handle handle, String name) {
        handle.execute("INSERT INTO organizations (id, name, created) VALUES (?, ?, 0)", name, name);
        return name;
    }

    private static List<String> names(Database database) {
        return read(database).join();
    }

    private static CompletableFuture<List<String>> read(Database database) {
        return database.<List<String>>read(handle -> handle.createQuery("SELECT name FROM organizations")
                .mapTo(String.class)
                .list());
    }
}
