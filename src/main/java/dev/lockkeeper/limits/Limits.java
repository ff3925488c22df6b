package dev.lockkeeper.limits;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.Subject.Kind;
import io.github.bucket4j.TimeMeter;
import java.time.Clock;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * Who may come in now. Entering may be done from any thread and never blocks; it takes of all limits that go for a call, or
 * of none.
 *
 * <p>Seconds and minutes fill up all the time, up to a burst; days are counted from midnight to midnight, UTC. A caller
 * without limits costs a look into a map or two.
 */
public final class Limits implements AutoCloseable {
    /** When to try again where calls at once are the limit: when one of them ends is not known. */
    static final long CALLS_RETRY_MILLIS = 1_000;

    /** Organizations, projects, keys, models or providers that are remembered, of each kind. */
    static final int MAX_MEMBERS = 100_000;

    /** End users that are remembered, for each project: one project's end users push out nobody else's. */
    static final int MAX_END_USERS = 20_000;

    private static final Kind[] KINDS = Kind.values();
    private static final Entry NEAR = new Entry.Near();

    private final @Nullable Database database;
    private final Clock clock;
    private final Gauge.Maker maker;
    private final @Nullable DayBook days;

    /** What was used on the day this began, before that; looked up when a subject is first seen. */
    private final Map<DayBook.Row, Long> before = new ConcurrentHashMap<>();

    private final long beforeDay;

    private final LongSupplier nanos;

    /** Where several nodes share limits; null elsewhere. */
    private volatile @Nullable Shares shares;

    private final Map<Kind, Roster> rosters = new EnumMap<>(Kind.class);
    private final Map<String, Roster> endUsers = new ConcurrentHashMap<>();
    private volatile Rulebook book = new Rulebook(0, List.of());

    /**
     * Goes by the limits of a database. Blocks.
     *
     * @param nanos a clock that never jumps, nanoseconds since any time
     */
    public static Limits open(Database database, Clock clock, LongSupplier nanos) {
        Limits limits = new Limits(database, clock, nanos);
        limits.before.putAll(DayBook.of(database, limits.beforeDay));
        limits.refresh();
        if (limits.days != null) {
            limits.days.start();
        }
        return limits;
    }

    /** Without limits yet; without a database they are only in memory. */
    Limits(@Nullable Database database, Clock clock, LongSupplier nanos) {
        this.database = database;
        this.clock = clock;
        this.nanos = nanos;
        this.beforeDay = Gauge.Day.of(clock);
        this.days = database == null ? null : new DayBook(database, clock, this::eachDay, this::refresh);
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
        maker = (limit, id) -> {
            Shares sharing = shares;
            if (sharing != null) {
                return sharing.gauge(limit, id);
            }
            Gauge made = Gauge.of(limit, meter, clock);
            if (made instanceof Gauge.Day day) {
                Long used = before.remove(new DayBook.Row(limit.subject().kind(), id, limit.measure()));
                if (used != null) {
                    day.resume(beforeDay, used);
                }
            }
            return made;
        };
        for (Kind each : KINDS) {
            rosters.put(each, new Roster(MAX_MEMBERS));
        }
    }

    /**
     * Shares the limits with the other nodes of the database, where it is one that may have several; before anybody enters.
     * Without this each limit is this process's alone. Blocks.
     */
    public Limits sharing() {
        if (database != null && database.isPostgres()) {
            sharing(database, ShareTable::now).start();
        }
        return this;
    }

    /** What this node has of limits that several share. Any thread. */
    public Shared shared() {
        Shares sharing = shares;
        return sharing == null ? Shared.ALONE : sharing.told();
    }

    /** Shares the limits, where somebody else sees to it that shares move. */
    Shares sharing(Database with, ToLongFunction<Handle> databaseTime) {
        Shares sharing = new Shares(with, clock, nanos, databaseTime, () -> {
            refresh();
            Rulebook rules = book;
            return row -> rules.of(row);
        });
        shares = sharing;
        return sharing;
    }

