package dev.lockkeeper.routing;

/**
 * A target with one of its provider's keys: what one attempt is made at.
 *
 * @param target who serves
 * @param key the name of the provider's key that pays for it; empty where the provider has one only, or none
 */
public record Candidate(Target target, String key) {
    /** The provider's name. */
    public String provider() {
        return target.provider();
    }

    /** What the provider calls the model. */
    public String model() {
        return target.model();
    }

    /** {@code provider/model}, and the key's name where the provider has several. */
    @Override
    public String toString() {
        return key.isEmpty() ? target.toString() : target + "#" + key;
    }
}
