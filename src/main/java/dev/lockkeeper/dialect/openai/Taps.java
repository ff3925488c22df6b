package dev.lockkeeper.dialect.openai;

/** Makes the taps that read answers. Any thread. */
public final class Taps {
    private Taps() {}

    /** A tap for a streamed answer. */
    public static StreamTap stream(Endpoint endpoint, RequestScan scan) {
        return new ChatTap(scan.choices(), Boolean.TRUE.equals(scan.includeUsage()));
    }

    /** A tap for an answer in one piece. */
    public static UnaryTap unary(Endpoint endpoint) {
        return new UnaryTap(endpoint);
    }
}
