package dev.lockkeeper.relay;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * How the people behind a client's calls are named, in the books and to providers: as the client names them, or by a keyed
 * hash, which is the same for the same name and tells it to nobody without the key. Immutable; any thread.
 *
 * @param hashKey of the hash; null: as the client names them
 */
public record EndUsers(@Nullable String hashKey) {
    /** As the client names them. */
    public static final EndUsers AS_NAMED = new EndUsers(null);

    /** OpenAI takes 64 characters of a {@code safety_identifier}; a longer name is kept by its hash. */
    private static final int LONGEST = 64;

    private static final String ALGORITHM = "HmacSHA256";

    /** What the upstream is told in place of a name; null: what the client wrote. */
    @Nullable String told(String name) {
        String key = hashKey;
        return key == null || name.isEmpty() ? null : hash(key, name);
    }

    /** What the books are told; empty for nobody. */
    String booked(String name) {
        if (name.isEmpty()) {
            return "";
        }
        String key = hashKey;
        return key != null ? hash(key, name) : name.length() > LONGEST ? hash("long", name) : name;
    }

    private static String hash(String key, String name) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), ALGORITHM));
            byte[] hash = mac.doFinal(name.getBytes(StandardCharsets.UTF_8));
            return Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has " + ALGORITHM, e);
        }
    }

    /** Whether there is a key, not which. */
    @Override
    public String toString() {
        return hashKey == null ? "EndUsers[as named]" : "EndUsers[hashed]";
    }
}
