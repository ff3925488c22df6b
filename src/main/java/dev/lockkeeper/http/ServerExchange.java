package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.util.AsciiString;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.ConnectionBase;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An {@link Exchange} over Vert.x's request and response. */
final class ServerExchange implements Exchange {
    private static final long NO_ERROR = 0;
    private static final AsciiString REQUEST_ID = AsciiString.cached("x-request-id");

    private final EventLoop loop;
    private final Watch watch;
    private final ServerSettings settings;
    private final ServerConnection connection;
    private final HttpServerRequest request;
    private final HttpServerResponse response;
    private final String id;
    private final long startedNanos = System.nanoTime();
    private final Headers headers;
    private final String path;
    private final @Nullable String query;

    private @Nullable String clientAddress;
    private @Nullable Intake intake;
    private boolean bodyAsked;
    private boolean bodyEnded;
    private boolean bodyPaused;
    private @Nullable BodyFault bodyFault;
    private long bodyBytes;
    private long lastPieceNanos;
    private Loop.@Nullable Subscription slowness;

    private @Nullable Headers also;
    private boolean headSent;
    private boolean headWaits;
    private boolean closes;
    private boolean last;
    private boolean resets;
    private boolean over;
    private boolean gone;
    private @Nullable Runnable onGone;

    ServerExchange(Watch watch, ServerSettings settings, ServerConnection connection, HttpServerRequest request) {
        this.loop = watch.loop;
        this.watch = watch;
        this.connection = connection;
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
        connection.begun(this);
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
        String found = clientAddress;
        if (found == null) {
            found = Forwarded.client(settings.front(), peer(), headers);
            clientAddress = found;
        }
        return found;
    }

    private Peer peer() {
        return ((ConnectionBase) request.connection()).channel().attr(Peer.OF).get();
    }

    @Override
    public boolean secure() {
        return request.isSSL() || Forwarded.secure(settings.front(), peer(), headers);
    }

    HttpServerRequest request() {
        return request;
    }

    /** Whether {@link #read} was called. */
    boolean bodyAsked() {
        return bodyAsked;
    }

    /** Whether the body will not come, or not all of it. */
    boolean bodyFailed() {
        return bodyFault != null;
    }

    /** Whether the client waits for leave before it sends the body. */
    boolean expectsContinue() {
        return "100-continue".equalsIgnoreCase(headers.get("expect"));
    }

    /** Lets the connection close behind this exchange's answer, whatever it is. */
    void beLast() {
        last = true;
    }

    /** Whether {@link #beLast} was called. */
    boolean last() {
        return last;
    }

    /** Whether the answer's head said that the connection closes. */
    boolean closesConnection() {
        return closes;
    }

    @Override
    public void read(Intake to) {
        if (bodyAsked) {
            throw new IllegalStateException("read() is called once");
        }
        bodyAsked = true;
        intake = to;
        if (gone) {
            failBody(BodyFault.BROKEN);
        } else if (announcedLength() > settings.maxRequestBody()) {
            failBody(BodyFault.TOO_LARGE);
        } else if (bodyEnded) {
            bodyEnd();
        } else {
            if (expectsContinue()) {
                response.writeContinue();
            }
            lastPieceNanos = System.nanoTime();
            connection.openBody(this);
            if (!bodyEnded && intake != null) {
                slowness = loop.everyTick(this::checkSlowness);
            }
        }
    }

    /** What the client says the body is long, or -1. */
    long announcedLength() {
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
            failBody(BodyFault.SLOW);
        }
    }

    private void piece(Bytes piece) {
        Intake to = intake;
        if (to == null) {
            return;
        }
        bodyBytes += piece.length();
        if (bodyBytes > settings.maxRequestBody()) {
            failBody(BodyFault.TOO_LARGE);
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

    /** The client's bytes are not HTTP any more. */
    void bodyBroken() {
        failBody(BodyFault.BROKEN);
    }

    private void failBody(BodyFault why) {
        if (bodyEnded || bodyFault != null) {
            return;
        }
        bodyFault = why;
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
        connection.pauseBody(this);
    }

    @Override
    public void resume() {
        bodyPaused = false;
        lastPieceNanos = System.nanoTime();
        connection.resumeBody(this);
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
        setHead(status, fields);
        headWaits = true;
        loop.later(this::sendWaitingHead);
    }

    private void setHead(int status, Headers fields) {
        headSent = true;
        response.setStatusCode(status);
        MultiMap sent = response.headers();
        fields.map.forEach(sent::add);
        if (also != null) {
            also.map.forEach(sent::add);
        }
        for (AsciiString each : UpstreamCall.HOP_BY_HOP) {
            sent.remove(each);
        }
        sent.set(HttpHeaders.DATE, watch.date());
        if (!sent.contains(REQUEST_ID)) {
            sent.set(REQUEST_ID, id);
        }
        closes = connection.lastAnswer(this);
        if (closes) {
            sent.set(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
        }
        if (request.version() == HttpVersion.HTTP_1_1
                && !sent.contains(HttpHeaders.CONTENT_LENGTH)
                && mayHaveBody(status)) {
            response.setChunked(true);
        }
    }

    private static boolean mayHaveBody(int status) {
        return status >= 200 && status != 204 && status != 304;
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
        if (piece.length() > 0 && !HttpMethod.HEAD.equals(request.method())) {
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
        if (!over) {
            finish(headWaits ? response.end() : response.end(Buffer.buffer()));
        }
    }

    /** The whole answer as one message, so that head and body are one piece on the way out. */
    @Override
    public void answer(int status, Headers fields, Bytes body) {
        if (over || headSent) {
            return;
        }
        if (mayHaveBody(status)) {
            fields.set("content-length", Integer.toString(body.length()));
        }
        setHead(status, fields);
        finish(
                body.length() > 0 && !HttpMethod.HEAD.equals(request.method())
                        ? response.end(Buffers.buffer(body))
                        : response.end());
    }

    private void finish(Future<Void> written) {
        over = true;
        headWaits = false;
        stopWatching();
        intake = null;
        connection.over(this);
        written.onComplete((v, error) -> {
            if (error != null) {
                tellGone();
            } else if (!bodyEnded && request.version() == HttpVersion.HTTP_2) {
                response.reset(NO_ERROR); // the client need not send the rest
            }
        });
    }

    @Override
    public void reset() {
        if (!over) {
            resets = true;
            abort();
        }
    }

    /** Whether the connection is to be reset rather than closed, where there is a choice. */
    boolean resets() {
        return resets;
    }

    @Override
    public void abort() {
        if (over) {
            return;
        }
        over = true;
        headWaits = false;
        stopWatching();
        intake = null;
        connection.over(this);
        connection.abort(this);
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
        if (over) {
            return;
        }
        gone = true;
        over = true;
        headWaits = false;
        failBody(BodyFault.BROKEN);
        connection.over(this);
        tellGone();
    }

    private void tellGone() {
        Runnable callback = onGone;
        onGone = null;
        if (callback != null) {
            callback.run();
        }
    }
}
