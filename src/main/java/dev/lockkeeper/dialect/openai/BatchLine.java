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
 * @param endpoint what it asks for; null where that is none that takes a JSON body, or is not said once
 * @param request what its body says to that endpoint; null where there is none, or it says what none can
 */
public record BatchLine(
        @Nullable String model,
        List<Reference> references,
        @Nullable Endpoint endpoint,
        @Nullable RequestScan request) {
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
        Parts parts = parts(line);
        RequestScan scan = RequestScan.of(parts.body, ANY);
        Endpoint endpoint = endpoint(parts.url);
        return new BatchLine(
                scan.model(), scan.references(), endpoint, endpoint == null ? null : request(parts.body, endpoint));
    }

    private static @Nullable Endpoint endpoint(@Nullable String url) {
        return url != null
                        && Endpoints.match("POST", url) instanceof Endpoints.Match.Found(Endpoint found, var _)
                        && (found.body() == Endpoint.Body.JSON || found.body() == Endpoint.Body.EITHER)
                ? found
                : null;
    }

    private static @Nullable RequestScan request(Bytes body, Endpoint endpoint) {
        try {
            return RequestScan.of(body, endpoint);
        } catch (Malformed wrong) {
            return null; // The provider will say so in the batch's errors.
        }
    }

    /** @param url null where it is not said, or more than once */
    private record Parts(Bytes body, @Nullable String url) {}

    private static Parts parts(Bytes line) throws Malformed {
        if (Utf8.firstWrong(line) >= 0) {
            throw new Malformed("It is not UTF-8.", null, "invalid_json");
        }
        Bytes body = null;
        String url = null;
        int urls = 0;
        try (JsonParser parser = RequestScan.parser(line)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new Malformed("A JSON object was expected.", null, "invalid_json");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                boolean wanted = name.equals("body");
                JsonToken value = parser.nextToken();
                if (name.equals("url")) {
                    urls++;
                    url = value == JsonToken.VALUE_STRING ? parser.getString() : null;
                }
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
        return new Parts(body, urls == 1 ? url : null);
    }
}
