package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Batch.Moved;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Carries the journals' records into the database, in batches, each record once: the positions move in the transaction that
 * writes what stands before them. One thread; what other threads may ask says so.
 */
final class Applier {
    /** Records of one journal in a batch at most. */
    private static final int RECORDS = 1_024;

    private final Store store;
    private final List<Feed> feeds;
    private final Clock clock;
    private final ByScope<Tracked> byScope = new ByScope<>();
    private final List<Tracked> tracked = new ArrayList<>();

    /** Those whose alerts are to be looked at. */
    private final Set<Tracked> touched = new LinkedHashSet<>();

    /** What could not be written yet: it is tried again, before anything else. */
    private @Nullable Batch pending;

    private Batch batch = new Batch();

    /** Whether a journal could not be read: nothing is written any more then. */
    private boolean damaged;

    /** How many records are in the database, by journal. */
    private volatile long[] applied;

    /** Up to where journals are in the database, by journal. */
    private volatile long[] written;

    private volatile long caughtUpMillis;
    private volatile @Nullable String trouble;

    /** How often budgets were changed until those that are tracked here stood. */
    private long changes;

    /** Whether what this process had leased was taken away: what it books of hard budgets is an overrun then. */
    private boolean fenced;

    /**
     * @param changes see {@link Store.Heard#changes}: then the budgets stood as they are given here
     * @param fenced see {@link Store.Heard#fenced}
     */
    Applier(Store store, List<Feed> feeds, Collection<Tracked> budgets, long changes, boolean fenced, Clock clock) {
        this.store = store;
        this.changes = changes;
        this.fenced = fenced;
        this.feeds = feeds;
        this.clock = clock;
        this.applied = sequences();
        this.written = positions();
        this.caughtUpMillis = clock.millis();
        budgets.forEach(this::track);
    }

    final void track(Tracked budget) {
        tracked.add(budget);
        touched.add(budget);
        byScope.add(budget.budget.scope(), budget);
    }

    void forget(long number) {
        tracked.removeIf(each -> {
            if (each.budget.number() != number) {
                return false;
            }
            byScope.remove(each.budget.scope(), each);
            touched.remove(each);
            return true;
        });
    }

    /** How often budgets were changed until those that are tracked stood. */
    long changes() {
        return changes;
    }

    /** The budgets that are tracked. */
    List<Budget> budgets() {
        return tracked.stream().map(each -> each.budget).toList();
    }

    /** Tracks the budgets that stand in the database now. */
    void hear() {
        Store.Heard heard = store.heard();
        Map<Long, Budget> before = new HashMap<>();
        tracked.forEach(each -> before.put(each.budget.number(), each.budget));
        for (Budget each : heard.budgets()) {
            Budget known = before.remove(each.number());
            if (known == null) {
                track(Tracked.of(each));
            } else if (!known.equals(each)) {
                change(each);
            }
        }
        before.keySet().forEach(this::forget);
        changes = heard.changes();
        fenced = heard.fenced();
    }

    void change(Budget budget) {
        for (Tracked each : tracked) {
            if (each.budget.number() == budget.number()) {
                each.budget = budget;
                touched.add(each);
            }
        }
    }

    /**
     * Reads what journals hold up to some places, and writes it.
     *
     * @param journals by index
     * @param until places where records end
     * @return whether there is more to read
     * @throws RuntimeException when the database did not take it; then the next call tries the same again
     */
    boolean apply(List<Journal> journals, long[] until) {
        if (damaged) {
            throw new IllegalStateException(trouble);
        }
        flush();
        boolean more = false;
        for (Feed feed : feeds) {
            long from = feed.position();
            try {
                read(feed, journals.get(feed.journal), until[feed.journal]);
            } catch (RuntimeException | Error e) {
                // What was read of it must not be written without the position: the next start reads it again.
                damaged = true;
                trouble = String.valueOf(e.getMessage());
                throw e;
            }
            moved(feed, from);
            more |= feed.position() < until[feed.journal];
        }
        flush();
        if (!more) {
            caughtUpMillis = clock.millis();
        }
        return more;
    }

    private void read(Feed feed, Journal journal, long until) {
        int records = 0;
        while (feed.position() < until && records < RECORDS) {
            long number = Journal.number(feed.position());
            Segment segment = journal.segment(number);
            if (segment == null) {
                throw new IllegalStateException("journal " + feed.journal + " has no segment " + number);
            }
            if (read(feed, segment)) {
                records++;
            }
        }
    }

    /** Reads one record, or goes on to the next segment where there is none. */
    private boolean read(Feed feed, Segment segment) {
        return switch (feed.look(segment)) {
            case RECORD -> {
                take(feed);
                yield true;
            }
            case NOTHING -> {
                storeOpen(feed);
                feed.nextSegment();
                yield false;
            }
            case BROKEN ->
                throw new IllegalStateException("journal " + segment.place() + " is damaged at offset "
                        + Journal.offset(feed.position()) + " while it is in use");
        };
    }

