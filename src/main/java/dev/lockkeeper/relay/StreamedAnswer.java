package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Continuation;
import dev.lockkeeper.dialect.openai.Delivered;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.SseSplitter;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An upstream's answer that is a stream of events. Events pass as they came, those that arrive together in one write; from
 * the last finish reason on they are held, until the gate is passed, and only then the client learns that the answer is
 * whole. A stream that breaks before ends in the dialect's error event: never silence, never a cut that looks whole.
 *
 * <p>The head goes out with the first event (or the first heartbeat), so that a stream which fails before it began is still
 * an error with a status.
 */
final class StreamedAnswer implements Answering, SseSplitter.Sink {
    /** How long an upstream may take from its finish reason to its end; after that the answer counts as whole. */
    private static final long FINISH_GRACE_NANOS = 5_000_000_000L;

    /** Bytes that wait for company at most. */
    private static final int GATHER_BYTES = 64 << 10;

    /** Says that a stream lives; means nothing to whoever reads its events. */
    static final Bytes HEARTBEAT = Bytes.utf8(": keep-alive\n\n");

    private final Call call;
    private final Attempt attempt;
    private final Provider provider;
    private final int status;
    private final Headers upstream;
    private final StreamTap tap;
    private final SseSplitter splitter;
    private final long heartbeatNanos;
    private final long gatherNanos;
    private final List<Bytes> out = new ArrayList<>();
    private final List<Bytes> held = new ArrayList<>();
    private long lastWriteNanos = System.nanoTime();

    /** Whether the client has seen an event. */
    private boolean shown;

    private boolean ending;

    /** Whether it was left for another attempt: what of it still comes in the same piece is nobody's. */
    private boolean left;

    StreamedAnswer(Call call, Attempt attempt, Provider provider, int status, Headers upstream) {
        this.call = call;
        this.attempt = attempt;
        this.provider = provider;
        this.status = status;
        this.upstream = upstream;
        this.tap = call.serving.tap();
        this.shown = call.serving.goingOn();
        RelaySettings settings = call.rules.settings();
        this.splitter = new SseSplitter(settings.maxEvent());
        this.heartbeatNanos = settings.heartbeat().toNanos();
        this.gatherNanos = settings.gather().toNanos();
    }

    @Override
    public void piece(Bytes piece) {
        if (over()) {
            return;
        }
        splitter.feed(piece, this);
        if (over()) {
            return;
        }
        if (tap.done()) {
            complete();
        } else if (gatherNanos == 0 || outBytes() > GATHER_BYTES) {
            flush();
        }
    }

    @Override
    public void event(Bytes raw, @Nullable String name, Bytes data) {
        if (over()) {
            return;
        }
        switch (tap.event(name, data)) {
            case PASS -> {
                if (tap.failed()) {
                    failed(raw, data);
                } else {
                    pass(tap.outgoing(raw));
                }
            }
            case DROP -> {}
            case HOLD -> {
                held.add(tap.outgoing(raw));
                if (tap.failed()) {
                    leave(failure(data), this::complete);
                }
            }
            case BROKEN ->
                broke(
                        Failure.NO_ANSWER,
                        new Refusal.Unusable(provider.name(), status, "an event that is not one of its API's"));
        }
        if (left || call.serving.racing()) {
            return; // of two that race, one wins as soon as it has begun, and the other is lost
        }
        call.made(tap.objectId());
        if (!ending && !tap.finished() && !call.fare.pays(tap.textBytes())) {
            attempt.budgetReached();
        }
    }

    @Override
    public void comment(Bytes raw) {
        if (!over()) {
            pass(raw);
        }
    }

    @Override
    public void tooLong() {
        broke(
                Failure.NO_ANSWER,
                new Refusal.Unusable(
                        provider.name(),
                        status,
                        "an event of more than " + call.rules.settings().maxEvent() + " bytes"));
    }

    /** Queues an event for the next write; neighbours in one array leave as one piece. */
    @SuppressWarnings("ReferenceEquality") // The same array, not an equal one: only then the bytes are neighbours.
    private void pass(Bytes raw) {
        if (call.serving.wholeOnly() && !ending) {
            if (!call.hold(raw.length())) {
                attempt.noRoom("answers that are gathered until they are whole");
                return;
            }
        }
        if (!out.isEmpty()) {
            Bytes last = out.getLast();
            if (last.array() == raw.array() && last.offset() + last.length() == raw.offset()) {
                out.set(out.size() - 1, new Bytes(last.array(), last.offset(), last.length() + raw.length()));
                return;
            }
        }
        out.add(raw);
    }

    private int outBytes() {
        int bytes = 0;
        for (Bytes each : out) {
            bytes += each.length();
        }
        return bytes;
    }

    /**
     * Whether events may be shown to the client. As long as the answer itself has not begun, somebody else may still give it,
     * and what opens one (a role, an id) must not be shown twice.
     */
    private boolean mayShow() {
        return shown || ending || (!call.serving.wholeOnly() && (begun() || !call.serving.mayStillFail(attempt)));
    }

