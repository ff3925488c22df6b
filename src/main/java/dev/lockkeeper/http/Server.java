package dev.lockkeeper.http;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.Http2ServerConfig;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerConfig;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.ServerSSLOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.TcpOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A port that is listened on by every loop. Any thread. */
public final class Server implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Server.class);

    /** Streams that a client may have open at once on one HTTP/2 connection. */
    static final int MAX_STREAMS = 128;

    /** Bytes that a client may send on one HTTP/2 stream before they are read. */
    static final int STREAM_WINDOW_BYTES = 256 << 10;

    /** Bytes of one piece of a body at most. */
    static final int PIECE_BYTES = 32 << 10;

    private final List<HttpServer> listeners;
    private final int port;

    private Server(List<HttpServer> listeners, int port) {
        this.listeners = listeners;
        this.port = port;
    }

    static Server listen(
            Vertx vertx,
            List<EventLoop> loops,
            ServerSettings settings,
            Loops.Handler handler,
            Loops.Unreadable unreadable,
            int serial) {
        // Vert.x's listeners share a port when they ask for the same address.
        SocketAddress address = settings.port() == 0
                ? SocketAddress.sharedRandomPort(serial, settings.host())
                : SocketAddress.inetSocketAddress(settings.port(), settings.host());
        List<HttpServer> listeners = new ArrayList<>();
        try {
            for (EventLoop loop : loops) {
                HttpServer listener = vertx.createHttpServer(config(settings), tls(settings.tls()))
                        .requestHandler(request -> handle(loop, settings, handler, request));
                listeners.add(listener);
                Waiting.forIt(
                        Future.<HttpServer>future(promise -> loop.context.runOnContext(
                                v -> listener.listen(address).onComplete(promise))),
                        Loops.START_SECONDS,
                        TimeUnit.SECONDS);
            }
        } catch (CompletionException e) {
            listeners.forEach(HttpServer::close);
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new PortTaken(
                    "cannot listen on " + settings.host() + ":" + settings.port() + ": " + cause.getMessage()
                            + "; stop what uses that port, or choose another",
                    cause);
        }
        return new Server(listeners, listeners.getFirst().actualPort());
    }

    private static HttpServerConfig config(ServerSettings settings) {
        HttpServerConfig config = new HttpServerConfig()
                .setVersions(HttpVersion.HTTP_1_0, HttpVersion.HTTP_1_1, HttpVersion.HTTP_2)
                .setStrictThreadMode(true)
                .setHandle100ContinueAutomatically(false)
                .setHttp1Config(new Http1ServerConfig()
                        .setMaxInitialLineLength(settings.maxHead())
                        .setMaxHeaderSize(settings.maxHead())
                        .setMaxChunkSize(PIECE_BYTES))
                .setHttp2Config(new Http2ServerConfig()
                        .setConnectionWindowSize(MAX_STREAMS * STREAM_WINDOW_BYTES)
                        .setInitialSettings(new Http2Settings()
                                .setMaxConcurrentStreams(MAX_STREAMS)
                                .setInitialWindowSize(STREAM_WINDOW_BYTES)
                                .setMaxHeaderListSize(settings.maxHead())));
        config.getTcpConfig().setSsl(settings.tls() != null);
        config.getTcpConfig().getTransportConfig().setOption(TcpOption.NODELAY, true);
        return config;
    }

    private static @Nullable ServerSSLOptions tls(ServerSettings.@Nullable Tls tls) {
        if (tls == null) {
            return null;
        }
        return new ServerSSLOptions()
                .setKeyCertOptions(new PemKeyCertOptions()
                        .setCertPath(tls.certificate().toString())
                        .setKeyPath(tls.key().toString()));
    }

    private static void handle(
            EventLoop loop, ServerSettings settings, Loops.Handler handler, HttpServerRequest request) {
        ServerExchange exchange = new ServerExchange(loop, settings, request);
        exchange.begin();
        try {
            handler.handle(exchange);
        } catch (RuntimeException e) {
            LOG.error("The handler of request {} failed", exchange.id(), e);
            exchange.abort();
        }
    }

    /** The port listened on: the one that was asked for, or the free one that was found. */
    public int port() {
        return port;
    }

    /** Stops listening and closes the connections. */
    @Override
    public void close() {
        Waiting.forIt(
                Future.join(listeners.stream().map(HttpServer::close).toList()), Loops.START_SECONDS, TimeUnit.SECONDS);
    }
}
