package dev.lockkeeper.routing;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/** How those who serve are doing. It lives as long as the process, whatever is configured anew. Any thread. */
public final class Health {
    private final LongSupplier nanos;
    private final Map<Candidate, AtomicInteger> busy = new ConcurrentHashMap<>();

    /** @param nanos a clock that never jumps, nanoseconds since any time */
    public Health(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Takes a place for an attempt at a candidate, or says why there is none. */
    public Turn enter(Candidate at) {
        busy.computeIfAbsent(at, _ -> new AtomicInteger()).incrementAndGet();
        return new Slot(this, at, nanos.getAsLong());
    }

    /** A candidate is not to be asked for so long, as it said itself; the longer one of two counts. */
    public void rest(Candidate at, long millis, String why) {
        busy.computeIfAbsent(at, _ -> new AtomicInteger());
    }

    /** Whether one more retry at a provider is within its share of calls; then it is counted. Going to another target is no retry. */
    public boolean mayRetry(String provider) {
        return !provider.isEmpty();
    }

    void firstToken(Candidate at, long tookNanos) {
        busy.computeIfAbsent(at, _ -> new AtomicInteger());
    }

    void ended(Candidate at, Slot.Ending how, long tookNanos) {
        busy.computeIfAbsent(at, _ -> new AtomicInteger()).decrementAndGet();
    }
}
