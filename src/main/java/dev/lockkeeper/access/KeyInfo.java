package dev.lockkeeper.access;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A key, without its text. Times are milliseconds since 1970.
 *
 * @param id {@code key_…}, stays the same when the text is replaced
 * @param name what it is called
 * @param projectId its project's id
 * @param project its project's name
 * @param organizationId its project's organization
 * @param kind what it is for
 * @param models names that it may ask for; empty: all
 * @param last4 the last characters of its text, to recognise it by
 * @param createdMillis when it was made
 * @param replacedMillis when its text was last replaced, null: never
 * @param revokedMillis when it was revoked, null: it works
 */
public record KeyInfo(
        String id,
        String name,
        String projectId,
        String project,
        String organizationId,
        KeyKind kind,
        List<String> models,
        String last4,
        long createdMillis,
        @Nullable Long replacedMillis,
        @Nullable Long revokedMillis) {
    public KeyInfo {
        models = List.copyOf(models);
    }
}
