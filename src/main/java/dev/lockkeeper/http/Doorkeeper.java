package dev.lockkeeper.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sees each connection of a server first: counts it, closes it where there are too many, and on a plain port finds out
 * which protocol it speaks, so that the HTTP/1.1 ones get their {@link Http1Connection} before their first head. On the
 * acceptor's thread; what it puts into a connection runs on that connection's loop.
 */
@ChannelHandler.Sharable
final class Doorkeeper extends ChannelInboundHandlerAdapter {
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] EMPTY_LINE = {'\r', '\n'};

    private final ServerSettings settings;
    private final AtomicInteger open = new AtomicInteger();
    private final Consumer<Channel> http1;

    /** @param http1 prepares a channel whose pipeline has just become one of HTTP/1.1 */
    Doorkeeper(ServerSettings settings, Consumer<Channel> http1) {
        this.settings = settings;
        this.http1 = http1;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
        Channel connection = (Channel) accepted;
        if (open.incrementAndGet() > settings.maxConnections()) {
            open.decrementAndGet();
            connection.unsafe().closeForcibly();
            return;
        }
        connection.closeFuture().addListener(closed -> open.decrementAndGet());
        if (settings.tls() == null) {
            connection.pipeline().addLast(new Arrival());
        }
        ctx.fireChannelRead(accepted);
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
