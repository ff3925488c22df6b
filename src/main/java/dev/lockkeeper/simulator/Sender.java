package dev.lockkeeper.simulator;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.units.Bytes;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** Sends one planned answer, and misbehaves as planned. On the exchange's loop only. */
final class Sender {
    /** How long what is written gets to leave before a connection is broken. */
    private static final long LEAVE_MILLIS = 5;

    private final Exchange exchange;
    private final Headers headers;
    private final Plan plan;
    private final long paceMillis;
    private final Mishaps mishaps;
    private final Deque<Bytes> pieces = new ArrayDeque<>();
    private Loop.@Nullable Subscription timer;
    private int next;
    private int sent;
    private long bytes;
    private boolean waited;
    private boolean blocked;

    Sender(Exchange exchange, Headers headers, Plan plan, long paceMillis) {
        this.exchange = exchange;
        this.headers = headers;
        this.plan = plan;
        this.paceMillis = paceMillis;
        mishaps = Mishaps.of(plan.controls());
    }

    /** Begins after a wait that every such answer has. */
    void start(long firstMillis) {
        exchange.onGone(this::stopWaiting);
        if (mishaps.silence) {
            hang();
            return;
        }
        long wait = firstMillis + mishaps.firstMillis;
        if (wait > 0) {
            after(wait, this::begin);
        } else {
            begin();
        }
    }

    private void begin() {
        if (mishaps.resetAfter == 0) {
            exchange.reset();
            return;
        }
        exchange.onDrain(() -> {
            if (blocked) {
                blocked = false;
                go();
            }
        });
        switch (plan) {
            case Plan.Whole whole -> whole(whole);
            case Plan.Stream stream -> {
                next = stream.from();
                headers.set("content-type", "text/event-stream; charset=utf-8");
                headers.set("cache-control", "no-cache");
                exchange.head(200, headers);
                go();
            }
        }
    }

    // ── an answer in one piece ──

    private void whole(Plan.Whole whole) {
        Bytes body = whole.body();
        int status = whole.status();
        headers.set("content-type", whole.contentType());
        whole.headers().forEach(headers::set);
        if (mishaps.html > 0) {
            status = mishaps.html;
            body = Bytes.utf8(
                    "<html>\r\n<head><title>%d Bad Gateway</title></head>\r\n<body>\r\n<center><h1>%d Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
                            .formatted(status, status));
            headers.set("content-type", "text/html");
        } else if (mishaps.garbageAfter >= 0) {
            body = Bytes.utf8("{\"id\": garbage, \"choices");
        } else if (mishaps.oversizeAfter >= 0) {
            body = padded(body, mishaps.oversizeBytes);
        }
        boolean chunked = mishaps.splitEvery > 0 || mishaps.noEnd || mishaps.eofAfter >= 0;
        if (!chunked) {
            headers.set("content-length", Integer.toString(body.length()));
        }
        exchange.head(status, headers);
        int breakAt = breakAt(body.length());
        if (breakAt < 0) {
            pieces.add(body);
        } else {
            pieces.add(body.slice(0, breakAt));
            if (mishaps.stallAfter >= 0) {
                pieces.add(body.slice(breakAt, body.length()));
            }
        }
        go();
    }

    /** Where a body in one piece is broken: nowhere, before its first byte, in its middle, or after so many bytes. */
    private int breakAt(int length) {
        int events = mishaps.breakingEvents();
        if (mishaps.cutAfterBytes >= 0) {
            return (int) Math.min(mishaps.cutAfterBytes, length);
        }
        return events < 0 ? -1 : events == 0 ? 0 : length / 2;
    }

    private static Bytes padded(Bytes body, int size) {
        if (body.length() == 0 || body.at(0) != '{') {
            return body;
        }
        String start = "{\"padding\":\"";
        byte[] padded = new byte[start.length() + size + 2 + body.length() - 1];
        int at = 0;
        for (int i = 0; i < start.length(); i++) {
            padded[at++] = (byte) start.charAt(i);
        }
        java.util.Arrays.fill(padded, at, at + size, (byte) 'x');
        at += size;
        padded[at++] = '"';
        padded[at++] = ',';
        System.arraycopy(body.array(), body.offset() + 1, padded, at, body.length() - 1);
        return Bytes.of(padded);
    }

