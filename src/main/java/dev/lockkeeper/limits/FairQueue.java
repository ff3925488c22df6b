package dev.lockkeeper.limits;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Calls of many tenants that wait for something scarce, such as an upstream's connections or quota, and are served by
 * weight: of two tenants that always wait, one with twice the weight gets twice the turns, however many calls each sends.
 * One that comes after a rest gets its share from then on, and nothing for the time that it was away.
 *
 * <p>Start-time fair queueing (Goyal, Vin, Cheng, 1996): each call gets the virtual time at which it would begin, the later
 * of now and the tenant's last call's end; its end is its cost over its tenant's weight later; the one that begins first is
 * next. A weight is a whole number, costs are in the caller's units (1 for a call, or its tokens).
 *
 * <p>Any thread. What is called back is called without a lock held, on the thread that made it happen: that of
 * {@link #serve} or {@link #tick}. One call has its turn at a time; who finds that there is not enough for
 * it keeps its place, and nobody behind it is asked before. Each call ends by exactly one turn that it took, or by its
 * wait's end, unless it was taken back.
 */
public final class FairQueue {
    /** Calls that may wait, of all tenants. */
    public static final int MAX_WAITING = 10_000;

    /** Calls that may wait of one tenant. */
    public static final int MAX_WAITING_EACH = 1_000;

    /** The heaviest tenant. */
    public static final int MAX_WEIGHT = 1_000;

    /** The dearest call; what costs more counts as this. */
    private static final long MAX_COST = 1_000_000_000;

    /** Virtual time is kept in such parts, so that no weight's share is rounded away. */
    private static final long SCALE = 1_000_000;

    private final int bound;
    private final int boundEach;
    private final long waitNanos;

    // All below are guarded by this.
    private final Map<String, Tenant> tenants = new HashMap<>();
    private final PriorityQueue<Tenant> ready = new PriorityQueue<>();
    private final Deque<Ticket> byAge = new ArrayDeque<>();
    private long virtualNow;
    private long arrivals;
    private int waiting;

    /** Whose turn it is, until that is over; null for nobody's. */
    private @Nullable Ticket trying;

    /**
     * @param bound calls that may wait
     * @param boundEach calls that may wait of one tenant
     * @param waitMillis how long each waits at most
     */
    public FairQueue(int bound, int boundEach, long waitMillis) {
        this.bound = bound;
        this.boundEach = boundEach;
        this.waitNanos = TimeUnit.MILLISECONDS.toNanos(waitMillis);
    }

    /** A call that waits. */
    public final class Ticket {
        private final Tenant tenant;
        private final long start;
        private final long arrival;
        private final long deadlineNanos;
        private final BooleanSupplier onTurn;
        private final Runnable onTimeout;
        private boolean waits = true; // guarded by the queue, as the one below
        private boolean takenBack;

        private Ticket(Tenant tenant, long start, long deadlineNanos, BooleanSupplier onTurn, Runnable onTimeout) {
            this.tenant = tenant;
            this.start = start;
            this.arrival = arrivals++;
            this.deadlineNanos = deadlineNanos;
            this.onTurn = onTurn;
            this.onTimeout = onTimeout;
        }

        /**
         * Takes it back: its client went away. Neither callback is called after.
         *
         * @return false when it waits no longer, or has its turn right now: then it has none after
         */
        public boolean cancel() {
            synchronized (FairQueue.this) {
                takenBack = true;
                return trying != this && remove(this);
            }
        }
    }

    private static final class Tenant implements Comparable<Tenant> {
        final Deque<Ticket> tickets = new ArrayDeque<>();

        /** When its last call ends, in virtual time. */
        long finish;

        private Ticket first() {
            return tickets.getFirst();
        }

        /** By the start of the first call; of equal ones by who came first. */
        @Override
        public int compareTo(Tenant other) {
            int byStart = Long.compare(first().start, other.first().start);
            return byStart != 0 ? byStart : Long.compare(first().arrival, other.first().arrival);
        }
    }

    /**
     * Waits for a turn.
     *
     * @param tenant whose call it is: turns are shared among these
     * @param weight how much of the turns this tenant gets beside others, 1 to {@link #MAX_WEIGHT}
     * @param cost how much of what is scarce it takes, at least 1
     * @param nowNanos the time, by the clock that {@link #tick} is given
     * @param onTurn called when it is its turn: takes what it needs, or returns false where there is not enough of it yet;
     *     then it is called again at a later turn
     * @param onTimeout called when it has waited too long
     * @return null where too many wait: it does not wait, and nothing is called
     */
    public synchronized @Nullable Ticket offer(
            String tenant, int weight, long cost, long nowNanos, BooleanSupplier onTurn, Runnable onTimeout) {
        if (weight < 1 || weight > MAX_WEIGHT || cost < 1) {
            throw new IllegalArgumentException("weight " + weight + " (expected: 1 to " + MAX_WEIGHT + "), cost " + cost
                    + " (expected: at least 1)");
        }
        Tenant known = tenants.get(tenant);
        if (waiting >= bound || (known != null && known.tickets.size() >= boundEach)) {
            return null;
        }
        Tenant mine = known == null ? new Tenant() : known;
        if (known == null) {
            tenants.put(tenant, mine);
        }
        long start = Math.max(virtualNow, mine.finish);
        mine.finish = start + Math.max(1, Math.min(cost, MAX_COST) * SCALE / weight);
        Ticket ticket = new Ticket(mine, start, nowNanos + waitNanos, onTurn, onTimeout);
        mine.tickets.addLast(ticket);
        byAge.addLast(ticket);
        waiting++;
        if (mine.tickets.size() == 1) {
            ready.add(mine);
        }
        return ticket;
    }

    /**
     * Gives the next call its turn: something scarce has become free.
     *
     * @return false when nobody took a turn: nobody waits, the next one needs more than there is, or one has its turn now
     */
    public boolean serve() {
        Ticket next;
        synchronized (this) {
            Tenant first = ready.peek();
            if (first == null || trying != null) {
                return false;
            }
            next = first.first();
            trying = next;
        }
        boolean took = true;
        try {
            took = next.onTurn.getAsBoolean();
        } finally {
            over(next, took);
        }
        return took;
    }

    private synchronized void over(Ticket turn, boolean took) {
        trying = null;
        if (took) {
            virtualNow = Math.max(virtualNow, turn.start);
        }
        if (took || turn.takenBack) {
            remove(turn);
            forgetTheIdle();
        }
    }

    /** Ends the wait of those who have waited too long. To be called every few milliseconds. */
    public void tick(long nowNanos) {
        for (Ticket each : expired(nowNanos)) {
            each.onTimeout.run();
        }
    }

    private synchronized List<Ticket> expired(long nowNanos) {
        List<Ticket> expired = null;
        for (Ticket oldest = byAge.peekFirst(); oldest != null; oldest = byAge.peekFirst()) {
            if (oldest.waits) {
                if (oldest.deadlineNanos - nowNanos > 0 || oldest == trying) {
                    break;
                }
                remove(oldest);
                if (expired == null) {
                    expired = new ArrayList<>();
                }
                expired.add(oldest);
            }
            byAge.pollFirst();
        }
        return expired == null ? List.of() : expired;
    }

    /** How long each waits at most. */
    public long waitMillis() {
        return TimeUnit.NANOSECONDS.toMillis(waitNanos);
    }

    /** Calls that wait. */
    public synchronized int waiting() {
        return waiting;
    }

    private boolean remove(Ticket ticket) {
        if (!ticket.waits) {
            return false;
        }
        ticket.waits = false;
        waiting--;
        Tenant tenant = ticket.tenant;
        boolean first = tenant.first() == ticket;
        // Where the first call changes so does the tenant's place.
        if (first) {
            ready.remove(tenant);
        }
        tenant.tickets.remove(ticket);
        if (first && !tenant.tickets.isEmpty()) {
            ready.add(tenant);
        }
        compact();
        return true;
    }

    /** Those that wait no longer stay in line until they are its head: so many at most as wait, and some. */
    private void compact() {
        if (byAge.size() > 2 * waiting + 64) {
            byAge.removeIf(each -> !each.waits);
        }
    }

    /** A tenant that waits for nothing, and whose turns are paid for, is as good as new. */
    private void forgetTheIdle() {
        if (tenants.size() > 2 * waiting + 64) {
            tenants.values().removeIf(each -> each.tickets.isEmpty() && each.finish <= virtualNow);
        }
        if (waiting == 0) {
            // Nobody waits: whoever comes next begins together with all others.
            tenants.clear();
            virtualNow = 0;
        }
    }
}
