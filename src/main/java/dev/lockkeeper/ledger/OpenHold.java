package dev.lockkeeper.ledger;

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

    /** What the database has of it; -1 for nothing. */
    long storedNanos = -1;

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
}
