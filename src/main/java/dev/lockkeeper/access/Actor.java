package dev.lockkeeper.access;

import java.util.Set;

/**
 * Who acts as an operator: a person, a program with a token, or whoever may read the data folder.
 *
 * @param id what the audit log names: {@code person_…}, {@code token_…}, or {@code data-folder}
 * @param name for people
 * @param rights what it may do
 */
public record Actor(String id, String name, Set<Right> rights) {
    public Actor {
        rights = Set.copyOf(rights);
    }

    /** Whoever may read the data folder, which holds everything. */
    public static Actor owner(String name) {
        return new Actor("data-folder", name, Set.of(Right.values()));
    }

    /** Whether it may do this. */
    public boolean may(Right wanted) {
        return rights.stream().anyMatch(right -> right.includes(wanted));
    }
}
