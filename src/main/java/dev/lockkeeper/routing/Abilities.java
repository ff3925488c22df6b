package dev.lockkeeper.routing;

import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What somebody says that a model can serve. What isn't said is taken to be served.
 *
 * @param context tokens of prompt and answer together, 0 when not said
 * @param maxOutput tokens of an answer, 0 when not said
 * @param takes what it can do
 * @param lacks what it can't do
 * @param efforts the reasoning efforts that it takes; empty: not said
 * @param endpoints where it is served, as the catalogue names them; empty: not said
 */
public record Abilities(
        long context, long maxOutput, Set<Skill> takes, Set<Skill> lacks, Set<String> efforts, Set<String> endpoints) {
    /** Nothing is said. */
    public static final Abilities UNSAID = new Abilities(0, 0, Set.of(), Set.of(), Set.of(), Set.of());

    /** Tokens are reckoned, not counted: who is over the window by less than one part of so many may still fit. */
    private static final int MARGIN = 8;

    public Abilities {
        takes = Set.copyOf(takes);
        lacks = Set.copyOf(lacks);
        efforts = Set.copyOf(efforts);
        endpoints = Set.copyOf(endpoints);
    }

    /** The same without what others say of it. */
    Abilities without(Abilities said) {
        return new Abilities(
                said.context > 0 ? 0 : context,
                said.maxOutput > 0 ? 0 : maxOutput,
                Set.of(),
                lacks.stream().filter(skill -> !said.takes.contains(skill)).collect(Collectors.toSet()),
                said.efforts.isEmpty() ? efforts : Set.of(),
                said.endpoints.isEmpty() ? endpoints : Set.of());
    }

    /** Why a call can't be served, in a sentence; null when nothing says that it can't. */
    @Nullable String against(Traits call) {
        if (context > 0) {
            long wanted = call.inputTokens() + Math.max(0, call.outputLimit());
            if (wanted > context + context / MARGIN) {
                return "it takes " + context + " tokens, and the call comes to about " + wanted;
            }
        }
        if (maxOutput > 0 && call.outputLimit() > maxOutput) {
            return "its answers have at most " + maxOutput + " tokens, and the call asks for " + call.outputLimit();
        }
        if (!lacks.isEmpty()) {
            for (Skill skill : lacks) {
                if (skill.wanted(call)) {
                    return "it doesn't take " + skill.what();
                }
            }
        }
        if (!efforts.isEmpty() && !call.effort().isEmpty() && !efforts.contains(call.effort())) {
            return "it doesn't take the effort " + call.effort();
        }
        if (!endpoints.isEmpty() && !call.endpoint().isEmpty() && !endpoints.contains(call.endpoint())) {
            return "it isn't served at " + call.endpoint();
        }
        return null;
    }
}
