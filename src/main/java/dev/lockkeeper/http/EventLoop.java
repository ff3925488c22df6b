package dev.lockkeeper.http;

import io.netty.util.concurrent.ScheduledFuture;
import io.vertx.core.internal.ContextInternal;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Vert.x event loop with its coarse tick and its source of request ids. All but {@link #run}, {@link #later} and {@link #here} on the loop only. */
final class EventLoop implements Loop {
    private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);
    private static final String ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    private static final int ID_LENGTH = 24;

    final ContextInternal context;
    private final io.netty.channel.EventLoop netty;
    private final int index;
    private final SplittableRandom ids;
    private final List<Entry> ticking = new ArrayList<>();
    private @Nullable ScheduledFuture<?> timer;

    EventLoop(int index, ContextInternal context, SplittableRandom ids) {
        this.index = index;
        this.context = context;
        this.netty = context.nettyEventLoop();
        this.ids = ids;
    }

    @Override
    public int index() {
        return index;
    }

    @Override
    public void run(Runnable task) {
        if (netty.inEventLoop()) {
            task.run();
        } else {
            netty.execute(task);
        }
    }

    @Override
    public void later(Runnable task) {
        netty.execute(task);
    }

    @Override
    public boolean here() {
        return netty.inEventLoop();
    }

    @Override
    public Subscription everyTick(Ticking tick) {
        Entry entry = new Entry(tick, ticking.size());
        ticking.add(entry);
        if (timer == null) {
            timer = netty.scheduleAtFixedRate(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
        }
        return entry;
    }

    @Override
    public Subscription after(long millis, Runnable task) {
        ScheduledFuture<?> once = netty.schedule(
                () -> {
                    try {
                        task.run();
                    } catch (RuntimeException | Error e) {
                        LOG.error("A delayed task failed", e);
                    }
                },
                millis,
                TimeUnit.MILLISECONDS);
        return () -> once.cancel(false);
    }

    /** Downwards, because a removal moves the last entry into the hole: so each entry is met at least once. */
    private void tick() {
        long now = System.nanoTime();
        for (int i = ticking.size() - 1; i >= 0; i--) {
            if (i < ticking.size()) {
                tickOne(ticking.get(i), now);
            }
        }
        ScheduledFuture<?> running = timer;
        if (ticking.isEmpty() && running != null) {
            timer = null;
            running.cancel(false);
        }
    }

    private static void tickOne(Entry entry, long now) {
        try {
            entry.tick.tick(now);
        } catch (RuntimeException | Error e) {
            // An error, too, such as no memory left: without its ticks a loop would never time anything out again.
            LOG.error("A tick failed; the others go on", e);
        }
    }

    /** A fresh request id: {@code req_} and letters and digits. Unique, not secret. */
    String requestId() {
        char[] id = new char[4 + ID_LENGTH];
        "req_".getChars(0, 4, id, 0);
        for (int i = 4; i < id.length; i++) {
            id[i] = ID_LETTERS.charAt(ids.nextInt(ID_LETTERS.length()));
        }
        return new String(id);
    }

    private final class Entry implements Subscription {
        private final Ticking tick;
        private int place;

        Entry(Ticking tick, int place) {
            this.tick = tick;
            this.place = place;
        }

        @Override
        public void close() {
            if (place < 0) {
                return;
            }
            Entry last = ticking.removeLast();
            if (last != this) {
                ticking.set(place, last);
                last.place = place;
            }
            place = -1;
        }
    }
}
