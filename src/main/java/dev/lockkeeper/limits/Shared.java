package dev.lockkeeper.limits;

/**
 * What a node has of limits that several share.
 *
 * @param held of how many limits, each on one subject, it has a share
 * @param left of these, of how many some was left that no node had when it was last looked
 * @param nodes how many nodes there were when the database was last heard, at least 1
 * @param failedRounds how often shares could not be moved since it was heard
 */
public record Shared(long held, long left, int nodes, long failedRounds) {
    /** Where limits are this process's alone. */
    static final Shared ALONE = new Shared(0, 0, 1, 0);
}
