package dev.lockkeeper.routing;

/** The shares that an operator has changed while the gateway runs. Asked on the way of a call: from memory, any thread. */
@FunctionalInterface
public interface Flags {
    /** Nothing was changed. */
    Flags NONE = (_, _, _) -> -1;

    /**
     * What holds in place of the configured share.
     *
     * @param model the model's name
     * @param named the name of the case that has the share
     * @param call whose call it is
     * @return 0 to 100, or a negative number where nothing was changed
     */
    double percent(String model, String named, Traits call);
}
