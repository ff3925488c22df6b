package dev.lockkeeper.routing;

/**
 * One way to serve a model.
 *
 * @param provider the provider's name
 * @param model what that provider calls the model
 */
public record Target(String provider, String model) {
    /** {@code provider/model}. */
    @Override
    public String toString() {
        return provider + "/" + model;
    }
}
