package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.channel.ChannelOption;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.impl.ConnectionBase;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An {@link Exchange} over Vert.x's request and response. */
final class ServerExchange implements Exchange {
    private final EventLoop loop;
    private final ServerSettings settings;
    private final HttpServerRequest request;
    private final HttpServerResponse response;
    private final String id;
    private final long startedNanos = System.nanoTime();
    private final Headers headers;
    private final String path;
    private final @Nullable String query;

    private @Nullable Intake intake;
    private boolean bodyEnded;
    private boolean bodyPaused;
    private long bodyBytes;
    private long lastPieceNanos;
    private Loop.@Nullable Subscription slowness;

    private @Nullable Headers also;
    private boolean headSent;
    private boolean headWaits;
    private boolean over;
    private boolean gone;
    private @Nullable Runnable onGone;

    ServerExchange(EventLoop loop, ServerSettings settings, HttpServerRequest request) {
        this.loop = loop;
        this.settings = settings;
        this.request = request;
        this.response = request.response();
        this.id = loop.requestId();
        this.headers = new Headers(request.headers());
        String uri = request.uri();
        int question = uri.indexOf('?');
        int hash = uri.indexOf('#');
        int end = hash >= 0 ? hash : uri.length();
        this.path = path(uri.substring(0, question >= 0 && question < end ? question : end));
        this.query = question >= 0 && question < end ? uri.substring(question + 1, end) : null;
    }

    /** Of {@code http://host/path}, as proxies are asked, the path; of {@code *} a slash. */
    private static String path(String target) {
        if (target.startsWith("/")) {
            return target;
        }
        int authority = target.indexOf("://");
        int slash = authority < 0 ? -1 : target.indexOf('/', authority + 3);
        return slash < 0 ? "/" : target.substring(slash);
    }

    /** Listens to the connection. Nothing of the body is read yet. */
    void begin() {
        request.pause();
        request.handler(buffer -> piece(Buffers.bytes(buffer)));
        request.endHandler(v -> bodyEnd());
        request.exceptionHandler(e -> clientGone());
        response.exceptionHandler(e -> clientGone());
        response.closeHandler(v -> clientGone());
    }

    @Override
    public Loop loop() {
        return loop;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public long startedNanos() {
        return startedNanos;
    }

    @Override
    public String method() {
        return request.method().name();
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public @Nullable String query() {
        return query;
    }

    @Override
    public Headers headers() {
        return headers;
    }

    @Override
    public String clientAddress() {
        SocketAddress address = request.remoteAddress();
        return address == null || address.hostAddress() == null ? "" : address.hostAddress();
    }

    @Override
    public boolean secure() {
        return request.isSSL();
    }

    @Override
    public void read(Intake intake) {
        this.intake = intake;
        long announced = announcedLength();
        if (announced > settings.maxRequestBody()) {
            bodyFailed(BodyFault.TOO_LARGE);
            return;
        }
        if (gone) {
            bodyFailed(BodyFault.BROKEN);
            return;
        }
        if ("100-continue".equalsIgnoreCase(headers.get("expect"))) {
            response.writeContinue();
        }
        lastPieceNanos = System.nanoTime();
        request.resume();
        if (!bodyEnded && this.intake != null) {
            slowness = loop.everyTick(this::checkSlowness);
        }
    }

    private long announcedLength() {
        String length = headers.get("content-length");
        try {
            return length == null ? -1 : Long.parseLong(length);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private void checkSlowness(long now) {
        if (!bodyPaused
                && TimeUnit.NANOSECONDS.toMillis(now - lastPieceNanos)
                        > settings.bodyTimeout().toMillis()) {
            bodyFailed(BodyFault.SLOW);
        }
    }

    private void piece(Bytes piece) {
        Intake to = intake;
        if (to == null) {
            return;
        }
        bodyBytes += piece.length();
        if (bodyBytes > settings.maxRequestBody()) {
            bodyFailed(BodyFault.TOO_LARGE);
            return;
        }
        lastPieceNanos = System.nanoTime();
        to.piece(piece);
    }

    private void bodyEnd() {
        bodyEnded = true;
        stopWatching();
        Intake to = intake;
        intake = null;
        if (to != null) {
            to.end();
        }
    }

    private void bodyFailed(BodyFault why) {
        stopWatching();
        Intake to = intake;
        intake = null;
        if (to != null) {
            to.failed(why);
        }
    }

    private void stopWatching() {
        if (slowness != null) {
            slowness.close();
            slowness = null;
        }
    }

    @Override
    public void pause() {
        bodyPaused = true;
        request.pause();
    }

    @Override
    public void resume() {
        bodyPaused = false;
        lastPieceNanos = System.nanoTime();
        request.resume();
    }

    @Override
    public void also(String name, String value) {
        Headers fields = also == null ? Headers.empty() : also;
        also = fields.add(name, value);
    }

    @Override
    public void head(int status, Headers fields) {
        if (headSent || over) {
            return;
        }
        headSent = true;
        response.setStatusCode(status);
        response.headers().setAll(fields.map);
        if (also != null) {
            response.headers().addAll(also.map);
        }
        if (response.headers().get("x-request-id") == null) {
            response.headers().set("x-request-id", id);
        }
        if (request.version() == HttpVersion.HTTP_1_1 && response.headers().get("content-length") == null) {
            response.setChunked(true);
        }
        headWaits = true;
        loop.later(this::sendWaitingHead);
    }

    /** A head waits until the turn's end, so that it leaves together with a first piece. */
    private void sendWaitingHead() {
        if (headWaits && !over) {
            headWaits = false;
            response.writeHead();
        }
    }

    @Override
    public boolean headSent() {
        return headSent;
    }

    @Override
    public boolean write(Bytes piece) {
        if (over) {
            return true;
        }
        if (piece.length() > 0) {
            headWaits = false;
            response.write(Buffers.buffer(piece));
        }
        return !response.writeQueueFull();
    }

    @Override
    public void onDrain(Runnable drained) {
        response.drainHandler(v -> drained.run());
    }

    @Override
    public void end() {
        if (over) {
            return;
        }
        over = true;
        headWaits = false;
        stopWatching();
        intake = null;
        response.end();
        if (!bodyEnded) {
            request.resume();
        }
    }

    @Override
    public void abort() {
        if (over) {
            return;
        }
        over = true;
        stopWatching();
        intake = null;
        response.reset();
    }

    @Override
    public void reset() {
        if (over) {
            return;
        }
        if (request.version() != HttpVersion.HTTP_2 && request.connection() instanceof ConnectionBase connection) {
            // A socket that is closed with zero linger sends RST.
            connection.channel().config().setOption(ChannelOption.SO_LINGER, 0);
        }
        abort();
    }

    @Override
    public boolean over() {
        return over;
    }

    @Override
    public void onGone(Runnable callback) {
        onGone = callback;
    }

    private void clientGone() {
        if (over || gone) {
            return;
        }
        gone = true;
        over = true;
        bodyFailed(BodyFault.BROKEN);
        Runnable callback = onGone;
        onGone = null;
        if (callback != null) {
            callback.run();
        }
    }
}
