package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.repeats.Answer;
import dev.lockkeeper.repeats.Claim;
import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The exchange of a call with an idempotency key, as the relay sees it: its request was read before, its answer is recorded
 * for all who listen. Its client goes away when nobody has listened for as long as a call goes on alone. On its loop.
 */
final class RecordedExchange extends OtherAnswer {
    /** How long the report of a call may come after its answer's end. */
    private static final long REPORT_NANOS = TimeUnit.SECONDS.toNanos(15);

    /** Fields of the message, not of the answer. */
    static final Set<String> OF_THE_MESSAGE =
            Set.of("content-length", "transfer-encoding", "connection", "keep-alive", "date");

    private final KeyedCall call;
    private final Claim.Mine mine;
    private final long startedNanos;
    private final long maxAnswer;
    private final long goOnNanos;
    private final Loop.Subscription ticking;

    private final List<Answer.Field> also = new ArrayList<>();
    private int status;
    private boolean publishing;
    private boolean full;
    private boolean ended;
    private boolean over;
    private long overSinceNanos;
    private boolean reported;
    private @Nullable Runnable onDrain;
    private @Nullable Runnable onGone;

    /** @param startedNanos when the request had been read */
    RecordedExchange(KeyedCall call, Claim.Mine mine, Exchange client, long startedNanos, RepeatSettings settings) {
        super(client);
        this.call = call;
        this.mine = mine;
        this.startedNanos = startedNanos;
        this.maxAnswer = settings.maxAnswer();
        this.goOnNanos = settings.goOn().toNanos();
        this.ticking = loop().everyTick(this::tick);
    }

    // ---- the request ----

    /** When the request had been read whole: what came before was the client's time. */
    @Override
    public long startedNanos() {
        return startedNanos;
    }

    @Override
    public void read(Intake intake) {
        // Whoever reads takes the room that it needs.
        Bytes body = call.takeBody();
        if (body.length() > 0) {
            intake.piece(body);
        }
        intake.end();
    }

    @Override
    public void pause() {
        // All of it was handed over at once.
    }

    @Override
    public void resume() {
        // As above.
    }

    // ---- the answer ----

    @Override
    public void head(int answered, Headers headers) {
        if (over || headSent()) {
            return;
        }
        status = answered;
        List<Answer.Field> fields = new ArrayList<>();
        headers.forEach((name, value) -> {
            String lower = KeyedCall.name(name);
            if (!OF_THE_MESSAGE.contains(lower)) {
                fields.add(new Answer.Field(lower, value));
            }
        });
        fields.addAll(also);
        String length = headers.get("content-length");
        call.head(answered, List.copyOf(fields), length == null ? -1 : Long.parseLong(length));
        publishLater();
    }

    @Override
    public void also(String name, String value) {
        also.add(new Answer.Field(KeyedCall.name(name), value));
    }

    @Override
    public boolean headSent() {
        return status != 0;
    }

    @Override
    public boolean write(Bytes piece) {
        if (over) {
            return true;
        }
        full = !call.append(piece, maxAnswer);
        publishLater();
        return !full;
    }

    /** At the turn's end it is known whether these were the last bytes, which wait for {@link #reported}. */
    private void publishLater() {
        if (!publishing) {
            publishing = true;
            loop().later(() -> {
                publishing = false;
                if (!over) {
                    call.publish();
                }
            });
        }
    }

    @Override
    public void onDrain(Runnable drained) {
        onDrain = drained;
    }

    @Override
    public void end() {
        if (!over) {
            ended = true;
            isOver();
        }
    }

    @Override
    public void abort() {
        if (!over) {
            isOver();
        }
    }

    private void isOver() {
        over = true;
        overSinceNanos = System.nanoTime();
    }

    @Override
    public boolean over() {
        return over;
    }

    @Override
    public void onGone(Runnable gone) {
        onGone = gone;
    }

    // ---- the clock ----

    private void tick(long nowNanos) {
        if (over) {
            if (nowNanos - overSinceNanos > REPORT_NANOS) {
                settle(false);
            }
            return;
        }
        long unheard = call.unheardNanos(nowNanos);
        if (unheard > goOnNanos || (unheard >= 0 && call.isTooLong())) {
            isOver();
            Runnable tell = onGone;
            onGone = null;
            if (tell != null) {
                tell.run();
            }
        } else if (full && !call.isPaceBehind()) {
            full = false;
            Runnable tell = onDrain;
            if (tell != null) {
                tell.run();
            }
        }
    }

    // ---- its end ----

    /** What came of the call is known: it is told last of all. */
    void reported(CallReport report) {
        settle(ended && report.outcome() == Outcome.SERVED && status >= 200 && status < 300);
    }

    private void settle(boolean whole) {
        if (!reported) {
            reported = true;
            ticking.close();
            over = true;
            call.ended(mine, whole, !ended);
        }
    }
}
