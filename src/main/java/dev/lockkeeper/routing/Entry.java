package dev.lockkeeper.routing;

import java.util.Set;

/**
 * A candidate where it stands in a case of a model.
 *
 * @param candidate who
 * @param weight beside the others of its rank
 * @param salt of its name, for what is chosen by a hash
 * @param regions where what it is sent stays; empty: not known
 * @param written what the operator says that it can
 * @param known what the catalogue says of it beyond that
 */
record Entry(Candidate candidate, double weight, long salt, Set<String> regions, Abilities written, Abilities known) {
    Entry {
        regions = Set.copyOf(regions);
    }
}