    /** Goes by other limits from now on; what was used of those that stay is still used. */
    synchronized void follow(List<Limit> limits) {
        if (!limits.equals(book.all())) {
            book = new Rulebook(book.edition + 1, limits);
        }
    }

    /** The limits that there are, by kind, id and measure. */
    public List<Limit> all() {
        return book.all();
    }

    /** Goes by what the database says now: another process may have changed it. Blocks. */
    void refresh() {
        change(_ -> true);
    }

    /** A limit as it is now, and what the operator should know of it. */
    public record Change(Limit limit, List<String> notes) {
        public Change {
            notes = List.copyOf(notes);
        }
    }

    /** Who belongs to whom. */
    @FunctionalInterface
    public interface Family {
        /** Those whose limits go for a subject too, the nearest first: a key's project and organization; null when there is no such subject. */
        @Nullable List<Subject> parents(Subject subject);
    }

    /**
     * Sets a limit, in place of the one that was there; it counts at once. Blocks.
     *
     * @param amount the most; {@link Limit#NONE} where a limit for each is not to go for this subject
     * @param burst null: as much as the amount
     * @param witness is told of the change within its transaction
     * @throws IllegalArgumentException with field, value and reason: when the subject isn't known, a number is out of range,
     *     or the limit could never be reached because a parent's is lower
     */
    public Change set(
            Subject subject, Measure measure, long amount, @Nullable Long burst, Family family, Witness witness) {
        Limit limit = LimitCheck.limit(subject, measure, amount, burst, clock.millis());
        List<Subject> parents = LimitCheck.parents(subject, family);
        change(handle -> {
            put(handle, limit, parents, witness);
            return true;
        });
        return new Change(limit, notes(limit, family));
    }

    /** Sets a limit within a transaction; {@link #change} makes it count. */
    static void put(Handle handle, Limit limit, List<Subject> parents, Witness witness) {
        List<Limit> before = LimitTable.all(handle);
        LimitCheck.reachable(limit, parents, new Rulebook(0, before));
        LimitTable.put(handle, limit);
        String old = before.stream()
                .filter(each -> each.subject().equals(limit.subject()) && each.measure() == limit.measure())
                .findFirst()
                .map(Limits::state)
                .orElse(null);
        witness.saw(handle, name(limit.subject()), old, state(limit));
    }

    /** What the log of changes calls it. */
    static String name(Subject subject) {
        return subject.kind().word() + "/" + subject.id();
    }

    private static String state(Limit limit) {
        return "{\"measure\":\"" + limit.measure().word() + "\",\"amount\":"
                + (limit.unlimited() ? "null" : Long.toString(limit.amount()))
                + (limit.measure().bursts() && !limit.unlimited() ? ",\"burst\":" + limit.burst() : "") + "}";
    }

    /** What can't be reached any more because of a limit. A lower limit must not wait until all below it are lowered. */
    List<String> notes(Limit limit, Family family) {
        return LimitCheck.hidden(limit, all(), family).stream()
                .map(each -> each.subject() + " has a limit of " + each + ", which can't be reached any more")
                .toList();
    }

    /**
     * Takes a limit away; a limit for each of its kind goes for it from now on. Blocks.
     *
     * @param measure null: all limits of the subject
     * @param witness is told of each within the transaction
     * @return false when there was none
     */
    public boolean remove(Subject subject, @Nullable Measure measure, Witness witness) {
        return change(handle -> {
            List<Limit> gone = LimitTable.all(handle).stream()
                    .filter(each -> each.subject().equals(subject))
                    .filter(each -> measure == null || each.measure() == measure)
                    .toList();
            gone.forEach(each -> LimitTable.remove(handle, each));
            gone.forEach(each -> witness.saw(handle, name(subject), state(each), null));
            return !gone.isEmpty();
        });
    }

    /** Runs a change, and goes by what it left. Blocks. */
    <T> T change(Database.Work<T> work) {
        if (database == null) {
            throw new IllegalStateException("these limits are in memory only");
        }
        return database.write(
                        handle -> new Changed<>(work.in(handle), LimitTable.all(handle)),
                        changed -> follow(changed.limits))
                .result;
    }

