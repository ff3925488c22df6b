package dev.lockkeeper.ledger;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.temporal.TemporalAdjusters;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.Locale;

/**
 * How often a budget begins anew, by the clocks of a time zone: a day there has 23, 24 or 25 hours. Weeks begin on
 * Monday. Each instant is in exactly one period, and periods follow each other without a gap.
 *
 * @param unit how long it is
 * @param zone whose clocks count; for {@link Unit#TOTAL} it does not matter
 */
public record Period(Unit unit, ZoneId zone) {
    private static final long HOUR_MILLIS = 3_600_000;

    /** When the period that holds an instant began; {@link Long#MIN_VALUE} for {@link Unit#TOTAL}. Milliseconds since 1970. */
    long start(long millis) {
        return switch (unit) {
            case HOUR -> hourStart(millis);
            case DAY -> first(day(millis));
            case WEEK -> first(monday(millis));
            case MONTH -> first(day(millis).withDayOfMonth(1));
            case TOTAL -> Long.MIN_VALUE;
        };
    }

    /** When the period that holds an instant ends, exclusive; {@link Long#MAX_VALUE} for {@link Unit#TOTAL}. */
    long end(long millis) {
        return switch (unit) {
            case HOUR -> hourEnd(millis);
            case DAY -> first(day(millis).plusDays(1));
            case WEEK -> first(monday(millis).plusWeeks(1));
            case MONTH -> first(day(millis).withDayOfMonth(1).plusMonths(1));
            case TOTAL -> Long.MAX_VALUE;
        };
    }

    private LocalDate day(long millis) {
        return LocalDate.ofInstant(Instant.ofEpochMilli(millis), zone);
    }

    private LocalDate monday(long millis) {
        return day(millis).with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
    }

    /** The first instant of a day: where midnight is left out, the instant after the gap. */
    private long first(LocalDate day) {
        return day.atStartOfDay(zone).toInstant().toEpochMilli();
    }

    private long hourStart(long millis) {
        ZoneRules rules = zone.getRules();
        long start = fullHour(rules, millis);
        ZoneOffsetTransition before = rules.previousTransition(Instant.ofEpochMilli(millis + 1));
        // Where clocks are set by a part of an hour, such as half of one, the hour is cut in two.
        return before == null ? start : Math.max(start, before.getInstant().toEpochMilli());
    }

    private long hourEnd(long millis) {
        ZoneRules rules = zone.getRules();
        long end = fullHour(rules, millis) + HOUR_MILLIS;
        ZoneOffsetTransition after = rules.nextTransition(Instant.ofEpochMilli(millis));
        return after == null ? end : Math.min(end, after.getInstant().toEpochMilli());
    }

    private static long fullHour(ZoneRules rules, long millis) {
        long offset = rules.getOffset(Instant.ofEpochMilli(millis)).getTotalSeconds() * 1000L;
        return Math.floorDiv(millis + offset, HOUR_MILLIS) * HOUR_MILLIS - offset;
    }

    /** How long a period is. */
    public enum Unit {
        HOUR,
        DAY,
        WEEK,
        MONTH,
        /** One period for ever. */
        TOTAL;

        private final String text = name().toLowerCase(Locale.ROOT);

        /** The name in configuration, database and answers. */
        public String text() {
            return text;
        }
    }
}
