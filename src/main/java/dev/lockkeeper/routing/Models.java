package dev.lockkeeper.routing;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The models that clients may ask for, in the operator's order. */
public final class Models {
    private final Map<String, Model> byName = new LinkedHashMap<>();

    public Models(List<ModelSettings> settings) {
        for (ModelSettings each : settings) {
            List<Target> targets = each.targets().stream()
                    .map(target -> new Target(target.provider(), target.model()))
                    .toList();
            byName.put(
                    each.name(),
                    new Model(each.name(), targets, each.profile(), each.context(), each.maxOutput(), each.policy()));
        }
    }

    /** The model of a name, or null. */
    public @Nullable Model find(String name) {
        return byName.get(name);
    }

    /** All models, in the operator's order. */
    public Collection<Model> all() {
        return byName.values();
    }
}
