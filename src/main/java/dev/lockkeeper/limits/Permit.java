package dev.lockkeeper.limits;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A call that came in, with what it took of each limit. Any thread, one at a time. */
public final class Permit implements Entry {
    /** The permit of a caller without limits: it does nothing, and is shared by all of them. */
    public static final Permit FREE = new Permit(0);

    private final AtomicBoolean left = new AtomicBoolean();
    private Roster.@Nullable Member[] members = new Roster.@Nullable Member[2];
    private int memberCount;
    private @Nullable Gauge[] gauges = new @Nullable Gauge[4];
    private int gaugeCount;
    private long tokens;

    Permit(long tokens) {
        this.tokens = tokens;
    }

    void holds(Roster.Member member) {
        if (memberCount == members.length) {
            members = Arrays.copyOf(members, 2 * memberCount);
        }
        members[memberCount++] = member;
    }

    void took(Gauge gauge) {
        if (gaugeCount == gauges.length) {
            gauges = Arrays.copyOf(gauges, 2 * gaugeCount);
        }
        gauges[gaugeCount++] = gauge;
    }

    /** Gives back all that was taken: the call did not come in. Not to be called after {@link #leave}. */
    public void undo() {
        if (this == FREE || !left.compareAndSet(false, true)) {
            return;
        }
        for (int i = 0; i < gaugeCount; i++) {
            Gauge gauge = gauge(i);
            gauge.giveBack(asked(gauge, tokens));
        }
        release();
    }

    static long asked(Gauge gauge, long tokens) {
        return gauge.limit().measure().unit() == Measure.Unit.TOKENS ? tokens : 1;
    }

    /**
     * Tells how many tokens the call really took, or will have taken: limits of tokens get the rest back, or take more even
     * where it isn't left. May be told again when more is known, also after {@link #leave}.
     */
    public void correct(long actualTokens) {
        long more = actualTokens - tokens;
        if (this == FREE || more == 0) {
            return;
        }
        tokens = actualTokens;
        for (int i = 0; i < gaugeCount; i++) {
            Gauge gauge = gauge(i);
            if (gauge.limit().measure().unit() != Measure.Unit.TOKENS) {
                continue;
            }
            if (more > 0) {
                gauge.force(more);
            } else {
                gauge.giveBack(-more);
            }
        }
    }

    /** Ends the call: it counts no longer among those at once. Later calls of this do nothing. */
    public void leave() {
        if (this == FREE || !left.compareAndSet(false, true)) {
            return;
        }
        for (int i = 0; i < gaugeCount; i++) {
            Gauge gauge = gauge(i);
            if (gauge.limit().measure().unit() == Measure.Unit.CALLS) {
                gauge.giveBack(1);
            }
        }
        release();
    }

    private void release() {
        for (int i = 0; i < memberCount; i++) {
            Roster.Member member = members[i];
            if (member != null) {
                member.unpin();
            }
        }
        memberCount = 0;
    }

    private Gauge gauge(int index) {
        Gauge gauge = gauges[index];
        if (gauge == null) {
            throw new IllegalStateException("gauge " + index + " of " + gaugeCount + " is missing");
        }
        return gauge;
    }

    /**
     * Tells the {@code x-ratelimit-…} fields of the tightest limits, in OpenAI's formats: of requests, and of tokens, where
     * the call has such limits. The tightest is the one of which least is left.
     *
     * @param other another permit of the same call
     * @param to takes a name and a value
     */
    public void rateLimitHeaders(Permit other, BiConsumer<String, String> to) {
        tell(Measure.Unit.REQUESTS, "requests", other, to);
        tell(Measure.Unit.TOKENS, "tokens", other, to);
    }

    private void tell(Measure.Unit unit, String name, Permit other, BiConsumer<String, String> to) {
        Gauge mine = tightest(unit);
        Gauge theirs = other.tightest(unit);
        Gauge tightest = mine == null || (theirs != null && theirs.leftInAll() < mine.leftInAll()) ? theirs : mine;
        if (tightest != null) {
            long least = tightest.leftInAll();
            to.accept(
                    "x-ratelimit-limit-" + name, Long.toString(tightest.limit().amount()));
            to.accept("x-ratelimit-remaining-" + name, Long.toString(Math.max(0, least)));
            to.accept("x-ratelimit-reset-" + name, GoDuration.text(tightest.resetInMillis()));
        }
    }

    private @Nullable Gauge tightest(Measure.Unit unit) {
        Gauge tightest = null;
        long least = 0;
        for (int i = 0; i < gaugeCount; i++) {
            Gauge gauge = gauge(i);
            if (gauge.limit().measure().unit() == unit) {
                long left = gauge.leftInAll();
                if (tightest == null || left < least) {
                    tightest = gauge;
                    least = left;
                }
            }
        }
        return tightest;
    }
}
