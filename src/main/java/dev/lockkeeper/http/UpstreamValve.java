package dev.lockkeeper.http;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandler;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.DecoderException;
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
    /** Informational answers before one answer; an upstream that sends more is left. */
    static final int MAX_INFORMATIONAL = 100;

    private final ChannelInboundHandler vertx;
    private final ChannelHandlerContext vertxContext;
    private final Runnable writable;
    private final ArrayDeque<Object> held = new ArrayDeque<>();
    private @Nullable ChannelHandlerContext ctx;
    private boolean paused;
    private boolean handingOn;
    private boolean reading;
    private boolean informational;
    private int informationals;
    private boolean ended;
    private @Nullable Throwable failure;

    /**
     * A valve before a handler. The handler is called directly, because Netty takes a closed channel's pipeline apart,
     * and then nothing passes along it any more.
     *
     * @param vertxContext Vert.x's handler in its pipeline
     * @param writable called when the connection takes more again
     */
    UpstreamValve(ChannelHandlerContext vertxContext, Runnable writable) {
        this.vertx = (ChannelInboundHandler) vertxContext.handler();
        this.vertxContext = vertxContext;
        this.writable = writable;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
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
        if (!paused) {
            return;
        }
        paused = false;
        handOn();
        if (!paused && ctx != null) {
            ctx.channel().config().setAutoRead(true);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        reading = true;
        if (paused || handingOn || !held.isEmpty()) {
            held.add(message);
        } else {
            pass(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) throws Exception {
        reading = false;
        vertx.channelReadComplete(vertxContext);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) throws Exception {
        vertx.channelWritabilityChanged(vertxContext);
        if (context.channel().isWritable()) {
            writable.run();
        }
    }

    private void pass(Object message) throws Exception {
        if (message instanceof HttpResponse response
                && response.decoderResult().isSuccess()
                && response.status().codeClass() == HttpStatusClass.INFORMATIONAL
                && response.status().code() != 101) {
            informational = true;
            ReferenceCountUtil.release(message);
            if (++informationals > MAX_INFORMATIONAL) {
                throw new DecoderException(
                        "more than " + MAX_INFORMATIONAL + " informational answers before an answer");
            }
        } else if (informational) {
            informational = !(message instanceof LastHttpContent);
            ReferenceCountUtil.release(message);
        } else {
            informationals = 0;
            vertx.channelRead(vertxContext, message);
        }
    }

    private void handOn() {
        if (handingOn) {
            return;
        }
        handingOn = true;
        try {
            boolean passed = !held.isEmpty();
            for (Object next = held.poll(); next != null; next = paused ? null : held.poll()) {
                pass(next);
            }
            if (passed && !reading) {
                vertx.channelReadComplete(vertxContext);
            }
            if (held.isEmpty() && !paused) {
                tellEnd();
            }
        } catch (Exception e) {
            vertxContext.fireExceptionCaught(e);
        } finally {
            handingOn = false;
        }
    }

    private void tellEnd() throws Exception {
        Throwable cause = failure;
        if (cause != null) {
            failure = null;
            vertx.exceptionCaught(vertxContext, cause);
        }
        if (ended) {
            ended = false;
            vertx.channelInactive(vertxContext);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) throws Exception {
        failure = cause;
        if (held.isEmpty()) {
            tellEnd();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) throws Exception {
        ended = true;
        if (held.isEmpty()) {
            tellEnd();
        }
    }

    /** Closed from this side: nothing that is held matters any more. */
    void close() {
        forgetHeld();
        paused = false;
        handOn();
        if (ctx != null) {
            ctx.close();
        }
    }

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        forgetHeld();
        paused = false;
        context.close(promise);
    }
}
