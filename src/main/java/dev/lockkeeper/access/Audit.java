package dev.lockkeeper.access;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import dev.lockkeeper.db.Witness;
import java.time.Clock;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The log of every change that an operator made: who, when, what, and how it was before and after, without secrets. It is
 * only appended to, and each row's hash covers the hash before it, so that a changed, missing or added row shows. Rows cut
 * off at the end don't show by themselves: keep the newest hash elsewhere and hold it against the log later. Blocks; any
 * thread that may.
 */
public final class Audit {
    /** Rows that are read at once while all are looked at. */
    private static final int AT_ONCE = 1_000;

    /** Stands before the first row's hash. */
    private static final String NOTHING = "0".repeat(64);

    private static final RowMapper<Row> ROW = (row, _) -> new Row(
            row.getLong("seq"),
            row.getLong("at"),
            row.getString("actor"),
            row.getString("actor_name"),
            row.getString("action"),
            row.getString("subject"),
            row.getString("was"),
            row.getString("becomes"),
            row.getString("hash"));

    private final Database database;
    private final Clock clock;

    Audit(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * One change.
     *
     * @param seq from 1, without gaps
     * @param atMillis when, milliseconds since 1970
     * @param actor who: an id
     * @param actorName who, for people
     * @param action what, such as {@code key.revoke}
     * @param subject the id of what was changed
     * @param before its state before, as JSON; null where there was none
     * @param after its state after, as JSON; null where there is none
     * @param hash SHA-256, in hexadecimal, over the hash before and this row
     */
    public record Row(
            long seq,
            long atMillis,
            String actor,
            String actorName,
            String action,
            String subject,
            @Nullable String before,
            @Nullable String after,
            String hash) {
        /** As the admin API answers it. */
        public ObjectNode json() {
            return canonical().put("hash", hash);
        }

        /** What the hash covers, member for member in this order. */
        private ObjectNode canonical() {
            ObjectNode json = JsonMapper.shared()
                    .createObjectNode()
                    .put("seq", seq)
                    .put("at", Wire.time(atMillis))
                    .put("actor", actor)
                    .put("actor_name", actorName)
                    .put("action", action)
                    .put("subject", subject);
            json.set("before", tree(before));
            json.set("after", tree(after));
            return json;
        }

        private static tools.jackson.databind.JsonNode tree(@Nullable String json) {
            return json == null
                    ? JsonMapper.shared().nullNode()
                    : JsonMapper.shared().readTree(json);
        }

        String hashAfter(String previous) {
            return HexFormat.of().formatHex(Secrets.sha256(previous + "\n" + canonical()));
        }
    }

    /**
     * What came of looking at all rows.
     *
     * @param rows how many fit one another, from the first on
     * @param head the hash of the last of them
     * @param broken the first that does not fit; null: all do
     * @param why what is wrong with it; empty: nothing
     */
    public record Verdict(long rows, String head, @Nullable Long broken, String why) {}

    /** Adds a row in the transaction that makes the change. Changes wait for one another, so rows have an order. */
    void append(
            Handle handle, Actor who, String action, String subject, @Nullable String before, @Nullable String after) {
        // Taken first by whoever writes here, on every node: nobody else appends till this transaction ends.
        handle.execute("UPDATE changes SET n = n + 1 WHERE id = 1");
        Row last = handle.createQuery("SELECT * FROM audit ORDER BY seq DESC LIMIT 1")
                .map(ROW)
                .findOne()
                .orElse(null);
        Row unsealed = new Row(
                last == null ? 1 : last.seq + 1,
                clock.millis(),
                who.id(),
                who.name(),
                action,
                subject,
                before,
                after,
                "");
        handle.createUpdate("""
                        INSERT INTO audit (seq, at, actor, actor_name, action, subject, was, becomes, hash)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """)
                .bind(0, unsealed.seq)
                .bind(1, unsealed.atMillis)
                .bind(2, unsealed.actor)
                .bind(3, unsealed.actorName)
                .bind(4, unsealed.action)
                .bind(5, unsealed.subject)
                .bind(6, unsealed.before)
                .bind(7, unsealed.after)
                .bind(8, unsealed.hashAfter(last == null ? NOTHING : last.hash))
                .execute();
    }

    /** The same by the JSON that tells the states. */
    void appendJson(
            Handle handle,
            Actor who,
            String action,
            String subject,
            @Nullable ObjectNode before,
            @Nullable ObjectNode after) {
        append(
                handle,
                who,
                action,
                subject,
                before == null ? null : before.toString(),
                after == null ? null : after.toString());
    }

    /**
     * Who writes changes of other rooms here, in the transactions that make them.
     *
     * @param action what is done, such as {@code budget.create}
     */
    public Witness witness(Actor who, String action) {
        return (handle, subject, before, after) -> append(handle, who, action, subject, before, after);
    }

    /** Adds a row for a change that was made elsewhere than in the database, in a transaction of its own. */
    public void note(Actor who, String action, String subject, @Nullable String before, @Nullable String after) {
        boolean _ = database.write(
                handle -> {
                    append(handle, who, action, subject, before, after);
                    return true;
                },
                _ -> {});
    }

    /**
     * Rows, the newest first.
     *
     * @param before only rows with a smaller number; {@link Long#MAX_VALUE}: all
     * @param subject only changes of this; null: all
     * @param page how many; where it begins is said by {@code before}
     */
    public Slice<Row> list(long before, @Nullable String subject, Page page) {
        List<Row> rows = database.<List<Row>>read(handle -> handle.createQuery("SELECT * FROM audit WHERE seq < :before"
                                + (subject == null ? "" : " AND subject = :subject")
                                + " ORDER BY seq DESC LIMIT :limit")
                        .bind("before", before)
                        .bind("limit", page.limit() + 1)
                        .bind("subject", Objects.requireNonNullElse(subject, ""))
                        .configure(
                                org.jdbi.v3.core.statement.SqlStatements.class,
                                statements -> statements.setUnusedBindingAllowed(true))
                        .map(ROW)
                        .list())
                .join();
        return Slice.of(rows.stream(), page);
    }

    /**
     * Looks at every row.
     *
     * @param kept a hash that was kept elsewhere; empty: none
     */
    public Verdict verify(String kept) {
        boolean keptIsThere = kept.isEmpty() || kept.equals(NOTHING);
        String previous = NOTHING;
        long seq = 0;
        while (true) {
            long from = seq;
            List<Row> rows = database.<List<Row>>read(
                            handle -> handle.createQuery("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?")
                                    .bind(0, from)
                                    .bind(1, AT_ONCE)
                                    .map(ROW)
                                    .list())
                    .join();
            for (Row row : rows) {
                if (row.seq != seq + 1) {
                    return new Verdict(seq, previous, seq + 1, "row " + (seq + 1) + " is missing");
                }
                if (!row.hash.equals(row.hashAfter(previous))) {
                    return new Verdict(
                            seq,
                            previous,
                            row.seq,
                            "row " + row.seq
                                    + " is not as it was written, or the row before it was changed with its hash");
                }
                seq = row.seq;
                previous = row.hash;
                keptIsThere |= row.hash.equals(kept);
            }
            if (rows.size() < AT_ONCE) {
                return keptIsThere
                        ? new Verdict(seq, previous, null, "")
                        : new Verdict(
                                seq,
                                previous,
                                seq + 1,
                                "no row has the hash that was kept: rows were cut off at the end, or all were written anew");
            }
        }
    }
}
