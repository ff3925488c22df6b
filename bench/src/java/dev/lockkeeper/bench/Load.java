package dev.lockkeeper.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * The benchmark's load: one kind of call, over and over. Called from the benchmark's thread; works on its links' event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What is scheduled here counts by itself how it ended.
final class Load {
    private static final long LATEST_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long DRAIN_MILLIS = 10_000;
    private static final long LOOK_MILLIS = 20;

    private final Links links;
    private final byte[] request;

    /** @param request the bytes of a call */
    Load(Links links, String request) {
        this.links = links;
        this.request = request.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * What came of some calls.
     *
     * @param times in nanoseconds, from when each was due
     * @param calls how many were answered with 200
     * @param failed how many were not
     * @param seconds how long it took
     */
    record Result(Histogram times, long calls, long failed, double seconds) {
        double perSecond() {
            return calls / seconds;
        }
    }

    /** How a call ended that is counted. */
    @FunctionalInterface
    private interface Ended {
        /** @param good whether it was answered whole with 200; then its time has been recorded */
        void with(boolean good);
    }

    /** Records the time of a call that is answered whole with 200. */
    private static final class Timed implements Link.Hearer {
        private final long due;
        private final Histogram times;
        private final Ended ended;
        private int status;

        Timed(long due, Histogram times, Ended ended) {
            this.due = due;
            this.times = times;
            this.ended = ended;
        }

        @Override
        public void head(int answered, Link link) {
            status = answered;
        }

        @Override
        public void end(Link.Ending ending) {
            boolean good = ending == Link.Ending.WHOLE && status == 200;
            if (good) {
                times.recordValue(Math.min(LATEST_NANOS, System.nanoTime() - due));
            }
            ended.with(good);
        }
    }

    private static Histogram histogram() {
        return new Histogram(LATEST_NANOS, 3);
    }

    /** Opens connections beforehand. */
    void open(int connections) {
        onLoop(() -> links.open(connections));
        Pause.millis(300);
    }

    private void onLoop(Runnable step) {
        CompletableFuture.runAsync(step, links.loop()).join();
    }

    private ByteBuf request() {
        return Unpooled.wrappedBuffer(request);
    }

    /**
     * Sends calls when they are due, whether or not earlier ones were answered. A call's time begins when it was due: a
     * server that stands still delays all that were due meanwhile, and each of them is counted so.
     */
    Result open(double rate, double seconds) {
        CompletableFuture<Result> result = new CompletableFuture<>();
        links.loop().execute(() -> new OpenLoop(rate, seconds, result).begin());
        return result.join();
    }

    private final class OpenLoop {
        private final long intervalNanos;
        private final long count;
        private final CompletableFuture<Result> result;
        private final Histogram times = histogram();
        private final long beganNanos = System.nanoTime();
        private long due = beganNanos;
        private long sent;
        private long good;
        private long bad;

        OpenLoop(double rate, double seconds, CompletableFuture<Result> result) {
            this.intervalNanos = (long) (1e9 / rate);
            this.count = (long) (rate * seconds);
            this.result = result;
        }

        void begin() {
            turn();
        }

        private void turn() {
            while (sent < count && due <= System.nanoTime()) {
                links.send(request(), new Timed(due, times, this::ended));
                sent++;
                due += intervalNanos;
            }
            if (sent < count) {
                links.loop().schedule(this::turn, Math.max(0, due - System.nanoTime()), TimeUnit.NANOSECONDS);
            } else {
                drain(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(DRAIN_MILLIS));
            }
        }

        private void drain(long until) {
            if (good + bad == sent || System.nanoTime() >= until) {
                give();
            } else {
                links.loop().schedule(() -> drain(until), LOOK_MILLIS, TimeUnit.MILLISECONDS);
            }
        }

        private void give() {
            // Those still under way have failed: they had ten seconds.
            result.complete(new Result(times, good, bad + sent - good - bad, (System.nanoTime() - beganNanos) / 1e9));
        }

        private void ended(boolean well) {
            if (well) {
                good++;
            } else {
                bad++;
            }
            if (good + bad == count && !result.isDone()) {
                give();
            }
        }
    }

    /** Sends calls as fast as they are answered: each connection sends its next one when it has its answer. */
    Result flatOut(int connections, double seconds) {
        Histogram times = histogram();
        AtomicLong bad = new AtomicLong();
        long began = System.nanoTime();
        long until = began + (long) (seconds * 1e9);
        CompletableFuture<?>[] ends = new CompletableFuture<?>[connections];
        for (int i = 0; i < connections; i++) {
            CompletableFuture<?> end = new CompletableFuture<>();
            ends[i] = end;
            links.loop().execute(() -> again(times, bad, until, end));
        }
        CompletableFuture.allOf(ends).join();
        return new Result(times, times.getTotalCount(), bad.get(), (System.nanoTime() - began) / 1e9);
    }

    private void again(Histogram times, AtomicLong bad, long until, CompletableFuture<?> end) {
        long began = System.nanoTime();
        if (began >= until) {
            end.complete(null);
            return;
        }
        links.send(request(), new Timed(began, times, well -> {
            if (!well) {
                bad.incrementAndGet();
            }
            // Not at once: an answer that fails at once must not nest a call in a call for ever.
            links.loop().execute(() -> again(times, bad, until, end));
        }));
    }

    /** Opens streams, evenly over some seconds, and keeps them until they are closed. */
    Streams streams(int count, double seconds) {
        Streams streams = new Streams();
        for (int i = 0; i < count; i++) {
            long delay = (long) (seconds * 1e9 * i / count);
            links.loop().schedule(() -> streams.add(links, request()), delay, TimeUnit.NANOSECONDS);
        }
        Pause.millis((long) (seconds * 1000) + 1_000);
        return streams;
    }

    /** Streams that are open, each of which tells in every chunk when it was sent. */
    static final class Streams {
        private static final byte[] STAMP = CheapUpstream.STAMP.getBytes(StandardCharsets.US_ASCII);

        private final List<Link> open = new ArrayList<>();
        private final AtomicLong chunks = new AtomicLong();
        private final AtomicLong ended = new AtomicLong();
        private final Recorder delays = new Recorder(LATEST_NANOS, 3);

        private void add(Links links, ByteBuf request) {
            links.send(request, new Chunks(), open::add);
        }

        /** Chunks that have come so far. */
        long chunks() {
            return chunks.get();
        }

        /** Streams that have ended, though none should. */
        long ended() {
            return ended.get();
        }

        /** How long the chunks since the last question took, in nanoseconds. */
        Histogram delays() {
            return delays.getIntervalHistogram();
        }

        /** Closes them all. */
        void close(Load load) {
            load.onLoop(() -> open.forEach(Link::leave));
        }

        private final class Chunks implements Link.Hearer {
            private int matched;
            private int digits;
            private long stamp;

            @Override
            public void body(ByteBuf piece) {
                int to = piece.writerIndex();
                for (int at = piece.readerIndex(); at < to; at++) {
                    byte next = piece.getByte(at);
                    if (digits > 0) {
                        stamp = stamp * 10 + next - '0';
                        if (--digits == 0) {
                            delays.recordValue(Math.clamp(System.nanoTime() - stamp, 0, LATEST_NANOS));
                            chunks.lazySet(chunks.get() + 1);
                        }
                    } else if (next == STAMP[matched]) {
                        if (++matched == STAMP.length) {
                            matched = 0;
                            digits = CheapUpstream.STAMP_DIGITS;
                            stamp = 0;
                        }
                    } else {
                        matched = next == STAMP[0] ? 1 : 0;
                    }
                }
            }

            @Override
            public void end(Link.Ending ending) {
                ended.incrementAndGet();
            }
        }
    }
}