    private void flush() {
        if (out.isEmpty() || !mayShow()) {
            return;
        }
        if (!shown) {
            if (!call.serving.wins(attempt)) {
                return; // another one was faster, and this one is cancelled
            }
            call.made(tap.objectId());
        }
        openHead();
        shown = true;
        boolean more = true;
        for (Bytes each : out) {
            more = call.write(each);
        }
        out.clear();
        lastWriteNanos = System.nanoTime();
        if (!more) {
            attempt.pauseUntilDrained();
        }
    }

    private void openHead() {
        if (!call.exchange.headSent()) {
            Headers headers = call.headers(provider, upstream);
            headers.set("cache-control", "no-cache");
            headers.set("x-accel-buffering", "no");
            call.head(status, headers, true);
        }
    }

    /** The upstream itself says that its answer failed. */
    private void failed(Bytes raw, Bytes data) {
        Bytes told = tap.outgoing(raw);
        leave(failure(data), () -> tellFailed(told, data));
    }

    private static Failure failure(Bytes data) {
        return Failure.of(UpstreamError.status(data), Headers.empty(), data);
    }

    /** Another attempt may be made in its place; where none is, {@code tell} ends the answer. */
    private void leave(Failure why, Runnable tell) {
        attempt.cancel();
        Delivered shownSoFar = delivered();
        left = true;
        call.serving.failed(attempt, why, shownSoFar, tell);
    }

    private boolean over() {
        return ending || left;
    }

    /** What the client has of the answer; null: nothing. */
    private @Nullable Delivered delivered() {
        if (!shown) {
            return null;
        }
        flush();
        return tap.delivered();
    }

    /** Whether what came does not go on with what the client has. */
    boolean mismatched() {
        return tap instanceof Continuation going && going.mismatch() != null;
    }

    private void tellFailed(Bytes raw, Bytes data) {
        ending = true;
        Learnt learnt = learnt().failed(UpstreamError.code(data));
        if (!call.exchange.headSent() && out.isEmpty()) {
            // Nothing has been promised yet: this is an error like any other.
            Bytes envelope = Errors.isEnvelope(data) ? data : UpstreamError.envelope(data);
            call.answer(UpstreamError.status(data), call.headers(provider, plain()), envelope);
        } else {
            pass(raw);
            Bytes more = tap.afterError(UpstreamError.code(data), UpstreamError.message(data));
            if (more.length() > 0) {
                out.add(more);
            }
            flush();
            call.exchange.end();
        }
        call.broken(learnt);
    }

    private static Headers plain() {
        return Headers.empty().set("content-type", "application/json");
    }

    @Override
    public void end() {
        if (over()) {
            return;
        }
        if (tap.finished()) {
            complete();
        } else {
            broke(
                    Failure.NO_ANSWER,
                    new Refusal.Unusable(provider.name(), status, "a stream that ended before its answer did"));
        }
    }

    /** The answer is whole: through the gate, then its last events. */
    private void complete() {
        ending = true;
        flush();
        if (!shown && !call.serving.wins(attempt)) {
            return;
        }
        if (!tap.done()) {
            attempt.cancel();
        }
        call.gate(
                learnt(),
                () -> {
                    openHead();
                    Bytes mark = call.serving.rescueMark();
                    if (mark.length() > 0) {
                        out.add(mark);
                    }
                    held.forEach(this::pass);
                    if (!tap.done()) {
                        out.add(tap.closing());
                    }
                    flush();
                    call.exchange.end();
                },
                this::breakOff);
    }

    @Override
    public void broke(Failure why, Refusal said) {
        if (over()) {
            return;
        }
        if (tap.finished()) {
            // All of the answer came before the connection went: nothing is missing but its farewell.
            complete();
            return;
        }
        leave(why, () -> breakOff(said));
    }

    private void breakOff(Refusal why) {
        ending = true;
        attempt.cancel();
        if (!shown && (out.isEmpty() || call.serving.wholeOnly())) {
            call.refuse(why, learnt());
            return;
        }
        Refusal.Said said = Refusal.said(why);
        String code = said.code() == null ? "upstream_error" : said.code();
        call.relay.inFlight().count(why);
        out.add(tap.brokenEnding(
                code, said.message() + " The stream broke off here: what came before is not the whole answer."));
        flush();
        call.exchange.end();
        call.broken(learnt().failed(code));
    }

    @Override
    public void tick(long nowNanos, long silentNanos) {
        if (over()) {
            return;
        }
        if (silentNanos > FINISH_GRACE_NANOS && tap.finished()) {
            complete();
            return;
        }
        if (gatherNanos > 0 && nowNanos - lastWriteNanos >= gatherNanos) {
            flush();
        }
        if (heartbeatNanos > 0 && nowNanos - lastWriteNanos >= heartbeatNanos) {
            flush();
            openHead();
            call.write(HEARTBEAT);
            lastWriteNanos = System.nanoTime();
        }
    }

    @Override
    public boolean begun() {
        return tap.textBytes() > 0 || tap.finished();
    }

    @Override
    public boolean ending() {
        return ending;
    }

    @Override
    public Learnt learnt() {
        return new Learnt(tap.usage(), tap.text(), tap.finish(), tap.objectId(), tap.alsoMade(), tap.failed(), "");
    }
}
