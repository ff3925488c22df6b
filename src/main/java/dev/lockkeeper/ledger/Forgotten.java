package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import java.nio.file.Path;

/**
 * What stands in the books of one database and not in those of an older copy of it that took its place.
 *
 * @param entries how many entries
 * @param nanos what they cost together, in nano-dollars
 * @param sinceMillis when the hold of the first of them was taken, milliseconds since 1970; 0 when there is none
 * @param pending how many holds wait there for what is billed later, that nobody waits for any more
 * @param pendingNanos what they hold together, in nano-dollars
 */
public record Forgotten(long entries, long nanos, long sinceMillis, long pending, long pendingNanos) {
    /**
     * Compares; blocks.
     *
     * @param copy an SQLite database
     * @param before the file of the one whose place it took, at the same schema
     */
    public static Forgotten between(Database copy, Path before) {
        return copy.<Forgotten>read(handle -> {
                    handle.execute("ATTACH DATABASE ? AS replaced", before.toString());
                    try {
                        return handle.createQuery("""
                                        WITH waits AS (
                                          SELECT b.held FROM replaced.open_holds b
                                          WHERE b.awaits IS NOT NULL
                                            AND NOT EXISTS (SELECT 1 FROM main.open_holds c
                                                            WHERE c.awaits IS NOT NULL AND c.call_id = b.call_id
                                                              AND c.attempt = b.attempt))
                                        SELECT count(*) AS entries, coalesce(sum(b.cost), 0) AS nanos,
                                               coalesce(min(b.taken), 0) AS since,
                                               (SELECT count(*) FROM waits) AS pending,
                                               (SELECT coalesce(sum(held), 0) FROM waits) AS pending_nanos
                                        FROM replaced.entries b
                                        WHERE NOT EXISTS (SELECT 1 FROM main.entries c
                                                          WHERE c.id = b.id AND c.call_id = b.call_id
                                                            AND c.attempt = b.attempt)
                                        """)
                                .map((row, _) -> new Forgotten(
                                        row.getLong("entries"),
                                        row.getLong("nanos"),
                                        row.getLong("since"),
                                        row.getLong("pending"),
                                        row.getLong("pending_nanos")))
                                .one();
                    } finally {
                        handle.execute("DETACH DATABASE replaced");
                    }
                })
                .join();
    }
}
