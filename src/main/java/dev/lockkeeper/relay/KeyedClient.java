package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Exchange.BodyFault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.repeats.Answer;
import dev.lockkeeper.repeats.Name;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client of a call with an idempotency key: its request is read whole, then it listens to the call's answer, at its own
 * pace. On its exchange's loop, but for {@link #wake}, {@link #cut} and {@link #position}.
 *
 * <p>It has a place among the calls in flight, but while the relay counts the call itself.
 */
final class KeyedClient implements Guard {
    private static final Logger LOG = LoggerFactory.getLogger(KeyedClient.class);

    private static final int MAX_KEY = 255;

    /** Larger requests are hashed on a worker. */
    private static final int HASH_ON_LOOP = 256 << 10;

    /** Answers up to this size leave with their head in one piece. */
    private static final int ONE_PIECE = 64 << 10;

    /** How long a client may take nothing of an answer that is held for it alone. */
    private static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** What was true of the first client's answer only. */
    static final Set<String> FIRST_ONLY = Set.of("x-request-id", "x-lockkeeper-cost", "x-lockkeeper-overhead-us");

    private final KeyedCalls owner;
    final Relay relay;
    final Exchange exchange;
    final Loop loop;
    final Caller caller;
    final Endpoint endpoint;
    final List<String> pathIds;

    private Bytes body = Bytes.EMPTY;
    private long bodyTaken;
    private boolean placed;
    private boolean over;
    private @Nullable KeyedCall call;

    /** Whether the call's own report is this client's too. */
    private boolean reportedByCall;

    /** Whether it left before it was known whether the call would report it. */
    private boolean unreported;

    /** When its request was there, whole. */
    private long readNanos = System.nanoTime();

    private long ownNanos;
    private long busySinceNanos;

    private boolean headSent;
    private boolean full;
    private long fullSinceNanos;
    private Loop.@Nullable Subscription stalling;
    private int status;
    private long bytesOut;

    private final AtomicBoolean awake = new AtomicBoolean();
    private volatile boolean cut;

    /** How many bytes of the answer were handed to this client. */
    private volatile long position;

    KeyedClient(
            KeyedCalls owner, Relay relay, Exchange exchange, Caller caller, Endpoint endpoint, List<String> pathIds) {
        this.owner = owner;
        this.relay = relay;
        this.exchange = exchange;
        this.loop = exchange.loop();
        this.caller = caller;
        this.endpoint = endpoint;
        this.pathIds = pathIds;
    }

    // ---- its request ----

    void begin() {
        guarded(() -> {
            if (!relay.inFlight().callBegan()) {
                refuse(new Refusal.Busy(Overload.CALLS, "calls"));
                return;
            }
            placed = true;
            exchange.onGone(() -> guarded(this::gone));
            List<String> keys = exchange.headers().all(KeyedCalls.FIELD);
            String key = keys.getFirst().strip();
            if (keys.size() > 1 || key.isEmpty() || key.length() > MAX_KEY) {
                refuse(new Refusal.BadIdempotencyKey("Idempotency-Key was expected once, with 1 to " + MAX_KEY
                        + " characters; " + (keys.size() > 1 ? keys.size() + " came." : key.length() + " came.")));
            } else if (isForm()) {
                refuse(
                        new Refusal.BadIdempotencyKey(
                                "An Idempotency-Key is not taken with a form: its parts are divided"
                                        + " by a text that is another at each try, so no repeat would be known. Leave it out."));
            } else {
                exchange.read(guarded(new GatheredBody(
                        exchange,
                        this::takeRoom,
                        () -> refuse(new Refusal.Busy(Overload.BYTES, "bytes of request bodies")),
                        this::unread,
                        whole -> hash(Name.of(key), whole))));
            }
        });
    }

    private boolean isForm() {
        String type = exchange.headers().get("content-type");
        return endpoint.body() == Endpoint.Body.MULTIPART
                || (type != null && type.strip().toLowerCase(Locale.ROOT).startsWith("multipart/"));
    }

    private boolean takeRoom(int bytes) {
        if (!relay.inFlight().take(bytes)) {
            return false;
        }
        bodyTaken += bytes;
        return true;
    }

    private void unread(BodyFault why) {
        refuse(Refusal.unread(why, relay.rules().maxRequestBody()));
    }

    private void hash(Name name, Bytes whole) {
        body = whole;
        readNanos = System.nanoTime();
        KeyedCalls.Place place = new KeyedCalls.Place(caller.keyId(), name);
        if (whole.length() <= HASH_ON_LOOP) {
            join(place, KeyedCalls.digest(exchange, whole));
            return;
        }
        boolean taken = relay.workers().compute(() -> {
            Bytes digest = KeyedCalls.digest(exchange, whole);
            loop.run(() -> guarded(() -> join(place, digest)));
        });
        if (!taken) {
            refuse(new Refusal.Busy(Overload.WORKERS, "large request bodies"));
        }
    }

    private void join(KeyedCalls.Place place, Bytes digest) {
        while (!over) {
            KeyedCall made = new KeyedCall(owner, place, digest, this);
            KeyedCall found = owner.call(place, made);
            if (found == made) {
                call = made;
                Bytes request = body;
                long taken = bodyTaken;
                body = Bytes.EMPTY;
                bodyTaken = 0;
                made.claim(request, taken);
                return;
            }
            if (!found.isOf(digest)) {
                refuse(new Refusal.IdempotencyKeyReused());
                return;
            }
            switch (found.join(this)) {
                case JOINED -> {
                    call = found;
                    forgetBody();
                    wake();
                    return;
                }
                case TOO_LONG -> {
                    refuse(new Refusal.AnswerNotKept(KeyedCall.TOO_LONG));
                    return;
                }
                // It ended a moment ago: what is known of it now is in the database.
                case OVER -> owner.remove(place, found);
            }
        }
    }

