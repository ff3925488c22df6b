package dev.lockkeeper.ledger;

import dev.lockkeeper.ledger.Batch.Moved;
import dev.lockkeeper.ledger.Store.Known;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings into the database what the last process left in its journals. A hold whose end is not there is booked at what it
 * held; one that waits for something is stored instead, and stays open. Killed at any instant and run again, it books each record once.
 */
final class Recovery {
    private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

    /** Records in a batch. */
    private static final int RECORDS = 4_096;

    private final Storage storage;
    private final Store store;
    private final Applier applier;
    private final Map<Integer, Known> known;

    /** How far the journal that is read is in the database. */
    private long written;

    /** Holds that wait for something: they outlive their process. */
    private final List<OpenHold> waiting = new ArrayList<>();

    private Recovery(Storage storage, Store store, Applier applier, Map<Integer, Known> known) {
        this.storage = storage;
        this.store = store;
        this.applier = applier;
        this.known = known;
    }

    /**
     * What a recovery has found.
     *
     * @param journals where each journal goes on: of those that were known before
     * @param waiting holds that wait for something still; the database has them
     */
    record Found(Map<Integer, Known> journals, List<OpenHold> waiting) {}

    /**
     * Recovers, and deletes the segments.
     *
     * @throws JournalDamaged when a journal can't be read where it must be readable; the database has then what stands
     *     before the damage
     */
    static Found run(Storage storage, Store store, Clock clock) throws IOException {
        Map<Integer, Known> known = store.journals();
        Store.Heard heard = store.heard();
        Applier applier = new Applier(
                store,
                List.of(),
                heard.budgets().stream().map(Tracked::of).toList(),
                heard.changes(),
                heard.fenced(),
                clock);
        return new Recovery(storage, store, applier, known).run();
    }

    private Found run() throws IOException {
        Map<Integer, TreeMap<Long, Storage.Name>> there = new TreeMap<>();
        for (Storage.Name each : storage.list()) {
            there.computeIfAbsent(each.journal(), _ -> new TreeMap<>()).put(each.number(), each);
        }
        Map<Integer, List<OpenHold>> stored = new HashMap<>();
        for (OpenHold each : store.openHolds()) {
            stored.computeIfAbsent(each.journal, _ -> new ArrayList<>()).add(each);
        }
        Map<Integer, Known> next = new TreeMap<>();
        for (Integer each : there.keySet()) {
            if (!known.containsKey(each)) {
                Known first = new Known(Journal.position(there.get(each).firstKey(), Segment.HEAD), 0, 0);
                store.begin(each, first);
                known.put(each, first);
            }
        }
        int recovered = 0;
        for (Map.Entry<Integer, Known> each : known.entrySet()) {
            int journal = each.getKey();
            NavigableMap<Long, Storage.Name> names = there.getOrDefault(journal, new TreeMap<>());
            Feed feed = new Feed(
                    journal,
                    Journal.position(Journal.number(each.getValue().position()), Segment.HEAD),
                    0,
                    each.getValue().latestMillis());
            for (OpenHold hold : stored.getOrDefault(journal, List.of())) {
                feed.open.put(hold.position, hold);
            }
            written = each.getValue().position();
            read(feed, each.getValue(), names);
            for (OpenHold hold : feed.open.values()) {
                if (hold.awaited == null) {
                    applier.add(Entry.recovered(hold));
                    recovered++;
                } else {
                    applier.store(hold);
                    waiting.add(hold);
                }
            }
            long last = Math.max(Journal.number(feed.position()), names.isEmpty() ? 0 : names.lastKey());
            Known after = new Known(
                    Journal.position(last + 1, Segment.HEAD),
                    Math.max(1, Math.max(feed.sequence(), each.getValue().sequence())),
                    feed.latest());
            applier.moved(journal, new Moved(written, after.position(), after.sequence(), after.latestMillis()));
            applier.flush();
            next.put(journal, after);
            for (Storage.Name name : names.values()) {
                storage.delete(name);
            }
        }
        if (recovered > 0) {
            LOG.warn(
                    "{} calls were cut off when the last process ended: each is booked at what was held for it, as an"
                            + " estimate of kind recovered",
                    recovered);
        }
        if (!waiting.isEmpty()) {
            LOG.info("{} holds wait for responses in the background and batches, as before", waiting.size());
        }
        return new Found(next, waiting);
    }

