package dev.lockkeeper.bench;

import dev.lockkeeper.bench.Ask.End;
import dev.lockkeeper.bench.Ask.Manner;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;

/**
 * Sends a soak's calls when they are due, whether or not earlier ones have been answered, and judges how each ends. On its
 * links' event loop only, but for {@link #stop}.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What is scheduled here tells the tally itself how it ended.
final class SoakClient {
    /** A call that has heard nothing for so long is lost. */
    private static final long LOST_NANOS = TimeUnit.SECONDS.toNanos(120);

    /** How long the rate grows until it is full: a process that has just started is cold. */
    private static final long RAMP_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** What is kept of an answer's end, to see how it ended. */
    private static final int TAIL = 16 << 10;

    private static final long LATEST_MICROS = TimeUnit.MINUTES.toMicros(2);

    private final Links links;
    private final SoakMix mix;
    private final Tally tally;
    private final Recorder plainCalls;
    private final long intervalNanos;
    private final Deque<Running> running = new ArrayDeque<>();
    private long began;
    private long next;
    private volatile boolean stopped;

    /**
     * @param rate calls a second
     * @param plainCalls hears the microseconds of calls that have no mishap and no stream, from when they were due
     */
    SoakClient(Links links, SoakMix mix, Tally tally, Recorder plainCalls, double rate) {
        this.links = links;
        this.mix = mix;
        this.tally = tally;
        this.plainCalls = plainCalls;
        this.intervalNanos = (long) (1e9 / rate);
    }

    /** Begins. */
    void start() {
        links.loop().execute(() -> {
            next = System.nanoTime();
            began = next;
            links.loop().scheduleAtFixedRate(this::lookForLost, 5, 5, TimeUnit.SECONDS);
            turn();
        });
    }

    /** Sends no more; what is under way goes on. Any thread. */
    void stop() {
        stopped = true;
    }

    private void turn() {
        while (!stopped && next <= System.nanoTime()) {
            send(mix.next(), next, Collections.emptyIterator());
            next += pause(next - began);
        }
        if (!stopped) {
            links.loop().schedule(this::turn, Math.max(0, next - System.nanoTime()), TimeUnit.NANOSECONDS);
        }
    }

    private long pause(long sinceBegun) {
        if (sinceBegun >= RAMP_NANOS) {
            return intervalNanos;
        }
        double share = Math.max(0.05, sinceBegun / (double) RAMP_NANOS);
        return (long) (intervalNanos / share);
    }

    /** @param after what the same client asks for next, if this is answered */
    private void send(Ask ask, long due, Iterator<Ask> after) {
        tally.sent();
        Running call = new Running(ask, due, after);
        running.addLast(call);
        links.send(ask.encoded(PooledByteBufAllocator.DEFAULT), call, call::on);
    }

    private void lookForLost() {
        long now = System.nanoTime();
        while (!running.isEmpty() && (running.getFirst().over || now - running.getFirst().due > LOST_NANOS)) {
            Running first = running.removeFirst();
            if (!first.over) {
                first.finish(End.LOST);
                if (first.link != null) {
                    first.link.leave();
                }
            }
        }
        running.removeIf(each -> each.over);
    }

    /** One call under way. */
    private final class Running implements Link.Hearer {
        private final Ask ask;
        private final long due;
        private Iterator<Ask> after;
        private @Nullable Link link;
        private @Nullable String id;
        private int status;
        private boolean json;
        private boolean over;
        private long bytes;
        private byte[] tail = new byte[512];
        private int tailLength;
        private int first = -1;

        Running(Ask ask, long due, Iterator<Ask> after) {
            this.ask = ask;
            this.due = due;
            this.after = after;
        }

        void on(Link taken) {
            link = taken;
            switch (ask.manner()) {
                case LEAVES_BEFORE_HEAD -> later(this::leave, 400);
                case LEAVES_IN_BODY -> later(this::leave, 200);
                case WAITS, LEAVES_IN_ANSWER, RESETS_IN_ANSWER, DAWDLES -> {}
            }
        }

        private void later(Runnable step, long millis) {
            links.loop().schedule(step, millis, TimeUnit.MILLISECONDS);
        }

        private void leave() {
            Link at = link;
            if (!over && at != null) {
                finish(End.LEFT);
                if (ask.manner() == Manner.RESETS_IN_ANSWER) {
                    at.reset();
                } else {
                    at.leave();
                }
            }
        }

        @Override
        public void head(int answered, Link at) {
            status = answered;
            id = at.field("x-request-id");
            String type = at.field("content-type");
            json = type != null && type.startsWith("application/json");
            switch (ask.manner()) {
                case LEAVES_IN_ANSWER, RESETS_IN_ANSWER -> later(this::leave, 300);
                case DAWDLES -> at.dawdle(2_000);
                case WAITS, LEAVES_BEFORE_HEAD, LEAVES_IN_BODY -> {}
            }
        }

        @Override
        public void body(ByteBuf piece) {
            int length = piece.readableBytes();
            if (length == 0) {
                return;
            }
            if (first < 0) {
                first = piece.getByte(piece.readerIndex());
            }
            bytes += length;
            int kept = Math.min(length, TAIL);
            if (tailLength + kept > tail.length) {
                // Twice what is kept, so that it is moved once in a while only.
                byte[] larger = tail.length < 2 * TAIL ? new byte[Math.min(2 * TAIL, 2 * (tailLength + kept))] : tail;
                int from = Math.max(0, tailLength + kept - larger.length);
                from = from == 0 ? 0 : Math.max(from, tailLength - TAIL);
                System.arraycopy(tail, from, larger, 0, tailLength - from);
                tailLength -= from;
                tail = larger;
            }
            piece.getBytes(piece.writerIndex() - kept, tail, tailLength, kept);
            tailLength += kept;
        }

        @Override
        public void end(Link.Ending ending) {
            if (over) {
                return;
            }
            finish(
                    switch (ending) {
                        case UNREACHED -> End.UNREACHED;
                        case CUT -> End.BROKEN_OFF;
                        case WHOLE -> judged();
                    });
        }

        private End judged() {
            String text = new String(tail, 0, tailLength, StandardCharsets.UTF_8);
            if (status >= 400) {
                return text.startsWith("{\"error\":") || text.startsWith("{\n  \"error\":")
                        ? End.ERROR
                        : End.FALSELY_WHOLE;
            }
            if (ask.stream()) {
                boolean responses = ask.kind().startsWith("responses");
                String last = lastEvent(text);
                if (responses ? last.contains("event: response.completed\n") : last.equals("data: [DONE]")) {
                    return End.ANSWERED;
                }
                return last.contains("\"error\":{") || last.contains("response.failed") || last.contains("event: error")
                        ? End.ERROR_EVENT
                        : End.FALSELY_WHOLE;
            }
            if (!json) {
                return bytes > 0 ? End.ANSWERED : End.FALSELY_WHOLE;
            }
            String stripped = text.strip();
            return first == '{' && stripped.endsWith("}") ? End.ANSWERED : End.FALSELY_WHOLE;
        }

        private static String lastEvent(String text) {
            String stripped = text.strip();
            int start = stripped.lastIndexOf("\n\n");
            return start < 0 ? stripped : stripped.substring(start + 2);
        }

        private void finish(End how) {
            over = true;
            String detail = "";
            if (!ask.right().contains(how)) {
                String text = new String(tail, 0, tailLength, StandardCharsets.UTF_8);
                detail = bytes + " bytes, after " + (System.nanoTime() - due) / 1_000_000 + " ms, ends "
                        + text.substring(Math.max(0, text.length() - 300)).replace("\n", "\\n");
            }
            tally.ended(ask, how, id, status, detail);
            if (ask.kind().equals("chat") && how == End.ANSWERED) {
                plainCalls.recordValue(Math.min(LATEST_MICROS, (System.nanoTime() - due) / 1_000));
            }
            if (ask.kind().equals("upload") && how == End.ANSWERED) {
                String text = new String(tail, 0, tailLength, StandardCharsets.UTF_8);
                int at = text.indexOf("\"file-");
                if (at >= 0) {
                    after = mix.after(text.substring(at + 1, text.indexOf('"', at + 1)))
                            .iterator();
                }
            }
            if (how == End.ANSWERED && after.hasNext() && !stopped) {
                send(after.next(), System.nanoTime(), after);
            }
            tail = new byte[0];
        }
    }
}
