package dev.lockkeeper.routing;

/** An attempt that is being made, towards the health of its candidate. To be ended exactly once; later calls do nothing. Any thread. */
public final class Slot implements Turn {
    private final ProviderHealth provider;
    final CandidateHealth at;
    final int stretch;
    final long startedNanos;
    final long providersTicket;
    final long ticket;

    // Guarded by the provider.
    boolean tokenSeen;
    boolean countedGood;
    private boolean over;

    Slot(
            ProviderHealth provider,
            CandidateHealth at,
            int stretch,
            long startedNanos,
            long providersTicket,
            long ticket) {
        this.provider = provider;
        this.at = at;
        this.stretch = stretch;
        this.startedNanos = startedNanos;
        this.providersTicket = providersTicket;
        this.ticket = ticket;
    }

    /** The first token has come, or of an answer in one piece its first byte. */
    public void firstToken(long nowNanos) {
        Health.done(provider, () -> {
            if (!over && !tokenSeen) {
                tokenSeen = true;
                provider.firstToken(this, nowNanos);
            }
        });
    }

    /** The attempt is over. */
    public void ended(Ending how, long nowNanos) {
        Health.done(provider, () -> {
            if (!over) {
                over = true;
                provider.ended(this, how, nowNanos);
            }
        });
    }

    /** How an attempt ended, as far as its candidate is to be judged by it. */
    public enum Ending {
        /** With an answer, be it one that finds fault with the request. */
        ANSWERED,
        /** The candidate failed. */
        FAILED,
        /** Nobody could be reached there: it is held against its provider, too. */
        UNREACHED,
        /** It says that it has too much to do: it is not ill. */
        BUSY,
        /** Nobody knows: the client went away, or the gateway itself failed. */
        UNKNOWN
    }
}
