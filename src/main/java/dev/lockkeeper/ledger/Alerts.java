package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Listing.Where;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;

/**
 * The alerts, and what became of them: each is written in the transaction that notes its reason, and stays until it is
 * told, also over a restart. Blocks; any thread that may.
 */
public final class Alerts {
    /** How long an alert is kept after it came to an end: 90 days. */
    static final long KEPT_MILLIS = 90L * 24 * 3_600_000;

    private static final String SELECT = """
            SELECT a.id AS alert, a.kind, a.period_start, a.percent, a.base, a.spent, a.seen, a.state, a.tries, a.next_try,
                   a.trouble, b.*
            FROM alerts a JOIN budgets b ON b.id = a.budget
            """;

    private static final Listing LIST = new Listing(SELECT, "alerts", "a.", "seen", true);

    private static final RowMapper<Told> TOLD = (row, _) -> new Told(
            new Alert(
                    row.getString("alert"),
                    Alert.Kind.valueOf(row.getString("kind").toUpperCase(Locale.ROOT)),
                    Store.budget(row),
                    row.getLong("period_start"),
                    row.getInt("percent"),
                    row.getLong("base"),
                    row.getLong("spent"),
                    row.getLong("seen")),
            State.of(row.getString("state")),
            row.getInt("tries"),
            row.getLong("next_try"),
            row.getString("trouble"));

    private final Database database;

    /** The alerts of a database. */
    public Alerts(Database database) {
        this.database = database;
    }

    /** What became of an alert. */
    public enum State {
        /** Nobody was told. */
        NEW,
        /** It is in the log, and waits to be sent. */
        WAITING,
        /** It is in the log; there was nowhere to send it. */
        LOGGED,
        /** The receiver has taken it. */
        DELIVERED,
        /** It was tried for as long as may be. */
        GIVEN_UP;

        private final String word = name().toLowerCase(Locale.ROOT);

        /** The name in database and answers: {@code given_up}. */
        public String word() {
            return word;
        }

        /** The state of a name; null for none. */
        public static @Nullable State named(String word) {
            return Arrays.stream(values())
                    .filter(each -> each.word.equals(word))
                    .findFirst()
                    .orElse(null);
        }

        private static State of(String word) {
            State state = named(word);
            if (state == null) {
                throw new IllegalStateException("alerts.state: " + word);
            }
            return state;
        }
    }

    /**
     * An alert, and what became of it.
     *
     * @param tries how often it was sent
     * @param nextMillis when it is sent again while it waits, milliseconds since 1970
     * @param trouble why the last try failed; empty when none did
     */
    public record Told(Alert alert, State state, int tries, long nextMillis, String trouble) {}

    /** Writes an alert that is not there yet; false when it is. In a transaction of whoever calls. */
    static boolean add(Handle handle, Alert alert) {
        return handle.execute(
                        """
                        INSERT INTO alerts (id, kind, budget, period_start, percent, base, spent, seen, state, tries,
                          next_try, trouble)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'new', 0, 0, '')
                        ON CONFLICT (id) DO NOTHING
                        """,
                        alert.id(),
                        alert.kind().text(),
                        alert.budget().number(),
                        alert.startMillis(),
                        alert.percent(),
                        alert.baseNanos(),
                        alert.spentNanos(),
                        alert.atMillis())
                > 0;
    }

    /**
     * The newest first.
     *
     * @param state only those; null: all
     * @param budget the number of a budget, only its own; null: all
     * @throws IllegalArgumentException when the page follows none that there is; the message may be shown
     */
    public Slice<Told> list(@Nullable State state, @Nullable Long budget, Page page) {
        List<Where> where = new ArrayList<>();
        if (state != null) {
            where.add(new Where("a.state", state.word()));
        }
        if (budget != null) {
            where.add(new Where("a.budget", budget));
        }
        return LIST.read(database, page, where, TOLD);
    }

    /** Those that are new, or wait and are due; the longest due first. */
    public List<Told> due(long nowMillis, int limit) {
        return database.<List<Told>>read(handle -> handle.createQuery(SELECT
                                + " WHERE a.state IN ('new', 'waiting') AND a.next_try <= :now"
                                + " ORDER BY a.next_try, a.seen, a.id LIMIT :limit")
                        .bind("now", nowMillis)
                        .bind("limit", limit)
                        .map(TOLD)
                        .list())
                .join();
    }

    /**
     * Moves an alert on, unless another process has done so since it was read.
     *
     * @param before as it was read
     * @return what is there now; null when another process was first
     */
    public @Nullable Told move(Told before, State state, int tries, long nextMillis, String trouble) {
        int rows = database.<Integer>write(
                handle -> handle.execute(
                        "UPDATE alerts SET state = ?, tries = ?, next_try = ?, trouble = ?"
                                + " WHERE id = ? AND state = ? AND tries = ? AND next_try = ?",
                        state.word(),
                        tries,
                        nextMillis,
                        trouble,
                        before.alert.id(),
                        before.state.word(),
                        before.tries,
                        before.nextMillis),
                _ -> {});
        return rows == 0 ? null : new Told(before.alert, state, tries, nextMillis, trouble);
    }

    /** Forgets those that came to an end long ago. */
    public void forgetOld(long nowMillis) {
        database.<Integer>write(
                handle -> handle.execute(
                        "DELETE FROM alerts WHERE seen < ? AND state NOT IN ('new', 'waiting')",
                        nowMillis - KEPT_MILLIS),
                _ -> {});
    }
}
