package dev.lockkeeper.access;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * What is budgeted: keys belong to one. Times are milliseconds since 1970.
 *
 * @param id {@code proj_…}
 * @param name unique in its organization
 * @param organizationId who pays
 * @param testProviders providers that its test keys may reach; empty: simulated ones
 * @param regions where its calls may be answered; empty: where its organization's may be
 * @param createdMillis when it was made; 0 for the project that every database starts with
 * @param state whether its keys work
 * @param keys how many keys it has that are not revoked
 */
public record Project(
        String id,
        String name,
        String organizationId,
        List<String> testProviders,
        List<String> regions,
        long createdMillis,
        TenantState state,
        int keys) {
    public Project {
        testProviders = List.copyOf(testProviders);
        regions = List.copyOf(regions);
    }

    /** As the admin API answers it. */
    public ObjectNode json() {
        ObjectNode json = Wire.object("project", id).put("name", name).put("organization_id", organizationId);
        Wire.put(json, "test_providers", testProviders);
        Wire.put(json, "regions", regions);
        return json.put("state", state.word()).put("keys", keys).put("created_at", Wire.time(createdMillis));
    }
}
