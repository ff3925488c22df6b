package dev.lockkeeper.relay;

import dev.lockkeeper.limits.FairQueue;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/**
 * Where calls of many organizations wait, and are served by weight, when a provider's limit is used up.
 *
 * @param providers names of the providers whose calls wait; the others' are refused at once
 * @param patience how long a call waits at most
 * @param weights of organizations, by id, 1 to {@link FairQueue#MAX_WEIGHT}; 1 for those that are not named
 */
public record FairSettings(Set<String> providers, Duration patience, Map<String, Integer> weights) {
    /** Nobody waits. */
    public static final FairSettings NONE = new FairSettings(Set.of(), Duration.ofSeconds(10), Map.of());

    public FairSettings {
        providers = Set.copyOf(providers);
        weights = Map.copyOf(weights);
    }

    int weight(String organization) {
        return weights.getOrDefault(organization, 1);
    }
}
