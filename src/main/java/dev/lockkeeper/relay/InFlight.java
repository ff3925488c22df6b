package dev.lockkeeper.relay;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** What this process holds for its calls now: bytes of bodies, and the calls themselves. Any thread. */
public final class InFlight {
    private final long maxBytes;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicInteger calls = new AtomicInteger();

    InFlight(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Takes room for bytes, or none of it. */
    boolean take(long wanted) {
        if (bytes.addAndGet(wanted) <= maxBytes) {
            return true;
        }
        bytes.addAndGet(-wanted);
        return false;
    }

    void giveBack(long taken) {
        bytes.addAndGet(-taken);
    }

    void callBegan() {
        calls.incrementAndGet();
    }

    void callEnded() {
        calls.decrementAndGet();
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
