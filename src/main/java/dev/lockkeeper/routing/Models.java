package dev.lockkeeper.routing;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The models that clients may ask for, in the operator's order. Immutable; any thread. */
public final class Models {
    /** The catalogue knows where these serve their models; who serves a model in another's name may do so anywhere. */
    private static final Set<String> OWN_ENDPOINTS = Set.of("chat", "responses");

    private final Map<String, Model> byName = new LinkedHashMap<>();
    private final Catalog catalog;
    private final Map<String, Site> sites;
    private final Costs costs;

    /**
     * @param catalog what is known of the targets
     * @param sites what matters of their providers, by name
     * @param costs what calls cost at them
     */
    public Models(List<ModelSettings> settings, Catalog catalog, Map<String, Site> sites, Costs costs) {
        this.catalog = catalog;
        this.sites = Map.copyOf(sites);
        this.costs = costs;
        Map<String, ModelSettings> written = new LinkedHashMap<>();
        settings.forEach(each -> written.put(each.name(), each));
        Map<String, Model> made = new LinkedHashMap<>();
        settings.forEach(each -> byName.put(each.name(), model(each, written, made, new HashSet<>())));
    }

    /** Models of whose targets nothing is known. */
    public Models(List<ModelSettings> settings) {
        this(settings, new Catalog(List.of()), Map.of(), Costs.UNKNOWN);
    }

    /** The model of a name, or null. */
    public @Nullable Model find(String name) {
        return byName.get(name);
    }

    /** Whether a provider says of a region that what it is sent stays there. */
    public boolean isServed(String region) {
        return sites.values().stream().anyMatch(each -> each.regions().contains(region));
    }

    /** All models, in the operator's order. */
    public Collection<Model> all() {
        return byName.values();
    }

    private Model model(
            ModelSettings written, Map<String, ModelSettings> all, Map<String, Model> made, Set<String> making) {
        Model before = made.get(written.name());
        if (before != null) {
            return before;
        }
        if (!making.add(written.name())) {
            throw new IllegalArgumentException("model " + written.name() + " falls back on itself");
        }
        List<Model> fallback = new ArrayList<>();
        for (String name : written.fallback()) {
            fallback.add(model(Objects.requireNonNull(all.get(name), name), all, made, making));
        }
        List<Target> targets = written.targets().stream()
                .map(each -> new Target(each.provider(), each.model()))
                .toList();
        List<Case> cases = written.cases().stream()
                .map(each -> new Case(
                        written.name(),
                        each.name(),
                        each.when(),
                        each.share(),
                        each.ranks().stream().map(this::rank).toList(),
                        each.choose(),
                        each.sticky()))
                .toList();
        Model model = new Model(written, targets, cases, fallback, costs);
        made.put(written.name(), model);
        return model;
    }

    /** A rank's targets with each of their providers' keys. */
    private Entry[] rank(List<ModelSettings.RankedTarget> written) {
        List<Entry> rank = new ArrayList<>();
        for (ModelSettings.RankedTarget each : written) {
            Target target = new Target(each.target().provider(), each.target().model());
            Site site = sites.getOrDefault(target.provider(), Site.ANYWHERE);
            Catalog.Known known = catalog.find(target.model());
            Abilities rest = known == null ? Abilities.UNSAID : usable(known).without(each.abilities());
            long sum =
                    site.keys().values().stream().mapToLong(Integer::longValue).sum();
            if (site.keys().isEmpty()) {
                rank.add(entry(new Candidate(target, ""), each.weight(), site, each.abilities(), rest));
            }
            site.keys().forEach((key, weight) -> {
                double part = (double) each.weight() * weight / Math.max(1, sum);
                rank.add(entry(new Candidate(target, key), part, site, each.abilities(), rest));
            });
        }
        return rank.toArray(Entry[]::new);
    }

    private static Entry entry(Candidate candidate, double weight, Site site, Abilities written, Abilities known) {
        return new Entry(candidate, weight, Hash.of(candidate.toString()), site.regions(), written, known);
    }

    private static Abilities usable(Catalog.Known known) {
        Set<String> endpoints = known.vendor().equals("openai")
                ? known.endpoints().stream().filter(OWN_ENDPOINTS::contains).collect(Collectors.toSet())
                : Set.of();
        return new Abilities(
                known.context(),
                known.maxOutput(),
                known.takes(),
                known.lacks(),
                Set.copyOf(known.efforts()),
                endpoints);
    }
}
