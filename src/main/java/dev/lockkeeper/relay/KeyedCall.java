package dev.lockkeeper.relay;

import dev.lockkeeper.repeats.Answer;
import dev.lockkeeper.repeats.Claim;
import dev.lockkeeper.repeats.KeptAnswers;
import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call with an idempotency key, and those who listen to it: what was recorded of its answer, and how much of that may be
 * told. Any thread.
 *
 * <p>An answer's last bytes are told when the database knows what came of the call. So who has seen a whole answer will be
 * told the same again, and who has seen an error finds the key free.
 *
 * <p>Up to {@code idempotency.max-answer} all of the answer is held, and nobody's pace matters to anybody. A longer one is not
 * kept: from there on it flows at the pace of its first client (if that has left, of the one that is farthest), and who is
 * farther behind than what is held is cut off.
 */
final class KeyedCall {
    /** Why an answer is not kept. */
    static final String TOO_LONG =
            "it was longer than what is kept (idempotency.max-answer), or there was no more room";

    /** How long an answer's end waits for the database. */
    private static final long SETTLE_SECONDS = 5;

    /** How far the pace may fall behind before the upstream waits, once an answer isn't kept. */
    private static final int PACE = 256 << 10;

    /** What is held at least of an answer that is not kept. */
    private static final int LEAST_HELD = 4 * PACE;

    private static final Logger LOG = LoggerFactory.getLogger(KeyedCall.class);

    private final KeyedCalls owner;
    private final KeyedCalls.Place place;
    private final Bytes digest;
    private final KeyedClient first;
    private final Relay relay;

    // Of the first client's loop.
    private boolean claiming;
    private Bytes body = Bytes.EMPTY;
    private long bodyTaken;

    // Guarded by this.
    private final List<KeyedClient> listeners = new ArrayList<>();
    private long unheardSinceNanos = System.nanoTime();
    private @Nullable Refusal refusal;
    private Recording recording;
    private String callId;
    private int status;
    private List<Answer.Field> fields = List.of();
    private long announced = -1;
    private long visible;
    private boolean begun;
    private boolean tooLong;
    private boolean replay;
    private boolean finished;
    private boolean aborted;
    private boolean over;

    KeyedCall(KeyedCalls owner, KeyedCalls.Place place, Bytes digest, KeyedClient first) {
        this.owner = owner;
        this.place = place;
        this.digest = digest;
        this.first = first;
        this.relay = first.relay;
        this.callId = first.exchange.id();
        this.recording = new Recording(relay.inFlight());
        listeners.add(first);
    }

    boolean isOf(Bytes request) {
        return digest.equals(request);
    }

    // ---- its beginning ----

    /**
     * Asks whose the key is.
     *
     * @param request the request's body
     * @param taken the room that was taken for it, which is given back here
     */
    void claim(Bytes request, long taken) {
        body = request;
        bodyTaken = taken;
        claiming = true;
        kept().claim(place.keyId(), place.name(), digest, first.exchange.id())
                .whenComplete((claim, failure) -> first.loop.run(() -> claimedSafely(claim, failure)));
    }

    private KeptAnswers kept() {
        return owner.kept();
    }

    /** Whether a client is the one whose request would be carried, and it is not known yet whether it will be. */
    boolean isToBegin(KeyedClient client) {
        return client.equals(first) && claiming;
    }

    /** A mistake of this code is told to all who listen. */
    private void claimedSafely(@Nullable Claim claim, @Nullable Throwable failure) {
        claiming = false;
        try {
            claimed(claim, failure);
        } catch (RuntimeException | Error bug) {
            LOG.error("Call {} with an idempotency key failed in the gateway itself", callId(), bug);
            refuse(new Refusal.Internal());
            if (claim instanceof Claim.Mine mine) {
                kept().free(mine);
            }
        } finally {
            first.reportIfGone();
        }
    }

