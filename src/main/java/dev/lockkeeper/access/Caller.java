package dev.lockkeeper.access;

import dev.lockkeeper.http.Network;
import java.util.List;
import java.util.Set;

/**
 * Who is calling, as its key tells.
 *
 * @param keyId the key's id, {@code key_…}
 * @param projectId the project's id, {@code proj_…}: what objects and budgets belong to
 * @param project the project's name
 * @param organizationId the organization's id, {@code org_…}
 * @param models names that may be asked for; empty: all
 * @param kind what the key is for
 * @param tools which tools at the provider it may ask for
 * @param testProviders providers that a test key of this project may reach; empty: simulated ones alone
 * @param networks where it may come from; empty: anywhere
 * @param environment the key's label, such as {@code staging}; empty: none
 * @param regions where its calls may be answered; empty: anywhere
 */
public record Caller(
        String keyId,
        String projectId,
        String project,
        String organizationId,
        Set<String> models,
        KeyKind kind,
        HostedTools tools,
        Set<String> testProviders,
        List<Network> networks,
        String environment,
        Set<String> regions) {
    public Caller {
        models = Set.copyOf(models);
        testProviders = Set.copyOf(testProviders);
        networks = List.copyOf(networks);
        regions = Set.copyOf(regions);
    }

    /** Whether the key may ask for a model. */
    public boolean mayUse(String model) {
        return models.isEmpty() || models.contains(model);
    }

    /**
     * Whether calls may go to a provider: live keys' to all of them, test keys' to those that the project allows.
     *
     * @param simulated whether the provider is of kind {@code simulator}, where a call costs nothing
     */
    public boolean mayReach(String provider, boolean simulated) {
        return switch (kind) {
            case LIVE -> true;
            case TEST -> testProviders.isEmpty() ? simulated : testProviders.contains(provider);
        };
    }

    /** Whether a tool that runs at the provider may be asked for, by the {@code type} that requests name it with. */
    public boolean mayUseTool(String type) {
        return tools.allow(type);
    }

    /** Whether the key may be used from an IP address, in digits. */
    boolean mayComeFrom(String address) {
        if (networks.isEmpty()) {
            return true;
        }
        for (Network network : networks) {
            if (network.contains(address)) {
                return true;
            }
        }
        return false;
    }
}
