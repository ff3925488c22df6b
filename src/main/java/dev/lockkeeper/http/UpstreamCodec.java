package dev.lockkeeper.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.CombinedChannelDuplexHandler;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestEncoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.AsciiString;
import java.util.List;

/**
 * Netty's coder of an HTTP/1.1 connection to an upstream, strict where it is lenient: it knows whether an answer is due,
 * and reads nothing while none is, because what comes then would be read as the beginning of the next call's answer.
 * Knows neither {@code HEAD} nor {@code CONNECT}, which no call uses. On its loop only.
 */
final class UpstreamCodec extends CombinedChannelDuplexHandler<HttpResponseDecoder, HttpRequestEncoder> {
    private final Runnable tooMuch;

    /** Requests whose answers have not ended. */
    private int due;

    /** @param tooMuch called when bytes come that belong to no answer; they are thrown away */
    UpstreamCodec(HttpDecoderConfig config, Runnable tooMuch) {
        this.tooMuch = tooMuch;
        init(new Decoder(config), new HttpRequestEncoder());
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) throws Exception {
        if (message instanceof HttpRequest) {
            due++;
        }
        super.write(ctx, message, promise);
    }

    private final class Decoder extends HttpResponseDecoder {
        /** Whether the answer that is being read is but an informational one. */
        private boolean informational;

        Decoder(HttpDecoderConfig config) {
            super(config);
        }

        @Override
        protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) throws Exception {
            if (due == 0) {
                if (in.isReadable()) {
                    in.skipBytes(in.readableBytes());
                    tooMuch.run();
                }
                return;
            }
            int before = out.size();
            super.decode(ctx, in, out);
            for (int i = before; i < out.size(); i++) {
                Object each = out.get(i);
                if (each instanceof HttpResponse answer) {
                    informational = isInformational(answer);
                }
                if (each instanceof LastHttpContent && !informational) {
                    due--;
                }
            }
        }

        private static boolean isInformational(HttpResponse answer) {
            if (answer.status().code() == 101) {
                answer.setDecoderResult(
                        DecoderResult.failure(new DecoderException("it changed the protocol, and nobody asked it to")));
            }
            return answer.decoderResult().isSuccess() && answer.status().codeClass() == HttpStatusClass.INFORMATIONAL;
        }

        /**
         * Space between a name and its colon is passed over, as RFC 9112 (5.1) tells a proxy to do with answers. Netty
         * takes what stands behind that space for a part of it, whatever it is.
         */
        @Override
        protected AsciiString splitHeaderName(byte[] line, int start, int length) {
            int colon = start + length;
            while (colon < line.length && (line[colon] == ' ' || line[colon] == '\t')) {
                colon++;
            }
            if (colon == line.length || line[colon] != ':') {
                throw new IllegalArgumentException("a header field's name has a space inside");
            }
            return super.splitHeaderName(line, start, length);
        }
    }
}
