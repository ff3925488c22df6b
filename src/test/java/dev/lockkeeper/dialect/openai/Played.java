package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.dialect.openai.StreamTap.Verdict;
import dev.lockkeeper.http.SseSplitter;
import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One upstream's stream, driven through a tap to the client as the relay drives it. */
final class Played implements SseSplitter.Sink {
    /** What the client has. */
    final ByteArrayOutputStream client;

    private final StreamTap tap;
    private final List<Bytes> held = new ArrayList<>();
    private boolean broken;

    Played(ByteArrayOutputStream client, StreamTap tap) {
        this.client = client;
        this.tap = tap;
    }

    /** Feeds bytes cut into pieces of a size. */
    Played feed(byte[] bytes, int size) {
        SseSplitter splitter = new SseSplitter(1 << 20);
        for (int at = 0; at < bytes.length && !broken; at += size) {
            byte[] piece = java.util.Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + size));
            splitter.feed(Bytes.of(piece), this);
        }
        return this;
    }

    /** Whether the stream ended as it should; then the client has all of it. */
    boolean whole(@Nullable Bytes comment) {
        if (broken || !tap.finished() || tap.failed()) {
            return false;
        }
        if (comment != null) {
            client.writeBytes(comment.toArray());
        }
        held.forEach(each -> client.writeBytes(each.toArray()));
        if (!tap.done()) {
            client.writeBytes(tap.closing().toArray());
        }
        return true;
    }

    @Override
    public void event(Bytes raw, @Nullable String name, Bytes data) {
        if (broken) {
            return;
        }
        Verdict verdict = tap.event(name, data);
        if (tap.failed()) {
            broken = true;
            return;
        }
        switch (verdict) {
            case PASS -> client.writeBytes(tap.outgoing(raw).toArray());
            case HOLD -> held.add(Bytes.of(tap.outgoing(raw).toArray()));
            case DROP -> {}
            case BROKEN -> broken = true;
        }
    }

    @Override
    public void comment(Bytes raw) {}

    @Override
    public void tooLong() {
        broken = true;
    }
}
