package dev.lockkeeper.http;

import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.impl.HttpClientConnection;
import io.vertx.core.http.impl.HttpClientStream;

/** An open connection of a {@link Pool}, and how many calls it carries. On its loop only. */
final class UpstreamConnection {
    private final Pool pool;
    private final HttpClientConnection connection;
    private final boolean multiplexed;
    private int busy;
    private boolean evicted;
    long idleSinceNanos = System.nanoTime();

    UpstreamConnection(Pool pool, HttpClientConnection connection, boolean multiplexed) {
        this.pool = pool;
        this.connection = connection;
        this.multiplexed = multiplexed;
    }

    void begin() {
        connection.exceptionHandler(e -> {});
        connection.evictionHandler(v -> evicted = true);
        connection.closeHandler(v -> {
            evicted = true;
            pool.closed(this);
        });
    }

    int busy() {
        return busy;
    }

    /** How many more calls it can take now. */
    int room() {
        if (evicted) {
            return 0;
        }
        if (!multiplexed) {
            return 1 - busy;
        }
        long allowed = connection.remoteSettings() instanceof Http2Settings remote
                ? Math.min(ClientSettings.STREAMS, remote.getMaxConcurrentStreams())
                : ClientSettings.STREAMS;
        return (int) allowed - busy;
    }

    /** Takes a place for a call that is started next. */
    void reserve() {
        busy++;
        if (busy == 1) {
            pool.countIdle();
        }
    }

    void start(UpstreamCall call) {
        connection.createStream(pool.loop.context).onComplete((stream, error) -> {
            if (stream == null) {
                release();
                call.fail(pool.broken(error));
            } else {
                begin(call, stream);
            }
        });
    }

    private void begin(UpstreamCall call, HttpClientStream stream) {
        stream.closeHandler(v -> release());
        call.begin(this, stream);
    }

    private void release() {
        busy--;
        if (busy == 0) {
            idleSinceNanos = System.nanoTime();
        }
        // After what the stream still has to say: an HTTP/1.1 connection may close right behind its last answer.
        pool.loop.later(() -> {
            if (!evicted) {
                pool.freed(this);
            }
        });
    }

    boolean multiplexed() {
        return multiplexed;
    }

    void close() {
        evicted = true;
        connection.close();
    }
}
