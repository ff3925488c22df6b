package dev.lockkeeper.db;

import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientException;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteException;

/**
 * The database of a gateway: the SQLite file of its data folder, or a PostgreSQL schema. Either way the folder is held by
 * this process alone. All methods may be called from any thread; {@link #write} and {@link #close} block. SQL itself runs on
 * platform threads of this class, one that writes and one for each connection that reads: SQLite's driver would pin a
 * virtual thread to its carrier, and with PostgreSQL the connections are what is scarce, not the threads.
 */
public final class Database implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);

    /** Reads that may wait for a reader; a further one is refused. */
    static final int MAX_WAITING_READS = 16_384;

    /** Callers of {@link #write} that may wait at once; a further one waits for its turn to wait. */
    private static final int MAX_WAITING_WRITES = 256;

    /** How long {@link #write} waits at most, for its turn and for its commit each. */
    private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(30);

    /** How long {@link #read} takes at most. */
    private static final Duration READ_TIMEOUT = Duration.ofSeconds(30);

    /** How long {@link #close} waits for changes that are queued, and then for reads. */
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

    private static final Duration LAST_READS_TIMEOUT = Duration.ofSeconds(5);

    private static final Duration HEALTH_TIMEOUT = Duration.ofSeconds(1);

    /** Causes of causes that are looked through. */
    private static final int MAX_CAUSES = 20;

    /** SQLITE_BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN; the low byte of its codes. */
    private static final Set<Integer> SQLITE_TROUBLES = Set.of(5, 6, 7, 8, 10, 13, 14);

    /**
     * Classes of SQLSTATE: connection, lock or privilege to write on a standby, rolled back, no resources, not the right
     * state (a lock that was not free), operator (cancelled, shut down), system.
     */
    private static final Set<String> POSTGRES_TROUBLES = Set.of("08", "25", "40", "53", "55", "57", "58");

    private final Path folder;
    private final FolderLock lock;
    private final Store store;
    private final ThreadPoolExecutor readers;

    /** Bounded by {@link #turns} and by one task for each {@link WriteBehind}. */
    private final LinkedBlockingQueue<Runnable> writes = new LinkedBlockingQueue<>();

    private final Semaphore turns = new Semaphore(MAX_WAITING_WRITES, true);
    private final Thread writerThread;
    private volatile boolean closing;

    private Database(Path folder, FolderLock lock, Store store) {
        this.folder = folder;
        this.lock = lock;
        this.store = store;
        this.readers = new ThreadPoolExecutor(
                store.readers(),
                store.readers(),
                0,
                TimeUnit.MILLISECONDS,
                new ArrayBlockingQueue<>(MAX_WAITING_READS),
                Thread.ofPlatform().name("lockkeeper-db-reader-", 0).daemon().factory());
        this.writerThread =
                Thread.ofPlatform().name("lockkeeper-db-writer").daemon().unstarted(this::writeUntilClosed);
        writerThread.start();
    }

    /**
     * Takes the folder (made where it is missing), opens the database in it and brings the schema up to date.
     *
     * @throws DatabaseUnavailable with one sentence for the operator; nothing is left open then
     */
    public static Database open(Path folder) throws DatabaseUnavailable {
        return open(folder, new DatabaseSettings.Sqlite());
    }

    /**
     * Takes the folder (made where it is missing), opens the database and brings the schema up to date. Waits for a
     * PostgreSQL server that can't be reached, as long as the settings say.
     *
     * @throws DatabaseUnavailable with one sentence for the operator; nothing is left open then
     */
    public static Database open(Path folder, DatabaseSettings settings) throws DatabaseUnavailable {
        FolderLock lock = FolderLock.take(folder);
        Database opened = null;
        try {
            opened = new Database(
                    folder,
                    lock,
                    switch (settings) {
                        case DatabaseSettings.Sqlite() -> {
                            StoreNote.check(folder);
                            yield SqliteStore.open(folder);
                        }
                        case DatabaseSettings.Postgres postgres -> PostgresStore.open(postgres);
                    });
            if (settings instanceof DatabaseSettings.Postgres postgres) {
                StoreNote.note(folder, postgres);
            }
            return opened;
        } finally {
            if (opened == null) {
                lock.close();
            }
        }
    }

    /** Whether a folder has a database of its own, open or not. */
    public static boolean isIn(Path folder) {
        return Files.exists(folder.resolve(SqliteStore.FILE));
    }

    /**
     * The process that has a folder open; empty when none has, or it can't be told.
     *
     * @throws DatabaseUnavailable when the folder can't be looked into
     */
    public static OptionalLong holder(Path folder) throws DatabaseUnavailable {
        if (!Files.exists(folder.resolve(FolderLock.NAME))) {
            return OptionalLong.empty();
        }
        try {
            FolderLock.take(folder).close();
            return OptionalLong.empty();
        } catch (DatabaseUnavailable e) {
            if (e.reason() == Reason.IN_USE) {
                return e.holder();
            }
            throw e;
        }
    }

    /** The data folder. */
    public Path folder() {
        return folder;
    }

    /** What the database is and where, for messages; no secret. */
    public String where() {
        return store.where();
    }

    /** Whether it is PostgreSQL, for the little SQL that can't be the same in both. */
    public boolean isPostgres() {
        return store instanceof PostgresStore;
    }

    /**
     * Runs SQL in a transaction of its own and waits for its commit. Blocks: never on an event loop.
     *
     * @param committed told the result after the commit, on the writing thread, before anybody else can be: what
     *     mirrors the database in memory changes here, in the order of commits; quick, takes no lock
     * @throws RuntimeException what {@code work} threw, after the transaction was rolled back; or that there was no
     *     connection, or no commit within {@link #WRITE_TIMEOUT}. Where the connection was lost during the commit it is
     *     unknown whether that took place
     */
    public <T extends @Nullable Object> T write(Work<T> work, Consumer<? super T> committed) {
        CompletableFuture<T> done = new CompletableFuture<>();
        AtomicBoolean begun = new AtomicBoolean();
        try {
            if (!turns.tryAcquire(WRITE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new RejectedExecutionException("the database did not take a change within " + WRITE_TIMEOUT);
            }
            try {
                enqueue(() -> {
                    if (!begun.compareAndSet(false, true)) {
                        return; // who wanted it has been told that it did not happen
                    }
                    try {
                        T result = inTransaction(work);
                        committed.accept(result);
                        done.complete(result);
                    } catch (Throwable t) {
                        done.completeExceptionally(t);
                    }
                });
                return done.get(WRITE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            } finally {
                turns.release();
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException(
                    begun.compareAndSet(false, true)
                            ? "the database did not begin a change within " + WRITE_TIMEOUT + ", so it is not made"
                            : "the database did not commit a change within " + WRITE_TIMEOUT + "; it may do so still",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a change was written", e);
        }
    }

    /**
     * Runs SQL that only reads, on a reading thread. At most {@value #MAX_WAITING_READS} wait; a further one fails with
     * a {@link RejectedExecutionException}. One that takes longer than {@link #READ_TIMEOUT} fails with a
     * {@link TimeoutException}.
     *
     * @return completed on the reading thread, or on one that keeps time
     */
    public <T extends @Nullable Object> CompletableFuture<T> read(Work<T> work) {
        CompletableFuture<T> done = new CompletableFuture<>();
        try {
            readers.execute(() -> {
                if (done.isDone()) {
                    return; // too late
                }
                try {
                    done.complete(store.reader().withHandle(work::in));
                } catch (Throwable t) {
                    done.completeExceptionally(t);
                }
            });
        } catch (RejectedExecutionException e) {
            done.completeExceptionally(
                    new RejectedExecutionException(closing ? "the database is closed" : "too many reads wait", e));
        }
        return done.isDone() ? done : done.orTimeout(READ_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    }

    /**
     * Makes a queue of changes that are written behind their makers' backs, many in one transaction.
     *
     * @param capacity changes that may wait; a further one fails
     * @param batch changes in one transaction at most
     * @param work writes a batch; run again for each change alone when it fails for all of them together
     */
    public <C> WriteBehind<C> writeBehind(int capacity, int batch, WriteBehind.Batch<C> work) {
        return new WriteBehind<>(this, capacity, batch, work);
    }

    <T extends @Nullable Object> T inTransaction(Work<T> work) {
        return store.writer().inTransaction(work::in);
    }

    void enqueue(Runnable task) {
        // The writing thread itself may go on queueing while the database closes: what waits is still written.
        if (closing && !Thread.currentThread().equals(writerThread)) {
            throw new RejectedExecutionException("the database is closed");
        }
        writes.add(task);
    }

    private void writeUntilClosed() {
        try {
            while (!closing || !writes.isEmpty()) {
                Runnable task = writes.poll(100, TimeUnit.MILLISECONDS);
                if (task != null) {
                    runSafely(task);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Tasks tell their makers of their failures; one that fails beyond that must not end the only thread that writes. */
    private static void runSafely(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            LOG.error("a change of the database failed", e);
        }
    }

    /**
     * Whether what was thrown says that the database is away, busy or full, and not that it was asked for something wrong.
     * Then the same may work later.
     */
    public static boolean isTrouble(Throwable failure) {
        int causes = 0;
        for (Throwable each = failure; each != null && causes < MAX_CAUSES; each = each.getCause(), causes++) {
            boolean trouble = switch (each) {
                case TimeoutException _, RejectedExecutionException _ -> true;
                case SQLTransientException _, SQLRecoverableException _ -> true;
                case SQLiteException sqlite -> SQLITE_TROUBLES.contains(sqlite.getResultCode().code & 0xff);
                case SQLException sql ->
                    POSTGRES_TROUBLES.stream().anyMatch(String.valueOf(sql.getSQLState())::startsWith);
                default -> false;
            };
            if (trouble) {
                return true;
            }
        }
        return false;
    }

    /**
     * What failed, in one line for operators: without the statement and its values, which drivers put into their messages,
     * and which are nobody's who looks at the log or at {@code /readyz}.
     */
    public static String said(Throwable failure) {
        Throwable root = failure;
        for (int causes = 0; root.getCause() != null && causes < MAX_CAUSES; causes++) {
            root = root.getCause();
        }
        String message = root.getMessage();
        if (message == null || root instanceof BatchUpdateException) {
            return root.getClass().getSimpleName();
        }
        int line = message.indexOf('\n');
        return line < 0 ? message : message.substring(0, line);
    }

    /** Whether a read comes back within a second: for a health check. Blocks as long. */
    public boolean answers() {
        try {
            return this.<Integer>read(handle -> handle.createQuery("SELECT 1")
                                    .mapTo(Integer.class)
                                    .one())
                            .get(HEALTH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                    == 1;
        } catch (ExecutionException | TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Writes what is queued, closes the database and gives the folder back. Idempotent. */
    @Override
    public void close() {
        if (closing) {
            return;
        }
        closing = true;
        readers.shutdown();
        try {
            writerThread.join(CLOSE_TIMEOUT);
            for (Runnable late = writes.poll(); late != null; late = writes.poll()) {
                late.run();
            }
            readers.awaitTermination(LAST_READS_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        try {
            store.close();
        } catch (SQLException e) {
            throw new CompletionException(store.where() + " was not closed cleanly", e);
        } finally {
            lock.close();
        }
    }

    /**
     * SQL to be run.
     *
     * @param <T> what comes of it
     */
    @FunctionalInterface
    public interface Work<T extends @Nullable Object> {
        /** Runs it; the handle is valid until this returns. */
        T in(Handle handle);
    }
}
