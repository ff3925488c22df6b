package dev.lockkeeper.access;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Somebody who operates the gateway. Times are milliseconds since 1970.
 *
 * @param id {@code person_…}
 * @param email to know them by; nothing is sent to it
 * @param removedMillis when they were removed, null: they are not
 */
public record Person(
        String id,
        String name,
        String email,
        Role role,
        long createdMillis,
        @Nullable Long removedMillis) {
    /** As the admin API answers it. */
    public ObjectNode json() {
        return Wire.object("person", id)
                .put("name", name)
                .put("email", email)
                .put("role", role.word())
                .put("created_at", Wire.time(createdMillis))
                .put("removed_at", Wire.time(removedMillis));
    }
}
