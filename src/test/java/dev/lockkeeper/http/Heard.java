package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Hears an answer and remembers it. Fields are written on the loop and read when {@link #over} is done. */
@SuppressWarnings("NonAtomicVolatileUpdate") // written by one loop only
final class Heard implements Client.Listener {
    final CompletableFuture<Heard> over = new CompletableFuture<>();
    final CompletableFuture<Heard> began = new CompletableFuture<>();
    final CompletableFuture<Heard> ready = new CompletableFuture<>();
    final ByteArrayOutputStream body = new ByteArrayOutputStream();
    volatile int status;
    volatile int pieces;
    volatile boolean drained;
    volatile @Nullable Fault fault;
    volatile @Nullable Headers headers;

    /** What was heard, in order, one letter each: r(eady) h(ead) p(iece) e(nd) f(ault). */
    volatile String order = "";

    private volatile Runnable onReady = () -> {};
    private volatile Runnable onBegun = () -> {};

    /** Runs something on the loop when the request may be sent. */
    void whenReady(Runnable then) {
        onReady = then;
    }

    /** Runs something on the loop when the answer's head has come. */
    void whenBegun(Runnable then) {
        onBegun = then;
    }

    private void heard(char letter) {
        order = order + letter;
    }

    @Override
    public void ready() {
        heard('r');
        ready.complete(this);
        onReady.run();
    }

    @Override
    public void head(int answered, Headers fields) {
        heard('h');
        status = answered;
        headers = fields;
        began.complete(this);
        onBegun.run();
    }

    @Override
    public void piece(Bytes piece) {
        if (!order.endsWith("p")) {
            heard('p');
        }
        pieces = pieces + 1;
        body.write(piece.array(), piece.offset(), piece.length());
    }

    @Override
    public void end() {
        heard('e');
        over.complete(this);
    }

    @Override
    public void fault(Fault what) {
        heard('f');
        fault = what;
        over.complete(this);
    }

    @Override
    public void drained() {
        drained = true;
    }

    Heard await() throws Exception {
        return over.get(10, TimeUnit.SECONDS);
    }

    String text() {
        return body.toString(StandardCharsets.ISO_8859_1);
    }

    String detail() {
        return fault == null ? "" : fault.detail();
    }

    Fault.@Nullable Kind kind() {
        return fault == null ? null : fault.kind();
    }
}
