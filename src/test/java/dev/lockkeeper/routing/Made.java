package dev.lockkeeper.routing;

import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Models and calls, made in few words. */
final class Made {
    private Made() {}

    static RankedTarget target(String name, int weight) {
        return target(name, weight, Abilities.UNSAID);
    }

    static RankedTarget target(String name, int weight, Abilities abilities) {
        int slash = name.indexOf('/');
        return new RankedTarget(
                new TargetSettings(name.substring(0, slash), name.substring(slash + 1)), weight, abilities);
    }

    static CaseSettings only(Choose choose, Anchor sticky, RankedTarget... rank) {
        return new CaseSettings("", Condition.ALWAYS, null, List.of(List.of(rank)), choose, sticky);
    }

    static CaseSettings when(String name, @Nullable Share share, String target, Term... terms) {
        return new CaseSettings(
                name,
                new Condition(List.of(terms)),
                share,
                List.of(List.of(target(target, 1))),
                Choose.WEIGHT,
                Anchor.PROMPT_CACHE_KEY);
    }

    static ModelSettings settings(String name, List<String> fallback, CaseSettings... cases) {
        return new ModelSettings(name, List.of(cases), fallback, Profile.AUTO, 0, 0, Policy.USUAL);
    }

    static Model model(CaseSettings... cases) {
        return model(Map.of(), Costs.UNKNOWN, settings("m", List.of(), cases));
    }

    /** The first of some models. */
    static Model model(Map<String, Site> sites, Costs costs, ModelSettings... models) {
        return model(new Catalog(List.of()), sites, costs, models);
    }

    static Model model(Catalog catalog, Map<String, Site> sites, Costs costs, ModelSettings... models) {
        Models made = new Models(List.of(models), catalog, sites, costs);
        return Objects.requireNonNull(made.find(models[0].name()));
    }

    static List<String> order(Plan plan) {
        return plan.order().stream().map(Candidate::toString).toList();
    }

    /** Traits that differ from none. */
    static Call call() {
        return new Call();
    }

    /** Builds traits. */
    static final class Call {
        private final Map<String, Object> told = new HashMap<>();

        Call with(String name, Object value) {
            told.put(name, value);
            return this;
        }

        Traits traits() {
            List<Object> values = new ArrayList<>();
            Traits none = Traits.NONE;
            var components = Traits.class.getRecordComponents();
            Class<?>[] types = new Class<?>[components.length];
            try {
                for (int i = 0; i < components.length; i++) {
                    types[i] = components[i].getType();
                    Object value = told.remove(components[i].getName());
                    values.add(
                            value != null ? value : components[i].getAccessor().invoke(none));
                }
                if (!told.isEmpty()) {
                    throw new IllegalArgumentException("no traits: " + told.keySet());
                }
                return Traits.class.getDeclaredConstructor(types).newInstance(values.toArray());
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** How candidates are, by their names. */
    static final class Known implements Pulse {
        final Map<String, Long> rests = new HashMap<>();
        final Map<String, Long> firstToken = new HashMap<>();
        final Map<String, Integer> busy = new HashMap<>();

        @Override
        public long restsMillis(Candidate at) {
            return rests.getOrDefault(at.toString(), 0L);
        }

        @Override
        public String whyItRests(Candidate at) {
            return "it failed";
        }

        @Override
        public long firstTokenNanos(Candidate at) {
            return firstToken.getOrDefault(at.toString(), 0L);
        }

        @Override
        public int busy(Candidate at) {
            return busy.getOrDefault(at.toString(), 0);
        }
    }

    static Site in(String... regions) {
        return new Site(Set.of(regions), Map.of());
    }
}
