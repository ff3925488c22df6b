package dev.lockkeeper.routing;

import static dev.lockkeeper.routing.Made.call;
import static dev.lockkeeper.routing.Made.in;
import static dev.lockkeeper.routing.Made.model;
import static dev.lockkeeper.routing.Made.only;
import static dev.lockkeeper.routing.Made.order;
import static dev.lockkeeper.routing.Made.settings;
import static dev.lockkeeper.routing.Made.target;
import static dev.lockkeeper.routing.Made.when;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RouterTest {
    private static final long NOW = 1_763_774_400_000L;

    private final Made.Known pulse = new Made.Known();
    private final Router router = router(Flags.NONE);

    private Router router(Flags flags) {
        return new Router(pulse, flags, new SplittableRandom(7));
    }

    private static CaseSettings ranks(String... targets) {
        return new CaseSettings(
                "",
                Condition.ALWAYS,
                null,
                Arrays.stream(targets).map(each -> List.of(target(each, 1))).toList(),
                Choose.WEIGHT,
                Anchor.PROMPT_CACHE_KEY);
    }

    @Test
    void ranksComeOneAfterTheOther() {
        Plan plan = router.plan(model(ranks("a/x", "b/x", "c/x")), Traits.NONE, NOW);

        assertThat(order(plan)).containsExactly("a/x", "b/x", "c/x");
        assertThat(plan.chosenBy()).isEmpty();
        assertThat(plan.out()).isEmpty();
    }

    @Test
    void aModelWithOneTargetHasOnePlan() {
        Model one = model(ranks("a/x"));

        assertThat(router.plan(one, Traits.NONE, NOW))
                .isSameAs(router.plan(one, Traits.NONE, NOW))
                .isEqualTo(router.explain(one, Traits.NONE, NOW).plan());
    }

    @Test
    void theFirstCaseThatHoldsServes() {
        Model auto = model(
                when("hard", null, "a/pro", new Term.Said(Property.COMPLEXITY, Set.of("critical"), false)),
                when("long", null, "a/long", new Term.Tokens(List.of(new Term.Range(1000, Long.MAX_VALUE)), false)),
                when("rest", null, "a/mini"));

        Plan hard = router.plan(
                auto,
                call().with("complexity", Traits.Complexity.CRITICAL)
                        .with("inputTokens", 5000L)
                        .traits(),
                NOW);
        Plan longer = router.plan(auto, call().with("inputTokens", 1000L).traits(), NOW);
        Plan rest = router.plan(auto, call().with("inputTokens", 999L).traits(), NOW);

        assertThat(List.of(hard.chosenBy(), longer.chosenBy(), rest.chosenBy()))
                .containsExactly("hard", "long", "rest");
        assertThat(order(hard)).containsExactly("a/pro");
        assertThat(router.explain(auto, call().with("inputTokens", 999L).traits(), NOW)
                        .cases())
                .containsExactly(
                        new Explanation.Looked(
                                "m", "hard", false, "complexity is unknown (expected: complexity: critical)"),
                        new Explanation.Looked(
                                "m", "long", false, "input-tokens are 999 (expected: input-tokens: 1000..)"),
                        new Explanation.Looked("m", "rest", true, "any call"));
    }

    @Test
    void whereNoCaseHoldsNobodyIsAsked() {
        Model picky = model(when("tools", null, "a/x", new Term.Said(Property.TOOLS, Set.of("true"), false)));

        Plan plan = router.plan(picky, Traits.NONE, NOW);

        assertThat(plan.order()).isEmpty();
        assertThat(plan.out()).isEmpty();
    }

    @Test
    void aModelKnowsWhichCasesTakeAShareAndModelsWhichRegionsAreServed() {
        Model trial = model(when("new", new Share(0, Anchor.PROJECT), "a/new"), when("old", null, "a/old"));
        assertThat(trial.shares("new")).isTrue();
        assertThat(trial.shares("old")).as("has none").isFalse();
        assertThat(trial.shares("other")).isFalse();

        Models models = new Models(
                List.of(), new Catalog(List.of()), Map.of("a", new Site(Set.of("eu", "ch"), Map.of())), Costs.UNKNOWN);
        assertThat(models.isServed("ch")).isTrue();
        assertThat(models.isServed("us")).isFalse();
    }

    @Test
    void aFlagHoldsInPlaceOfTheShare() {
        Model trial = model(when("new", new Share(0, Anchor.PROJECT), "a/new"), when("old", null, "a/old"));
        Flags flags = (model, named, call) ->
                model.equals("m") && named.equals("new") && call.project().equals("brave") ? 100 : -1;

        assertThat(order(router(flags)
                        .plan(trial, call().with("project", "brave").traits(), NOW)))
                .containsExactly("a/new");
        assertThat(order(router(flags)
                        .plan(trial, call().with("project", "timid").traits(), NOW)))
                .containsExactly("a/old");
        assertThat(router(flags)
                        .explain(trial, call().with("project", "brave").traits(), NOW)
                        .cases()
                        .getFirst()
                        .why())
                .startsWith("any call; share: 100% by a flag, and by project this call stands at ");
    }

    @Test
    void aPinnedCallGoesWhereItsObjectsLive() {
        Plan plan = router.plan(
                model(ranks("a/x", "b/x")), call().with("pinned", "b").traits(), NOW);

        assertThat(order(plan)).containsExactly("b/x");
        assertThat(plan.out())
                .containsExactly(new Plan.Out(
                        new Candidate(new Target("a", "x"), ""),
                        Plan.Cause.PINNED,
                        "what the call names lives at b",
                        -1));
    }

    @Test
    void aBoundCallStaysInItsRegionsFallbacksIncluded() {
        Model model = model(
                Map.of("us", in("us"), "eu", in("eu", "de"), "old", in("eu")),
                Costs.UNKNOWN,
                settings("m", List.of("other"), ranks("us/x", "eu/x", "nowhere/x")),
                settings("other", List.of(), ranks("old/x", "us/y")));
        Traits bound = call().with("regions", Set.of("eu")).traits();

        Plan plan = router.plan(model, bound, NOW);

        assertThat(order(plan)).containsExactly("eu/x", "old/x");
        assertThat(plan.out())
                .extracting(Plan.Out::why)
                .containsExactly(
                        "the call is bound to eu, and this one is in us",
                        "the call is bound to eu, and nobody says where this one is",
                        "the call is bound to eu, and this one is in us");
        assertThat(router.explain(model, bound, NOW).plan()).isEqualTo(plan);
    }

    @Test
    void modelsThatAreFallenBackOnComeAfterAllOfItsOwnEachOnce() {
        Model model = model(
                Map.of(),
                Costs.UNKNOWN,
                settings("m", List.of("b", "c"), ranks("p/m")),
                settings("b", List.of("d"), ranks("p/b", "p/m")),
                settings("c", List.of("d"), ranks("p/c")),
                settings("d", List.of(), ranks("p/d")));

        assertThat(order(router.plan(model, Traits.NONE, NOW))).containsExactly("p/m", "p/b", "p/d", "p/c");
        assertThat(model.servedBy("p")).isTrue();
        assertThat(model.servedBy("q")).isFalse();
    }

    @Test
    void aModelTakesAsMuchAsTheLongestThatItFallsBackOn() {
        ModelSettings shorter = sized("short", 1_000, "long");
        ModelSettings longer = sized("long", 9_000);
        ModelSettings unknown = sized("odd", 5_000, "own");

        Models models = new Models(List.of(shorter, longer, unknown, sized("own", 0)));

        assertThat(models.all().stream().map(Model::context)).containsExactly(9_000L, 9_000L, 0L, 0L);
    }

    private static ModelSettings sized(String name, long context, String... fallback) {
        return new ModelSettings(
                name,
                List.of(ranks("p/" + name)),
                List.of(fallback),
                ModelSettings.Profile.AUTO,
                context,
                0,
                Policy.USUAL);
    }

    @Test
    void aModelThatFallsBackOnItselfIsNone() {
        assertThatThrownBy(() -> new Models(
                        List.of(settings("m", List.of("b"), ranks("p/m")), settings("b", List.of("m"), ranks("p/b")))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("model m falls back on itself");
    }

    @Test
    void whoCantServeTheCallIsLeftOutWithTheReason() {
        Abilities small = new Abilities(1000, 100, Set.of(), Set.of(Skill.TOOLS), Set.of("low"), Set.of());
        Model model = model(new CaseSettings(
                "",
                Condition.ALWAYS,
                null,
                List.of(List.of(target("a/small", 1, small)), List.of(target("a/big", 1))),
                Choose.WEIGHT,
                Anchor.PROMPT_CACHE_KEY));

        assertThat(why(model, call().with("inputTokens", 2000L)))
                .isEqualTo("it takes 1000 tokens, and the call comes to about 2000");
        assertThat(why(model, call().with("outputLimit", 101L)))
                .isEqualTo("its answers have at most 100 tokens, and the call asks for 101");
        assertThat(why(model, call().with("tools", true))).isEqualTo("it doesn't take tools that the call has");
        assertThat(why(model, call().with("effort", "high"))).isEqualTo("it doesn't take the effort high");
        assertThat(order(router.plan(
                        model,
                        call().with("inputTokens", 1000L)
                                .with("outputLimit", 100L)
                                .with("effort", "low")
                                .traits(),
                        NOW)))
                .containsExactly("a/small", "a/big");
    }

    private String why(Model model, Made.Call call) {
        Plan plan = router.plan(model, call.traits(), NOW);
        assertThat(order(plan)).containsExactly("a/big");
        assertThat(plan.out()).extracting(Plan.Out::cause).containsExactly(Plan.Cause.ABILITY);
        return plan.out().getFirst().why();
    }

    private static final Catalog CATALOG = new Catalog(List.of(
            new Catalog.Known(
                    "openai",
                    "pro",
                    Catalog.Kind.CHAT,
                    1000,
                    100,
                    List.of("responses"),
                    Set.of(Skill.TOOLS),
                    Set.of(Skill.IMAGES),
                    List.of()),
            new Catalog.Known(
                    "other",
                    "claude",
                    Catalog.Kind.CHAT,
                    1000,
                    100,
                    List.of("messages"),
                    Set.of(),
                    Set.of(),
                    List.of())));

    @Test
    void whatTheCatalogueSaysNeverLeavesACallWithNobody() {
        Model both = model(CATALOG, Map.of(), Costs.UNKNOWN, settings("m", List.of(), ranks("a/pro", "b/own")));
        Model one = model(CATALOG, Map.of(), Costs.UNKNOWN, settings("m", List.of(), ranks("a/pro")));
        Traits pictures = call().with("images", true).traits();
        Traits chat = call().with("endpoint", "chat").traits();

        assertThat(order(router.plan(both, pictures, NOW))).containsExactly("b/own");
        assertThat(order(router.plan(both, chat, NOW))).containsExactly("b/own");
        assertThat(router.plan(both, chat, NOW).out().getFirst().why()).isEqualTo("it isn't served at chat");
        assertThat(order(router.plan(one, pictures, NOW))).containsExactly("a/pro");
        pulse.rests.put("b/own", 100L);
        assertThat(order(router.plan(both, pictures, NOW))).containsExactly("b/own");
    }

    @Test
    void theOperatorsWordWinsOverTheCatalogue() {
        Abilities sees = new Abilities(0, 0, Set.of(Skill.IMAGES), Set.of(), Set.of(), Set.of());
        Model model = model(
                CATALOG,
                Map.of(),
                Costs.UNKNOWN,
                settings(
                        "m", List.of(), only(Choose.WEIGHT, Anchor.KEY, target("a/pro", 1, sees), target("b/own", 0))));

        assertThat(order(router.plan(model, call().with("images", true).traits(), NOW)))
                .containsExactly("a/pro", "b/own");
    }

    @Test
    void theCatalogueKnowsNothingOfWhereOthersServeAModel() {
        Model model = model(CATALOG, Map.of(), Costs.UNKNOWN, settings("m", List.of(), ranks("r/claude", "b/own")));

        assertThat(order(router.plan(model, call().with("endpoint", "chat").traits(), NOW)))
                .containsExactly("r/claude", "b/own");
    }

    @Test
    void whoRestsComesLastOrIsLeftOut() {
        Model model = model(ranks("a/x", "b/x", "c/x", "d/x", "e/x"));
        pulse.rests.putAll(Map.of("a/x", 5000L, "b/x", 1000L, "c/x", 61_000L, "d/x", -1L));

        Plan plan = router.plan(model, Traits.NONE, NOW);

        assertThat(order(plan)).containsExactly("e/x", "b/x", "a/x");
        assertThat(plan.out())
                .extracting(out -> out.candidate() + " " + out.cause() + " " + out.why() + " " + out.opensInMillis())
                .containsExactly("c/x RESTING it failed 61000", "d/x RESTING it failed -1");
        Explanation explained = router.explain(model, Traits.NONE, NOW);
        assertThat(explained.plan()).isEqualTo(plan);
        assertThat(explained.stands())
                .extracting(Explanation.Stands::why)
                .containsExactly(
                        "the only one of its rank",
                        "it rests for 1000 ms, so it comes last: it failed",
                        "it rests for 5000 ms, so it comes last: it failed");
    }

    @Test
    void theOnlyTargetIsAskedThoughItRests() {
        pulse.rests.put("a/x", 61_000L);

        assertThat(order(router.plan(model(ranks("a/x")), Traits.NONE, NOW))).containsExactly("a/x");
    }

    @Test
    void withinARankTheQuickestComesFirstButForAFew() {
        Model model = model(only(Choose.LATENCY, Anchor.KEY, target("a/x", 1), target("b/x", 1), target("c/x", 1)));
        pulse.firstToken.putAll(Map.of("a/x", 900_000_000L, "b/x", 300_000_000L, "c/x", 600_000_000L));

        Map<List<String>, Integer> orders = new LinkedHashMap<>();
        for (int i = 0; i < 3200; i++) {
            orders.merge(order(router.plan(model, Traits.NONE, NOW)), 1, Integer::sum);
        }

        assertThat(orders.get(List.of("b/x", "c/x", "a/x"))).isBetween(3050, 3190);
        assertThat(orders).hasSize(6);
    }

    @Test
    void whoWasNeverAskedIsAsTheQuickest() {
        Model model = model(only(Choose.LATENCY, Anchor.KEY, target("a/x", 1), target("b/x", 1), target("new/x", 1)));
        pulse.firstToken.putAll(Map.of("a/x", 900_000_000L, "b/x", 300_000_000L));

        Map<String, Integer> first = new LinkedHashMap<>();
        for (int i = 0; i < 1000; i++) {
            first.merge(order(router.plan(model, Traits.NONE, NOW)).getFirst(), 1, Integer::sum);
        }

        assertThat(first.get("new/x")).isBetween(400, 600);
        assertThat(first.get("b/x")).isBetween(400, 600);
    }

    @Test
    void withinARankTheLeastBusyForItsWeightComesFirst() {
        Model model = model(only(Choose.BUSY, Anchor.KEY, target("a/x", 1), target("b/x", 4)));
        pulse.busy.putAll(Map.of("a/x", 1, "b/x", 5));

        assertThat(order(router.plan(model, Traits.NONE, NOW))).containsExactly("b/x", "a/x");
        pulse.busy.put("b/x", 8);
        assertThat(order(router.plan(model, Traits.NONE, NOW))).containsExactly("a/x", "b/x");
    }

    @Test
    void withinARankTheCheapestForTheCallComesFirst() {
        Costs costs = (at, call, _) -> switch (at.provider()) {
            case "short" -> call.inputTokens() > 100 ? 9_000 : 1_000;
            case "long" -> 5_000;
            default -> -1;
        };
        Model model = model(
                Map.of(),
                costs,
                settings(
                        "m",
                        List.of(),
                        only(Choose.PRICE, Anchor.KEY, target("who/x", 9), target("long/x", 1), target("short/x", 1))));

        assertThat(order(router.plan(model, call().with("inputTokens", 100L).traits(), NOW)))
                .containsExactly("short/x", "long/x", "who/x");
        assertThat(order(router.plan(model, call().with("inputTokens", 101L).traits(), NOW)))
                .containsExactly("long/x", "short/x", "who/x");
    }

    @Test
    void aProviderStandsInItsRankOnceForEachOfItsKeys() {
        Map<String, Integer> keys = new LinkedHashMap<>();
        keys.put("a", 3);
        keys.put("b", 1);
        Model model = model(
                Map.of("p", new Site(Set.of(), keys)),
                Costs.UNKNOWN,
                settings("m", List.of(), only(Choose.WEIGHT, Anchor.KEY, target("p/x", 1), target("q/x", 1))));

        Map<String, Integer> first = new LinkedHashMap<>();
        for (int i = 0; i < 8000; i++) {
            List<String> order = order(router.plan(model, Traits.NONE, NOW));
            assertThat(order).containsExactlyInAnyOrder("p/x#a", "p/x#b", "q/x");
            first.merge(order.getFirst(), 1, Integer::sum);
        }
        assertThat(first.get("p/x#a")).isBetween(2800, 3200);
        assertThat(first.get("p/x#b")).isBetween(850, 1150);
        assertThat(first.get("q/x")).isBetween(3800, 4200);
    }

    @Test
    void aModelsTargetsAreThoseOfAllItsCasesEachOnce() {
        Model auto = model(when("one", new Share(5, Anchor.KEY), "a/x"), when("two", null, "b/x"));
        ModelSettings written = settings("m", List.of(), when("one", null, "a/x"), when("two", null, "a/x"));

        assertThat(auto.targets()).containsExactly(new Target("a", "x"), new Target("b", "x"));
        assertThat(written.targets()).containsExactly(new TargetSettings("a", "x"));
    }
}
