package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Payer;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Usage;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackupTest {
    @TempDir
    Path temp;

    private record Ran(int code, String out, String err) {}

    private Ran run(String command, Path file, String... more) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        List<String> args = new ArrayList<>(List.of(command, file.toString(), "--data", data().toString()));
        args.addAll(List.of(more));
        int code = Main.run(
                new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), args.toArray(String[]::new));
        return new Ran(code, out.toString(), err.toString());
    }

    private Path data() {
        return temp.resolve("data");
    }

    @Test
    void aCopyMadeWhileTheServerRunsHoldsWhatWasThereThenAndCanBePutBackOnceItIsStopped() throws Exception {
        Path copy = temp.resolve("copy.db");
        try (Gateway gateway = Gateway.plan().data(data()).start()) {
            gateway.key("early");
            Ran made = run("backup", copy);
            assertThat(made.code()).as(made.err()).isZero();
            assertThat(made.out()).isEqualTo(copy + "\n");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(copy)))
                    .isEqualTo("rw-------");
            gateway.key("late");

            Ran refused = run("restore", copy);
            assertThat(refused.code()).isEqualTo(1);
            assertThat(refused.err()).contains("in use by this process");
        }
        Ran restored = run("restore", copy);
        assertThat(restored.code()).as(restored.err()).isZero();
        assertThat(restored.err()).contains("lockkeeper.db.before-");
        assertThat(projects()).contains("early").doesNotContain("late");
        assertThat(files())
                .as("what was replaced is kept, and nothing half done")
                .hasSize(2);

        Path before = files().stream()
                .filter(file -> file.toString().contains("before"))
                .findFirst()
                .orElseThrow();
        Ran undone = run("restore", before);
        assertThat(undone.code()).as(undone.err()).isZero();
        assertThat(projects()).contains("late");
    }

    @Test
    void aRestoreTellsTheSpendThatItForgets() throws Exception {
        Path copy = temp.resolve("copy.db");
        spend(1, 2_000_000_000);
        assertThat(run("backup", copy).code()).isZero();
        spend(2, 1_500_000_000);
        spend(3, 500_000);

        Ran restored = run("restore", copy);
        assertThat(restored.code()).as(restored.err()).isZero();
        assertThat(restored.err()).contains("The books forget $1.5005 in 2 attempts of calls, from 2026-");
        assertThat(run("restore", copy).err()).contains("No spend is forgotten");
        spend(4, 1_000_000_000);
        assertThat(booked()).containsExactly("call 1", "call 4");
    }

    @Test
    void aRestoreTellsWhatIsWaitedForNoMore() throws Exception {
        Path copy = temp.resolve("copy.db");
        Awaited one = new Awaited(Awaited.Kind.BATCH, "batch_1", "/v1/batches", "batch", 1, 2, Long.MAX_VALUE);
        hold(1, 1_000_000_000, hold -> assertThat(hold.await(one)).isTrue());
        spend(2, 1); // the next start: the database has what is waited for
        assertThat(run("backup", copy).code()).isZero();
        Awaited other = new Awaited(Awaited.Kind.RESPONSE, "resp_1", "/v1/responses", "", 1, 2, Long.MAX_VALUE);
        hold(3, 250_000_000, hold -> assertThat(hold.await(other)).isTrue());

        Ran restored = run("restore", copy);
        assertThat(restored.code()).as(restored.err()).isZero();
        assertThat(restored.err())
                .contains("No spend is forgotten", "1 of what is billed later, for which $0.25 were set aside");
        try (Database database = Database.open(data());
                Ledger ledger = Ledger.open(
                        database, DataFolder.journal(data()), 1, Clock.systemUTC(), LedgerSettings.DEFAULT)) {
            assertThat(ledger.waiting())
                    .extracting(Hold::pending)
                    .extracting(each -> each == null ? "" : each.awaited().id())
                    .containsExactly("batch_1");
        }
    }

    @Test
    void whereTheDatabaseIsLostTheJournalsBookWhatTheCopyLacks() throws Exception {
        Path copy = temp.resolve("copy.db");
        Database.open(data()).close();
        assertThat(run("backup", copy).code()).isZero();
        spend(1, 2_000_000_000);
        Files.writeString(data().resolve("lockkeeper.db"), "this was a database ".repeat(1_000));

        Ran restored = run("restore", copy);
        assertThat(restored.code()).as(restored.err()).isZero();
        assertThat(restored.err()).contains("What is forgotten can't be told", "the copy had not is booked");
        spend(2, 1_000_000_000);
        assertThat(booked()).containsExactly("call 1", "call 2");
    }

    @Test
    void journalsThatDoNotReachBackToTheCopyAreKeptAndNamed() throws Exception {
        Path copy = temp.resolve("copy.db");
        spend(1, 2_000_000_000);
        assertThat(run("backup", copy).code()).isZero();
        spend(2, 2_000_000_000);
        spend(3, 2_000_000_000);
        Files.writeString(data().resolve("lockkeeper.db"), "this was a database ".repeat(1_000));

        Ran restored = run("restore", copy);
        assertThat(restored.code()).as(restored.err()).isZero();
        assertThat(restored.err()).contains("they don't reach back to the copy", "journal.before-");
        spend(4, 1_000_000_000);
        assertThat(booked()).containsExactly("call 1", "call 4");
    }

    private void spend(int number, long nanos) throws Exception {
        hold(
                number,
                nanos,
                hold -> hold.settle(new Bill(nanos, Usage.of(1, 1), false, "chat.completions", 200, "served", 0, 1)));
    }

    private void hold(int number, long nanos, Consumer<Hold> then) throws Exception {
        try (Database database = Database.open(data());
                Ledger ledger = Ledger.open(
                        database, DataFolder.journal(data()), 1, Clock.systemUTC(), LedgerSettings.DEFAULT)) {
            Holding holding = ledger.hold(
                    0,
                    new Ask(
                            "call " + number,
                            1,
                            new Payer("org", "project", "key", "", ""),
                            "openai",
                            "gpt",
                            "gpt",
                            0,
                            nanos,
                            nanos));
            then.accept(((Holding.Granted) holding).hold());
        }
    }

    private List<String> booked() throws Exception {
        try (Database database = Database.open(data());
                Ledger _ = Ledger.open(
                        database, DataFolder.journal(data()), 1, Clock.systemUTC(), LedgerSettings.DEFAULT)) {
            return database.<List<String>>read(handle -> handle.createQuery("SELECT call_id FROM entries ORDER BY id")
                            .mapTo(String.class)
                            .list())
                    .join();
        }
    }

    @Test
    void aCopyIsNeverWrittenOverAFileAndAFolderWithoutDatabaseIsNamed() throws Exception {
        Path file = Files.writeString(temp.resolve("there"), "mine");
        assertThat(run("backup", file).err()).contains("no database in " + data());
        Database.open(data()).close();
        Ran refused = run("backup", file);
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err()).contains(file + " exists already");
        assertThat(file).hasContent("mine");
        assertThat(run("backup", temp.resolve("no/such/folder.db")).err()).contains("can't be copied to");
    }

    @Test
    void whatIsNoCopyOrIsDamagedOrNewerIsRefusedAndChangesNothing() throws Exception {
        Database.open(data()).close();
        Path copy = temp.resolve("copy.db");
        assertThat(run("backup", copy).code()).isZero();
        List<Path> before = files();

        assertThat(run("restore", temp.resolve("none")).err()).contains("does not exist");
        assertThat(run("restore", Files.writeString(temp.resolve("text"), "no database ".repeat(500)))
                        .err())
                .contains("can't be restored", "not a database");
        Path other = temp.resolve("other.db");
        execute(other, "CREATE TABLE t (x)");
        assertThat(run("restore", other).err()).contains("is not a copy of a Lockkeeper database");
        execute(
                copy,
                "INSERT INTO flyway_schema_history SELECT 99, '99', 'later', type, 'V99__later.sql', 1,"
                        + " installed_by, installed_on, 1, 1 FROM flyway_schema_history WHERE version = '1'");
        execute(copy, "UPDATE schema_reach SET oldest = 99");
        Ran newer = run("restore", copy);
        assertThat(newer.code()).isEqualTo(1);
        assertThat(newer.err()).contains("was made by a newer Lockkeeper");
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void aDatabaseInPostgresIsLeftToItsOwnTools() throws Exception {
        Postgres settings = Stores.empty();
        Path file = Files.writeString(
                temp.resolve("lockkeeper.yaml"), """
                data: %s
                database: {url: "%s?sslmode=disable", user: postgres, schema: %s}
                """.formatted(data(), settings.url(), settings.schema()));
        Ran backup = run("backup", temp.resolve("copy"), "--config", file.toString());
        assertThat(backup.code()).isEqualTo(1);
        assertThat(backup.err()).contains("pg_dump", "--schema=" + settings.schema(), settings.url());
        assertThat(run("restore", temp.resolve("copy"), "--config", file.toString())
                        .err())
                .contains("pg_restore", settings.url());
    }

    private static void execute(Path database, String sql) throws Exception {
        try (var connection = DriverManager.getConnection("jdbc:sqlite:" + database);
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private List<String> projects() throws Exception {
        try (Database database = Database.open(data())) {
            return database.<List<String>>read(handle -> handle.createQuery("SELECT name FROM projects")
                            .mapTo(String.class)
                            .list())
                    .join();
        }
    }

    /** The databases in the data folder. */
    private List<Path> files() throws Exception {
        try (Stream<Path> files = Files.list(data())) {
            return files.filter(file -> file.getFileName().toString().startsWith("lockkeeper.db"))
                    .sorted()
                    .toList();
        }
    }
}
