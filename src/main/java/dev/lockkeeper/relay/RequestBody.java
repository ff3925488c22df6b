package dev.lockkeeper.relay;

import dev.lockkeeper.http.Client.Outgoing;
import dev.lockkeeper.units.Bytes;
import java.util.List;

/** What is sent upstream as a request's body. */
interface RequestBody {
    /** No body. */
    RequestBody NONE = new Whole(List.of(), 0);

    /** Bodies up to so many bytes are copied into one array: each piece more costs more than these bytes. */
    int JOINED_BYTES = 16 << 10;

    /** A body that is in memory, in pieces that are {@code length} bytes together. */
    static RequestBody of(List<Bytes> pieces, long length) {
        if (pieces.size() < 2 || length > JOINED_BYTES) {
            return new Whole(pieces, length);
        }
        byte[] all = new byte[(int) length];
        int at = 0;
        for (Bytes each : pieces) {
            System.arraycopy(each.array(), each.offset(), all, at, each.length());
            at += each.length();
        }
        return new Whole(List.of(Bytes.of(all)), length);
    }

    /** Bytes in all, -1 when not known before the end. */
    long length();

    /** Begins to send; calls {@code sent} when the last byte has been handed over. */
    void sendTo(Outgoing outgoing, Runnable sent);

    /** The queue towards the upstream has room again. */
    void drained();

    /** Whether what is to be sent next has to come from the client first. */
    boolean waitsForClient();

    /** Whether it can be sent a second time. */
    boolean repeatable();

    /** Nothing more will be asked for: whatever is held is let go. Idempotent. */
    void close();

    /** A body that is in memory. */
    record Whole(List<Bytes> pieces, long length) implements RequestBody {
        public Whole {
            pieces = List.copyOf(pieces);
        }

        @Override
        public void sendTo(Outgoing outgoing, Runnable sent) {
            // All at once: the bytes are held already, a queue of them holds nothing more.
            for (Bytes piece : pieces) {
                outgoing.write(piece);
            }
            outgoing.end();
            sent.run();
        }

        @Override
        public void drained() {}

        @Override
        public boolean waitsForClient() {
            return false;
        }

        @Override
        public boolean repeatable() {
            return true;
        }

        @Override
        public void close() {}
    }
}
