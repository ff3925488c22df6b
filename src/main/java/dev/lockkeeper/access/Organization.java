package dev.lockkeeper.access;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * Who pays. Times are milliseconds since 1970.
 *
 * @param id {@code org_…}
 * @param name unique
 * @param markupBasisPoints what statements add to the cost, in hundredths of a percent; below 0 a discount
 * @param regions where its calls may be answered; empty: anywhere
 * @param createdMillis when it was made; 0 for the one that every database starts with
 * @param state whether its keys work
 * @param projects how many projects it has
 * @param keys how many keys they have that are not revoked
 */
public record Organization(
        String id,
        String name,
        int markupBasisPoints,
        List<String> regions,
        long createdMillis,
        TenantState state,
        int projects,
        int keys) {
    public Organization {
        regions = List.copyOf(regions);
    }

    /** As the admin API answers it. */
    public ObjectNode json() {
        ObjectNode json =
                Wire.object("organization", id).put("name", name).put("markup_basis_points", markupBasisPoints);
        Wire.put(json, "regions", regions);
        return json.put("state", state.word())
                .put("projects", projects)
                .put("keys", keys)
                .put("created_at", Wire.time(createdMillis));
    }
}
