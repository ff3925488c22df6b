package dev.lockkeeper.http;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.vertx.core.Vertx;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLException;
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
    private final @Nullable SslContext proxyTls;
    private final List<Pool> pools = new ArrayList<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicInteger waiting = new AtomicInteger();

    private final AtomicLong complainedNanos = new AtomicLong();
    private volatile Fault.@Nullable Kind complainedOf;

    Clients(Vertx vertx, List<EventLoop> loops, ClientSettings settings, Addresses.Source source, LongSupplier nanos) {
        this.settings = settings;
        ClientSettings.Proxy proxy = settings.proxy();
        this.book = new AddressBook(settings.name(), proxy == null ? settings.host() : proxy.host(), source, nanos);
        this.proxyTls = proxy != null && proxy.tls() ? proxyTls(proxy) : null;
        for (EventLoop loop : loops) {
            pools.add(new Pool(vertx, loop, settings, this));
        }
    }

    private static SslContext proxyTls(ClientSettings.Proxy proxy) {
        try {
            SslContextBuilder builder = SslContextBuilder.forClient().endpointIdentificationAlgorithm("HTTPS");
            return proxy.authorities().isEmpty()
                    ? builder.build()
                    : builder.trustManager(
                                    new ByteArrayInputStream(proxy.authorities().getBytes(StandardCharsets.US_ASCII)))
                            .build();
        } catch (SSLException | IllegalArgumentException e) {
            throw new IllegalStateException("the proxy's certificates were checked and can't be used all the same", e);
        }
    }

    /** How TLS is spoken to the proxy; null where there is none or it is plain. */
    @Nullable SslContext proxyTls() {
        return proxyTls;
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
}
