package dev.lockkeeper.http;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The addresses of one host: looked up again and again, kept for a while when the name servers are silent, taken in
 * turn, and put aside when they are dead. Any thread.
 */
final class AddressBook {
    /** How long addresses are used before the name is looked up again. The JDK caches nothing behind this, see {@link Addresses#lookUpAfresh}. */
    static final Duration FRESH = Duration.ofSeconds(5);

    /** How long addresses are used without waiting for the lookup that is under way. */
    private static final Duration YOUNG = Duration.ofSeconds(10);

    /** How long known addresses are used when no lookup succeeds any more. */
    static final Duration STALE = Duration.ofHours(1);

    /** How long a connection waits for a lookup before it takes addresses that are known from before. */
    private static final Duration PATIENCE = Duration.ofMillis(500);

    /** How long a name without any known address is not asked for again after a lookup failed. */
    private static final Duration AFTER_FAILURE = Duration.ofSeconds(1);

    /** How long an address may be missing from the answers before its connections end: some name servers tell a few of many in turn. */
    static final Duration GONE_AFTER = Duration.ofMinutes(1);

    /** How long an address that failed is put aside; doubled with each failure in a row. */
    static final Duration ASIDE = Duration.ofSeconds(10);

    private static final int MAX_DOUBLINGS = 5;

    /** Addresses of one answer that are used. */
    private static final int MAX_TOLD = 64;

    /** Addresses that are remembered at most. */
    private static final int MAX_REMEMBERED = 256;

    private static final Logger LOG = LoggerFactory.getLogger(AddressBook.class);

    private final String provider;
    private final String host;
    private final Addresses.Source source;
    private final LongSupplier nanos;
    private final @Nullable InetAddress literal;

    /** Guards what stands below; held for no lookup and no callback. */
    private final Object lock = new Object();

    private final Map<InetAddress, Remembered> remembered = new HashMap<>();
    private List<InetAddress> known = List.of();
    private long knownNanos;
    private @Nullable CompletableFuture<List<InetAddress>> running;
    private @Nullable Throwable failure;
    private long failedNanos;
    private int turn;
    private long failures;

    /** When to look up again. */
    private volatile long dueNanos;

    /** Grows whenever an address may have gone. */
    private volatile int version;

    /** What is remembered of an address. */
    private static final class Remembered {
        long listedNanos;
        int failures;
        long asideUntilNanos;
    }

    /** @param provider whose it is, for messages */
    AddressBook(String provider, String host, Addresses.Source source, LongSupplier nanos) {
        this.provider = provider;
        this.host = host;
        this.source = source;
        this.nanos = nanos;
        this.literal = literal(host);
        this.dueNanos = nanos.getAsLong();
    }

    private static @Nullable InetAddress literal(String host) {
        byte[] bytes = NetUtil.createByteArrayFromIpAddressString(
                host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host);
        try {
            return bytes == null ? null : InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // of a length that is none
        }
    }

