package dev.lockkeeper.db;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;

/** Copies of the SQLite database of a data folder. Blocks. A failure is a {@link Failed} with one sentence for the operator. */
public final class Backup {
    private static final DateTimeFormatter STAMP =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    /** What SQLite keeps beside a file while it is open, or after its process was killed. */
    private static final List<String> BESIDE = List.of("-wal", "-shm");

    private static final int BUSY_MILLIS = 5_000;

    private Backup() {}

    /**
     * A copy that was made.
     *
     * @param file where it is
     * @param schema the version of its schema
     * @param bytes its size
     */
    public record Made(Path file, int schema, long bytes) {}

    /** Why a copy could not be made or put back. */
    public static final class Failed extends Exception {
        private static final long serialVersionUID = 1L;

        Failed(String message) {
            super(message);
        }

        Failed(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * Copies the database of a folder to a new file, which is complete or not there. Every commit before the copy began is
     * in it, and none that came later; a server that runs on the folder is neither asked nor held up.
     */
    public static Made make(Path folder, Path file) throws Failed, DatabaseUnavailable {
        StoreNote.check(folder);
        Path database = folder.resolve(SqliteStore.FILE);
        if (!Files.exists(database)) {
            throw new Failed("no database in " + folder.toAbsolutePath()
                    + ". Name the data folder with --data, or its configuration with --config.");
        }
        if (Files.exists(file)) {
            throw new Failed(file.toAbsolutePath() + " exists already. Name a new file.");
        }
        Path part = beside(file, ".part");
        try {
            Files.deleteIfExists(part);
            try (Connection connection = source(database).getConnection();
                    PreparedStatement copy = connection.prepareStatement("VACUUM INTO ?")) {
                OwnerOnly.empty(part);
                copy.setString(1, part.toString());
                copy.execute();
            }
            int schema = checked(part, "the copy " + part);
            force(part);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            return new Made(file.toAbsolutePath(), schema, Files.size(file));
        } catch (SQLException | IOException e) {
            throw new Failed(
                    "the database in " + folder.toAbsolutePath() + " can't be copied to " + file.toAbsolutePath() + ": "
                            + said(e) + ".",
                    e);
        } finally {
            quietlyDelete(part);
        }
    }

    /**
     * A copy that was put back.
     *
     * @param schema the version of its schema
     * @param kept where the database is now that was there before; null when there was none
     */
    public record Restored(int schema, @Nullable Path kept) {}

    /**
     * Puts a copy in the place of a folder's database, which no process has open; the one that was there is kept beside it.
     * At no instant is the folder without a database.
     *
     * @throws DatabaseUnavailable when another process has the folder open
     */
    public static Restored restore(Path file, Path folder, Clock clock) throws Failed, DatabaseUnavailable {
        StoreNote.check(folder);
        try (FolderLock _ = FolderLock.take(folder)) {
            Path next = folder.resolve(SqliteStore.FILE + ".restored");
            try {
                delete(next);
                OwnerOnly.empty(next);
                Files.copy(file, next, StandardCopyOption.REPLACE_EXISTING);
                int schema = checked(next, file.toAbsolutePath().toString());
                force(next);
                return new Restored(schema, replace(folder.resolve(SqliteStore.FILE), next, clock));
            } catch (NoSuchFileException e) {
                throw new Failed(
                        file.toAbsolutePath() + " does not exist. Name a file that 'lockkeeper backup' made.", e);
            } catch (SQLException | IOException e) {
                throw new Failed(file.toAbsolutePath() + " can't be restored: " + said(e) + ".", e);
            } finally {
                quietlyDelete(next);
            }
        }
    }

    private static @Nullable Path replace(Path database, Path next, Clock clock) throws IOException {
        Path kept = null;
        if (Files.exists(database)) {
            kept = beside(database, ".before-" + STAMP.format(clock.instant()));
            for (int again = 2; Files.exists(kept); again++) {
                kept = beside(database, ".before-" + STAMP.format(clock.instant()) + "-" + again);
            }
            settle(database);
            Files.createLink(kept, database);
            for (String each : BESIDE) {
                if (Files.exists(beside(database, each))) {
                    Files.move(beside(database, each), beside(kept, each));
                }
            }
        }
        Files.move(next, database, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return kept;
    }

    /** Brings what a killed process left beside the file into it, where that can be done. */
    private static void settle(Path database) {
        try (Connection connection = source(database).getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        } catch (SQLException broken) {
            // Then it is kept as it is, with what is beside it.
            return;
        }
    }

    /** The schema's version of a whole copy that this program can use. */
    private static int checked(Path file, String name) throws SQLException, Failed {
        try (Connection connection = source(file).getConnection();
                Statement statement = connection.createStatement()) {
            try (ResultSet check = statement.executeQuery("PRAGMA quick_check")) {
                String found = check.next() ? check.getString(1) : "nothing";
                if (!found.equals("ok")) {
                    throw new Failed(name + " is damaged: " + found + ".");
                }
            }
            int version = Schema.sqlite(file, source(file)).usable(connection);
            if (version == 0) {
                throw new Failed(name + " is not a copy of a Lockkeeper database.");
            }
            return version;
        } catch (DatabaseUnavailable newer) {
            throw new Failed(String.valueOf(newer.getMessage()), newer);
        }
    }

    private static SQLiteDataSource source(Path file) {
        SQLiteConfig pragmas = new SQLiteConfig();
        pragmas.setBusyTimeout(BUSY_MILLIS);
        SQLiteDataSource source = new SQLiteDataSource(pragmas);
        source.setUrl("jdbc:sqlite:" + file.toAbsolutePath());
        return source;
    }

    private static void force(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    private static void delete(Path file) throws IOException {
        Files.deleteIfExists(file);
        for (String each : BESIDE) {
            Files.deleteIfExists(beside(file, each));
        }
    }

    private static void quietlyDelete(Path file) {
        try {
            delete(file);
        } catch (IOException left) {
            // It is in nobody's way: the next one begins by deleting it.
            return;
        }
    }

    private static Path beside(Path file, String ending) {
        return file.resolveSibling(file.getFileName() + ending);
    }

    private static String said(Exception e) {
        if (e instanceof NoSuchFileException missing) {
            return "its folder " + Path.of(missing.getFile()).toAbsolutePath().getParent() + " does not exist";
        }
        return e instanceof FileSystemException file && file.getReason() != null
                ? file.getReason()
                : e.getClass().getSimpleName().replace("Exception", "") + " " + e.getMessage();
    }
}
