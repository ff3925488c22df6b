package dev.lockkeeper.db;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * A bounded queue of changes that the database's writing thread commits in batches: while one batch is being committed
 * the next gathers. Any thread, nothing blocks. Changes are written in the order in which one thread added them.
 *
 * @param <C> a change
 */
public final class WriteBehind<C> {
    private final Database database;
    private final int capacity;
    private final int batch;
    private final Batch<C> work;
    private final ConcurrentLinkedQueue<Entry<C>> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicBoolean scheduled = new AtomicBoolean();

    WriteBehind(Database database, int capacity, int batch, Batch<C> work) {
        this.database = database;
        this.capacity = capacity;
        this.batch = batch;
        this.work = work;
    }

    /**
     * Queues a change.
     *
     * @return completed on the writing thread when the change is committed, exceptionally when it can't be: with a
     *     {@link RejectedExecutionException} at once where the queue is full or the database closed
     */
    public CompletableFuture<Void> add(C change) {
        return queued(change);
    }

    private CompletableFuture<Void> queued(@Nullable C change) {
        if (waiting.incrementAndGet() > capacity) {
            waiting.decrementAndGet();
            return CompletableFuture.failedFuture(
                    new RejectedExecutionException(capacity + " changes wait for the database already"));
        }
        CompletableFuture<Void> committed = new CompletableFuture<>();
        queue.add(new Entry<>(change, committed));
        schedule();
        return committed;
    }

    /**
     * Completes when all that was added before is committed or has failed: at once when nothing waits. Never fails
     * because a change did.
     */
    public CompletableFuture<Void> settled() {
        return waiting.get() == 0
                ? CompletableFuture.completedFuture(null)
                : queued(null).handle((_, _) -> null);
    }

    /** Changes that are not committed yet. */
    public int waiting() {
        return waiting.get();
    }

    private void schedule() {
        if (scheduled.compareAndSet(false, true)) {
            try {
                database.enqueue(this::commit);
            } catch (IllegalStateException closed) {
                scheduled.set(false);
                for (Entry<C> each = queue.poll(); each != null; each = queue.poll()) {
                    waiting.decrementAndGet();
                    each.committed.completeExceptionally(new RejectedExecutionException(closed.getMessage(), closed));
                }
            }
        }
    }

    private void commit() {
        List<Entry<C>> entries = new ArrayList<>();
        for (Entry<C> each = queue.poll(); each != null; each = entries.size() < batch ? queue.poll() : null) {
            entries.add(each);
        }
        Throwable failure = tryTogether(entries);
        if (failure != null && Store.isOutage(failure)) {
            // Each alone would wait for a connection as long as they did together.
            entries.forEach(each -> failed(each, failure));
        } else if (failure != null) {
            // One change that can't be written must not take its neighbours with it.
            entries.forEach(this::alone);
        }
        scheduled.set(false);
        if (!queue.isEmpty()) {
            schedule();
        }
    }

    private @Nullable Throwable tryTogether(List<Entry<C>> entries) {
        List<Runnable> committed;
        try {
            committed = write(entries);
        } catch (RuntimeException | Error e) {
            return e;
        }
        finish(entries, committed);
        return null;
    }

    private void alone(Entry<C> entry) {
        List<Runnable> committed;
        try {
            committed = write(List.of(entry));
        } catch (RuntimeException | Error e) {
            failed(entry, e);
            return;
        }
        finish(List.of(entry), committed);
    }

    private void failed(Entry<C> entry, Throwable failure) {
        waiting.decrementAndGet();
        entry.committed.completeExceptionally(failure);
    }

    private List<Runnable> write(List<Entry<C>> entries) {
        List<C> changes = new ArrayList<>(entries.size());
        for (Entry<C> each : entries) {
            if (each.change != null) {
                changes.add(each.change);
            }
        }
        return database.inTransaction(handle -> work.write(handle, changes));
    }

    private void finish(List<Entry<C>> entries, List<Runnable> committed) {
        committed.forEach(Runnable::run);
        for (Entry<C> each : entries) {
            waiting.decrementAndGet();
            each.committed.complete(null);
        }
    }

    /** A change, or null: a mark that only waits for those before it. */
    private record Entry<C>(@Nullable C change, CompletableFuture<Void> committed) {}

    /**
     * Writes a batch.
     *
     * @param <C> a change
     */
    @FunctionalInterface
    public interface Batch<C> {
        /**
         * Writes changes, in their order, within a transaction that is already open. Touches nothing but the database:
         * it may be rolled back and run again.
         *
         * @return what to do once they are committed, on the writing thread, before those who wait are told
         */
        List<Runnable> write(Handle handle, List<C> changes);
    }
}
