package dev.lockkeeper.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to reach an upstream, in the shape of the address that Vert.x is told to connect to: which socket is
 * really connected to, who hears of it, and a way to break it off at any point. On its loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // of closes, and of what is handed on: the promise is the answer
final class Route implements SocketAddress {
    /** The address as such: what was checked is what is connected to. */
    final InetSocketAddress hop;

    /** Called when the socket is connected, before TLS. */
    private final Runnable connected;

    /** What stands between the socket and the upstream; null for nothing. */
    private final ThroughProxy.@Nullable Way way;

    private final Target target = new Target(this);
    private @Nullable Channel channel;
    private boolean aborted;

    Route(InetAddress address, int port, ThroughProxy.@Nullable Way way, Runnable connected) {
        this.hop = new InetSocketAddress(address, port);
        this.way = way;
        this.connected = connected;
    }

    /** Closes what there is of the connection; whoever waits for it is told that it failed. */
    void abort() {
        aborted = true;
        Channel open = channel;
        if (open != null) {
            open.close();
        }
    }

    /** The address for Netty, which {@link Handler} finds again. */
    java.net.SocketAddress netty() {
        return target;
    }

    @Override
    public String host() {
        return hop.getHostString();
    }

    @Override
    public @Nullable String hostName() {
        return null;
    }

    @Override
    public String hostAddress() {
        return hop.getAddress().getHostAddress();
    }

    @Override
    public int port() {
        return hop.getPort();
    }

    @Override
    public @Nullable String path() {
        return null;
    }

    @Override
    public boolean isInetSocket() {
        return true;
    }

    @Override
    public boolean isDomainSocket() {
        return false;
    }

    @Override
    public String toString() {
        return hop.toString();
    }

    /** What passes through Netty in place of an address: no resolver knows it, so none touches it. */
    @SuppressWarnings("serial") // never written anywhere
    private static final class Target extends java.net.SocketAddress {
        private final transient Route route;

        Target(Route route) {
            this.route = route;
        }
    }

    /** Stands first in the pipeline of a connection to an upstream until that is connected. */
    static final class Handler extends ChannelDuplexHandler {
        @Override
        public void connect(
                ChannelHandlerContext context,
                java.net.SocketAddress remote,
                java.net.SocketAddress local,
                ChannelPromise promise) {
            if (!(remote instanceof Target target)) {
                context.pipeline().remove(this);
                context.connect(remote, local, promise);
                return;
            }
            Route route = target.route;
            if (route.aborted) {
                promise.tryFailure(new ClosedChannelException());
                context.close();
                return;
            }
            route.channel = context.channel();
            ThroughProxy.Way way = route.way;
            if (way != null) {
                context.pipeline().addAfter(context.name(), "proxy", new ThroughProxy(way, promise));
            }
            ChannelPromise socket = context.newPromise();
            socket.addListener(done -> {
                if (done.isSuccess()) {
                    route.connected.run();
                    context.pipeline().remove(this);
                    if (way == null) {
                        promise.trySuccess();
                    }
                } else {
                    promise.tryFailure(done.cause());
                }
            });
            context.connect(route.hop, local, socket);
        }
    }
}
