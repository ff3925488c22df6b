package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Errors;
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

    private static final Endpoint READ = read();

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

    private static Endpoint read() {
        return Endpoints.all().stream()
                .filter(each -> each.method().equals("GET") && each.path().equals("/v1/responses/{response_id}"))
                .findFirst()
                .orElseThrow();
    }

    void begin() {
        late = thing.loop.after(PATIENCE_MILLIS, () -> fail("no answer within " + PATIENCE_MILLIS + " ms"));
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
        if (status == 200) {
            tap.end();
            if (!tap.finished()) {
                thing.failed("the answer is not JSON");
            } else if (Later.over(tap.finish())) {
                thing.answered(tap.finish(), tap.usage(), tap.textBytes());
            } else {
                thing.unfinished();
            }
        } else if (status == 404 && Errors.isEnvelope(Bytes.of(said.toByteArray()))) {
            // A proxy's page is not the provider's word.
            thing.missing();
        } else {
            thing.failed("HTTP " + status);
        }
    }

    @Override
    public void fault(Fault fault) {
        outgoing = null;
        fail(fault.kind() + ", " + fault.detail());
    }

    private void fail(String why) {
        if (!over) {
            close();
            thing.failed(why);
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
