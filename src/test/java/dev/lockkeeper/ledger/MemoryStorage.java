package dev.lockkeeper.ledger;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Segments in memory that survive the ledger, as a page cache survives a process; and a disk below them. */
final class MemoryStorage implements Storage {
    /** The process ends here. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed", null, false, false);
        }
    }

    private final Map<Name, long[]> memory = new HashMap<>();
    private final Map<Name, long[]> disk = new HashMap<>();

    /** Commit words that may be stored still before the process is killed; negative for never. */
    private long left = -1;

    private boolean dead;
    long free = Long.MAX_VALUE;

    /** Kills the process when so many further records were written: the next one stays without its commit word. */
    void killAfter(long records) {
        left = records;
    }

    boolean dead() {
        return dead;
    }

    /** The next process. */
    void restart() {
        dead = false;
        left = -1;
    }

    /** The machine lost its power: what was not forced is gone. */
    void powerCut() {
        memory.clear();
        disk.forEach((name, bytes) -> memory.put(name, bytes.clone()));
    }

    MemorySegment bytes(Name name) {
        return MemorySegment.ofArray(memory.get(name));
    }

    @Override
    public List<Name> list() {
        return new ArrayList<>(memory.keySet());
    }

    @Override
    public Segment create(Name name, int bytes) throws IOException {
        alive();
        memory.put(name, new long[bytes / Long.BYTES]);
        Segment made = open(name);
        made.begin();
        return made;
    }

    @Override
    public Segment open(Name name) throws IOException {
        long[] longs = memory.get(name);
        if (longs == null) {
            throw new IOException("no " + name);
        }
        return new Kept(name, longs);
    }

    @Override
    public void delete(Name name) {
        alive();
        memory.remove(name);
        disk.remove(name);
    }

    @Override
    public long free() {
        return free;
    }

    private void alive() {
        if (dead) {
            throw new Killed();
        }
    }

    private final class Kept extends Segment {
        private final long[] array;

        Kept(Name name, long[] array) {
            super(name, MemorySegment.ofArray(array));
            this.array = array;
        }

        @Override
        void commit(int offset, int word) {
            alive();
            if (left == 0) {
                dead = true;
                throw new Killed();
            }
            left--;
            super.commit(offset, word);
        }

        @Override
        String place() {
            return name().journal() + "-" + name().number();
        }

        @Override
        void force() {
            alive();
            disk.put(name(), array.clone());
        }

        @Override
        public void close() {
            // It stays in memory.
        }
    }
}
