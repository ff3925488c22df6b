package dev.lockkeeper.http;

import io.vertx.core.Vertx;
import io.vertx.core.net.TrustOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ways to one provider, one per event loop, and what they share: the bounds on connections and on waiting. Any
 * thread.
 */
public final class Clients implements AutoCloseable {
    /** How long the same kind of failure is not told again. */
    private static final long COMPLAIN_NANOS = 30_000_000_000L;

    private static final Logger LOG = LoggerFactory.getLogger(Clients.class);

    private final ClientSettings settings;
    private final AddressBook book;
    private final List<Pool> pools = new ArrayList<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicInteger waiting = new AtomicInteger();

    private final AtomicLong complainedNanos = new AtomicLong();
    private volatile Fault.@Nullable Kind complainedOf;

    Clients(
            Vertx vertx,
            List<EventLoop> loops,
            ClientSettings settings,
            Addresses.Source source,
            LongSupplier nanos,
            @Nullable TrustOptions trust) {
        this.settings = settings;
        this.book = new AddressBook(settings.name(), settings.host(), source, nanos);
        for (EventLoop loop : loops) {
            pools.add(new Pool(vertx, loop, settings, this, trust));
        }
    }

    /** The way from one loop, to be used on that loop. */
    public Client on(Loop loop) {
        return pools.get(loop.index());
    }

    /** Connections open or being opened now, over all loops. */
    public int open() {
        return connections.get();
    }

    /**
     * Closes the connections that idle now, the others as soon as their calls have ended. A call that still comes is
     * served, on a connection that is closed behind it.
     */
    @Override
    public void close() {
        pools.forEach(Pool::retire);
    }

    /** Takes {@link #close} back: connections are kept again. */
    public void reopen() {
        pools.forEach(Pool::reopen);
    }

    boolean takeConnection() {
        return takeBelow(connections, settings.maxConnections());
    }

    /** Gives a connection's permit back and wakes who waits longest, on its own loop. */
    void returnConnection() {
        connections.decrementAndGet();
        Pool longest = longestWaiting();
        if (longest != null) {
            longest.loop.later(longest::serve);
        }
    }

    boolean takePlaceToWait() {
        return takeBelow(waiting, settings.maxWaiting());
    }

    void returnPlaceToWait() {
        waiting.decrementAndGet();
    }

    private static boolean takeBelow(AtomicInteger count, int bound) {
        int now = count.get();
        while (now < bound) {
            if (count.compareAndSet(now, now + 1)) {
                return true;
            }
            now = count.get();
        }
        return false;
    }

    /** The pool in which somebody has waited longest, or null when nobody waits. */
    @Nullable Pool longestWaiting() {
        Pool longest = null;
        for (Pool pool : pools) {
            if (pool.waitingSinceNanos != Pool.NOBODY
                    && (longest == null || pool.waitingSinceNanos - longest.waitingSinceNanos < 0)) {
                longest = pool;
            }
        }
        return longest;
    }

    /** Asks the other loops to give up a connection that idles, so that one can be opened on this one. */
    void askForIdle(Pool asking) {
        for (Pool pool : pools) {
            if (pool != asking && pool.idle > 0) {
                pool.loop.later(pool::giveUpIdle);
                return;
            }
        }
    }

    /** The addresses to connect to. */
    AddressBook book() {
        return book;
    }

    /** Tells the operator that a connection could not be opened: once for each kind of failure in a while. */
    void complain(Fault fault) {
        long now = System.nanoTime();
        long last = complainedNanos.get();
        if ((fault.kind() != complainedOf || now - last > COMPLAIN_NANOS) && complainedNanos.compareAndSet(last, now)) {
            complainedOf = fault.kind();
            LOG.warn("provider {}: no connection ({}): {}", settings.name(), fault.kind(), fault.detail());
        }
    }

    /** Lookups of the host's name that failed since the start. */
    public long failedLookups() {
        return book.failedLookups();
    }
}
