package dev.lockkeeper.ledger;

import java.util.concurrent.CompletionStage;

/** The ledger's answer to an {@link Ask}. */
public sealed interface Holding {
    /**
     * Money is set aside on every account that the attempt touches.
     *
     * @param hold to be settled or released, whatever happens
     */
    record Granted(Hold hold) implements Holding {}

    /**
     * A hard budget has less left than the least that was asked for. Nothing is held.
     *
     * @param budget the one with the least left
     * @param capNanos its amount in this period, with what was carried over, in nano-dollars
     * @param spentNanos booked in this period
     * @param heldNanos set aside for calls under way, or leased to other processes: some of it comes back
     * @param lostNanos leased to processes that are gone: it comes back when they do
     * @param opensMillis when its next period begins, milliseconds since 1970; {@link Long#MAX_VALUE} for never
     */
    record Exhausted(Budget budget, long capNanos, long spentNanos, long heldNanos, long lostNanos, long opensMillis)
            implements Holding {}

    /**
     * A budget that covers the call was just made, and what was spent on it so far is being added up; or more of one is being
     * leased. Nothing is held.
     *
     * @param ready completes, on any thread, when it is worth asking again; never exceptionally
     */
    record Parked(CompletionStage<?> ready) implements Holding {}

    /**
     * The ledger can't take new holds at all: the disk is low, the journal can't be written, or too many holds are open.
     * Nothing is held.
     *
     * @param why one sentence for the operator
     */
    record Closed(String why) implements Holding {}
}
