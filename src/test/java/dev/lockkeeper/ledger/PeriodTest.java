package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class PeriodTest {
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
    private static final long HOUR = 3_600_000;

    @Property(tries = 500)
    void eachInstantIsInOnePeriodAndPeriodsFollowWithoutAGap(
            @ForAll("periods") Period period, @ForAll @LongRange(min = 0, max = 4_102_444_800_000L) long at) {
        long start = period.start(at);
        long end = period.end(at);
        assertThat(at).isGreaterThanOrEqualTo(start).isLessThan(end);
        if (period.unit() != Period.Unit.TOTAL) {
            assertThat(period.start(start)).isEqualTo(start);
            assertThat(period.end(start)).isEqualTo(end);
            assertThat(period.start(end - 1)).isEqualTo(start);
            assertThat(period.start(end)).isEqualTo(end);
            assertThat(period.end(start - 1)).isEqualTo(start);
        }
    }

    @Provide
    Arbitrary<Period> periods() {
        return Combinators.combine(
                        Arbitraries.of(Period.Unit.values()),
                        Arbitraries.of(
                                ZoneOffset.UTC,
                                BERLIN,
                                ZoneId.of("Australia/Lord_Howe"),
                                ZoneId.of("Asia/Kathmandu"),
                                ZoneId.of("America/Sao_Paulo"),
                                ZoneId.of("Pacific/Apia")))
                .as(Period::new);
    }

    @Test
    void aDayHasTwentyThreeOrTwentyFiveHoursWhenTheClocksAreSet() {
        Period day = new Period(Period.Unit.DAY, BERLIN);
        long spring = at("2026-03-29T12:00:00Z");
        long autumn = at("2026-10-25T12:00:00Z");

        assertThat(day.end(spring) - day.start(spring)).isEqualTo(23 * HOUR);
        assertThat(day.end(autumn) - day.start(autumn)).isEqualTo(25 * HOUR);
        assertThat(day.start(spring)).isEqualTo(at("2026-03-28T23:00:00Z"));
    }

    @Test
    void anHourThatComesTwiceIsTwoHours() {
        Period hour = new Period(Period.Unit.HOUR, BERLIN);

        assertThat(hour.start(at("2026-10-25T00:30:00Z"))).isEqualTo(at("2026-10-25T00:00:00Z"));
        assertThat(hour.start(at("2026-10-25T01:30:00Z"))).isEqualTo(at("2026-10-25T01:00:00Z"));
    }

    @Test
    void weeksBeginOnMonday() {
        Period week = new Period(Period.Unit.WEEK, ZoneOffset.UTC);

        assertThat(week.start(at("2026-11-21T18:00:00Z"))).isEqualTo(at("2026-11-16T00:00:00Z"));
        assertThat(week.end(at("2026-11-21T18:00:00Z"))).isEqualTo(at("2026-11-23T00:00:00Z"));
    }

    @Test
    void aMonthBeginsOnItsFirstDayByTheClocksOfItsZone() {
        Period month = new Period(Period.Unit.MONTH, BERLIN);

        assertThat(month.start(at("2026-10-31T23:30:00Z"))).isEqualTo(at("2026-10-31T23:00:00Z"));
        assertThat(month.end(at("2026-10-31T22:30:00Z"))).isEqualTo(at("2026-10-31T23:00:00Z"));
    }

    private static long at(String text) {
        return Instant.parse(text).toEpochMilli();
    }
}
