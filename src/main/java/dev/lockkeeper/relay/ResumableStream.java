package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.http.SseSplitter;
import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A stream that can be resumed: its events get ids and are recorded, one client at a time is told the recording, and when
 * nobody has come back in time, the client is gone for the relay and all is forgotten. Holds nothing of the call that outlives
 * its end. Written on the call's loop, told on any thread.
 *
 * <p>While all of a stream is held, nobody's pace matters to its generation. One that is longer than what is held can't be
 * resumed any more: it flows at the pace of its client, and ends when that leaves.
 */
final class ResumableStream implements SseSplitter.Sink {
    /** How far the client may fall behind before the upstream waits, once a stream isn't held. */
    private static final int PACE = 256 << 10;

    /** Events whose ends there is place for at first. */
    private static final int FIRST_EVENTS = 64;

    /** What the client is told when the stream can't be resumed from there on. */
    private static final Bytes NOT_KEPT =
            Bytes.utf8(": lockkeeper: from here on this stream can't be resumed, it is longer than what is kept\n\n");

    /** An id of the upstream's own, in lines that make no event: it would stand in place of ours. */
    private static final Pattern ID_LINE = Pattern.compile("(?m)^id(:|$)");

    private final ResumableStreams owner;
    private final Loop loop;
    private final String callId;
    private final String path;
    private final String keyId;
    private final ResumeSettings settings;

    // Set before its head is sent, which is before anybody can know its id.
    private String id = "";
    private int status;
    private Headers fields = Headers.empty();

    // Of the call's loop.
    private final SseSplitter splitter = new SseSplitter(Integer.MAX_VALUE - 1);
    private @Nullable Runnable onDrain;
    private @Nullable Runnable onGone;
    private boolean over;
    private Loop.@Nullable Subscription forgetting;

    // Guarded by this.
    private final Recording recording;
    private int[] ends = new int[FIRST_EVENTS];
    private int events;
    private @Nullable StreamClient client;
    private long clientAt;
    private int resumes;
    private boolean lost;
    private boolean full;
    private boolean ended;
    private boolean aborted;
    private boolean forgotten;

    ResumableStream(ResumableStreams owner, Exchange first, String keyId, ResumeSettings settings) {
        this.owner = owner;
        this.loop = first.loop();
        this.callId = first.id();
        this.path = first.path();
        this.keyId = keyId;
        this.settings = settings;
        this.recording = new Recording(owner);
    }

    /** @param gone is called when nobody listens any more, and nobody may come back */
    synchronized void begin(String name, int answered, Headers headers, StreamClient first, Runnable gone) {
        id = name;
        status = answered;
        fields = ResumableStreams.comeback(headers, callId);
        client = first;
        onGone = gone;
    }

    boolean isOf(String key, String asked) {
        return keyId.equals(key) && path.equals(asked);
    }

    String callId() {
        return callId;
    }

    synchronized int status() {
        return status;
    }

    /** The head of its answer, for one who comes back. */
    synchronized Headers fields() {
        Headers copy = Headers.empty();
        fields.forEach(copy::add);
        return copy;
    }

    /** How often a client has come back. */
    synchronized int resumes() {
        return resumes;
    }

    // ---- what is recorded ----

    /** Adds what an upstream sent; false where it had better wait. */
    boolean write(Bytes piece) {
        if (over) {
            return true;
        }
        splitter.feed(piece, this);
        wakeClient();
        synchronized (this) {
            if (lost && client == null) {
                loop.later(this::cancel);
            }
            full = isBehind();
            return !full;
        }
    }

    @Override
    public void event(Bytes raw, @Nullable String name, Bytes data) {
        record(raw, true);
    }

    @Override
    public void comment(Bytes raw) {
        // Without data they make no event: nothing is lost with them but an id that isn't ours.
        if (!ID_LINE.matcher(raw.utf8()).find()) {
            record(raw, false);
        }
    }

    @Override
    public void tooLong() {
        throw new IllegalStateException("an event is longer than any may be");
    }

    private void record(Bytes raw, boolean event) {
        Bytes told;
        long needed;
        synchronized (this) {
            told = event && !lost ? withId(raw) : raw;
            needed = lost ? 0 : recording.needed(told.length());
        }
        owner.makeRoom(needed);
        synchronized (this) {
            if (!lost && recording.length() + told.length() <= settings.most() && recording.append(told, false)) {
                if (event) {
                    if (events == ends.length) {
                        ends = Arrays.copyOf(ends, 2 * events);
                    }
                    ends[events++] = Math.toIntExact(recording.length());
                }
                return;
            }
            if (!lost) {
                lost = true;
                ends = new int[0];
                owner.remove(id, this);
                owner.countNotKept();
                recording.append(NOT_KEPT, true);
            }
            recording.append(raw, true);
            recording.forget(client == null ? recording.length() : clientAt);
        }
    }