    /** The addresses, as the resolver orders them; one lookup at a time, on a thread of its own. Completes on any thread. */
    CompletionStage<List<InetAddress>> addresses() {
        if (literal != null) {
            return CompletableFuture.completedFuture(List.of(literal));
        }
        CompletableFuture<List<InetAddress>> lookup;
        List<InetAddress> before;
        synchronized (lock) {
            long now = nanos.getAsLong();
            boolean usable = !known.isEmpty() && now - knownNanos < STALE.toNanos();
            if (usable && running == null && now - dueNanos < 0) {
                return CompletableFuture.completedFuture(known);
            }
            if (!usable && running == null && failure != null && now - failedNanos < AFTER_FAILURE.toNanos()) {
                return CompletableFuture.failedFuture(failure);
            }
            lookup = lookUp(now);
            before = usable ? known : List.of();
            if (usable && now - knownNanos < YOUNG.toNanos()) {
                return CompletableFuture.completedFuture(known);
            }
        }
        if (before.isEmpty()) {
            return lookup;
        }
        return lookup.exceptionally(e -> before).completeOnTimeout(before, PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Looks the name up again if it is time to. Costs next to nothing if it is not. */
    void refresh() {
        if (literal == null && nanos.getAsLong() - dueNanos >= 0) {
            synchronized (lock) {
                long now = nanos.getAsLong();
                if (now - dueNanos >= 0) {
                    var _ = lookUp(now);
                }
            }
        }
    }

    private CompletableFuture<List<InetAddress>> lookUp(long now) {
        CompletableFuture<List<InetAddress>> already = running;
        if (already != null) {
            return already;
        }
        CompletableFuture<List<InetAddress>> started = new CompletableFuture<>();
        running = started;
        dueNanos = now + FRESH.toNanos();
        // A thread of the system: a lookup that hangs would hold one of the few that carry virtual threads.
        Runnable lookUp = () -> {
            try {
                List<InetAddress> found =
                        Arrays.stream(source.lookUp(host)).limit(MAX_TOLD).toList();
                found(found);
                started.complete(found);
            } catch (UnknownHostException | RuntimeException | Error e) {
                failed(e);
                started.completeExceptionally(e);
            }
        };
        try {
            Thread.ofPlatform().daemon().name("lookup-" + provider).start(lookUp);
        } catch (OutOfMemoryError noThread) {
            // Else this lookup would be under way for ever, and nobody would ask again.
            failed(noThread);
            started.completeExceptionally(noThread);
        }
        return started;
    }

    private void found(List<InetAddress> found) {
        boolean again;
        synchronized (lock) {
            long now = nanos.getAsLong();
            running = null;
            again = failure != null && !known.isEmpty();
            failure = null;
            known = found;
            knownNanos = now;
            for (InetAddress each : found) {
                remembered.computeIfAbsent(each, _ -> new Remembered()).listedNanos = now;
            }
            forget(now);
            if (remembered.size() > found.size()) {
                version++;
            }
        }
        if (again) {
            LOG.info("provider {}: {} can be looked up again", provider, host);
        }
    }

    private void forget(long now) {
        for (Iterator<Remembered> each = remembered.values().iterator(); each.hasNext(); ) {
            Remembered one = each.next();
            if (now - one.listedNanos > 2 * GONE_AFTER.toNanos()
                    || (one.listedNanos != now && remembered.size() > MAX_REMEMBERED)) {
                each.remove();
            }
        }
    }

    private void failed(Throwable e) {
        boolean first;
        List<InetAddress> left;
        synchronized (lock) {
            running = null;
            first = failure == null;
            failure = e;
            failedNanos = nanos.getAsLong();
            failures++;
            left = known;
        }
        if (first && !left.isEmpty()) {
            LOG.warn(
                    "provider {}: looking up {} fails ({}); what it was before is used for up to {} min more: {}",
                    provider,
                    host,
                    e.getMessage(),
                    STALE.toMinutes(),
                    left);
        }
    }

    /**
     * The order in which to try addresses for one connection: each time another one first, so that connections spread;
     * those of the resolver's preferred kind (IPv4 or IPv6) and of the other one alternately, as in RFC 8305, section 4;
     * those put aside last.
     */
    List<InetAddress> inTurn(List<InetAddress> addresses) {
        if (addresses.size() == 1) {
            return addresses;
        }
        int kind = addresses.getFirst().getAddress().length;
        List<InetAddress> preferred = new ArrayList<>();
        List<InetAddress> others = new ArrayList<>();
        List<InetAddress> aside = new ArrayList<>();
        synchronized (lock) {
            long now = nanos.getAsLong();
            for (InetAddress each : addresses) {
                Remembered one = remembered.get(each);
                boolean dead = one != null && one.failures > 0 && now - one.asideUntilNanos < 0;
                (dead ? aside : each.getAddress().length == kind ? preferred : others).add(each);
            }
            int by = turn++;
            rotate(preferred, by);
            rotate(others, by);
            rotate(aside, by);
        }
        List<InetAddress> order = new ArrayList<>(addresses.size());
        for (int i = 0; i < Math.max(preferred.size(), others.size()); i++) {
            if (i < preferred.size()) {
                order.add(preferred.get(i));
            }
            if (i < others.size()) {
                order.add(others.get(i));
            }
        }
        order.addAll(aside);
        return order;
    }

    private static void rotate(List<InetAddress> list, int by) {
        if (list.size() > 1) {
            Collections.rotate(list, -Math.floorMod(by, list.size()));
        }
    }

    /** An address took no connection: others are tried before it for a while. */
    void dead(InetAddress address) {
        synchronized (lock) {
            Remembered one = remembered.get(address);
            if (one != null) {
                one.asideUntilNanos = nanos.getAsLong() + (ASIDE.toNanos() << Math.min(one.failures, MAX_DOUBLINGS));
                one.failures++;
            }
        }
    }

    /** An address took a connection. */
    void alive(InetAddress address) {
        synchronized (lock) {
            Remembered one = remembered.get(address);
            if (one != null) {
                one.failures = 0;
            }
        }
    }

    /** Changes whenever {@link #gone} may answer otherwise for some address. */
    int version() {
        return version;
    }

    /** Whether the name has not stood for an address for some time, as far as lookups succeeded. */
    boolean gone(InetAddress address) {
        if (literal != null) {
            return false;
        }
        synchronized (lock) {
            Remembered one = remembered.get(address);
            return one == null || knownNanos - one.listedNanos > GONE_AFTER.toNanos();
        }
    }

    /** Lookups that failed since the start. */
    long failedLookups() {
        synchronized (lock) {
            return failures;
        }
    }

    /** Addresses that are remembered now. */
    int remembered() {
        synchronized (lock) {
            return remembered.size();
        }
    }
}
