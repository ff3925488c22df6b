package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.KillTrial;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A few kills under load; {@code bench/kill} makes many. */
class KilledBooksTest {
    @TempDir
    Path folder;

    @Test
    void everyAnswerThatAClientSawWholeIsBookedOnceAfterKills() throws Exception {
        KillTrial.Result result = new KillTrial(folder, 200, 5).run(2, 800);
        assertThat(result.complete()).as("answers seen whole: %s", result).isPositive();
        assertThat(result.booked()).as("booked once, at their cost: %s", result).isEqualTo(result.complete());
        assertThat(result.twice()).as("booked twice: %s", result).isZero();
    }
}
