package dev.lockkeeper.access;

import java.util.Set;

/**
 * Who is calling, as its key tells.
 *
 * @param keyId the key's id, {@code key_…}
 * @param keyName the key's name
 * @param projectId the project's id, {@code proj_…}: what objects and budgets belong to
 * @param project the project's name
 * @param organizationId the organization's id, {@code org_…}
 * @param models names that may be asked for; empty: all
 */
public record Caller(
        String keyId, String keyName, String projectId, String project, String organizationId, Set<String> models) {
    public Caller {
        models = Set.copyOf(models);
    }

    /** Whether the key may ask for a model. */
    public boolean mayUse(String model) {
        return models.isEmpty() || models.contains(model);
    }
}
