package dev.lockkeeper.limits;

import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The subjects of one kind that are remembered, and what each has used; bounded. Any thread.
 *
 * <p>One is forgotten only when that changes nothing for it: no call of its runs, and nothing of its limits is used. So
 * nobody gains a fresh burst by being forgotten. Where the roster is full and nobody can be forgotten, newcomers share one
 * membership, the crowd's: together they have the limits of one.
 */
final class Roster {
    /** Members that are looked at for one that can be forgotten, for each newcomer. */
    private static final int LOOKED_AT = 16;

    private final int bound;
    private final ConcurrentHashMap<String, Member> members = new ConcurrentHashMap<>();
    private final Member crowd;
    private Iterator<Map.Entry<String, Member>> next = members.entrySet().iterator(); // guarded by this

    Roster(int bound) {
        this(bound, "");
    }

    /** @param crowd an id that nobody has: the crowd's */
    Roster(int bound, String crowd) {
        this.bound = bound;
        this.crowd = new Member(crowd);
    }

    /** The member of an id, made where it is new, pinned: it isn't forgotten until it is unpinned. */
    Member pin(String id) {
        while (true) {
            Member known = members.get(id);
            Member member = known != null ? known : join(id);
            if (member.pinned()) {
                return member;
            }
            // It is being looked at, whether it can be forgotten: in a moment it is there again, or gone.
            Thread.onSpinWait();
        }
    }

    private synchronized Member join(String id) {
        if (members.size() >= bound && !forgetOne()) {
            return crowd;
        }
        return members.computeIfAbsent(id, Member::new);
    }

    private boolean forgetOne() {
        for (int i = 0; i < LOOKED_AT; i++) {
            if (!next.hasNext()) {
                next = members.entrySet().iterator();
                if (!next.hasNext()) {
                    return true;
                }
            }
            Map.Entry<String, Member> each = next.next();
            if (each.getValue().retired()) {
                members.remove(each.getKey(), each.getValue());
                return true;
            }
        }
        return false;
    }

    /** The members, by id; the crowd is not among them. */
    Map<String, Member> members() {
        return members;
    }

    /** What one subject has used of its limits. */
    static final class Member {
        /** Calls that hold it; {@link #RETIRED} once it is forgotten. */
        private final AtomicInteger pins = new AtomicInteger();

        private static final int RETIRED = Integer.MIN_VALUE;

        private final String id;
        private volatile Gauges gauges = Gauges.NONE;

        private Member(String id) {
            this.id = id;
        }

        private boolean pinned() {
            for (int now = pins.get(); now >= 0; now = pins.get()) {
                if (pins.compareAndSet(now, now + 1)) {
                    return true;
                }
            }
            return false;
        }

        void unpin() {
            pins.decrementAndGet();
        }

        /** Looks whether it can be forgotten, and sees to it that nobody pins it from then on. One thread at a time. */
        private boolean retired() {
            if (!pins.compareAndSet(0, RETIRED)) {
                return false;
            }
            for (Gauge each : gauges.all) {
                if (!each.asNew()) {
                    pins.set(0);
                    return false;
                }
            }
            return true;
        }

        /** Its gauges by the rules of an edition; made or changed where they go by an older one. */
        Gauge[] gauges(long edition, Limit[] limits, Gauge.Maker maker) {
            Gauges now = gauges;
            return now.edition >= edition ? now.all : follow(edition, limits, maker);
        }

        private synchronized Gauge[] follow(long edition, Limit[] limits, Gauge.Maker maker) {
            Gauges before = gauges;
            if (before.edition >= edition) {
                return before.all;
            }
            Gauge[] all = new Gauge[limits.length];
            for (int i = 0; i < limits.length; i++) {
                Gauge same = before.of(limits[i].measure());
                if (same == null) {
                    all[i] = maker.make(limits[i], id);
                } else {
                    same.follow(limits[i]);
                    all[i] = same;
                }
            }
            gauges = new Gauges(edition, all);
            return all;
        }

        /** Its gauges as they were last asked for. */
        Gauge[] gauges() {
            return gauges.all;
        }
    }

    private static final class Gauges {
        static final Gauges NONE = new Gauges(-1, new Gauge[0]);

        final long edition;
        final Gauge[] all;

        Gauges(long edition, Gauge[] all) {
            this.edition = edition;
            this.all = all;
        }

        @Nullable Gauge of(Measure measure) {
            for (Gauge each : all) {
                if (each.limit().measure() == measure) {
                    return each;
                }
            }
            return null;
        }
    }
}
