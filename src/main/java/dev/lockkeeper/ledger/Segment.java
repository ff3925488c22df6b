package dev.lockkeeper.ledger;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A piece of a journal, mapped into memory: a head of {@value #HEAD} bytes, then records, then zeros. What is stored
 * survives the end of the process from that moment on, and the machine's from the next {@link #force} on.
 *
 * <p>Head: magic (8 bytes), version (4), journal (4), number (8), size (4), unused (4), mark (8): the offset up to which the
 * segment is known to be on the disk. Little-endian.
 */
abstract class Segment implements AutoCloseable {
    static final int HEAD = 64;
    static final int VERSION = 1;

    private static final long MAGIC = 0x3152_5245_4744_4c4cL; // "LLDGERR1"
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS = INT.varHandle();

    private final Storage.Name name;
    private final MemorySegment bytes;
    private volatile int end;

    Segment(Storage.Name name, MemorySegment bytes) {
        this.name = name;
        this.bytes = bytes;
    }

    final Storage.Name name() {
        return name;
    }

    final long number() {
        return name.number();
    }

    final int size() {
        return Math.toIntExact(bytes.byteSize());
    }

    final MemorySegment bytes() {
        return bytes;
    }

    /** Writes the head of a new segment. */
    final void begin() {
        bytes.set(INT, 8, VERSION);
        bytes.set(INT, 12, name.journal());
        bytes.set(LONG, 16, name.number());
        bytes.set(INT, 24, size());
        bytes.set(LONG, 0, MAGIC);
    }

    /**
     * Checks the head.
     *
     * @return false when the segment was never begun
     * @throws JournalDamaged when this program can't read it
     */
    final boolean begun() throws JournalDamaged {
        if (bytes.byteSize() < HEAD || bytes.get(LONG, 0) == 0) {
            return false;
        }
        if (bytes.get(LONG, 0) != MAGIC) {
            throw new JournalDamaged("journal " + place() + " is not a journal of Lockkeeper. "
                    + "Put back the file, or move it away: what it held and the database has not is lost then.");
        }
        int version = bytes.get(INT, 8);
        if (version != VERSION) {
            throw new JournalDamaged("journal " + place() + " has version " + version + ", this Lockkeeper reads "
                    + VERSION + ". Run the Lockkeeper that wrote it, or a later one.");
        }
        return true;
    }

    /** The offset up to which the segment is known to be on the disk. */
    final long mark() {
        return bytes.get(LONG, 32);
    }

    final void mark(long offset) {
        bytes.set(LONG, 32, offset);
    }

    /** Where the writer left it, told with {@link #end(int)}; 0 while it is written. */
    final int end() {
        return end;
    }

    final void end(int offset) {
        end = offset;
    }

    final int commitWord(int offset) {
        return (int) INTS.getAcquire(bytes, (long) offset);
    }

    /** Stores a record's commit word, after all that was stored before. */
    void commit(int offset, int word) {
        INTS.setRelease(bytes, (long) offset, word);
    }

    /** Where it is, for messages. */
    abstract String place();

    /** Writes to the disk what is stored. Blocks. */
    abstract void force();

    @Override
    public abstract void close();
}
