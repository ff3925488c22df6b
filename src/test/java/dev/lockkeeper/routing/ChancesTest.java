package dev.lockkeeper.routing;

import static dev.lockkeeper.routing.Made.call;
import static dev.lockkeeper.routing.Made.model;
import static dev.lockkeeper.routing.Made.only;
import static dev.lockkeeper.routing.Made.order;
import static dev.lockkeeper.routing.Made.target;
import static dev.lockkeeper.routing.Made.when;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** What chance and hashes decide: weights, shares, what sticks to what. */
class ChancesTest {
    private static final int CALLS = 2_000;

    private static Router router(long seed) {
        return new Router(Pulse.NONE, Flags.NONE, new SplittableRandom(seed));
    }

    private static RankedTarget[] targets(List<Integer> weights) {
        List<RankedTarget> targets = new ArrayList<>();
        for (int i = 0; i < weights.size(); i++) {
            targets.add(target("p" + i + "/m", weights.get(i)));
        }
        return targets.toArray(RankedTarget[]::new);
    }

    private static Traits cached(String key) {
        return call().with("promptCacheKey", key).traits();
    }

    @Property(tries = 8)
    void eachTargetIsFirstAsOftenAsItsWeightSays(
            @ForAll @Size(min = 1, max = 5) List<@IntRange(min = 0, max = 20) Integer> weights, @ForAll long seed) {
        int sum = weights.stream().mapToInt(Integer::intValue).sum();
        if (sum == 0) {
            return;
        }
        Model model = model(only(Choose.WEIGHT, Anchor.KEY, targets(weights)));
        Router router = router(seed);
        Map<String, Integer> first = new HashMap<>();
        for (int i = 0; i < CALLS; i++) {
            Plan plan = router.plan(model, Traits.NONE, 0);
            assertThat(plan.order()).hasSize(weights.size()).doesNotHaveDuplicates();
            first.merge(order(plan).getFirst(), 1, Integer::sum);
        }
        for (int i = 0; i < weights.size(); i++) {
            double share = first.getOrDefault("p" + i + "/m", 0) / (double) CALLS;
            assertThat(share).isCloseTo(weights.get(i) / (double) sum, within(0.06));
        }
    }

    @Property(tries = 8)
    void stickyTargetsGetCallsByTheirWeightsAndAlwaysTheSame(
            @ForAll @Size(min = 2, max = 5) List<@IntRange(min = 1, max = 20) Integer> weights, @ForAll long seed) {
        int sum = weights.stream().mapToInt(Integer::intValue).sum();
        Model model = model(only(Choose.STICKY, Anchor.PROMPT_CACHE_KEY, targets(weights)));
        Map<String, Integer> first = new HashMap<>();
        for (int i = 0; i < CALLS; i++) {
            Traits traits = cached("prefix " + seed + " " + i);
            List<String> order = order(router(seed).plan(model, traits, 0));
            first.merge(order.getFirst(), 1, Integer::sum);
            assertThat(order(router(seed + 1).plan(model, traits, 99))).isEqualTo(order);
        }
        for (int i = 0; i < weights.size(); i++) {
            double share = first.getOrDefault("p" + i + "/m", 0) / (double) CALLS;
            assertThat(share).isCloseTo(weights.get(i) / (double) sum, within(0.06));
        }
    }

    @Property(tries = 15)
    void whenAStickyTargetLeavesOnlyItsOwnCallsMove(
            @ForAll @Size(min = 2, max = 6) List<@IntRange(min = 1, max = 20) Integer> weights,
            @ForAll @IntRange(min = 0, max = 5) int leaves) {
        RankedTarget[] all = targets(weights);
        int gone = leaves % all.length;
        List<RankedTarget> rest = new ArrayList<>(List.of(all));
        rest.remove(gone);
        Model before = model(only(Choose.STICKY, Anchor.PROMPT_CACHE_KEY, all));
        Model after = model(only(Choose.STICKY, Anchor.PROMPT_CACHE_KEY, rest.toArray(RankedTarget[]::new)));
        for (int i = 0; i < 300; i++) {
            List<String> was = new ArrayList<>(order(router(1).plan(before, cached("k" + i), 0)));
            was.remove("p" + gone + "/m");
            assertThat(order(router(2).plan(after, cached("k" + i), 0))).isEqualTo(was);
        }
    }

