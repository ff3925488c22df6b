package dev.lockkeeper.bench;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/1.1 connection of the load generator. Carries one call at a time, and reads only what it needs to find the
 * answer's end: the generator must cost little beside what it measures. On its event loop's thread only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // A write or close that fails closes the channel, and that is heard.
final class Link extends ChannelInboundHandlerAdapter {
    private static final int MAX_HEAD = 64 << 10;

    /** Hears one answer. */
    interface Hearer {
        /** The head has come; its fields can be asked for until the end. */
        default void head(int status, Link link) {}

        /** A piece of the body has come. The buffer is the caller's and gone afterwards. */
        default void body(ByteBuf piece) {}

        /** It is over. */
        void end(Ending ending);
    }

    /** How an answer ended. */
    enum Ending {
        /** As HTTP has it. */
        WHOLE,
        /** The connection went before that. */
        CUT,
        /** There was no connection. */
        UNREACHED
    }

    private enum Reading {
        HEAD,
        FIXED,
        CHUNK_SIZE,
        CHUNK,
        CHUNK_END,
        TRAILER,
        UNTIL_CLOSE
    }

    private final Links links;
    private final Channel channel;
    private @Nullable Hearer hearer;
    private Reading reading = Reading.HEAD;
    private byte[] head = new byte[1024];
    private int headLength;
    private int newlines;
    private long left;
    private boolean keepAlive;
    private boolean sizeRead;
    private int lineLength;

    Link(Links links, Channel channel) {
        this.links = links;
        this.channel = channel;
    }

    Channel channel() {
        return channel;
    }

    /** Sends a request, whose buffer is this link's from now on. */
    void send(ByteBuf request, Hearer by) {
        hearer = by;
        reading = Reading.HEAD;
        headLength = 0;
        newlines = 0;
        channel.writeAndFlush(request, channel.voidPromise());
    }

    /** Closes the connection (FIN): the client goes away. Its hearer hears no more. */
    void leave() {
        hearer = null;
        channel.close();
    }

    /** Resets the connection (RST). Its hearer hears no more. */
    void reset() {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        leave();
    }

    /** Reads nothing for a while. */
    void dawdle(long millis) {
        channel.config().setAutoRead(false);
        channel.eventLoop().schedule(() -> channel.config().setAutoRead(true), millis, TimeUnit.MILLISECONDS);
    }

