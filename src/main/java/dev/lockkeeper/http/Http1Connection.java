package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Stands between Netty's HTTP/1.1 decoder and Vert.x, and decides what of a connection Vert.x sees and when.
 *
 * <p>Vert.x stops reading a connection when a second request comes before the first was answered, or when a body is
 * paused; then nobody sees the client go. Here the socket is read on, up to {@link #READ_AHEAD_BYTES}, and what comes
 * early waits in a queue; beyond that, reading stops, and epoll alone tells that the client is gone (and not even epoll, if
 * what the client sent before is more than the kernels' buffers hold: then its farewell is still on its side). Here too are the
 * things Vert.x has no place for: the time a head may take, answers to what is not HTTP, bodies that nobody wants, and a
 * connection's last words, after which it must still be read for a while, or the client's kernel throws them away.
 *
 * <p>On its loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // of writes and closes: the channel tells of both by itself
final class Http1Connection extends ChannelInboundHandlerAdapter implements ServerConnection {
    /** Bytes that are read ahead of what is wanted. */
    static final int READ_AHEAD_BYTES = 64 << 10;

    /** Messages (heads and pieces) that are read ahead of what is wanted. */
    static final int READ_AHEAD_MESSAGES = 256;

    /** Bytes of an unwanted body that are read and thrown away to keep the connection. */
    static final int DISCARD_BYTES = 256 << 10;

    /** Bytes that are read and thrown away after the last answer, so that a client still sending gets to read it. */
    static final int LINGER_BYTES = 64 << 20;

    /** How long a client may take for an unwanted body, or to hang up after the last answer. */
    static final int LINGER_MILLIS = 2_000;

    /** How long an idle connection that is closed is still read, so that what the client was just sending is no reset. */
    static final int FAREWELL_MILLIS = 500;

    /** How long a connection that never said a word stays when the server closes. */
    static final int SILENT_MILLIS = 1_000;

    private enum Phase {
        /** Between two requests. */
        IDLE,
        /** Some bytes of a head are there, or the connection is new. */
        HEAD,
        /** A request is being answered. */
        ANSWERING,
        /** The request was answered; the rest of its body is thrown away. */
        DISCARDING,
        /** The last answer was given. */
        LEAVING
    }

    private final ServerSettings settings;
    private final Loops.Unreadable unreadable;
    private final Watch watch;

    private @Nullable ChannelHandlerContext ctx;
    private Phase phase = Phase.HEAD;
    private long phaseSinceNanos = System.nanoTime();
    private @Nullable ServerExchange exchange;

    private final ArrayDeque<Object> held = new ArrayDeque<>();
    private int heldBytes;
    private int heldRequests;
    private boolean handingOn;
    private boolean reading;
    private boolean heard;
    private boolean bytesCame;
    private boolean messageCame;

    private boolean bodyOpen;
    private boolean bodyBegun;
    private boolean bodyEnded;
    private boolean mute;
    private int discarded;
    private boolean saidAll;
    private int lingerMillis = LINGER_MILLIS;

    Http1Connection(ServerSettings settings, Loops.Unreadable unreadable, Watch watch) {
        this.settings = settings;
        this.unreadable = unreadable;
        this.watch = watch;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        context.channel().attr(OF).set(this);
        watch.add(this);
    }

    /** What stands before the decoder, to see that bytes come even when they make no message yet. */
    ChannelInboundHandlerAdapter inlet() {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object bytes) {
                bytesCame = true;
                heard = true;
                context.fireChannelRead(bytes);
            }
        };
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        watch.remove(this);
        forgetHeld();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        watch.remove(this);
        forgetHeld();
        context.fireChannelInactive();
    }

    private void forgetHeld() {
        for (Object message = held.poll(); message != null; message = held.poll()) {
            ReferenceCountUtil.release(message);
        }
        heldBytes = 0;
        heldRequests = 0;
    }

    private void enter(Phase next) {
        phase = next;
        phaseSinceNanos = System.nanoTime();
    }

    private ChannelHandlerContext context() {
        ChannelHandlerContext context = ctx;
        if (context == null) {
            throw new IllegalStateException("not yet in a pipeline");
        }
        return context;
    }

    // What comes in

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        reading = true;
        messageCame = true;
        if (phase == Phase.LEAVING) {
            throwAway(message);
        } else if (!held.isEmpty() || handingOn || !mayPass(message)) {
            hold(message);
        } else {
            pass(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        reading = false;
        if (phase == Phase.IDLE && bytesCame && !messageCame) {
            enter(Phase.HEAD);
        }
        bytesCame = false;
        messageCame = false;
        context.fireChannelReadComplete();
    }

    private void hold(Object message) {
        held.add(message);
        heldBytes += size(message);
        if (message instanceof HttpRequest) {
            heldRequests++;
        }
        limitReading();
    }

    private static int size(Object message) {
        return message instanceof HttpContent content ? content.content().readableBytes() : 0;
    }

    /**
     * Stops reading when enough is held. A client that sends request upon request without waiting is not held back but
     * closed: once the kernels' buffers are full its farewell could not come through.
     */
    private void limitReading() {
        boolean full = heldBytes > READ_AHEAD_BYTES || held.size() > READ_AHEAD_MESSAGES;
        Channel channel = context().channel();
        if (full && heldRequests > 0) {
            context().close();
        } else if (full == channel.config().isAutoRead() && (full || held.isEmpty())) {
            channel.config().setAutoRead(!full);
        }
    }

    /** Whether Vert.x may see a message now. */
    private boolean mayPass(Object message) {
        if (message instanceof HttpRequest) {
            return phase == Phase.IDLE || phase == Phase.HEAD;
        }
        boolean noBody = LastHttpContent.EMPTY_LAST_CONTENT.equals(message) && !bodyBegun && held.isEmpty();
        return bodyOpen || phase == Phase.DISCARDING || noBody;
    }

    private void pass(Object message) {
        switch (message) {
            case HttpRequest request -> passHead(request);
            case HttpContent content -> passContent(content);
            default -> context().fireChannelRead(message);
        }
    }

    private void passHead(HttpRequest request) {
        if (request.decoderResult().isFailure()) {
            Throwable why = request.decoderResult().cause();
            ReferenceCountUtil.release(request);
            refuse(why);
            return;
        }
        if (!request.protocolVersion().equals(HttpVersion.HTTP_1_1)
                && !request.protocolVersion().equals(HttpVersion.HTTP_1_0)) {
            leave(400, "the request is in " + request.protocolVersion() + "; speak HTTP/1.1 or HTTP/2");
            return;
        }
        String unclear =
                RequestDecoder.unclear(request, request.protocolVersion().equals(HttpVersion.HTTP_1_1));
        if (unclear != null) {
            leave(400, "the request is not HTTP: " + unclear);
            return;
        }
        if (request.headers().contains(HttpHeaderNames.UPGRADE)) {
            // No protocol is changed to. Clients that offer HTTP/2 this way go on in HTTP/1.1.
            request.headers().remove(HttpHeaderNames.UPGRADE).remove("http2-settings");
        }
        sayCloseAlone(request.headers());
        enter(Phase.ANSWERING);
        bodyOpen = false;
        bodyBegun = false;
        bodyEnded = false;
        mute = false;
        discarded = 0;
        context().fireChannelRead(request);
    }

    /**
     * Vert.x knows {@code close} only as a value of its own, not in a list. (Its own look into lists, 5.2.0, takes any
     * beginning of the word for the word.)
     */
    private static void sayCloseAlone(HttpHeaders fields) {
        boolean alone = false;
        boolean listed = false;
        for (String value : fields.getAll(HttpHeaderNames.CONNECTION)) {
            alone |= HttpHeaderValues.CLOSE.contentEqualsIgnoreCase(value);
            for (String each : value.split(",", -1)) {
                listed |= HttpHeaderValues.CLOSE.contentEqualsIgnoreCase(each.strip());
            }
        }
        if (listed && !alone) {
            fields.add(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        }
    }

    private void refuse(Throwable why) {
        switch (why) {
            case TooLongHttpLineException e ->
                leave(414, "the request's first line is longer than " + settings.maxHead() + " bytes");
            case TooLongHttpHeaderException e ->
                leave(431, "the request's header fields are longer than " + settings.maxHead() + " bytes");
            default -> leave(400, "the request is not HTTP: " + why.getMessage());
        }
    }

    private void passContent(HttpContent content) {
        ServerExchange current = exchange;
        if (content.decoderResult().isFailure()) {
            mute = true;
            ReferenceCountUtil.release(content);
            if (phase == Phase.DISCARDING || current == null) {
                hangUp();
            } else {
                current.bodyBroken();
            }
            return;
        }
        if (mute) {
            throwAway(content);
            return;
        }
        if (phase == Phase.DISCARDING) {
            discarded += content.content().readableBytes();
            if (discarded > DISCARD_BYTES) {
                ReferenceCountUtil.release(content);
                hangUp();
                return;
            }
        }
        boolean last = content instanceof LastHttpContent;
        bodyBegun = true;
        bodyEnded = last;
        context().fireChannelRead(content);
        if (last && phase == Phase.DISCARDING) {
            enter(Phase.IDLE);
        }
    }

    private void throwAway(Object message) {
        discarded += size(message);
        ReferenceCountUtil.release(message);
        if (discarded > LINGER_BYTES) {
            context().close();
        }
    }

    /** Lets through what may pass now. */
    private void handOn() {
        if (handingOn || held.isEmpty()) {
            return;
        }
        handingOn = true;
        boolean passed = false;
        try {
            for (Object next = held.peek(); next != null && mayPass(next); next = held.peek()) {
                held.poll();
                heldBytes -= size(next);
                if (next instanceof HttpRequest) {
                    heldRequests--;
                }
                passed = true;
                pass(next);
            }
        } finally {
            handingOn = false;
        }
        limitReading();
        if (passed && !reading) {
            context().fireChannelReadComplete(); // Vert.x flushes what was answered meanwhile
        }
    }

    // What the exchange says

    @Override
    public void begun(ServerExchange begun) {
        exchange = begun;
    }

    @Override
    public void openBody(ServerExchange of) {
        resumeBody(of);
    }

    @Override
    public void pauseBody(ServerExchange of) {
        if (of == exchange) {
            bodyOpen = false;
        }
    }

    @Override
    public void resumeBody(ServerExchange of) {
        if (of == exchange) {
            bodyOpen = true;
            handOn();
        }
    }

    @Override
    public boolean lastAnswer(ServerExchange answering) {
        if (mute || watch.leaving() || answering.last()) {
            return true;
        }
        if (bodyEnded || held.peekLast() instanceof LastHttpContent) {
            return false;
        }
        return (!answering.bodyAsked() && answering.expectsContinue())
                || answering.bodyFailed()
                || answering.announcedLength() > DISCARD_BYTES;
    }

    @Override
    public void over(ServerExchange of) {
        if (phase != Phase.ANSWERING || exchange != of) {
            return;
        }
        exchange = null;
        bodyOpen = false;
        if (of.closesConnection()) {
            hangUp();
        } else {
            enter(bodyEnded ? Phase.IDLE : Phase.DISCARDING);
            handOn();
        }
    }

    /**
     * Closes the connection from here, past Vert.x, which would wait until all is written: the client may be one that
     * does not read. An answer without any framing ends with the connection; only a reset tells that it is not whole.
     */
    @Override
    public void abort(ServerExchange of) {
        if (of.resets() || of.request().version() == io.vertx.core.http.HttpVersion.HTTP_1_0) {
            context().channel().config().setOption(ChannelOption.SO_LINGER, 0);
        }
        context().close();
    }

    // The end

    /** Answers to what is no request, and hangs up. */
    private void leave(int status, String message) {
        Bytes body = unreadable.body(status, message);
        String head = "HTTP/1.1 " + HttpResponseStatus.valueOf(status) + "\r\ncontent-type: application/json\r\n"
                + "content-length: " + body.length() + "\r\ndate: " + watch.date() + "\r\nx-request-id: "
                + watch.loop.requestId() + "\r\nconnection: close\r\n\r\n";
        ByteBuf answer = Unpooled.wrappedBuffer(
                Unpooled.copiedBuffer(head, StandardCharsets.US_ASCII),
                Unpooled.wrappedBuffer(body.array(), body.offset(), body.length()));
        context().write(answer); // from here, past Vert.x's encoder
        hangUp();
    }

    /**
     * Says goodbye, and closes when the client has closed, or has sent more or taken longer than is reasonable. Closing
     * at once would be answered by the kernel with a reset, which destroys what the client has not yet read.
     */
    private void hangUp() {
        enter(Phase.LEAVING);
        discarded = 0;
        forgetHeld();
        Channel channel = context().channel();
        channel.config().setAutoRead(true);
        context().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener((ChannelFutureListener) written -> {
            saidAll = true;
            phaseSinceNanos = System.nanoTime();
            if (!written.isSuccess()) {
                context().close();
            } else if (!Server.overTls(channel) && channel instanceof DuplexChannel plain) {
                plain.shutdownOutput();
            }
        });
    }

    /** HTTP/1.1 has no word for it but in an answer's head. */
    @Override
    public void turnAway() {}

    /**
     * Closes a connection between two requests. Who sends one in this very moment sees the end of the connection before an
     * answer, not a reset, and knows that it was not begun.
     */
    private void farewell() {
        if (Server.overTls(context().channel())) {
            context().close();
        } else {
            lingerMillis = FAREWELL_MILLIS;
            hangUp();
        }
    }

    @Override
    public void check(long now) {
        long millis = TimeUnit.NANOSECONDS.toMillis(now - phaseSinceNanos);
        switch (phase) {
            case ANSWERING -> {}
            case HEAD -> {
                if (watch.closing()
                        && !heard
                        && TimeUnit.NANOSECONDS.toMillis(watch.closingNanos(now)) > SILENT_MILLIS) {
                    context().close();
                } else if (millis > settings.headTimeout().toMillis()) {
                    leave(
                            408,
                            "the request's head did not come within "
                                    + settings.headTimeout().toMillis() + " ms");
                }
            }
            case IDLE -> {
                if (!watch.closing()) {
                    closeAfter(settings.keepAlive().toMillis(), millis);
                } else if (watch.mayFarewell()) {
                    farewell();
                }
            }
            case DISCARDING -> closeAfter(LINGER_MILLIS, millis);
            case LEAVING ->
                closeAfter(saidAll ? lingerMillis : settings.keepAlive().toMillis(), millis);
        }
    }

    private void closeAfter(long limitMillis, long millis) {
        if (millis > limitMillis) {
            context().close();
        }
    }
}
