package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.MultipartPeek;
import dev.lockkeeper.dialect.openai.Reference;
import dev.lockkeeper.http.Client.Outgoing;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Exchange.BodyFault;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A multipart body, which flows from the client to the upstream and is never held whole. Where its model is needed to know
 * the upstream, what comes before the model is kept: the first bytes in memory, the rest in a file. Then all is sent in
 * order: the file, the memory, and what the client still sends, with the model's name replaced by the upstream's.
 *
 * <p>Memory: the peek, and two pieces. The client is slowed by the upstream, and by the disk while it spills.
 */
final class MultipartBody implements Exchange.Intake, RequestBody {
    private static final int FILE_PIECE = 64 << 10;

    private final Call call;
    private final Exchange exchange;
    private @Nullable MultipartPeek peek;
    private final Deque<Bytes> held = new ArrayDeque<>();
    private int heldBytes;
    private @Nullable Spill spill;
    private boolean spilling;
    private boolean bodyEnded;
    private boolean decided;
    private int checked;
    private boolean closed;

    // What is to be replaced on the way, counted from the body's first byte.
    private long replaceFrom = -1;
    private long replaceTo = -1;
    private Bytes replacement = Bytes.EMPTY;
    private long position;

    // The way out.
    private @Nullable Outgoing outgoing;
    private Runnable sent = () -> {};
    private boolean readingFile;
    private boolean full;
    private boolean writing;

    MultipartBody(Call call) {
        this.call = call;
        this.exchange = call.exchange;
    }

    void begin() {
        String type = exchange.headers().get("content-type");
        MultipartPeek reader;
        try {
            reader = MultipartPeek.of(type == null ? "" : type);
        } catch (Malformed notAForm) {
            call.refuse(new Refusal.WrongContentType(type, "'multipart/form-data' with a boundary"));
            return;
        }
        if (call.endpoint.model() == Endpoint.ModelIn.NONE) {
            decided = true;
            call.ownForm(List.of(), this::send);
        } else {
            peek = reader;
            exchange.read(call.guarded(this));
        }
    }

    // ---- from the client ----

    @Override
    public void piece(Bytes piece) {
        if (closed) {
            return;
        }
        call.passedIn(piece.length());
        if (!call.hold(piece.length())) {
            call.refuse(new Refusal.Busy(Overload.BYTES, "bytes of request bodies"));
            return;
        }
        MultipartPeek reader = peek;
        if (reader != null && !read(reader, piece)) {
            return;
        }
        if (reader == null || decided) {
            held.add(piece);
            heldBytes += piece.length();
            if (outgoing == null) {
                exchange.pause();
            } else {
                pump();
            }
            return;
        }
        held.add(piece);
        heldBytes += piece.length();
        if (reader.model() != null) {
            decide();
        } else if (!spilling && heldBytes > call.rules.settings().peek()) {
            spill();
        }
    }

    /** Looks for the fields that have to be known; false where this refused the call. */
    private boolean read(MultipartPeek reader, Bytes piece) {
        try {
            reader.feed(piece);
        } catch (Malformed bad) {
            call.refuse(new Refusal.BadBody(bad.message(), bad.param(), bad.code()));
            return false;
        }
        List<Reference> named = reader.references();
        if (decided && named.size() > checked) {
            // The form is under way already. It is not whole yet, so the upstream can't have acted on it.
            String name = named.getLast().param();
            call.refuse(new Refusal.BadBody(
                    "The form's field '" + name
                            + "' names an object behind the field 'model'. Put it before 'model', or"
                            + " send JSON where the endpoint takes it.",
                    name,
                    "invalid_value"));
            return false;
        }
        return true;
    }

    @Override
    public void end() {
        bodyEnded = true;
        if (closed) {
            return;
        }
        if (!decided) {
            decide();
        } else {
            pump();
        }
    }

    @Override
    public void failed(BodyFault why) {
        call.unread(why);
    }

    /** Moves what is held in memory into the file. The client waits meanwhile. */
    private void spill() {
        exchange.pause();
        spilling = true;
        Bytes[] pieces = held.toArray(Bytes[]::new);
        int moved = heldBytes;
        held.clear();
        heldBytes = 0;
        Spill file = spill == null ? new Spill(call.rules.settings().spill(), exchange.id()) : spill;
        spill = file;
        boolean taken = call.relay.workers().await(() -> {
            Exception failure = null;
            try {
                file.append(pieces);
            } catch (IOException | RuntimeException full) {
                failure = full;
            }
            Exception result = failure;
            call.onLoop(() -> {
                call.letGo(moved);
                spilled(result);
            });
        });
        if (!taken) {
            spilling = false;
            call.refuse(new Refusal.Busy(Overload.WORKERS, "large uploads"));
        }
    }

