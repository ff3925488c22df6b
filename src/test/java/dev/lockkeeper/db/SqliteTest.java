package dev.lockkeeper.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What only the file in the data folder has. */
class SqliteTest {
    @TempDir
    Path temp;

    @Test
    void theFolderIsMadeForItsOwnerAlone() throws Exception {
        Path folder = temp.resolve("a/b");
        Database.open(folder).close();

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
                .isEqualTo("rwx------");
        assertThat(folder.resolve("lockkeeper.db")).exists();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sqlite", "postgresql"})
    void theSchemaConstantIsTheNewestMigrationOfEachStore(String store) throws Exception {
        Path migrations = Path.of(Schema.class
                .getClassLoader()
                .getResource(Schema.MIGRATIONS + store)
                .toURI());
        try (var files = Files.list(migrations)) {
            assertThat(files.map(file -> file.getFileName().toString())
                            .map(name -> Integer.parseInt(name.substring(1, name.indexOf("__")))))
                    .containsExactlyInAnyOrderElementsOf(
                            IntStream.rangeClosed(1, Schema.NEWEST).boxed().toList());
        }
    }

    @Test
    void theConnectionThatWritesUsesAWriteAheadLog() throws Exception {
        try (Database database = Database.open(temp)) {
            List<String> inForce = database.write(
                    handle -> List.of(
                            handle.createQuery("PRAGMA journal_mode")
                                    .mapTo(String.class)
                                    .one(),
                            handle.createQuery("PRAGMA synchronous")
                                    .mapTo(String.class)
                                    .one(),
                            handle.createQuery("PRAGMA foreign_keys")
                                    .mapTo(String.class)
                                    .one()),
                    _ -> {});
            assertThat(inForce).containsExactly("wal", "1", "1");
        }
    }

    @Test
    void aSecondOpeningInTheSameProcessIsRefusedAndTheFirstKeepsItsLock() throws Exception {
        try (Database database = Database.open(temp)) {
            DatabaseUnavailable refusal = catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(temp));
            assertThat(refusal.reason()).isEqualTo(Reason.IN_USE);
            assertThat(refusal).hasMessageContaining("in use by this process").hasMessageContaining("--data");
            assertThat(Database.open(temp.resolve("other"))).satisfies(Database::close);
            assertThat(openElsewhere())
                    .startsWith("IN_USE " + ProcessHandle.current().pid());
            DatabaseTest.insert(database, "still here");
        }
        assertThat(openElsewhere()).startsWith("OPENED");
    }

    @Test
    void theMessageNamesTheProcessThatHoldsTheFolder() throws Exception {
        Process other = elsewhere("hold");
        try (BufferedReader said =
                new BufferedReader(new InputStreamReader(other.getInputStream(), StandardCharsets.UTF_8))) {
            awaitLine(said, "OPENED");
            DatabaseUnavailable refusal = catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(temp));
            assertThat(refusal.holder()).hasValue(other.pid());
            assertThat(refusal).hasMessageContaining("in use by process " + other.pid());
        } finally {
            other.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
        // Killed, not closed: the system gave the lock back.
        Database.open(temp).close();
    }

    @Test
    void aKilledProcessLosesNothingThatItHadCommitted() throws Exception {
        Process other = elsewhere("write");
        try (BufferedReader said =
                new BufferedReader(new InputStreamReader(other.getInputStream(), StandardCharsets.UTF_8))) {
            awaitLine(said, "OPENED");
            awaitLine(said, "COMMITTED");
        } finally {
            other.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
        try (Database database = Database.open(temp)) {
            assertThat(DatabaseTest.names(database)).contains("written elsewhere");
        }
    }

    @Test
    void aFolderThatCantBeMadeIsNamedWithWhatToDo() throws Exception {
        Path file = Files.writeString(temp.resolve("file"), "");
        DatabaseUnavailable underAFile =
                catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(file.resolve("data")));
        assertThat(underAFile.reason()).isEqualTo(Reason.UNWRITABLE);
        assertThat(underAFile).hasMessageContaining(file.toString()).hasMessageContaining("--data");

        DatabaseUnavailable aFile = catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(file));
        assertThat(aFile).hasMessageContaining("is a file").hasMessageContaining("--data");

