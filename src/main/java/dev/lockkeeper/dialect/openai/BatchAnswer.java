package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * One line of a batch's output or error file: how one of its requests was answered. Immutable.
 *
 * @param id what the line is called: the provider's id, else the client's; empty where it has none
 * @param status the answer's status; 0 where there was no answer
 * @param model the model that answered, as the provider calls it; null where it is not said
 * @param usage what it used; null where it is not said
 */
public record BatchAnswer(
        String id,
        int status,
        @Nullable String model,
        @Nullable Usage usage) {
    /**
     * Reads a line.
     *
     * @param endpoint what the batch's requests ask for
     * @return null when it is no JSON object
     */
    public static @Nullable BatchAnswer of(Bytes line, Endpoint endpoint) {
        String id = "";
        String customId = "";
        int status = 0;
        Bytes body = null;
        try (JsonParser parser = RequestScan.parser(line)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (value == JsonToken.VALUE_STRING && name.equals("id")) {
                    id = parser.getString();
                } else if (value == JsonToken.VALUE_STRING && name.equals("custom_id")) {
                    customId = parser.getString();
                } else if (value == JsonToken.START_OBJECT && name.equals("response")) {
                    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                        String member = parser.currentName();
                        JsonToken inner = parser.nextToken();
                        int from = (int) parser.currentTokenLocation().getByteOffset();
                        if (inner == JsonToken.VALUE_NUMBER_INT && member.equals("status_code")) {
                            status = parser.getIntValue();
                        }
                        parser.skipChildren();
                        if (inner == JsonToken.START_OBJECT && member.equals("body")) {
                            body = line.slice(
                                    from, (int) parser.currentLocation().getByteOffset());
                        }
                    }
                } else {
                    parser.skipChildren();
                }
            }
        } catch (JacksonException notJson) {
            return null;
        }
        UnaryTap tap = Taps.unary(endpoint);
        if (body != null) {
            tap.piece(body);
            tap.end();
        }
        return new BatchAnswer(id.isEmpty() ? customId : id, status, tap.model(), tap.usage());
    }
}
