package dev.lockkeeper.access;

import dev.lockkeeper.db.Database;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;

/**
 * All keys. {@link #find} works in memory and may be called from any thread; whatever changes or lists keys blocks and
 * belongs on a virtual thread. A change counts for {@link #find} before the method that made it returns.
 */
public final class Keys {
    /** The organization that every database starts with. */
    public static final String DEFAULT_ORGANIZATION = "org_default";

    /** The name of the project that every database starts with. */
    public static final String DEFAULT_PROJECT = "default";

    /** Characters of a key's or a project's name. */
    public static final int MAX_NAME = 100;

    /** Models that one key may be limited to. */
    public static final int MAX_MODELS = 1_000;

    /** Letters and digits: a key can be selected with a double click and needs no escaping anywhere. */
    private static final String ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /** 62^43 > 2^256. */
    private static final int KEY_CHARACTERS = 43;

    private static final int ID_CHARACTERS = 20;

    /** Longer texts are no keys; this much of them is hashed all the same. */
    private static final int MAX_PRESENTED = 256;

    /** Stands in for the key that is not there, so that the comparison takes place. Nothing has this hash. */
    private static final Entry NOBODY = new Entry(new byte[32], null);

    private static final String SELECT = """
            SELECT k.id, k.name, k.project, p.name AS project_name, p.organization, k.kind, k.models, k.last4, k.created,
                   k.replaced, k.revoked, k.hash
            FROM keys k JOIN projects p ON p.id = k.project
            """;

    private static final RowMapper<Row> ROW = (row, _) -> new Row(
            new KeyInfo(
                    row.getString("id"),
                    row.getString("name"),
                    row.getString("project"),
                    row.getString("project_name"),
                    row.getString("organization"),
                    row.getString("kind").equals(KeyKind.TEST.word()) ? KeyKind.TEST : KeyKind.LIVE,
                    row.getString("models").lines().toList(),
                    row.getString("last4"),
                    row.getLong("created"),
                    row.getObject("replaced") == null ? null : row.getLong("replaced"),
                    row.getObject("revoked") == null ? null : row.getLong("revoked")),
            row.getBytes("hash"));

    private final Database database;
    private final Clock clock;
    private final RandomGenerator random;

    /** Working keys by the first bytes of their hash. Replaced whole, by the database's writing thread alone. */
    private final AtomicReference<Map<Long, Entry>> working = new AtomicReference<>(Map.of());

    /**
     * Reads all keys into memory. Blocks.
     *
     * @param random where keys and ids come from: must be cryptographically strong
     */
    public Keys(Database database, Clock clock, RandomGenerator random) {
        this.database = database;
        this.clock = clock;
        this.random = random;
        database.write(Keys::snapshot, working::set);
    }

    /**
     * Who presents a key. Never blocks. Does the same work whether the key works, is revoked, or is no key at all.
     *
     * @param presented what the caller sent; empty when it sent nothing
     */
    public @Nullable Caller find(String presented) {
        byte[] hash = hash(presented.length() > MAX_PRESENTED ? presented.substring(0, MAX_PRESENTED) : presented);
        Entry candidate = working.get().getOrDefault(start(hash), NOBODY);
        boolean same = MessageDigest.isEqual(hash, candidate.hash);
        return same && presented.length() <= MAX_PRESENTED ? candidate.caller : null;
    }

    /**
     * Makes a key, and its project where that is new.
     *
     * @param models names that it may ask for; empty: all
     * @throws IllegalArgumentException when a name is empty, too long or has control characters; the message may be
     *     shown to who asked
     */
    public Created create(String name, String project, KeyKind kind, List<String> models) {
        checkName("name", name);
        checkName("project", project);
        if (models.size() > MAX_MODELS) {
            throw new IllegalArgumentException(
                    "models: " + models.size() + " names (expected: at most " + MAX_MODELS + ")");
        }
        models.forEach(model -> checkName("models", model));
        String text = newText(kind);
        String id = "key_" + letters(ID_CHARACTERS);
        String projectId = "proj_" + letters(ID_CHARACTERS);
        return change(handle -> {
            boolean newProject =
                    handle.createUpdate("INSERT INTO projects (id, organization, name, created) VALUES (?, ?, ?, ?)"
                                            + " ON CONFLICT DO NOTHING")
                                    .bind(0, projectId)
                                    .bind(1, DEFAULT_ORGANIZATION)
                                    .bind(2, project)
                                    .bind(3, clock.millis())
                                    .execute()
                            == 1;
            handle.createUpdate("""
                            INSERT INTO keys (id, project, name, kind, hash, last4, models, created)
                            SELECT ?, id, ?, ?, ?, ?, ?, ? FROM projects WHERE organization = ? AND name = ?
                            """)
                    .bind(0, id)
                    .bind(1, name)
                    .bind(2, kind.word())
                    .bind(3, hash(text))
                    .bind(4, last4(text))
                    .bind(5, String.join("\n", models))
                    .bind(6, clock.millis())
                    .bind(7, DEFAULT_ORGANIZATION)
                    .bind(8, project)
                    .execute();
            return new Created(text, Objects.requireNonNull(info(handle, id)), newProject);
        });
    }

