package dev.lockkeeper.routing;

import java.util.List;

/**
 * Why a call would go where it would: what was looked at, in the order of looking.
 *
 * @param plan what came of it
 * @param cases the cases that were looked at, with the one that holds last; those of models that are fallen back on follow
 * @param stands why each of the plan's candidates stands where it does, in its order
 */
public record Explanation(Plan plan, List<Looked> cases, List<Stands> stands) {
    public Explanation {
        cases = List.copyOf(cases);
        stands = List.copyOf(stands);
    }

    /**
     * A case that was looked at.
     *
     * @param model whose case it is
     * @param name its name
     * @param holds whether it serves the call
     * @param why in words
     */
    public record Looked(String model, String name, boolean holds, String why) {}

    /**
     * A candidate that would be tried.
     *
     * @param candidate who
     * @param model whose target it is: the one that was asked for, or one that it falls back on
     * @param rank in which it stands there, from 1
     * @param why it stands before those behind it, in words
     */
    public record Stands(Candidate candidate, String model, int rank, String why) {}
}
