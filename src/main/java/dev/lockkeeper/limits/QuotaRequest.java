package dev.lockkeeper.limits;

import org.jspecify.annotations.Nullable;

/**
 * A wish for another limit, and what became of it. Times are milliseconds since 1970.
 *
 * @param id {@code quota_…}
 * @param subject for whom
 * @param measure of what
 * @param amount how much; {@link Limit#NONE}: no limit
 * @param burst the most at once after a rest
 * @param reason why
 * @param link to its papers; empty: none
 * @param askedBy who asked
 * @param decidedBy who decided; empty while it waits
 * @param decidedMillis when; null while it waits
 * @param note what was said of the decision; empty: nothing
 */
public record QuotaRequest(
        String id,
        Subject subject,
        Measure measure,
        long amount,
        long burst,
        String reason,
        String link,
        String askedBy,
        long askedMillis,
        State state,
        String decidedBy,
        @Nullable Long decidedMillis,
        String note) {
    /** What became of it. */
    public enum State {
        WAITING,
        APPROVED,
        REFUSED;

        /** As it is written: {@code waiting}, {@code approved}, {@code refused}. */
        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** What is asked for, as a limit: {@code 50 requests per second (burst 50)}. */
    public Limit wish() {
        return new Limit(subject, measure, amount, burst, askedMillis);
    }
}
