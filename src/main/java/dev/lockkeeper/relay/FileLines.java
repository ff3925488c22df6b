package dev.lockkeeper.relay;

import dev.lockkeeper.http.Client.Listener;
import dev.lockkeeper.http.Client.Outgoing;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Provider;
import java.io.ByteArrayOutputStream;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a provider's file line by line. On a loop; lines are read on a worker, and the provider waits meanwhile. Memory:
 * {@value #AT_ONCE} bytes and the longest line.
 */
final class FileLines implements Listener {
    private static final int AT_ONCE = 1 << 20;

    /** Bytes of one line. */
    static final int MAX_LINE = 16 << 20;

    private static final long IDLE_NANOS = 60_000_000_000L;
    private static final long TOTAL_NANOS = 300_000_000_000L;

    private final Relay relay;
    private final Loop loop;
    private final Provider provider;
    private final String file;
    private final Reader reader;
    private final Consumer<End> then;
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

    /** Touched by one worker at a time; the loop's queue lies between two. */
    private int line;

    /** Is given the lines, in order, on a worker. */
    interface Reader {
        /**
         * Takes a line that is not blank.
         *
         * @param number from 1; blank lines count
         * @return whether to go on
         */
        boolean line(Bytes text, int number);
    }

    /** How reading ended. */
    sealed interface End {
        /** All lines were read. */
        record Whole() implements End {}

        /** The reader said so. */
        record Stopped() implements End {}

        /** The provider answered with another status than 200. */
        record Refused(int status) implements End {}

        /** The provider could not be reached, or broke off. */
        record Unreached(Fault fault) implements End {}

        /** It took too long: in all, or from one sign to the next. */
        record Late(boolean idle, long millis) implements End {}

        /** A line has more than {@link #MAX_LINE} bytes. */
        record LongLine(int number) implements End {}

        /** The gateway has too much to do. */
        record Full(Overload where) implements End {}

        /** A mistake of the gateway's own. */
        record Crashed(Throwable bug) implements End {}
    }

    /** @param then is told the end, once, on the loop; not after {@link #close} */
    FileLines(Relay relay, Loop loop, Provider provider, String file, Reader reader, Consumer<End> then) {
        this.relay = relay;
        this.loop = loop;
        this.provider = provider;
        this.file = file;
        this.reader = reader;
        this.then = then;
        this.ticking = loop.everyTick(this::tick);
    }

    void begin() {
        String target = provider.target("/v1/files/" + file + "/content", null);
        outgoing = relay.clients().on(loop, provider).send("GET", target, provider.sign(Headers.empty()), 0, this);
    }

    private void tick(long nowNanos) {
        if (closed || reading) {
            return;
        }
        if (nowNanos - lastSignNanos > IDLE_NANOS) {
            end(new End.Late(true, IDLE_NANOS / 1_000_000));
        } else if (nowNanos - startedNanos > TOTAL_NANOS) {
            end(new End.Late(false, TOTAL_NANOS / 1_000_000));
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
        if (answered != 200) {
            end(new End.Refused(answered));
        }
    }

    @Override
    public void piece(Bytes piece) {
        lastSignNanos = System.nanoTime();
        if (closed || status != 200) {
            return;
        }
        if (!relay.inFlight().take(piece.length())) {
            end(new End.Full(Overload.BYTES));
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
            end(new End.LongLine(line + 1));
        }
    }

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
        end(new End.Unreached(fault));
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
        boolean begun = relay.workers().compute(() -> {
            @Nullable End why;
            try {
                why = lines(new Bytes(all, 0, taken)) ? null : new End.Stopped();
            } catch (RuntimeException | Error bug) {
                why = new End.Crashed(bug);
            }
            End told = why;
            loop.run(() -> was(told, taken));
        });
        if (!begun) {
            end(new End.Full(Overload.WORKERS));
        }
    }

    private void was(@Nullable End why, int bytes) {
        reading = false;
        lastSignNanos = System.nanoTime();
        if (closed) {
            return;
        }
        relay.inFlight().giveBack(bytes);
        held -= bytes;
        if (why != null) {
            end(why);
        } else if (!ended) {
            Outgoing from = outgoing;
            if (from != null) {
                from.resume();
            }
        } else if (pending.size() > 0) {
            read();
        } else {
            end(new End.Whole());
        }
    }

    private boolean lines(Bytes all) {
        int from = 0;
        while (from < all.length()) {
            int to = from;
            while (to < all.length() && all.at(to) != '\n') {
                to++;
            }
            line++;
            Bytes text = all.slice(from, to);
            if (!blank(text) && !reader.line(text, line)) {
                return false;
            }
            from = to + 1;
        }
        return true;
    }

    private static boolean blank(Bytes text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.at(i) != ' ' && text.at(i) != '\t' && text.at(i) != '\r') {
                return false;
            }
        }
        return true;
    }

    private void end(End how) {
        if (!closed) {
            close();
            then.accept(how);
        }
    }

    /** Ends the reading whatever state it is in. Idempotent. */
    void close() {
        if (closed) {
            return;
        }
        closed = true;
        ticking.close();
        relay.inFlight().giveBack(held);
        held = 0;
        Outgoing from = outgoing;
        outgoing = null;
        if (from != null) {
            from.cancel();
        }
    }
}
