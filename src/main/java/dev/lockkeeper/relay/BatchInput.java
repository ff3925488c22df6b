package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.BatchLine;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.dialect.openai.Reference;
import dev.lockkeeper.http.Client.Listener;
import dev.lockkeeper.http.Client.Outgoing;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Provider;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads a batch's input file from the provider before the batch may start. The provider runs each line as a request of
 * its own account, where all projects' objects lie and every model is at hand: so what lines name is looked at here, as it
 * is in any other body. A file's content can't change between this and the batch.
 *
 * <p>On the call's loop; lines are read on a worker, and the provider waits meanwhile. Memory: {@value #AT_ONCE} bytes and
 * the longest line.
 */
final class BatchInput implements Listener {
    private static final int AT_ONCE = 1 << 20;

    /** Bytes of one line. */
    static final int MAX_LINE = 16 << 20;

    /** Objects that all lines name together. */
    private static final int MAX_NAMED = 10_000;

    private static final long IDLE_NANOS = 60_000_000_000L;
    private static final long TOTAL_NANOS = 300_000_000_000L;

    private final Call call;
    private final Provider provider;
    private final String file;
    private final Predicate<String> mayUse;
    private final Consumer<List<Reference>> then;
    private final long startedNanos = System.nanoTime();
    private long lastSignNanos = startedNanos;
    private final Loop.Subscription ticking;
    private @Nullable Outgoing outgoing;
    private ByteArrayOutputStream pending = new ByteArrayOutputStream();
    private boolean wholeLine;
    private long held;
    private int status;
    private boolean reading;
    private boolean ended;
    private boolean closed;

    // Touched by one worker at a time; the loop's queue lies between two.
    private int line;
    private final Map<Named, Reference> named = new HashMap<>();
    private final Set<String> models = new HashSet<>();

    /**
     * @param mayUse whether this key may use what the provider calls so
     * @param then gets what the lines name, once all are read
     */
    BatchInput(Call call, Provider provider, String file, Predicate<String> mayUse, Consumer<List<Reference>> then) {
        this.call = call;
        this.provider = provider;
        this.file = file;
        this.mayUse = mayUse;
        this.then = then;
        this.ticking = call.loop.everyTick(this::tick);
    }

    private record Named(ObjectKind kind, String id) {}

    void begin() {
        String target = provider.target("/v1/files/" + file + "/content", null);
        call.idle();
        outgoing = call.relay
                .clients()
                .on(call.loop, provider)
                .send("GET", target, provider.sign(Headers.empty()), 0, call.guarded(this));
    }

    private void tick(long nowNanos) {
        if (closed || reading) {
            return;
        }
        if (nowNanos - lastSignNanos > IDLE_NANOS) {
            refuse(new Refusal.Late(provider.name(), "batch input, idle", IDLE_NANOS / 1_000_000));
        } else if (nowNanos - startedNanos > TOTAL_NANOS) {
            refuse(new Refusal.Late(provider.name(), "batch input", TOTAL_NANOS / 1_000_000));
        }
    }

    @Override
    public void ready() {
        lastSignNanos = System.nanoTime();
    }

    @Override
    public void head(int answered, Headers headers) {
        lastSignNanos = System.nanoTime();
        status = answered;
        if (answered == 401 || answered == 403) {
            refuse(new Refusal.BadCredentials(provider.name(), answered));
        } else if (answered >= 500) {
            refuse(new Refusal.Unusable(provider.name(), answered, "a file that can't be read"));
        } else if (answered != 200) {
            refuse(bad("The content of the input file can't be read at the provider (HTTP " + answered
                    + "), and no batch starts without: its lines are checked first."));
        }
    }

    @Override
    public void piece(Bytes piece) {
        lastSignNanos = System.nanoTime();
        if (closed || status != 200) {
            return;
        }
        if (!call.relay.inFlight().take(piece.length())) {
            refuse(new Refusal.Busy(Overload.BYTES, "bytes of batch inputs"));
            return;
        }
        held += piece.length();
        pending.write(piece.array(), piece.offset(), piece.length());
        for (int i = 0; !wholeLine && i < piece.length(); i++) {
            wholeLine = piece.at(i) == '\n';
        }
        if (wholeLine && pending.size() >= AT_ONCE) {
            read();
        } else if (pending.size() > AT_ONCE + MAX_LINE) {
            refuse(bad("Line " + (line + 1) + " of the input file is longer than " + MAX_LINE + " bytes."));
        }
    }

