package dev.lockkeeper.routing;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A name a client may ask for. Immutable; any thread. */
public final class Model {
    private final String name;
    private final List<Target> targets;
    private final ModelSettings.Profile profile;
    private final long context;
    private final long maxOutput;
    private final Policy policy;
    private final Costs costs;
    private final List<Case> cases;
    private final List<Model> fallback;

    /** The case that serves any call by one candidate; null where there is more to it. */
    private final @Nullable Case only;

    Model(ModelSettings written, List<Target> targets, List<Case> cases, List<Model> fallback, Costs costs) {
        this.name = written.name();
        this.targets = List.copyOf(targets);
        this.profile = written.profile();
        this.context = longest(written.context(), fallback);
        this.maxOutput = written.maxOutput();
        this.policy = written.policy();
        this.costs = costs;
        this.cases = List.copyOf(cases);
        this.fallback = List.copyOf(fallback);
        Case first = cases.getFirst();
        boolean plain =
                first.only != null && first.share == null && first.when.terms().isEmpty() && fallback.isEmpty();
        this.only = plain ? first : null;
    }

    private static long longest(long own, List<Model> fallback) {
        boolean known = own > 0 && fallback.stream().allMatch(each -> each.context > 0);
        return known ? fallback.stream().mapToLong(Model::context).reduce(own, Math::max) : 0;
    }

    /** What clients write as {@code model}. */
    public String name() {
        return name;
    }

    /** Who can serve it, each once, the preferred one first, those of models that it falls back on not among them; never empty. */
    public List<Target> targets() {
        return targets;
    }

    /** Whether one of its targets is at this provider, or one of those that it falls back on. */
    public boolean servedBy(String provider) {
        return targets.stream().anyMatch(each -> each.provider().equals(provider))
                || fallback.stream().anyMatch(each -> each.servedBy(provider));
    }

    /** What its upstream is known to refuse. */
    public ModelSettings.Profile profile() {
        return profile;
    }

    /** The most tokens of prompt and answer together that somebody takes who is asked, fallbacks included; 0 when unknown. */
    public long context() {
        return context;
    }

    /** Tokens of an answer, 0 when unknown. */
    public long maxOutput() {
        return maxOutput;
    }

    /** How its calls are tried. */
    public Policy policy() {
        return policy;
    }

    /** Whether it has a case of this name that takes a share of its calls. */
    public boolean shares(String named) {
        return cases.stream().anyMatch(each -> each.share != null && each.name.equals(named));
    }

    Costs costs() {
        return costs;
    }

    List<Case> cases() {
        return cases;
    }

    @Nullable Case only() {
        return only;
    }

    List<Model> fallback() {
        return fallback;
    }
}
