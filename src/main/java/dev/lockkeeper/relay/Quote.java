package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.units.Usage;
import org.jspecify.annotations.Nullable;

/**
 * What an attempt may cost, reckoned before anything is sent.
 *
 * <p>The only hard bound on what an upstream bills is the output limit that it was sent. Where an answer can't be watched
 * (it comes in one piece, reasons in secret, has several choices, calls tools at the provider), its whole limit is wanted;
 * where visible text streams, a slice is enough, and {@link Meter} asks for the next one while it comes.
 *
 * @param input tokens of the prompt
 * @param output tokens of all choices together, at most
 * @param choices how many answers share {@code output}
 * @param guessed whether nothing but {@link #USUAL_LIMIT} bounds {@code output}, which no upstream knows of
 * @param watched whether the answer's cost is seen while it comes
 * @param least nano-dollars without which nothing is begun
 * @param wanted nano-dollars that are held where there are so many
 * @param likely nano-dollars of a usual answer, for those who ask before
 * @param worst nano-dollars of the longest answer
 */
record Quote(
        long input,
        long output,
        int choices,
        boolean guessed,
        boolean watched,
        long least,
        long wanted,
        long likely,
        long worst) {
    private static final Usage NO_USAGE = new Usage.Builder().build();

    /** Nothing is to be set aside. */
    static final Quote NOTHING = new Quote(0, 0, 1, false, false, 0, 0, 0, 0);

    /** Tokens of an answer of which neither the request nor the catalogue tells a bound. */
    static final long USUAL_LIMIT = 16_384;

    /** Tokens of the largest picture of OpenAI's image models at high quality are 6,240; a streamed one's previews add 100 each. */
    static final long IMAGE = 8_192;

    /** Tokens of a stream's answer that are held at first, and again each time they are nearly used. */
    static final int SLICE = 2_048;

    /** An answer of so many tokens is worth beginning. */
    private static final int WORTH_BEGINNING = 256;

    /** Tokens of a usual answer. */
    static final int USUAL_ANSWER = 500;

    /**
     * Reckons.
     *
     * @param input tokens of the prompt
     * @param known tokens of an answer that the model can make, 0 when unknown
     * @param secret whether the model reasons in secret at the effort asked for
     * @param pieces what is billed by the picture, the character or the minute; null: nothing is
     */
    static Quote of(
            Endpoint endpoint,
            RequestScan scan,
            long input,
            long known,
            boolean secret,
            @Nullable Usage pieces,
            Price price) {
        int choices = scan.choices();
        long limit = limit(endpoint, scan, known);
        long output = Math.multiplyExact(limit, (long) choices);
        // One in the background goes on when nobody watches it any more.
        boolean watched = scan.stream()
                && !scan.background()
                && choices == 1
                && !secret
                && scan.hostedTools().isEmpty()
                && limitable(endpoint);
        String tier = scan.serviceTier() == null ? "" : scan.serviceTier();
        long first = watched ? Math.min(output, SLICE) : output;
        // What can't be told an output limit is begun when all of it can be paid, or not at all.
        long begun = limitable(endpoint) ? Math.min(output, (long) WORTH_BEGINNING * choices) : output;
        long besides = pieces == null ? 0 : price.cost(pieces) - price.cost(NO_USAGE);
        return new Quote(
                input,
                output,
                choices,
                boundless(endpoint, scan, known),
                watched,
                Math.addExact(price.worst(input, begun, tier), besides),
                Math.addExact(price.worst(input, first, tier), besides),
                Math.addExact(price.likely(input, Math.min(output, (long) USUAL_ANSWER * choices), tier), besides),
                Math.addExact(price.worst(input, output, tier), besides));
    }

    /** Tokens of one answer at most; where nothing bounds it, a guess. */
    static long limit(Endpoint endpoint, RequestScan scan, long known) {
        return switch (endpoint.kind()) {
            case CHAT, RESPONSES -> bounded(scan.outputLimit(), known);
            case COMPLETIONS -> scan.outputLimit() < 0 ? COMPLETION : bounded(scan.outputLimit(), known);
            case IMAGES -> IMAGE;
            case TRANSCRIPTION -> known > 0 ? known : USUAL_LIMIT;
            case SPEECH, EMBEDDINGS, MODELS, PLAIN -> 0;
        };
    }

    /** Whether nothing but a guess bounds an answer: neither the request nor the catalogue does. */
    static boolean boundless(Endpoint endpoint, RequestScan scan, long known) {
        return limitable(endpoint)
                && known == 0
                && scan.outputLimit() < 0
                && endpoint.kind() != Endpoint.Kind.COMPLETIONS;
    }

    /** OpenAI's own limit of a legacy completion that names none. */
    private static final long COMPLETION = 16;

    /** Whether an upstream can be told how long an answer may be. */
    private static boolean limitable(Endpoint endpoint) {
        return switch (endpoint.kind()) {
            case CHAT, RESPONSES, COMPLETIONS -> true;
            case IMAGES, SPEECH, TRANSCRIPTION, EMBEDDINGS, MODELS, PLAIN -> false;
        };
    }

    private static long bounded(long asked, long known) {
        long most = known > 0 ? known : asked >= 0 ? Usage.MOST : USUAL_LIMIT;
        return asked < 0 ? most : Math.min(asked, most);
    }
}
