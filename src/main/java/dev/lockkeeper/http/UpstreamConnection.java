package dev.lockkeeper.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.vertx.core.http.impl.HttpClientConnection;
import io.vertx.core.http.impl.HttpClientStream;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** An open connection of a {@link Pool}, and how many calls it carries. On its loop only. */
final class UpstreamConnection {
    private final Pool pool;
    private final HttpClientConnection connection;

    /** The valve of an HTTP/1.1 connection; null where streams have their own flow control. */
    private final @Nullable UpstreamValve valve;

    /** The call that an HTTP/1.1 connection carries, to be told when it may write on. */
    private @Nullable UpstreamCall writing;

    private int places;
    private int busy;
    private int started;
    private boolean evicted;
    private boolean leaving;
    long idleSinceNanos = System.nanoTime();

    /** Where it stands among its pool's free ones, -1 for nowhere; the pool's. */
    int freePlace = -1;

    /** Whether it is counted among those that idle; the pool's. */
    boolean idles;

    /** Where it leads. */
    final InetAddress address;

    UpstreamConnection(Pool pool, HttpClientConnection connection, boolean multiplexed, InetAddress address) {
        this.pool = pool;
        this.address = address;
        this.connection = connection;
        this.valve = multiplexed ? null : new UpstreamValve(connection.channelHandlerContext(), this::writable);
    }

    void begin() {
        ChannelPipeline pipeline = connection.channelHandlerContext().pipeline();
        connection.channelHandlerContext().channel().config().setWriteBufferWaterMark(Server.WRITE_QUEUE);
        String tls = pipeline.context(Server.TLS) != null ? Server.TLS : ThroughProxy.TLS;
        if (pipeline.context(tls) == null) {
            pipeline.addFirst("flush", new TurnFlush());
        } else {
            pipeline.addAfter(tls, "flush", new TurnFlush());
        }
        if (valve != null) {
            pipeline.replace("codec", "codec", new UpstreamCodec(Pool.decoding(), this::leave));
            pipeline.addBefore("handler", "valve", valve);
            places = 1;
        } else {
            // Vert.x sets this only on connections of its own pool. Less than this, and one stream that is paused
            // stalls all.
            connection.setWindowSize(ClientSettings.STREAMS * Pool.STREAM_WINDOW_BYTES);
            dropInformational(pipeline.get(Http2ConnectionHandler.class));
            places = (int) Math.min(ClientSettings.STREAMS, connection.concurrency());
            connection.concurrencyChangeHandler(allowed -> {
                places = (int) Math.min(ClientSettings.STREAMS, allowed);
                pool.offer(this);
            });
        }
        connection.exceptionHandler(e -> {});
        connection.evictionHandler(v -> {
            evicted = true;
            closeIfDone();
        });
        connection.closeHandler(v -> {
            evicted = true;
            pool.closed(this);
        });
    }

    /** Vert.x takes an informational answer that it does not know for the real one. */
    private static void dropInformational(Http2ConnectionHandler handler) {
        handler.decoder()
                .frameListener(new Http2FrameListenerDecorator(handler.decoder().frameListener()) {
                    @Override
                    public void onHeadersRead(
                            ChannelHandlerContext ctx, int stream, Http2Headers headers, int padding, boolean end)
                            throws io.netty.handler.codec.http2.Http2Exception {
                        if (!isInformational(headers)) {
                            super.onHeadersRead(ctx, stream, headers, padding, end);
                        }
                    }

                    @Override
                    public void onHeadersRead(
                            ChannelHandlerContext ctx,
                            int stream,
                            Http2Headers headers,
                            int dependency,
                            short weight,
                            boolean exclusive,
                            int padding,
                            boolean end)
                            throws io.netty.handler.codec.http2.Http2Exception {
                        if (!isInformational(headers)) {
                            super.onHeadersRead(ctx, stream, headers, dependency, weight, exclusive, padding, end);
                        }
                    }
                });
    }

    private static boolean isInformational(Http2Headers headers) {
        CharSequence status = headers.status();
        return status != null && status.length() == 3 && status.charAt(0) == '1';
    }

    int busy() {
        return busy;
    }

    /** How many more calls it can take now. */
    int room() {
        return evicted ? 0 : places - busy;
    }

    /** Takes a place for a call that is started next. */
    void reserve() {
        busy++;
        pool.idles(this, false);
    }

    void start(UpstreamCall call) {
        if (evicted) {
            release();
            pool.enqueue(call); // closed between the choosing and the starting
            return;
        }
        started++;
        connection.createStream(pool.loop.context).onComplete((stream, error) -> {
            if (stream == null) {
                release();
                call.fail(pool.broken(error));
            } else {
                begin(call, stream);
            }
        });
    }

    private void begin(UpstreamCall call, HttpClientStream stream) {
        stream.closeHandler(v -> release());
        writing = call;
        call.begin(this, stream);
    }

    private void release() {
        busy--;
        if (busy == 0) {
            idleSinceNanos = System.nanoTime();
        }
        // After what the stream still has to say: an HTTP/1.1 connection may close right behind its last answer.
        pool.loop.later(() -> {
            if (evicted) {
                closeIfDone();
            } else {
                pool.freed(this);
            }
        });
    }

    /** It takes no more calls, by the upstream's will or ours: it closes behind the last one. */
    private void closeIfDone() {
        if (leaving && busy == 0) {
            close();
        } else if (multiplexed() && busy == 0) {
            connection.close();
        }
    }

    /** Takes no more calls and closes behind the last one. */
    void leave() {
        evicted = true;
        leaving = true;
        closeIfDone();
    }

    boolean multiplexed() {
        return valve == null;
    }

    /** Whether a call before the one at hand used this connection, so that the upstream may have been closing it. */
    boolean reused() {
        return started > 1;
    }

    /**
     * Whether more may be written. Vert.x counts an HTTP/1.1 connection's queue in pieces, whatever their size, so the
     * channel itself is asked.
     */
    boolean isWritable(HttpClientStream stream) {
        return valve == null
                ? stream.isWritable()
                : connection.channelHandlerContext().channel().isWritable();
    }

    private void writable() {
        if (writing != null) {
            writing.drained();
        }
    }

    void pause(HttpClientStream stream) {
        if (valve != null) {
            valve.pause();
        } else {
            stream.pause();
        }
    }

    void resume(HttpClientStream stream) {
        if (valve != null) {
            valve.resume();
        } else {
            stream.fetch(Long.MAX_VALUE);
        }
    }

    /** Closes at once: an HTTP/1.1 connection past Vert.x, which would wait until all is written. */
    void close() {
        evicted = true;
        if (valve != null) {
            valve.close();
        } else {
            connection.close();
        }
    }
}
