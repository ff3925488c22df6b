package dev.lockkeeper.ledger;

/**
 * How a budget stands in its current period: {@code granted = free + held + elsewhere + spent}. All amounts in nano-dollars.
 *
 * @param budget whose it is
 * @param startMillis when the period began, milliseconds since 1970; {@link Long#MIN_VALUE} for always
 * @param endMillis when it ends, exclusive; {@link Long#MAX_VALUE} for never
 * @param grantedNanos the amount, with what was carried over
 * @param freeNanos what new calls may take; below 0 after an overrun, or when the amount was lowered
 * @param heldNanos set aside for calls under way in this process
 * @param elsewhereNanos leased to other processes that share the budget, and not spent: held there, or free to be held
 * @param spentNanos booked, by all processes
 * @param overrunNanos of that, what upstreams billed beyond what they were allowed and the budget could pay
 */
public record Balance(
        Budget budget,
        long startMillis,
        long endMillis,
        long grantedNanos,
        long freeNanos,
        long heldNanos,
        long elsewhereNanos,
        long spentNanos,
        long overrunNanos) {}
