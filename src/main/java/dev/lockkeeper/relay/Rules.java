package dev.lockkeeper.relay;

import dev.lockkeeper.routing.Models;
import dev.lockkeeper.upstream.Provider;
import java.util.Map;

/**
 * What the operator may change while the house stands, as one value. A call takes it once, at its start, and keeps it to
 * its end.
 *
 * @param models the models that clients may ask for
 * @param providers by name
 * @param defaultProvider where objects are made that no model and no other object places: the first provider
 */
public record Rules(Models models, Map<String, Provider> providers, Provider defaultProvider) {
    public Rules {
        providers = Map.copyOf(providers);
    }

    /** The provider of a name that the settings have checked. */
    public Provider provider(String name) {
        Provider provider = providers.get(name);
        if (provider == null) {
            throw new IllegalStateException("a target names the provider '" + name + "', which does not exist");
        }
        return provider;
    }
}
