package dev.lockkeeper.access;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * What calls and operators are checked against, as the database had it after some change. Immutable but for the moments at
 * which keys were used.
 *
 * @param change the number of the change
 * @param keys by the first bytes of a text's hash; a key in rotation stands here twice
 * @param tokens by the first bytes of a text's hash
 */
record Memory(long change, Map<Long, Entry> keys, Map<Long, Token> tokens) {
    static final Memory NOTHING = new Memory(-1, Map.of(), Map.of());

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

    /** @param used the moments at which keys were used, by id; they outlive what is read here */
    static Memory read(Handle handle, ConcurrentHashMap<String, AtomicLong> used) {
        // First: what is read after it may hold more than this change, never less.
        long change = handle.createQuery("SELECT n FROM changes WHERE id = 1")
                .mapTo(Long.class)
                .one();
        Map<Long, Entry> keys = new HashMap<>();
        Function<String, AtomicLong> moment = id -> used.computeIfAbsent(id, _ -> new AtomicLong());
        Keys.entries(handle, moment, entry -> keys.put(Secrets.start(entry.hash), entry));
        Map<Long, Token> tokens = new HashMap<>();
        People.tokens(handle, token -> tokens.put(Secrets.start(token.hash), token));
        return new Memory(change, keys, tokens);
    }
}
