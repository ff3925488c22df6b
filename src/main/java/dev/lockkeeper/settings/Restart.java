package dev.lockkeeper.settings;

import java.util.List;

/** Which keys a running process can't follow: what it listens on, and where its data is. */
final class Restart {
    /** Patterns as {@link Reading.Entry#pattern} has them; one that ends in a dot stands for all below it. */
    private static final List<String> NEEDED_BY =
            List.of("server.", "admin.", "data", "database.", "idempotency.", "ledger.");

    /** What stands below one of those and can be followed all the same. */
    private static final List<String> NOT_BY = List.of("server.cors.", "server.drain", "server.drain-delay");

    private Restart() {}

    static boolean neededBy(String pattern) {
        return under(NEEDED_BY, pattern) && !under(NOT_BY, pattern);
    }

    private static boolean under(List<String> some, String pattern) {
        return some.stream().anyMatch(each -> each.endsWith(".") ? pattern.startsWith(each) : pattern.equals(each));
    }
}
