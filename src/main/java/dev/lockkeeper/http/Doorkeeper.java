package dev.lockkeeper.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.util.AttributeKey;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees each connection of a server first: counts it, marks or closes it where there are too many, and on a plain port finds out
 * which protocol it speaks, so that the HTTP/1.1 ones get their {@link Http1Connection} before their first head. On the
 * acceptor's thread; what it puts into a connection runs on that connection's loop.
 */
@ChannelHandler.Sharable
@SuppressWarnings("FutureReturnValueIgnored") // of closes: the channel tells of them by itself
final class Doorkeeper extends ChannelInboundHandlerAdapter {
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] EMPTY_LINE = {'\r', '\n'};

    /** How long nothing is accepted after it could not be: time for other connections to close. */
    static final int PAUSE_MILLIS = 100;

    /** How often it is told at most that nothing can be accepted. */
    private static final long TELL_EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** On a connection that came when there were as many as there may be. */
    private static final AttributeKey<Boolean> BEYOND = AttributeKey.valueOf("lockkeeper.beyond");

    private static final Logger LOG = LoggerFactory.getLogger(Doorkeeper.class);

    private final ServerSettings settings;
    private final AtomicInteger open = new AtomicInteger();
    private final LongAdder closed = new LongAdder();
    private final LongAdder unaccepted = new LongAdder();
    private final AtomicLong toldNanos = new AtomicLong(System.nanoTime() - TELL_EVERY_NANOS);
    private final AtomicLong strangerToldNanos = new AtomicLong(System.nanoTime() - TELL_EVERY_NANOS);
    private final Consumer<Channel> http1;

    /** Where connections come in; bounded by the number of loops. */
    private final Set<Channel> listening = ConcurrentHashMap.newKeySet();

    /** Plain connections that have not said which protocol they speak; bounded by the connections. */
    private final Set<Channel> silent = ConcurrentHashMap.newKeySet();

    /** @param http1 prepares a channel whose pipeline has just become one of HTTP/1.1 */
    Doorkeeper(ServerSettings settings, Consumer<Channel> http1) {
        this.settings = settings;
        this.http1 = http1;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        listening.add(ctx.channel());
    }

    /** Connections open now. Any thread. */
    int open() {
        return open.get();
    }

    /**
     * Takes no further connections. One that has not said a word is closed a moment later: whoever opened it was about to
     * send a request. Any thread.
     */
    void shut() {
        listening.forEach(channel -> channel.eventLoop().execute(() -> {
            channel.close();
            silent.forEach(each -> each.eventLoop()
                    .schedule(() -> closeIfSilent(each), Http1Connection.SILENT_MILLIS, TimeUnit.MILLISECONDS));
        }));
    }

    private void closeIfSilent(Channel connection) {
        if (silent.contains(connection)) {
            connection.unsafe().close(connection.voidPromise());
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
        Channel connection = (Channel) accepted;
        Front front = settings.front();
        Peer peer = Peer.of(connection.remoteAddress(), front);
        if (front.proxyProtocol() && !peer.believed()) {
            tellStranger(peer);
            connection.unsafe().closeForcibly();
            return;
        }
        int count = open.incrementAndGet();
        if (count > settings.maxConnections() + settings.allowance()) {
            open.decrementAndGet();
            closed.increment();
            connection.unsafe().closeForcibly();
            return;
        }
        if (count > settings.maxConnections()) {
            connection.attr(BEYOND).set(true);
        }
        connection.closeFuture().addListener(over -> open.decrementAndGet());
        connection.attr(Peer.OF).set(peer);
        if (front.proxyProtocol()) {
            connection
                    .pipeline()
                    .addLast(new HAProxyMessageDecoder(ProxyHeader.MAX_EXTRA_BYTES))
                    .addLast(new ProxyHeader(front));
        }
        if (settings.tls() == null || peer.address().equals(Peer.UNIX)) {
            silent.add(connection);
            connection.pipeline().addLast(new Arrival());
        }
        ctx.fireChannelRead(accepted);
    }

    /** Whether it is time to tell something again that was told last at the given moment; then it counts as told. */
    private static boolean mayTell(AtomicLong toldNanos) {
        long now = System.nanoTime();
        long told = toldNanos.get();
        return now - told >= TELL_EVERY_NANOS && toldNanos.compareAndSet(told, now);
    }

    /** Told as a warning now and then: it may be a mistake in the settings, or somebody who tries every port. */
    private void tellStranger(Peer peer) {
        if (mayTell(strangerToldNanos)) {
            LOG.warn(
                    "Closed a connection from {}: server.proxy-protocol is on, and that is not among"
                            + " server.trusted-proxies (told at most every {} s)",
                    peer.address(),
                    TimeUnit.NANOSECONDS.toSeconds(TELL_EVERY_NANOS));
        }
    }

    /**
     * Nothing could be accepted, most likely for want of descriptors. Asking again at once would keep the loop busy with
     * nothing else: the connection is still there. The log is told now and then, not with each try.
     */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        unaccepted.increment();
        ctx.channel().config().setAutoRead(false);
        ScheduledFuture<?> _ = ctx.executor()
                .schedule(
                        () -> {
                            if (ctx.channel().isOpen()) {
                                ctx.channel().config().setAutoRead(true);
                            }
                        },
                        PAUSE_MILLIS,
                        TimeUnit.MILLISECONDS);
        if (mayTell(toldNanos)) {
            LOG.warn(
                    "No connection can be accepted at {}: {}. Those that are open go on. If it says too many open files,"
                            + " raise the limit of the process (ulimit -n).",
                    ctx.channel().localAddress(),
                    cause.getMessage());
        }
    }

    /** Whether a request on this connection is to be refused, because there are too many connections still. */
    boolean beyond(Channel connection) {
        return connection.hasAttr(BEYOND) && open.get() > settings.maxConnections();
    }

    /** Connections that were closed without a word. */
    long closed() {
        return closed.sum();
    }

    /** How often nothing could be accepted. */
    long unaccepted() {
        return unaccepted.sum();
    }

    /**
     * Reads the first bytes of a plain connection before Vert.x, which does the same behind it and sets HTTP/1.1 up when
     * it sees a byte that is not of HTTP/2's preface. It is given an empty line, which the decoder skips (RFC 9112, 2.2),
     * and the real bytes only when the pipeline is complete.
     */
    private final class Arrival extends ChannelInboundHandlerAdapter {
        private int matched;

        /** Closes a connection that says nothing, or not which protocol it speaks. */
        private @Nullable ScheduledFuture<?> silence;

        @Override
        public void channelRegistered(ChannelHandlerContext ctx) {
            Runnable close = () -> ctx.channel().unsafe().close(ctx.channel().voidPromise());
            silence = ctx.executor().schedule(close, settings.headTimeout().toMillis(), TimeUnit.MILLISECONDS);
            ctx.fireChannelRegistered();
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext ctx) {
            silent.remove(ctx.channel());
            if (silence != null) {
                silence.cancel(false);
            }
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            int at = 0;
            while (at < bytes.readableBytes()
                    && matched < PREFACE.length
                    && bytes.getByte(bytes.readerIndex() + at) == PREFACE[matched]) {
                at++;
                matched++;
            }
            if (matched == PREFACE.length) {
                ctx.pipeline().remove(this);
                ctx.fireChannelRead(withPreface(matched - at, bytes));
            } else if (at < bytes.readableBytes()) {
                ctx.fireChannelRead(Unpooled.wrappedBuffer(EMPTY_LINE));
                http1.accept(ctx.channel());
                ctx.pipeline().remove(this);
                ctx.fireChannelRead(withPreface(matched - at, bytes));
            } else {
                bytes.release(); // known: so many bytes of the preface
            }
        }

        private static ByteBuf withPreface(int length, ByteBuf bytes) {
            return length == 0 ? bytes : Unpooled.wrappedBuffer(Unpooled.wrappedBuffer(PREFACE, 0, length), bytes);
        }
    }
}
