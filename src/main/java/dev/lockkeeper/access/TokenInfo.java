package dev.lockkeeper.access;

import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * An admin token, without its text. Times are milliseconds since 1970.
 *
 * @param id {@code token_…}
 * @param person whose it is, {@code person_…}; null: nobody's, a program has it
 * @param rights what it may do; of a person's token what the person's role may not do either is of no effect
 * @param expiresMillis when it stops working, null: never
 * @param revokedMillis when it was revoked, null: it works
 */
public record TokenInfo(
        String id,
        String name,
        @Nullable String person,
        Set<Right> rights,
        String last4,
        long createdMillis,
        @Nullable Long expiresMillis,
        @Nullable Long revokedMillis) {
    public TokenInfo {
        rights = Set.copyOf(rights);
    }

    /** As the admin API answers it. */
    public ObjectNode json() {
        ObjectNode json = Wire.object("token", id).put("name", name).put("person", person);
        Wire.put(json, "scopes", new TreeSet<>(rights).stream().map(Right::word).toList());
        return json.put("last4", last4)
                .put("created_at", Wire.time(createdMillis))
                .put("expires_at", Wire.time(expiresMillis))
                .put("revoked_at", Wire.time(revokedMillis));
    }
}
