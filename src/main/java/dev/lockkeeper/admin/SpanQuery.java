package dev.lockkeeper.admin;

import dev.lockkeeper.ledger.Span;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import org.jspecify.annotations.Nullable;

/** Stretches of time as operations are asked for them. */
final class SpanQuery {
    static final Shape MOMENT = new Shape.Form(
            "\\d{4}-\\d\\d-\\d\\d(T\\S{1,40})?", "a day such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z");
    static final Shape MONTH = new Shape.Form("\\d{4}-\\d\\d", "a month such as 2026-11");
    static final Shape ZONE = new Shape.Text(64);
    static final String FROM = "The first day or instant. Default: the first day of this month.";
    static final String TO = "The first day or instant that is not in it any more. Default: now.";
    static final String ABOUT_ZONE = "Where days begin, such as Europe/Berlin. Default: UTC.";

    /** A bound: what is asked entry by entry is no longer than a year and a day. */
    private static final Duration LONGEST = Duration.ofDays(367);

    private SpanQuery() {}

    /** From {@code from} to {@code to}, by the clocks of {@code zone}. */
    static Span span(Inquiry asked, Clock clock) {
        ZoneId zone = zone(asked.asked("zone"));
        Instant now = clock.instant();
        Instant from = moment("from", asked.asked("from"), zone);
        Instant to = moment("to", asked.asked("to"), zone);
        if (from == null) {
            Instant last = to == null ? now : to.minusMillis(1);
            from = YearMonth.from(last.atZone(zone)).atDay(1).atStartOfDay(zone).toInstant();
        }
        Instant end = to != null ? to : now.isBefore(from) ? from : now.plusMillis(1);
        return new Span(from.toEpochMilli(), end.toEpochMilli(), zone);
    }

    /** The same, where each entry is read. */
    static Span shortSpan(Inquiry asked, Clock clock) {
        Span span = span(asked, clock);
        if (span.toMillis() - span.fromMillis() > LONGEST.toMillis()) {
            throw new IllegalArgumentException(
                    "from: more than " + LONGEST.toDays() + " days before to (expected: at most that many)");
        }
        return span;
    }

    /** A month, such as {@code 2026-11}. */
    static YearMonth month(String written) {
        try {
            return YearMonth.parse(written);
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException("month: " + written + " (expected: a month such as 2026-11)", e);
        }
    }

    static ZoneId zone(@Nullable String written) {
        try {
            return written == null ? ZoneId.of("UTC") : ZoneId.of(written);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(
                    "zone: " + written + " (expected: the name of a time zone, such as Europe/Berlin)", e);
        }
    }

    private static @Nullable Instant moment(String name, @Nullable String written, ZoneId zone) {
        if (written == null) {
            return null;
        }
        try {
            return written.length() > 10
                    ? Instant.parse(written)
                    : LocalDate.parse(written).atStartOfDay(zone).toInstant();
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    name + ": " + written + " (expected: a day such as 2026-11-01, or a time such as"
                            + " 2026-11-01T12:00:00Z)",
                    e);
        }
    }
}
