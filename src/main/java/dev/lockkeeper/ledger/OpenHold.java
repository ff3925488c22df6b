package dev.lockkeeper.ledger;

import org.jspecify.annotations.Nullable;

/** A hold as the journal tells of it, while its end has not been read. Used by the applier's thread. */
final class OpenHold {
    final int journal;

    /** Where its record stands in its journal. */
    final long position;

    final long atMillis;
    final String callId;
    final int attempt;
    final Payer payer;
    final String provider;
    final String model;
    final String upstreamModel;

    long grantedNanos;

    /** What it waits for beyond the end of its call; null for nothing. */
    @Nullable Awaited awaited;

    /** What the database has of it; -1 for nothing. */
    long storedNanos = -1;

    /** Whether the database has what it waits for. */
    boolean storedAwaited;

    OpenHold(
            int journal,
            long position,
            long atMillis,
            String callId,
            int attempt,
            Payer payer,
            String provider,
            String model,
            String upstreamModel,
            long grantedNanos) {
        this.journal = journal;
        this.position = position;
        this.atMillis = atMillis;
        this.callId = callId;
        this.attempt = attempt;
        this.payer = payer;
        this.provider = provider;
        this.model = model;
        this.upstreamModel = upstreamModel;
        this.grantedNanos = grantedNanos;
    }

    /** The same in another journal. */
    OpenHold at(int newJournal, long newPosition) {
        OpenHold moved = new OpenHold(
                newJournal,
                newPosition,
                atMillis,
                callId,
                attempt,
                payer,
                provider,
                model,
                upstreamModel,
                grantedNanos);
        moved.awaited = awaited;
        moved.storedNanos = storedNanos;
        moved.storedAwaited = storedAwaited;
        return moved;
    }

    /** Whether all that is known of it is in the database. */
    boolean stored() {
        return storedNanos == grantedNanos && storedAwaited == (awaited != null);
    }
}
