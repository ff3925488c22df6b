package dev.lockkeeper.access;

import dev.lockkeeper.http.Network;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a key may, as its operator chose.
 *
 * @param environment a free label, such as {@code staging}; empty: none
 * @param expiresMillis when it stops working, milliseconds since 1970; null: never
 * @param models names that it may ask for; empty: all
 * @param tools which tools at the provider it may ask for
 * @param networks where it may come from; empty: anywhere
 */
public record KeyTerms(
        String environment,
        @Nullable Long expiresMillis,
        List<String> models,
        HostedTools tools,
        List<Network> networks) {
    /** No bound at all. */
    public static final KeyTerms FREE = new KeyTerms("", null, List.of(), HostedTools.ALL, List.of());

    /** Ranges that one key may be bound to: each call looks through them. */
    public static final int MAX_NETWORKS = 32;

    public KeyTerms {
        models = List.copyOf(models);
        networks = List.copyOf(networks);
    }

    /** The same for other models. */
    public KeyTerms forModels(List<String> others) {
        return new KeyTerms(environment, expiresMillis, others, tools, networks);
    }

    /**
     * The ranges that texts stand for.
     *
     * @throws IllegalArgumentException for what is none; the message may be shown
     */
    public static List<Network> networks(List<String> texts) {
        List<Network> networks = new ArrayList<>();
        for (String text : texts) {
            Network network = Network.parse(text);
            if (network == null) {
                String near = Network.near(text);
                throw new IllegalArgumentException("networks: " + text + " (expected: "
                        + (near == null ? "an address or a range such as 10.0.0.0/8 or 2001:db8::/32" : near) + ")");
            }
            networks.add(network);
        }
        return networks;
    }

    /** @throws IllegalArgumentException when they can't be; the message may be shown */
    void check(long nowMillis) {
        if (!environment.isEmpty()) {
            Names.check("environment", environment);
        }
        Long expires = expiresMillis;
        if (expires != null && expires <= nowMillis) {
            throw new IllegalArgumentException("expires_at: " + Wire.time(expires)
                    + " (expected: a time to come; it is " + Wire.time(nowMillis) + " now)");
        }
        Names.check("models", models, Keys.MAX_MODELS);
        if (networks.size() > MAX_NETWORKS) {
            throw new IllegalArgumentException(
                    "networks: " + networks.size() + " ranges (expected: at most " + MAX_NETWORKS + ")");
        }
    }
}
