package dev.lockkeeper.access;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A key, without its text. Times are milliseconds since 1970.
 *
 * @param id {@code key_…}, stays the same when the text is replaced
 * @param name what it is called
 * @param projectId its project's id
 * @param project its project's name
 * @param organizationId its project's organization
 * @param kind what it is for
 * @param terms what it may
 * @param last4 the last characters of its text, to recognise it by
 * @param createdMillis when it was made
 * @param replacedMillis when its text was last replaced, null: never
 * @param previousUntilMillis till when the text before works too, null: it does not
 * @param usedMillis when it was last used, to about a minute, null: never
 * @param revokedMillis when it was revoked, null: it was not
 * @param closed its tenant that is closed or revoked, so that it is refused; null: none is
 */
public record KeyInfo(
        String id,
        String name,
        String projectId,
        String project,
        String organizationId,
        KeyKind kind,
        KeyTerms terms,
        String last4,
        long createdMillis,
        @Nullable Long replacedMillis,
        @Nullable Long previousUntilMillis,
        @Nullable Long usedMillis,
        @Nullable Long revokedMillis,
        Presented.@Nullable Refused closed) {
    /** What becomes of a call with it now: {@code works}, or why it is refused. */
    public String state(long nowMillis) {
        if (revokedMillis != null) {
            return "revoked";
        }
        if (closed != null) {
            return closed == Presented.Refused.ORGANIZATION_CLOSED ? "organization_closed" : "project_closed";
        }
        Long expires = terms.expiresMillis();
        return expires != null && expires <= nowMillis ? "expired" : "works";
    }

    /** As the admin API answers it. */
    public ObjectNode json() {
        ObjectNode json = Wire.object("key", id)
                .put("name", name)
                .put("organization_id", organizationId)
                .put("project_id", projectId)
                .put("project", project)
                .put("kind", kind.word())
                .put("environment", terms.environment())
                .put("last4", last4);
        Wire.put(json, "models", terms.models());
        Wire.put(json, "tools", terms.tools().words());
        Wire.put(
                json,
                "networks",
                terms.networks().stream().map(Object::toString).toList());
        return json.put("expires_at", Wire.time(terms.expiresMillis()))
                .put("created_at", Wire.time(createdMillis))
                .put("replaced_at", Wire.time(replacedMillis))
                .put("previous_until", Wire.time(previousUntilMillis))
                .put("last_used_at", Wire.time(usedMillis))
                .put("revoked_at", Wire.time(revokedMillis));
    }
}
