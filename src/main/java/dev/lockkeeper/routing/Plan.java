package dev.lockkeeper.routing;

import java.util.List;

/**
 * Who is asked for one call, and who is not.
 *
 * @param chosenBy name of the case of the model that holds; empty where it has but one
 * @param order in which candidates are tried; empty: none can serve the call, or, if none is left out either, no case holds
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
     * @param cause what kind of reason that is
     * @param why a sentence for the caller and the operator: no secrets, no prompt
     * @param opensInMillis when it may be asked again, -1 where that isn't known or will not be
     */
    public record Out(Candidate candidate, Cause cause, String why, long opensInMillis) {}

    /** Why a candidate is left out. */
    public enum Cause {
        /** What the call names lives elsewhere. */
        PINNED,
        /** The call may not go where it is. */
        REGION,
        /** It can't do what the call asks for: the call is at fault if nobody can. */
        ABILITY,
        /** It failed, or has too much to do: it will be back. */
        RESTING
    }
}
