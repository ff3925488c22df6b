package dev.lockkeeper.relay;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Where a call's slow parts are done, so that its event loop isn't held up: reading large bodies and counting tokens on a
 * few platform threads, and what waits (files, other calls) on virtual threads. Both are bounded; a full one says no.
 */
public final class Workers implements AutoCloseable {
    private static final int MAX_QUEUED = 1024;

    /** Beyond so many waiting tasks no estimate is made: calls wait for theirs, and large bodies for their reading. */
    private static final int BUSY = 64;

    private static final int MAX_WAITING = 512;
    private static final int CLOSE_MILLIS = 2_000;

    private final ThreadPoolExecutor counting;
    private final ExecutorService waiting = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("relay-waiting-", 0).factory());
    private final Semaphore mayWait = new Semaphore(MAX_WAITING);

    public Workers(int threads) {
        this.counting = new ThreadPoolExecutor(
                threads,
                threads,
                30,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_QUEUED),
                Thread.ofPlatform().daemon().name("relay-worker-", 0).factory());
        counting.allowCoreThreadTimeOut(true);
    }

    /** Runs what computes; false when too much is waiting. */
    boolean compute(Runnable task) {
        try {
            counting.execute(task);
            return true;
        } catch (RejectedExecutionException full) {
            return false;
        }
    }

    /** Runs what computes an estimate; false when much is waiting, and a rougher one is better than a late one. */
    boolean estimate(Runnable task) {
        return counting.getQueue().size() < BUSY && compute(task);
    }

    /** Runs what waits; false when too much is waiting. */
    boolean await(Runnable task) {
        if (!mayWait.tryAcquire()) {
            return false;
        }
        try {
            waiting.execute(() -> {
                try {
                    task.run();
                } finally {
                    mayWait.release();
                }
            });
            return true;
        } catch (RejectedExecutionException closed) {
            mayWait.release();
            return false;
        }
    }

    @Override
    public void close() {
        counting.shutdown();
        waiting.shutdownNow();
        try {
            // What is being counted belongs to calls whose loops are closed next.
            if (!counting.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS)) {
                counting.shutdownNow();
            }
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }
}
