package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Gathers a small answer. On its loop only. */
final class Fetch implements Client.Listener {
    private final EventLoop loop;
    private final int maxBytes;
    private final long timeoutMillis;
    private final CompletableFuture<Client.Fetched> result;
    private final ByteArrayOutputStream gathered = new ByteArrayOutputStream();
    private final long startedNanos = System.nanoTime();

    private Bytes body = Bytes.EMPTY;
    private int status;
    private Headers headers = Headers.empty();
    private Client.@Nullable Outgoing outgoing;
    private Loop.@Nullable Subscription deadline;

    Fetch(EventLoop loop, int maxBytes, long timeoutMillis, CompletableFuture<Client.Fetched> result) {
        this.loop = loop;
        this.maxBytes = maxBytes;
        this.timeoutMillis = timeoutMillis;
        this.result = result;
    }

    void start(Client client, String method, String target, Headers fields, Bytes sent) {
        body = sent;
        deadline = loop.everyTick(this::tick);
        outgoing = client.send(method, target, fields, sent.length(), this);
    }

    private void tick(long now) {
        if (TimeUnit.NANOSECONDS.toMillis(now - startedNanos) >= timeoutMillis) {
            breakOff(new Fault(Fault.Kind.TIMEOUT, "no whole answer within " + timeoutMillis + " ms"));
        }
    }

    @Override
    public void ready() {
        if (outgoing != null && body.length() > 0) {
            outgoing.write(body);
            outgoing.end();
        }
    }

    @Override
    public void head(int answered, Headers fields) {
        status = answered;
        headers = fields;
    }

    @Override
    public void piece(Bytes piece) {
        if (gathered.size() + piece.length() > maxBytes) {
            breakOff(new Fault(Fault.Kind.TOO_LARGE, "the answer is longer than " + maxBytes + " bytes"));
        } else {
            gathered.write(piece.array(), piece.offset(), piece.length());
        }
    }

    @Override
    public void end() {
        stopWatching();
        result.complete(new Client.Fetched(status, headers, Bytes.of(gathered.toByteArray())));
    }

    @Override
    public void fault(Fault fault) {
        stopWatching();
        result.completeExceptionally(new FaultException(fault));
    }

    private void breakOff(Fault fault) {
        if (outgoing != null) {
            outgoing.cancel();
        }
        fault(fault);
    }

    private void stopWatching() {
        if (deadline != null) {
            deadline.close();
            deadline = null;
        }
    }
}
