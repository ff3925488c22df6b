package dev.lockkeeper.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The connections of the load generator to one server, on one event loop. A call takes one that is idle, or opens one, or
 * waits when there are as many as there may be: its time runs meanwhile. On the loop's thread only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // A write or close that fails closes the channel, and that is heard.
final class Links {
    /** Connections that wait for their server to take them. */
    private static final int CONNECT_MILLIS = 10_000;

    private final EventLoop loop;
    private final Bootstrap bootstrap;
    private final int most;
    private final boolean inTurn;
    private final Deque<Link> idle = new ArrayDeque<>();
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private int open;

    private record Waiting(
            ByteBuf request, Link.Hearer hearer, @Nullable Consumer<Link> taken) {}

    /**
     * @param most connections open at once
     * @param inTurn whether idle connections are used one after the other; otherwise the last used is used again
     */
    Links(EventLoop loop, InetSocketAddress server, int most, boolean inTurn) {
        this.loop = loop;
        this.most = most;
        this.inTurn = inTurn;
        this.bootstrap = new Bootstrap()
                .group(loop)
                .channel(Sockets.clientClass())
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
                .remoteAddress(server)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new Link(Links.this, channel));
                    }
                });
    }

    EventLoop loop() {
        return loop;
    }

    /** Connections open or being opened. */
    int open() {
        return open;
    }

    /** Sends a request over one of the connections; its buffer is theirs. */
    void send(ByteBuf request, Link.Hearer hearer) {
        send(request, hearer, null);
    }

    /**
     * Sends a request over one of the connections; its buffer is theirs.
     *
     * @param taken hears which connection it was, once the request is on its way
     */
    void send(ByteBuf request, Link.Hearer hearer, @Nullable Consumer<Link> taken) {
        Link free = idle.pollFirst();
        if (free != null) {
            on(free, request, hearer, taken);
        } else if (open < most) {
            open(request, hearer, taken);
        } else {
            waiting.addLast(new Waiting(request, hearer, taken));
        }
    }

    private void open(ByteBuf request, Link.Hearer hearer, @Nullable Consumer<Link> taken) {
        open++;
        ChannelFuture connecting = bootstrap.connect();
        connecting.addListener(done -> {
            if (done.isSuccess()) {
                on(connecting.channel().pipeline().get(Link.class), request, hearer, taken);
            } else {
                // A channel that never was active is never inactive either.
                open--;
                request.release();
                hearer.end(Link.Ending.UNREACHED);
            }
        });
    }

    private static void on(Link link, ByteBuf request, Link.Hearer hearer, @Nullable Consumer<Link> taken) {
        link.send(request, hearer);
        if (taken != null) {
            taken.accept(link);
        }
    }

    /** A link has nothing to do. */
    void idle(Link link) {
        Waiting next = waiting.pollFirst();
        if (next != null) {
            loop.execute(() -> {
                if (link.channel().isActive()) {
                    on(link, next.request, next.hearer, next.taken);
                } else {
                    send(next.request, next.hearer, next.taken);
                }
            });
        } else if (inTurn) {
            idle.addLast(link);
        } else {
            idle.addFirst(link);
        }
    }

    /** Opens connections, so that none is opened while it counts. They are idle when this has connected them. */
    void open(int count) {
        for (int i = 0; i < count; i++) {
            open++;
            ChannelFuture connecting = bootstrap.connect();
            connecting.addListener(done -> {
                if (done.isSuccess()) {
                    idle.addLast(connecting.channel().pipeline().get(Link.class));
                } else {
                    open--;
                }
            });
        }
    }

    /** A link's connection is closed. */
    void gone(Link link) {
        open--;
        idle.remove(link);
        Waiting next = waiting.pollFirst();
        if (next != null) {
            send(next.request, next.hearer, next.taken);
        }
    }

    /** Closes the idle connections. */
    void close() {
        for (Link each : idle.toArray(Link[]::new)) {
            each.leave();
        }
    }
}