    /** All keys, revoked ones too, the oldest first. */
    public List<KeyInfo> list() {
        return database.<List<KeyInfo>>read(
                        handle -> handle.createQuery(SELECT + " ORDER BY k.created, k.id").map(ROW).stream()
                                .map(Row::info)
                                .toList())
                .join();
    }

    /** A key by its id, revoked or not; null when there is none. */
    public @Nullable KeyInfo get(String id) {
        return database.<@Nullable KeyInfo>read(handle -> info(handle, id)).join();
    }

    /** All projects, the oldest first. */
    public List<Project> projects() {
        return database.<List<Project>>read(handle -> handle.createQuery("""
                                SELECT p.id, p.name, p.organization, p.created,
                                       (SELECT count(*) FROM keys k WHERE k.project = p.id AND k.revoked IS NULL) AS keys
                                FROM projects p ORDER BY p.created, p.id
                                """)
                        .map((row, _) -> new Project(
                                row.getString("id"),
                                row.getString("name"),
                                row.getString("organization"),
                                row.getLong("created"),
                                row.getInt("keys")))
                        .list())
                .join();
    }

    /**
     * Gives a key a new text; the old one stops working at once.
     *
     * @return null when there is no such key or it is revoked
     */
    public @Nullable Created rotate(String id) {
        return this.<@Nullable Created>change(handle -> {
            KeyInfo key = info(handle, id);
            if (key == null || key.revokedMillis() != null) {
                return null;
            }
            String text = newText(key.kind());
            handle.createUpdate("UPDATE keys SET hash = ?, last4 = ?, replaced = ? WHERE id = ?")
                    .bind(0, hash(text))
                    .bind(1, last4(text))
                    .bind(2, clock.millis())
                    .bind(3, id)
                    .execute();
            return new Created(text, Objects.requireNonNull(info(handle, id)), false);
        });
    }

    /**
     * Ends a key for good, at once. Revoking it again changes nothing.
     *
     * @return false when there is no such key
     */
    public boolean revoke(String id) {
        return change(handle -> {
            handle.createUpdate("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL")
                    .bind(0, clock.millis())
                    .bind(1, id)
                    .execute();
            return info(handle, id) != null;
        });
    }

    /** Runs a change and makes what it left the truth for {@link #find}, in the order of commits. */
    private <T extends @Nullable Object> T change(Database.Work<T> work) {
        return database.write(
                        handle -> new Changed<T>(work.in(handle), snapshot(handle)),
                        changed -> working.set(changed.keys))
                .result;
    }

    private static Map<Long, Entry> snapshot(Handle handle) {
        Map<Long, Entry> keys = new HashMap<>();
        handle.createQuery(SELECT + " WHERE k.revoked IS NULL").map(ROW).forEach(row -> {
            KeyInfo key = row.info;
            keys.put(
                    start(row.hash),
                    new Entry(
                            row.hash,
                            new Caller(
                                    key.id(),
                                    key.name(),
                                    key.projectId(),
                                    key.project(),
                                    key.organizationId(),
                                    Set.copyOf(key.models()),
                                    key.kind(),
                                    "",
                                    HostedTools.ALL,
                                    Set.of(),
                                    List.of())));
        });
        return keys;
    }

    private static @Nullable KeyInfo info(Handle handle, String id) {
        return handle.createQuery(SELECT + " WHERE k.id = ?")
                .bind(0, id)
                .map(ROW)
                .findOne()
                .map(Row::info)
                .orElse(null);
    }

    private static void checkName(String what, String name) {
        String problem = name.isBlank()
                ? "is empty"
                : name.length() > MAX_NAME
                        ? "has " + name.length() + " characters (expected: at most " + MAX_NAME + ")"
                        : name.chars().anyMatch(Character::isISOControl) ? "has control characters" : null;
        if (problem != null) {
            throw new IllegalArgumentException(what + ": " + problem);
        }
    }

    private String newText(KeyKind kind) {
        return kind.prefix() + letters(KEY_CHARACTERS);
    }

    private String letters(int count) {
        StringBuilder letters = new StringBuilder(count);
        for (int i = 0; i < count; i++) {
            letters.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        }
        return letters.toString();
    }

    private static String last4(String text) {
        return text.substring(text.length() - 4);
    }

    private static byte[] hash(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static long start(byte[] hash) {
        long start = 0;
        for (int i = 0; i < Long.BYTES; i++) {
            start = (start << 8) | (hash[i] & 0xff);
        }
        return start;
    }

    @SuppressWarnings("ArrayRecordComponent") // Never compared as a record.
    private record Entry(byte[] hash, @Nullable Caller caller) {}

    @SuppressWarnings("ArrayRecordComponent") // Never compared as a record.
    private record Row(KeyInfo info, byte[] hash) {}

    private record Changed<T extends @Nullable Object>(T result, Map<Long, Entry> keys) {}
}
