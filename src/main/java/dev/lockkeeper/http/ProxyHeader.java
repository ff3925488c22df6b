package dev.lockkeeper.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.util.ReferenceCountUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes what a PROXY protocol header said and leaves. Stands behind Netty's decoder of that header, before all else; a
 * connection that begins otherwise is closed without a word. On the connection's loop only.
 *
 * <p>How long the header may take is bounded by who stands behind: an {@link Doorkeeper arrival} or TLS's handshake.
 */
@SuppressWarnings("FutureReturnValueIgnored") // of closes
final class ProxyHeader extends ChannelInboundHandlerAdapter {
    /** Bytes of a header's extra values at most. They are skipped. */
    static final int MAX_EXTRA_BYTES = 4 << 10;

    private static final Logger LOG = LoggerFactory.getLogger(ProxyHeader.class);

    private final Front front;

    ProxyHeader(Front front) {
        this.front = front;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (message instanceof HAProxyMessage header) {
                Peer proxy = ctx.channel().attr(Peer.OF).get();
                ctx.channel().attr(Peer.OF).set(peer(header, proxy));
                ctx.pipeline().remove(this);
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    /**
     * A proxy that speaks for itself (LOCAL: it looks whether we are there) is who it is. One that speaks for somebody it
     * can't name is not believed about anything further: its client could have written the fields itself.
     */
    private Peer peer(HAProxyMessage header, Peer proxy) {
        if (header.command() == HAProxyCommand.LOCAL) {
            return proxy;
        }
        String source = header.sourceAddress();
        byte[] address = source == null ? null : Network.bytes(source);
        return address == null ? new Peer(proxy.address(), false) : Peer.of(address, front);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.debug("Closed a connection that does not begin with a PROXY protocol header", cause);
        ctx.close();
    }
}