    /** An event with its id as the last field, so that it counts whatever ids there are. */
    private Bytes withId(Bytes raw) {
        int length = raw.length() - 1; // without its empty line
        if (raw.at(length) == '\n' && raw.at(length - 1) == '\r') {
            length--;
        }
        byte[] field = ("id: " + id + "." + (events + 1) + "\n\n").getBytes(StandardCharsets.US_ASCII);
        byte[] with = new byte[length + field.length];
        System.arraycopy(raw.array(), raw.offset(), with, 0, length);
        System.arraycopy(field, 0, with, length, field.length);
        return Bytes.of(with);
    }

    /** Whether the upstream should wait for the client. */
    private boolean isBehind() {
        return lost && client != null && recording.length() - clientAt > PACE;
    }

    private void wakeClient() {
        StreamClient listening;
        synchronized (this) {
            listening = client;
        }
        if (listening != null) {
            listening.wake();
        }
    }

    void onDrain(Runnable drained) {
        onDrain = drained;
    }

    /** @param cut whether it ends without having come to its end */
    void end(boolean cut) {
        if (!over) {
            isOver();
            synchronized (this) {
                ended = true;
                aborted = cut;
            }
            wakeClient();
        }
    }

    private void isOver() {
        over = true;
        onDrain = null;
        onGone = null;
    }

    /** Whether nothing is recorded any more. On the call's loop. */
    boolean over() {
        return over;
    }

    // ---- who listens ----

    /**
     * Lets a client listen from behind an event on; who listened before is cut off.
     *
     * @param event its number, 0: from the beginning
     * @return whether it can be resumed there
     */
    boolean join(StreamClient next, int event) {
        StreamClient before;
        synchronized (this) {
            if (forgotten || lost || event > events) {
                return false;
            }
            before = client;
            clientAt = event == 0 ? 0 : ends[event - 1];
            next.from(clientAt);
            client = next;
            resumes++;
        }
        owner.undelivered(this);
        if (before != null) {
            before.cut();
        }
        return true;
    }

    /**
     * What a client may be told.
     *
     * @param next the next bytes for it; empty: none yet
     * @param ended whether nothing comes behind what there is
     * @param aborted whether it ends in a cut
     */
    record Told(Bytes next, boolean ended, boolean aborted) {}

    /** Null: another client has taken its place. */
    synchronized @Nullable Told told(StreamClient who, long position) {
        return who.equals(client) ? new Told(recording.read(position, recording.length()), ended, aborted) : null;
    }

    /** A client was handed all up to a position. */
    void heard(StreamClient who, long position) {
        boolean caughtUp;
        synchronized (this) {
            if (!who.equals(client)) {
                return;
            }
            clientAt = position;
            if (lost) {
                recording.forget(position);
            }
            caughtUp = full && !isBehind();
        }
        if (caughtUp) {
            loop.later(this::drained);
        }
    }

    private void drained() {
        synchronized (this) {
            if (!full || isBehind()) {
                return;
            }
            full = false;
        }
        Runnable tell = onDrain;
        if (tell != null) {
            tell.run();
        }
    }

    /**
     * A client listens no more.
     *
     * @param heardAll whether it was told the end
     */
    void leave(StreamClient who, boolean heardAll) {
        int sofar;
        synchronized (this) {
            if (!who.equals(client)) {
                return;
            }
            client = null;
            sofar = resumes;
        }
        if (heardAll) {
            owner.delivered(this);
        }
        loop.run(() -> unheard(sofar));
    }

    // ---- its end ----

    private void unheard(int sofar) {
        boolean atOnce;
        synchronized (this) {
            atOnce = lost;
        }
        if (forgetting != null) {
            forgetting.close();
        }
        if (atOnce) {
            cancel();
        } else {
            forgetting = loop.after(settings.within().toMillis(), () -> {
                if (resumes() == sofar) {
                    cancel();
                }
            });
        }
    }

    /** Nobody came back: the call ends if it runs, and nothing is kept. On the call's loop. */
    private void cancel() {
        if (forget() && !over) {
            Runnable tell = onGone;
            isOver();
            if (tell != null) {
                tell.run();
            }
        }
    }

    /** Forgets it unless somebody listens; whether it is forgotten. Any thread once it has ended. */
    boolean forget() {
        synchronized (this) {
            if (client != null) {
                return false;
            }
            forgotten = true;
            ends = new int[0];
            recording.close();
        }
        owner.remove(id, this);
        return true;
    }
}
