package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * The exchange of a call whose client may come back, as the relay sees it. A stream of events goes to a
 * {@link ResumableStream}, of which the client is the first who is told it; any other answer goes straight to the client. On
 * its loop.
 */
final class ResumableExchange extends OtherAnswer {
    private final ResumableStreams owner;
    private final Relay relay;
    private final String keyId;
    private @Nullable ResumableStream stream;
    private @Nullable StreamClient told;
    private @Nullable Runnable onGone;

    ResumableExchange(ResumableStreams owner, Relay relay, Exchange client, String keyId) {
        super(client);
        this.owner = owner;
        this.relay = relay;
        this.keyId = keyId;
    }

    // ---- the request ----

    @Override
    public void read(Intake intake) {
        client.read(intake);
    }

    @Override
    public void pause() {
        client.pause();
    }

    @Override
    public void resume() {
        client.resume();
    }

    // ---- the answer ----

    @Override
    public void head(int status, Headers headers) {
        if (isStream(status, headers)) {
            begin(status, headers);
        }
        client.head(status, headers);
    }

    private static boolean isStream(int status, Headers headers) {
        String type = headers.get("content-type");
        return status == 200 && type != null && type.strip().startsWith("text/event-stream");
    }

    @Override
    public void answer(int status, Headers headers, Bytes body) {
        if (isStream(status, headers)) {
            super.answer(status, headers, body);
        } else {
            client.answer(status, headers, body);
        }
    }

    private void begin(int status, Headers headers) {
        ResumableStream begun = new ResumableStream(
                owner, client, keyId, relay.rules().settings().resume());
        String id = owner.keep(begun, relay.rules().settings().resume());
        if (id == null) {
            headers.set(ResumableStreams.ASKED, "false");
            return;
        }
        // With ids it is longer than it was.
        headers.remove("content-length");
        headers.set(ResumableStreams.ASKED, id + ".0");
        StreamClient first = new StreamClient(begun, client, (_, _, _) -> {});
        begun.begin(id, status, headers, first, this::gone);
        stream = begun;
        told = first;
    }

    @Override
    public void also(String name, String value) {
        client.also(name, value);
    }

    @Override
    public boolean headSent() {
        return client.headSent();
    }

    @Override
    public boolean write(Bytes piece) {
        return stream == null ? client.write(piece) : stream.write(piece);
    }

    @Override
    public void onDrain(Runnable drained) {
        if (stream == null) {
            client.onDrain(drained);
        } else {
            stream.onDrain(drained);
        }
    }

    @Override
    public void end() {
        if (stream == null) {
            client.end();
        } else {
            stream.end(false);
        }
    }

    @Override
    public void abort() {
        if (stream == null) {
            client.abort();
        } else {
            stream.end(true);
        }
    }

    @Override
    public void reset() {
        if (stream == null) {
            client.reset();
        } else {
            stream.end(true);
        }
    }

    @Override
    public boolean over() {
        return stream == null ? client.over() : stream.over();
    }

    @Override
    public void onGone(Runnable gone) {
        onGone = gone;
        client.onGone(() -> {
            StreamClient first = told;
            if (first == null) {
                gone();
            } else {
                first.gone();
            }
        });
    }

    private void gone() {
        Runnable tell = onGone;
        onGone = null;
        if (tell != null) {
            tell.run();
        }
    }
}
