package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TypeTest {
    private static final Type<Duration> DURATION = Type.duration(Duration.ZERO, Duration.ofDays(10_000));
    private static final Type<Long> SIZE = Type.size(0, Long.MAX_VALUE >> 2);

    @ParameterizedTest
    @CsvSource({"250ms,250", "30s,30000", "10m,600000", "1h,3600000", "0s,0", "0,0", "0ms,0"})
    void aDurationHasAUnit(String text, long millis) {
        assertThat(DURATION.read().apply(text)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "30", "s", "30 s", "-1s", "+1s", "1.5s", "1S", "1d", "1m30s", "9999999999999h", "٣s"})
    void whatIsNoDurationIsRefused(String text) {
        assertThat(DURATION.read().apply(text)).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "5B,5",
        "64KiB,65536",
        "64KB,64000",
        "64MiB,67108864",
        "64MB,64000000",
        "1GiB,1073741824",
        "1GB,1000000000",
        "1TiB,1099511627776",
        "0,0"
    })
    void aSizeHasAUnit(String text, long bytes) {
        assertThat(SIZE.read().apply(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "64", "64K", "64kib", "64 KiB", "-1B", "1.5GiB", "9999999999TiB", "KiB"})
    void whatIsNoSizeIsRefused(String text) {
        assertThat(SIZE.read().apply(text)).isNull();
    }

    @ParameterizedTest
    @CsvSource({"60000,60s", "120000,2m", "90000,90s", "3600000,1h", "1500,1500ms", "86400000,24h"})
    void aDurationIsWrittenAsPeopleDo(long millis, String text) {
        assertThat(Type.write(Duration.ofMillis(millis))).isEqualTo(text);
    }

    @Property
    void whatIsWrittenOfADurationReadsAsTheSame(@ForAll @LongRange(min = 0, max = 864_000_000_000L) long millis) {
        Duration duration = Duration.ofMillis(millis);

        assertThat(DURATION.read().apply(DURATION.write().apply(duration))).isEqualTo(duration);
    }

    @Property
    void whatIsWrittenOfASizeReadsAsTheSame(@ForAll @LongRange(min = 0, max = 1L << 49) long bytes) {
        assertThat(SIZE.read().apply(SIZE.write().apply(bytes))).isEqualTo(bytes);
    }
}
