package dev.lockkeeper.relay;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What this process holds for its calls now, bytes of bodies and the calls themselves, each within its bound; and how
 * often it said no for want of room. Any thread.
 */
public final class InFlight implements Recording.Room {
    private volatile long maxBytes;
    private volatile int maxCalls;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicInteger calls = new AtomicInteger();

    /** Filled once, read by all. */
    private final Map<Overload, LongAdder> refused = new EnumMap<>(Overload.class);

    InFlight(long maxBytes, int maxCalls) {
        this.maxBytes = maxBytes;
        this.maxCalls = maxCalls;
        for (Overload each : Overload.values()) {
            refused.put(each, new LongAdder());
        }
    }

    /** Changes the bounds; what is held above a lower one is held on. */
    void bound(long bytesAtMost, int callsAtMost) {
        maxBytes = bytesAtMost;
        maxCalls = callsAtMost;
    }

    @Override
    public boolean take(long wanted) {
        if (bytes.addAndGet(wanted) <= maxBytes) {
            return true;
        }
        bytes.addAndGet(-wanted);
        return false;
    }

    @Override
    public void giveBack(long taken) {
        bytes.addAndGet(-taken);
    }

    /** Takes a place for a call; false where all are taken. {@link #callEnded} gives it back. */
    boolean callBegan() {
        if (calls.incrementAndGet() <= maxCalls) {
            return true;
        }
        calls.decrementAndGet();
        return false;
    }

    void callEnded() {
        calls.decrementAndGet();
    }

    /** Counts a "no" that was one for want of room. */
    void count(Refusal why) {
        if (why instanceof Refusal.Busy(Overload reached, String _)) {
            adder(reached).increment();
        }
    }

    /** How often this process said no, or broke an answer off, because a bound was reached. */
    public long refused(Overload reached) {
        return adder(reached).sum();
    }

    private LongAdder adder(Overload reached) {
        LongAdder adder = refused.get(reached);
        if (adder == null) {
            throw new IllegalStateException("no counter for " + reached);
        }
        return adder;
    }

    /** Bytes held now. */
    public long bytes() {
        return bytes.get();
    }

    /** Calls under way now. */
    public int calls() {
        return calls.get();
    }
}
