package dev.lockkeeper.routing;

import java.util.List;

/**
 * A model as the operator wrote it: a name that clients may ask for, and who serves it.
 *
 * @param name what clients write as {@code model}
 * @param targets who can serve it, the preferred one first; never empty
 * @param profile which parameters its upstream refuses: {@code auto} (known from the upstream model's name),
 *     {@code reasoning}, {@code sampling} or {@code exact} (nothing is changed)
 * @param context tokens of prompt and answer together, 0 when unknown
 * @param maxOutput tokens of an answer, 0 when unknown
 * @param policy how its calls are tried
 */
public record ModelSettings(
        String name, List<TargetSettings> targets, Profile profile, long context, long maxOutput, Policy policy) {
    public ModelSettings {
        targets = List.copyOf(targets);
        if (targets.isEmpty()) {
            throw new IllegalArgumentException("model " + name + " has no target");
        }
    }

    /** A model whose calls are tried once. */
    public ModelSettings(String name, List<TargetSettings> targets, Profile profile, long context, long maxOutput) {
        this(name, targets, profile, context, maxOutput, Policy.ONCE);
    }

    /**
     * One way to serve a model.
     *
     * @param provider name of a provider
     * @param model what that provider calls the model
     */
    public record TargetSettings(String provider, String model) {}

    /** What a model's upstream is known to refuse. */
    public enum Profile {
        /** By the upstream model's name. */
        AUTO,
        /** A reasoning model: sampling parameters are dropped, {@code max_tokens} is renamed. */
        REASONING,
        /** A model that takes sampling parameters and {@code max_tokens}. */
        SAMPLING,
        /** Nothing is changed but the model's name. */
        EXACT
    }
}