    private void claimed(@Nullable Claim claim, @Nullable Throwable failure) {
        switch (claim) {
            case null -> {
                LOG.warn("an idempotency key can't be booked: {}", String.valueOf(failure));
                Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                refuse(
                        cause instanceof RejectedExecutionException
                                ? new Refusal.Busy(Overload.DATABASE, "idempotency keys")
                                : new Refusal.NoStorage("The Idempotency-Key could not be booked"));
            }
            case Claim.Mine mine -> {
                if (isUnheard()) {
                    takeBody();
                    settled(kept().free(mine));
                } else {
                    begin(mine);
                }
            }
            case Claim.Kept(Answer answer) -> replay(answer);
            case Claim.OtherRequest() -> refuse(new Refusal.IdempotencyKeyReused());
            case Claim.RunsElsewhere() -> refuse(new Refusal.IdempotencyKeyInUse());
            case Claim.NotKept() -> refuse(new Refusal.AnswerNotKept(TOO_LONG));
            case Claim.KeptElsewhere() ->
                refuse(new Refusal.AnswerNotKept(
                        "another node answered it, and nodes replay each other's answers only where they share"
                                + " idempotency.secret"));
        }
    }

    /** The request's body, once; its room is given back. */
    Bytes takeBody() {
        Bytes taken = body;
        relay.inFlight().giveBack(bodyTaken);
        body = Bytes.EMPTY;
        bodyTaken = 0;
        return taken;
    }

    private void begin(Claim.Mine mine) {
        RecordedExchange recorded =
                new RecordedExchange(this, mine, first.exchange, first.readNanos(), kept().settings());
        owner.recording(recorded);
        first.leaveToRelay();
        relay.carry(recorded, first.caller, first.endpoint, first.pathIds, null);
        takeBody();
    }

    private void replay(Answer answer) {
        takeBody();
        if (!relay.inFlight().take(answer.body().length())) {
            refuse(new Refusal.Busy(Overload.BYTES, "answers that are told again"));
            return;
        }
        synchronized (this) {
            replay = true;
            callId = answer.callId();
            status = answer.status();
            fields = answer.fields();
            recording = new Recording(relay.inFlight(), answer.body());
        }
        finish();
    }

    private void refuse(Refusal why) {
        takeBody();
        synchronized (this) {
            refusal = why;
        }
        finish();
    }

    // ---- who listens ----

    /** What came of {@link #join}. */
    enum Joining {
        JOINED,
        /** It is under way, and more of it is gone than could be told. */
        TOO_LONG,
        OVER
    }

    synchronized Joining join(KeyedClient client) {
        if (over) {
            return Joining.OVER;
        }
        if (tooLong) {
            return Joining.TOO_LONG;
        }
        listeners.add(client);
        return Joining.JOINED;
    }

    synchronized void leave(KeyedClient client) {
        listeners.remove(client);
        if (listeners.isEmpty()) {
            unheardSinceNanos = System.nanoTime();
        }
        tidy();
    }

    /** A client has heard more. */
    synchronized void heard() {
        tidy();
    }

    private void tidy() {
        if (over && listeners.isEmpty()) {
            recording.close();
        } else if (tooLong) {
            long least = recording.length();
            for (KeyedClient each : listeners) {
                least = Math.min(least, each.position());
            }
            recording.forget(least);
        }
    }

    private synchronized boolean isUnheard() {
        return listeners.isEmpty();
    }

    /** How long nobody has listened; -1 while somebody does. */
    synchronized long unheardNanos(long nowNanos) {
        return listeners.isEmpty() ? nowNanos - unheardSinceNanos : -1;
    }

    private synchronized String callId() {
        return callId;
    }

    synchronized boolean isReplay() {
        return replay;
    }

    /** Whether all of the answer is there, so that it is held for who still listens. */
    synchronized boolean isWhole() {
        return over;
    }

    synchronized Bytes all() {
        return recording.all();
    }

