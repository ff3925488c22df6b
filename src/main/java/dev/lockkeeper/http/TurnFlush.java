package dev.lockkeeper.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;

/**
 * Holds a connection's flushes back to the end of the loop's turn, so that what is written in one turn leaves in one
 * system call: a head with its first piece, the events of one read.
 */
@SuppressWarnings("FutureReturnValueIgnored") // the promise handed on is the answer
final class TurnFlush extends ChannelOutboundHandlerAdapter {
    private boolean waiting;

    @Override
    public void flush(ChannelHandlerContext ctx) {
        if (!waiting) {
            waiting = true;
            ctx.channel().eventLoop().execute(() -> flushWaiting(ctx));
        }
    }

    private void flushWaiting(ChannelHandlerContext ctx) {
        if (waiting) {
            waiting = false;
            ctx.flush();
        }
    }

    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        flushWaiting(ctx);
        ctx.close(promise);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        flushWaiting(ctx);
    }
}
