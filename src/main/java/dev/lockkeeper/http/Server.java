package dev.lockkeeper.http;

import io.netty.channel.Channel;
import io.netty.channel.WriteBufferWaterMark;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.Http2ServerConfig;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerConfig;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.WebSocketServerConfig;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.ServerSSLOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.TcpOption;
import io.vertx.core.net.impl.ConnectionBase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
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

    /** Streams that a client may reset within {@link #RESET_WINDOW}; one more ends its connection (CVE-2023-44487). */
    static final int MAX_RESETS = 400;

    /** Over how long resets are counted. */
    static final Duration RESET_WINDOW = Duration.ofSeconds(10);

    /** Small CONTINUATION frames that a head may have, by Netty's measure; one more ends the connection. */
    static final int MAX_SMALL_CONTINUATIONS = 16;

    /** Bytes of one piece of a body at most. */
    static final int PIECE_BYTES = 32 << 10;

    /** Bytes written and not yet sent on a connection, above which its writer is told to wait, and below which to go on. */
    static final WriteBufferWaterMark WRITE_QUEUE = new WriteBufferWaterMark(32 << 10, 64 << 10);

    /** How long a server that closes waits for its exchanges. */
    static final Duration DRAIN = Duration.ofSeconds(1);

    /** What a header field of HTTP/2 counts besides its name and value. */
    private static final int FIELD_BYTES = 32;

    /** What Vert.x calls TLS in a pipeline. */
    static final String TLS = "ssl";

    /** How long is waited for the loops to hear that the server leaves. */
    private static final int TELL_MILLIS = 1_000;

    private final List<HttpServer> listeners;
    private final List<Watch> watches;
    private final Doorkeeper doorkeeper;
    private final int port;
    private final Runnable addressFree;
    private final @Nullable Certificates certificates;
    private final @Nullable UnixSocketFile socketFile;

    private Server(
            List<HttpServer> listeners,
            List<Watch> watches,
            Doorkeeper doorkeeper,
            int port,
            Runnable addressFree,
            @Nullable Certificates certificates,
            @Nullable UnixSocketFile socketFile) {
        this.listeners = listeners;
        this.watches = watches;
        this.doorkeeper = doorkeeper;
        this.port = port;
        this.addressFree = addressFree;
        this.certificates = certificates;
        this.socketFile = socketFile;
    }

    static Server listen(
            Vertx vertx,
            WatchedTransport transport,
            List<EventLoop> loops,
            ServerSettings settings,
            Loops.Handler handler,
            Loops.Unreadable unreadable,
            int serial,
            Runnable addressFree) {
        Identity identity = identity(settings, addressFree);
        // Vert.x's listeners share a port when they ask for the same address.
        SocketAddress address = settings.port() == 0
                ? SocketAddress.sharedRandomPort(serial, settings.host())
                : SocketAddress.inetSocketAddress(settings.port(), settings.host());
        List<Watch> watches =
                loops.stream().map(loop -> new Watch(loop, settings)).toList();
        Consumer<Channel> http1 = channel ->
                prepareHttp1(channel, settings, new Http1Connection(settings, unreadable, watchOf(watches, channel)));
        List<HttpServer> listeners = new ArrayList<>();
        Doorkeeper doorkeeper = new Doorkeeper(settings, http1);
        BiFunction<Watch, @Nullable Identity, HttpServer> listener = (watch, shown) -> vertx.createHttpServer(
                        config(settings, shown != null), shown == null ? null : tls(settings, shown))
                .exceptionHandler(e -> LOG.debug("A connection failed", e))
                .connectionHandler(connection -> connected(watch, settings, http1, connection))
                .requestHandler(request -> handle(watch, settings, doorkeeper, handler, unreadable, request));
        UnixSocketFile file = null;
        transport.doorkeeper = doorkeeper;
        try {
            String name = settings.host() + ":" + settings.port();
            for (Watch watch : watches) {
                listeners.add(listener.apply(watch, identity));
                listen(watch.loop, listeners.getLast(), address, name);
            }
            if (settings.unixSocket() != null) {
                file = UnixSocketFile.claim(settings.unixSocket());
                SocketAddress bound =
                        SocketAddress.domainSocketAddress(file.bound().toString());
                for (Watch watch : watches) {
                    listeners.add(listener.apply(watch, null));
                    listen(watch.loop, listeners.getLast(), bound, file.bound().toString());
                }
                file.show();
            }
        } catch (PortTaken e) {
            listeners.forEach(HttpServer::close);
            addressFree.run();
            throw e;
        } finally {
            transport.doorkeeper = null;
        }
        ServerSettings.Tls tls = settings.tls();
        return new Server(
                listeners,
                watches,
                doorkeeper,
                listeners.getFirst().actualPort(),
                addressFree,
                tls == null || identity == null
                        ? null
                        : Certificates.watch(tls, identity, found -> use(listeners, settings, found)),
                file);
    }

    private static void listen(EventLoop loop, HttpServer listener, SocketAddress address, String name) {
        try {
            Waiting.forIt(
                    Future.<HttpServer>future(promise -> loop.context.runOnContext(
                            v -> listener.listen(address).onComplete(promise))),
                    Loops.START_SECONDS,
                    TimeUnit.SECONDS);
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new PortTaken(name, String.valueOf(cause.getMessage()), cause);
        }
    }

    private static Watch watchOf(List<Watch> watches, Channel channel) {
        for (Watch watch : watches) {
            if (channel.eventLoop().equals(watch.loop.context.nettyEventLoop())) {
                return watch;
            }
        }
        throw new IllegalStateException("a connection on a loop that is not among the server's");
    }

    /** Stands before the decoder, behind it, and before the socket; the decoder itself is a stricter one than Vert.x's. */
    static void prepareHttp1(Channel channel, ServerSettings settings, Http1Connection connection) {
        channel.config().setWriteBufferWaterMark(WRITE_QUEUE);
        channel.pipeline().replace("httpDecoder", "httpDecoder", new RequestDecoder(http1(settings)));
        channel.pipeline()
                .addBefore("httpDecoder", "flush", new TurnFlush())
                .addBefore("httpDecoder", "inlet", connection.inlet())
                .addAfter("httpDecoder", "lockkeeper", connection);
    }

    /** Vert.x knows which protocol a connection speaks. */
    private static void connected(
            Watch watch, ServerSettings settings, Consumer<Channel> http1, HttpConnection connection) {
        Channel channel = ((ConnectionBase) connection).channel();
        if (connection.protocolVersion() != HttpVersion.HTTP_2) {
            if (!channel.hasAttr(ServerConnection.OF)) {
                http1.accept(channel); // over TLS; on a plain port the doorkeeper did it
            }
            return;
        }
        if (overTls(channel)) {
            channel.pipeline().addAfter(TLS, "flush", new TurnFlush());
        } else {
            channel.pipeline().addFirst("flush", new TurnFlush());
        }
        Http2Connection mine = new Http2Connection(settings, watch, connection);
        channel.attr(ServerConnection.OF).set(mine);
        watch.add(mine);
        connection.closeHandler(v -> watch.remove(mine));
        connection.exceptionHandler(e -> LOG.debug("A connection failed", e));
    }

    /** Whether TLS is spoken on a client's connection. */
    static boolean overTls(Channel channel) {
        return channel.pipeline().get(TLS) != null;
    }

    private static HttpServerConfig config(ServerSettings settings, boolean tls) {
        HttpServerConfig config = new HttpServerConfig()
                .setVersions(HttpVersion.HTTP_1_0, HttpVersion.HTTP_1_1, HttpVersion.HTTP_2)
                .setStrictThreadMode(true)
                .setHandle100ContinueAutomatically(false)
                .setHttp1Config(http1(settings))
                .setHttp2Config(new Http2ServerConfig()
                        .setConnectionWindowSize(MAX_STREAMS * STREAM_WINDOW_BYTES)
                        .setRstFloodMaxRstFramePerWindow(MAX_RESETS)
                        .setRstFloodWindowDuration(RESET_WINDOW)
                        .setMaxSmallContinuationFrames(MAX_SMALL_CONTINUATIONS)
                        .setInitialSettings(new Http2Settings()
                                .setMaxConcurrentStreams(MAX_STREAMS)
                                .setInitialWindowSize(STREAM_WINDOW_BYTES)
                                // What is longer Netty refuses without a word; up to it we say why.
                                .setMaxHeaderListSize(2L * settings.maxHead())));
        // Else each message passes a handler that looks for WebSocket extensions.
        config.setWebSocketConfig(
                new WebSocketServerConfig().setUsePerFrameCompression(false).setUsePerMessageCompression(false));
        config.getTcpConfig().setSsl(tls);
        config.getTcpConfig().getTransportConfig().setOption(TcpOption.NODELAY, true);
        return config;
    }

    static Http1ServerConfig http1(ServerSettings settings) {
        return new Http1ServerConfig()
                .setMaxInitialLineLength(settings.maxHead())
                .setMaxHeaderSize(settings.maxHead())
                .setMaxChunkSize(PIECE_BYTES);
    }

    private static @Nullable Identity identity(ServerSettings settings, Runnable addressFree) {
        ServerSettings.Tls tls = settings.tls();
        if (tls == null) {
            return null;
        }
        return switch (Identity.read(tls)) {
            case Identity found -> found;
            case Identified.Unusable(String why) -> {
                addressFree.run();
                throw PortTaken.unusable(settings.host() + ":" + settings.port(), why);
            }
        };
    }

    /** Shows new connections another certificate. Listeners that share an address share what is shown, too. */
    private static void use(List<HttpServer> listeners, ServerSettings settings, Identity identity) {
        Waiting.forIt(
                listeners.getFirst().updateSSLOptions(tls(settings, identity)), Loops.START_SECONDS, TimeUnit.SECONDS);
    }

    private static ServerSSLOptions tls(ServerSettings settings, Identity identity) {
        return new ServerSSLOptions()
                .setUseAlpn(true)
                .setApplicationLayerProtocols(List.of("h2", "http/1.1", "http/1.0"))
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS)
                .setSslHandshakeTimeout(settings.headTimeout().toMillis())
                .setKeyCertOptions(new PemKeyCertOptions()
                        .setCertValue(identity.certificate())
                        .setKeyValue(identity.key()));
    }

    private static void handle(
            Watch watch,
            ServerSettings settings,
            Doorkeeper doorkeeper,
            Loops.Handler handler,
            Loops.Unreadable unreadable,
            HttpServerRequest request) {
        Channel channel = ((ConnectionBase) request.connection()).channel();
        ServerConnection connection = channel.attr(ServerConnection.OF).get();
        ServerExchange exchange = new ServerExchange(watch, settings, connection, request);
        exchange.begin();
        try {
            if (request.version() == HttpVersion.HTTP_2 && headBytes(request) > settings.maxHead()) {
                refuse(exchange, unreadable, 431, "the request's head is longer than " + settings.maxHead() + " bytes");
            } else if (request.version() == HttpVersion.HTTP_2 && RequestDecoder.isUnclearTarget(request.uri())) {
                // Netty lets it pass in HTTP/2; in a request line of HTTP/1.1 it would say something else.
                refuse(
                        exchange,
                        unreadable,
                        400,
                        "the request's path has a space or a control character; percent-encode it");
            } else if (doorkeeper.beyond(channel)) {
                exchange.beLast();
                handler.beyond(exchange);
            } else {
                handler.handle(exchange);
            }
        } catch (RuntimeException e) {
            LOG.error("The handler of request {} failed", exchange.id(), e);
            exchange.abort();
        }
    }

    private static void refuse(ServerExchange exchange, Loops.Unreadable unreadable, int status, String why) {
        exchange.answer(status, Headers.empty().set("content-type", "application/json"), unreadable.body(status, why));
    }

    /** The length of an HTTP/2 request's head as RFC 9113, 6.5.2, counts it, but for the few pseudo-fields beside the path. */
    private static long headBytes(HttpServerRequest request) {
        long bytes = (long) request.uri().length() + FIELD_BYTES;
        for (Map.Entry<String, String> field : request.headers()) {
            if (!field.getKey().equals(":path")) {
                bytes += (long) field.getKey().length() + field.getValue().length() + FIELD_BYTES;
            }
        }
        return bytes;
    }

    /** The port listened on: the one that was asked for, or the free one that was found. */
    public int port() {
        return port;
    }

    /** Until when the certificate is valid that new connections are shown; empty without TLS. */
    public Optional<Instant> certificateNotAfter() {
        return Optional.ofNullable(certificates).map(each -> each.current().notAfter());
    }

    /** Whether the certificate's files hold what can't be used, so that an older one is shown. */
    public boolean certificateUnusable() {
        return certificates != null && certificates.unusable();
    }

    /** Connections that were closed unheard, because there were too many even to tell them so. */
    public long connectionsClosedUnheard() {
        return doorkeeper.closed();
    }

    /** How often a connection could not be accepted, most likely for want of descriptors. */
    public long connectionsNotAccepted() {
        return doorkeeper.unaccepted();
    }

    /** Connections of clients that are open now. */
    public int connections() {
        return doorkeeper.open();
    }

    /**
     * Asks clients to come back on another connection, maybe to another process: from now on answers over HTTP/1.1 say
     * {@code connection: close}, and open HTTP/2 connections are told GOAWAY. Whatever comes is still served, on new
     * connections too. Returns when every loop has heard it. Any thread but a loop's.
     */
    public void turnAway() {
        tell(Watch::leave);
    }

    /**
     * Takes no new connections, and ends each open one as soon as nothing is under way on it. What is under way goes on.
     * Returns when every loop has heard it; {@link #connections} tells when all have gone. Any thread but a loop's.
     */
    public void shut() {
        addressFree.run();
        hideSocket();
        doorkeeper.shut();
        tell(Watch::close);
    }

    /** A loop that is held up hears it later. */
    private void tell(Consumer<Watch> what) {
        CountDownLatch heard = new CountDownLatch(watches.size());
        watches.forEach(watch -> watch.loop.run(() -> {
            what.accept(watch);
            heard.countDown();
        }));
        try {
            boolean _ = heard.await(TELL_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops listening, lets exchanges under way end for at most {@link #DRAIN}, and closes the connections. */
    @Override
    public void close() {
        if (certificates != null) {
            certificates.close();
        }
        addressFree.run();
        hideSocket();
        Waiting.forIt(
                Future.join(listeners.stream()
                        .map(listener -> listener.shutdown(DRAIN))
                        .toList()),
                Loops.START_SECONDS,
                TimeUnit.SECONDS);
    }

    private void hideSocket() {
        if (socketFile != null) {
            socketFile.close();
        }
    }
}
