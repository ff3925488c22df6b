package dev.lockkeeper.limits;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Listing.Where;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.QuotaRequest.State;
import dev.lockkeeper.limits.Subject.Kind;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;

/** Wishes for other limits: they wait until an operator approves one, which sets the limit, or refuses it. All methods block. */
public final class QuotaRequests {
    /** Wishes that may wait; a further one is refused. */
    public static final int MAX_WAITING = 10_000;

    /** Characters of a reason, a link and a note. */
    public static final int MAX_TEXT = 2_000;

    private static final String SELECT = "SELECT * FROM quota_requests";

    private static final Listing LIST = new Listing(SELECT, "quota_requests", "", "asked", true);

    private static final RowMapper<@Nullable QuotaRequest> ROW = (row, _) -> {
        Kind kind = Kind.of(row.getString("kind"));
        Measure measure = Measure.of(row.getString("measure"));
        long decided = row.getLong("decided");
        boolean isDecided = !row.wasNull();
        return kind == null || measure == null
                ? null
                : new QuotaRequest(
                        row.getString("id"),
                        new Subject(kind, row.getString("subject")),
                        measure,
                        row.getLong("amount"),
                        row.getLong("burst"),
                        row.getString("reason"),
                        row.getString("link"),
                        row.getString("asked_by"),
                        row.getLong("asked"),
                        State.valueOf(row.getString("state").toUpperCase(java.util.Locale.ROOT)),
                        row.getString("decided_by"),
                        isDecided ? decided : null,
                        row.getString("note"));
    };

    private final Database database;
    private final Limits limits;
    private final RandomGenerator random;

    public QuotaRequests(Database database, Limits limits, RandomGenerator random) {
        this.database = database;
        this.limits = limits;
        this.random = random;
    }

    /**
     * Asks for another limit.
     *
     * @param burst null: as much as the amount
     * @param link to papers, {@code https://…}; empty: none
     * @param witness is told of it within the transaction, as of a decision
     * @throws IllegalArgumentException with field, value and reason, as for {@link Limits#set}: also where a parent's limit
     *     is lower, so that it could never be reached
     */
    public QuotaRequest ask(
            Subject subject,
            Measure measure,
            long amount,
            @Nullable Long burst,
            String reason,
            String link,
            String by,
            Limits.Family family,
            Witness witness) {
        Limit wish =
                LimitCheck.limit(subject, measure, amount, burst, limits.clock().millis());
        List<Subject> parents = LimitCheck.parents(subject, family);
        checkText("reason", reason);
        if (reason.isBlank()) {
            throw new IllegalArgumentException("reason: is empty (expected: why so much is needed)");
        }
        checkText("link", link);
        if (!link.isEmpty() && !link.matches("https?://\\S+")) {
            throw new IllegalArgumentException("link: " + link + " (expected: https://…)");
        }
        QuotaRequest asked = new QuotaRequest(
                "quota_" + HexFormat.of().toHexDigits(random.nextLong())
                        + HexFormat.of().toHexDigits(random.nextInt()),
                subject,
                measure,
                wish.amount(),
                wish.burst(),
                reason,
                link,
                by,
                wish.changedMillis(),
                State.WAITING,
                "",
                null,
                "");
        return database.write(
                handle -> {
                    // What nobody could approve must not wait for a decision.
                    LimitCheck.reachable(wish, parents, new Rulebook(0, LimitTable.all(handle)));
                    long waiting = handle.createQuery("SELECT count(*) FROM quota_requests WHERE state = 'waiting'")
                            .mapTo(Long.class)
                            .one();
                    if (waiting >= MAX_WAITING) {
                        throw new IllegalArgumentException("requests: " + waiting
                                + " wait already (expected: fewer than " + MAX_WAITING + "; approve or refuse some)");
                    }
                    insert(handle, asked);
                    witness.saw(handle, asked.id(), null, state(asked));
                    return asked;
                },
                _ -> {});
    }

    private static void checkText(String field, String text) {
        if (text.length() > MAX_TEXT) {
            throw new IllegalArgumentException(
                    field + ": has " + text.length() + " characters (expected: at most " + MAX_TEXT + ")");
        }
    }

    private static void insert(Handle handle, QuotaRequest asked) {
        handle.createUpdate("""
                        INSERT INTO quota_requests (id, kind, subject, measure, amount, burst, reason, link, asked_by, asked,
                          state, decided_by, decided, note)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', '', NULL, '')
                        """)
                .bind(0, asked.id())
                .bind(1, asked.subject().kind().word())
                .bind(2, asked.subject().id())
                .bind(3, asked.measure().word())
                .bind(4, asked.amount())
                .bind(5, asked.burst())
                .bind(6, asked.reason())
                .bind(7, asked.link())
                .bind(8, asked.askedBy())
                .bind(9, asked.askedMillis())
                .execute();
    }