    /** The value of a field of the head; null where it has none. */
    @Nullable String field(String lowerName) {
        String text = new String(head, 0, headLength, StandardCharsets.ISO_8859_1);
        for (String line : text.split("\r\n")) {
            int colon = line.indexOf(':');
            if (colon == lowerName.length() && line.regionMatches(true, 0, lowerName, 0, colon)) {
                return line.substring(colon + 1).strip();
            }
        }
        return null;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            while (bytes.isReadable()) {
                read(bytes);
            }
        } finally {
            bytes.release();
        }
    }

    private void read(ByteBuf bytes) {
        switch (reading) {
            case HEAD -> readHead(bytes);
            case FIXED -> {
                pass(bytes);
                if (left == 0) {
                    end();
                }
            }
            case CHUNK -> {
                pass(bytes);
                if (left == 0) {
                    reading = Reading.CHUNK_END;
                }
            }
            case CHUNK_SIZE -> readSize(bytes);
            case CHUNK_END -> {
                if (bytes.readByte() == '\n') {
                    reading = Reading.CHUNK_SIZE;
                }
            }
            case TRAILER -> {
                byte next = bytes.readByte();
                if (next == '\n') {
                    if (lineLength == 0) {
                        end();
                    }
                    lineLength = 0;
                } else if (next != '\r') {
                    lineLength++;
                }
            }
            case UNTIL_CLOSE -> {
                left = bytes.readableBytes();
                pass(bytes);
            }
        }
    }

    private void readHead(ByteBuf bytes) {
        int from = bytes.readerIndex();
        int to = bytes.writerIndex();
        int at = from;
        while (at < to && newlines < 2) {
            byte next = bytes.getByte(at++);
            if (next == '\n') {
                newlines++;
            } else if (next != '\r') {
                newlines = 0;
            }
        }
        int length = at - from;
        if (headLength + length > MAX_HEAD) {
            channel.close();
            bytes.skipBytes(bytes.readableBytes());
            return;
        }
        if (headLength + length > head.length) {
            head = Arrays.copyOf(head, Math.max(2 * head.length, headLength + length));
        }
        bytes.readBytes(head, headLength, length);
        headLength += length;
        if (newlines == 2) {
            headCame();
        }
    }

    private void headCame() {
        int status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + head[11] - '0';
        if (status < 200) {
            headLength = 0;
            newlines = 0;
            return;
        }
        long length = -1;
        boolean chunked = false;
        keepAlive = true;
        int start = 0;
        for (int i = 0; i < headLength; i++) {
            if (head[i] == '\n') {
                switch (head[start] | 0x20) {
                    case 'c' -> {
                        if (is(start, "content-length:")) {
                            length = number(start + "content-length:".length());
                        } else if (is(start, "connection: close")) {
                            keepAlive = false;
                        }
                    }
                    case 't' -> chunked |= is(start, "transfer-encoding: chunked");
                    default -> {}
                }
                start = i + 1;
            }
        }
        left = 0;
        if (chunked) {
            reading = Reading.CHUNK_SIZE;
            sizeRead = false;
        } else if (status == 204 || status == 304 || length == 0) {
            left = 0;
            reading = Reading.FIXED;
        } else if (length > 0) {
            reading = Reading.FIXED;
            left = length;
        } else {
            reading = Reading.UNTIL_CLOSE;
            keepAlive = false;
        }
        if (hearer != null) {
            hearer.head(status, this);
        }
        if (reading == Reading.FIXED && left == 0) {
            end();
        }
    }

    private boolean is(int start, String lower) {
        for (int i = 0; i < lower.length(); i++) {
            int at = start + i;
            if (at >= headLength) {
                return false;
            }
            int c = head[at];
            if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != lower.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private long number(int at) {
        long value = 0;
        for (int i = at; i < headLength && head[i] != '\r'; i++) {
            if (head[i] != ' ') {
                value = value * 10 + head[i] - '0';
            }
        }
        return value;
    }

    private void readSize(ByteBuf bytes) {
        byte next = bytes.readByte();
        if (next == '\n') {
            sizeRead = false;
            if (left == 0) {
                reading = Reading.TRAILER;
                lineLength = 0;
            } else {
                reading = Reading.CHUNK;
            }
        } else if (!sizeRead) {
            int digit = Character.digit(next, 16);
            if (digit >= 0) {
                left = left * 16 + digit;
            } else {
                sizeRead = true;
            }
        }
    }

    private void pass(ByteBuf bytes) {
        int length = (int) Math.min(left, bytes.readableBytes());
        if (hearer != null) {
            int index = bytes.readerIndex();
            int limit = bytes.writerIndex();
            bytes.writerIndex(index + length);
            hearer.body(bytes);
            bytes.setIndex(index + length, limit);
        } else {
            bytes.skipBytes(length);
        }
        left -= length;
    }

    private void end() {
        reading = Reading.HEAD;
        newlines = 0;
        Hearer by = hearer;
        hearer = null;
        if (keepAlive && channel.isActive()) {
            // Before it is told: who hears it may ask for a link at once, and gets this one.
            links.idle(this);
        } else {
            channel.close();
        }
        if (by != null) {
            by.end(Ending.WHOLE);
        }
        headLength = 0;
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        links.gone(this);
        Hearer by = hearer;
        hearer = null;
        if (by != null) {
            by.end(reading == Reading.UNTIL_CLOSE ? Ending.WHOLE : Ending.CUT);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable reset) {
        channel.close();
    }
}
