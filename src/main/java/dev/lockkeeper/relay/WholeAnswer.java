package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.dialect.openai.UnaryTap;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An upstream's answer that is one body: JSON, or bytes such as audio and files. Up to {@value #HOLD} bytes of JSON are
 * held before the head goes out, so that an answer that breaks early is still an error with a status; past that, pieces
 * flow through and only the last one waits for the gate, so that a body cut short never looks whole.
 */
final class WholeAnswer implements Answering {
    private static final int HOLD = 256 << 10;

    private final Call call;
    private final Attempt attempt;
    private final Provider provider;
    private final int status;
    private final Headers upstream;
    private final @Nullable UnaryTap tap;
    private final Deque<Bytes> held = new ArrayDeque<>();
    private int heldBytes;
    private boolean ending;

    WholeAnswer(Call call, Attempt attempt, Provider provider, int status, Headers upstream) {
        this.call = call;
        this.attempt = attempt;
        this.provider = provider;
        this.status = status;
        this.upstream = upstream;
        String type = upstream.get("content-type");
        boolean json = type == null || type.toLowerCase(Locale.ROOT).contains("json");
        this.tap = json ? Taps.unary(call.endpoint) : null;
    }

    @Override
    public void piece(Bytes piece) {
        if (ending || piece.length() == 0) {
            return;
        }
        if (tap != null) {
            tap.piece(piece);
        }
        held.add(piece);
        heldBytes += piece.length();
        if (heldBytes > HOLD || (tap == null && !call.expectsJson())) {
            flow();
        }
    }

    /** Writes what is held but for the last piece. */
    private void flow() {
        if (!call.serving.wins(attempt)) {
            return;
        }
        if (!call.exchange.headSent()) {
            Headers headers = call.headers(provider, upstream);
            String length = upstream.get("content-length");
            if (length != null) {
                headers.set("content-length", length);
            }
            call.head(status, headers, false);
        }
        boolean more = true;
        while (held.size() > 1) {
            Bytes next = held.removeFirst();
            heldBytes -= next.length();
            more = call.write(next);
        }
        if (!more) {
            attempt.pauseUntilDrained();
        }
    }

    @Override
    public void end() {
        if (ending) {
            return;
        }
        ending = true;
        if (tap != null) {
            tap.end();
            // Nothing at all is an answer where nothing was promised: in a 204, or where any body will do.
            boolean empty = heldBytes == 0 && (status == 204 || !call.expectsJson());
            if (!tap.finished() && !empty) {
                broke(Failure.NO_ANSWER, new Refusal.Unusable(provider.name(), status, "a body that is not JSON"));
                return;
            }
        } else if (call.expectsJson()) {
            broke(Failure.NO_ANSWER, new Refusal.Unusable(provider.name(), status, "a body that is not JSON"));
            return;
        }
        if (!call.serving.wins(attempt)) {
            return;
        }
        call.gate(learnt(), this::write, said -> broke(Failure.OURS, said));
    }

    private void write() {
        if (call.exchange.headSent()) {
            held.forEach(call::write);
            call.exchange.end();
        } else {
            call.answer(status, call.headers(provider, upstream), joined());
        }
    }

    private Bytes joined() {
        if (held.size() == 1) {
            return held.getFirst();
        }
        byte[] all = new byte[heldBytes];
        int at = 0;
        for (Bytes each : held) {
            System.arraycopy(each.array(), each.offset(), all, at, each.length());
            at += each.length();
        }
        return Bytes.of(all);
    }

    @Override
    public void broke(Failure why, Refusal said) {
        ending = true;
        attempt.cancel();
        if (call.exchange.headSent()) {
            // No event can be sent in the middle of a body: the connection's end is the only honest word left.
            call.serving.judge(attempt.stake(), why);
            call.relay.inFlight().count(said);
            call.exchange.abort();
            call.broken(learnt().failed(String.valueOf(Refusal.said(said).code())));
        } else {
            call.serving.failed(attempt, why, null, () -> call.refuse(said, learnt()));
        }
    }

    @Override
    public boolean begun() {
        return heldBytes > 0;
    }

    @Override
    public void tick(long nowNanos, long silentNanos) {}

    @Override
    public boolean ending() {
        return ending;
    }

    @Override
    public Learnt learnt() {
        return tap == null
                ? Learnt.NOTHING
                : new Learnt(tap.usage(), tap.text(), tap.finish(), tap.objectId(), tap.alsoMade(), tap.failed(), "");
    }
}
