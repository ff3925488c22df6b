package dev.lockkeeper.access;

import tools.jackson.databind.node.ObjectNode;

/**
 * Who pays. Times are milliseconds since 1970.
 *
 * @param id {@code org_…}
 * @param name unique
 * @param markupBasisPoints what statements add to the cost, in hundredths of a percent; below 0 a discount
 * @param createdMillis when it was made; 0 for the one that every database starts with
 * @param state whether its keys work
 * @param projects how many projects it has
 * @param keys how many keys they have that are not revoked
 */
public record Organization(
        String id, String name, int markupBasisPoints, long createdMillis, TenantState state, int projects, int keys) {
    /** As the admin API answers it. */
    public ObjectNode json() {
        return Wire.object("organization", id)
                .put("name", name)
                .put("markup_basis_points", markupBasisPoints)
                .put("state", state.word())
                .put("projects", projects)
                .put("keys", keys)
                .put("created_at", Wire.time(createdMillis));
    }
}
