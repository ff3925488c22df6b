package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.util.AsciiString;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.StreamPriority;
import io.vertx.core.http.impl.HttpClientStream;
import io.vertx.core.http.impl.HttpRequestHead;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A request to an upstream: waiting for a connection, then on one, then over. On its loop only. */
final class UpstreamCall implements Client.Outgoing {
    /** Fields that say how a connection is used: its owner's business, not the caller's. */
    static final List<AsciiString> HOP_BY_HOP = Stream.of(
                    "connection",
                    "keep-alive",
                    "proxy-connection",
                    "proxy-authorization",
                    "transfer-encoding",
                    "upgrade",
                    "http2-settings")
            .map(AsciiString::cached)
            .toList();

    /** Bytes of a body that may leave with its head: fewer than make a writer wait. */
    private static final int ONE_MESSAGE = 16 << 10;

    private static final StreamPriority PRIORITY = new StreamPriority();
    private static final long CANCEL = 0x8;

    private final Pool pool;
    private final String method;
    private final String target;
    private final Headers headers;
    private final long contentLength;
    private final Client.Listener listener;

    /** Whether this call holds one of the bounded places to wait; the pool's. */
    boolean counted;

    /** Since when it waits; the pool's. */
    long waitingSinceNanos;

    private @Nullable UpstreamConnection connection;
    private @Nullable HttpClientStream stream;
    private boolean headWritten;
    private boolean headRead;
    private boolean requestEnded;
    private boolean over;
    private boolean paused;

    UpstreamCall(
            Pool pool, String method, String target, Headers headers, long contentLength, Client.Listener listener) {
        this.pool = pool;
        this.method = method;
        this.target = target;
        this.headers = headers;
        this.contentLength = contentLength;
        this.listener = listener;
    }

    /** A connection is there. */
    void begin(UpstreamConnection on, HttpClientStream with) {
        if (over) {
            with.writeReset(CANCEL);
            return;
        }
        connection = on;
        stream = with;
        with.headHandler(head -> {
            if (!over && head.statusCode == 407 && !pool.absolute.isEmpty()) {
                refusedByProxy(new Headers(head.headers));
            } else if (!over) {
                headRead = true;
                listener.head(head.statusCode, new Headers(head.headers));
            }
        });
        with.dataHandler(data -> {
            if (!over) {
                listener.piece(Buffers.bytes(data));
            }
        });
        with.trailersHandler(trailers -> answerEnded());
        with.resetHandler(code -> fail(pool.fault(Fault.Kind.RESET, "stream reset with code " + code)));
        with.exceptionHandler(e -> fail(broken(on, e)));
        if (on.multiplexed()) {
            with.drainHandler(v -> drained());
        }
        if (paused) {
            on.pause(with);
        }
        listener.ready();
        if (!over && !headWritten) {
            writeHead(with, null, contentLength == 0);
        }
    }

    private void refusedByProxy(Headers answer) {
        ClientSettings.Proxy proxy = pool.settings.proxy();
        if (proxy != null) {
            breakOff();
            fail(pool.fault(Fault.Kind.PROXY, ThroughProxy.unauthorized(proxy, answer.all("proxy-authenticate"))));
        }
    }

    void drained() {
        if (!over && !requestEnded) {
            listener.drained();
        }
    }

    private Fault broken(UpstreamConnection on, Throwable cause) {
        Fault fault = pool.broken(cause);
        return !headRead && on.reused() && !on.multiplexed() && fault.kind() == Fault.Kind.RESET
                ? new Fault(Fault.Kind.STALE, fault.detail() + " (a kept connection, before the answer began)")
                : fault;
    }

    private void writeHead(HttpClientStream to, @Nullable Buffer first, boolean end) {
        headWritten = true;
        requestEnded = end;
        MultiMap fields = headers.map;
        for (AsciiString each : HOP_BY_HOP) {
            fields.remove(each);
        }
        fields.remove(HttpHeaders.HOST);
        fields.remove(HttpHeaders.CONTENT_LENGTH);
        if (contentLength > 0 || (contentLength == 0 && !method.equals("GET") && !method.equals("DELETE"))) {
            fields.set(HttpHeaders.CONTENT_LENGTH, Long.toString(contentLength));
        }
        ClientSettings settings = pool.settings;
        String uri = target;
        if (!pool.absolute.isEmpty()) {
            uri = pool.absolute + target;
            String authorization =
                    settings.proxy() == null ? "" : settings.proxy().authorization();
            if (!authorization.isEmpty()) {
                fields.set("proxy-authorization", authorization);
            }
        }
        HttpRequestHead head = new HttpRequestHead(
                settings.tls() ? "https" : "http", HttpMethod.valueOf(method), uri, fields, pool.authority, uri, null);
        to.writeHead(head, contentLength < 0, first, end, PRIORITY, false);
    }

    @Override
    public boolean write(Bytes piece) {
        HttpClientStream to = stream;
        if (over || requestEnded) {
            return true;
        }
        if (to == null) {
            throw new IllegalStateException("a body is written after ready()");
        }
        if (!headWritten) {
            // A small body in one piece leaves with its head as one message.
            boolean whole = piece.length() == contentLength && piece.length() <= ONE_MESSAGE;
            writeHead(to, Buffers.buffer(piece), whole);
        } else if (piece.length() > 0) {
            to.writeChunk(Buffers.buffer(piece), false);
        }
        return requestEnded || connection == null || connection.isWritable(to);
    }

    @Override
    public void end() {
        HttpClientStream to = stream;
        if (over || requestEnded || to == null) {
            return;
        }
        if (!headWritten) {
            writeHead(to, null, true);
        } else {
            requestEnded = true;
            to.writeChunk(null, true);
        }
    }

    @Override
    public void pause() {
        paused = true;
        if (connection != null && stream != null && !over) {
            connection.pause(stream);
        }
    }

    @Override
    public void resume() {
        paused = false;
        if (connection != null && stream != null && !over) {
            connection.resume(stream);
        }
    }

    @Override
    public void cancel() {
        if (over) {
            return;
        }
        over = true;
        if (stream == null) {
            pool.forget(this);
        } else {
            breakOff();
        }
    }

    private void breakOff() {
        UpstreamConnection on = connection;
        if (on != null && !on.multiplexed()) {
            on.close();
        } else if (stream != null) {
            stream.writeReset(CANCEL);
        }
    }

    private void answerEnded() {
        if (over) {
            return;
        }
        over = true;
        if (!requestEnded) {
            breakOff(); // an answer before the request was whole: what is left of it is not sent
        } else if (paused && connection != null && stream != null) {
            connection.resume(stream); // the next call on it shall not begin paused
        }
        listener.end();
    }

    boolean over() {
        return over;
    }

    void fail(Fault fault) {
        if (over) {
            return;
        }
        over = true;
        listener.fault(fault);
    }
}
