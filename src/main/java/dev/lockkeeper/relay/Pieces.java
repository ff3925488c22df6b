package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.units.Usage;
import org.jspecify.annotations.Nullable;

/**
 * What a call uses that can be reckoned from its request alone, because it is billed by the picture, the character or the
 * minute, or because its answer tells no usage: speech is bytes, subtitles are text. Pure functions.
 */
final class Pieces {
    /**
     * Bytes of a millisecond of a recording that doesn't say: MP3 at 64 kbit/s. What a client sends uncompressed is reckoned
     * too long by this, never too short.
     */
    private static final int BYTES_PER_MILLISECOND = 8;

    /** OpenAI takes recordings of 25 MiB at most. */
    private static final long MOST_RECORDING = 25L << 20;

    /** OpenAI's transcribing models count ten tokens for a second of audio. */
    private static final int MILLISECONDS_PER_TOKEN = 100;

    /**
     * Audio tokens of a spoken character, in tenths: OpenAI tells $12 a million tokens as $0.015 a minute, so 1,250 tokens
     * are a minute, in which some 800 characters are spoken.
     */
    private static final int TENTHS_OF_TOKENS_PER_CHARACTER = 16;

    private Pieces() {}

    /**
     * What is used beside tokens of text, for those who reckon before a call; null: nothing is.
     *
     * @param bodyBytes of the request's body; -1 when unknown
     */
    static @Nullable Usage beside(Endpoint endpoint, RequestScan asked, long bodyBytes) {
        return switch (endpoint.kind()) {
            case IMAGES, SPEECH, TRANSCRIPTION -> of(endpoint, asked, bodyBytes).build();
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, MODELS, PLAIN -> null;
        };
    }

    /**
     * What is used beside tokens of text.
     *
     * @param bodyBytes of the request's body; -1 when unknown
     */
    static Usage.Builder of(Endpoint endpoint, RequestScan asked, long bodyBytes) {
        Usage.Builder used = new Usage.Builder().estimated(true);
        return switch (endpoint.kind()) {
            case IMAGES -> used.images(asked.choices());
            case SPEECH ->
                used.characters(asked.textBytes()).audioOutput(asked.textBytes() * TENTHS_OF_TOKENS_PER_CHARACTER / 10);
            case TRANSCRIPTION -> {
                long bytes = bodyBytes < 0 ? MOST_RECORDING : Math.min(bodyBytes, MOST_RECORDING);
                long millis = bytes / BYTES_PER_MILLISECOND;
                yield used.audioMillis(millis).audioInput(millis / MILLISECONDS_PER_TOKEN);
            }
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, MODELS, PLAIN -> used;
        };
    }
}
