package dev.lockkeeper.bench;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code upstream}: a provider that costs next to nothing. One port answers every request with the same chat completion; one
 * more for each pace answers with a stream of chunks that ends when its client goes. Each chunk tells when it was sent, by
 * the machine's monotonic clock, so that its client can tell how long it took.
 */
@Command(name = "upstream", hidden = true, description = "The benchmark's upstream.")
@SuppressWarnings("FutureReturnValueIgnored") // A write that fails closes the channel, and that ends its stream.
final class CheapUpstream implements Callable<Integer> {
    /** What stands before a chunk's time in its text. */
    static final String STAMP = "sent at ";

    /** Digits of a chunk's time, in nanoseconds. */
    static final int STAMP_DIGITS = 18;

    static final String ANSWER = """
            {"id":"chatcmpl-BENCH0000000000000000000000001","object":"chat.completion","created":1767225600,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"A canal lock raises and lowers boats between stretches of water of different levels. The boat enters the chamber, the gates close behind it, and the paddles are opened to let water in or out until the level in the chamber is that of the stretch ahead. Then the gates in front of the boat are opened, and it leaves.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":66,"total_tokens":278,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_07871e2ad8"}""";
    static final String CHUNK = "data: {\"id\":\"chatcmpl-BENCH0000000000000000000000001\","
            + "\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"gpt-4o-2024-08-06\","
            + "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_07871e2ad8\",\"choices\":[{\"index\":0,"
            + "\"delta\":{\"content\":\"" + STAMP + "0".repeat(STAMP_DIGITS)
            + "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    private static final String STREAM_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            + "Transfer-Encoding: chunked\r\nx-request-id: req_bench\r\nopenai-processing-ms: 12\r\n\r\n";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--every", split = ",", description = "Milliseconds between two chunks, for one port each.")
    private List<Integer> everyMillis = List.of(50, 100);

    @Override
    public Integer call() throws InterruptedException {
        String head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + ANSWER.length()
                + "\r\nx-request-id: req_bench\r\nopenai-processing-ms: 12\r\n\r\n";
        ByteBuf answer = Unpooled.unreleasableBuffer(fixed(head + ANSWER));
        try (EventLoopGroup loops = Sockets.loops(1, "upstream")) {
            StringBuilder ports = new StringBuilder("ports ");
            ports.append(listen(loops, () -> new Listener(answer, null)));
            for (int each : everyMillis) {
                Wheel wheel = new Wheel(each, loops.next());
                ports.append(' ').append(listen(loops, () -> new Listener(answer, wheel)));
            }
            spec.commandLine().getErr().println(ports);
            spec.commandLine().getErr().flush();
            new CountDownLatch(1).await();
        }
        return 0;
    }

    private static int listen(EventLoopGroup loops, Supplier<Listener> handler) throws InterruptedException {
        Channel server = new ServerBootstrap()
                .group(loops)
                .channel(Sockets.serverClass())
                .option(ChannelOption.SO_BACKLOG, 4096)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(handler.get());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
        return ((InetSocketAddress) server.localAddress()).getPort();
    }

    private static ByteBuf fixed(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return Unpooled.directBuffer(bytes.length).writeBytes(bytes);
    }

    /** Streams by the millisecond of their turn, so that one tick a millisecond serves them all. */
    private static final class Wheel {
        private final List<List<Channel>> slots = new ArrayList<>();
        private final byte[] chunk;
        private final int stampAt;
        private long turned;
        private final EventLoop loop;
        private @Nullable Future<?> turning;
        private int streams;
        private int next;

        Wheel(int everyMillis, EventLoop loop) {
            this.loop = loop;
            for (int i = 0; i < everyMillis; i++) {
                slots.add(new ArrayList<>());
            }
            String framed = Integer.toHexString(CHUNK.length()) + "\r\n" + CHUNK + "\r\n";
            chunk = framed.getBytes(StandardCharsets.US_ASCII);
            stampAt = framed.indexOf(STAMP) + STAMP.length();
        }

        /** Gives a stream its place; those that come one after the other have places far apart. */
        void add(Channel stream) {
            next = (next + 37) % slots.size();
            slots.get(next).add(stream);
            streams++;
            if (turning == null) {
                // It stands still while there is no stream: its ticks would count as the cost of other calls.
                turned = System.nanoTime() / 1_000_000;
                turning = loop.scheduleAtFixedRate(
                        () -> turnTo(System.nanoTime() / 1_000_000), 1, 1, TimeUnit.MILLISECONDS);
            }
        }

        void turnTo(long milli) {
            turned = Math.max(turned, milli - slots.size());
            while (turned < milli) {
                turned++;
                List<Channel> due = slots.get((int) (turned % slots.size()));
                int before = due.size();
                due.removeIf(each -> !each.isActive());
                streams -= before - due.size();
                for (Channel each : due) {
                    write(each);
                }
            }
            if (streams == 0 && turning != null) {
                turning.cancel(false);
                turning = null;
            }
        }

        private void write(Channel stream) {
            ByteBuf bytes = stream.alloc().ioBuffer(chunk.length).writeBytes(chunk);
            long now = System.nanoTime();
            for (int i = STAMP_DIGITS - 1; i >= 0; i--) {
                bytes.setByte(stampAt + i, '0' + (int) (now % 10));
                now /= 10;
            }
            stream.writeAndFlush(bytes, stream.voidPromise());
        }
    }

    /** Finds where each request ends, no more, and answers it. */
    private static final class Listener extends ChannelInboundHandlerAdapter {
        private static final byte[] LENGTH = "\ncontent-length:".getBytes(StandardCharsets.US_ASCII);

        private final ByteBuf answer;
        private final @Nullable Wheel wheel;
        private int newlines;
        private int matched;
        private boolean inLength;
        private long length;
        private long bodyLeft = -1;

        Listener(ByteBuf answer, @Nullable Wheel wheel) {
            this.answer = answer;
            this.wheel = wheel;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            try {
                while (bytes.isReadable()) {
                    if (bodyLeft < 0) {
                        head(bytes);
                    }
                    if (bodyLeft >= 0) {
                        int skipped = (int) Math.min(bodyLeft, bytes.readableBytes());
                        bytes.skipBytes(skipped);
                        bodyLeft -= skipped;
                        if (bodyLeft == 0) {
                            bodyLeft = -1;
                            length = 0;
                            answer(context.channel());
                        }
                    }
                }
            } finally {
                bytes.release();
            }
        }

        private void head(ByteBuf bytes) {
            while (bytes.isReadable()) {
                byte next = bytes.readByte();
                if (next == '\n') {
                    newlines++;
                    inLength = false;
                    if (newlines == 2) {
                        newlines = 0;
                        matched = 0;
                        bodyLeft = length;
                        return;
                    }
                } else if (next != '\r') {
                    newlines = 0;
                }
                if (inLength && next >= '0' && next <= '9') {
                    length = length * 10 + next - '0';
                }
                int lower = next >= 'A' && next <= 'Z' ? next | 0x20 : next;
                matched = lower == LENGTH[matched] ? matched + 1 : lower == '\n' ? 1 : 0;
                if (matched == LENGTH.length) {
                    matched = 0;
                    inLength = true;
                }
            }
        }

        private void answer(Channel channel) {
            Wheel streams = wheel;
            if (streams == null) {
                channel.writeAndFlush(answer.duplicate(), channel.voidPromise());
            } else {
                channel.writeAndFlush(
                        Unpooled.copiedBuffer(STREAM_HEAD, StandardCharsets.US_ASCII), channel.voidPromise());
                streams.add(channel);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable reset) {
            context.close();
        }
    }
}
