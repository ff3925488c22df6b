package dev.lockkeeper.db;

import org.jspecify.annotations.Nullable;

/**
 * Which part of a list is wanted.
 *
 * @param after the id of the element that it follows; null: from the first on
 * @param limit how many elements at most, 1 to {@value #MOST}
 */
public record Page(@Nullable String after, int limit) {
    /** Elements of a page. */
    public static final int MOST = 1_000;

    /** Elements of a page unless it is said. */
    public static final int USUAL = 100;

    /** The first elements of a list, as many as there may be. */
    public static final Page FIRST = new Page(null, MOST);

    public Page {
        if (limit < 1 || limit > MOST) {
            throw new IllegalArgumentException("limit: " + limit + " (expected: 1 to " + MOST + ")");
        }
    }
}
