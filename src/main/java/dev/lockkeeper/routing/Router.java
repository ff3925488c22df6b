package dev.lockkeeper.routing;

import java.util.ArrayList;
import java.util.List;

/** Chooses who is asked for a call. Any thread; never blocks. */
public final class Router {
    /** Which candidates of a model can serve a call, in the order in which they are to be tried. */
    public Plan plan(Model model, Traits call, long nowMillis) {
        List<Candidate> order = new ArrayList<>(model.targets().size());
        List<Plan.Out> out = new ArrayList<>(0);
        for (Target each : model.targets()) {
            Candidate candidate = new Candidate(each, "");
            if (call.pinned().isEmpty() || call.pinned().equals(each.provider())) {
                order.add(candidate);
            } else {
                out.add(new Plan.Out(candidate, "what the call names lives at " + call.pinned(), -1));
            }
        }
        return new Plan("", order, out);
    }
}
