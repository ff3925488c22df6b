package dev.lockkeeper.dialect.openai;

/** Makes the taps that read answers. Any thread. */
public final class Taps {
    private Taps() {}

    /**
     * A tap for a streamed answer.
     *
     * @param scan of the request, or {@link RequestScan#none}
     */
    public static StreamTap stream(Endpoint endpoint, RequestScan scan) {
        return switch (endpoint.kind()) {
            case CHAT, COMPLETIONS -> new ChatTap(scan.choices(), Boolean.TRUE.equals(scan.includeUsage()));
            case RESPONSES -> new ResponsesTap();
            case IMAGES -> new EventTap(endpoint.kind(), scan.choices());
            case SPEECH, TRANSCRIPTION -> new EventTap(endpoint.kind(), 1);
            case EMBEDDINGS, MODELS, PLAIN -> new EventTap(endpoint.kind(), 0);
        };
    }

    /** A tap for an answer in one piece. */
    public static UnaryTap unary(Endpoint endpoint) {
        return new UnaryTap(endpoint);
    }
}
