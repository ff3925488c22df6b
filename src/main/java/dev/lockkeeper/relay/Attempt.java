package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.Client.Outgoing;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Patience;
import dev.lockkeeper.upstream.Provider;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One try of a call at one provider: sends the request, chooses by the answer's head how the answer is read, and minds the
 * clock. On the call's loop only.
 */
final class Attempt implements Client.Listener {
    /** Kept connections that may turn out dead, one after the other, before the call fails. */
    private static final int MAX_STALE = 2;

    /** Bytes that a client's full queue is counted for: its high mark. */
    private static final int FULL_QUEUE = 64 << 10;

    private final Call call;
    private final Stake stake;
    private final Provider provider;
    private final RequestBody body;
    private final Patience patience;
    private final long startedNanos = System.nanoTime();
    private long lastSignNanos = startedNanos;
    private int stale;
    private boolean sent;
    private boolean paused;
    private boolean closed;
    private boolean answered;

    /** Whether another attempt was begun beside this one: then it may take as long as that one. */
    private boolean raced;

    private final boolean streaming;
    private @Nullable Outgoing outgoing;
    private @Nullable Answering answering;

    Attempt(Call call, Stake stake, RequestBody body, @Nullable RequestScan scan) {
        this.call = call;
        this.stake = stake;
        this.provider = stake.at().provider();
        this.body = body;
        this.patience = stake.patience();
        this.streaming = scan != null && scan.stream();
    }

    void start() {
        send();
    }

    private void send() {
        Headers headers = provider.request(call.exchange.headers(), stake.at().key());
        if (body.length() == 0) {
            headers.remove("content-type");
        } else if (call.shortForm() || call.exchange.headers().get("content-type") == null) {
            headers.set("content-type", "application/json");
        }
        String target = provider.target(call.path(), call.query());
        call.idle();
        outgoing = call.relay
                .clients()
                .on(call.loop, provider)
                .send(call.endpoint.method(), target, headers, body.length(), call.guarded(this));
    }

    // ---- what the upstream says ----

    @Override
    public void ready() {
        Outgoing to = outgoing;
        if (closed || to == null) {
            return;
        }
        sign();
        body.sendTo(to, () -> {
            sent = true;
            sign();
        });
    }

    @Override
    public void drained() {
        sign();
        body.drained();
    }

    @Override
    public void head(int status, Headers headers) {
        if (closed) {
            return;
        }
        call.busy();
        sign();
        call.serving.learnLimits(stake, headers);
        if (status < 200 || status > 299) {
            answering = new RefusedAnswer(call, this, provider, status, headers);
        } else if (isEventStream(headers)) {
            answering = new StreamedAnswer(call, this, provider, status, headers);
        } else if (call.exchange.headSent()) {
            fail(
                    Failure.NO_ANSWER,
                    new Refusal.Unusable(provider.name(), status, "one body where a stream was asked for"));
        } else {
            answering = new WholeAnswer(call, this, provider, status, headers);
        }
        call.idle();
    }

    @Override
    public void piece(Bytes piece) {
        Answering reader = answering;
        if (closed || reader == null) {
            return;
        }
        call.busy();
        sign();
        reader.piece(piece);
        if (!answered && reader.begun()) {
            answered = true;
            stake.firstToken();
        }
        call.idle();
    }

    @Override
    public void end() {
        Answering reader = answering;
        if (closed || reader == null) {
            return;
        }
        call.busy();
        outgoing = null;
        reader.end();
        call.idle();
    }

    @Override
    public void fault(Fault fault) {
        if (closed) {
            return;
        }
        call.busy();
        outgoing = null;
        if (fault.kind() == Fault.Kind.STALE) {
            // Nothing of this request was read: the connection had died of old age.
            sent = false;
        }
        if (fault.kind() == Fault.Kind.STALE && body.repeatable() && stale < MAX_STALE) {
            stale++;
            send();
        } else {
            fail(Failure.of(fault), new Refusal.Unreached(provider.name(), fault));
        }
    }

    // ---- the clock ----

    void tick(long nowNanos) {
        if (closed) {
            return;
        }
        Answering reader = answering;
        long silent = nowNanos - lastSignNanos;
        long total = patience.totalNanos();
        if (nowNanos - startedNanos > total) {
            late("total", total);
        } else if (reader == null) {
            if (!sent && body.waitsForClient()) {
                // How fast a client sends is the server's to mind; it is not the upstream that is late.
                sign();
                return;
            }
            // Before the request is sent whole, the clock is that of its bytes; after that, of the answer's first one.
            if (!sent) {
                lateAfter(silent, "idle", patience.idleNanos());
            } else if (silent > firstTokenNanos()) {
                firstTokenLate();
            } else {
                lateAfter(silent, "first-byte", patience.firstByteNanos());
            }
        } else if (!paused && !reader.ending() && !answered && silent > firstTokenNanos()) {
            firstTokenLate();
        } else if (!paused && silent > patience.idleNanos() && !reader.ending()) {
            late("idle", patience.idleNanos());
        } else if (!paused) {
            // A client that does not read needs no sign of life, and what is behind the pause is not silence.
            reader.tick(nowNanos, silent);
        }
    }

