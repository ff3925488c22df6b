package dev.lockkeeper.http;

import io.netty.handler.codec.http.HttpRequest;
import io.netty.util.AsciiString;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.impl.http1.VertxHttpRequestDecoder;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Vert.x's decoder of HTTP/1.1 requests without what it bears with for the sake of old clients, where a proxy before it
 * might read something else: words of the first line are parted by one space (RFC 9112, 3), a method is a token and a
 * target has no control characters, there is one {@code Host} (RFC 9112, 3.2), and the only coding is {@code chunked}.
 */
final class RequestDecoder extends VertxHttpRequestDecoder {
    private static final AsciiString HOST = AsciiString.cached("host");

    private static final AsciiString CODING = AsciiString.cached("transfer-encoding");
    private static final AsciiString CHUNKED = AsciiString.cached("chunked");

    /** A draft of WebSocket whose requests had eight bytes of body and no length; Netty still reads those. */
    private static final AsciiString DRAFT_KEY = AsciiString.cached("sec-websocket-key1");

    private static final byte[] VERSION = {'H', 'T', 'T', 'P', '/'};

    private static final AsciiString LENGTH = AsciiString.cached("content-length");

    private int wordEnd;
    private int lengths;

    RequestDecoder(Http1ServerConfig config) {
        super(config);
    }

    @Override
    protected String splitFirstWordInitialLine(byte[] line, int start, int length) {
        if (start != 0) {
            throw new IllegalArgumentException("the first line begins with a space");
        }
        for (int i = start; i < start + length; i++) {
            if (!isTokenLetter(line[i])) {
                throw new IllegalArgumentException(
                        "the method has the character 0x" + Integer.toHexString(line[i] & 0xff));
            }
        }
        wordEnd = start + length;
        lengths = 0;
        return super.splitFirstWordInitialLine(line, start, length);
    }

    @Override
    protected String splitSecondWordInitialLine(byte[] line, int start, int length) {
        oneSpace(line, start);
        for (int i = start; i < start + length; i++) {
            if ((line[i] >= 0 && line[i] <= ' ') || line[i] == 0x7f) {
                throw new IllegalArgumentException("the target has the character 0x" + Integer.toHexString(line[i]));
            }
        }
        wordEnd = start + length;
        return super.splitSecondWordInitialLine(line, start, length);
    }

    @Override
    protected String splitThirdWordInitialLine(byte[] line, int start, int length) {
        oneSpace(line, start);
        int name = VERSION.length;
        if (length != name + 3 || !Arrays.equals(line, start, start + name, VERSION, 0, name)) {
            throw new IllegalArgumentException("a version such as HTTP/1.1 was expected");
        }
        return super.splitThirdWordInitialLine(line, start, length);
    }

    private void oneSpace(byte[] line, int start) {
        if (start != wordEnd + 1 || line[wordEnd] != ' ') {
            throw new IllegalArgumentException("one space was expected between method, target and version");
        }
    }

    /**
     * Vert.x takes any {@code Content-?ength} for a length (5.2.0 does not look at that letter): its guess is checked. Of
     * several lengths in an HTTP/1.0 request Netty takes the first, where another reader may take the last: one is enough.
     */
    @Override
    protected AsciiString splitHeaderName(byte[] line, int start, int length) {
        if (length == LENGTH.length() && LENGTH.contentEqualsIgnoreCase(new AsciiString(line, start, length, false))) {
            if (++lengths > 1) {
                throw new IllegalArgumentException("one 'Content-Length' was expected, not " + lengths);
            }
        }
        AsciiString guess = length == 0 ? AsciiString.EMPTY_STRING : super.splitHeaderName(line, start, length);
        return Arrays.equals(
                        line, start, start + length, guess.array(), guess.arrayOffset(), guess.arrayOffset() + length)
                ? guess
                : new AsciiString(line, start, length, true);
    }

    private static boolean isTokenLetter(byte b) {
        return (b >= 'A' && b <= 'Z')
                || (b >= 'a' && b <= 'z')
                || (b >= '0' && b <= '9')
                || "!#$%&'*+-.^_`|~".indexOf(b) >= 0;
    }

    /** Whether a target has what stands in none: a space or a control character. */
    static boolean isUnclearTarget(String target) {
        for (int i = 0; i < target.length(); i++) {
            char c = target.charAt(i);
            if (c <= ' ' || c == 0x7f) {
                return true;
            }
        }
        return false;
    }

    /**
     * What makes a decoded request one that others might read otherwise; null for nothing.
     *
     * @param needsHost whether its version has to name a host
     */
    static @Nullable String unclear(HttpRequest request, boolean needsHost) {
        int hosts = 0;
        var fields = request.headers().iteratorCharSequence();
        while (fields.hasNext()) {
            Map.Entry<CharSequence, CharSequence> field = fields.next();
            CharSequence name = field.getKey();
            if (name.isEmpty()) {
                return "a header field has no name";
            }
            if (name.length() == CODING.length()
                    && CODING.contentEqualsIgnoreCase(name)
                    && !CHUNKED.contentEqualsIgnoreCase(field.getValue())) {
                return "'Transfer-Encoding: chunked' is the only one that is understood";
            }
            if (name.length() == HOST.length() && HOST.contentEqualsIgnoreCase(name)) {
                hosts++;
            } else if (name.length() == DRAFT_KEY.length() && DRAFT_KEY.contentEqualsIgnoreCase(name)) {
                return "no protocol is changed to, and least a draft of WebSocket";
            }
        }
        if (hosts > 1) {
            return "one 'Host' was expected, not " + hosts;
        }
        return hosts == 0 && needsHost ? "'Host' is missing" : null;
    }
}
