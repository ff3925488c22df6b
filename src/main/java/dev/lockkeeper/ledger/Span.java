package dev.lockkeeper.ledger;

import java.time.Instant;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.zone.ZoneOffsetTransition;
import java.util.ArrayList;
import java.util.List;

/**
 * A stretch of time, by the clocks of a time zone.
 *
 * @param fromMillis its first instant, milliseconds since 1970
 * @param toMillis the first instant behind it
 * @param zone where its days begin
 */
public record Span(long fromMillis, long toMillis, ZoneId zone) {
    public Span {
        if (fromMillis > toMillis) {
            throw new IllegalArgumentException("to: " + Instant.ofEpochMilli(toMillis)
                    + " (expected: not before from, which is " + Instant.ofEpochMilli(fromMillis) + ")");
        }
    }

    /** A month. */
    public static Span of(YearMonth month, ZoneId zone) {
        return new Span(first(month.atDay(1), zone), first(month.plusMonths(1).atDay(1), zone), zone);
    }

    /** A day: it may have 23 or 25 hours. */
    public static Span of(LocalDate day, ZoneId zone) {
        return new Span(first(day, zone), first(day.plusDays(1), zone), zone);
    }

    private static long first(LocalDate day, ZoneId zone) {
        return day.atStartOfDay(zone).toInstant().toEpochMilli();
    }

    /** The day that an instant is in. */
    LocalDate day(long millis) {
        return LocalDate.ofInstant(Instant.ofEpochMilli(millis), zone);
    }

    /** Its parts by day, in order; the first and the last may be cut. */
    public List<Span> days() {
        List<Span> days = new ArrayList<>();
        for (long at = fromMillis; at < toMillis; ) {
            long end = Math.min(toMillis, first(day(at).plusDays(1), zone));
            days.add(new Span(at, end, zone));
            at = end;
        }
        return days;
    }

    /** Its parts in which clocks have the same distance to UTC, in order. */
    List<Span> steady() {
        List<Span> parts = new ArrayList<>();
        for (long at = fromMillis; at < toMillis; ) {
            ZoneOffsetTransition next = zone.getRules().nextTransition(Instant.ofEpochMilli(at));
            long end = next == null
                    ? toMillis
                    : Math.min(toMillis, next.getInstant().toEpochMilli());
            parts.add(new Span(at, end, zone));
            at = end;
        }
        return parts;
    }

    /** How far its clocks are ahead of UTC at its beginning. */
    long offsetMillis() {
        return zone.getRules().getOffset(Instant.ofEpochMilli(fromMillis)).getTotalSeconds() * 1000L;
    }
}
