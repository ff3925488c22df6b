package dev.lockkeeper.limits;

import dev.lockkeeper.limits.Subject.Kind;
import io.github.bucket4j.TimeMeter;
import java.time.Clock;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/**
 * Who may come in now. Entering may be done from any thread and never blocks; it takes of all limits that go for a call, or
 * of none.
 *
 * <p>Seconds and minutes fill up all the time, up to a burst; days are counted from midnight to midnight, UTC. A caller
 * without limits costs a look into a map or two.
 */
public final class Limits {
    /** When to try again where calls at once are the limit: when one of them ends is not known. */
    static final long CALLS_RETRY_MILLIS = 1_000;

    /** Organizations, projects, keys, models or providers that are remembered, of each kind. */
    static final int MAX_MEMBERS = 100_000;

    /** End users that are remembered, for each project: one project's end users push out nobody else's. */
    static final int MAX_END_USERS = 20_000;

    private static final Kind[] KINDS = Kind.values();

    private final Gauge.Maker maker;
    private final Map<Kind, Roster> rosters = new EnumMap<>(Kind.class);
    private final Map<String, Roster> endUsers = new ConcurrentHashMap<>();
    private volatile Rulebook book = new Rulebook(0, List.of());

    /**
     * Without limits yet.
     *
     * @param nanos a clock that never jumps, nanoseconds since any time
     */
    Limits(Clock clock, LongSupplier nanos) {
        TimeMeter meter = new TimeMeter() {
            @Override
            public long currentTimeNanos() {
                return nanos.getAsLong();
            }

            @Override
            public boolean isWallClockBased() {
                return false;
            }
        };
        maker = limit -> Gauge.of(limit, meter, clock);
        for (Kind each : KINDS) {
            rosters.put(each, new Roster(MAX_MEMBERS));
        }
    }

    /** Goes by other limits from now on; what was used of those that stay is still used. */
    synchronized void follow(List<Limit> limits) {
        book = new Rulebook(book.edition + 1, limits);
    }

    /** The limits that there are. */
    public List<Limit> all() {
        return book.all();
    }

    /**
     * Lets a call in that has so many tokens, or says which limit keeps it out.
     *
     * @param tokens how many the call will take, input and output, as well as is known; at least 0
     */
    public Entry enter(Scoped who, long tokens) {
        return enter(who, tokens, tokens);
    }

    /**
     * The same where the tokens are estimated.
     *
     * @param tokens how many it likely takes: so many are taken
     * @param atMost how many it may take at most. Where a limit has less left than this, the answer is {@link Entry.Near}:
     *     count, and ask again
     */
    public Entry enter(Scoped who, long tokens, long atMost) {
        Rulebook rules = book;
        Permit permit = null;
        for (Kind kind : KINDS) {
            if (!rules.knows(kind)) {
                continue;
            }
            String id = id(kind, who);
            Limit[] limits = id.isEmpty() ? Rulebook.NONE : rules.of(kind, id);
            if (limits.length == 0) {
                continue;
            }
            if (permit == null) {
                permit = new Permit(tokens);
            }
            Roster.Member member = roster(kind, who).pin(id);
            permit.holds(member);
            for (Gauge gauge : member.gauges(rules.edition, limits, maker)) {
                long asked = Permit.asked(gauge, tokens);
                boolean counted = gauge.limit().measure().unit() != Measure.Unit.TOKENS || tokens >= atMost;
                if (!counted && gauge.left() < atMost) {
                    permit.undo();
                    return NEAR;
                }
                if (!gauge.take(asked)) {
                    permit.undo();
                    return refused(gauge, new Subject(kind, id), asked);
                }
                permit.took(gauge);
            }
        }
        return permit == null ? Permit.FREE : permit;
    }

    private static final Entry NEAR = new Entry.Near();

    private static Entry.Refused refused(Gauge gauge, Subject subject, long asked) {
        long opens = gauge.opensInMillis(asked);
        return new Entry.Refused(
                gauge.limit(),
                subject,
                Math.max(0, gauge.most() - gauge.left()),
                gauge.most(),
                asked,
                opens == Gauge.NEVER ? opens : Math.max(1, opens));
    }

    private Roster roster(Kind kind, Scoped who) {
        return kind == Kind.END_USER
                ? endUsers.computeIfAbsent(who.project(), _ -> new Roster(MAX_END_USERS))
                : Objects.requireNonNull(rosters.get(kind));
    }

    private static String id(Kind kind, Scoped who) {
        return switch (kind) {
            case END_USER -> who.endUser().isEmpty() ? "" : who.project() + "/" + who.endUser();
            case KEY -> who.key();
            case PROJECT -> who.project();
            case ORGANIZATION -> who.organization();
            case MODEL -> who.model();
            case PROVIDER -> who.provider();
        };
    }
}
