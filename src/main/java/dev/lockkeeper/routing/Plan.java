package dev.lockkeeper.routing;

import java.util.List;

/**
 * Who is asked for one call, and who is not.
 *
 * @param chosenBy name of the case of the model that holds; empty where it has but one
 * @param order in which candidates are tried; empty: none can serve the call
 * @param out targets that can't serve it, or rest, with the reason
 */
public record Plan(String chosenBy, List<Candidate> order, List<Out> out) {
    public Plan {
        order = List.copyOf(order);
        out = List.copyOf(out);
    }

    /**
     * A candidate that is left out.
     *
     * @param candidate which
     * @param why a sentence for the caller and the operator: no secrets, no prompt
     * @param opensInMillis when it may be asked again, -1 where that isn't known or will not be
     */
    public record Out(Candidate candidate, String why, long opensInMillis) {}
}
