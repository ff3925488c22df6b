package dev.lockkeeper.ledger;

import org.jspecify.annotations.Nullable;

/**
 * How far the database is behind the journals.
 *
 * @param records records that it has not
 * @param millis for how long it has not had all of them, in milliseconds
 * @param trouble why the last try to write failed; null when it did not
 */
public record Lag(long records, long millis, @Nullable String trouble) {}