    private void spilled(@Nullable Exception failure) {
        spilling = false;
        if (closed) {
            close();
        } else if (failure != null) {
            call.refuse(new Refusal.NoStorage("A large upload could not be kept until its model was found"));
        } else if (decided) {
            pump();
        } else {
            exchange.resume();
        }
    }

    /** The model is known, or will never be. */
    private void decide() {
        decided = true;
        exchange.pause();
        MultipartPeek.Field model = peek == null ? null : peek.model();
        List<Reference> named = peek == null ? List.of() : peek.references();
        checked = named.size();
        call.admit(model == null ? null : model.value(), () -> call.ownForm(named, this::send));
    }

    private void send() {
        call.serving.serve(null, (at, _) -> {
            MultipartPeek.Field model = peek == null ? null : peek.model();
            if (model != null && !at.upstreamModel().isEmpty()) {
                replaceFrom = model.from();
                replaceTo = model.to();
                replacement = Bytes.utf8(at.upstreamModel());
            }
            call.serving.attempt(this);
        });
    }

    // ---- to the upstream ----

    @Override
    public long length() {
        String told = exchange.headers().get("content-length");
        if (told == null) {
            return -1;
        }
        return Long.parseLong(told) + replacement.length() - Math.max(0, replaceTo - replaceFrom);
    }

    @Override
    public void sendTo(Outgoing to, Runnable whenSent) {
        outgoing = to;
        sent = whenSent;
        if (peek == null) {
            exchange.read(call.guarded(this));
        }
        pump();
    }

    @Override
    public void drained() {
        full = false;
        if (!writing) {
            pump();
        }
    }

    @Override
    public boolean waitsForClient() {
        return outgoing != null && !full && !readingFile && !bodyEnded;
    }

    /** Sends what can be sent now: the file first, then memory; then lets the client go on. */
    private void pump() {
        Outgoing to = outgoing;
        if (to == null || closed || full || readingFile || spilling) {
            return;
        }
        Spill file = spill;
        if (file != null && file.left() > 0) {
            readFile(file);
            return;
        }
        while (!held.isEmpty() && !full) {
            Bytes next = held.removeFirst();
            heldBytes -= next.length();
            call.letGo(next.length());
            write(to, next);
        }
        if (!held.isEmpty()) {
            return;
        }
        if (bodyEnded) {
            outgoing = null;
            to.end();
            sent.run();
        } else if (full) {
            exchange.pause();
        } else {
            exchange.resume();
        }
    }

    private void readFile(Spill file) {
        readingFile = true;
        boolean taken = call.relay.workers().await(() -> {
            Bytes read;
            try {
                read = file.read(FILE_PIECE);
            } catch (IOException | RuntimeException unreadable) {
                read = null;
            }
            Bytes piece = read;
            call.onLoop(() -> {
                readingFile = false;
                Outgoing to = outgoing;
                if (closed) {
                    close();
                } else if (piece == null) {
                    call.refuse(new Refusal.NoStorage("A large upload could not be read back"));
                } else if (to != null) {
                    write(to, piece);
                    pump();
                }
            });
        });
        if (!taken) {
            readingFile = false;
            call.refuse(new Refusal.Busy(Overload.WORKERS, "large uploads"));
        }
    }

    /** Writes a piece, but for the bytes that are replaced. The queue may drain meanwhile: nothing shall overtake it. */
    private void write(Outgoing to, Bytes piece) {
        writing = true;
        writeParts(to, piece);
        writing = false;
    }

    private void writeParts(Outgoing to, Bytes piece) {
        long from = position;
        long until = from + piece.length();
        position = until;
        if (replaceFrom < 0 || until <= replaceFrom || from >= replaceTo) {
            full = !to.write(piece);
            return;
        }
        if (from < replaceFrom) {
            to.write(piece.slice(0, (int) (replaceFrom - from)));
        }
        if (from <= replaceFrom) {
            full = !to.write(replacement);
        }
        if (until > replaceTo) {
            full = !to.write(piece.slice((int) (replaceTo - from), piece.length()));
        }
    }

    @Override
    public boolean repeatable() {
        return false;
    }

    @Override
    public void close() {
        closed = true;
        held.clear();
        Spill file = spill;
        if (file != null && !spilling && !readingFile) {
            spill = null;
            if (!call.relay.workers().await(file::delete)) {
                file.delete();
            }
        }
    }
}
