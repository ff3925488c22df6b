package dev.lockkeeper.routing;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model as the operator wrote it: a name that clients may ask for, and who serves it.
 *
 * @param name what clients write as {@code model}
 * @param cases who serves which calls: the first holds whose condition does; never empty
 * @param fallback models whose targets come after all of its own
 * @param profile which parameters its upstream refuses: {@code auto} (known from the upstream model's name),
 *     {@code reasoning}, {@code sampling} or {@code exact} (nothing is changed)
 * @param context tokens of prompt and answer together, 0 when unknown
 * @param maxOutput tokens of an answer, 0 when unknown
 * @param policy how its calls are tried
 */
public record ModelSettings(
        String name,
        List<CaseSettings> cases,
        List<String> fallback,
        Profile profile,
        long context,
        long maxOutput,
        Policy policy) {
    public ModelSettings {
        cases = List.copyOf(cases);
        fallback = List.copyOf(fallback);
        if (cases.isEmpty()) {
            throw new IllegalArgumentException("model " + name + " has no target");
        }
    }

    /** A model whose targets are tried one after the other, whatever the call is. */
    public ModelSettings(
            String name, List<TargetSettings> targets, Profile profile, long context, long maxOutput, Policy policy) {
        this(name, List.of(CaseSettings.of(targets)), List.of(), profile, context, maxOutput, policy);
    }

    /** A model whose calls are tried once. */
    public ModelSettings(String name, List<TargetSettings> targets, Profile profile, long context, long maxOutput) {
        this(name, targets, profile, context, maxOutput, Policy.ONCE);
    }

    /** All targets of all cases, each once, in the order in which they are written. */
    public List<TargetSettings> targets() {
        return cases.stream()
                .flatMap(each -> each.ranks().stream())
                .flatMap(List::stream)
                .map(RankedTarget::target)
                .distinct()
                .toList();
    }

    /**
     * Who serves some of a model's calls.
     *
     * @param name of the case; empty where the model has but one
     * @param when what a call must be
     * @param share the part of those calls that it is for; null: all
     * @param ranks who serves, rank after rank; neither is empty
     * @param choose the order within a rank
     * @param sticky what a call's place is chosen by where that is {@link Choose#STICKY}
     */
    public record CaseSettings(
            String name,
            Condition when,
            @Nullable Share share,
            List<List<RankedTarget>> ranks,
            Choose choose,
            Anchor sticky) {
        public CaseSettings {
            ranks = ranks.stream().map(List::copyOf).toList();
            if (ranks.isEmpty() || ranks.stream().anyMatch(List::isEmpty)) {
                throw new IllegalArgumentException("a case without a target");
            }
        }

        static CaseSettings of(List<TargetSettings> targets) {
            List<List<RankedTarget>> ranks = targets.stream()
                    .map(target -> List.of(new RankedTarget(target, 1, Abilities.UNSAID)))
                    .toList();
            return new CaseSettings("", Condition.ALWAYS, null, ranks, Choose.WEIGHT, Anchor.PROMPT_CACHE_KEY);
        }
    }

    /**
     * A target in its rank.
     *
     * @param weight how often it is chosen, beside the others; 0: only when no other is left
     * @param abilities what the operator says of it
     */
    public record RankedTarget(TargetSettings target, int weight, Abilities abilities) {}

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
