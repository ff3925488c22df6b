package dev.lockkeeper.limits;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.OwnerOnly;
import dev.lockkeeper.limits.ShareTable.Pot;
import dev.lockkeeper.limits.ShareTable.Share;
import dev.lockkeeper.limits.ShareTable.Written;
import dev.lockkeeper.limits.SharedPart.Demand;
import dev.lockkeeper.limits.SharedPart.Lowered;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves shares of limits between the nodes of one database. Each node changes its own shares only: once in a
 * {@link #ROUND} it looks what the others could use, gives back what they need more, and takes what nobody has. A share that
 * a call waits for is fetched at once.
 *
 * <p>A node that was not heard for {@link #DEAD_AFTER} is taken for dead, for good, and its shares go back. It has stopped
 * going by them before ({@link SharedGauge#LAPSES_AFTER}); where its process lives still it comes back as a new node.
 */
final class Shares implements SharedGauge.Cluster, AutoCloseable {
    /** How often shares are moved by what is asked for. */
    static final Duration ROUND = Duration.ofSeconds(1);

    /** How long it takes until the others have given back what is asked for here, and it was taken. */
    static final Duration MOVED = ROUND.multipliedBy(2);

    /** After how long a node is taken for dead. */
    static final Duration DEAD_AFTER = Duration.ofSeconds(15);

    /** How long those come first whose turn it is, where a limit is too small for all. */
    private static final Duration TURN = ROUND.multipliedBy(3);

    /** Rounds between two looks for what can be forgotten. */
    private static final int TIDY_ROUNDS = 60;

    /** Limits that are moved in one transaction. */
    static final int BATCH = 200;

    /** Of the whole: a share that is so much off is put right though nobody needs it. */
    private static final long WORTHWHILE = 8;

    /** Where a data folder keeps which node its process is: the next one takes the last for dead at once. */
    static final String FILE = "limits-node";

    private static final Logger LOG = LoggerFactory.getLogger(Shares.class);

    private final Database database;
    private final Clock clock;
    private final LongSupplier nanos;
    private final ToLongFunction<Handle> databaseTime;
    private final Supplier<Function<DayBook.Row, @Nullable Limit>> refresh;
    private final Thread thread;

    private final ConcurrentHashMap<DayBook.Row, SharedGauge> active = new ConcurrentHashMap<>();
    private final Set<SharedGauge> waiting = ConcurrentHashMap.newKeySet();
    private final AtomicReference<CompletableFuture<Boolean>> fetched =
            new AtomicReference<>(new CompletableFuture<>());

    private volatile long heardNanos;
    private volatile boolean away;

    /** How often the database was asked in vain since it was heard. */
    private final AtomicLong failedRounds = new AtomicLong();

    private volatile int nodes = 1;
    private volatile boolean closing;

    private long node; // of the keeper's thread alone, as those below
    private long rounds;
    private long changesSeen = -1;
    private boolean leaving;

    /** The round in which it was told last that a share can't be moved. */
    private long refusedRound = -2 * TIDY_ROUNDS;

    /** What became of a limit in a transaction that may still fail. */
    private record Moved(SharedPart gauge, boolean released, long size, long rate, double tokens, long free) {}

    private record MovedDay(SharedDay gauge, boolean released, long day, long taken, long free) {}

    /**
     * Makes this process a node. Blocks.
     *
     * @param nanos a clock that never jumps
     * @param databaseTime the database's clock, milliseconds since 1970
     * @param refresh reads the limits again, and finds the one that goes for a subject
     */
    Shares(
            Database database,
            Clock clock,
            LongSupplier nanos,
            ToLongFunction<Handle> databaseTime,
            Supplier<Function<DayBook.Row, @Nullable Limit>> refresh) {
        this.database = database;
        this.clock = clock;
        this.nanos = nanos;
        this.databaseTime = databaseTime;
        this.refresh = refresh;
        this.thread = Thread.ofVirtual().name("lockkeeper-limit-shares").unstarted(this::run);
        join(last());
    }

    void start() {
        thread.start();
    }

    /** The gauge of a limit for one subject: the one that has a share still, or a new one. */
    SharedGauge gauge(Limit limit, String id) {
        DayBook.Row row = new DayBook.Row(limit.subject().kind(), id, limit.measure());
        SharedGauge known = active.get(row);
        if (known == null) {
            return SharedGauge.of(limit, row, this, clock);
        }
        known.follow(limit);
        return known;
    }

    @Override
    public long nanos() {
        return nanos.getAsLong();
    }

    @Override
    public long heardNanos() {
        return heardNanos;
    }

    @Override
    public boolean away() {
        return away;
    }

    @Override
    public int nodes() {
        return nodes;
    }

    @Override
    public void ask(SharedGauge gauge) {
        active.putIfAbsent(gauge.row, gauge);
        waiting.add(gauge);
        LockSupport.unpark(thread);
    }

    /** Completed when the shares that were asked for before are there, or can't be had; within {@link SharedGauge#PATIENCE}. */
    CompletableFuture<?> fetched() {
        CompletableFuture<Boolean> next = fetched.get();
        LockSupport.unpark(thread);
        return next.copy().completeOnTimeout(false, SharedGauge.PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void run() {
        long next = nanos() + ROUND.toNanos();
        while (!closing) {
            long left = next - nanos();
            if (left > 0 && waiting.isEmpty()) {
                LockSupport.parkNanos(this, left);
            }
            if (closing) {
                return;
            }
            fetch();
            if (nanos() - next >= 0) {
                round();
                // Counted from its end: a database that is slow is not asked more often.
                next = nanos() + ROUND.toNanos();
            }
        }
    }

    /** Fetches what calls wait for. Blocks. */
    void fetch() {
        CompletableFuture<Boolean> done = fetched.getAndSet(new CompletableFuture<>());
        List<SharedGauge> asked = new ArrayList<>();
        for (SharedGauge each : List.copyOf(waiting)) {
            waiting.remove(each);
            active.putIfAbsent(each.row, each);
            asked.add(each);
        }
        try {
            if (!asked.isEmpty()) {
                attempt(() -> move(asked, false));
            }
        } finally {
            done.complete(true);
        }
    }

    /** Brings all shares to what they should be by what is asked for, here and elsewhere. Blocks. */
    void round() {
        rounds++;
        attempt(() -> {
            Look look = database.<Look>read(this::look).join();
            if (look.changes != changesSeen) {
                Function<DayBook.Row, @Nullable Limit> found = refresh.get();
                changesSeen = look.changes;
                active.forEach((row, gauge) -> {
                    Limit limit = found.apply(row);
                    if (limit != null) {
                        gauge.follow(limit);
                    }
                });
            }
            long turn = turn(clock.millis());
            List<SharedGauge> off = new ArrayList<>();
            active.forEach((row, gauge) -> {
                if (isOff(gauge, look.beside.getOrDefault(row, List.of()), turn)) {
                    off.add(gauge);
                }
            });
            move(off, true);
            active.values().forEach(SharedGauge::turn);
            bringBack(look.left);
            if (rounds % TIDY_ROUNDS == 1) {
                boolean _ = database.write(
                        handle -> {
                            ShareTable.tidy(handle, databaseTime.applyAsLong(handle));
                            return true;
                        },
                        _ -> {});
            }
        });
    }

    /** What a round begins with: how often limits were changed, who has what beside this node, and what the dead have left. */
    private record Look(long changes, Map<DayBook.Row, List<Share>> beside, List<DayBook.Row> left) {}

    private Look look(Handle handle) {
        return new Look(
                ShareTable.changes(handle),
                active.isEmpty() ? Map.of() : ShareTable.beside(handle, node),
                ShareTable.left(handle, BATCH));
    }

    private void attempt(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            // Whatever it is: the only thread that moves shares must not end.
            if (!away) {
                LOG.warn(
                        "shares of limits can't be moved; this node goes by those it has for {} s, then by what each"
                                + " node would have if all had the same: {}",
                        SharedGauge.LAPSES_AFTER.toSeconds(),
                        Database.said(e));
            }
            away = true;
            failedRounds.incrementAndGet();
        }
    }

    /** What it has now. Any thread. */
    Shared told() {
        long held = 0;
        long left = 0;
        for (SharedGauge each : active.values()) {
            held += each.held() ? 1 : 0;
            left += each.leavesSome() ? 1 : 0;
        }
        return new Shared(held, left, nodes, failedRounds.get());
    }

    /** The database answered what began then. */
    private void heard(long began) {
        heardNanos = began;
        failedRounds.set(0);
        if (away) {
            away = false;
            LOG.info("shares of limits move again");
        }
    }

    private long turn(long millis) {
        return millis / TURN.toMillis();
    }

    private boolean isOff(SharedGauge gauge, List<Share> shares, long turn) {
        if (!gauge.held() || gauge.idle()) {
            return true;
        }
        return switch (gauge) {
            case SharedDay day -> day.unsettled();
            case SharedPart part -> isOff(part, shares, turn);
        };
    }

    private boolean isOff(SharedPart gauge, List<Share> shares, long turn) {
        Share mine = mine(shares);
        // They may differ after a transaction that failed, or of which it isn't known.
        if (mine == null || !gauge.is(mine.size(), mine.rate())) {
            return true;
        }
        List<Share> living = shares.stream().filter(Share::live).toList();
        if (living.size() < shares.size()) {
            return true;
        }
        Demand now = gauge.demand();
        Demand before = mine.demand();
        if (now.least() == 0 != (before.least() == 0)
                || now.least() > before.least()
                || apart(now.wants(), before.wants(), gauge.whole())
                || apart(now.rate(), before.rate(), SharedPart.RATE_PARTS)) {
            return true;
        }
        Target target = target(gauge, living, now, turn);
        return target.size != mine.size() || target.rate != mine.rate();
    }

    private static boolean apart(long one, long other, long whole) {
        return Math.abs(one - other) > whole / WORTHWHILE;
    }

    private @Nullable Share mine(List<Share> shares) {
        for (Share each : shares) {
            if (each.node() == node) {
                return each;
            }
        }
        return null;
    }

    /** What this node should have, as far as it can be had now. */
    private record Target(long size, long rate) {}

    private Target target(SharedPart gauge, List<Share> living, Demand demand, long turn) {
        Share mine = mine(living);
        List<Share> all = new ArrayList<>(living);
        if (mine == null) {
            mine = new Share(node, true, 0, 0, Demand.NOTHING);
            all.add(mine);
        }
        int at = all.indexOf(mine);
        long[] least = all.stream().mapToLong(each -> each.demand().least()).toArray();
        long[] wants = all.stream().mapToLong(each -> each.demand().wants()).toArray();
        least[at] = demand.least();
        wants[at] = demand.wants();
        long[] sizes = Division.of(gauge.whole(), least, wants, nodes, turn);
        long size = within(
                gauge.whole(),
                all.stream().mapToLong(Share::size).toArray(),
                sizes,
                at,
                Math.max(demand.least(), demand.wants()));
        if (gauge.limit().measure().unit() == Measure.Unit.CALLS) {
            return new Target(size, 0);
        }
        long[] rates = all.stream().mapToLong(each -> each.demand().rate()).toArray();
        rates[at] = demand.rate();
        for (int i = 0; i < rates.length; i++) {
            // Who has no part of the burst can let nobody in, however fast it fills up.
            rates[i] = sizes[i] == 0 ? 0 : rates[i];
        }
        long[] parts = Division.of(SharedPart.RATE_PARTS, new long[rates.length], rates, nodes, 0);
        long rate = size == 0
                ? 0
                : within(
                        SharedPart.RATE_PARTS,
                        all.stream().mapToLong(Share::rate).toArray(),
                        parts,
                        at,
                        demand.rate());
        return new Target(size, rate);
    }

    /** Where one share goes from where it is: not further than what nobody has, and not for nothing. */
    private static long within(long whole, long[] now, long[] wished, int at, long wanted) {
        long free = whole;
        boolean othersShort = false;
        for (int i = 0; i < now.length; i++) {
            free -= now[i];
            othersShort |= i != at && now[i] < wished[i];
        }
        long worthwhile = Math.max(1, whole / WORTHWHILE);
        if (wished[at] > now[at]) {
            boolean worth = now[at] < wanted || wished[at] - now[at] >= worthwhile;
            return worth ? now[at] + Math.clamp(free, 0, wished[at] - now[at]) : now[at];
        }
        return othersShort || free < 0 || now[at] - wished[at] >= worthwhile ? wished[at] : now[at];
    }

    /**
     * Moves shares, in as many transactions as it takes.
     *
     * @param look whether to look for nodes that came and went, too
     */
    private void move(List<SharedGauge> gauges, boolean look) {
        int from = 0;
        do {
            List<SharedGauge> batch = gauges.subList(from, Math.min(gauges.size(), from + BATCH));
            long began = nanos();
            if (!moved(batch, began, look && from == 0)) {
                if (leaving) {
                    return;
                }
                join(node);
                active.values().forEach(SharedGauge::lost);
                return;
            }
            from += BATCH;
        } while (from < gauges.size());
    }

    /** Moves shares; those that the database refuses are left out, and hold up no others. */
    private boolean moved(List<SharedGauge> batch, long began, boolean look) {
        try {
            return inTransaction(batch, began, look);
        } catch (RuntimeException e) {
            if (batch.isEmpty() || Database.isTrouble(e)) {
                throw e;
            }
            if (batch.size() == 1) {
                batch.getFirst().refuse();
                if (rounds - refusedRound > TIDY_ROUNDS) {
                    refusedRound = rounds;
                    LOG.error(
                            "the share of a limit of {} can't be moved, and others perhaps: {}",
                            batch.getFirst().row.measure().said(),
                            Database.said(e));
                }
                return inTransaction(List.of(), nanos(), look);
            }
        }
        for (SharedGauge each : batch) {
            if (!moved(List.of(each), nanos(), look)) {
                return false;
            }
        }
        return true;
    }

    /** What became of a transaction; null where this node is taken for dead. */
    private record Done(List<Moved> moved, List<MovedDay> days) {}

    private boolean inTransaction(List<SharedGauge> gauges, long began, boolean look) {
        List<SharedPart> parts = new ArrayList<>();
        List<SharedDay> days = new ArrayList<>();
        for (SharedGauge each : gauges) {
            switch (each) {
                case SharedPart part -> parts.add(part);
                case SharedDay day -> days.add(day);
            }
        }
        Done done = database.<@Nullable Done>write(
                handle -> {
                    long now = databaseTime.applyAsLong(handle);
                    if (!ShareTable.heard(handle, node, now)) {
                        return null;
                    }
                    if (look) {
                        ShareTable.buryBefore(handle, now - DEAD_AFTER.toMillis());
                        nodes = Math.max(1, ShareTable.living(handle));
                    }
                    return new Done(parts(handle, parts, now), days(handle, days));
                },
                _ -> {});
        if (done == null) {
            return false;
        }
        heard(began);
        for (Moved each : done.moved) {
            if (each.released) {
                forget(each.gauge);
            } else {
                each.gauge.hold(each.size, each.rate, each.tokens, each.free);
            }
        }
        for (MovedDay each : done.days) {
            each.gauge.took(each.day, each.taken, each.free);
            if (each.released && each.gauge.released()) {
                forget(each.gauge);
            }
        }
        return true;
    }

    private void forget(SharedGauge gauge) {
        active.remove(gauge.row, gauge);
        if (waiting.contains(gauge)) {
            active.putIfAbsent(gauge.row, gauge);
        }
    }

    private List<Moved> parts(Handle handle, List<SharedPart> gauges, long now) {
        if (gauges.isEmpty()) {
            return List.of();
        }
        SequencedMap<DayBook.Row, Long> wholes = new TreeMap<>(ShareTable.ORDER);
        gauges.forEach(each -> wholes.put(each.row, each.whole()));
        SequencedMap<DayBook.Row, Pot> pots = ShareTable.lock(handle, wholes, now);
        Map<DayBook.Row, List<Share>> shares = ShareTable.of(handle, pots.keySet());
        List<Moved> moved = new ArrayList<>();
        List<Written> written = new ArrayList<>();
        for (SharedPart each : gauges) {
            Pot pot = pots.get(each.row);
            // It was swept away in between, whole: it is made anew next time.
            if (pot != null) {
                move(each, pot, shares.getOrDefault(each.row, List.of()), now, moved, written);
            }
        }
        ShareTable.write(handle, node, written);
        return moved;
    }

    private void move(
            SharedPart gauge, Pot pot, List<Share> shares, long now, List<Moved> moved, List<Written> written) {
        Limit limit = gauge.limit();
        double tokens = filled(limit, pot, shares, now);
        List<Share> living = shares.stream().filter(Share::live).toList();
        List<Long> gone = new ArrayList<>(
                shares.stream().filter(each -> !each.live()).map(Share::node).toList());
        Share mine = mine(living);
        long others = living.stream()
                .filter(each -> each.node() != node)
                .mapToLong(Share::size)
                .sum();
        Lowered all = leaving || gauge.idle() ? gauge.release(leaving) : null;
        if (all != null) {
            tokens += all.tokens();
            gone.add(node);
            long at = living.size() > (mine == null ? 0 : 1) ? Long.MAX_VALUE : wholeAt(limit, tokens, now);
            written.add(new Written(gauge.row, new Pot(limit.burst(), tokens, now), at, null, gone));
            moved.add(new Moved(gauge, true, 0, 0, 0, 0));
            return;
        }
        Demand demand = gauge.demand();
        Target target = target(gauge, living, demand, turn(now));
        long had = mine == null ? 0 : mine.size();
        // What is lowered counts before the database knows, what is raised after.
        Lowered lowered =
                gauge.lower(Math.min(had, target.size), Math.min(mine == null ? 0 : mine.rate(), target.rate));
        tokens += lowered.tokens();
        long size = Math.max(target.size, lowered.size());
        double taken = Math.clamp(tokens, 0, (double) Math.max(0, size - had));
        tokens -= taken;
        long free = Math.max(0, limit.burst() - others - size);
        long within = limit.measure().unit() == Measure.Unit.CALLS ? free : Math.min(free, (long) Math.floor(tokens));
        written.add(new Written(
                gauge.row,
                new Pot(limit.burst(), tokens, now),
                Long.MAX_VALUE,
                new Share(node, true, size, target.rate, demand),
                gone));
        moved.add(new Moved(gauge, false, target.size, target.rate, taken, within));
    }

    /** What is left in the part that nobody has, filled up until now. */
    private static double filled(Limit limit, Pot pot, List<Share> shares, long now) {
        long sizes = 0;
        long rates = 0;
        for (Share each : shares) {
            sizes += each.size();
            rates += each.rate();
        }
        double tokens = pot.tokens() + Math.max(0, limit.burst() - pot.whole());
        if (limit.measure().seconds() > 0) {
            double periods = Math.max(0, now - pot.filled())
                    / (double) TimeUnit.SECONDS.toMillis(limit.measure().seconds());
            double part = Math.max(0, SharedPart.RATE_PARTS - rates) / (double) SharedPart.RATE_PARTS;
            tokens += periods * limit.amount() * part;
        }
        return Math.min(tokens, (double) Math.max(0, limit.burst() - sizes));
    }

    private static long wholeAt(Limit limit, double tokens, long now) {
        double missing = Math.max(0, limit.burst() - tokens);
        return now
                + (long) Math.ceil(missing
                        / limit.amount()
                        * TimeUnit.SECONDS.toMillis(limit.measure().seconds()));
    }

    private List<MovedDay> days(Handle handle, List<SharedDay> gauges) {
        if (gauges.isEmpty()) {
            return List.of();
        }
        SequencedMap<DayBook.Row, SharedDay> ordered = new TreeMap<>(ShareTable.ORDER);
        gauges.forEach(each -> ordered.put(each.row, each));
        SequencedMap<DayBook.Row, ShareTable.Day> rows =
                ShareTable.lockDays(handle, ordered.keySet(), Gauge.Day.of(clock));
        List<MovedDay> moved = new ArrayList<>();
        Map<DayBook.Row, ShareTable.Day> written = new HashMap<>();
        rows.forEach((row, found) -> {
            SharedDay gauge = Objects.requireNonNull(ordered.get(row));
            long day = Math.max(found.day(), gauge.day());
            long used = found.day() < day ? 0 : found.used();
            boolean release = leaving || gauge.idle();
            long taken = gauge.settle(day, gauge.whole() - used, release);
            written.put(row, new ShareTable.Day(day, Math.max(0, used + taken)));
            moved.add(new MovedDay(gauge, release, day, taken, gauge.whole() - used - taken));
        });
        ShareTable.writeDays(handle, written);
        return moved;
    }

    /** Brings back what dead nodes have left of limits that are not in use here. */
    private void bringBack(List<DayBook.Row> left) {
        if (left.isEmpty()) {
            return;
        }
        boolean _ = database.write(
                handle -> {
                    long now = databaseTime.applyAsLong(handle);
                    SequencedMap<DayBook.Row, Long> wholes = new TreeMap<>(ShareTable.ORDER);
                    left.forEach(row -> wholes.put(row, 0L));
                    SequencedMap<DayBook.Row, Pot> pots = ShareTable.lock(handle, wholes, now);
                    Map<DayBook.Row, List<Share>> shares = ShareTable.of(handle, pots.keySet());
                    List<Written> written = new ArrayList<>();
                    pots.forEach((row, pot) -> {
                        List<Share> all = shares.getOrDefault(row, List.of());
                        List<Long> dead = all.stream()
                                .filter(each -> !each.live())
                                .map(Share::node)
                                .toList();
                        // Nothing is filled up for the time until now: nobody knows what the dead have used in it.
                        boolean none = dead.size() == all.size();
                        // At least one comes in each period, whatever the limit is.
                        long most =
                                now + TimeUnit.SECONDS.toMillis(row.measure().seconds()) * Math.max(1, pot.whole());
                        written.add(new Written(
                                row,
                                new Pot(pot.whole(), pot.tokens(), now),
                                none ? most : Long.MAX_VALUE,
                                null,
                                dead));
                    });
                    ShareTable.write(handle, node, written);
                    return true;
                },
                _ -> {});
    }

    /** The node that the last process on this data folder was; 0 where that isn't known. */
    private long last() {
        try {
            return Long.parseLong(Files.readString(file()).strip());
        } catch (IOException | NumberFormatException e) {
            return 0;
        }
    }

    private Path file() {
        return database.folder().resolve(FILE);
    }

    /** Becomes a new node, in place of one that is no more. */
    private void join(long before) {
        long began = nanos();
        node = database.write(
                handle -> {
                    if (before != 0) {
                        ShareTable.bury(handle, before);
                    }
                    long made = ShareTable.newNode(handle, databaseTime.applyAsLong(handle));
                    nodes = Math.max(1, ShareTable.living(handle));
                    return made;
                },
                _ -> {});
        heard(began);
        try {
            OwnerOnly.write(file(), Long.toString(node));
        } catch (IOException e) {
            LOG.warn(
                    "{} can't be written; if this process is killed, its shares of limits come back after {} s only: {}",
                    file(),
                    DEAD_AFTER.toSeconds(),
                    e.toString());
        }
    }

    /** Gives all back, unless the database is away: a stop does not wait for it. */
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(thread);
        try {
            if (thread.isAlive()) {
                boolean _ = thread.join(ROUND);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!away && !thread.isAlive()) {
            attempt(this::leave);
        }
    }

    private void leave() {
        leaving = true;
        move(new ArrayList<>(active.values()), false);
        boolean _ = database.write(
                handle -> {
                    ShareTable.bury(handle, node);
                    ShareTable.tidy(handle, databaseTime.applyAsLong(handle));
                    return true;
                },
                _ -> {});
    }
}
