package dev.lockkeeper;

import dev.lockkeeper.admin.Admin;
import dev.lockkeeper.admin.Reloaded;
import dev.lockkeeper.observe.Metrics;
import dev.lockkeeper.settings.Changes;
import dev.lockkeeper.settings.Effective;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Mistake;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.settings.SettingsLoader;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the configuration again when it is told to, or sees that a file of it changed, and puts it into effect; or says
 * what is wrong with it and changes nothing. Any thread but an event loop's; one reading at a time, later ones wait.
 *
 * <p>Files are looked at every second by their content, not by events or times: an editor puts a new file in the old one's
 * place, Kubernetes swaps a link, a mount from elsewhere tells no events at all, and a copy may keep its time. What changed
 * is read when it was the same twice, so that half a file is not.
 */
final class Reloader implements AutoCloseable {
    /** How often files are looked at; for as long a change must have stood. */
    static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    /** How long the end waits for a reading that is under way. */
    private static final Duration LAST_READING = Duration.ofSeconds(2);

    /** Mistakes that are written to the log one by one. */
    private static final int MISTAKES_TOLD = 100;

    private static final Logger LOG = LoggerFactory.getLogger(Reloader.class);

    /** Reads the configuration as it was read at the start; given what is in effect. */
    @FunctionalInterface
    interface Source {
        Loaded again(Loaded.Good inEffect);
    }

    private final Source source;
    private final Effective started;
    private final Consumer<Settings> follow;
    private final Clock clock;
    private final Thread watcher;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final LongAdder changed = new LongAdder();
    private final LongAdder unchanged = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder failed = new LongAdder();

    /** Held by whoever reads. */
    private final ReentrantLock reading = new ReentrantLock();

    /** What came of the last reading; written by whoever reads. */
    private volatile State state;

    /** The files as they were at the last look, where they are not as they were read. Of the watcher's thread only. */
    private Map<Path, String> changing = Map.of();

    /**
     * @param inEffect the last one that had no mistakes
     * @param sinceSeconds when that was put into effect, or found to be; seconds since 1970
     * @param read what the files held at the last reading, good or bad
     * @param restart what is written and needs a restart
     * @param trouble why the last reading is not in effect; null where it is
     */
    private record State(
            Loaded.Good inEffect,
            long sinceSeconds,
            Map<Path, String> read,
            List<String> restart,
            @Nullable String trouble) {}

    private Reloader(
            Loaded.Good loaded,
            Source source,
            Consumer<Settings> follow,
            Metrics metrics,
            Clock clock,
            Duration every) {
        this.source = source;
        this.started = loaded.effective();
        this.follow = follow;
        this.clock = clock;
        this.state = new State(loaded, clock.millis() / 1000, loaded.files(), List.of(), null);
        metrics.configuration(() -> state.trouble == null ? 1 : 0, () -> state.sinceSeconds);
        metrics.reloads("changed", changed::sum);
        metrics.reloads("unchanged", unchanged::sum);
        metrics.reloads("refused", refused::sum);
        metrics.reloads("failed", failed::sum);
        this.watcher = Thread.ofPlatform().daemon().name("configuration-watch").unstarted(() -> watch(every));
    }

    /**
     * Begins to watch.
     *
     * @param loaded what is in effect
     * @param follow puts settings into effect, or throws and changes nothing
     * @param every how often files are looked at
     */
    static Reloader start(
            Loaded.Good loaded,
            Source source,
            Consumer<Settings> follow,
            Metrics metrics,
            Clock clock,
            Duration every) {
        Reloader reloader = new Reloader(loaded, source, follow, metrics, clock, every);
        reloader.watcher.start();
        return reloader;
    }

    /**
     * Reads the configuration again and puts it into effect, if it has no mistakes.
     *
     * @param why for the log: who or what asked for it
     */
    Reloaded reload(String why) {
        reading.lock();
        try {
            return closed.getCount() == 0 ? new Reloaded.Failed("the server is stopping") : read(why);
        } finally {
            reading.unlock();
        }
    }

    private Reloaded read(String why) {
        State before = state;
        Loaded loaded;
        try {
            loaded = source.again(before.inEffect);
        } catch (RuntimeException | Error bug) {
            LOG.error("The configuration could not be read again ({})", why, bug);
            return failed(before, before.read, "the configuration could not be read: " + bug);
        }
        return switch (loaded) {
            case Loaded.Bad bad ->
                refused(before, why, bad.mistakes().stream().map(Mistake::text).toList(), bad.files());
            case Loaded.Good good -> followed(before, why, good);
        };
    }

