package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.ssl.SslHandshakeTimeoutException;
import io.vertx.core.Vertx;
import io.vertx.core.VertxException;
import io.vertx.core.buffer.Buffer;
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
import io.vertx.core.net.HostAndPort;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.net.TcpOption;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;

/**
 * The connections from one loop to one provider. Vert.x opens them; which call gets which, how many there are and who
 * waits is decided here, because only so one bound can hold over all loops. On the loop only, but for the volatile
 * fields, {@link #fetch} and {@link #retire}.
 */
final class Pool implements Client {
    /** {@link #waitingSinceNanos} when nobody waits. */
    static final long NOBODY = Long.MIN_VALUE;

    /** Addresses of a name that are tried for one connection, within the one connect timeout. */
    private static final int MAX_ADDRESSES = 8;

    /** How much longer Vert.x's own timeouts are than the connect timeout, which is held here. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    /** How long an address is waited for before the next one is tried beside it (RFC 8305, section 5). */
    private static final long NEXT_ADDRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

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

    /** Host and port for the head of requests. */
    final HostAndPort authority;

    /** What requests are told to a proxy with, before their own target; empty where they go to the upstream itself. */
    final String absolute;

    /** What is asked of a proxy for each connection; null without one. */
    private final ThroughProxy.@Nullable Way way;

    /** Since when the first in the queue waits; written on the loop, read by all. */
    volatile long waitingSinceNanos = NOBODY;

    /** How many connections idle; written on the loop, read by all. */
    volatile int idle;

    private final Clients all;
    private final AddressBook book;
    private final Supplier<HttpClientAgent> opener;

    /** Opens connections; null while there are none and none is wanted. */
    private @Nullable HttpClientAgent http;

    private final List<UpstreamConnection> open = new ArrayList<>();

    /** Those of {@link #open} that may take a call, the one that became free last at the end; some may be full again. */
    private final List<UpstreamConnection> free = new ArrayList<>();

    /** What {@link #idle} tells. */
    private int idling;

    private final ArrayDeque<UpstreamCall> waiting = new ArrayDeque<>();
    private final List<Opening> openings = new ArrayList<>();

    /** Whether a connection carries several calls: what was agreed last, before that what is likely. */
    private boolean multiplexed;

    /** Whether no new calls are expected: then a connection that has nothing to do is closed at once. */
    private boolean retired;

    private int bookVersion;

    private Loop.@Nullable Subscription ticking;

    Pool(Vertx vertx, EventLoop loop, ClientSettings settings, Clients all) {
        this.loop = loop;
        this.settings = settings;
        this.authority = HostAndPort.create(Addresses.inUrl(settings.host()), settings.port());
        ClientSettings.Proxy proxy = settings.proxy();
        // Many proxies tunnel to port 443 only, so a plain request is handed to them; HTTP/2 can't be.
        boolean handed = proxy != null && !settings.tls() && settings.version() != ClientSettings.Version.HTTP_2;
        this.absolute = handed ? "http://" + authority : "";
        this.way = proxy == null
                ? null
                : new ThroughProxy.Way(
                        proxy,
                        all.proxyTls(),
                        handed ? null : authority.toString(),
                        settings.connectTimeout().plus(GRACE).toMillis());
        this.all = all;
        this.book = all.book();
        this.multiplexed = switch (settings.version()) {
            case HTTP_1_1 -> false;
            case AUTO -> settings.tls();
            case HTTP_2 -> true;
        };
        this.opener = () -> client(vertx, settings);
    }

    private static HttpClientAgent client(Vertx vertx, ClientSettings settings) {
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
                .setConnectTimeout(settings.connectTimeout().plus(GRACE))
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
                .setSslHandshakeTimeout(settings.connectTimeout().plus(GRACE).toMillis());
        ClientSettings.Certificates certificates = settings.certificates();
        if (certificates != null && !certificates.authorities().isEmpty()) {
            tls.setTrustOptions(new PemTrustOptions().addCertValue(Buffer.buffer(certificates.authorities())));
        }
        if (certificates != null && !certificates.certificate().isEmpty()) {
            tls.setKeyCertOptions(new PemKeyCertOptions()
                    .addCertValue(Buffer.buffer(certificates.certificate()))
                    .addKeyValue(Buffer.buffer(certificates.key())));
        }
        return vertx.httpClientBuilder().with(config).with(tls).build();
    }

