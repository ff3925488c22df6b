package dev.lockkeeper.routing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is written down of one decision for who asks why. Used by one thread. */
final class Notes {
    private final List<Explanation.Looked> cases = new ArrayList<>();
    private final Map<Candidate, Explanation.Stands> stands = new LinkedHashMap<>();

    void looked(Model model, Case at, boolean holds, String why) {
        cases.add(new Explanation.Looked(model.name(), at.name, holds, why));
    }

    void stands(Candidate candidate, Model model, int rank, String why) {
        stands.put(candidate, new Explanation.Stands(candidate, model.name(), rank, why));
    }

    /** What was said of where a candidate stands is not the whole truth. */
    void butMoved(Candidate candidate, String why) {
        stands.computeIfPresent(candidate, (_, was) -> new Explanation.Stands(candidate, was.model(), was.rank(), why));
    }

    Explanation of(Plan plan) {
        List<Explanation.Stands> inOrder = new ArrayList<>();
        for (Candidate each : plan.order()) {
            Explanation.Stands said = stands.get(each);
            if (said != null) {
                inOrder.add(said);
            }
        }
        return new Explanation(plan, cases, inOrder);
    }
}