    /**
     * How long a stream may show no sign of life before its first token where somebody else could answer: events and comments
     * of an upstream that thinks are such signs.
     */
    private long firstTokenNanos() {
        return streaming && !raced && call.serving.elsewhere(stake.at())
                ? call.serving.firstTokenNanos(patience)
                : Long.MAX_VALUE;
    }

    /** Somebody else is asked, in place of this one or beside it. */
    private void firstTokenLate() {
        if (call.serving.races(this)) {
            raced = true;
        } else {
            late("first-token", firstTokenNanos());
        }
    }

    private void lateAfter(long silentNanos, String timeout, long boundNanos) {
        if (silentNanos > boundNanos) {
            late(timeout, boundNanos);
        }
    }

    /** The process stops: this attempt ends now, unless its answer's end is under way already. */
    void cutShort() {
        if (!closed && (answering == null || !answering.ending())) {
            call.busy();
            fail(Failure.OURS, new Refusal.Stopping(true));
        }
    }

    /** The call's deadline has passed. */
    void deadlinePassed(Refusal why) {
        if (!closed && (answering == null || !answering.ending())) {
            call.busy();
            fail(Failure.OURS, why);
        }
    }

    private void late(String timeout, long boundNanos) {
        call.busy();
        fail(
                new Failure(Failure.Kind.SILENT, "timeout_" + timeout.replace('-', '_'), -1),
                new Refusal.Late(provider.name(), timeout, boundNanos / 1_000_000));
    }

    /** The attempt has failed: another one is made where nothing was shown to the client yet, else the client is told. */
    private void fail(Failure why, Refusal said) {
        Answering reader = answering;
        cancel();
        if (reader == null) {
            call.serving.failed(this, why, null, () -> call.refuse(said));
        } else {
            reader.broke(why, said);
        }
    }

    private void sign() {
        lastSignNanos = System.nanoTime();
    }

    // ---- what the answer asks for ----

    /**
     * The client reads more slowly than the upstream writes: the upstream waits, and what is queued for the client counts
     * among the bytes in flight. Where there is no room for it, the answer ends here.
     */
    void pauseUntilDrained() {
        Outgoing from = outgoing;
        if (from != null && !paused) {
            if (!call.hold(FULL_QUEUE)) {
                noRoom("answers that their clients read slowly");
                return;
            }
            paused = true;
            from.pause();
            call.exchange.onDrain(() -> call.guarded(this::clientDrained));
        }
    }

    /** There is no room for more of the answer. */
    void noRoom(String what) {
        fail(Failure.OURS, new Refusal.Busy(Overload.BYTES, what));
    }

    private void clientDrained() {
        if (paused && !closed) {
            paused = false;
            call.letGo(FULL_QUEUE);
            sign();
            Outgoing still = outgoing;
            if (still != null) {
                still.resume();
            }
        }
    }

    /** Breaks the request off at the upstream; its answer, if any, is no longer wanted. */
    void cancel() {
        Outgoing from = outgoing;
        outgoing = null;
        if (from != null) {
            from.cancel();
        }
    }

    /** Whether the upstream may bill for it: it has the whole request or has begun to answer, and has not refused it. */
    boolean maySpend() {
        return (sent || answering != null) && !(answering instanceof RefusedAnswer);
    }

    /** The answer has to end: the budget is used up. */
    void budgetReached() {
        fail(Failure.OURS, new Refusal.BudgetReached());
    }

    /** Whether its request could be sent a second time. */
    boolean repeatable() {
        return body.repeatable();
    }

    /** Whether its answer does not go on with what the client has. */
    boolean mismatched() {
        return answering instanceof StreamedAnswer stream && stream.mismatched();
    }

    /** Whether the upstream's answer is being read. */
    boolean reading() {
        return answering != null;
    }

    /** Whether the answer itself has begun. */
    boolean answered() {
        return answered;
    }

    Stake stake() {
        return stake;
    }

    /** What is known of the answer so far. */
    Learnt learnt() {
        return answering == null ? Learnt.NOTHING : answering.learnt();
    }

    /** Ends this attempt whatever state it is in. Idempotent. */
    void close() {
        if (!closed) {
            closed = true;
            cancel();
            body.close();
        }
    }

    private boolean isEventStream(Headers headers) {
        String type = headers.get("content-type");
        return type != null
                && type.toLowerCase(Locale.ROOT).startsWith("text/event-stream")
                && call.endpoint.kind() != Endpoint.Kind.PLAIN;
    }
}
