package dev.lockkeeper.http;

import io.vertx.core.http.HttpConnection;
import java.util.concurrent.TimeUnit;

/** An HTTP/2 connection of a client: Vert.x does all the work; here it is seen when nothing happens. On its loop only. */
final class Http2Connection implements ServerConnection {
    private final ServerSettings settings;
    private final HttpConnection connection;
    private int exchanges;
    private boolean leaving;
    private long idleSinceNanos = System.nanoTime();

    Http2Connection(ServerSettings settings, HttpConnection connection) {
        this.settings = settings;
        this.connection = connection;
    }

    @Override
    public void check(long now) {
        if (exchanges == 0 && now - idleSinceNanos > settings.keepAlive().toNanos()) {
            connection.close();
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
        if (exchange.last() && !leaving) {
            leaving = true;
            connection.shutdown(Server.DRAIN.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    @Override
    public void abort(ServerExchange exchange) {
        exchange.request().response().reset(INTERNAL_ERROR);
    }

    private static final long INTERNAL_ERROR = 0x2;
}
