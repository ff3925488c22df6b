package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.impl.http1.VertxHttpRequestDecoder;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The server's HTTP/1.1 side on a channel in memory: its decoder, its {@link Http1Connection} and its exchanges are the
 * real ones, only Vert.x between the two is played. Each request's body is read whole, then it is answered. For inputs in
 * millions; any thread.
 */
public final class EmbeddedServer implements AutoCloseable {

    private final Loops loops = Loops.start(1, new Random(1));
    private final EventLoop loop = (EventLoop) loops.all().getFirst();
    private final ServerSettings settings;
    private final Watch watch;

    /** @param maxHead bytes of a head */
    public EmbeddedServer(int maxHead) {
        ServerSettings on = ServerSettings.on("127.0.0.1", 0);
        settings = new ServerSettings(
                on.host(),
                0,
                null,
                maxHead,
                on.maxRequestBody(),
                on.headTimeout(),
                on.bodyTimeout(),
                on.keepAlive(),
                on.maxConnections());
        watch = new Watch(loop, settings);
    }

    /**
     * A request that was handed on.
     *
     * @param fields {@code name: value}, names in lower case, in order
     * @param body what came of its body
     * @param whole whether that is all of it
     */
    public record Seen(String method, String target, List<String> fields, String body, boolean whole) {}

    /**
     * What came of a connection's bytes.
     *
     * @param refusal what the server said to what is no request; empty if it did not
     * @param open whether the connection would be read on
     */
    public record Heard(List<Seen> requests, String refusal, boolean open) {}

    /** Lets a client send its bytes, in these pieces, on a new connection. */
    public Heard hear(List<Bytes> pieces) {
        CompletableFuture<Heard> heard = new CompletableFuture<>();
        loop.run(() -> {
            try {
                heard.complete(onLoop(pieces));
            } catch (RuntimeException | Error failed) {
                heard.completeExceptionally(failed);
            }
        });
        return heard.join();
    }

    private Heard onLoop(List<Bytes> pieces) {
        Http1Connection connection =
                new Http1Connection(settings, (status, message) -> Bytes.utf8(status + " " + message), watch);
        VertxStandIn vertx = new VertxStandIn(connection);
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.pipeline().addLast("httpDecoder", new VertxHttpRequestDecoder(Server.http1(settings)));
        Server.prepareHttp1(channel, settings, connection);
        channel.pipeline().addLast("vertx", vertx);
        for (Bytes piece : pieces) {
            if (channel.isOpen()) {
                channel.writeInbound(Unpooled.copiedBuffer(piece.array(), piece.offset(), piece.length()));
            }
        }
        channel.runPendingTasks();
        StringBuilder said = new StringBuilder();
        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
            said.append(out.toString(StandardCharsets.ISO_8859_1));
            out.release();
        }
        boolean open = channel.isOpen() && said.isEmpty();
        channel.checkException();
        channel.finishAndReleaseAll();
        return new Heard(List.copyOf(vertx.seen()), said.toString(), open);
    }

    @Override
    public void close() {
        loops.close();
    }

    /** Does with messages what Vert.x does: begins an exchange, hands it the body, and is told the answer. */
    private final class VertxStandIn extends ChannelInboundHandlerAdapter {
        private final Http1Connection connection;
        private final List<Reading> readings = new ArrayList<>();
        private @Nullable Reading current;

        VertxStandIn(Http1Connection connection) {
            this.connection = connection;
        }

        List<Seen> seen() {
            return readings.stream().map(Reading::seen).toList();
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            try {
                if (message instanceof HttpRequest request) {
                    current = new Reading(request);
                    readings.add(current);
                    current.begin(connection);
                } else if (message instanceof HttpContent content && current != null) {
                    current.content(content);
                } else {
                    throw new AssertionError("what is " + message);
                }
            } finally {
                ReferenceCountUtil.release(message);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            throw new AssertionError(cause);
        }
    }

    /** One request while it is read, as the exchange sees Vert.x's. */
    private final class Reading implements Exchange.Intake {
        private final HttpRequest request;
        private final MultiMap fields = HttpHeaders.headers();
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private boolean whole;
        private @Nullable ServerExchange exchange;
        private @Nullable Handler<Buffer> onData;
        private @Nullable Handler<Void> onEnd;

        Reading(HttpRequest request) {
            this.request = request;
            request.headers().forEach(field -> fields.add(field.getKey(), field.getValue()));
        }

        void begin(Http1Connection connection) {
            HttpServerRequest shown = proxy(HttpServerRequest.class, this::asked);
            exchange = new ServerExchange(watch, settings, connection, shown);
            exchange.begin();
            exchange.read(this);
        }

        void content(HttpContent content) {
            byte[] bytes = new byte[content.content().readableBytes()];
            content.content().readBytes(bytes);
            if (onData != null && bytes.length > 0) {
                onData.handle(Buffer.buffer(bytes));
            }
            if (onEnd != null && content instanceof LastHttpContent) {
                onEnd.handle(null);
            }
        }

        @SuppressWarnings("unchecked") // the parameters are those of Vert.x's interface
        private @Nullable Object asked(Object self, java.lang.reflect.Method method, @Nullable Object[] arguments) {
            switch (method.getName()) {
                case "handler" -> onData = (Handler<Buffer>) arguments[0];
                case "endHandler" -> onEnd = (Handler<Void>) arguments[0];
                default -> {}
            }
            return switch (method.getName()) {
                case "handler", "endHandler", "exceptionHandler" -> self;
                case "response" -> proxy(HttpServerResponse.class, this::answered);
                case "headers" -> fields;
                case "uri" -> request.uri();
                case "method" -> HttpMethod.valueOf(request.method().name());
                case "version" ->
                    request.protocolVersion().equals(HttpVersion.HTTP_1_0)
                            ? io.vertx.core.http.HttpVersion.HTTP_1_0
                            : io.vertx.core.http.HttpVersion.HTTP_1_1;
                default -> throw new AssertionError("the request is asked for " + method.getName());
            };
        }

        private final MultiMap answerFields = HttpHeaders.headers();

        private @Nullable Object answered(Object self, java.lang.reflect.Method method, @Nullable Object[] arguments) {
            return switch (method.getName()) {
                case "headers" -> answerFields;
                case "end", "write", "writeHead", "writeContinue" -> Future.succeededFuture();
                default -> self;
            };
        }

        @Override
        public void piece(Bytes piece) {
            body.write(piece.array(), piece.offset(), piece.length());
        }

        @Override
        public void end() {
            whole = true;
            answer(200);
        }

        @Override
        public void failed(Exchange.BodyFault why) {
            answer(400);
        }

        private void answer(int status) {
            if (exchange != null) {
                exchange.answer(status, Headers.empty(), Bytes.EMPTY);
            }
        }

        Seen seen() {
            List<String> lines = new ArrayList<>();
            fields.forEach((name, value) -> lines.add(name.toLowerCase(Locale.ROOT) + ": " + value));
            return new Seen(
                    request.method().name(), request.uri(), lines, body.toString(StandardCharsets.ISO_8859_1), whole);
        }
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
