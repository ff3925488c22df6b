package dev.lockkeeper.http;

/** One event loop: a thread, and what is confined to it. */
public interface Loop {
    /** This loop's place among its siblings, from 0. */
    int index();

    /** Runs a task on the loop's thread: at once when called on it, else as soon as the loop gets there. Any thread. */
    void run(Runnable task);

    /** Runs a task on the loop's thread after what it is doing now. Any thread. */
    void later(Runnable task);

    /** Whether the calling thread is this loop's. */
    boolean here();

    /**
     * Calls {@code ticking} about every {@value #TICK_MILLIS} ms until the returned handle is closed. All deadlines of
     * calls are looked at in one such round, so that no call needs a timer of its own. On the loop only.
     */
    Subscription everyTick(Ticking ticking);

    /**
     * Runs a task once, after about so many milliseconds, unless the returned handle was closed before. For what must
     * be finer than a tick; a call's deadlines belong to {@link #everyTick}. On the loop only.
     */
    Subscription after(long millis, Runnable task);

    /** The time between two ticks, in milliseconds. */
    int TICK_MILLIS = 20;

    /** Told the time at each tick. */
    @FunctionalInterface
    interface Ticking {
        /** @param nowNanos {@link System#nanoTime()} of this round */
        void tick(long nowNanos);
    }

    /** Ends what it was returned for. Idempotent. */
    @FunctionalInterface
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
