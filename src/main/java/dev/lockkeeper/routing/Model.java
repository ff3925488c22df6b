package dev.lockkeeper.routing;

import java.util.List;

/**
 * A name a client may ask for.
 *
 * @param name what clients write as {@code model}
 * @param targets who can serve it, the preferred one first; never empty
 * @param profile what its upstream is known to refuse
 * @param context tokens of prompt and answer together, 0 when unknown
 * @param maxOutput tokens of an answer, 0 when unknown
 * @param policy how its calls are tried
 */
public record Model(
        String name, List<Target> targets, ModelSettings.Profile profile, long context, long maxOutput, Policy policy) {
    public Model {
        targets = List.copyOf(targets);
    }
}
