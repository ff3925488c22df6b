package dev.lockkeeper.access;

import dev.lockkeeper.db.Database;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may do what: tenants, their keys and flags, the people who operate all this, and the log of what they changed. Look-ups are in
 * memory; any thread. Changes block.
 *
 * <p>A change counts in this process before the method that made it returns. Other processes on the same database look at a
 * counter {@link #LOOK_EVERY} and read what changed when it has moved. One that can't look for {@link #CLOSED_AFTER} can't know
 * which keys were revoked since and refuses them all until it can.
 */
public final class Access implements AutoCloseable {
    /** How often a process looks for changes of others; reading one takes milliseconds. */
    public static final Duration LOOK_EVERY = Duration.ofMillis(250);

    /** How long a process goes by what it knew last, when it can't look. */
    public static final Duration CLOSED_AFTER = Duration.ofSeconds(30);

    /** How often the moments at which keys were used are written. */
    static final Duration WRITE_USES_EVERY = Duration.ofMinutes(1);

    private static final Logger LOG = LoggerFactory.getLogger(Access.class);

    private final Database database;
    private final LongSupplier ticker;
    private final Keys keys;
    private final Tenants tenants;
    private final People people;
    private final Audit audit;
    private final Flags flags;
    private final ConcurrentHashMap<String, AtomicLong> used = new ConcurrentHashMap<>();
    private final Memory memory = new Memory(used);
    private final Map<String, Long> usesWritten = new HashMap<>();
    private final boolean shared;

    /** When a look for changes began that succeeded, by the ticker. */
    private volatile long heardNanos;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition ending = lock.newCondition();
    private boolean ended;
    private @Nullable Thread keeper;

    private Access(Database database, Clock clock, RandomGenerator random, LongSupplier ticker) {
        this.database = database;
        this.ticker = ticker;
        this.shared = database.isPostgres();
        Secrets secrets = new Secrets(random);
        this.audit = new Audit(database, clock);
        this.keys = new Keys(this, clock, secrets);
        this.tenants = new Tenants(this, clock, secrets);
        this.people = new People(this, clock, secrets);
        this.flags = new Flags(this, clock, secrets);
        heardNanos = ticker.getAsLong();
        database.write(memory::read, memory::learn);
    }

    /**
     * Reads everything into memory. Blocks.
     *
     * @param random where secrets and ids come from: must be cryptographically strong
     * @param ticker nanoseconds from any beginning, never backwards
     */
    public static Access open(Database database, Clock clock, RandomGenerator random, LongSupplier ticker) {
        return new Access(database, clock, random, ticker);
    }

    /** Begins to look for changes of others, where there may be others, and to write when keys were used. */
    public Access watching() {
        keeper = Thread.ofVirtual().name("lockkeeper-access").start(this::keep);
        return this;
    }

    /** The keys that clients call with. */
    public Keys keys() {
        return keys;
    }

    /** Organizations and projects. */
    public Tenants tenants() {
        return tenants;
    }

    /** People, invitations, admin tokens. */
    public People people() {
        return people;
    }

    /** Shares that were changed while the gateway runs. */
    public Flags flags() {
        return flags;
    }

    /** The log of changes. */
    public Audit audit() {
        return audit;
    }

    Database database() {
        return database;
    }

    Memory memory() {
        return memory;
    }

    /** When a key was used last as far as this process knows, milliseconds since 1970; 0: it does not. */
    long used(String key) {
        AtomicLong moment = used.get(key);
        return moment == null ? 0 : moment.get();
    }

    /** Whether it is too long ago that this process could look for changes. */
    boolean unheard() {
        return shared && ticker.getAsLong() - heardNanos > CLOSED_AFTER.toNanos();
    }

    /** Runs a change and makes what it left the truth for look-ups, in the order of commits. */
    <T extends @Nullable Object> T change(Database.Work<T> work) {
        return database.write(
                        handle -> {
                            // Before anything else: changes wait here for each other, on every node.
                            handle.execute("UPDATE changes SET n = n + 1 WHERE id = 1");
                            return new Changed<T>(work.in(handle), memory.read(handle));
                        },
                        changed -> memory.learn(changed.news))
                .result;
    }

    private record Changed<T extends @Nullable Object>(T result, Memory.News news) {}

    /** Reads what others changed. Blocks. */
    void look() {
        long began = ticker.getAsLong();
        long known = memory.change();
        Memory.News news = database.<Memory.@Nullable News>read(
                        handle -> Memory.counter(handle) == known ? null : handle.inTransaction(memory::read))
                .join();
        if (news != null) {
            memory.learn(news);
        }
        heardNanos = began;
    }

    /** Writes when keys were used, where that is newer than what was written. Blocks. */
    void writeUses() {
        Map<String, Long> newer = new HashMap<>();
        used.forEach((key, moment) -> {
            long at = moment.get();
            if (at > usesWritten.getOrDefault(key, 0L)) {
                newer.put(key, at);
            }
        });
        if (newer.isEmpty()) {
            return;
        }
        boolean _ = database.write(
                handle -> {
                    try (var batch = handle.prepareBatch(
                            "UPDATE keys SET used = :at WHERE id = :key AND (used IS NULL OR used < :at)")) {
                        newer.forEach((key, at) ->
                                batch.bind("key", key).bind("at", at).add());
                        batch.execute();
                    }
                    return true;
                },
                _ -> {});
        usesWritten.putAll(newer);
    }

    private void keep() {
        long usesAt = ticker.getAsLong();
        boolean failing = false;
        while (pause()) {
            try {
                if (shared) {
                    look();
                    if (failing) {
                        LOG.info("changes of other nodes are heard again");
                    }
                    failing = false;
                }
                if (ticker.getAsLong() - usesAt >= WRITE_USES_EVERY.toNanos()) {
                    usesAt = ticker.getAsLong();
                    writeUses();
                }
            } catch (RuntimeException | Error e) {
                // Whatever it is: without looking, every key would be refused soon.
                if (!failing) {
                    LOG.warn(
                            "can't look for changes of other nodes; keys are refused if this lasts {} s: {}",
                            CLOSED_AFTER.toSeconds(),
                            e.toString());
                }
                failing = true;
            }
        }
    }

    /** Waits till the next look; false at the end. */
    private boolean pause() {
        lock.lock();
        try {
            long left = LOOK_EVERY.toNanos();
            while (!ended && left > 0) {
                left = ending.awaitNanos(left);
            }
            return !ended;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the looking, and writes when keys were used. Blocks for a second at most, and for that write. */
    @Override
    public void close() {
        lock.lock();
        try {
            ended = true;
            ending.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            Thread running = keeper;
            if (running != null) {
                boolean _ = running.join(Duration.ofNanos(TimeUnit.SECONDS.toNanos(1)));
            }
            writeUses();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            LOG.warn("when keys were last used could not be written: {}", e.toString());
        }
    }
}
