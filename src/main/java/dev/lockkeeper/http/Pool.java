package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.ssl.SslHandshakeTimeoutException;
import io.vertx.core.Vertx;
import io.vertx.core.VertxException;
import io.vertx.core.http.Http1ClientConfig;
import io.vertx.core.http.Http2ClientConfig;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientConfig;
import io.vertx.core.http.HttpConnectOptions;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.StreamResetException;
import io.vertx.core.http.impl.HttpClientConnection;
import io.vertx.core.http.impl.UnpooledHttpClientConnection;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.TcpOption;
import io.vertx.core.net.TrustOptions;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * The connections from one loop to one provider. Vert.x opens them; which call gets which, how many there are and who
 * waits is decided here, because only so one bound can hold over all loops. On the loop only, but for the volatile
 * fields, {@link #fetch}, {@link #connections} and {@link #close}.
 */
final class Pool implements Client {
    /** {@link #waitingSinceNanos} when nobody waits. */
    static final long NOBODY = Long.MIN_VALUE;

    /** Addresses of a name that are tried one after the other, within the one connect timeout. */
    private static final int MAX_ADDRESSES = 4;

    /** How much longer somebody must have waited elsewhere for a free connection to be closed in favour of that loop. */
    private static final long HANDOVER_AFTER_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** Bytes that an upstream may send on one HTTP/2 stream before they are read. */
    static final int STREAM_WINDOW_BYTES = 1 << 20;

    /** How deep a failure's cause is looked for. */
    private static final int MAX_CAUSES = 8;

    /** Bytes of an answer's head at most. */
    private static final int MAX_HEAD_BYTES = 64 << 10;

    final EventLoop loop;
    final ClientSettings settings;

    /** Since when the first in the queue waits; written on the loop, read by all. */
    volatile long waitingSinceNanos = NOBODY;

    /** How many connections idle; written on the loop, read by all. */
    volatile int idle;

    private final Clients all;
    private final Supplier<HttpClientAgent> opener;

    /** Opens connections; null while there are none and none is wanted. */
    private @Nullable HttpClientAgent http;

    private final List<UpstreamConnection> open = new ArrayList<>();
    private final ArrayDeque<UpstreamCall> waiting = new ArrayDeque<>();
    private final List<Opening> openings = new ArrayList<>();

    /** Whether a connection carries several calls: what was agreed last, before that what is likely. */
    private boolean multiplexed;

    /** Whether no new calls are expected: then a connection that has nothing to do is closed at once. */
    private boolean retired;

    private Loop.@Nullable Subscription ticking;

    Pool(Vertx vertx, EventLoop loop, ClientSettings settings, Clients all, @Nullable TrustOptions trust) {
        this.loop = loop;
        this.settings = settings;
        this.all = all;
        this.multiplexed = switch (settings.version()) {
            case HTTP_1_1 -> false;
            case AUTO -> settings.tls();
            case HTTP_2 -> true;
        };
        this.opener = () -> client(vertx, settings, trust);
    }

    private static HttpClientAgent client(Vertx vertx, ClientSettings settings, @Nullable TrustOptions trust) {
        List<HttpVersion> versions = switch (settings.version()) {
            case HTTP_1_1 -> List.of(HttpVersion.HTTP_1_1);
            case AUTO ->
                settings.tls() ? List.of(HttpVersion.HTTP_2, HttpVersion.HTTP_1_1) : List.of(HttpVersion.HTTP_1_1);
            case HTTP_2 -> List.of(HttpVersion.HTTP_2);
        };
        HttpClientConfig config = new HttpClientConfig()
                .setVersions(versions)
                .setSsl(settings.tls())
                .setVerifyHost(true)
                .setDecompressionEnabled(false)
                .setFollowAlternativeServices(false)
                .setConnectTimeout(settings.connectTimeout())
                .setHttp1Config(new Http1ClientConfig()
                        .setMaxHeaderSize(MAX_HEAD_BYTES)
                        .setMaxInitialLineLength(MAX_HEAD_BYTES)
                        .setMaxChunkSize(Server.PIECE_BYTES))
                .setHttp2Config(new Http2ClientConfig()
                        .setClearTextUpgrade(false)
                        .setMultiplexingLimit(ClientSettings.STREAMS)
                        .setInitialSettings(new Http2Settings()
                                .setPushEnabled(false)
                                .setInitialWindowSize(STREAM_WINDOW_BYTES)
                                .setMaxHeaderListSize(MAX_HEAD_BYTES)));
        config.getTcpConfig().getTransportConfig().setOption(TcpOption.NODELAY, true);
        ClientSSLOptions tls = new ClientSSLOptions()
                .setHostnameVerificationAlgorithm("HTTPS")
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS)
                .setSslHandshakeTimeout(settings.connectTimeout().toMillis());
        if (trust != null) {
            tls.setTrustOptions(trust);
        }
        return vertx.httpClientBuilder().with(config).with(tls).build();
    }

    @Override
    public Outgoing send(String method, String target, Headers headers, long contentLength, Listener listener) {
        UpstreamCall call = new UpstreamCall(this, method, target, headers, contentLength, listener);
        UpstreamConnection free = waiting.isEmpty() ? freeConnection() : null;
        if (free != null) {
            loop.later(() -> free.start(call)); // not before the caller holds what this returns
            free.reserve();
            return call;
        }
        enqueue(call);
        return call;
    }

    void enqueue(UpstreamCall call) {
        if (call.over()) {
            return;
        }
        boolean promised = promisedPlaces() > waiting.size() || openOne();
        if (!promised) {
            if (!all.takePlaceToWait()) {
                loop.later(() -> call.fail(fault(
                        Fault.Kind.POOL_FULL,
                        "all " + settings.maxConnections() + " connections in use and " + settings.maxWaiting()
                                + " calls waiting")));
                return;
            }
            call.counted = true;
        }
        call.waitingSinceNanos = System.nanoTime();
        waiting.addLast(call);
        publishWaiting();
        watch();
        if (!promised) {
            all.askForIdle(this);
            loop.later(this::serve); // a connection may have come free between the asking and the queueing
        }
    }

    private int promisedPlaces() {
        return openings.size() * placesPerConnection();
    }

    private int placesPerConnection() {
        return multiplexed ? ClientSettings.STREAMS : 1;
    }

    /** The connection for the next call: a used HTTP/1.1 one that idles, else one with room for a stream. */
    private @Nullable UpstreamConnection freeConnection() {
        for (int i = open.size() - 1; i >= 0; i--) {
            UpstreamConnection connection = open.get(i);
            if (connection.room() > 0) {
                return connection;
            }
        }
        return null;
    }

    /** Gives free connections to who waits, and opens more while there are permits. */
    void serve() {
        while (!waiting.isEmpty()) {
            UpstreamConnection free = freeConnection();
            if (free == null) {
                break;
            }
            UpstreamCall call = leave();
            free.reserve();
            free.start(call);
        }
        while (waiting.size() > promisedPlaces() && openOne()) {
            // each turn opens one connection; bounded by the permits
        }
        publishWaiting();
    }

    private UpstreamCall leave() {
        UpstreamCall call = waiting.removeFirst();
        leaveQueue(call);
        return call;
    }

    private void leaveQueue(UpstreamCall call) {
        if (call.counted) {
            call.counted = false;
            all.returnPlaceToWait();
        }
    }

    private void publishWaiting() {
        UpstreamCall first = waiting.peekFirst();
        waitingSinceNanos = first == null ? NOBODY : first.waitingSinceNanos;
    }

    /** A waiting call was cancelled. */
    void forget(UpstreamCall call) {
        if (waiting.remove(call)) {
            leaveQueue(call);
            publishWaiting();
        }
    }

    private boolean openOne() {
        if (!all.takeConnection()) {
            return false;
        }
        Opening opening = new Opening();
        openings.add(opening);
        watch();
        opening.begin();
        return true;
    }

    /** A connection ended a call and can take another. */
    void freed(UpstreamConnection connection) {
        if (retired && connection.busy() == 0 && waiting.isEmpty()) {
            connection.close();
            return;
        }
        if (waiting.isEmpty() && connection.busy() == 0) {
            countIdle();
        }
        Pool longest = all.longestWaiting();
        boolean handOver = longest != null
                && longest != this
                && connection.busy() == 0
                && (waiting.isEmpty() || waitingSinceNanos - longest.waitingSinceNanos > HANDOVER_AFTER_NANOS);
        if (handOver) {
            connection.close();
        } else {
            serve();
        }
    }

    void countIdle() {
        int count = 0;
        for (UpstreamConnection connection : open) {
            if (connection.busy() == 0) {
                count++;
            }
        }
        idle = count;
    }

    /** Closes one connection that idles, so that another loop may open one. */
    void giveUpIdle() {
        for (UpstreamConnection connection : open) {
            if (connection.busy() == 0) {
                connection.close();
                return;
            }
        }
    }

    /** A connection is closed; its calls were told. */
    void closed(UpstreamConnection connection) {
        if (open.remove(connection)) {
            countIdle();
            all.returnConnection();
            endIfEmpty();
        }
    }

    private void watch() {
        if (ticking == null) {
            ticking = loop.everyTick(this::tick);
        }
    }

    private void tick(long now) {
        for (int i = openings.size() - 1; i >= 0; i--) {
            openings.get(i).checkTime(now);
        }
        for (Iterator<UpstreamCall> each = waiting.iterator(); each.hasNext(); ) {
            UpstreamCall call = each.next();
            if (call.counted
                    && now - call.waitingSinceNanos > settings.waitTimeout().toNanos()) {
                each.remove();
                leaveQueue(call);
                call.fail(fault(
                        Fault.Kind.POOL_FULL,
                        "all " + settings.maxConnections() + " connections in use; none came free within "
                                + settings.waitTimeout().toMillis() + " ms"));
                publishWaiting();
                break; // what was called may have changed the queue; the next tick goes on
            }
        }
        for (int i = open.size() - 1; i >= 0; i--) {
            UpstreamConnection connection = open.get(i);
            if (connection.busy() == 0
                    && now - connection.idleSinceNanos > settings.keepAlive().toNanos()) {
                connection.close();
            }
        }
        if (openings.isEmpty() && waiting.isEmpty() && open.isEmpty() && ticking != null) {
            ticking.close();
            ticking = null;
            endIfEmpty();
        }
    }

    /** Any thread: closes what idles, and from now on each connection as soon as its calls have ended. */
    void retire() {
        loop.run(() -> {
            retired = true;
            for (UpstreamConnection connection : List.copyOf(open)) {
                if (connection.busy() == 0) {
                    connection.close();
                }
            }
            endIfEmpty();
        });
    }

    /** Any thread: keeps idle connections again. */
    void reopen() {
        loop.run(() -> retired = false);
    }

    /** Gives back what a retired pool holds besides its connections. A call that comes late gets it anew. */
    private void endIfEmpty() {
        HttpClientAgent last = http;
        if (retired && last != null && open.isEmpty() && openings.isEmpty() && waiting.isEmpty()) {
            http = null;
            last.close();
        }
    }

    private HttpClientAgent http() {
        HttpClientAgent made = http == null ? opener.get() : http;
        http = made;
        return made;
    }

    @Override
    public int connections() {
        return all.open();
    }

    @Override
    public void close() {
        all.close();
    }

    @Override
    public CompletionStage<Fetched> fetch(
            String method, String target, Headers headers, Bytes body, int maxBytes, long timeoutMillis) {
        CompletableFuture<Fetched> result = new CompletableFuture<>();
        loop.run(() -> new Fetch(loop, maxBytes, timeoutMillis, result).start(this, method, target, headers, body));
        return result;
    }

    Fault fault(Fault.Kind kind, String detail) {
        return new Fault(kind, settings.host() + ":" + settings.port() + ": " + detail);
    }

    /** What an exception on an open connection or a stream means. */
    Fault broken(Throwable cause) {
        boolean protocol = cause instanceof DecoderException
                || cause instanceof IllegalArgumentException
                || cause instanceof IllegalStateException
                || (cause instanceof Http2Exception)
                || (cause instanceof VertxException
                        && String.valueOf(cause.getMessage()).startsWith("Received"));
        if (cause instanceof StreamResetException reset) {
            return fault(Fault.Kind.RESET, "stream reset with code " + reset.getCode());
        }
        return fault(protocol ? Fault.Kind.PROTOCOL : Fault.Kind.RESET, describe(cause));
    }

    private static String describe(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }

    /** One attempt to open a connection: look up, check, connect, agree on a version; within one deadline. */
    private final class Opening {
        private final long startedNanos = System.nanoTime();
        private boolean done;
        private String progress = "looking up the name";

        void begin() {
            all.addresses()
                    .whenComplete((addresses, error) -> loop.later(() -> {
                        if (done) {
                            all.returnConnection(); // too late
                            return;
                        }
                        if (error != null) {
                            Throwable cause = error instanceof CompletionException && error.getCause() != null
                                    ? error.getCause()
                                    : error;
                            fail(fault(
                                    Fault.Kind.DNS,
                                    cause instanceof UnknownHostException
                                            ? "no address for this name"
                                            : describe(cause)));
                            all.returnConnection();
                        } else {
                            connect(allowed(addresses), addresses.getFirst());
                        }
                    }));
        }

        private List<InetAddress> allowed(List<InetAddress> addresses) {
            return settings.privateAddresses()
                    ? addresses
                    : addresses.stream()
                            .filter(address -> !Addresses.isPrivate(address))
                            .toList();
        }

        private void connect(List<InetAddress> addresses, InetAddress first) {
            if (addresses.isEmpty()) {
                fail(fault(
                        Fault.Kind.PRIVATE_ADDRESS,
                        "the address " + first.getHostAddress()
                                + " is private, and this provider may not use private addresses"));
                all.returnConnection();
                return;
            }
            tryAddress(addresses, 0);
        }

        private void tryAddress(List<InetAddress> addresses, int at) {
            InetAddress address = addresses.get(at);
            progress = "connecting to " + address.getHostAddress();
            // The address is given as such: what was checked is what is connected to. Host and SNI keep the name.
            HttpConnectOptions options = new HttpConnectOptions()
                    .setServer(SocketAddress.inetSocketAddress(new InetSocketAddress(address, settings.port())))
                    .setHost(settings.host())
                    .setPort(settings.port())
                    .setSsl(settings.tls());
            loop.context.dispatch(v -> http().connect(options).onComplete((connection, error) -> {
                if (connection != null) {
                    opened(((UnpooledHttpClientConnection) connection).unwrap());
                } else if (!done
                        && at + 1 < Math.min(addresses.size(), MAX_ADDRESSES)
                        && !(error instanceof SSLException)) {
                    tryAddress(addresses, at + 1);
                } else {
                    fail(notConnected(error, address));
                    all.returnConnection();
                }
            }));
        }

        private Fault notConnected(Throwable error, InetAddress address) {
            Throwable root = error;
            for (int i = 0; i < MAX_CAUSES && root.getCause() != null; i++) {
                root = root.getCause();
            }
            String to = address.getHostAddress() + ": " + describe(root);
            return switch (error) {
                case ConnectTimeoutException e -> fault(Fault.Kind.CONNECT_TIMEOUT, to);
                case SslHandshakeTimeoutException e -> fault(Fault.Kind.CONNECT_TIMEOUT, to);
                case ConnectException e -> fault(Fault.Kind.REFUSED, to);
                case SSLException e -> fault(Fault.Kind.TLS, to);
                case ClosedChannelException e
                when settings.tls() ->
                    fault(Fault.Kind.TLS, address.getHostAddress() + ": closed during the handshake");
                case SocketException e -> fault(Fault.Kind.REFUSED, to);
                default ->
                    error.getCause() instanceof SSLException
                            ? fault(Fault.Kind.TLS, to)
                            : fault(settings.tls() ? Fault.Kind.TLS : Fault.Kind.RESET, to);
            };
        }

        void checkTime(long now) {
            if (now - startedNanos > settings.connectTimeout().toNanos()) {
                // The permit stays taken until the socket is really given up, which Vert.x does soon after.
                fail(fault(
                        Fault.Kind.CONNECT_TIMEOUT,
                        "no connection within " + settings.connectTimeout().toMillis() + " ms, still " + progress));
            }
        }

        private void opened(HttpClientConnection connection) {
            multiplexed = connection.protocolVersion() == HttpVersion.HTTP_2;
            if (!done) {
                done = true;
                openings.remove(this);
            }
            UpstreamConnection mine = new UpstreamConnection(Pool.this, connection, multiplexed);
            open.add(mine);
            mine.begin();
            countIdle();
            freed(mine);
        }

        /** Tells the calls that this connection was to carry. */
        private void fail(Fault fault) {
            if (done) {
                return;
            }
            done = true;
            openings.remove(this);
            int places = placesPerConnection();
            List<UpstreamCall> failed = new ArrayList<>();
            while (failed.size() < places && !waiting.isEmpty()) {
                failed.add(leave());
            }
            publishWaiting();
            failed.forEach(call -> call.fail(fault));
            serve();
            endIfEmpty();
        }
    }
}