    /** Reads a journal to its end, and writes what the database has not. */
    private void read(Feed feed, Known known, NavigableMap<Long, Storage.Name> names) throws IOException {
        Storage.Name name = names.get(Journal.number(feed.position()));
        Segment segment = name == null ? null : storage.open(name);
        try {
            while (segment != null && segment.begun()) {
                readRecords(feed, known, segment);
                Storage.Name following = names.get(segment.number() + 1);
                Segment next = following == null ? null : storage.open(following);
                boolean goesOn = next != null && next.begun() && feed.goesOnIn(next);
                if (!goesOn) {
                    checkEnd(feed, segment, next);
                }
                segment.close();
                segment = next;
                if (!goesOn) {
                    break;
                }
                feed.nextSegment();
            }
        } finally {
            if (segment != null) {
                segment.close();
            }
        }
        if (name != null && feed.position() < known.position()) {
            throw new JournalDamaged("journal " + feed.journal + " ends at offset " + Journal.offset(feed.position())
                    + " of segment " + Journal.number(feed.position()) + ", but the database has read it up to offset "
                    + Journal.offset(known.position()) + " of segment " + Journal.number(known.position())
                    + ": the folder is older than the database. Put back the newer files, or a database as old.");
        }
        checkRest(feed, names);
    }

    private void readRecords(Feed feed, Known known, Segment segment) {
        int records = 0;
        while (feed.look(segment) == JournalRecord.Found.RECORD) {
            if (feed.position() < known.position()) {
                boolean _ = feed.take() != null; // Booked already; what is wanted of it is which holds are open.
                feed.released();
                continue;
            }
            applier.take(feed);
            if (++records == RECORDS) {
                records = 0;
                write(feed);
            }
        }
        write(feed);
    }

    private void write(Feed feed) {
        if (feed.position() > written) {
            applier.moved(feed, written);
            applier.flush();
            written = feed.position();
        }
    }

    /** Where reading ended nothing may be missing that was known to be on the disk. */
    private static void checkEnd(Feed feed, Segment segment, @Nullable Segment next) throws JournalDamaged {
        int offset = Journal.offset(feed.position());
        boolean damaged = offset < segment.mark();
        if (damaged || (next != null && next.begun() && next.mark() > Segment.HEAD)) {
            throw new JournalDamaged("journal " + segment.place() + " is damaged at offset " + offset
                    + ": what stands there is not record " + feed.sequence() + ", and it was written to the disk up to "
                    + (damaged ? "offset " + segment.mark() : "the next file")
                    + ". Put back a good copy of the file. Or move the folder of the journals away: then what is in it"
                    + " and not in the database is lost.");
        }
        if (feed.look(segment) == JournalRecord.Found.BROKEN) {
            LOG.warn("the last record of journal {} at offset {} was cut off; it is left out", segment.place(), offset);
        }
    }

    /** No file may be missing before one that was written to the disk. */
    private void checkRest(Feed feed, NavigableMap<Long, Storage.Name> names) throws IOException {
        long read = Journal.number(feed.position());
        for (Storage.Name each : names.tailMap(read, false).values()) {
            try (Segment segment = storage.open(each)) {
                if (segment.begun() && segment.mark() > Segment.HEAD) {
                    throw new JournalDamaged("journal " + segment.place() + " stands alone: the files from segment "
                            + read + " on are missing. Put them back. Or, where an older database was put in place,"
                            + " move the files away: what is in them is forgotten then, like all else that came"
                            + " behind that database.");
                }
            }
        }
    }
}
