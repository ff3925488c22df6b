package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * One line of a batch's input file: a request that the provider will make of itself, with all its rights. Immutable.
 *
 * @param model the model it asks for, as the provider calls it; null where it names none
 * @param references objects that its body names by their ids
 */
public record BatchLine(@Nullable String model, List<Reference> references) {
    /** Scans bodies without checking what is the business of one endpoint alone. */
    private static final Endpoint ANY = new Endpoint(
            "POST",
            "/v1/batches/line",
            Endpoint.Kind.PLAIN,
            Endpoint.Body.JSON,
            Endpoint.ModelIn.OPTIONAL,
            null,
            List.of(),
            null,
            false,
            "A line of a batch");

    public BatchLine {
        references = List.copyOf(references);
    }

    /**
     * Reads a line.
     *
     * @throws Malformed when it is not one JSON object with one {@code body}, an object that {@link RequestScan} takes
     */
    public static BatchLine of(Bytes line) throws Malformed {
        Bytes body = body(line);
        RequestScan scan = RequestScan.of(body, ANY);
        return new BatchLine(scan.model(), scan.references());
    }

    private static Bytes body(Bytes line) throws Malformed {
        if (Utf8.firstWrong(line) >= 0) {
            throw new Malformed("It is not UTF-8.", null, "invalid_json");
        }
        Bytes body = null;
        try (JsonParser parser = RequestScan.parser(line)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new Malformed("A JSON object was expected.", null, "invalid_json");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                boolean wanted = parser.currentName().equals("body");
                JsonToken value = parser.nextToken();
                int from = (int) parser.currentTokenLocation().getByteOffset();
                parser.skipChildren();
                if (!wanted) {
                    continue;
                }
                if (value != JsonToken.START_OBJECT || body != null) {
                    throw new Malformed("'body' was expected once, as an object.", "body", "invalid_type");
                }
                body = line.slice(from, (int) parser.currentLocation().getByteOffset());
            }
            if (parser.nextToken() != null) {
                throw new Malformed("Nothing may follow the object.", null, "invalid_json");
            }
        } catch (JacksonException notJson) {
            throw new Malformed("It is not valid JSON.", null, "invalid_json");
        }
        if (body == null) {
            throw new Malformed("'body' is missing.", "body", "missing_required_parameter");
        }
        return body;
    }
}
