package dev.lockkeeper.http;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Stands between Netty's HTTP/1.1 decoder and Vert.x on a connection to an upstream. It holds an answer back while its
 * reader is paused, the end of the connection included: Vert.x would tell of a closed connection at once, and lose the
 * part of a whole answer that was not yet read. And it drops informational answers, of which Vert.x knows only some. On
 * its loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // the promise handed on is the answer
final class UpstreamValve extends ChannelDuplexHandler {
    private final ArrayDeque<Object> held = new ArrayDeque<>();
    private @Nullable ChannelHandlerContext ctx;
    private boolean paused;
    private boolean handingOn;
    private boolean reading;
    private boolean informational;
    private boolean ended;
    private @Nullable Throwable failure;

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        forgetHeld();
    }

    private void forgetHeld() {
        for (Object message = held.poll(); message != null; message = held.poll()) {
            ReferenceCountUtil.release(message);
        }
    }

    void pause() {
        paused = true;
        if (ctx != null) {
            ctx.channel().config().setAutoRead(false);
        }
    }

    void resume() {
        if (!paused || ctx == null) {
            return;
        }
        paused = false;
        handOn(ctx);
        if (!paused) {
            ctx.channel().config().setAutoRead(true);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        reading = true;
        if (paused || handingOn || !held.isEmpty()) {
            held.add(message);
        } else {
            pass(context, message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        reading = false;
        context.fireChannelReadComplete();
    }

    private void pass(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpResponse response
                && response.decoderResult().isSuccess()
                && response.status().codeClass() == HttpStatusClass.INFORMATIONAL
                && response.status().code() != 101) {
            informational = true;
            ReferenceCountUtil.release(message);
        } else if (informational) {
            informational = !(message instanceof LastHttpContent);
            ReferenceCountUtil.release(message);
        } else {
            context.fireChannelRead(message);
        }
    }

    private void handOn(ChannelHandlerContext context) {
        if (handingOn) {
            return;
        }
        handingOn = true;
        boolean passed = !held.isEmpty();
        for (Object next = held.poll(); next != null; next = paused ? null : held.poll()) {
            pass(context, next);
        }
        handingOn = false;
        if (passed && !reading) {
            context.fireChannelReadComplete();
        }
        if (held.isEmpty() && !paused) {
            Throwable cause = failure;
            if (cause != null) {
                failure = null;
                context.fireExceptionCaught(cause);
            }
            if (ended) {
                ended = false;
                context.fireChannelInactive();
            }
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (held.isEmpty()) {
            context.fireExceptionCaught(cause);
        } else {
            failure = cause;
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (held.isEmpty()) {
            context.fireChannelInactive();
        } else {
            ended = true;
        }
    }

    /** Closed from this side: nothing that is held matters any more. */
    void close() {
        forgetHeld();
        paused = false;
        if (ctx != null) {
            if (ended) {
                ended = false;
                ctx.fireChannelInactive();
            } else {
                ctx.close();
            }
        }
    }

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        forgetHeld();
        paused = false;
        context.close(promise);
    }
}
