package dev.lockkeeper.limits;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.limits.Gauge.Day;
import dev.lockkeeper.limits.Subject.Kind;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes down what is used of limits by the day, every few seconds, so that a restart begins no new day. Several processes
 * on one database add to the same rows, and each goes on from the sum.
 */
final class DayBook implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DayBook.class);

    /** How often it is written: as much may be forgotten when a process is killed. */
    static final Duration EVERY = Duration.ofSeconds(5);

    /** Rows in one transaction. */
    static final int BATCH = 1_000;

    /** Where one day's use of one subject stands. */
    record Row(Kind kind, String id, Measure measure) {}

    private final Database database;
    private final Clock clock;
    private final Consumer<Consumer<Entry>> gauges;
    private final Runnable refresh;
    private final Thread thread;
    private volatile boolean closing;
    private volatile boolean failing;

    /** The day whose elders' rows are gone. Guarded by this. */
    private long tidied;

    /** A gauge and its row. */
    record Entry(Row row, Day gauge) {}

    /**
     * @param gauges shows each gauge that there is
     * @param refresh reads the limits again; done where other processes may change them
     */
    DayBook(Database database, Clock clock, Consumer<Consumer<Entry>> gauges, Runnable refresh) {
        this.database = database;
        this.clock = clock;
        this.tidied = Day.of(clock);
        this.refresh = refresh;
        this.gauges = gauges;
        this.thread = Thread.ofVirtual().name("lockkeeper-limit-days").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** What was used on a day, as it was last written; rows of earlier days are deleted. Blocks. */
    static Map<Row, Long> of(Database database, long day) {
        return database.write(handle -> of(handle, day), _ -> {});
    }

    private static Map<Row, Long> of(Handle handle, long day) {
        delete(handle, day);
        Map<Row, Long> used = new HashMap<>();
        handle.createQuery("SELECT kind, subject, measure, used FROM limit_days WHERE day = ?")
                .bind(0, day)
                .map((row, _) -> {
                    Kind kind = Kind.of(row.getString("kind"));
                    Measure measure = Measure.of(row.getString("measure"));
                    if (kind != null && measure != null) {
                        used.put(new Row(kind, row.getString("subject"), measure), row.getLong("used"));
                    }
                    return 0;
                })
                .list();
        return used;
    }

    private void run() {
        while (!closing) {
            LockSupport.parkNanos(EVERY.toNanos());
            if (!closing) {
                write();
            }
        }
    }

    /** Writes what has changed, and hears what others have changed. Blocks. */
    synchronized void write() {
        List<Entry> changed = new ArrayList<>();
        gauges.accept(each -> {
            if (each.gauge.unwritten()) {
                changed.add(each);
            }
        });
        try {
            for (int from = 0; from < changed.size(); from += BATCH) {
                List<Entry> batch = changed.subList(from, Math.min(changed.size(), from + BATCH));
                List<Day.Written> written =
                        batch.stream().map(each -> each.gauge.toWrite()).toList();
                List<Long> totals = database.write(handle -> add(handle, batch, written), _ -> {});
                for (int i = 0; i < batch.size(); i++) {
                    batch.get(i).gauge.written(written.get(i), totals.get(i));
                }
            }
            if (database.isPostgres()) {
                refresh.run();
            }
            tidy();
            failing = false;
        } catch (RuntimeException | Error e) {
            if (!failing) {
                LOG.warn(
                        "Limits could not be brought together with the database; it is tried again every {} s, and"
                                + " they count in memory until then: {}",
                        EVERY.toSeconds(),
                        e.toString());
            }
            failing = true;
        }
    }

    /** When a day has begun the rows of those before go. */
    private void tidy() {
        long today = Day.of(clock);
        if (today > tidied) {
            int _ = database.write(handle -> delete(handle, today), _ -> {});
            tidied = today;
        }
    }

    private static int delete(Handle handle, long before) {
        // A clock that was ahead has left rows of days to come; they go when their day has come and gone.
        return handle.createUpdate("DELETE FROM limit_days WHERE day < ?")
                .bind(0, before)
                .execute();
    }

    private static List<Long> add(Handle handle, List<Entry> batch, List<Day.Written> written) {
        List<Long> totals = new ArrayList<>(batch.size());
        for (int i = 0; i < batch.size(); i++) {
            Row row = batch.get(i).row;
            totals.add(handle.createQuery("""
                            INSERT INTO limit_days (kind, subject, measure, day, used) VALUES (?, ?, ?, ?, ?)
                            ON CONFLICT (kind, subject, measure) DO UPDATE SET
                              used = CASE WHEN limit_days.day = excluded.day
                                     THEN limit_days.used + excluded.used ELSE excluded.used END,
                              day = excluded.day
                            WHERE limit_days.day <= excluded.day
                            RETURNING used
                            """)
                    .bind(0, row.kind.word())
                    .bind(1, row.id)
                    .bind(2, row.measure.word())
                    .bind(3, written.get(i).day())
                    .bind(4, written.get(i).used())
                    .mapTo(Long.class)
                    .findOne()
                    // A row of a day to come stays: another process's clock is ahead.
                    .orElse(written.get(i).total()));
        }
        return totals;
    }

    /** Writes what is left, unless the last try failed: a stop does not wait for a database that is away. */
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(thread);
        try {
            thread.join(EVERY);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!failing) {
            write();
        }
    }
}
