package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Term;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Tells which conditions no call can meet. A condition is a box: for each property of a call the values that it allows. What
 * earlier cases take is cut out of it, property by property; if nothing is left, no call gets there.
 */
final class Reach {
    /** More pieces than this are not cut: then the case is taken to be reached. */
    private static final int MOST_PIECES = 1000;

    private Reach() {}

    /** Whether no call meets a condition, or each that does meets one of these before it. */
    static boolean never(List<Condition> before, Condition condition) {
        List<Map<String, Values>> left = new ArrayList<>();
        Map<String, Values> whole = box(condition);
        if (whole.values().stream().anyMatch(Values::isEmpty)) {
            return true;
        }
        left.add(whole);
        for (Condition each : before) {
            Map<String, Values> taken = box(each);
            List<Map<String, Values>> rest = new ArrayList<>();
            left.forEach(piece -> cut(piece, taken, rest));
            if (rest.size() > MOST_PIECES) {
                return false;
            }
            left = rest;
        }
        return left.isEmpty();
    }

    /** Adds what is left of a box when another one is taken out of it, in boxes that have nothing in common. */
    private static void cut(Map<String, Values> box, Map<String, Values> taken, List<Map<String, Values>> rest) {
        for (Map.Entry<String, Values> side : taken.entrySet()) {
            if (of(box, side.getKey(), side.getValue()).and(side.getValue()).isEmpty()) {
                rest.add(box);
                return;
            }
        }
        Map<String, Values> inside = new HashMap<>(box);
        taken.forEach((property, values) -> {
            Values before = of(inside, property, values);
            Values outside = before.and(values.not());
            if (!outside.isEmpty()) {
                Map<String, Values> piece = new HashMap<>(inside);
                piece.put(property, outside);
                rest.add(piece);
            }
            inside.put(property, before.and(values));
        });
    }

    /** The values that a box allows of a property; all of them where it says nothing. */
    private static Values of(Map<String, Values> box, String property, Values kind) {
        Values values = box.get(property);
        return values != null ? values : kind.all();
    }

    private static Map<String, Values> box(Condition condition) {
        Map<String, Values> box = new HashMap<>();
        for (Term term : condition.terms()) {
            switch (term) {
                case Term.Said said -> add(box, said.of().word(), texts(said.of(), said.values()), said.except());
                case Term.Tokens tokens -> add(box, "input-tokens", numbers(tokens.ranges()), tokens.except());
                case Term.Hours hours -> add(box, "hours in " + hours.zone(), new Hours(hours.hours()), hours.except());
                case Term.Bound bound ->
                    // A call may be bound to several: of two lists nothing is known but whether they are the same.
                    add(
                            box,
                            "region " + bound.regions().stream().sorted().toList(),
                            new Texts(Set.of("true"), false, List.of("true", "false")),
                            bound.except());
            }
        }
        return box;
    }

    private static void add(Map<String, Values> box, String property, Values values, boolean except) {
        Values allowed = except ? values.not() : values;
        Values before = box.get(property);
        box.put(property, before == null ? allowed : before.and(allowed));
    }

    private static Values texts(Property property, Set<String> values) {
        return new Texts(values, false, property.all());
    }

    private static Values numbers(List<Term.Range> ranges) {
        Values sum = new Numbers(List.of());
        for (Term.Range range : ranges) {
            // One or the other is what is not neither.
            sum = sum.not().and(new Numbers(List.of(range)).not()).not();
        }
        return sum;
    }

    /** Some of the values of one property. Two of one property are of one kind. */
    private sealed interface Values {
        Values and(Values other);

        Values not();

        Values all();

        boolean isEmpty();
    }

    /**
     * Texts.
     *
     * @param except whether it is all but these
     * @param possible all that there can be; empty: any
     */
    private record Texts(Set<String> values, boolean except, List<String> possible) implements Values {
        @Override
        public Values and(Values other) {
            Texts with = (Texts) other;
            Set<String> set = new HashSet<>(except ? with.values : values);
            if (except && with.except) {
                set.addAll(values);
                return new Texts(set, true, possible);
            }
            if (except) {
                set.removeAll(values);
            } else if (with.except) {
                set.removeAll(with.values);
            } else {
                set.retainAll(with.values);
            }
            return new Texts(set, false, possible);
        }

        @Override
        public Values not() {
            return new Texts(values, !except, possible);
        }

        @Override
        public Values all() {
            return new Texts(Set.of(), true, possible);
        }

        @Override
        public boolean isEmpty() {
            return except ? !possible.isEmpty() && values.containsAll(possible) : values.isEmpty();
        }
    }

    /** Numbers from 0 on: ranges in order, with others between them. */
    private record Numbers(List<Term.Range> ranges) implements Values {
        @Override
        public Values and(Values other) {
            List<Term.Range> both = new ArrayList<>();
            for (Term.Range one : ranges) {
                for (Term.Range two : ((Numbers) other).ranges) {
                    long from = Math.max(one.from(), two.from());
                    long to = Math.min(one.to(), two.to());
                    if (from <= to) {
                        both.add(new Term.Range(from, to));
                    }
                }
            }
            return new Numbers(both);
        }

        @Override
        public Values not() {
            List<Term.Range> rest = new ArrayList<>();
            long next = 0;
            for (Term.Range range : ranges) {
                if (range.from() > next) {
                    rest.add(new Term.Range(next, range.from() - 1));
                }
                if (range.to() == Long.MAX_VALUE) {
                    return new Numbers(rest);
                }
                next = range.to() + 1;
            }
            rest.add(new Term.Range(next, Long.MAX_VALUE));
            return new Numbers(rest);
        }

        @Override
        public Values all() {
            return new Numbers(List.of(new Term.Range(0, Long.MAX_VALUE)));
        }

        @Override
        public boolean isEmpty() {
            return ranges.isEmpty();
        }
    }

    /** Hours of the week. */
    private record Hours(BitSet hours) implements Values {
        @Override
        public Values and(Values other) {
            BitSet both = (BitSet) hours.clone();
            both.and(((Hours) other).hours);
            return new Hours(both);
        }

        @Override
        public Values not() {
            BitSet rest = (BitSet) hours.clone();
            rest.flip(0, Term.Hours.WEEK);
            return new Hours(rest);
        }

        @Override
        public Values all() {
            return new Hours(new BitSet()).not();
        }

        @Override
        public boolean isEmpty() {
            return hours.isEmpty();
        }
    }
}
