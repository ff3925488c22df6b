package dev.lockkeeper.relay;

import dev.lockkeeper.limits.Permit;
import dev.lockkeeper.routing.Slot;
import dev.lockkeeper.upstream.Patience;
import org.jspecify.annotations.Nullable;

/**
 * What is put up for one attempt before it is made: its place under its provider's limits, its turn at the candidate, the
 * money set aside. On the call's loop only.
 */
final class Stake {
    private final Placed at;
    private final int number;
    private final Patience patience;
    private final long startedNanos = System.nanoTime();
    private Permit permit = Permit.FREE;
    private @Nullable Slot slot;
    private @Nullable Meter meter;

    /**
     * @param number which attempt of its call it is, from 1
     * @param patience how long it may take
     */
    Stake(Placed at, int number, Patience patience) {
        this.at = at;
        this.number = number;
        this.patience = patience;
    }

    Patience patience() {
        return patience;
    }

    Placed at() {
        return at;
    }

    int number() {
        return number;
    }

    long startedNanos() {
        return startedNanos;
    }

    Permit permit() {
        return permit;
    }

    void entered(Permit taken) {
        permit = taken;
    }

    void turn(Slot taken) {
        slot = taken;
    }

    void paid(Meter opened) {
        meter = opened;
    }

    /** Null where the attempt costs nothing. */
    @Nullable Meter meter() {
        return meter;
    }

    /** The first token of the answer has come. */
    void firstToken() {
        if (slot != null) {
            slot.firstToken(System.nanoTime());
        }
    }

    /** The candidate is judged by how the attempt ended; the first word counts. */
    void ended(Slot.Ending how) {
        if (slot != null) {
            slot.ended(how, System.nanoTime());
        }
    }

    /** Gives back all of it, its place under the limits too: the attempt was not made. */
    void giveBack() {
        permit.undo();
        letGo();
    }

    /** Gives back all that is left of it: money that was not booked, its place, its turn. Idempotent. */
    void letGo() {
        if (meter != null) {
            meter.release();
        }
        permit.leave();
        ended(Slot.Ending.UNKNOWN);
    }
}
