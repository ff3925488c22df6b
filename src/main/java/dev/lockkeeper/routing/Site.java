package dev.lockkeeper.routing;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What of a provider matters to choosing.
 *
 * @param regions where what it is sent stays: labels that all hold for it; empty: not known
 * @param keys its keys by name, with their weights; empty: one, which has no name
 */
public record Site(Set<String> regions, Map<String, Integer> keys) {
    /** A provider of which nothing is said. */
    public static final Site ANYWHERE = new Site(Set.of(), Map.of());

    public Site {
        regions = Set.copyOf(regions);
        keys = new LinkedHashMap<>(keys);
    }
}
