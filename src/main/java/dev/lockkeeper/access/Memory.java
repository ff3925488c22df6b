package dev.lockkeeper.access;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * What calls and operators are checked against, as the database had it after some change. Looked at from any thread. What
 * is new is read in two steps, so that it counts only once its transaction is committed: {@link #read}, then {@link #learn}.
 *
 * <p>Each change has a row in the log of changes, written in the transaction that makes it. So the rows since the last look
 * tell what has to be read again, also of changes by other processes.
 */
final class Memory {
    /** Changes that are looked at one by one; of more at once everything is read again. */
    private static final int MOST_ROWS = 1_000;

    private static final String PEOPLE = "people";
    private static final String FLAGS = "flags";

    /** Keys by the first bytes of a text's hash; one in rotation stands here twice. */
    private volatile ConcurrentHashMap<Long, Entry> keys = new ConcurrentHashMap<>();

    /** Admin tokens by the first bytes of a text's hash. */
    private volatile Map<Long, Token> tokens = Map.of();

    private volatile Flags.Book flags = Flags.Book.EMPTY;

    private volatile State state = State.NOTHING;

    /** Where a key stands, by its id. Guarded by this. */
    private final Map<String, List<Entry>> places = new HashMap<>();

    /** The moments at which keys were used, by id; they outlive what is read here. */
    private final ConcurrentHashMap<String, AtomicLong> used;

    /** @param used the moments at which keys were used, by id; filled here */
    Memory(ConcurrentHashMap<String, AtomicLong> used) {
        this.used = used;
    }

    /**
     * How far the database was read.
     *
     * @param change the number of the change
     * @param row the last row of the log of changes; below 0: nothing was read yet
     * @param hash that row's hash
     */
    private record State(long change, long row, String hash) {
        static final State NOTHING = new State(-1, -1, "");
    }

    /**
     * A key by one of its texts.
     *
     * @param known null: nobody's, which stands in for the key that is not there
     * @param closed why it is refused in any case; null: it is not
     * @param expiresMillis when the key ends
     * @param untilMillis when this text ends, which another has replaced
     * @param used when the key was used last, milliseconds since 1970; 0: not since this process began
     */
    @SuppressWarnings("ArrayRecordComponent") // Never compared as a record.
    record Entry(
            byte[] hash,
            Presented.@Nullable Known known,
            Presented.@Nullable Refused closed,
            long expiresMillis,
            long untilMillis,
            AtomicLong used) {
        /** Nothing has this hash. */
        static final Entry NOBODY =
                new Entry(new byte[32], null, null, Long.MAX_VALUE, Long.MAX_VALUE, new AtomicLong());
    }

    /** An admin token by its text. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared as a record.
    record Token(byte[] hash, @Nullable Actor actor, long expiresMillis) {
        /** Nothing has this hash. */
        static final Token NOBODY = new Token(new byte[32], null, Long.MAX_VALUE);
    }

    /**
     * What was read, to be learnt.
     *
     * @param ids the keys that may have changed; null: all of them
     * @param entries those of them that work
     * @param tokens all that work; null: none of them changed
     * @param flags all; null: none of them changed
     */
    record News(
            State state,
            @Nullable Set<String> ids,
            List<Entry> entries,
            @Nullable Map<Long, Token> tokens,
            Flags.@Nullable Book flags) {}

    /** The key that a text's hash may be of; {@link Entry#NOBODY} where there is none. */
    Entry key(byte[] hash) {
        return keys.getOrDefault(Secrets.start(hash), Entry.NOBODY);
    }

    /** The token that a text's hash may be of; {@link Token#NOBODY} where there is none. */
    Token token(byte[] hash) {
        return tokens.getOrDefault(Secrets.start(hash), Token.NOBODY);
    }

    /** The flags. */
    Flags.Book flags() {
        return flags;
    }

    /** The number of the change up to which the database was read. */
    long change() {
        return state.change;
    }

    /** Reads what is new in the database, the changes of the handle's own transaction among it. */
    News read(Handle handle) {
        State known = state;
        // First: what is read after it may hold more than this change, never less.
        long change = counter(handle);
        State now = handle.createQuery("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
                .map((row, _) -> new State(change, row.getLong("seq"), row.getString("hash")))
                .findOne()
                .orElse(new State(change, 0, ""));
        Set<String> ids = changed(handle, known, now);
        if (ids == null) {
            return new News(now, null, entries(handle, "", List.of()), tokens(handle), Flags.Book.read(handle));
        }
        boolean people = ids.remove(PEOPLE);
        boolean flagged = ids.remove(FLAGS);
        Set<String> projects = having(ids, "proj_");
        Set<String> organizations = having(ids, "org_");
        Set<String> all = having(ids, "key_");
        List<Entry> entries = new ArrayList<>();
        entries.addAll(entries(handle, " AND k.id IN (<ids>)", all));
        entries.addAll(entries(handle, " AND k.project IN (<ids>)", projects));
        entries.addAll(entries(handle, " AND p.organization IN (<ids>)", organizations));
        entries.forEach(each -> all.add(id(each)));
        return new News(now, all, entries, people ? tokens(handle) : null, flagged ? Flags.Book.read(handle) : null);
    }

    private static Set<String> having(Set<String> ids, String prefix) {
        Set<String> having = new HashSet<>();
        ids.stream().filter(each -> each.startsWith(prefix)).forEach(having::add);
        return having;
    }

    /**
     * What has changed since: ids of keys, projects and organizations, {@link #PEOPLE} for anything about people and tokens,
     * {@link #FLAGS} for anything about flags. Null where that is not known.
     */
    private static @Nullable Set<String> changed(Handle handle, State known, State now) {
        if (known.row < 0
                || now.row < known.row
                || now.row - known.row > MOST_ROWS
                // Another history: an older copy of the database was put back.
                || !known.hash.equals(known.row == 0 ? "" : hash(handle, known.row))) {
            return null;
        }
        Set<String> ids = new HashSet<>();
        boolean all = handle.createQuery("SELECT action, subject FROM audit WHERE seq > ? AND seq <= ?")
                .bind(0, known.row)
                .bind(1, now.row)
                .map((row, _) -> noted(row.getString("action"), row.getString("subject"), ids))
                .list()
                .contains(false);
        return all ? null : ids;
    }

    /** Notes what a row of the log is about; false where nobody here knows. */
    private static boolean noted(String action, String subject, Set<String> ids) {
        return switch (action.substring(0, Math.max(0, action.indexOf('.')))) {
            case "key", "project", "organization" -> {
                ids.add(subject);
                if (action.endsWith(".delete")) {
                    ids.add(FLAGS);
                }
                yield subject.startsWith("key_") || subject.startsWith("proj_") || subject.startsWith("org_");
            }
            case "person", "token", "invitation" -> {
                ids.add(PEOPLE);
                yield true;
            }
            case "flag" -> {
                ids.add(FLAGS);
                yield true;
            }
            // Nothing of these is kept here.
            case "budget", "limit", "quota-request", "server", "node" -> true;
            default -> false;
        };
    }

    private static String hash(Handle handle, long row) {
        return handle.createQuery("SELECT hash FROM audit WHERE seq = ?")
                .bind(0, row)
                .mapTo(String.class)
                .findOne()
                .orElse("");
    }

    private List<Entry> entries(Handle handle, String condition, Set<String> ids) {
        return ids.isEmpty() ? List.of() : entries(handle, condition, List.copyOf(ids));
    }

    private List<Entry> entries(Handle handle, String condition, List<String> ids) {
        Function<String, AtomicLong> moment = id -> used.computeIfAbsent(id, _ -> new AtomicLong());
        List<Entry> entries = new ArrayList<>();
        Keys.entries(handle, condition, ids, moment, entries::add);
        return entries;
    }

    private static Map<Long, Token> tokens(Handle handle) {
        Map<Long, Token> tokens = new HashMap<>();
        People.tokens(handle, token -> tokens.put(Secrets.start(token.hash), token));
        return tokens;
    }

    static long counter(Handle handle) {
        return handle.createQuery("SELECT n FROM changes WHERE id = 1")
                .mapTo(Long.class)
                .one();
    }

    /** Goes by what was read, unless something newer is known. */
    synchronized void learn(News news) {
        if (news.state.change < state.change) {
            return;
        }
        if (news.ids == null) {
            places.clear();
            ConcurrentHashMap<Long, Entry> all = new ConcurrentHashMap<>();
            news.entries.forEach(each -> put(all, each));
            keys = all;
        } else {
            Map<String, List<Entry>> before = new HashMap<>();
            news.ids.forEach(id -> before.put(id, places.getOrDefault(id, List.of())));
            places.keySet().removeAll(news.ids);
            // The new text of a key before the old one goes: at each moment one of them is here.
            news.entries.forEach(each -> put(keys, each));
            before.values().forEach(entries -> entries.forEach(each -> keys.remove(Secrets.start(each.hash), each)));
        }
        if (news.tokens != null) {
            tokens = news.tokens;
        }
        if (news.flags != null) {
            flags = news.flags;
        }
        state = news.state;
    }

    private void put(ConcurrentHashMap<Long, Entry> into, Entry entry) {
        into.put(Secrets.start(entry.hash), entry);
        places.computeIfAbsent(id(entry), _ -> new ArrayList<>(1)).add(entry);
    }

    private static String id(Entry entry) {
        return entry.known == null ? "" : entry.known.caller().keyId();
    }
}
