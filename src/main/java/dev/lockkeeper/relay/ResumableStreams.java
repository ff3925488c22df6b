package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Streams whose clients may come back: asked for with {@value #ASKED}, their events carry ids, and who comes with the last one
 * it has seen is told the rest of the same generation. Stands between the door and the relay, which knows nothing of it: the
 * relay answers a {@link ResumableExchange} in place of the client's exchange. Held in memory alone. Any thread.
 *
 * <p>A stream belongs to the API key that asked for it, and to the path: whoever else comes with its id is told what is told
 * of an id that never was.
 */
public final class ResumableStreams implements Recording.Room {
    /** The field by which a client asks for ids; in the answer, what it comes back with before it has seen an event. */
    static final String ASKED = "x-lockkeeper-resumable";

    /** The field that names the last event a client has seen. */
    static final String LAST_EVENT = "last-event-id";

    private static final int ID_BYTES = 16;

    /** A stream's id, and the number of an event. */
    private static final Pattern EVENT_ID = Pattern.compile("(str_[0-9a-f]{" + 2 * ID_BYTES + "})\\.([0-9]{1,9})");

    private final RandomGenerator random;

    /** By their ids. */
    private final ConcurrentHashMap<String, ResumableStream> kept = new ConcurrentHashMap<>();

    /** Those whose call's report is to come, by the call's id. */
    private final ConcurrentHashMap<String, ResumableStream> running = new ConcurrentHashMap<>();

    /** Those whose clients were told all: the first to be forgotten where there is no more room. Guarded by itself. */
    private final Set<ResumableStream> delivered = new LinkedHashSet<>();

    private final AtomicLong bytes = new AtomicLong();
    private final LongAdder notKept = new LongAdder();
    private volatile long most;

    /** @param random for ids, which nobody may guess */
    public ResumableStreams(RandomGenerator random) {
        this.random = random;
    }

    /** Whether a request asks for a stream that can be resumed. */
    public static boolean isAsked(Exchange exchange) {
        String asked = exchange.headers().get(ASKED);
        return asked != null
                && !asked.strip().equalsIgnoreCase("false")
                && exchange.method().equals("POST");
    }

    /** Whether such a request comes back to a stream. */
    public static boolean isComeback(Exchange exchange) {
        String last = exchange.headers().get(LAST_EVENT);
        return last != null && !last.isBlank() && isAsked(exchange);
    }

    /** What the relay is to answer in place of an exchange that {@link #isAsked asks} for it. */
    public Exchange around(Relay relay, Exchange exchange, Caller caller) {
        return new ResumableExchange(this, relay, exchange, caller.keyId());
    }

    /** Tells who comes back the rest of its stream. The exchange is answered and its end is told to the relay's watcher. */
    public void resume(Relay relay, Exchange exchange, Caller caller, Endpoint endpoint) {
        new ReturnedClient(this, relay, exchange, caller, endpoint).begin();
    }

    /** A report with what is known here of its call. */
    public CallReport told(CallReport report) {
        if (running.isEmpty()) {
            return report;
        }
        ResumableStream stream = running.remove(report.requestId());
        return stream == null ? report : report.resumed(stream.resumes(), "");
    }

    /** How many are kept. */
    public int streams() {
        return kept.size();
    }

    /** Bytes of all that are kept. */
    public long bytes() {
        return bytes.get();
    }

    /** How many could not be kept to their end, for want of room. */
    public long notKept() {
        return notKept.sum();
    }

    // ---- what its streams ask for ----

    /** Takes a stream in; its id, null where there is no room for it. */
    @Nullable String keep(ResumableStream stream, ResumeSettings settings) {
        most = settings.total();
        makeRoom(Recording.BLOCK);
        if (settings.within().isZero() || bytes.get() + Recording.BLOCK > most) {
            countNotKept();
            return null;
        }
        byte[] chance = new byte[ID_BYTES];
        random.nextBytes(chance);
        String id = "str_" + HexFormat.of().formatHex(chance);
        kept.put(id, stream);
        running.put(stream.callId(), stream);
        return id;
    }

    /** The stream and event that a client comes back to; null: none that it could. */
    @Nullable Place find(Exchange exchange, Caller caller) {
        List<String> fields = exchange.headers().all(LAST_EVENT);
        Matcher written = EVENT_ID.matcher(fields.getFirst().strip());
        if (fields.size() != 1 || !written.matches()) {
            return null;
        }
        ResumableStream stream = kept.get(written.group(1));
        return stream != null && stream.isOf(caller.keyId(), exchange.path())
                ? new Place(stream, Integer.parseInt(written.group(2)))
                : null;
    }

    /** Where a client goes on: after the event of that number, 0: from the beginning. */
    record Place(ResumableStream stream, int event) {}

    /** Its client was told all of it. */
    void delivered(ResumableStream stream) {
        synchronized (delivered) {
            delivered.add(stream);
        }
    }

    /** It is told once more. */
    void undelivered(ResumableStream stream) {
        synchronized (delivered) {
            delivered.remove(stream);
        }
    }

    /** It can't be resumed any more. */
    void remove(String id, ResumableStream stream) {
        kept.remove(id, stream);
        undelivered(stream);
    }

    void countNotKept() {
        notKept.increment();
    }

    /** Forgets what was delivered, the oldest first, till there is room. Not while a stream is locked. */
    void makeRoom(long wanted) {
        while (bytes.get() + wanted > most) {
            ResumableStream oldest;
            synchronized (delivered) {
                if (delivered.isEmpty()) {
                    return;
                }
                oldest = delivered.iterator().next();
                delivered.remove(oldest);
            }
            oldest.forget();
        }
    }

    @Override
    public boolean take(long wanted) {
        if (bytes.addAndGet(wanted) <= most) {
            return true;
        }
        bytes.addAndGet(-wanted);
        return false;
    }

    @Override
    public void giveBack(long taken) {
        bytes.addAndGet(-taken);
    }

    /** What one who comes back gets of an answer's head: nothing that was true of the first client's only. */
    static Headers comeback(Headers first, String callId) {
        Headers headers = Headers.empty();
        first.forEach((name, value) -> {
            String lower = KeyedCall.name(name);
            if (!KeyedClient.FIRST_ONLY.contains(lower)
                    && !RecordedExchange.OF_THE_MESSAGE.contains(lower)
                    && !lower.startsWith("x-ratelimit-")) {
                headers.add(lower, value);
            }
        });
        return headers.set("x-lockkeeper-resume-of", callId);
    }
}
