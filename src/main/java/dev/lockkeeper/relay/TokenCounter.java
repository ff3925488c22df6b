package dev.lockkeeper.relay;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Counts tokens where an upstream told none. Slow by an event loop's measure (100,000 tokens take some 24 ms, the first
 * count loads its tables in 400 ms): called on a worker.
 */
final class TokenCounter {
    /** Strings of a request longer than this are images or files in base64, not text, unless they hold white space. */
    private static final int LONG_STRING = 2048;

    private static final JsonFactory JSON = JsonFactory.builder().build();

    private @Nullable Encoding encoding;

    /** Tokens of a text in the encoding of OpenAI's current models. */
    long count(CharSequence text) {
        return text.isEmpty() ? 0 : encoding().countTokensOrdinary(text.toString());
    }

    /** Tokens of the texts in a request's body: every string value but encoded files. */
    long countPrompt(Bytes body) {
        StringBuilder text = new StringBuilder();
        try (JsonParser parser =
                JSON.createParser(ObjectReadContext.empty(), body.array(), body.offset(), body.length())) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.VALUE_STRING) {
                    String value = parser.getString();
                    if (value.length() < LONG_STRING || value.indexOf(' ') >= 0) {
                        text.append(value).append('\n');
                    }
                }
            }
        } catch (JacksonException cut) {
            // The body was read whole and well before the call was made; what was gathered so far is still an estimate.
            return count(text);
        }
        return count(text);
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
