package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Site;
import dev.lockkeeper.upstream.ProviderSettings;

/** What of a provider matters to choosing. */
final class Sites {
    private Sites() {}

    static Site of(ProviderSettings provider) {
        return Site.ANYWHERE;
    }
}
