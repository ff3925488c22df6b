package dev.lockkeeper.routing;

import dev.lockkeeper.units.ModelNames;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the vendors' models without asking them: a list that ships with the gateway, in the order in which
 * it is shown. What the operator writes about a model wins over it.
 */
public final class Catalog {
    private final Map<String, Known> byName = new LinkedHashMap<>();

    /** @param models in the order in which they are shown */
    public Catalog(List<Known> models) {
        models.forEach(known -> byName.put(known.model(), known));
    }

    /**
     * What is known of a model by the name that a provider gives it, null if nothing. A release day at its end and a
     * vendor before a slash ({@code openai/gpt-5.5}) do not matter.
     */
    public @Nullable Known find(String upstreamModel) {
        String name = ModelNames.bare(upstreamModel);
        Known exact = byName.get(name);
        return exact != null ? exact : byName.get(ModelNames.withoutRelease(name));
    }

    /** The models of a vendor ({@code openai}, {@code anthropic}, …), the newest first; empty for an unknown vendor. */
    public List<Known> of(String vendor) {
        return byName.values().stream()
                .filter(known -> known.vendor().equals(vendor))
                .toList();
    }

    /**
     * A vendor's model.
     *
     * @param vendor who makes it
     * @param model what the vendor calls it
     * @param kind what it makes
     * @param context tokens of prompt and answer together (of an embedding model: of one input), 0 when unknown
     * @param maxOutput tokens of an answer, 0 when unknown
     * @param endpoints the vendor's endpoints that take it: {@code chat}, {@code responses}, {@code embeddings},
     *     {@code messages}, …
     * @param takes what it is known to do
     * @param lacks what it is known not to do
     * @param efforts the reasoning efforts that it takes, the least first; empty where that isn't known
     */
    public record Known(
            String vendor,
            String model,
            Kind kind,
            long context,
            long maxOutput,
            List<String> endpoints,
            Set<Skill> takes,
            Set<Skill> lacks,
            List<String> efforts) {
        public Known {
            endpoints = List.copyOf(endpoints);
            takes = Set.copyOf(takes);
            lacks = Set.copyOf(lacks);
            efforts = List.copyOf(efforts);
        }
    }

    /** What a model makes. */
    public enum Kind {
        /** Text, and calls of tools. */
        CHAT,
        /** Vectors. */
        EMBEDDING,
        /** Pictures. */
        IMAGE,
        /** Speech from text. */
        SPEECH,
        /** Text from speech. */
        TRANSCRIPTION,
        /** Judgements on whether a text is fit. */
        MODERATION
    }
}
