package dev.lockkeeper.limits;

import dev.lockkeeper.limits.Subject.Kind;
import java.util.List;
import java.util.Objects;
import org.jdbi.v3.core.Handle;

/** The table of limits. */
final class LimitTable {
    private LimitTable() {}

    static List<Limit> all(Handle handle) {
        return handle
                .createQuery("SELECT kind, subject, measure, amount, burst, changed FROM limits"
                        + " ORDER BY kind, subject, measure")
                .map((row, _) -> {
                    Kind kind = Kind.of(row.getString("kind"));
                    Measure measure = Measure.of(row.getString("measure"));
                    // A newer program may have written what this one doesn't know; it can't go by it.
                    return kind == null || measure == null
                            ? null
                            : new Limit(
                                    new Subject(kind, row.getString("subject")),
                                    measure,
                                    row.getLong("amount"),
                                    row.getLong("burst"),
                                    row.getLong("changed"));
                })
                .stream()
                .filter(Objects::nonNull)
                .toList();
    }

    static void put(Handle handle, Limit limit) {
        handle.createUpdate("""
                        INSERT INTO limits (kind, subject, measure, amount, burst, changed) VALUES (?, ?, ?, ?, ?, ?)
                        ON CONFLICT (kind, subject, measure)
                        DO UPDATE SET amount = excluded.amount, burst = excluded.burst, changed = excluded.changed
                        """)
                .bind(0, limit.subject().kind().word())
                .bind(1, limit.subject().id())
                .bind(2, limit.measure().word())
                .bind(3, limit.amount())
                .bind(4, limit.burst())
                .bind(5, limit.changedMillis())
                .execute();
        tell(handle);
    }

    static void remove(Handle handle, Limit limit) {
        handle.createUpdate("DELETE FROM limits WHERE kind = ? AND subject = ? AND measure = ?")
                .bind(0, limit.subject().kind().word())
                .bind(1, limit.subject().id())
                .bind(2, limit.measure().word())
                .execute();
        tell(handle);
    }

    /** Lets other nodes look: they go by what is written here within a round of theirs. */
    private static void tell(Handle handle) {
        handle.execute("UPDATE limit_changes SET n = n + 1 WHERE id = 1");
    }
}