    private void forgetBody() {
        body = Bytes.EMPTY;
        relay.inFlight().giveBack(bodyTaken);
        bodyTaken = 0;
    }

    /** When its request was there, whole; {@link System#nanoTime()}. */
    long readNanos() {
        return readNanos;
    }

    /** From now on the relay counts the call, and its report is this client's. */
    void leaveToRelay() {
        reportedByCall = true;
        unreported = false;
        leavePlace();
    }

    private void leavePlace() {
        if (placed) {
            placed = false;
            relay.inFlight().callEnded();
        }
    }

    // ---- its answer ----

    long position() {
        return position;
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

    /** This client is too far behind. Any thread. */
    void cut() {
        cut = true;
        wake();
    }

    /** Tells what can be told now. */
    private void pump() {
        KeyedCall listening = call;
        if (over || listening == null) {
            return;
        }
        if (cut) {
            breakOff("client_too_slow");
            return;
        }
        while (!over && !full) {
            KeyedCall.Told told = listening.told(position);
            Refusal no = told.refusal();
            if (no != null) {
                refuse(no);
                return;
            }
            if (!told.begun()) {
                if (told.aborted()) {
                    breakOff("");
                }
                return;
            }
            if (!headSent && told.finished() && told.length() <= ONE_PIECE) {
                status = told.status();
                bytesOut = told.length();
                exchange.answer(status, headers(told, listening), listening.all());
                done(Outcome.REPLAYED, "");
            } else if (!headSent) {
                headSent = true;
                status = told.status();
                Headers headers = headers(told, listening);
                long length = told.finished() ? told.length() : told.announced();
                if (length >= 0) {
                    headers.set("content-length", Long.toString(length));
                }
                exchange.head(status, headers);
            } else if (told.next().length() > 0) {
                Bytes next = told.next();
                bytesOut += next.length();
                position = bytesOut;
                full = !exchange.write(next);
                listening.heard();
            } else if (told.aborted()) {
                breakOff("");
            } else if (told.finished()) {
                exchange.end();
                done(Outcome.REPLAYED, "");
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
        if (stalling != null) {
            stalling.close();
            stalling = null;
        }
        pump();
    }

    private void stalled(long nowNanos) {
        KeyedCall listening = call;
        if (full && listening != null && listening.isWhole() && nowNanos - fullSinceNanos > STALL_NANOS) {
            guarded(() -> breakOff("client_too_slow"));
        }
    }

    private Headers headers(KeyedCall.Told told, KeyedCall listening) {
        boolean first = reportedByCall;
        Headers headers = Headers.empty();
        for (Answer.Field field : told.fields()) {
            if (first || !(FIRST_ONLY.contains(field.name()) || field.name().startsWith("x-ratelimit-"))) {
                headers.add(field.name(), field.value());
            }
        }
        if (!first) {
            headers.set("x-lockkeeper-replayed", listening.isReplay() ? "true" : "attached");
            headers.set("x-lockkeeper-replay-of", told.callId());
        }
        return headers;
    }

    // ---- its end ----

    void refuse(Refusal why) {
        if (!over) {
            if (exchange.over()) {
                gone();
                return;
            }
            relay.refuse(exchange, caller, endpoint.path(), why, waitedNanos());
            close();
        }
    }

    private void breakOff(String code) {
        exchange.abort();
        done(Outcome.FAILED, code);
    }

    private void gone() {
        if (!over) {
            done(Outcome.ABANDONED, "");
        }
    }

    private void done(Outcome outcome, String code) {
        KeyedCall listening = call;
        if (listening != null && listening.isToBegin(this)) {
            unreported = true;
        } else if (!reportedByCall) {
            report(outcome, code);
        }
        close();
    }

    /** The call did not begin: if this client has left meanwhile, that is told now. */
    void reportIfGone() {
        if (unreported) {
            unreported = false;
            report(Outcome.ABANDONED, "");
        }
    }

    private void report(Outcome outcome, String code) {
        int told = status == 0 ? CallReport.CLIENT_GONE : status;
        relay.answered(exchange, caller, endpoint.path(), told, outcome, code, bytesOut, waitedNanos());
    }

    /** How long it waited for its client, the database and the call. */
    private long waitedNanos() {
        long now = System.nanoTime();
        long own = ownNanos + (busySinceNanos == 0 ? 0 : now - busySinceNanos);
        return now - exchange.startedNanos() - own;
    }

    private void close() {
        over = true;
        forgetBody();
        leavePlace();
        if (stalling != null) {
            stalling.close();
            stalling = null;
        }
        KeyedCall listening = call;
        if (listening != null) {
            listening.leave(this);
        }
    }

    /** One that fails ends this client, and no other. */
    @Override
    public void guarded(Runnable step) {
        boolean outer = busySinceNanos == 0;
        if (outer) {
            busySinceNanos = System.nanoTime();
        }
        try {
            step.run();
        } catch (RuntimeException | Error bug) {
            crashed(bug);
        } finally {
            if (outer) {
                ownNanos += System.nanoTime() - busySinceNanos;
                busySinceNanos = 0;
            }
        }
    }

    @Override
    public void crashed(Throwable bug) {
        LOG.error("Call {} with an idempotency key failed in the gateway itself", exchange.id(), bug);
        if (!over) {
            try {
                if (exchange.headSent()) {
                    breakOff(Refusal.INTERNAL);
                } else {
                    refuse(new Refusal.Internal());
                }
            } catch (RuntimeException | Error again) {
                LOG.error("Call {} could not be told so", exchange.id(), again);
                exchange.abort();
                close();
            }
        }
    }
}