    // ── going on ──

    /** Sends what may be sent now. */
    private void go() {
        while (!exchange.over()) {
            Bytes piece = pieces.poll();
            if (piece == null) {
                if (!(plan instanceof Plan.Stream stream) || !more(stream)) {
                    break;
                }
                continue;
            }
            if (!send(piece)) {
                return;
            }
            if (plan instanceof Plan.Whole) {
                if (mishaps.stallAfter >= 0 && !pieces.isEmpty()) {
                    after(mishaps.stallMillis, this::go);
                    return;
                }
                if (mishaps.breaks()) {
                    breakOff();
                    return;
                }
            }
        }
        if (!exchange.over() && timer == null && !blocked && pieces.isEmpty()) {
            finish();
        }
    }

    private void finish() {
        if (plan instanceof Plan.Stream stream
                && next < stream.events().size()
                && !stream.stopped().getAsBoolean()) {
            return;
        }
        if (mishaps.noEnd) {
            hang();
        } else {
            exchange.end();
        }
    }

    /** Lays the next event out, or waits, or breaks off: then false. */
    private boolean more(Plan.Stream stream) {
        if (timer != null) {
            return false;
        }
        if (mishaps.breaks() && sent >= mishaps.breakingEvents()) {
            breakOff();
            return false;
        }
        if (next >= stream.events().size() || stream.stopped().getAsBoolean()) {
            return false;
        }
        if (sent == mishaps.stallAfter && !mishaps.stalled) {
            mishaps.stalled = true;
            after(mishaps.stallMillis, this::go);
            return false;
        }
        if (sent == mishaps.garbageAfter) {
            return odd("data: {\"choices\":[{\"delta\": garbage\n\n");
        }
        if (sent == mishaps.oversizeAfter) {
            return odd("data: {\"padding\":\"" + "x".repeat(mishaps.oversizeBytes) + "\",\"choices\":[]}\n\n");
        }
        if (sent >= mishaps.errorAfter && mishaps.errorAfter >= 0) {
            odd(error(stream));
            next = stream.events().size();
            return true;
        }
        Event event = stream.events().get(next);
        if ((mishaps.noFinish && event.role() != Event.Role.ORDINARY)
                || (mishaps.noDone && event.role() == Event.Role.DONE)) {
            next++;
            return true;
        }
        if (event.paced() && paceMillis > 0 && !waited && sent > 0) {
            waited = true;
            after(paceMillis, this::go);
            return false;
        }
        waited = false;
        pieces.add(event.frame(next));
        next++;
        sent++;
        return true;
    }

    /** Lays out an event that belongs to no answer; it counts as sent, so that it comes once. */
    private boolean odd(String frame) {
        pieces.add(Bytes.utf8(frame));
        sent++;
        return true;
    }

    private String error(Plan.Stream stream) {
        Plan.Ending ending = stream.ending();
        if (ending == null) {
            return "data: "
                    + Json.string(Refused.envelope(
                            "The server had an error while processing your request. Sorry about that!",
                            mishaps.errorCode.equals("rate_limit_exceeded") ? "rate_limit_error" : "server_error",
                            null,
                            mishaps.errorCode))
                    + "\n\n";
        }
        if (mishaps.failed) {
            return "event: response.failed\ndata: " + ending.failed(next) + "\n\n";
        }
        var event = Json.object();
        event.put("type", "error").put("sequence_number", next).put("code", mishaps.errorCode);
        event.put("message", "The server had an error while processing your request. Sorry about that!");
        return "event: error\ndata: " + Json.string(event.putNull("param")) + "\n\n";
    }

