package dev.lockkeeper.upstream;

import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.http.ClientSettings;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A provider as the operator wrote it.
 *
 * @param name unique, {@code [a-z0-9][a-z0-9-]*}
 * @param baseUrl scheme, host, port and the path below which the API stands, such as {@code https://api.openai.com/v1}
 * @param auth how calls are signed
 * @param keys what signs them, each name once; none with {@link Auth#NONE}
 * @param headers extra header fields sent with each call
 * @param query extra query parameters sent with each call
 * @param connection how its server is reached
 * @param timeouts how long its answers may take
 * @param regions where its data stays: labels that the operator chose; none: not known
 * @param prefill whether it goes on with an assistant's message that is begun, and how it is asked to
 */
public record ProviderSettings(
        String name,
        URI baseUrl,
        Auth auth,
        List<Key> keys,
        Map<String, String> headers,
        Map<String, String> query,
        ClientSettings connection,
        Timeouts timeouts,
        List<String> regions,
        Prefill prefill) {

    public ProviderSettings {
        keys = List.copyOf(keys);
        regions = List.copyOf(regions);
        headers = Map.copyOf(headers);
        query = Map.copyOf(query);
    }

    /**
     * A provider with one key, of no known region, that takes no message that is begun.
     *
     * @param credential the key; empty with {@link Auth#NONE}
     */
    public ProviderSettings(
            String name,
            URI baseUrl,
            Auth auth,
            String credential,
            Map<String, String> headers,
            Map<String, String> query,
            ClientSettings connection,
            Timeouts timeouts) {
        this(
                name,
                baseUrl,
                auth,
                credential.isEmpty() ? List.of() : List.of(new Key("", credential, 1)),
                headers,
                query,
                connection,
                timeouts,
                List.of(),
                Prefill.NONE);
    }

    /** The secret of the first key: what signs all that is no call of a client. Empty where there is none. */
    public String credential() {
        return keys.isEmpty() ? "" : keys.getFirst().secret();
    }

    /** The secret of the key of that name, or of the first one where there is none of it. */
    public String credential(String key) {
        for (Key each : keys) {
            if (each.name().equals(key)) {
                return each.secret();
            }
        }
        return credential();
    }

    /** The same provider at another address. */
    public ProviderSettings at(URI address) {
        ClientSettings there = connection.to(address.getHost(), address.getPort(), "https".equals(address.getScheme()));
        return new ProviderSettings(name, address, auth, keys, headers, query, there, timeouts, regions, prefill);
    }

    /** The name and address only: the rest may hold secrets. */
    @Override
    public String toString() {
        return "ProviderSettings[" + name + ", " + baseUrl + "]";
    }

    /**
     * A key of the account, or of several that count as one provider.
     *
     * @param name unique in its provider; empty where it is the only one and has no name
     * @param secret what signs
     * @param weight how often it is chosen, compared with the others; 0: only where no other is left
     */
    public record Key(String name, String secret, int weight) {
        /** Without the secret. */
        @Override
        public String toString() {
            return "Key[" + name + ", weight " + weight + "]";
        }
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
     * @param firstToken without a sign of life before a stream's first token, for such a call: past it another candidate is
     *     asked, where there is one; thinking and the flex tier multiply it, too
     * @param idle between two pieces of an answer
     * @param total from the start of an attempt to its last byte
     */
    public record Timeouts(Duration firstByte, Duration firstToken, Duration idle, Duration total) {
        /** 60 s, 10 s, 60 s and 10 min. */
        public static final Timeouts DEFAULT = new Timeouts(
                Duration.ofSeconds(60), Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofMinutes(10));

        /** With the usual time to the first token. */
        public Timeouts(Duration firstByte, Duration idle, Duration total) {
            this(firstByte, DEFAULT.firstToken, idle, total);
        }
    }
}
