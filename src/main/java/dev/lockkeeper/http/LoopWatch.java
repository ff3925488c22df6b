package dev.lockkeeper.http;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thread that sees when an event loop is held up, and says by what: one that has not ticked for
 * {@value #BLOCKED_MILLIS} ms is told with its stack, once for each time it is held up and at most every
 * {@value #TELL_EVERY_MILLIS} ms for one loop. When the whole process stood still (a long collection of garbage, a machine
 * that was put to sleep) this thread did, too, and blames nobody.
 */
final class LoopWatch implements AutoCloseable {
    /** How long a loop may be held up before it is told. */
    static final int BLOCKED_MILLIS = 500;

    /** How often one loop is told at most. */
    static final int TELL_EVERY_MILLIS = 10_000;

    private static final int LOOK_EVERY_MILLIS = 100;

    private static final Logger LOG = LoggerFactory.getLogger(LoopWatch.class);

    private final List<Watched> loops = new ArrayList<>();
    private final LongAdder heldUp = new LongAdder();
    private final Thread thread;

    LoopWatch(List<EventLoop> all) {
        for (EventLoop each : all) {
            Watched watched = new Watched(each);
            loops.add(watched);
            each.run(() -> {
                watched.thread = Thread.currentThread();
                each.everyTick(watched);
            });
        }
        thread = Thread.ofPlatform().name("loop-watch").daemon().unstarted(this::look);
        thread.start();
    }

    /** How often a loop was seen held up. */
    long heldUp() {
        return heldUp.sum();
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void look() {
        try {
            long before = System.nanoTime();
            while (true) {
                TimeUnit.MILLISECONDS.sleep(LOOK_EVERY_MILLIS);
                long now = System.nanoTime();
                boolean awake = now - before < TimeUnit.MILLISECONDS.toNanos(BLOCKED_MILLIS / 2);
                before = now;
                for (Watched each : loops) {
                    each.check(now, awake);
                }
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        }
    }

    /** One loop as this thread sees it: the loop writes the volatile fields, the rest is this thread's own. */
    private final class Watched implements Loop.Ticking {
        private final EventLoop loop;
        private volatile long tickedNanos;
        private volatile Thread thread = Thread.currentThread();
        private long excusedNanos;
        private long heldUpSinceNanos;
        private long toldNanos = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(TELL_EVERY_MILLIS);

        Watched(EventLoop loop) {
            this.loop = loop;
        }

        @Override
        public void tick(long nowNanos) {
            tickedNanos = nowNanos;
        }

        /** @param awake whether this thread itself was on time */
        void check(long now, boolean awake) {
            long ticked = tickedNanos;
            if (ticked == 0) {
                return; // not begun
            }
            if (!awake) {
                excusedNanos = now;
                return;
            }
            long since = ticked - excusedNanos > 0 || excusedNanos == 0 ? ticked : excusedNanos;
            if (ticked == heldUpSinceNanos || now - since < TimeUnit.MILLISECONDS.toNanos(BLOCKED_MILLIS)) {
                return;
            }
            heldUpSinceNanos = ticked;
            heldUp.increment();
            if (now - toldNanos >= TimeUnit.MILLISECONDS.toNanos(TELL_EVERY_MILLIS)) {
                toldNanos = now;
                LOG.warn(
                        "Event loop {} has been held up for {} ms, and all its calls with it; this is where it is",
                        loop.index(),
                        TimeUnit.NANOSECONDS.toMillis(now - ticked),
                        new Place(thread.getStackTrace()));
            }
        }
    }

    /** Where a thread is, in the shape in which a log prints it. */
    private static final class Place extends Exception {
        private static final long serialVersionUID = 1L;

        Place(StackTraceElement[] frames) {
            super("not an error, but a place", null, false, true);
            setStackTrace(frames);
        }
    }
}
