package dev.lockkeeper.access;

import tools.jackson.databind.node.ObjectNode;

/**
 * A share of a model's calls that goes in place of the configured one. Times are milliseconds since 1970.
 *
 * @param id {@code flag_…}; stays when the share changes
 * @param model the model's name
 * @param named the name of the case that has the share
 * @param tenant for whose calls: {@code proj_…}, {@code org_…}; empty: everybody's
 * @param tenantName what that tenant is called; empty: it is everybody
 * @param basisPoints the share in hundredths of a percent
 * @param changedMillis when it was set last
 * @param changedBy who did that
 */
public record Flag(
        String id,
        String model,
        String named,
        String tenant,
        String tenantName,
        int basisPoints,
        long changedMillis,
        String changedBy) {
    /** As the admin API answers it. */
    public ObjectNode json() {
        boolean project = tenant.startsWith("proj_");
        return Wire.object("flag", id)
                .put("model", model)
                .put("case", named)
                .put("organization_id", tenant.isEmpty() || project ? null : tenant)
                .put("project_id", project ? tenant : null)
                .put("tenant", tenantName)
                .put("share_basis_points", basisPoints)
                .put("changed_at", Wire.time(changedMillis))
                .put("changed_by", changedBy);
    }
}
