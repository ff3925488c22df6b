package dev.lockkeeper.relay;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import dev.lockkeeper.units.Bytes;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Counts tokens where an upstream told none. Slow by an event loop's measure (100,000 tokens take some 24 ms, the first
 * count loads its tables in 400 ms): called on a worker. What one count costs is bounded, whatever the text: it goes by
 * pieces, and what is beyond {@link #MOST_TOKENS} is reckoned at the rate seen so far.
 */
final class TokenCounter {
    /** Characters per token where nothing was counted. */
    static final int CHARACTERS_PER_TOKEN = 4;

    /** The most tokens that are counted one by one: more than 256 KiB of English have; the slowest texts take 0.3 s for them. */
    static final int MOST_TOKENS = 1 << 16;

    /**
     * Characters that are counted at once. The encoder's time for a run without a break grows faster than the run: 256 Ki
     * letters at once took it 2.6 s.
     */
    static final int PIECE = 1024;

    /** Strings of a request at least this long are images or files in base64, not text, if they have base64's characters only. */
    private static final int LONG_STRING = 2048;

    private static final JsonFactory JSON = JsonFactory.builder().build();

    private @Nullable Encoding encoding;

    /**
     * Tokens of a text in the encoding of OpenAI's current models.
     *
     * @param hurried asked before each piece; where it says yes, the rest is reckoned
     */
    long count(CharSequence counted, BooleanSupplier hurried) {
        String text = counted.toString();
        int length = text.length();
        long tokens = 0;
        int from = 0;
        while (from < length && tokens < MOST_TOKENS && !hurried.getAsBoolean()) {
            int to = end(text, from);
            tokens += encoding().countTokensOrdinary(text.substring(from, to));
            from = to;
        }
        if (from == length) {
            return tokens;
        }
        return from == 0 ? reckoned(length) : Math.round((double) tokens * length / from);
    }

    /** Tokens of so many characters, or bytes, of which nothing else is known. */
    static long reckoned(long length) {
        return length / CHARACTERS_PER_TOKEN;
    }

    /** Where the piece that begins at {@code from} ends: before white space, as tokens do, where there is some in its second half. */
    private static int end(String text, int from) {
        int most = from + PIECE;
        if (most >= text.length()) {
            return text.length();
        }
        for (int at = most; at > from + PIECE / 2; at--) {
            if (Character.isWhitespace(text.charAt(at)) && !Character.isWhitespace(text.charAt(at - 1))) {
                return at;
            }
        }
        return Character.isLowSurrogate(text.charAt(most)) ? most - 1 : most;
    }

    /**
     * Tokens of the texts in a request's body: every string value but encoded files.
     *
     * @param hurried as for {@link #count}
     */
    long countPrompt(Bytes body, BooleanSupplier hurried) {
        StringBuilder text = new StringBuilder();
        try (JsonParser parser =
                JSON.createParser(ObjectReadContext.empty(), body.array(), body.offset(), body.length())) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.VALUE_STRING) {
                    String value = parser.getString();
                    if (value.length() < LONG_STRING || isText(value)) {
                        text.append(value).append('\n');
                    }
                }
            }
        } catch (JacksonException cut) {
            // The body was read whole and well before the call was made; what was gathered so far is still an estimate.
            return count(text, hurried);
        }
        return count(text, hurried);
    }

    /** Whether a string has what neither base64 nor the head of a {@code data:} URL has: white space, or another script's letters. */
    private static boolean isText(String value) {
        return value.chars().anyMatch(c -> c <= ' ' || c > '~');
    }

    private synchronized Encoding encoding() {
        Encoding known = encoding;
        if (known == null) {
            known = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);
            encoding = known;
        }
        return known;
    }
}