    /** Writes a piece, split and cut as planned; false where the rest has to wait. */
    private boolean send(Bytes piece) {
        Bytes now = piece;
        if (mishaps.splitEvery > 0 && piece.length() > mishaps.splitEvery) {
            now = piece.slice(0, mishaps.splitEvery);
            pieces.addFirst(piece.slice(mishaps.splitEvery, piece.length()));
        }
        boolean cut = mishaps.cutAfterBytes >= 0 && bytes + now.length() >= mishaps.cutAfterBytes;
        if (cut) {
            now = now.slice(0, (int) (mishaps.cutAfterBytes - bytes));
        }
        bytes += now.length();
        boolean welcome = exchange.write(now);
        if (cut) {
            breakOff();
            return false;
        }
        if (!welcome) {
            blocked = true;
            return false;
        }
        return true;
    }

    private void breakOff() {
        if (mishaps.eofAfter >= 0) {
            exchange.end();
            return;
        }
        boolean reset = mishaps.resetAfter >= 0;
        next = Integer.MAX_VALUE;
        pieces.clear();
        after(LEAVE_MILLIS, () -> {
            if (reset) {
                exchange.reset();
            } else {
                exchange.abort();
            }
        });
    }

    private void hang() {
        after(Mishap.LONGEST.toMillis(), exchange::abort);
    }

    private void after(long millis, Runnable task) {
        timer = exchange.loop().after(millis, () -> {
            timer = null;
            if (!exchange.over()) {
                task.run();
            }
        });
    }

    private void stopWaiting() {
        if (timer != null) {
            timer.close();
            timer = null;
        }
    }

    /** The mishaps of one answer, laid out for looking up; -1 where one does not happen. */
    private static final class Mishaps {
        boolean silence;
        long firstMillis;
        int html = -1;
        int stallAfter = -1;
        long stallMillis;
        boolean stalled;
        int cutAfter = -1;
        long cutAfterBytes = -1;
        int resetAfter = -1;
        int eofAfter = -1;
        int splitEvery = -1;
        int garbageAfter = -1;
        int oversizeAfter = -1;
        int oversizeBytes;
        int errorAfter = -1;
        String errorCode = "";
        boolean failed;
        boolean noDone;
        boolean noFinish;
        boolean noEnd;

        static Mishaps of(Controls controls) {
            Mishaps mishaps = new Mishaps();
            controls.mishaps().forEach(mishaps::add);
            return mishaps;
        }

        private void add(Mishap mishap) {
            switch (mishap) {
                case Mishap.Status _ -> {
                    // Became the plan already.
                }
                case Mishap.Html(int status) -> html = status;
                case Mishap.Stall(int events, var pause) -> {
                    stallAfter = events;
                    stallMillis = pause.toMillis();
                }
                case Mishap.Silence() -> silence = true;
                case Mishap.SlowFirstByte(var pause) -> firstMillis = pause.toMillis();
                case Mishap.CutAfterEvents(int events) -> cutAfter = events;
                case Mishap.CutAfterBytes(int count) -> cutAfterBytes = count;
                case Mishap.Reset(int events) -> resetAfter = events;
                case Mishap.EofAfterEvents(int events) -> eofAfter = events;
                case Mishap.SplitEvery(int count) -> splitEvery = count;
                case Mishap.Garbage(int events) -> garbageAfter = events;
                case Mishap.ErrorEvent(int events, String code) -> {
                    errorAfter = events;
                    errorCode = code;
                }
                case Mishap.Failed(int events) -> {
                    errorAfter = events;
                    errorCode = "server_error";
                    failed = true;
                }
                case Mishap.NoDone() -> noDone = true;
                case Mishap.NoFinish() -> noFinish = true;
                case Mishap.NoUsage() -> {
                    // The content knows.
                }
                case Mishap.Oversize(int events, int count) -> {
                    oversizeAfter = events;
                    oversizeBytes = count;
                }
                case Mishap.NoEnd() -> noEnd = true;
                case Mishap.Times _ -> {
                    // Was unwrapped or dropped already.
                }
            }
        }

        boolean breaks() {
            return cutAfter >= 0 || resetAfter >= 0 || eofAfter >= 0;
        }

        /** After how many events something breaks, or for a body in one piece also stalls. */
        int breakingEvents() {
            if (cutAfter >= 0) {
                return cutAfter;
            }
            if (resetAfter >= 0) {
                return resetAfter;
            }
            return eofAfter >= 0 ? eofAfter : stallAfter;
        }
    }
}
