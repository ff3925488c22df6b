package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Term;
import dev.lockkeeper.routing.Traits;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** What is called unreachable is so for every call there is, and nothing else is, as far as one looks. */
class ReachTest {
    /** Each value that the conditions below can tell from others, and one more of each kind. */
    private static List<Traits> calls() {
        List<Traits> calls = new ArrayList<>();
        Traits none = Traits.NONE;
        for (long tokens : new long[] {0, 9, 10, 19, 20, 29, 30, 1_000_000}) {
            for (boolean tools : new boolean[] {true, false}) {
                for (String tag : new String[] {"", "a", "b", "c", "other"}) {
                    for (Traits.Complexity complexity : Traits.Complexity.values()) {
                        calls.add(new Traits(
                                tokens,
                                -1,
                                false,
                                tools,
                                false,
                                false,
                                false,
                                false,
                                "",
                                "",
                                tag,
                                complexity,
                                "",
                                "",
                                "",
                                "",
                                "",
                                "",
                                false,
                                "",
                                "",
                                none.conversation(),
                                "",
                                Set.of(),
                                "",
                                ""));
                    }
                }
            }
        }
        return calls;
    }

    private static final List<Traits> CALLS = calls();

    private static final List<Long> HOURS = List.of(
            Instant.parse("2026-11-23T05:00:00Z").toEpochMilli(),
            Instant.parse("2026-11-23T12:00:00Z").toEpochMilli());

    @Provide
    Arbitrary<List<Condition>> conditions() {
        Arbitrary<Boolean> except = Arbitraries.of(true, false);
        Arbitrary<Term> tokens = Combinators.combine(
                        Arbitraries.of(0L, 10L, 20L), Arbitraries.of(9L, 19L, 29L, Long.MAX_VALUE), except)
                .as((from, to, not) -> (Term) new Term.Tokens(List.of(new Term.Range(Math.min(from, to), to)), not));
        Arbitrary<Term> tools = Combinators.combine(Arbitraries.of("true", "false"), except)
                .as((value, not) -> (Term) new Term.Said(Property.TOOLS, Set.of(value), not));
        Arbitrary<Term> tags = Combinators.combine(
                        Arbitraries.of("", "a", "b", "c").set().ofMinSize(1).ofMaxSize(3), except)
                .as((values, not) -> (Term) new Term.Said(Property.TAG, values, not));
        Arbitrary<Term> complexities = Combinators.combine(
                        Arbitraries.of(new HashSet<>(Property.COMPLEXITY.all()))
                                .set()
                                .ofMinSize(1)
                                .ofMaxSize(4),
                        except)
                .as((values, not) -> (Term) new Term.Said(Property.COMPLEXITY, values, not));
        Arbitrary<Term> hours = except.map(not -> {
            BitSet morning = new BitSet();
            for (int day = 0; day < 7; day++) {
                morning.set(day * 24, day * 24 + 8);
            }
            return new Term.Hours(ZoneOffset.UTC, morning, "0-8", not);
        });
        return Arbitraries.oneOf(tokens, tools, tags, complexities, hours)
                .list()
                .ofMaxSize(3)
                .map(Condition::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(5);
    }

    @net.jqwik.api.Property(tries = 1000)
    void itIsNeverReachedIfAndOnlyIfNoCallGetsThere(@ForAll("conditions") List<Condition> conditions) {
        Condition last = conditions.getLast();
        List<Condition> before = conditions.subList(0, conditions.size() - 1);

        boolean reached = CALLS.stream()
                .anyMatch(call -> HOURS.stream()
                        .anyMatch(now ->
                                holds(last, call, now) && before.stream().noneMatch(each -> holds(each, call, now))));

        assertThat(Reach.never(before, last)).isEqualTo(!reached);
    }

    private static boolean holds(Condition condition, Traits call, long now) {
        return condition.terms().stream().allMatch(term -> term.holds(call, now));
    }

    @Test
    void ofTwoListsOfRegionsNothingIsConcluded() {
        Condition eu = new Condition(List.of(new Term.Bound(Set.of("eu"), false)));
        Condition either = new Condition(List.of(new Term.Bound(Set.of("eu", "us"), false)));

        assertThat(Reach.never(List.of(eu), eu)).isTrue();
        assertThat(Reach.never(List.of(either), eu)).isFalse();
    }
}
