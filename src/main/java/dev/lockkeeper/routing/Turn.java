package dev.lockkeeper.routing;

import java.util.function.Consumer;

/** Whether an attempt may be made at a candidate now. */
public sealed interface Turn permits Slot, Turn.Closed, Turn.Queued {
    /**
     * No: it rests, or has as much to do as it can.
     *
     * @param why a sentence: no secrets
     * @param opensInMillis when it may be asked again, -1 when that isn't known
     * @param full whether it has as much to do as it can: then the call is not to wait for it, it would only come late
     */
    record Closed(String why, long opensInMillis, boolean full) implements Turn {}

    /** Not yet: it has much to do, and this attempt stands in its queue. */
    interface Waiting {
        /**
         * Tells the end of waiting once: a {@link Slot}, or {@link Closed} when it took too long.
         *
         * @param then is run on any thread, also within this call
         */
        void whenOver(Consumer<Turn> then);

        /** Looks whether the wait has lasted too long; to be told the time often. */
        void tick(long nowNanos);

        /** Leaves the queue. Idempotent. */
        void cancel();
    }

    /**
     * Not yet.
     *
     * @param place in the queue
     */
    record Queued(Waiting place) implements Turn {}
}
