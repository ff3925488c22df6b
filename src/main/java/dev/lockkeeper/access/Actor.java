package dev.lockkeeper.access;

import java.util.Set;

/**
 * Who acts as an operator: a person, a program with a token, or whoever may read the data folder.
 *
 * @param id what the log of changes names: {@code person_…}, {@code token_…}, or {@code data-folder}
 * @param name for people
 * @param owner whether it may make owners
 * @param rights what it may do
 */
public record Actor(String id, String name, boolean owner, Set<Right> rights) {
    /** Who has shown no token. */
    public static final Actor NOBODY = new Actor("nobody", "nobody", false, Set.of());

    public Actor {
        rights = Set.copyOf(rights);
    }

    /** Whoever may read the data folder, which holds everything. */
    public static Actor folder(String name) {
        return new Actor("data-folder", name, true, Set.of(Right.values()));
    }

    /** Whether it may do this. */
    public boolean may(Right wanted) {
        return rights.stream().anyMatch(right -> right.includes(wanted));
    }
}
