package dev.lockkeeper.relay;

import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.upstream.Provider;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the operator may change while the house stands, as one value, and how many calls go by it. A call takes it once, at
 * its start, and keeps it to its end. Nothing in it changes but that count. Any thread.
 */
public final class Rules {
    private final Models models;
    private final Map<String, Provider> providers;
    private final Provider defaultProvider;
    private final PriceBook prices;
    private final RelaySettings settings;
    private final long maxRequestBody;
    private final AtomicInteger calls = new AtomicInteger();

    /**
     * @param models the models that clients may ask for
     * @param providers by name, in the operator's order
     * @param defaultProvider where objects are made that no model and no other object places: the first provider
     * @param prices what calls cost
     * @param settings how calls are carried
     * @param maxRequestBody the server's bound, in bytes, for what clients are told
     */
    public Rules(
            Models models,
            Map<String, Provider> providers,
            Provider defaultProvider,
            PriceBook prices,
            RelaySettings settings,
            long maxRequestBody) {
        this.models = models;
        this.providers = Collections.unmodifiableMap(new LinkedHashMap<>(providers));
        this.defaultProvider = defaultProvider;
        this.prices = prices;
        this.settings = settings;
        this.maxRequestBody = maxRequestBody;
    }

    /** The models that clients may ask for. */
    public Models models() {
        return models;
    }

    /** The providers, by name, in the operator's order. */
    public Map<String, Provider> providers() {
        return providers;
    }

    /** The provider of a name that the settings have checked. */
    Provider provider(String name) {
        Provider provider = providers.get(name);
        if (provider == null) {
            throw new IllegalStateException("a target names the provider '" + name + "', which does not exist");
        }
        return provider;
    }

    Provider defaultProvider() {
        return defaultProvider;
    }

    /** What calls cost. */
    public PriceBook prices() {
        return prices;
    }

    RelaySettings settings() {
        return settings;
    }

    long maxRequestBody() {
        return maxRequestBody;
    }

    /** Calls under way that go by these rules. Once they are replaced and this is zero, it stays zero. */
    public int calls() {
        return calls.get();
    }

    void callBegan() {
        calls.incrementAndGet();
    }

    void callEnded() {
        calls.decrementAndGet();
    }
}
