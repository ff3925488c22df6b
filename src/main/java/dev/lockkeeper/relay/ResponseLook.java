package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.dialect.openai.UnaryTap;
import dev.lockkeeper.http.Client.Listener;
import dev.lockkeeper.http.Client.Outgoing;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Provider;
import java.io.ByteArrayOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * One look at a response in the background. It is read as it comes, and nothing of it is kept. On its loop.
 */
final class ResponseLook implements Listener {
    private static final long PATIENCE_MILLIS = 60_000;

    /** Bytes of an answer that says no. */
    private static final int MOST_SAID = 64 << 10;

    private static final Endpoint READ = Endpoints.of("GET", "/v1/responses/resp_1");

    private final Later.Thing thing;
    private final Provider provider;
    private final UnaryTap tap = Taps.unary(READ);
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private @Nullable Outgoing outgoing;
    private Loop.@Nullable Subscription late;
    private int status;
    private boolean over;

    ResponseLook(Later.Thing thing, Provider provider) {
        this.thing = thing;
        this.provider = provider;
    }

    void begin() {
        late = thing.loop.after(PATIENCE_MILLIS, this::tooLate);
        outgoing = thing.relay()
                .clients()
                .on(thing.loop, provider)
                .send(
                        "GET",
                        provider.target("/v1/responses/" + thing.id(), null),
                        provider.sign(Headers.empty()),
                        0,
                        this);
    }

    @Override
    public void ready() {}

    @Override
    public void head(int answered, Headers headers) {
        status = answered;
    }

    @Override
    public void piece(Bytes piece) {
        if (status == 200) {
            thing.guarded(() -> tap.piece(piece));
        } else if (said.size() < MOST_SAID) {
            said.write(piece.array(), piece.offset(), piece.length());
        }
    }

    @Override
    public void end() {
        if (over) {
            return;
        }
        outgoing = null;
        close();
        thing.guarded(this::told);
    }

    private void told() {
        if (thing.readable(status, Bytes.of(said.toByteArray()))) {
            tap.end();
            if (!tap.finished()) {
                thing.failed("the answer is not JSON");
            } else if (Later.over(tap.finish())) {
                thing.answered(tap.finish(), tap.usage(), tap.textBytes());
            } else {
                thing.unfinished();
            }
        }
    }

    @Override
    public void fault(Fault fault) {
        outgoing = null;
        if (!over) {
            close();
            thing.unreached(fault);
        }
    }

    private void tooLate() {
        if (!over) {
            close();
            thing.failed("no answer within " + PATIENCE_MILLIS + " ms");
        }
    }

    private void close() {
        over = true;
        if (late != null) {
            late.close();
        }
        Outgoing from = outgoing;
        outgoing = null;
        if (from != null) {
            from.cancel();
        }
    }
}