    /** Takes the record that a feed has found. */
    void take(Feed feed) {
        Entry entry = feed.take();
        if (entry != null) {
            add(entry);
        }
        OpenHold released = feed.released();
        if (released != null && released.storedNanos >= 0) {
            batch.ended.add(released);
        }
    }

    void add(Entry entry) {
        add(entry, batch);
    }

    private void add(Entry told, Batch batch) {
        Entry entry = fenced && bounded(told) ? told.beyond() : told;
        batch.add(entry);
        OpenHold hold = entry.hold();
        byScope.each(hold.payer, hold.model, hold.provider, each -> {
            each.add(entry, batch);
            touched.add(each);
            if (entry.overrunNanos() > 0 && each.budget.terms().hard()) {
                batch.overruns.add(Alert.overrun(each.budget, entry, clock.millis()));
            }
        });
    }

    /** Whether a hard budget pays for it. */
    private boolean bounded(Entry entry) {
        OpenHold hold = entry.hold();
        boolean[] bounded = new boolean[1];
        byScope.each(
                hold.payer,
                hold.model,
                hold.provider,
                each -> bounded[0] |= each.budget.terms().hard() && hold.atMillis >= each.first);
        return bounded[0];
    }

    /** A segment goes: what is still open in it must not go with it. */
    void storeOpen(Feed feed) {
        for (OpenHold each : feed.open.values()) {
            store(each);
        }
    }

    /** Has a hold stored until its end. */
    void store(OpenHold hold) {
        if (!hold.stored()) {
            hold.storedNanos = hold.grantedNanos;
            hold.storedAwaited = hold.awaited != null;
            batch.stored.add(hold);
        }
    }

    /** Notes that a feed went on. */
    void moved(Feed feed, long from) {
        if (feed.position() != from) {
            moved(feed.journal, new Moved(from, feed.position(), feed.sequence(), feed.latest()));
        }
    }

    void moved(int journal, Moved moved) {
        batch.moved.put(journal, moved);
    }

    /** Writes what was read; throws when the database does not take it. */
    void flush() {
        if (pending == null) {
            if (batch.isEmpty()) {
                return;
            }
            pending = batch;
            batch.changes = changes;
            batch = new Batch();
        }
        Batch now = pending;
        try {
            try {
                store.write(now);
            } catch (Store.Outdated e) {
                hear();
                now = again(now);
                pending = now;
                store.write(now);
            }
        } catch (RuntimeException e) {
            trouble = Database.said(e);
            throw e;
        }
        for (Tracked each : touched) {
            Store.Row row = now.after.get(new Batch.AccountKey(each.budget.number(), each.start));
            if (row != null) {
                each.learn(row);
            }
        }
        pending = null;
        trouble = null;
        applied = sequences();
        written = positions();
    }

    /** The same batch for the budgets that stand now. */
    private Batch again(Batch old) {
        Batch again = new Batch();
        again.changes = changes;
        again.moved.putAll(old.moved);
        again.stored.addAll(old.stored);
        again.alerted.addAll(old.alerted);
        old.entries.forEach(each -> add(each, again));
        again.ended.clear();
        again.ended.addAll(old.ended);
        return again;
    }

    private long[] positions() {
        return feeds.stream().mapToLong(Feed::position).toArray();
    }

    private long[] sequences() {
        return feeds.stream().mapToLong(Feed::sequence).toArray();
    }

    /** Writes alerts that are due: each once, since what was told is noted in the same step. */
    void writeAlerts(Books books) {
        Iterator<Tracked> all = touched.iterator();
        while (all.hasNext()) {
            Tracked each = all.next();
            Long granted = books.granted(each.budget.number());
            if (granted == null) {
                continue; // looked at again when it is there
            }
            all.remove();
            Alert due = each.due(granted, clock.millis());
            if (due != null && store.shared() && each.budget.carryOver()) {
                // What was carried over is asked for only where it may matter.
                Batch.AccountKey key = new Batch.AccountKey(each.budget.number(), each.start);
                Leases.Answer answer = store.standings(Map.of(key.budget(), key), List.of(each.budget))
                        .get(key);
                due = answer == null ? null : each.due(answer.whole(), clock.millis());
            }
            if (due != null) {
                each.told = due.percent();
                batch.alerted.add(due);
            }
        }
        flush();
    }

    /** Records that are in the database, by journal: the sequence of the next one. Any thread. */
    long[] applied() {
        return applied;
    }

    /** Up to where journals are in the database, by journal. Any thread. */
    long[] written() {
        return written;
    }

    /** How long it is since all was in the database, in milliseconds. Any thread. */
    long behindMillis() {
        return Math.max(0, clock.millis() - caughtUpMillis);
    }

    /** Why the last try failed; null when it did not. Any thread. */
    @Nullable String trouble() {
        return trouble;
    }
}