    @Property(tries = 6)
    void aShareIsAsLargeAsItSaysAndAlwaysOfTheSameProjects(
            @ForAll @DoubleRange(min = 0, max = 100) double percent, @ForAll long seed) {
        Model model = model(when("new", new Share(percent, Anchor.PROJECT), "p/new"), when("old", null, "p/old"));
        int in = 0;
        for (int i = 0; i < CALLS; i++) {
            Traits traits = call().with("project", "proj_" + seed + i)
                    .with("key", "key_" + i)
                    .traits();
            List<String> order = order(router(seed).plan(model, traits, 0));
            Traits other = call().with("project", "proj_" + seed + i)
                    .with("key", "other")
                    .traits();
            assertThat(order(router(seed + 1).plan(model, other, 5))).isEqualTo(order);
            in += order.equals(List.of("p/new")) ? 1 : 0;
        }
        assertThat(100.0 * in / CALLS).isCloseTo(percent, within(6.0));
    }

    @Property(tries = 200)
    void whoIsInAShareIsInALargerOne(
            @ForAll @DoubleRange(min = 0, max = 100) double one,
            @ForAll @DoubleRange(min = 0, max = 100) double other,
            @ForAll @IntRange(min = 0, max = 1_000_000) int project) {
        Traits traits = call().with("project", "proj_" + project).traits();
        if (isIn(Math.min(one, other), traits)) {
            assertThat(isIn(Math.max(one, other), traits)).isTrue();
        }
        assertThat(isIn(0, traits)).isFalse();
        assertThat(isIn(100, traits)).isTrue();
    }

    private static boolean isIn(double percent, Traits traits) {
        Model model = model(when("new", new Share(percent, Anchor.PROJECT), "p/new"), when("old", null, "p/old"));
        return router(1).plan(model, traits, 0).chosenBy().equals("new");
    }

    @Property(tries = 4)
    void theSharesOfTwoCasesHaveNothingToDoWithEachOther(@ForAll long seed) {
        Model model = model(
                when("a", new Share(50, Anchor.PROJECT), "p/a"),
                when("b", new Share(50, Anchor.PROJECT), "p/b"),
                when("c", null, "p/c"));
        Map<String, Integer> chosen = new HashMap<>();
        for (int i = 0; i < CALLS; i++) {
            Traits traits = call().with("project", "proj_" + seed + i).traits();
            chosen.merge(router(1).plan(model, traits, 0).chosenBy(), 1, Integer::sum);
        }
        assertThat(chosen.get("a")).isBetween(860, 1_140);
        assertThat(chosen.get("b")).isBetween(390, 610);
    }

    @Provide
    Arbitrary<Traits> calls() {
        return Combinators.combine(
                        Arbitraries.of(0L, 500L, 1_500L),
                        Arbitraries.of(true, false),
                        Arbitraries.of("", "p0", "p1"),
                        Arbitraries.of(Set.of(), Set.of("eu"), Set.of("eu", "us")),
                        Arbitraries.of("", "key"))
                .as((tokens, tools, pinned, regions, key) -> call().with("inputTokens", tokens)
                        .with("tools", tools)
                        .with("pinned", pinned)
                        .with("regions", regions)
                        .with("promptCacheKey", key)
                        .traits());
    }

    /** What is explained is what is done: for each model shape, call and state of the targets. */
    @Property(tries = 300)
    void whatIsExplainedIsWhatIsDone(
            @ForAll("calls") Traits traits,
            @ForAll @IntRange(min = 1, max = 3) int targets,
            @ForAll Choose choose,
            @ForAll @Size(3) List<@IntRange(min = 0, max = 2) Integer> rests) {
        Made.Known pulse = new Made.Known();
        RankedTarget[] rank = new RankedTarget[targets];
        Map<String, Site> sites = new HashMap<>();
        for (int i = 0; i < targets; i++) {
            Abilities abilities = i == 0
                    ? new Abilities(1_000, 0, Set.of(), Set.of(Skill.TOOLS), Set.of(), Set.of())
                    : Abilities.UNSAID;
            rank[i] = target("p" + i + "/m", i + 1, abilities);
            sites.put("p" + i, Made.in(i == 1 ? "eu" : "us"));
            pulse.rests.put("p" + i + "/m", List.of(0L, 5_000L, 500_000L).get(rests.get(i)));
            pulse.firstToken.put("p" + i + "/m", 100_000_000L * (3 - i));
        }
        Model model =
                model(sites, Costs.UNKNOWN, Made.settings("m", List.of(), only(choose, Anchor.PROMPT_CACHE_KEY, rank)));

        Plan plan = new Router(pulse, Flags.NONE, new SplittableRandom(3)).plan(model, traits, 0);
        Explanation explained = new Router(pulse, Flags.NONE, new SplittableRandom(3)).explain(model, traits, 0);

        assertThat(explained.plan()).isEqualTo(plan);
        assertThat(explained.stands()).extracting(Explanation.Stands::candidate).isEqualTo(plan.order());
        assertThat(explained.stands()).allSatisfy(each -> assertThat(each.why()).isNotBlank());
        assertThat(plan.order().size() + plan.out().size()).isEqualTo(targets);
    }
}
