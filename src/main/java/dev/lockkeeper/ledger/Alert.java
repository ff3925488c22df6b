package dev.lockkeeper.ledger;

/**
 * A budget's spending has reached a percentage of it.
 *
 * @param id the same each time it is told: {@code bud_12:1763683200000:75}
 * @param budget which
 * @param startMillis when the period began, milliseconds since 1970
 * @param percent which of {@link Budget.Terms#alertPercents}: the highest that is reached
 * @param grantedNanos the amount with what was carried over, in nano-dollars
 * @param spentNanos booked, in nano-dollars
 */
public record Alert(String id, Budget budget, long startMillis, int percent, long grantedNanos, long spentNanos) {
    /** Is told of alerts. */
    @FunctionalInterface
    public interface Listener {
        /** Called on the ledger's own thread, at least once for each alert; quick. */
        void reached(Alert alert);
    }
}
