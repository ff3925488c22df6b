package dev.lockkeeper.relay;

import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Failure;

/** Reads one upstream's answer and writes the client's: one kind for each kind of answer. On the call's loop only. */
interface Answering {
    /** The next bytes of the upstream. */
    void piece(Bytes piece);

    /** The upstream's answer is whole, as HTTP tells it. */
    void end();

    /**
     * The upstream will say no more: it broke off, or was too slow.
     *
     * @param why how its candidate is judged by it, and what follows
     * @param said what the client is told where nothing else follows
     */
    void broke(Failure why, Refusal said);

    /** Whether the answer itself has begun: a token, or of an answer in one piece a byte. */
    boolean begun();

    /** Told the time, and for how long the upstream has been silent. */
    void tick(long nowNanos, long silentNanos);

    /** Whether the answer's end is under way, so that the upstream's silence no longer matters. */
    boolean ending();

    /** What is known of the answer so far. */
    Learnt learnt();
}
