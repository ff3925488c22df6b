package dev.lockkeeper;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import tools.jackson.databind.node.ObjectNode;

/**
 * Times as people write them in command lines, made what the admin API takes. What is none stays as it was written: the
 * admin API refuses it and says what it expects.
 */
final class Written {
    private static final String WHILE = "\\d{1,6}[smhd]";

    private Written() {}

    /** {@code 2026-12-31}, {@code 2026-12-31T12:00:00Z}, or a while from now such as {@code 90d}. */
    static String moment(String written, Instant now) {
        if (written.matches(WHILE)) {
            return now.truncatedTo(ChronoUnit.SECONDS)
                    .plusSeconds(seconds(written))
                    .toString();
        }
        try {
            return LocalDate.parse(written)
                    .atStartOfDay()
                    .toInstant(ZoneOffset.UTC)
                    .toString();
        } catch (DateTimeParseException e) {
            return written;
        }
    }

    /** A while such as {@code 10m} or {@code 7d}, as a member in seconds. */
    static void putSeconds(ObjectNode json, String member, String written) {
        if (written.matches(WHILE)) {
            json.put(member, seconds(written));
        } else {
            json.put(member, written);
        }
    }

    private static long seconds(String written) {
        int last = written.length() - 1;
        long unit = switch (written.charAt(last)) {
            case 's' -> 1;
            case 'm' -> 60;
            case 'h' -> 3_600;
            default -> 86_400;
        };
        return Long.parseLong(written.substring(0, last)) * unit;
    }
}
