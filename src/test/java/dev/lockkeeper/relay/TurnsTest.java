package dev.lockkeeper.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.limits.Limits;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TurnsTest {
    private static final String AT = "upstream";

    @TempDir
    Path folder;

    private static FairSettings patience(Duration most) {
        return new FairSettings(Set.of(AT), most, Map.of());
    }

    @Test
    void anotherPatienceHoldsOnceThoseWhoWaitedAreGone() throws Exception {
        AtomicInteger late = new AtomicInteger();
        try (Database database = Database.open(folder);
                Limits limits = Limits.open(database, Clock.systemUTC(), System::nanoTime)) {
            Turns turns = new Turns(limits);
            turns.await(AT, patience(Duration.ofSeconds(1)), "org", () -> false, late::incrementAndGet);
            turns.await(AT, patience(Duration.ofHours(1)), "org", () -> false, late::incrementAndGet);
            turns.serve(AT, System.nanoTime() + TimeUnit.SECONDS.toNanos(60));
            assertThat(late).hasValue(2);
            turns.await(AT, patience(Duration.ofHours(1)), "org", () -> false, late::incrementAndGet);
            turns.serve(AT, System.nanoTime() + TimeUnit.SECONDS.toNanos(60));
            assertThat(late).hasValue(2);
            assertThat(turns.crowded(AT)).isTrue();
        }
    }
}