    /**
     * Wishes, the newest first.
     *
     * @param state only those; null: all
     * @param subject only those for it; null: for all
     * @throws IllegalArgumentException when the page follows none that there is; the message may be shown
     */
    public Slice<QuotaRequest> list(@Nullable State state, @Nullable Subject subject, Page page) {
        List<Where> where = new ArrayList<>();
        if (state != null) {
            where.add(new Where("state", state.word()));
        }
        if (subject != null) {
            where.add(new Where("kind", subject.kind().word()));
            where.add(new Where("subject", subject.id()));
        }
        Slice<Optional<QuotaRequest>> found =
                LIST.read(database, page, where, (row, context) -> Optional.ofNullable(ROW.map(row, context)));
        return new Slice<>(found.elements().stream().flatMap(Optional::stream).toList(), found.more());
    }

    /** What a decision came to. */
    public sealed interface Decision {
        /** It is decided, and this is what the operator should know of the limit that was set. */
        record Decided(QuotaRequest request, List<String> notes) implements Decision {
            public Decided {
                notes = List.copyOf(notes);
            }
        }

        /** It was decided before. */
        record Before(QuotaRequest request) implements Decision {}

        /** There is none. */
        record Unknown() implements Decision {}
    }

    /**
     * Approves a wish: its limit is set, at once, in the same transaction.
     *
     * @throws IllegalArgumentException when the limit can't be set, see {@link Limits#set}; then it still waits
     */
    public Decision approve(String id, String by, String note, Limits.Family family, Witness witness) {
        checkText("note", note);
        QuotaRequest wish = find(id);
        if (wish == null) {
            return new Decision.Unknown();
        }
        List<Subject> parents = LimitCheck.parents(wish.subject(), family);
        long now = limits.clock().millis();
        Limit limit = new Limit(wish.subject(), wish.measure(), wish.amount(), wish.burst(), now);
        Decision decision = limits.<Decision>change(handle -> {
            Decision done = decide(handle, id, State.APPROVED, by, now, note, witness);
            if (done instanceof Decision.Decided) {
                Limits.put(handle, limit, parents, witness);
            }
            return done;
        });
        return decision instanceof Decision.Decided(QuotaRequest request, List<String> _)
                ? new Decision.Decided(request, limits.notes(limit, family))
                : decision;
    }

    /** Refuses a wish; no limit changes. */
    public Decision refuse(String id, String by, String note, Witness witness) {
        checkText("note", note);
        long now = limits.clock().millis();
        return database.<Decision>write(handle -> decide(handle, id, State.REFUSED, by, now, note, witness), _ -> {});
    }

    private @Nullable QuotaRequest find(String id) {
        return database.<@Nullable QuotaRequest>read(handle -> find(handle, id)).join();
    }

    private static @Nullable QuotaRequest find(Handle handle, String id) {
        return handle.createQuery(SELECT + " WHERE id = ?")
                .bind(0, id)
                .map(ROW)
                .findOne()
                .orElse(null);
    }

    /** For the log of changes: what is asked for, and what became of it. Why stands in the wish itself. */
    private static String state(QuotaRequest wish) {
        return "{\"for\":" + quoted(Limits.name(wish.subject())) + ",\"measure\":\""
                + wish.measure().word()
                + "\",\"amount\":" + (wish.amount() == Limit.NONE ? "null" : Long.toString(wish.amount()))
                + ",\"state\":\"" + wish.state().word() + "\"}";
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private static Decision decide(
            Handle handle, String id, State state, String by, long now, String note, Witness witness) {
        QuotaRequest before = find(handle, id);
        int decided = handle.createUpdate("UPDATE quota_requests SET state = ?, decided_by = ?, decided = ?, note = ?"
                        + " WHERE id = ? AND state = 'waiting'")
                .bind(0, state.word())
                .bind(1, by)
                .bind(2, now)
                .bind(3, note)
                .bind(4, id)
                .execute();
        QuotaRequest request = find(handle, id);
        if (request == null || before == null) {
            return new Decision.Unknown();
        }
        if (decided > 0) {
            witness.saw(handle, id, state(before), state(request));
        }
        return decided > 0 ? new Decision.Decided(request, List.of()) : new Decision.Before(request);
    }
}
