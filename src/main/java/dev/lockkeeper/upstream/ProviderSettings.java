package dev.lockkeeper.upstream;

import dev.lockkeeper.http.ClientSettings;
import java.net.URI;
import java.time.Duration;
import java.util.Map;

/**
 * A provider as the operator wrote it.
 *
 * @param name unique, {@code [a-z0-9][a-z0-9-]*}
 * @param baseUrl scheme, host, port and the path below which the API stands, such as {@code https://api.openai.com/v1}
 * @param auth how calls are signed
 * @param credential the secret that signs them; empty with {@link Auth#NONE}
 * @param headers extra header fields sent with each call
 * @param query extra query parameters sent with each call
 * @param connection how its server is reached
 * @param timeouts how long its answers may take
 */
public record ProviderSettings(
        String name,
        URI baseUrl,
        Auth auth,
        String credential,
        Map<String, String> headers,
        Map<String, String> query,
        ClientSettings connection,
        Timeouts timeouts) {

    public ProviderSettings {
        headers = Map.copyOf(headers);
        query = Map.copyOf(query);
    }

    /** The same provider at another address. */
    public ProviderSettings at(URI address) {
        ClientSettings there = connection.to(address.getHost(), address.getPort(), "https".equals(address.getScheme()));
        return new ProviderSettings(name, address, auth, credential, headers, query, there, timeouts);
    }

    /** The name and address only: the rest may hold secrets. */
    @Override
    public String toString() {
        return "ProviderSettings[" + name + ", " + baseUrl + "]";
    }

    /** How a call shows who pays for it. */
    public enum Auth {
        /** {@code Authorization: Bearer <credential>}. */
        BEARER,
        /** {@code api-key: <credential>}, as Azure OpenAI takes it. */
        API_KEY,
        /** Nothing (a server of one's own); extra headers may still sign. */
        NONE
    }

    /**
     * How long an answer may take.
     *
     * @param firstByte from the request's last byte to the answer's head, for a call without reasoning on the default tier;
     *     more effort and the flex tier multiply it
     * @param idle between two pieces of an answer
     * @param total from the start of an attempt to its last byte
     */
    public record Timeouts(Duration firstByte, Duration idle, Duration total) {
        /** 60 s, 60 s and 10 min. */
        public static final Timeouts DEFAULT =
                new Timeouts(Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofMinutes(10));
    }
}