    private Reloaded refused(State before, String why, List<String> mistakes, Map<Path, String> files) {
        refused.increment();
        String count = mistakes.size() == 1 ? "1 mistake" : mistakes.size() + " mistakes";
        state = new State(
                before.inEffect,
                before.sinceSeconds,
                files,
                before.restart,
                "the file of " + at(clock.millis() / 1000) + " has " + count + "; ");
        LOG.warn(
                "The configuration was not reloaded ({}): {}; that of {} stays in effect",
                why,
                count,
                at(before.sinceSeconds));
        mistakes.stream().limit(MISTAKES_TOLD).forEach(LOG::warn);
        return new Reloaded.Refused(mistakes);
    }

    private Reloaded followed(State before, String why, Loaded.Good good) {
        Changes changes = changes(before.inEffect, good);
        if (!changes.followed().isEmpty()) {
            try {
                follow.accept(good.settings());
            } catch (RuntimeException | Error e) {
                LOG.error("The configuration could not be put into effect ({})", why, e);
                return failed(
                        before, good.files(), "the configuration could not be put into effect: " + e.getMessage());
            }
        }
        state = new State(good, clock.millis() / 1000, good.files(), changes.restart(), null);
        if (changes.followed().isEmpty()) {
            unchanged.increment();
            LOG.info("The configuration was read again ({}): nothing to follow has changed", why);
        } else {
            changed.increment();
            LOG.info("The configuration was reloaded ({}): {}", why, String.join("; ", changes.followed()));
        }
        changes.restart().forEach(LOG::warn);
        return new Reloaded.Followed(changes.followed(), changes.restart(), good.notes());
    }

    private Changes changes(Loaded.Good inEffect, Loaded.Good good) {
        Changes changes = Changes.between(started, inEffect.effective(), good.effective());
        Settings before = inEffect.settings();
        boolean same = before.whileRunning(good.settings()).equals(before.whileRunning(before));
        return !same && changes.followed().isEmpty()
                ? new Changes(List.of("what a file that it names holds changed"), changes.restart())
                : changes;
    }

    private Reloaded failed(State before, Map<Path, String> files, String what) {
        failed.increment();
        state = new State(before.inEffect, before.sinceSeconds, files, before.restart, what + "; ");
        return new Reloaded.Failed(what);
    }

    /** For {@code /readyz}. A file that can't be used is no reason to send calls elsewhere: what was in effect still is. */
    Admin.Check check() {
        State now = state;
        String detail = (now.trouble == null ? "" : now.trouble) + "the configuration of " + at(now.sinceSeconds)
                + " is in effect" + (now.restart.isEmpty() ? "" : "; " + String.join("; ", now.restart));
        return new Admin.Check("configuration", true, detail);
    }

    private static String at(long seconds) {
        return Instant.ofEpochSecond(seconds).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private void watch(Duration every) {
        try {
            while (!closed.await(every.toMillis(), TimeUnit.MILLISECONDS)) {
                if (state.inEffect.settings().watch()) {
                    look();
                }
            }
        } catch (InterruptedException nobodyDoes) {
            Thread.currentThread().interrupt();
        }
    }

    /** Looks at the files once, and reads them again where they changed and stood. */
    void look() {
        try {
            Map<Path, String> read = state.read;
            Map<Path, String> now = new HashMap<>();
            read.keySet().forEach(file -> now.put(file, SettingsLoader.state(file)));
            if (now.equals(read)) {
                changing = Map.of();
            } else if (now.equals(changing)) {
                changing = Map.of();
                Reloaded _ = reload("a file changed");
            } else {
                changing = now;
            }
        } catch (RuntimeException | Error bug) {
            LOG.error("The configuration's files could not be looked at", bug);
        }
    }

    /** Waits a moment for what is being put into effect just now: the house it is put into is about to be torn down. */
    @Override
    public void close() {
        closed.countDown();
        try {
            if (reading.tryLock(LAST_READING.toMillis(), TimeUnit.MILLISECONDS)) {
                reading.unlock();
            }
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }
}
