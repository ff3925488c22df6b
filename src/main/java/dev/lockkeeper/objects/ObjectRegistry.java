package dev.lockkeeper.objects;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.WriteBehind;
import dev.lockkeeper.units.Storable;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which project made each object that lives at a provider. Any thread; nothing blocks. What is not in memory completes on
 * one of the database's threads: hop to your loop from there, and do nothing slow before.
 *
 * <p>The first project that made an id at a provider owns it, also after it deleted it. Written behind: a killed process
 * loses what {@link #made} had not completed for, and nothing else.
 */
public final class ObjectRegistry {
    private static final Logger LOG = LoggerFactory.getLogger(ObjectRegistry.class);

    /** Objects kept in memory, the recent ones: some 30 MB. */
    static final int MAX_RECENT = 100_000;

    /** Changes that may wait for the database, some 100 MB; a further one fails. Only a database that hangs gets there. */
    static final int MAX_WAITING = 262_144;

    private static final int BATCH = 512;

    /** Objects on one page. */
    public static final int MAX_PAGE = 1_000;

    /** How long a deleted object's place is kept, for pages that begin after it. */
    private static final Duration KEEP_GONE = Duration.ofDays(30);

    private static final RowMapper<Owned> OWNED = (row, _) -> new Owned(
            row.getString("id"),
            row.getString("kind"),
            row.getString("project"),
            row.getString("provider"),
            row.getString("model"),
            row.getLong("created"));

    private final Database database;
    private final Clock clock;
    private final WriteBehind<Change> changes;

    /** The next number in order: what the table gives by itself to a new row. */
    private final String nextSeq;

    private final Cache<Key, Owned> recent =
            Caffeine.newBuilder().maximumSize(MAX_RECENT).build();

    /** Changes that are not committed yet, the newest for each object: bounded by {@link #MAX_WAITING}. */
    private final ConcurrentHashMap<Key, Pending> pending = new ConcurrentHashMap<>();

    /** Counts deletions, so that a read that began before one does not bring the object back into memory. */
    private final AtomicLong deletions = new AtomicLong();

    /** Blocks for a moment: forgets the places of objects deleted long ago. */
    public ObjectRegistry(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
        this.nextSeq = database.isPostgres()
                ? "nextval(pg_get_serial_sequence('objects', 'seq'))"
                : "(SELECT max(seq) + 1 FROM objects)";
        this.changes = database.writeBehind(MAX_WAITING, BATCH, this::write);
        database.<Integer>write(
                handle -> handle.createUpdate("DELETE FROM objects WHERE gone < ?")
                        .bind(0, clock.millis() - KEEP_GONE.toMillis())
                        .execute(),
                _ -> {});
    }

    /**
     * An object and who owns it.
     *
     * @param id the provider's name for it
     * @param kind what it is
     * @param project the project that made it
     * @param provider the provider at which it lives
     * @param model the model that made it, as clients call it; null where none did
     * @param createdMillis when it was made, milliseconds since 1970
     */
    public record Owned(
            String id,
            String kind,
            String project,
            String provider,
            @Nullable String model,
            long createdMillis) {}

    /**
     * The object of this id that a project owns; null when there is none, or it is another project's. Where the project
     * has one of this id at several providers, it is the one at the preferred provider, else the one that was told of
     * last. Complete at once when it is in memory; waits for a change of it that is not committed yet, since only then
     * it is known whose it is. Fails when the database can't be read or too many wait for it.
     *
     * @param preferred a provider's name, or null
     */
    public CompletionStage<@Nullable Owned> find(String id, String kind, String project, @Nullable String preferred) {
        if (!Storable.is(id) || (preferred != null && !Storable.is(preferred))) {
            return CompletableFuture.completedFuture(null); // no database would look for it
        }
        Key key = new Key(project, kind, id);
        Pending change = pending.get(key);
        if (change != null) {
            return change.done
                    .<@Nullable Void>handle((_, _) -> null)
                    .thenCompose(_ -> find(id, kind, project, preferred));
        }
        Owned known = recent.getIfPresent(key);
        if (known != null && (preferred == null || preferred.equals(known.provider))) {
            return CompletableFuture.completedFuture(known);
        }
        long before = deletions.get();
        return database.<@Nullable Owned>read(handle -> handle.createQuery("""
                        SELECT * FROM objects WHERE id = :id AND kind = :kind AND project = :project AND gone IS NULL
                        ORDER BY provider = :preferred DESC, seq DESC LIMIT 1
                        """)
                        .bind("id", id)
                        .bind("kind", kind)
                        .bind("project", project)
                        .bind("preferred", preferred == null ? "" : preferred)
                        .map(OWNED)
                        .findOne()
                        .orElse(null))
                .thenApply(found -> {
                    if (found != null && preferred == null) {
                        recent.asMap()
                                .compute(key, (_, newer) -> newer != null || deletions.get() != before ? newer : found);
                    }
                    return found;
                });
    }

    /**
     * Books an object. The stage completes when it is committed; {@link #find} finds it from then on, and waits until
     * then. Where the object belongs to another project already this changes nothing and a warning is logged. Booking
     * what is known already costs nothing.
     *
     * @return fails when it can't be written: then it is not booked
     */
    public CompletionStage<Void> made(Owned object) {
        Key key = new Key(object.project, object.kind, object.id);
        Owned known = recent.getIfPresent(key);
        if (known != null && known.provider.equals(object.provider) && !pending.containsKey(key)) {
            return CompletableFuture.completedFuture(null);
        }
        return change(new Made(object));
    }

    /** Forgets a project's object at a provider; the stage completes when that is committed. */
    public CompletionStage<Void> gone(String id, String kind, String project, String provider) {
        return change(new Gone(id, kind, project, provider));
    }

    /**
     * A page of a project's objects of one kind, by when they were made. Of objects with the same id at several providers
     * it holds the one that {@link #find} finds.
     *
     * @param provider only those at this provider; null: at all
     * @param after id of the last object of the page before, null for the first page; it may be deleted by now. An id
     *     that was never the project's gives an empty page
     * @param limit objects at most, 1 to {@value #MAX_PAGE}
     * @param descending the newest first
     */
    public CompletionStage<List<Owned>> page(
            String kind,
            String project,
            @Nullable String provider,
            @Nullable String after,
            int limit,
            boolean descending) {
        if (limit < 1 || limit > MAX_PAGE) {
            throw new IllegalArgumentException("limit: " + limit + " (expected: 1 to " + MAX_PAGE + ")");
        }
        if ((after != null && !Storable.is(after)) || (provider != null && !Storable.is(provider))) {
            return CompletableFuture.completedFuture(List.of());
        }
        String order = descending ? "DESC" : "ASC";
        String where = provider == null ? "" : " AND provider = :provider";
        String sql = "SELECT * FROM objects o WHERE project = :project AND kind = :kind AND gone IS NULL" + where
                + (after == null
                        ? ""
                        : " AND (created, seq) " + (descending ? "<" : ">")
                                + " (SELECT created, seq FROM objects WHERE id = :after AND project = :project"
                                + " AND kind = :kind" + where + " ORDER BY gone IS NULL DESC, seq DESC LIMIT 1)")
                + (provider == null
                        ? " AND NOT EXISTS (SELECT 1 FROM objects n WHERE n.id = o.id AND n.project = o.project"
                                + " AND n.kind = o.kind AND n.gone IS NULL AND n.seq > o.seq)"
                        : "")
                + " ORDER BY created " + order + ", seq " + order + " LIMIT :limit";
        return changes.settled()
                .thenCompose(_ -> database.<List<Owned>>read(handle -> {
                    var query = handle.createQuery(sql)
                            .bind("project", project)
                            .bind("kind", kind)
                            .bind("limit", limit);
                    if (after != null) {
                        query.bind("after", after);
                    }
                    if (provider != null) {
                        query.bind("provider", provider);
                    }
                    return query.map(OWNED).list();
                }));
    }

    private CompletionStage<Void> change(Change change) {
        Key key = change.key();
        if (change instanceof Gone) {
            deletions.incrementAndGet();
        }
        Pending waiting = new Pending(change, new CompletableFuture<>());
        pending.put(key, waiting);
        recent.invalidate(key);
        CompletionStage<Void> written = changes.add(change);
        written.whenComplete((_, failure) -> {
            pending.remove(key, waiting);
            if (failure == null) {
                waiting.done.complete(null);
            } else {
                LOG.error("an object's owner could not be written: {}", failure.toString());
                waiting.done.completeExceptionally(failure);
            }
        });
        return waiting.done;
    }

    private List<Runnable> write(Handle handle, List<Change> batch) {
        List<Runnable> committed = new ArrayList<>(batch.size());
        int start = 0;
        while (start < batch.size()) {
            int end = start + 1;
            while (end < batch.size()
                    && batch.get(end).getClass() == batch.get(start).getClass()) {
                end++;
            }
            List<Change> alike = batch.subList(start, end);
            switch (alike.getFirst()) {
                case Made _ -> writeMade(handle, alike, committed);
                case Gone _ -> writeGone(handle, alike);
            }
            start = end;
        }
        return committed;
    }

    private void writeMade(Handle handle, List<Change> alike, List<Runnable> committed) {
        // Made again by its owner after it was deleted: it is there again. By anybody else: nothing changes. Where the
        // owner has this id at another provider too, the one told of last is the last in order.
        var insert = handle.prepareBatch("""
                INSERT INTO objects (id, provider, kind, project, model, created) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (id, provider) DO UPDATE SET gone = NULL, seq = CASE
                    WHEN EXISTS (SELECT 1 FROM objects n
                                 WHERE n.id = excluded.id AND n.project = excluded.project AND n.seq > objects.seq)
                    THEN %s ELSE objects.seq END
                WHERE objects.project = excluded.project AND objects.kind = excluded.kind
                """.formatted(nextSeq));
        for (Change each : alike) {
            if (each instanceof Made(Owned object)) {
                insert.bind(0, object.id)
                        .bind(1, object.provider)
                        .bind(2, object.kind)
                        .bind(3, object.project)
                        .bind(4, object.model)
                        .bind(5, object.createdMillis)
                        .add();
            }
        }
        int[] rows = insert.execute();
        for (int i = 0; i < rows.length; i++) {
            Change change = alike.get(i);
            if (change instanceof Made(Owned object)) {
                committed.add(rows[i] == 0 ? () -> lost(object) : () -> booked(change, object));
            }
        }
    }

    private void writeGone(Handle handle, List<Change> alike) {
        var update = handle.prepareBatch("""
                UPDATE objects SET gone = ? WHERE id = ? AND kind = ? AND project = ? AND provider = ? AND gone IS NULL
                """);
        for (Change each : alike) {
            if (each instanceof Gone(String id, String kind, String project, String provider)) {
                update.bind(0, clock.millis())
                        .bind(1, id)
                        .bind(2, kind)
                        .bind(3, project)
                        .bind(4, provider)
                        .add();
            }
        }
        update.execute();
    }

    /** Keeps in memory what is committed now, unless something newer waits already. */
    private void booked(Change change, Owned object) {
        pending.computeIfPresent(change.key(), (key, newest) -> {
            if (newest.change.equals(change)) {
                recent.put(key, object);
            }
            return newest;
        });
    }

    private static void lost(Owned object) {
        LOG.warn(
                "provider {} told project {} of {} {}, which was booked for another owner before: it stays with that one",
                object.provider,
                object.project,
                object.kind,
                object.id);
    }

    private record Key(String project, String kind, String id) {}

    private record Pending(Change change, CompletableFuture<Void> done) {}

    private sealed interface Change {
        Key key();
    }

    private record Made(Owned object) implements Change {
        @Override
        public Key key() {
            return new Key(object.project, object.kind, object.id);
        }
    }

    private record Gone(String id, String kind, String project, String provider) implements Change {
        @Override
        public Key key() {
            return new Key(project, kind, id);
        }
    }
}
