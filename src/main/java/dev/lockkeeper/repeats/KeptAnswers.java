package dev.lockkeeper.repeats;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The idempotency keys of the last while, who is at each, and what was answered. Any thread; nothing blocks: what comes of
 * it completes on a virtual thread.
 *
 * <p>A key is claimed in the database before its call begins, and its answer is there before the client learns that it is
 * whole. So several nodes on one database agree, and a restart forgets nothing but the calls that ran: a claim holds as
 * long as its process tells that it lives ({@link #LEASE}), or until the same data folder is opened again.
 */
public final class KeptAnswers implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KeptAnswers.class);

    /** Idempotency keys in the database, some 150 MB; a further one is refused. */
    static final int MAX_KEYS = 500_000;

    /** How long a claim holds after its node was last heard of. */
    static final Duration LEASE = Duration.ofSeconds(60);

    private static final Duration BEAT = Duration.ofSeconds(10);

    /** Beats from one sweep to the next. */
    private static final int SWEEP_EVERY = 6;

    /** Rows that one statement of a sweep deletes. */
    private static final int SWEPT_AT_ONCE = 200;

    /** Claims whose end could not be written, and is tried again; beyond them it is left to the expiry. */
    private static final int MAX_UNSETTLED = 10_000;

    /** How often a claim looks again when others change the row under its eyes. */
    private static final int LOOKS = 4;

    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);

    private final Database database;
    private final Path folder;
    private final RepeatSettings settings;
    private final Clock clock;
    private final RandomGenerator random;
    private final ExecutorService waiting = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("repeats-", 0).factory());

    /** Claims of this process: as many as calls under way. */
    private final Set<Claim.Mine> running = ConcurrentHashMap.newKeySet();

    private final ConcurrentLinkedQueue<Claim.Mine> unsettled = new ConcurrentLinkedQueue<>();
    private final AtomicLong keys = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong notKept = new AtomicLong();
    private final Thread beating;

    private final Object making = new Object();

    /** Made at first use, guarded by {@link #making}. */
    private volatile @Nullable Vault vault;

    private KeptAnswers(
            Database database,
            Path folder,
            RepeatSettings settings,
            Clock clock,
            RandomGenerator random,
            Duration beat) {
        this.database = database;
        this.folder = folder;
        this.settings = settings;
        this.clock = clock;
        this.random = random;
        this.beating = Thread.ofVirtual().name("repeats-beat").unstarted(() -> beat(beat));
    }

    /**
     * Those of a database.
     *
     * @param folder where the file with the secret is, or will be made
     * @param random must be cryptographically strong
     */
    public static KeptAnswers open(
            Database database, Path folder, RepeatSettings settings, Clock clock, RandomGenerator random) {
        return open(database, folder, settings, clock, random, BEAT);
    }

    /** The same with another time between two looks at the table. */
    static KeptAnswers open(
            Database database,
            Path folder,
            RepeatSettings settings,
            Clock clock,
            RandomGenerator random,
            Duration beat) {
        KeptAnswers opened = new KeptAnswers(database, folder, settings, clock, random, beat);
        opened.beating.start();
        return opened;
    }

    /** How they are kept. */
    public RepeatSettings settings() {
        return settings;
    }

    /** Bytes of answers in the database, as last counted. */
    public long bytes() {
        return bytes.get();
    }

    /** Idempotency keys in the database, as last counted. */
    public long keys() {
        return keys.get();
    }

    /** How many whole answers were not kept, for want of room. */
    public long notKept() {
        return notKept.get();
    }

    /**
     * Claims an idempotency key for a call, or tells what is known of it.
     *
     * @param keyId id of the API key that calls
     * @param request digest of the whole request
     * @param callId the call's id, different for each
     * @return fails when the database can't be asked, with a {@link RejectedExecutionException} when there are too many
     *     keys
     */
    public CompletionStage<Claim> claim(String keyId, Name name, Bytes request, String callId) {
        return later(() -> claimed(new Claim.Mine(keyId, name, callId), request));
    }

    /**
     * Keeps the answer to a call. Where there is no room for it, that is noted in place of it.
     *
     * @return completed when it is in the database; fails when it can't be written
     */
    public CompletionStage<?> keep(Claim.Mine mine, Answer answer) {
        return later(() -> {
            settle(mine, vault().seal(mine.keyId(), mine.name(), answer));
            return true;
        });
    }

    /** Notes that a call was answered, but not how. Completes as {@link #keep} does. */
    public CompletionStage<?> keepNot(Claim.Mine mine) {
        return later(() -> {
            settle(mine, null);
            return true;
        });
    }

    /** Gives a key back: the next call with it begins anew. Completes as {@link #keep} does. */
    public CompletionStage<?> free(Claim.Mine mine) {
        return later(() -> {
                    database.<Integer>write(
                            handle -> handle.createUpdate("""
                            DELETE FROM repeats
                            WHERE key_id = :key AND name = :name AND call_id = :call AND state = 'running'
                            """)
                                    .bind("key", mine.keyId())
                                    .bind("name", mine.name().hash().toArray())
                                    .bind("call", mine.callId())
                                    .execute(),
                            rows -> keys.addAndGet(-rows));
                    // Where it could not be written: this process takes the row for left over as soon as it isn't
                    // running.
                    return true;
                })
                .whenComplete((_, _) -> running.remove(mine));
    }

    private <T> CompletableFuture<T> later(Supplier<T> work) {
        CompletableFuture<T> done = new CompletableFuture<>();
        try {
            waiting.execute(() -> {
                try {
                    done.complete(work.get());
                } catch (Throwable failed) {
                    done.completeExceptionally(failed);
                }
            });
        } catch (RejectedExecutionException closed) {
            done.completeExceptionally(closed);
        }
        return done;
    }

    private Vault vault() {
        Vault made = vault;
        if (made != null) {
            return made;
        }
        synchronized (making) {
            made = vault;
            if (made == null) {
                try {
                    made = Vault.open(folder, settings.secret(), random);
                } catch (IOException failed) {
                    throw new UncheckedIOException(failed);
                }
                vault = made;
            }
            return made;
        }
    }

    // ---- claiming ----

    private Claim claimed(Claim.Mine mine, Bytes request) {
        Vault opened = vault();
        byte[] fingerprint = opened.fingerprint(request);
        running.add(mine);
        Claim told = null;
        try {
            Found found = database.write(handle -> claimed(handle, opened, mine, fingerprint), first -> {
                if (first instanceof Found.Free(boolean isNew) && isNew) {
                    keys.incrementAndGet();
                }
            });
            told = switch (found) {
                case Found.Free _ -> mine;
                case Found.Full() ->
                    throw new RejectedExecutionException(MAX_KEYS + " idempotency keys are kept already");
                case Found.Known(Row row) -> known(opened, mine, fingerprint, row);
            };
            return told;
        } finally {
            if (!mine.equals(told)) {
                running.remove(mine);
            }
        }
    }

    private static Claim known(Vault vault, Claim.Mine mine, byte[] fingerprint, Row row) {
        boolean runs = row.state.equals("running");
        if (!row.secret.equals(vault.id())) {
            return runs ? new Claim.RunsElsewhere() : new Claim.KeptElsewhere();
        }
        if (!Arrays.equals(row.request, fingerprint)) {
            return new Claim.OtherRequest();
        }
        if (runs) {
            return new Claim.RunsElsewhere();
        }
        byte[] sealed = row.answer;
        if (sealed == null) {
            return new Claim.NotKept();
        }
        Answer answer = vault.open(mine.keyId(), mine.name(), sealed);
        if (answer == null) {
            LOG.warn("the answer of call {} was kept for its repeats, but can't be opened", row.callId);
            return new Claim.NotKept();
        }
        return new Claim.Kept(answer);
    }

    /** What the table says of a key. */
    private sealed interface Found {
        record Free(boolean isNew) implements Found {}

        record Known(Row row) implements Found {}

        record Full() implements Found {}
    }

    @SuppressWarnings("ArrayRecordComponent") // Compared by Arrays.equals, and nowhere as a whole.
    private record Row(
            String state,
            String node,
            String callId,
            String secret,
            byte[] request,
            long lease,
            long expires,
            byte @Nullable [] answer) {}

    private Found claimed(Handle handle, Vault opened, Claim.Mine mine, byte[] fingerprint) {
        for (int look = 0; look < LOOKS; look++) {
            if (keys.get() < MAX_KEYS && insert(handle, opened, mine, fingerprint)) {
                return new Found.Free(true);
            }
            Row row = row(handle, mine);
            if (row == null) {
                if (keys.get() >= MAX_KEYS) {
                    return new Found.Full();
                }
            } else if (!isFree(opened, row)) {
                return new Found.Known(row);
            } else if (takeOver(handle, opened, mine, fingerprint, row)) {
                return new Found.Free(false);
            }
        }
        throw new IllegalStateException("an idempotency key changes too often to be claimed");
    }

    private boolean isFree(Vault opened, Row row) {
        long now = clock.millis();
        if (!row.state.equals("running")) {
            return row.expires <= now;
        }
        // The data folder is this process's alone: what it claims and this process doesn't run is left over.
        return row.node.equals(opened.node())
                ? running.stream().noneMatch(each -> each.callId().equals(row.callId))
                : row.lease <= now;
    }

    private boolean insert(Handle handle, Vault opened, Claim.Mine mine, byte[] fingerprint) {
        Update made = handle.createUpdate("""
                INSERT INTO repeats (key_id, name, request, secret, state, node, call_id, lease, expires, bytes)
                VALUES (:key, :name, :request, :secret, 'running', :node, :call, :lease, :expires, 0)
                ON CONFLICT (key_id, name) DO NOTHING
                """);
        return bound(made, opened, mine, fingerprint).execute() == 1;
    }

    private Update bound(Update statement, Vault opened, Claim.Mine mine, byte[] fingerprint) {
        long now = clock.millis();
        return statement
                .bind("key", mine.keyId())
                .bind("name", mine.name().hash().toArray())
                .bind("request", fingerprint)
                .bind("secret", opened.id())
                .bind("node", opened.node())
                .bind("call", mine.callId())
                .bind("lease", now + LEASE.toMillis())
                .bind("expires", now + settings.keepFor().toMillis());
    }

    private static @Nullable Row row(Handle handle, Claim.Mine mine) {
        return handle.createQuery("""
                        SELECT state, node, call_id, secret, request, lease, expires, answer
                        FROM repeats WHERE key_id = :key AND name = :name
                        """)
                .bind("key", mine.keyId())
                .bind("name", mine.name().hash().toArray())
                .map((row, _) -> new Row(
                        row.getString("state"),
                        row.getString("node"),
                        row.getString("call_id"),
                        row.getString("secret"),
                        row.getBytes("request"),
                        row.getLong("lease"),
                        row.getLong("expires"),
                        row.getBytes("answer")))
                .findOne()
                .orElse(null);
    }

    private boolean takeOver(Handle handle, Vault opened, Claim.Mine mine, byte[] fingerprint, Row from) {
        Update taken = handle.createUpdate("""
                UPDATE repeats SET request = :request, secret = :secret, state = 'running', node = :node,
                    call_id = :call, lease = :lease, expires = :expires, bytes = 0, answer = NULL
                WHERE key_id = :key AND name = :name AND call_id = :before AND state = :state AND lease = :old
                """);
        return bound(taken, opened, mine, fingerprint)
                        .bind("before", from.callId)
                        .bind("state", from.state)
                        .bind("old", from.lease)
                        .execute()
                == 1;
    }

    // ---- settling ----

    /** Writes what became of a call; what can't be written is tried again at the next beat, without its answer. */
    private void settle(Claim.Mine mine, byte @Nullable [] sealed) {
        boolean room = sealed != null
                && sealed.length <= settings.maxTotal()
                && bytes.addAndGet(sealed.length) <= settings.maxTotal();
        if (sealed != null && !room && sealed.length <= settings.maxTotal()) {
            bytes.addAndGet(-sealed.length);
        }
        if (!room) {
            notKept.incrementAndGet();
        }
        byte[] kept = room ? sealed : null;
        try {
            if (write(mine, kept) == 0 && kept != null) {
                bytes.addAndGet(-kept.length);
            }
        } catch (RuntimeException failed) {
            if (kept != null) {
                bytes.addAndGet(-kept.length);
                notKept.incrementAndGet();
            }
            if (unsettled.size() < MAX_UNSETTLED) {
                unsettled.add(mine);
            }
            throw failed;
        } finally {
            running.remove(mine);
        }
    }

    private int write(Claim.Mine mine, byte @Nullable [] sealed) {
        long now = clock.millis();
        return database.<Integer>write(
                handle -> handle.createUpdate("""
                        UPDATE repeats SET state = 'ended', answer = :answer, bytes = :bytes, expires = :expires
                        WHERE key_id = :key AND name = :name AND call_id = :call AND state = 'running'
                        """)
                        .bind("answer", sealed)
                        .bind("bytes", sealed == null ? 0 : sealed.length)
                        .bind("expires", now + settings.keepFor().toMillis())
                        .bind("key", mine.keyId())
                        .bind("name", mine.name().hash().toArray())
                        .bind("call", mine.callId())
                        .execute(),
                _ -> {});
    }

    // ---- beat: what is done beside the calls ----

    private void beat(Duration beat) {
        for (int count = 0; !waiting.isShutdown(); count++) {
            try {
                if (count > 0) {
                    tellAlive();
                }
                if (count % SWEEP_EVERY == 0) {
                    sweep();
                }
                settleAgain();
            } catch (RuntimeException | Error failed) {
                if (!waiting.isShutdown()) {
                    LOG.warn("the idempotency keys in the database can't be looked after: {}", failed.toString());
                }
            }
            try {
                Thread.sleep(beat);
            } catch (InterruptedException closing) {
                return;
            }
        }
    }

    /** Tells other nodes that this one is still at its calls. */
    void tellAlive() {
        Vault opened = vault;
        if (opened == null || running.isEmpty()) {
            return;
        }
        database.<Integer>write(
                handle -> handle.createUpdate(
                                "UPDATE repeats SET lease = :lease WHERE node = :node AND state = 'running'")
                        .bind("lease", clock.millis() + LEASE.toMillis())
                        .bind("node", opened.node())
                        .execute(),
                _ -> {});
    }

    private void settleAgain() {
        for (Claim.Mine each = unsettled.peek(); each != null; each = unsettled.peek()) {
            write(each, null);
            unsettled.remove(each);
        }
    }

    /** Deletes what is over, and counts the rest. */
    void sweep() {
        long now = clock.millis();
        int rows;
        do {
            rows = database.<Integer>write(
                    handle -> handle.createUpdate("""
                            DELETE FROM repeats WHERE (key_id, name) IN (
                                SELECT key_id, name FROM repeats
                                WHERE expires <= :now AND (state <> 'running' OR lease <= :now)
                                ORDER BY expires LIMIT :most)
                            """)
                            .bind("now", now)
                            .bind("most", SWEPT_AT_ONCE)
                            .execute(),
                    _ -> {});
        } while (rows == SWEPT_AT_ONCE && !Thread.currentThread().isInterrupted());
        long[] counted = database.<long[]>read(handle -> handle.createQuery(
                                "SELECT count(*) AS keys, coalesce(sum(bytes), 0) AS bytes FROM repeats")
                        .map((row, _) -> new long[] {row.getLong("keys"), row.getLong("bytes")})
                        .one())
                .join();
        keys.set(counted[0]);
        bytes.set(counted[1]);
    }

    /** Lets what is being written end, within {@code 5 s}. The database is closed after it. */
    @Override
    public void close() {
        waiting.shutdown();
        beating.interrupt();
        try {
            if (!waiting.awaitTermination(CLOSE_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warn("answers that were to be kept for their repeats are not written yet, and are lost");
            }
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }
}
