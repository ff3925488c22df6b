package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Site;
import dev.lockkeeper.upstream.ProviderSettings;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** What of a provider matters to choosing. */
final class Sites {
    private Sites() {}

    static Site of(ProviderSettings provider) {
        Map<String, Integer> keys = new LinkedHashMap<>();
        for (ProviderSettings.Key each : provider.keys()) {
            if (!each.name().isEmpty()) {
                keys.put(each.name(), each.weight());
            }
        }
        return new Site(Set.copyOf(provider.regions()), keys);
    }
}
