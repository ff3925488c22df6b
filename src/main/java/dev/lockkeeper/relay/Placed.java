package dev.lockkeeper.relay;

import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.upstream.Provider;
import org.jspecify.annotations.Nullable;

/**
 * Where an attempt goes.
 *
 * @param provider who is asked
 * @param upstreamModel what it calls the model, empty where there is none
 * @param candidate the same as routing knows it; null where no model is asked for
 */
record Placed(
        Provider provider, String upstreamModel, @Nullable Candidate candidate) {
    /** The name of the provider's key that signs; empty where it has one only. */
    String key() {
        return candidate == null ? "" : candidate.key();
    }

    /** Whether both are the same model at the same provider, whatever key signs. */
    boolean sameTarget(Placed other) {
        return provider.name().equals(other.provider.name()) && upstreamModel.equals(other.upstreamModel);
    }

    /** As people are told it. */
    @Override
    public String toString() {
        return candidate == null ? provider.name() : candidate.toString();
    }
}
