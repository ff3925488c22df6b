package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;

/**
 * A file in base64 inside a JSON string, as far as its first bytes tell of it: how large a picture is, how many bytes a
 * second of sound has. What is not understood is told as 0; nothing throws. Reads at most {@link #MOST_HEADER} bytes.
 *
 * <p>Formats: PNG (RFC 2083, 11.2.2), GIF89a, JPEG (ITU T.81, B.2.2), WebP (RFC 9649), WAV (RIFF, {@code fmt } chunk).
 */
final class EncodedFile {
    /** Bytes of a file that are looked at: a JPEG's size may stand behind its preview and its colour profile. */
    static final int MOST_HEADER = 256 << 10;

    /** Characters in which a data URL's own head must end. */
    private static final int MOST_URL_HEAD = 256;

    private final Bytes body;
    private int at;
    private int read;
    private int bits;
    private int bitCount;
    private boolean ended;

    private EncodedFile(Bytes body, int from) {
        this.body = body;
        this.at = from;
    }

    /** Where base64 begins in the string that begins at {@code from}: behind a data URL's head, if it has one. -1: nowhere. */
    static int start(Bytes body, int from) {
        if (!starts(body, from, "data:")) {
            return from;
        }
        int most = Math.min(body.length(), from + MOST_URL_HEAD);
        for (int i = from; i < most && body.at(i) != '"'; i++) {
            if (body.at(i) == ',') {
                return i + 1;
            }
        }
        return -1;
    }

    /** Whether these characters stand there; a slash may be escaped. */
    static boolean starts(Bytes body, int from, String text) {
        int i = from;
        for (int k = 0; k < text.length(); k++, i++) {
            if (i < body.length() && body.at(i) == '\\') {
                i++;
            }
            if (i >= body.length() || body.at(i) != text.charAt(k)) {
                return false;
            }
        }
        return true;
    }

    /** Width and height of a picture in pixels. */
    record Size(int width, int height) {
        static final Size UNKNOWN = new Size(0, 0);
    }

    /** The size of the picture in the string whose first character stands at {@code from}. */
    static Size picture(Bytes body, int from) {
        int start = start(body, from);
        if (start < 0) {
            return Size.UNKNOWN;
        }
        EncodedFile file = new EncodedFile(body, start);
        Size size = file.picture();
        return !file.ended && size.width > 0 && size.height > 0 ? size : Size.UNKNOWN;
    }

    private Size picture() {
        int first = next();
        int second = next();
        return switch ((first << 8) | second) {
            case 0x8950 -> png();
            case 0x4749 -> gif();
            case 0xffd8 -> jpeg();
            case 0x5249 -> webp();
            default -> Size.UNKNOWN;
        };
    }

    private Size png() {
        skip(14); // the rest of the signature, the first chunk's length and name
        return new Size(big(4), big(4));
    }

    private Size gif() {
        skip(4);
        return new Size(little(2), little(2));
    }

    private Size jpeg() {
        while (read < MOST_HEADER) {
            int marker = next();
            if (marker != 0xff) {
                return Size.UNKNOWN;
            }
            while (marker == 0xff) {
                marker = next();
            }
            if (marker < 0xc0 || marker == 0xd9 || marker == 0xda) {
                return Size.UNKNOWN;
            }
            if (marker >= 0xd0 && marker <= 0xd7) {
                continue; // stands alone
            }
            int length = big(2);
            boolean frame = marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
            if (frame) {
                skip(1);
                int height = big(2);
                return new Size(big(2), height);
            }
            skip(length - 2);
        }
        return Size.UNKNOWN;
    }

    private Size webp() {
        skip(10); // "FF", the size, "WEBP"
        int kind = big(4);
        skip(4);
        return switch (kind) {
            case 0x56503820 -> { // "VP8 "
                skip(6); // the frame's tag and its start code
                yield new Size(little(2) & 0x3fff, little(2) & 0x3fff);
            }
            case 0x5650384c -> { // "VP8L"
                skip(1);
                int packed = little(4);
                yield new Size((packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1);
            }
            case 0x56503858 -> { // "VP8X"
                skip(4);
                yield new Size(little(3) + 1, little(3) + 1);
            }
            default -> Size.UNKNOWN;
        };
    }

    /** Bytes for a second of the WAV file in the string whose first character stands at {@code from}; 0 for another file. */
    static int bytesPerSecond(Bytes body, int from) {
        int start = start(body, from);
        if (start < 0) {
            return 0;
        }
        EncodedFile file = new EncodedFile(body, start);
        int bytes = file.wav();
        return file.ended ? 0 : Math.max(0, bytes);
    }

    private int wav() {
        if (big(4) != 0x52494646) { // "RIFF"
            return 0;
        }
        skip(4);
        if (big(4) != 0x57415645) { // "WAVE"
            return 0;
        }
        while (read < MOST_HEADER) {
            int name = big(4);
            int size = little(4);
            if (name == 0x666d7420) { // "fmt "
                skip(8);
                return little(4);
            }
            if (size < 0 || size > MOST_HEADER) {
                return 0;
            }
            skip(size + (size & 1));
        }
        return 0;
    }

    private void skip(int bytes) {
        for (int i = 0; i < bytes && next() >= 0; i++) {}
    }

    private int big(int bytes) {
        int value = 0;
        for (int i = 0; i < bytes; i++) {
            value = (value << 8) | (next() & 0xff);
        }
        return value;
    }

    private int little(int bytes) {
        int value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (next() & 0xff) << (8 * i);
        }
        return value;
    }

    /** The next byte; -1 at the end. */
    private int next() {
        while (bitCount < 8) {
            int digit = at < body.length() && read < MOST_HEADER ? digit(body.at(at)) : -1;
            if (digit == -1) {
                ended = true;
                read = MOST_HEADER;
                return -1;
            }
            at++;
            if (digit >= 0) {
                bits = (bits << 6) | digit;
                bitCount += 6;
            }
        }
        bitCount -= 8;
        read++;
        return (bits >> bitCount) & 0xff;
    }

    /** A digit of base64, -2 for an escape of one, -1 for what is none. */
    private static int digit(byte c) {
        if (c >= 'A' && c <= 'Z') {
            return c - 'A';
        }
        if (c >= 'a' && c <= 'z') {
            return c - 'a' + 26;
        }
        if (c >= '0' && c <= '9') {
            return c - '0' + 52;
        }
        return switch (c) {
            case '+', '-' -> 62;
            case '/', '_' -> 63;
            case '\\' -> -2;
            default -> -1;
        };
    }
}
