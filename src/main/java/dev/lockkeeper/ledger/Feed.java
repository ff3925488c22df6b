package dev.lockkeeper.ledger;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One journal as it is read: how far, and the holds whose end was not read yet. The applier's thread.
 */
final class Feed {
    final int journal;
    final Map<Long, OpenHold> open = new HashMap<>();

    private final JournalRecord record = new JournalRecord();
    private long position;

    /** Of the record at {@link #position}; 0 for any. */
    private long sequence;

    private long latest;
    private @Nullable OpenHold released;

    Feed(int journal, long position, long sequence, long latest) {
        this.journal = journal;
        this.position = position;
        this.sequence = sequence;
        this.latest = latest;
    }

    long position() {
        return position;
    }

    long sequence() {
        return sequence;
    }

    long latest() {
        return latest;
    }

    /** What a look at a segment finds. */
    JournalRecord.Found look(Segment segment) {
        return record.read(segment, Journal.offset(position), sequence);
    }

    /** Whether a segment begins with the record that is expected. */
    boolean goesOnIn(Segment segment) {
        return record.read(segment, Segment.HEAD, sequence) == JournalRecord.Found.RECORD;
    }

    /**
     * Takes the record that {@link #look} found.
     *
     * @return what it books; null for nothing
     */
    @Nullable Entry take() {
        long at = position;
        sequence = record.sequence() + 1;
        position += record.size();
        return switch (record.type()) {
            case HOLD -> {
                OpenHold hold = record.readHold(journal, at);
                latest = Math.max(latest, hold.atMillis);
                open.put(at, hold);
                yield null;
            }
            case GROW -> {
                OpenHold hold = open.get(record.next());
                if (hold != null) {
                    hold.grantedNanos = record.next();
                    Awaited awaited = record.readAwaited();
                    hold.awaited = awaited == null ? hold.awaited : awaited;
                }
                yield null;
            }
            case SETTLE -> {
                OpenHold hold = open.remove(record.next());
                yield hold == null ? null : Entry.settled(hold, record.readEnd());
            }
            case RELEASE -> {
                OpenHold hold = open.remove(record.next());
                released = hold;
                yield null;
            }
        };
    }

    /** The hold that the record taken last released; null for none. Asking forgets it. */
    @Nullable OpenHold released() {
        OpenHold hold = released;
        released = null;
        return hold;
    }

    /** Goes on at the beginning of the next segment. */
    void nextSegment() {
        position = Journal.position(Journal.number(position) + 1, Segment.HEAD);
    }
}
