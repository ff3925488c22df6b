package dev.lockkeeper.access;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A wish that somebody become one of the people here; its text can be used once. Times are milliseconds since 1970.
 *
 * @param id {@code inv_…}
 * @param role what they become
 * @param expiresMillis till when it can be used
 * @param acceptedMillis when it was used, null: it was not
 * @param revokedMillis when it was taken back, null: it was not
 */
public record Invitation(
        String id,
        String name,
        String email,
        Role role,
        long createdMillis,
        long expiresMillis,
        @Nullable Long acceptedMillis,
        @Nullable Long revokedMillis) {
    /** As the admin API answers it. */
    public ObjectNode json() {
        return Wire.object("invitation", id)
                .put("name", name)
                .put("email", email)
                .put("role", role.word())
                .put("created_at", Wire.time(createdMillis))
                .put("expires_at", Wire.time(expiresMillis))
                .put("accepted_at", Wire.time(acceptedMillis))
                .put("revoked_at", Wire.time(revokedMillis));
    }
}
