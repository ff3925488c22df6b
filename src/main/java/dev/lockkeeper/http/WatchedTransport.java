package dev.lockkeeper.http;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandler;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.InternetProtocolFamily;
import io.vertx.core.datagram.DatagramSocketOptions;
import io.vertx.core.net.TcpConfig;
import io.vertx.core.spi.transport.Transport;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * A Vert.x transport with two additions. Whoever starts a server may set a {@link #doorkeeper} that sees each connection
 * before Vert.x does. Vert.x itself shows a connection only when its protocol is known, which is too late to count it or
 * to time its first head. And a client's connection goes the way of its {@link Route}.
 */
@SuppressWarnings("deprecation") // Netty's InternetProtocolFamily, which Vert.x's interface names
final class WatchedTransport implements Transport, io.vertx.core.transport.Transport {
    private final io.vertx.core.transport.Transport named;
    private final Transport transport;

    /** Put into the next server that is bound; written by the thread that starts it. */
    volatile @Nullable ChannelHandler doorkeeper;

    WatchedTransport(io.vertx.core.transport.Transport named) {
        this.named = named;
        this.transport = named.implementation();
    }

    @Override
    public void configure(TcpConfig config, boolean domainSocket, ServerBootstrap bootstrap) {
        transport.configure(config, domainSocket, bootstrap);
        ChannelHandler keeper = doorkeeper;
        if (keeper != null) {
            bootstrap.handler(keeper);
        }
    }

    @Override
    public String name() {
        return named.name();
    }

    @Override
    public boolean available() {
        return named.available();
    }

    @Override
    public Throwable unavailabilityCause() {
        return named.unavailabilityCause();
    }

    @Override
    public Transport implementation() {
        return this;
    }

    @Override
    public boolean supportsDomainSockets() {
        return transport.supportsDomainSockets();
    }

    @Override
    public boolean supportFileRegion() {
        return transport.supportFileRegion();
    }

    @Override
    public SocketAddress convert(io.vertx.core.net.SocketAddress address) {
        return address instanceof Route route ? route.netty() : transport.convert(address);
    }

    @Override
    public io.vertx.core.net.SocketAddress convert(SocketAddress address) {
        return transport.convert(address);
    }

    @Override
    public IoHandlerFactory ioHandlerFactory() {
        return transport.ioHandlerFactory();
    }

    @Override
    public DatagramChannel datagramChannel(InternetProtocolFamily family) {
        return transport.datagramChannel(family);
    }

    @Override
    public ChannelFactory<? extends DatagramChannel> datagramChannelFactory() {
        return transport.datagramChannelFactory();
    }

    @Override
    public ChannelFactory<? extends Channel> channelFactory(boolean domainSocket) {
        ChannelFactory<? extends Channel> factory = transport.channelFactory(domainSocket);
        return domainSocket
                ? factory
                : () -> {
                    Channel channel = factory.newChannel();
                    channel.pipeline().addFirst("route", new Route.Handler());
                    return channel;
                };
    }

    @Override
    public ChannelFactory<? extends ServerChannel> serverChannelFactory(boolean domainSocket) {
        return transport.serverChannelFactory(domainSocket);
    }

    @Override
    public void configure(DatagramChannel channel, DatagramSocketOptions options) {
        transport.configure(channel, options);
    }

    @Override
    public void configure(TcpConfig config, boolean domainSocket, Bootstrap bootstrap) {
        transport.configure(config, domainSocket, bootstrap);
    }
}