    /**
     * What a client may be told.
     *
     * @param refusal in place of an answer, or null
     * @param begun whether status and fields are known
     * @param announced bytes of the body as its head told them, -1 where it did not
     * @param length bytes of the body, those included that may not be told yet
     * @param next the next bytes for this client; empty: none yet
     */
    record Told(
            @Nullable Refusal refusal,
            String callId,
            boolean begun,
            int status,
            List<Answer.Field> fields,
            long announced,
            long length,
            Bytes next,
            boolean finished,
            boolean aborted) {}

    synchronized Told told(long position) {
        return new Told(
                refusal,
                callId,
                begun,
                status,
                fields,
                announced,
                recording.length(),
                begun ? recording.read(position, visible) : Bytes.EMPTY,
                finished,
                aborted);
    }

    // ---- what is recorded ----

    synchronized void head(int answered, List<Answer.Field> told, long length) {
        status = answered;
        fields = told;
        announced = length;
    }

    /** Adds bytes of the answer; false where the upstream had better wait. */
    boolean append(Bytes piece, long maxAnswer) {
        List<KeyedClient> behind = List.of();
        synchronized (this) {
            boolean fits =
                    !tooLong && recording.length() + piece.length() <= maxAnswer && recording.append(piece, false);
            if (!fits) {
                tooLong = true;
                recording.append(piece, true);
                tidy();
                long oldest = recording.length() - Math.max(maxAnswer, LEAST_HELD);
                KeyedClient pace = pace();
                behind = listeners.stream()
                        .filter(each -> !each.equals(pace) && each.position() < oldest)
                        .toList();
            }
        }
        behind.forEach(KeyedClient::cut);
        return !isPaceBehind();
    }

    /** Whether the answer isn't kept, and who sets its pace has not caught up. */
    synchronized boolean isPaceBehind() {
        KeyedClient pace = tooLong ? pace() : null;
        return pace != null && recording.length() - pace.position() > PACE;
    }

    private @Nullable KeyedClient pace() {
        if (listeners.contains(first)) {
            return first;
        }
        KeyedClient farthest = null;
        for (KeyedClient each : listeners) {
            if (farthest == null || each.position() > farthest.position()) {
                farthest = each;
            }
        }
        return farthest;
    }

    synchronized boolean isTooLong() {
        return tooLong;
    }

    /** Lets those who listen hear all that was recorded so far. */
    void publish() {
        List<KeyedClient> told;
        synchronized (this) {
            begun = status != 0;
            visible = recording.length();
            told = List.copyOf(listeners);
        }
        told.forEach(KeyedClient::wake);
    }

    // ---- its end ----

    /**
     * The call is over; what came of it is written down, then those who listen hear the end.
     *
     * @param whole whether this is an answer to be told again
     */
    void ended(Claim.Mine mine, boolean whole, boolean cutOff) {
        CompletionStage<?> written;
        synchronized (this) {
            aborted = cutOff;
            written = !whole
                    ? kept().free(mine)
                    : tooLong
                            ? kept().keepNot(mine)
                            : kept().keep(mine, new Answer(callId, status, lasting(), recording.all()));
        }
        settled(written);
    }

    private List<Answer.Field> lasting() {
        return fields.stream()
                .filter(each -> !each.name().equals("x-request-id"))
                .toList();
    }

    private void settled(CompletionStage<?> written) {
        CompletionStage<?> _ = written.toCompletableFuture()
                .copy()
                .orTimeout(SETTLE_SECONDS, TimeUnit.SECONDS)
                .whenComplete((_, failure) -> {
                    if (failure != null) {
                        LOG.warn(
                                "what came of call {} can't be written down, so its idempotency key may be free: {}",
                                callId(),
                                failure.toString());
                    }
                    finish();
                });
    }

    private void finish() {
        owner.remove(place, this);
        List<KeyedClient> told;
        synchronized (this) {
            over = true;
            finished = !aborted;
            begun = status != 0;
            visible = recording.length();
            told = List.copyOf(listeners);
            tidy();
        }
        told.forEach(KeyedClient::wake);
    }

    /** Field names as they are kept. */
    static String name(String field) {
        return field.toLowerCase(Locale.ROOT);
    }
}
