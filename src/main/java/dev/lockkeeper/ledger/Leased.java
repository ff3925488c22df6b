package dev.lockkeeper.ledger;

import org.jspecify.annotations.Nullable;

/**
 * What this process has leased of budgets that it shares with others. In nano-dollars, added up over budgets.
 *
 * @param nanos leased and not spent
 * @param freeNanos of that, what no call holds
 * @param failedRounds how often the database was asked in vain since it answered last
 * @param trouble why, the last time; null when it answered
 */
public record Leased(
        long nanos,
        long freeNanos,
        long failedRounds,
        @Nullable String trouble) {}