    private record Changed<T>(T result, List<Limit> limits) {}

    Clock clock() {
        return clock;
    }

    private void eachDay(Consumer<DayBook.Entry> to) {
        if (Gauge.Day.of(clock) > beforeDay) {
            before.clear();
        }
        for (Kind kind : KINDS) {
            if (kind == Kind.END_USER) {
                endUsers.values().forEach(each -> eachDay(kind, each, to));
            } else {
                eachDay(kind, Objects.requireNonNull(rosters.get(kind)), to);
            }
        }
    }

    private static void eachDay(Kind kind, Roster roster, Consumer<DayBook.Entry> to) {
        roster.members().forEach((id, member) -> {
            for (Gauge each : member.gauges()) {
                if (each instanceof Gauge.Day day) {
                    to.accept(new DayBook.Entry(
                            new DayBook.Row(kind, id, day.limit().measure()), day));
                }
            }
        });
    }

    /** Writes down now what is used of limits by the day. Blocks. */
    void writeDays() {
        if (days != null) {
            days.write();
        }
    }

    /** Writes down what was used of the day, and gives shares back. */
    @Override
    public void close() {
        Shares sharing = shares;
        if (sharing != null) {
            sharing.close();
        }
        if (days != null) {
            days.close();
        }
    }

    /**
     * Lets a call in, or says which limit keeps it out; then nothing of any limit is taken.
     *
     * @param tokens how many it likely takes, at least 0: so many are taken
     * @param atMost how many it may take at most. Where a limit has less left than this, the answer is {@link Entry.Near}:
     *     count, and ask again
     * @param mayWait whether the answer may be {@link Entry.Later}
     */
    public Entry enter(Scoped who, long tokens, long atMost, boolean mayWait) {
        Rulebook rules = book;
        Permit permit = null;
        boolean later = false;
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
                if (gauge.unasked() && gauge.fetches(asked) && mayWait) {
                    // The others are looked at all the same: all that have to be fetched come together.
                    later = true;
                    continue;
                }
                boolean counted = gauge.limit().measure().unit() != Measure.Unit.TOKENS || tokens >= atMost;
                if (!counted && gauge.left() < atMost) {
                    permit.undo();
                    return NEAR;
                }
                if (!gauge.take(asked)) {
                    if (mayWait && gauge.fetches(asked)) {
                        later = true;
                        continue;
                    }
                    permit.undo();
                    return refused(gauge, new Subject(kind, id), asked);
                }
                permit.took(gauge);
            }
        }
        if (permit == null) {
            return Permit.FREE;
        }
        Shares sharing = shares;
        if (later && sharing != null) {
            permit.undo();
            return new Entry.Later(sharing.fetched());
        }
        return permit;
    }

    /** Whether the limits on a subject leave room for one more call, as long as nobody else takes it. */
    public boolean leavesRoom(Subject subject) {
        Rulebook rules = book;
        Limit[] limits = rules.knows(subject.kind()) ? rules.of(subject.kind(), subject.id()) : Rulebook.NONE;
        if (limits.length == 0) {
            return true;
        }
        Roster roster = subject.kind() == Kind.END_USER
                ? endUsers.computeIfAbsent(subject.project(), project -> new Roster(MAX_END_USERS, project + "/"))
                : Objects.requireNonNull(rosters.get(subject.kind()));
        Roster.Member member = roster.pin(subject.id());
        try {
            for (Gauge gauge : member.gauges(rules.edition, limits, maker)) {
                if (gauge.left() < 1) {
                    gauge.misses(1);
                    boolean _ = gauge.fetches(1);
                    return false;
                }
            }
            return true;
        } finally {
            member.unpin();
        }
    }

    /** The same where the tokens are known. */
    Entry enter(Scoped who, long tokens) {
        return enter(who, tokens, tokens, true);
    }

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
                ? endUsers.computeIfAbsent(who.project(), project -> new Roster(MAX_END_USERS, project + "/"))
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