    /** How an HTTP/1.1 answer is read. */
    static HttpDecoderConfig decoding() {
        return new HttpDecoderConfig()
                .setMaxHeaderSize(MAX_HEAD_BYTES)
                .setMaxInitialLineLength(MAX_HEAD_BYTES)
                .setMaxChunkSize(Server.PIECE_BYTES);
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

    /** The connection for the next call: the one that became free last, so that those too many grow old and close. */
    private @Nullable UpstreamConnection freeConnection() {
        while (!free.isEmpty()) {
            UpstreamConnection last = free.getLast();
            if (last.room() > 0) {
                return last;
            }
            free.removeLast();
            last.freePlace = -1;
        }
        return null;
    }

    /** A connection may have room: from now on it is found. */
    void offer(UpstreamConnection connection) {
        if (connection.freePlace < 0 && connection.room() > 0) {
            connection.freePlace = free.size();
            free.add(connection);
        }
    }

    private void withdraw(UpstreamConnection connection) {
        int place = connection.freePlace;
        if (place >= 0) {
            connection.freePlace = -1;
            UpstreamConnection last = free.removeLast();
            if (place < free.size()) {
                free.set(place, last);
                last.freePlace = place;
            }
        }
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
        offer(connection);
        if (waiting.isEmpty() && connection.busy() == 0) {
            idles(connection, true);
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
            idles(connection, connection.busy() == 0 && connection.room() > 0);
        }
    }

    /** Counts a connection among those that idle, or no longer. */
    void idles(UpstreamConnection connection, boolean now) {
        if (connection.idles != now) {
            connection.idles = now;
            idling += now ? 1 : -1;
            idle = idling;
        }
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
            withdraw(connection);
            idles(connection, false);
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
        leaveGoneAddresses();
        if (openings.isEmpty() && waiting.isEmpty() && open.isEmpty() && ticking != null) {
            ticking.close();
            ticking = null;
            endIfEmpty();
        }
    }

    /** Connections to addresses that the name does not stand for any more end behind their calls. */
    private void leaveGoneAddresses() {
        book.refresh();
        int version = book.version();
        if (version == bookVersion) {
            return;
        }
        bookVersion = version;
        for (int i = open.size() - 1; i >= 0; i--) {
            UpstreamConnection connection = open.get(i);
            if (book.gone(connection.address)) {
                connection.leave();
            }
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
    public CompletionStage<Fetched> fetch(
            String method, String target, Headers headers, Bytes body, int maxBytes, long timeoutMillis) {
        CompletableFuture<Fetched> result = new CompletableFuture<>();
        loop.run(() -> new Fetch(loop, maxBytes, timeoutMillis, result).start(this, method, target, headers, body));
        return result;
    }

    Fault fault(Fault.Kind kind, String detail) {
        return new Fault(
                kind,
                authority + (settings.proxy() == null ? "" : " through proxy " + settings.proxy()) + ": " + detail);
    }

    /** What an exception on an open connection or a stream means. */
    Fault broken(Throwable cause) {
        if (cause instanceof DecoderException && cause.getCause() instanceof SSLHandshakeException refused) {
            // With TLS 1.3 a server tells only after the handshake that it does not like a certificate.
            return fault(Fault.Kind.TLS, describe(refused));
        }
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

    /**
     * One connection being opened: look up, check, connect, agree on a version; within one deadline. An address that
     * does not answer soon is joined by the next one (RFC 8305), and the first whose socket is connected goes on alone.
     */
    private final class Opening {
        private final long startedNanos = System.nanoTime();
        private final List<Attempt> running = new ArrayList<>();
        private List<InetAddress> addresses = List.of();
        private int next;
        private long lastStartNanos;
        private boolean lookingUp = true;
        private boolean connected;

        /** Whether its permit is a connection's now, or given back. */
        private boolean over;

        /** Whether the calls that waited for it were told or served. */
        private boolean done;

        void begin() {
            book.addresses()
                    .whenComplete((found, error) -> loop.later(() -> {
                        lookingUp = false;
                        if (done) {
                            returnPermit(); // too late
                        } else if (error != null) {
                            Throwable cause = error instanceof CompletionException && error.getCause() != null
                                    ? error.getCause()
                                    : error;
                            giveUp(fault(
                                    Fault.Kind.DNS,
                                    cause instanceof UnknownHostException
                                            ? "no address for "
                                                    + (settings.proxy() == null ? "this name" : "the proxy's name")
                                            : describe(cause)));
                        } else {
                            connect(allowed(found), found.getFirst());
                        }
                    }));
        }

        private List<InetAddress> allowed(List<InetAddress> found) {
            // A proxy stands in one's own network, as a rule, and connects to what it likes.
            return settings.privateAddresses() || settings.proxy() != null
                    ? found
                    : found.stream()
                            .filter(address -> !Addresses.isPrivate(address))
                            .toList();
        }

        private void connect(List<InetAddress> allowed, InetAddress first) {
            if (allowed.isEmpty()) {
                giveUp(fault(
                        Fault.Kind.PRIVATE_ADDRESS,
                        "the address " + first.getHostAddress()
                                + " is private, and private addresses may not be used here"));
                return;
            }
            addresses = book.inTurn(allowed);
            tryNext();
        }

        private boolean tryNext() {
            if (next >= Math.min(addresses.size(), MAX_ADDRESSES)) {
                return false;
            }
            Attempt attempt = new Attempt(this, addresses.get(next++));
            lastStartNanos = attempt.startedNanos;
            running.add(attempt);
            attempt.begin();
            return true;
        }

        /** A socket is connected: the others, which are not, are left. */
        private void connected(Attempt attempt) {
            connected = true;
            for (Attempt other : List.copyOf(running)) {
                if (other != attempt) {
                    if (attempt.startedNanos - other.startedNanos >= 0) {
                        book.dead(other.address); // it had its time alone
                    }
                    other.leave();
                }
            }
        }

        private void failed(Attempt attempt, Throwable error) {
            running.remove(attempt);
            if (!done && !attempt.left) {
                boolean hopeless = isHopeless(error);
                if (!hopeless) {
                    book.dead(attempt.address);
                }
                connected = false;
                if (hopeless || (!tryNext() && running.stream().allMatch(other -> other.left))) {
                    fail(notConnected(error, attempt.address));
                }
            }
            returnPermit();
        }

        /** Whether the other addresses would be refused for the same reason. */
        private static boolean isHopeless(Throwable error) {
            Throwable cause = error;
            for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
                if (cause instanceof CertificateException || (cause instanceof ProxyFailure said && said.answered)) {
                    return true;
                }
                cause = cause.getCause();
            }
            return false;
        }

        /** Once nothing of it is left, unless it became a connection. */
        private void returnPermit() {
            if (done && !over && !lookingUp && running.isEmpty()) {
                over = true;
                all.returnConnection();
            }
        }

        private void opened(Attempt attempt, HttpClientConnection connection) {
            running.remove(attempt);
            if (attempt.left || over) {
                connection.close();
                return;
            }
            over = true;
            book.alive(attempt.address);
            multiplexed = connection.protocolVersion() == HttpVersion.HTTP_2;
            if (!done) {
                done = true;
                openings.remove(this);
            }
            UpstreamConnection mine = new UpstreamConnection(Pool.this, connection, multiplexed, attempt.address);
            open.add(mine);
            mine.begin();
            freed(mine);
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
                case ProxyFailure e -> fault(Fault.Kind.PROXY, describe(e));
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
                List<Attempt> late = List.copyOf(running);
                fail(fault(
                        Fault.Kind.CONNECT_TIMEOUT,
                        "no connection within " + settings.connectTimeout().toMillis() + " ms, still " + progress()));
                for (Attempt each : late) {
                    book.dead(each.address);
                    each.route.abort(); // the permit comes back when the socket is really given up
                }
            } else if (!running.isEmpty() && !connected && now - lastStartNanos > NEXT_ADDRESS_NANOS) {
                tryNext();
            }
        }

        private String progress() {
            return running.isEmpty()
                    ? "looking up the name"
                    : running.stream()
                            .map(attempt -> attempt.address.getHostAddress())
                            .collect(Collectors.joining(", ", connected ? "greeting " : "connecting to ", ""));
        }

        private void giveUp(Fault fault) {
            fail(fault);
            returnPermit();
        }

        /** Tells the calls that this connection was to carry. */
        private void fail(Fault fault) {
            if (done) {
                return;
            }
            done = true;
            openings.remove(this);
            all.complain(fault);
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

    /** One address of an {@link Opening}. */
    private final class Attempt {
        private final Opening opening;
        private final InetAddress address;
        private final Route route;
        private final long startedNanos = System.nanoTime();

        /** Whether another one was faster. */
        private boolean left;

        Attempt(Opening opening, InetAddress address) {
            this.opening = opening;
            this.address = address;
            ClientSettings.Proxy proxy = settings.proxy();
            int port = proxy == null ? settings.port() : proxy.port();
            this.route = new Route(address, port, way, () -> opening.connected(this));
        }

        void begin() {
            // SNI and the certificate's check keep the name.
            ClientSettings.Certificates certificates = settings.certificates();
            HttpConnectOptions options = new HttpConnectOptions()
                    .setServer(route)
                    .setHost(
                            certificates == null || certificates.serverName().isEmpty()
                                    ? settings.host()
                                    : certificates.serverName())
                    .setPort(settings.port())
                    .setSsl(settings.tls());
            loop.context.dispatch(v -> http().connect(options).onComplete((connection, error) -> {
                if (connection != null) {
                    opening.opened(this, ((UnpooledHttpClientConnection) connection).unwrap());
                } else {
                    opening.failed(this, error);
                }
            }));
        }

        void leave() {
            left = true;
            route.abort();
        }
    }
}
