package dev.lockkeeper.relay;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of an answer that several clients read, each at its own pace: written at the end, read anywhere, forgotten from
 * the beginning. What it holds is taken from a room that others share. Not thread-safe.
 */
final class Recording {
    /** Bytes that are taken at once, and told at once at most. */
    static final int BLOCK = 16 << 10;

    /** Where room for bytes is taken, or none. */
    interface Room {
        /** Takes room for bytes, or none of it. */
        boolean take(long wanted);

        /** Gives it back. */
        void giveBack(long taken);
    }

    private final Room room;

    /** The answer, where it was whole from the beginning; else blocks are used. */
    private final @Nullable Bytes whole;

    private final List<byte[]> blocks = new ArrayList<>();
    private long dropped;
    private long length;
    private long counted;

    /** An empty one. */
    Recording(Room room) {
        this.room = room;
        this.whole = null;
    }

    /** One of an answer that is whole, for whose bytes room was taken. */
    Recording(Room room, Bytes whole) {
        this.room = room;
        this.whole = whole;
        this.length = whole.length();
        this.counted = whole.length();
    }

    /** Bytes written so far, those included that are forgotten. */
    long length() {
        return length;
    }

    /** Bytes held. */
    long held() {
        return length - dropped;
    }

    /** Bytes of room that more bytes would take. */
    long needed(int more) {
        return (long) blocksFor(more) * BLOCK;
    }

    private int blocksFor(int more) {
        return Math.toIntExact(Math.ceilDiv(length - dropped + more, (long) BLOCK) - blocks.size());
    }

    /** Adds bytes; false where there is no room for them, and they need not be added. */
    boolean append(Bytes piece, boolean must) {
        int needed = blocksFor(piece.length());
        for (int i = 0; i < needed; i++) {
            if (room.take(BLOCK)) {
                counted += BLOCK;
            } else if (!must) {
                return false;
            }
            blocks.add(new byte[BLOCK]);
        }
        int done = 0;
        while (done < piece.length()) {
            long at = length - dropped;
            int from = (int) (at % BLOCK);
            int part = Math.min(BLOCK - from, piece.length() - done);
            System.arraycopy(piece.array(), piece.offset() + done, blocks.get((int) (at / BLOCK)), from, part);
            done += part;
            length += part;
        }
        return true;
    }

    /** The next bytes from a position on, none from {@code until} on, at most a block. Shared, not copied. */
    Bytes read(long position, long until) {
        if (position < dropped) {
            throw new IllegalStateException("position " + position + " is forgotten up to " + dropped);
        }
        if (whole != null) {
            return whole.slice((int) position, (int) Math.min(until, position + BLOCK));
        }
        long at = position - dropped;
        int from = (int) (at % BLOCK);
        int part = (int) Math.min(BLOCK - from, until - position);
        return part <= 0 ? Bytes.EMPTY : new Bytes(blocks.get((int) (at / BLOCK)), from, part);
    }

    /** All bytes, in an array of their own. Nothing was forgotten. */
    Bytes all() {
        if (whole != null) {
            return whole;
        }
        byte[] all = new byte[Math.toIntExact(length)];
        int at = 0;
        for (byte[] each : blocks) {
            int part = Math.min(BLOCK, all.length - at);
            System.arraycopy(each, 0, all, at, part);
            at += part;
        }
        return Bytes.of(all);
    }

    /** Forgets blocks that end before a position. */
    void forget(long before) {
        int blocksLess = (int) Math.min((before - dropped) / BLOCK, blocks.size());
        if (whole == null && blocksLess > 0) {
            blocks.subList(0, blocksLess).clear();
            dropped += (long) blocksLess * BLOCK;
            long less = Math.min(counted, (long) blocksLess * BLOCK);
            counted -= less;
            room.giveBack(less);
        }
    }

    /** Gives the room back; nothing is read any more. Idempotent. */
    void close() {
        blocks.clear();
        room.giveBack(counted);
        counted = 0;
    }
}
