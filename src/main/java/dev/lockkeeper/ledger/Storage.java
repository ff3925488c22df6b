package dev.lockkeeper.ledger;

import java.io.IOException;
import java.util.List;

/** Where the segments of journals are kept. Used by one thread at a time. */
interface Storage {
    /** The segments that are there, in no order. */
    List<Name> list() throws IOException;

    /**
     * Makes a segment of zeros, and takes its room on the disk now.
     *
     * @throws IOException when there is no room; nothing is left of it then
     */
    Segment create(Name name, int bytes) throws IOException;

    /** Opens a segment that is there. */
    Segment open(Name name) throws IOException;

    /** Forgets a segment that is not open; nothing happens where there is none. */
    void delete(Name name) throws IOException;

    /** Room that is left on the disk, in bytes. */
    long free() throws IOException;

    /**
     * A segment's name.
     *
     * @param journal whose it is: the index of an event loop
     * @param number its place in the journal, from 1; never used again
     */
    record Name(int journal, long number) {}
}
