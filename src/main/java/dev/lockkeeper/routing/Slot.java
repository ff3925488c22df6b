package dev.lockkeeper.routing;

/** An attempt that is being made, towards the health of its candidate. To be ended exactly once; later calls do nothing. Any thread, one at a time. */
public final class Slot implements Turn {
    private final Health health;
    private final Candidate candidate;
    private final long startedNanos;
    private boolean over;

    Slot(Health health, Candidate candidate, long startedNanos) {
        this.health = health;
        this.candidate = candidate;
        this.startedNanos = startedNanos;
    }

    /** The first token has come, or of an answer in one piece its first byte. */
    public void firstToken(long nowNanos) {
        if (!over) {
            health.firstToken(candidate, nowNanos - startedNanos);
        }
    }

    /** The attempt is over. */
    public void ended(Ending how, long nowNanos) {
        if (!over) {
            over = true;
            health.ended(candidate, how, nowNanos - startedNanos);
        }
    }

    /** How an attempt ended, as far as its candidate is to be judged by it. */
    public enum Ending {
        /** With an answer, be it one that finds fault with the request. */
        ANSWERED,
        /** The candidate failed. */
        FAILED,
        /** It says that it has too much to do: it is not ill. */
        BUSY,
        /** Nobody knows: the client went away, or the gateway itself failed. */
        UNKNOWN
    }
}
