package dev.lockkeeper.routing;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a call must be for a case of a model to serve it.
 *
 * @param terms all of which must hold; none: any call
 */
public record Condition(List<Term> terms) {
    /** Any call. */
    public static final Condition ALWAYS = new Condition(List.of());

    public Condition {
        terms = List.copyOf(terms);
    }

    /** The first term that does not hold; null when all hold. */
    @Nullable Term against(Traits call, long nowMillis) {
        for (int i = 0; i < terms.size(); i++) {
            Term term = terms.get(i);
            if (!term.holds(call, nowMillis)) {
                return term;
            }
        }
        return null;
    }

    /** As it is written. */
    @Override
    public String toString() {
        return terms.isEmpty() ? "any call" : terms.stream().map(Term::written).collect(Collectors.joining("; "));
    }
}
