package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.relay.CallReport.Outcome;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One who is told a stream that can be resumed, at its own pace; its head was sent. On its exchange's loop, but for
 * {@link #wake} and {@link #cut}.
 */
final class StreamClient implements Guard {
    /** How long a client may take nothing of what is held for it. */
    private static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final Logger LOG = LoggerFactory.getLogger(StreamClient.class);

    private final ResumableStream stream;
    private final Exchange exchange;
    private final Loop loop;
    private final Ended then;
    private final AtomicBoolean awake = new AtomicBoolean();
    private Loop.@Nullable Subscription stalling;
    private long fullSinceNanos;
    private boolean full;
    private boolean over;
    private long position;
    private long bytesOut;

    /** Hears how the telling ended. */
    @FunctionalInterface
    interface Ended {
        void ended(Outcome outcome, String code, long bytesOut);
    }

    StreamClient(ResumableStream stream, Exchange exchange, Ended then) {
        this.stream = stream;
        this.exchange = exchange;
        this.loop = exchange.loop();
        this.then = then;
    }

    /** Lets it begin elsewhere than at the beginning. */
    void from(long at) {
        position = at;
    }

    /** There is something new to tell. Any thread. */
    void wake() {
        if (awake.compareAndSet(false, true)) {
            loop.run(() -> {
                awake.set(false);
                guarded(this::pump);
            });
        }
    }

    /** Another client has taken this one's place. Any thread. */
    void cut() {
        loop.run(() -> guarded(() -> breakOff("stream_taken_over")));
    }

    /** It went away. */
    void gone() {
        guarded(() -> close(Outcome.ABANDONED, "", false));
    }

    private void pump() {
        while (!over && !full) {
            ResumableStream.Told told = stream.told(this, position);
            if (told == null) {
                return; // it is about to be cut
            }
            if (told.next().length() > 0) {
                position += told.next().length();
                bytesOut += told.next().length();
                full = !exchange.write(told.next());
                stream.heard(this, position);
            } else if (told.aborted()) {
                breakOff("");
            } else if (told.ended()) {
                exchange.end();
                close(Outcome.RESUMED, "", true);
            } else {
                return;
            }
        }
        if (full && !over) {
            fullSinceNanos = System.nanoTime();
            exchange.onDrain(() -> guarded(this::drained));
            if (stalling == null) {
                stalling = loop.everyTick(this::stalled);
            }
        }
    }

    private void drained() {
        full = false;
        endStalling();
        pump();
    }

    private void stalled(long nowNanos) {
        if (full && nowNanos - fullSinceNanos > STALL_NANOS) {
            guarded(() -> breakOff("client_too_slow"));
        }
    }

    private void endStalling() {
        if (stalling != null) {
            stalling.close();
            stalling = null;
        }
    }

    private void breakOff(String code) {
        if (!over) {
            exchange.abort();
            close(Outcome.FAILED, code, false);
        }
    }

    private void close(Outcome outcome, String code, boolean heardAll) {
        if (over) {
            return;
        }
        over = true;
        endStalling();
        stream.leave(this, heardAll);
        then.ended(outcome, code, bytesOut);
    }

    @Override
    public void crashed(Throwable bug) {
        LOG.error("A stream could not be told to the client of call {}", exchange.id(), bug);
        try {
            breakOff(Refusal.INTERNAL);
        } catch (RuntimeException | Error again) {
            LOG.error("Call {} could not be told so", exchange.id(), again);
        }
    }
}
