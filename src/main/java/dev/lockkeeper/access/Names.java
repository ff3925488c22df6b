package dev.lockkeeper.access;

import java.util.List;

/** What may be written into names and lists. The messages of what is refused may be shown to who asked. */
final class Names {
    private Names() {}

    /** @throws IllegalArgumentException when it is empty, too long or has control characters */
    static void check(String field, String name) {
        String problem = name.isBlank()
                ? "is empty (expected: 1 to " + Keys.MAX_NAME + " characters)"
                : name.length() > Keys.MAX_NAME
                        ? "has " + name.length() + " characters (expected: at most " + Keys.MAX_NAME + ")"
                        : name.chars().anyMatch(Character::isISOControl)
                                ? "has control characters (expected: none)"
                                : null;
        if (problem != null) {
            throw new IllegalArgumentException(field + ": " + problem);
        }
    }

    /** The same for each of a list, and for how many there are. */
    static void check(String field, List<String> names, int most) {
        if (names.size() > most) {
            throw new IllegalArgumentException(field + ": " + names.size() + " names (expected: at most " + most + ")");
        }
        names.forEach(name -> check(field, name));
    }
}
