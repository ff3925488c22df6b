package dev.lockkeeper.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Stands between the socket to a proxy and everything that speaks to the upstream, until the proxy has made way: TLS to
 * the proxy where it wants that, and {@code CONNECT} (RFC 9110, section 9.3.6) where a tunnel is asked for. Until then
 * nobody behind learns that there is a connection. On its loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // of closes and writes: the channel tells of both by itself
final class ThroughProxy extends ChannelInboundHandlerAdapter {
    /** The name of the TLS to the proxy in the pipeline, by which Vert.x tells it from the upstream's. */
    static final String TLS = "proxy-ssl";

    /** Bytes of the proxy's answer to {@code CONNECT} at most. */
    private static final int MAX_HEAD_BYTES = 16 << 10;

    private static final int MAX_REASON = 80;
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d{3})(?: ([^\\r\\n]*))?");

    private final Way way;
    private final ChannelPromise open;
    private final ByteArrayOutputStream head = new ByteArrayOutputStream();
    private boolean over;

    /**
     * What is asked of a proxy.
     *
     * @param proxy the proxy
     * @param tls how TLS is spoken to it; null for plain
     * @param tunnelTo host and port to be connected with; null where requests name their target themselves
     * @param handshakeMillis bound of the TLS handshake with the proxy
     */
    record Way(
            ClientSettings.Proxy proxy,
            @Nullable SslContext tls,
            @Nullable String tunnelTo,
            long handshakeMillis) {}

    /** @param open succeeds when the way is free, fails when it will not be */
    ThroughProxy(Way way, ChannelPromise open) {
        this.way = way;
        this.open = open;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        SslContext tls = way.tls();
        if (tls != null) {
            SslHandler handler = tls.newHandler(
                    context.alloc(), way.proxy().host(), way.proxy().port());
            handler.setHandshakeTimeout(way.handshakeMillis(), TimeUnit.MILLISECONDS);
            context.pipeline().addFirst(TLS, handler);
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        if (way.tls() == null) {
            ask(context);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) throws Exception {
        if (!(event instanceof SslHandshakeCompletionEvent handshake)) {
            super.userEventTriggered(context, event);
        } else if (handshake.isSuccess()) {
            ask(context);
        } else {
            fail(context, new SSLException("TLS with the proxy failed", handshake.cause()));
        }
    }

    private void ask(ChannelHandlerContext context) {
        String to = way.tunnelTo();
        if (to == null) {
            free(context, Unpooled.EMPTY_BUFFER);
            return;
        }
        String authorization = way.proxy().authorization();
        String request = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n"
                + (authorization.isEmpty() ? "" : "Proxy-Authorization: " + authorization + "\r\n") + "\r\n";
        context.writeAndFlush(Unpooled.copiedBuffer(request, StandardCharsets.ISO_8859_1));
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            while (bytes.isReadable() && !over) {
                int next = bytes.readByte();
                head.write(next);
                if (next == '\n' && endsHead()) {
                    answered(context, head.toString(StandardCharsets.ISO_8859_1), bytes);
                } else if (head.size() >= MAX_HEAD_BYTES) {
                    fail(context, new ProxyFailure("the proxy answers CONNECT without end", true));
                }
            }
        } finally {
            ReferenceCountUtil.release(bytes);
        }
    }

    private boolean endsHead() {
        byte[] read = head.toByteArray();
        int length = read.length;
        return length >= 2
                && read[length - 1] == '\n'
                && (read[length - 2] == '\n' || (length >= 3 && read[length - 2] == '\r' && read[length - 3] == '\n'));
    }

    private void answered(ChannelHandlerContext context, String answer, ByteBuf rest) {
        Matcher line = STATUS.matcher(answer);
        if (!line.lookingAt()) {
            fail(context, new ProxyFailure("the proxy does not speak HTTP", true));
            return;
        }
        int status = Integer.parseInt(line.group(1));
        if (status < 200) {
            head.reset(); // the real answer follows
        } else if (status < 300) {
            free(context, rest.readRetainedSlice(rest.readableBytes()));
        } else if (status == 407) {
            fail(context, new ProxyFailure(unauthorized(way.proxy(), schemes(answer)), true));
        } else {
            String reason = line.group(2) == null ? "" : " " + line.group(2).replaceAll("[^ -~]", "?");
            fail(
                    context,
                    new ProxyFailure(
                            "the proxy answers CONNECT with " + status
                                    + reason.substring(0, Math.min(reason.length(), MAX_REASON)),
                            true));
        }
    }

    private static List<String> schemes(String answer) {
        List<String> offered = new ArrayList<>();
        for (String field : answer.split("\r?\n")) {
            if (field.regionMatches(true, 0, "proxy-authenticate:", 0, 19)) {
                offered.add(field.substring(19).strip());
            }
        }
        return offered;
    }

    /**
     * What a 407 means.
     *
     * @param offered values of {@code proxy-authenticate}
     */
    static String unauthorized(ClientSettings.Proxy proxy, List<String> offered) {
        boolean basic = offered.isEmpty()
                || offered.stream()
                        .anyMatch(each -> each.toLowerCase(Locale.ROOT).startsWith("basic"));
        if (!basic) {
            return "the proxy answers 407 and does not offer Basic, which is the only way of signing in that is spoken";
        }
        return proxy.authorization().isEmpty()
                ? "the proxy answers 407: it wants a username and password"
                : "the proxy answers 407: it refuses the username and password";
    }

    private void free(ChannelHandlerContext context, ByteBuf rest) {
        over = true;
        open.trySuccess();
        context.fireChannelActive();
        if (rest.isReadable()) {
            context.fireChannelRead(rest);
            context.fireChannelReadComplete();
        } else {
            rest.release();
        }
        if (!context.isRemoved()) { // else whoever was told that the way is free has cleared the pipeline
            context.pipeline().remove(this);
        }
    }

    private void fail(ChannelHandlerContext context, Exception why) {
        over = true;
        open.tryFailure(why);
        context.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        fail(context, cause instanceof Exception exception ? exception : new IllegalStateException(cause));
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        fail(context, new ProxyFailure("the proxy closed the connection before it had made way", false));
    }
}
