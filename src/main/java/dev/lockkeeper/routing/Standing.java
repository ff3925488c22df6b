package dev.lockkeeper.routing;

import java.util.List;

/**
 * How a provider is doing.
 *
 * @param provider its name
 * @param state of its breaker as a whole
 * @param opensInMillis when it is asked again, 0 where it may be now
 * @param busy attempts under way
 * @param limit of attempts at once; -1: none
 * @param queued attempts that wait for a place
 * @param calls attempts in the last ten seconds
 * @param retries of those, retries
 * @param targets how its targets are doing, by model and key; only those that were asked
 */
public record Standing(
        String provider,
        State state,
        long opensInMillis,
        int busy,
        int limit,
        int queued,
        int calls,
        int retries,
        List<Target> targets) {
    public Standing {
        targets = List.copyOf(targets);
    }

    /** Whether somebody is asked. */
    public enum State {
        /** As usual. */
        OK,
        /** A few attempts are made, to see whether it is well again. */
        TRYING,
        /** Nobody is sent there: too many attempts failed. */
        ILL,
        /** It asked for patience, or its key or account is of no use. */
        RESTING
    }

    /**
     * How a target is doing with one key.
     *
     * @param model what the provider calls the model
     * @param key the key's name; empty where there is one only
     * @param state whether it is asked
     * @param opensInMillis when it is asked again, 0 where it may be now
     * @param why it rests; empty where it does not
     * @param attempts of the window that its breaker looks at
     * @param failedPercent how many of a hundred failed
     * @param slowPercent how many of a hundred were slow
     * @param firstTokenMillis what its first token takes, a moving average; 0: not known
     * @param busy attempts under way
     */
    public record Target(
            String model,
            String key,
            State state,
            long opensInMillis,
            String why,
            int attempts,
            int failedPercent,
            int slowPercent,
            long firstTokenMillis,
            int busy) {}
}