        DatabaseUnavailable system =
                catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(Path.of("/proc/lockkeeper")));
        assertThat(system.reason()).isEqualTo(Reason.UNWRITABLE);
        assertThat(system).hasMessageContaining("/proc/lockkeeper").hasMessageContaining("--data");
    }

    @Test
    void aNewerSchemaIsUsedWhereItStillServesThisProgramAndRefusedWhereItDoesNot() throws Exception {
        Database.open(temp).close();
        change("INSERT INTO flyway_schema_history SELECT 99, '99', 'later', type, 'V99__later.sql', 1,"
                + " installed_by, installed_on, 1, 1 FROM flyway_schema_history WHERE version = '1'");
        Database.open(temp).close();

        change("UPDATE schema_reach SET oldest = 98");
        DatabaseUnavailable refusal = catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(temp));
        assertThat(refusal.reason()).isEqualTo(Reason.NEWER);
        assertThat(refusal)
                .hasMessageContaining("schema 99 for programs from 98 on")
                .hasMessageContaining("knows " + Schema.NEWEST);
        assertThat(openElsewhere()).as("the lock was given back").startsWith("NEWER");
    }

    private void change(String sql) throws SQLException {
        try (var connection = DriverManager.getConnection("jdbc:sqlite:" + temp.resolve("lockkeeper.db"));
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Test
    void aFileThatIsNoDatabaseIsNamed() throws Exception {
        Files.writeString(temp.resolve("lockkeeper.db"), "this is not a database, it is a text ".repeat(100));
        DatabaseUnavailable refusal = catchThrowableOfType(DatabaseUnavailable.class, () -> Database.open(temp));
        assertThat(refusal.reason()).isEqualTo(Reason.BROKEN);
        assertThat(refusal).hasMessageContaining("lockkeeper.db").hasMessageContaining("not a database");
    }

    @Test
    void theMigrationToolIsNotLoadedWhenTheSchemaIsCurrent() throws Exception {
        assertThat(openElsewhere("-Xlog:class+load")).contains("org.flywaydb").startsWith("OPENED");
        assertThat(openElsewhere("-Xlog:class+load"))
                .doesNotContain("org.flywaydb")
                .startsWith("OPENED");
    }

    /** Log lines may stand between. */
    private static void awaitLine(BufferedReader said, String wanted) throws IOException {
        List<String> others = new ArrayList<>();
        String line = said.readLine();
        while (line != null && !line.equals(wanted)) {
            others.add(line);
            line = said.readLine();
        }
        assertThat(line).as("after %s", others).isEqualTo(wanted);
    }

    private String openElsewhere(String... jvmOptions) throws Exception {
        Process other = elsewhere("close", jvmOptions);
        String said = new String(other.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        other.waitFor(10, TimeUnit.SECONDS);
        // The JVM's own log stands before what the program said.
        int result = Math.max(said.indexOf("OPENED"), Math.max(said.indexOf("IN_USE"), said.indexOf("NEWER")));
        return said.substring(result) + said.substring(0, result);
    }

    private Process elsewhere(String what, String... jvmOptions) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(jvmOptions));
        command.addAll(List.of(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Elsewhere.class.getName(),
                temp.toString(),
                what));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** Another process that opens the same folder. */
    static final class Elsewhere {
        private Elsewhere() {}

        public static void main(String[] args) throws Exception {
            try (Database database = Database.open(Path.of(args[0]))) {
                System.out.println("OPENED");
                if (args[1].equals("write")) {
                    DatabaseTest.insert(database, "written elsewhere");
                    System.out.println("COMMITTED");
                }
                if (!args[1].equals("close")) {
                    new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                }
            } catch (DatabaseUnavailable e) {
                System.out.println(e.reason() + " " + e.holder().orElse(-1));
            }
        }
    }
}
