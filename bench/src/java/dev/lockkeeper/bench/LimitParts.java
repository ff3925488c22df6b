package dev.lockkeeper.bench;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.Entry;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.Permit;
import dev.lockkeeper.limits.Scoped;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.testing.Stores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Coming in under limits and leaving: JMH's, run by {@link Micro}. Shares are those of a node on PostgreSQL, alone there. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls open() before all else
public class LimitParts {
    private static final Scoped WHO = new Scoped("org_bench", "proj_bench", "key_bench", "", "plain", "");

    /** More than any machine asks for. */
    private static final long PLENTY = 1_000_000_000;

    @Param({"SQLITE", "POSTGRESQL"})
    Stores store = Stores.SQLITE;

    private Database database;
    private Limits limits;

    @Setup
    public void open() throws IOException, DatabaseUnavailable, InterruptedException {
        Path folder = Files.createTempDirectory("lockkeeper-jmh");
        database = store.open(folder);
        limits = Limits.open(database, Clock.systemUTC(), System::nanoTime).sharing();
        Subject model = new Subject(Subject.Kind.MODEL, "plain");
        for (Measure each : List.of(Measure.REQUESTS_PER_MINUTE, Measure.TOKENS_PER_MINUTE, Measure.CONCURRENT_CALLS)) {
            limits.set(
                    model,
                    each,
                    each == Measure.CONCURRENT_CALLS ? 1_000 : PLENTY,
                    null,
                    _ -> List.of(),
                    Witness.NOBODY);
        }
        while (!(enterAndLeave() instanceof Permit)) {
            Pause.millis(10); // until it has its shares
        }
    }

    @TearDown
    public void close() {
        limits.close();
        database.close();
    }

    /** Comes in under a limit of requests, one of tokens and one of calls at once, and leaves. */
    @Benchmark
    public Entry enterAndLeave() {
        Entry entry = limits.enter(WHO, 100, 100, true);
        if (entry instanceof Permit permit) {
            permit.leave();
        }
        return entry;
    }
}
