package dev.lockkeeper;

import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.List;

/**
 * Times as people write them in command lines, made what the admin API takes. What is none ends the command.
 */
final class Written {
    private static final String WHILE = "\\d{1,6}[smhd]";

    private Written() {}

    /** {@code 2026-12-31}, {@code 2026-12-31T12:00:00Z}, or a while from now such as {@code 90d}. */
    static String moment(String option, String written) {
        if (written.matches(WHILE)) {
            return Clock.systemUTC()
                    .instant()
                    .truncatedTo(ChronoUnit.SECONDS)
                    .plusSeconds(seconds(written))
                    .toString();
        }
        try {
            return LocalDate.parse(written)
                    .atStartOfDay()
                    .toInstant(ZoneOffset.UTC)
                    .toString();
        } catch (DateTimeParseException e) {
            if (written.matches("\\d{4}-.*Z")) {
                return written; // with a time of day: the admin API says what is wrong with it
            }
            throw refused(option, written, "2026-12-31, 2026-12-31T12:00:00Z, or a while from now such as 90d");
        }
    }

    /** A while such as {@code 10m} or {@code 7d}, in seconds. */
    static long seconds(String option, String written) {
        if (!written.matches(WHILE)) {
            throw refused(option, written, "a while such as 30s, 10m, 12h or 7d");
        }
        return seconds(written);
    }

    /** A value that can't be, by the name that it has on the command line. */
    static CommandFailure refused(String option, String written, String expected) {
        return CommandFailure.misused(List.of(option + ": " + written + " (expected: " + expected + ")"));
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
