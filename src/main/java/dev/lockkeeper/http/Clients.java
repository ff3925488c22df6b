package dev.lockkeeper.http;

import io.netty.util.NetUtil;
import io.vertx.core.Vertx;
import io.vertx.core.net.TrustOptions;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The ways to one provider, one per event loop, and what they share: the bounds on connections and on waiting. Any
 * thread.
 */
public final class Clients implements AutoCloseable {
    /** How long addresses of a name are used before it is looked up again. The JDK caches behind this. */
    private static final long ADDRESSES_KEPT_NANOS = 5_000_000_000L;

    private final ClientSettings settings;
    private final Addresses.Source source;
    private final List<Pool> pools = new ArrayList<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicInteger waiting = new AtomicInteger();

    /** Guards the two fields below; held for no lookup and no callback. */
    private final Object lookupLock = new Object();

    private @Nullable CompletableFuture<List<InetAddress>> lookup;
    private long lookedUpNanos;

    Clients(
            Vertx vertx,
            List<EventLoop> loops,
            ClientSettings settings,
            Addresses.Source source,
            @Nullable TrustOptions trust) {
        this.settings = settings;
        this.source = source;
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

    /** The provider's addresses; one lookup at a time, on a thread of its own. Completes on any thread. */
    CompletionStage<List<InetAddress>> addresses() {
        String host = settings.host();
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(
                host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host);
        if (literal != null) {
            try {
                return CompletableFuture.completedFuture(List.of(InetAddress.getByAddress(literal)));
            } catch (UnknownHostException e) {
                return CompletableFuture.failedFuture(e);
            }
        }
        CompletableFuture<List<InetAddress>> started;
        synchronized (lookupLock) {
            long now = System.nanoTime();
            CompletableFuture<List<InetAddress>> last = lookup;
            if (last != null
                    && (!last.isDone()
                            || (!last.isCompletedExceptionally() && now - lookedUpNanos < ADDRESSES_KEPT_NANOS))) {
                return last;
            }
            started = new CompletableFuture<>();
            lookup = started;
            lookedUpNanos = now;
        }
        Thread.ofVirtual().name("lookup-" + settings.name()).start(() -> {
            try {
                started.complete(List.of(source.lookUp(host)));
            } catch (UnknownHostException | RuntimeException e) {
                started.completeExceptionally(e);
            }
        });
        return started;
    }
}