    @Override
    public void drained() {}

    @Override
    public void end() {
        if (closed) {
            return;
        }
        outgoing = null;
        ended = true;
        read();
    }

    @Override
    public void fault(Fault fault) {
        outgoing = null;
        refuse(new Refusal.Unreached(provider.name(), fault));
    }

    /** Has the whole lines read that have come, or all that is left at the end. */
    private void read() {
        if (closed || reading) {
            return;
        }
        byte[] all = pending.toByteArray();
        int to = all.length;
        while (!ended && to > 0 && all[to - 1] != '\n') {
            to--;
        }
        wholeLine = false;
        pending = new ByteArrayOutputStream();
        pending.write(all, to, all.length - to);
        reading = true;
        Outgoing from = outgoing;
        if (from != null) {
            from.pause();
        }
        int taken = to;
        boolean begun = call.relay.workers().compute(() -> {
            Refusal why;
            try {
                why = lines(new Bytes(all, 0, taken));
            } catch (RuntimeException | Error bug) {
                call.onLoop(() -> call.crashed(bug));
                return;
            }
            Refusal told = why;
            call.onLoop(() -> was(told, taken));
        });
        if (!begun) {
            refuse(new Refusal.Busy(Overload.WORKERS, "batch inputs"));
        }
    }

    private void was(@Nullable Refusal why, int bytes) {
        reading = false;
        lastSignNanos = System.nanoTime();
        if (closed) {
            return;
        }
        call.relay.inFlight().giveBack(bytes);
        held -= bytes;
        if (why != null) {
            refuse(why);
        } else if (!ended) {
            Outgoing from = outgoing;
            if (from != null) {
                from.resume();
            }
        } else if (pending.size() > 0) {
            read();
        } else {
            close();
            call.busy();
            then.accept(new ArrayList<>(named.values()));
        }
    }

    /** Reads lines, on a worker; null: there is nothing against them. */
    private @Nullable Refusal lines(Bytes all) {
        int from = 0;
        while (from < all.length()) {
            int to = from;
            while (to < all.length() && all.at(to) != '\n') {
                to++;
            }
            line++;
            Refusal why = line(all.slice(from, to));
            if (why != null) {
                return why;
            }
            from = to + 1;
        }
        return null;
    }

    private @Nullable Refusal line(Bytes text) {
        boolean blank = true;
        for (int i = 0; blank && i < text.length(); i++) {
            blank = text.at(i) == ' ' || text.at(i) == '\t' || text.at(i) == '\r';
        }
        if (blank) {
            return null;
        }
        BatchLine read;
        try {
            read = BatchLine.of(text);
        } catch (Malformed wrong) {
            return bad("Line " + line + " of the input file: " + wrong.message());
        }
        String model = read.model();
        if (model != null && models.add(model) && !mayUse.test(model)) {
            return bad("Line " + line + " of the input file asks for a model that this key may not use at provider '"
                    + provider.name() + "'. Lines name models as the provider calls them.");
        }
        for (Reference each : read.references()) {
            named.putIfAbsent(
                    new Named(each.kind(), each.id()),
                    new Reference("line " + line + ": body." + each.param(), each.id(), each.kind()));
        }
        return named.size() > MAX_NAMED
                ? bad("The lines of the input file name more than " + MAX_NAMED + " objects by their ids.")
                : null;
    }

    private static Refusal bad(String message) {
        return new Refusal.BadBody(message, "input_file_id", "invalid_value");
    }

    private void refuse(Refusal why) {
        if (!closed) {
            close();
            call.refuse(why);
        }
    }

    /** Ends the reading whatever state it is in. Idempotent. */
    void close() {
        if (closed) {
            return;
        }
        closed = true;
        ticking.close();
        call.relay.inFlight().giveBack(held);
        held = 0;
        Outgoing from = outgoing;
        outgoing = null;
        if (from != null) {
            from.cancel();
        }
    }
}
