package dev.lockkeeper.ledger;

import java.io.IOException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What one event loop did with money, in order. Written by the loop's thread; read and forced by others. A place in it is a
 * number that grows: the segment's number in the upper half, the offset in it in the lower.
 *
 * <p>With each hold the room for its end is set apart, so that an end never lacks it.
 */
final class Journal {
    private final int index;
    private final Storage storage;
    private final int segmentBytes;
    private final Runnable wake;
    private final JournalRecord record = new JournalRecord();

    /** Segments that are written or may be read still, the oldest first. */
    private final ConcurrentLinkedQueue<Segment> live = new ConcurrentLinkedQueue<>();

    private final ConcurrentLinkedQueue<Segment> spares = new ConcurrentLinkedQueue<>();

    // Of the loop's thread.

    private Segment current;
    private int offset = Segment.HEAD;
    private volatile long sequence;

    /** The end of what is written. */
    private volatile long position;

    /** Room for the ends of open holds, in bytes. Written by the loop's thread. */
    private volatile long reserved;

    /** Room in spare segments, in bytes, without what may be wasted at their ends. */
    private final AtomicLong spare = new AtomicLong();

    private final AtomicBoolean woken = new AtomicBoolean();

    /** Of the keeper's thread. */
    private long newest;

    /** Up to where it is on the disk. Written under this object's lock. */
    private volatile long forced;

    /**
     * @param number of the first segment, higher than any that was there
     * @param sequence of the first record
     * @param wake called, on the loop's thread, when room gets short: {@link #extend} is to be called soon
     */
    Journal(int index, long number, long sequence, Storage storage, int segmentBytes, Runnable wake)
            throws IOException {
        this.index = index;
        this.sequence = sequence;
        this.storage = storage;
        this.segmentBytes = segmentBytes;
        this.wake = wake;
        this.newest = number;
        this.current = storage.create(new Storage.Name(index, number), segmentBytes);
        live.add(current);
        this.position = position(number, offset);
        this.forced = position;
    }

    static long position(long number, int offset) {
        return number << 32 | offset;
    }

    static long number(long position) {
        return position >>> 32;
    }

    static int offset(long position) {
        return (int) position;
    }

    int index() {
        return index;
    }

    /** The end of what is written. Any thread. */
    long position() {
        return position;
    }

    /** Bytes of all segments. Any thread. */
    long bytes() {
        return (live.size() + spares.size()) * (long) segmentBytes;
    }

    /** Bytes that can be written for certain, what open holds set apart not counted. */
    private long room() {
        return segmentBytes - offset - JournalRecord.MOST + spare.get() - reserved;
    }

    /** Whether a hold, its end, and a record beside fit in. */
    private boolean fits(int bytes) {
        long room = room();
        if (room < segmentBytes / 2 + reserved && woken.compareAndSet(false, true)) {
            wake.run();
        }
        return room >= bytes;
    }

    /**
     * Writes a hold and sets room apart for its end.
     *
     * @return null when it is written, else why not
     */
    @Nullable String hold(Hold hold) {
        if (!fits(JournalRecord.MOST + JournalRecord.END)) {
            return "the journal is being extended";
        }
        if (!record.hold(hold)) {
            return "the names of the call are longer than " + JournalRecord.MOST + " bytes together";
        }
        hold.position = append();
        setApart(JournalRecord.END);
        return null;
    }

    /** Writes what a hold has now; false when there is no room. */
    boolean grow(Hold hold, long grantedNanos) {
        if (!fits(JournalRecord.END)) {
            return false;
        }
        record.grow(hold.position, grantedNanos);
        append();
        return true;
    }

    /** Writes what a hold waits for; false when there is no room. */
    boolean await(Hold hold, long grantedNanos, Awaited what) {
        if (!fits(JournalRecord.END)) {
            return false;
        }
        record.await(hold.position, grantedNanos, what);
        append();
        return true;
    }

    /** Sets room apart for the ends of holds that outlived the process that took them. Before anything is written; blocks. */
    void restore(int holds) throws IOException {
        if (holds > 0) {
            setApart(Math.multiplyExact(holds, JournalRecord.END));
            extend();
        }
    }

    /** Writes a hold's bill; returns where. */
    long settle(Hold hold, Bill bill, long overrunNanos) {
        record.settle(hold.position, bill, overrunNanos);
        setApart(-JournalRecord.END);
        return append();
    }

    /** Writes that a hold cost nothing; returns where. */
    long release(Hold hold) {
        record.release(hold.position);
        setApart(-JournalRecord.END);
        return append();
    }

    private void setApart(int bytes) {
        long now = reserved + bytes;
        reserved = now;
    }

    private long append() {
        int bytes = record.written();
        if (bytes > segmentBytes - offset) {
            roll();
        }
        long at = position(current.number(), offset);
        record.store(current, offset, sequence);
        long next = sequence + 1;
        sequence = next;
        offset += bytes;
        position = position(current.number(), offset);
        return at;
    }

    private void roll() {
        Segment next = spares.poll();
        if (next == null) {
            throw new IllegalStateException("journal " + index + " has no spare segment");
        }
        spare.addAndGet(-usable());
        current.end(offset);
        live.add(next);
        current = next;
        offset = Segment.HEAD;
    }

    private long usable() {
        return (long) segmentBytes - Segment.HEAD - JournalRecord.MOST;
    }

    /** Makes spare segments until there is room for a while. The keeper's thread; blocks. */
    void extend() throws IOException {
        woken.set(false);
        long left = segmentBytes - offset(position) - JournalRecord.MOST + spare.get();
        while (left < segmentBytes / 2 + 2 * reserved + JournalRecord.MOST) {
            Segment made = storage.create(new Storage.Name(index, newest + 1), segmentBytes);
            newest++;
            spares.add(made);
            spare.addAndGet(usable());
            left += usable();
        }
    }

    /** Up to where it is on the disk. Any thread. */
    long forced() {
        return forced;
    }

    /** The sequence of the record that is written next. Any thread; by guess while the loop writes. */
    long sequence() {
        return sequence;
    }

    /** Writes to the disk what was written so far, and marks how far that is. Blocks; not while segments are retired. */
    synchronized void force() {
        long until = position;
        if (until == forced) {
            return;
        }
        for (Segment each : live) {
            if (each.number() >= number(forced) && each.number() <= number(until)) {
                each.force();
                each.mark(each.number() < number(until) ? each.end() : offset(until));
            }
        }
        forced = until;
    }

    /** Forgets segments before a place: all that is in them is in the database. The keeper's thread; blocks. */
    synchronized void retire(long before) throws IOException {
        for (Segment oldest = live.peek(); oldest != null && oldest.number() < number(before); oldest = live.peek()) {
            live.poll();
            oldest.close();
            storage.delete(oldest.name());
        }
    }

    /** The segment of a number, null when it is gone. */
    @Nullable Segment segment(long number) {
        for (Segment each : live) {
            if (each.number() == number) {
                return each;
            }
        }
        return null;
    }

    /** Lets go of the memory; the files stay, until the next start has read them. Nobody else may use it any more. */
    void close() throws IOException {
        force();
        for (Segment each : live) {
            each.close();
        }
        live.clear();
        for (Segment each = spares.poll(); each != null; each = spares.poll()) {
            each.close();
            storage.delete(each.name());
        }
    }
}
