package dev.lockkeeper.http;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * An HTTP/2 connection of a client: Vert.x does all the work; here it is seen when nothing happens. On its loop only.
 *
 * <p>A server that leaves says GOAWAY twice (RFC 9113, 6.8): first without naming a last stream, so that clients open no
 * new one while those on their way still come in; a round trip later with the last stream it took, so that a client knows
 * of every other one that it was not begun.
 */
@SuppressWarnings("deprecation") // HttpConnection.goAway: what took its place, shutdown, can't name a last stream
final class Http2Connection implements ServerConnection {
    /** How long the client's sign that it has heard the first GOAWAY is waited for. */
    private static final long GOAWAY_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How long Vert.x may take to write out what is queued for a client that reads slowly. */
    private static final Duration WRITE_OUT = Duration.ofMinutes(1);

    private static final int ANY_STREAM = Integer.MAX_VALUE;
    private static final int LAST_STREAM_SEEN = -1;
    private static final long NO_ERROR = 0;
    private static final long INTERNAL_ERROR = 0x2;

    private final ServerSettings settings;
    private final Watch watch;
    private final HttpConnection connection;
    private int exchanges;
    private long idleSinceNanos = System.nanoTime();
    private boolean turnedAway;
    private long turnedAwayNanos;
    private boolean heardSo;
    private boolean saidLast;
    private boolean ending;

    Http2Connection(ServerSettings settings, Watch watch, HttpConnection connection) {
        this.settings = settings;
        this.watch = watch;
        this.connection = connection;
    }

    @Override
    public void check(long now) {
        if (watch.closing()) {
            letGo(now);
        } else if (exchanges == 0 && now - idleSinceNanos > settings.keepAlive().toNanos()) {
            connection.close();
        }
    }

    @Override
    public void turnAway() {
        if (turnedAway || ending) {
            return;
        }
        turnedAway = true;
        turnedAwayNanos = System.nanoTime();
        connection.goAway(NO_ERROR, ANY_STREAM);
        connection.ping(Buffer.buffer().appendLong(turnedAwayNanos)).onSuccess(pong -> heardSo = true);
    }

    private void letGo(long now) {
        if (ending) {
            return;
        }
        turnAway();
        if (!saidLast && (heardSo || now - turnedAwayNanos > GOAWAY_NANOS)) {
            saidLast = true;
            connection.goAway(NO_ERROR, LAST_STREAM_SEEN);
        }
        if (saidLast && exchanges == 0) {
            ending = true;
            connection.shutdown(WRITE_OUT);
        }
    }

    @Override
    public void begun(ServerExchange exchange) {
        exchanges++;
        exchange.request().pause();
    }

    @Override
    public void openBody(ServerExchange exchange) {
        exchange.request().resume();
    }

    @Override
    public void pauseBody(ServerExchange exchange) {
        exchange.request().pause();
    }

    @Override
    public void resumeBody(ServerExchange exchange) {
        exchange.request().resume();
    }

    @Override
    public boolean lastAnswer(ServerExchange exchange) {
        return false;
    }

    @Override
    public void over(ServerExchange exchange) {
        exchanges--;
        idleSinceNanos = System.nanoTime();
        if (exchange.last() && !ending) {
            ending = true;
            connection.shutdown(Server.DRAIN.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    @Override
    public void abort(ServerExchange exchange) {
        exchange.request().response().reset(INTERNAL_ERROR);
    }
}
