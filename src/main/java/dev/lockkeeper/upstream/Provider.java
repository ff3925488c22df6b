package dev.lockkeeper.upstream;

import dev.lockkeeper.http.Headers;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** An account at an upstream: where its API stands and how a call to it is signed. */
public final class Provider {
    /** The name of the provider that lives in the process itself. */
    public static final String SIMULATOR = "simulator";

    /**
     * Fields of a client's request that stay here: those of the connection and of caches, those that say who is calling (the client's
     * key, its address, its browser's origin), and those that choose an account at the upstream, which is the
     * gateway's to choose.
     */
    private static final Set<String> KEPT_FROM_UPSTREAM = Set.of(
            "host",
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "proxy-authenticate",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "http2-settings",
            "expect",
            "idempotency-key", // several projects share an account: their keys must not meet there
            "last-event-id", // of a stream of this gateway
            "if-none-match",
            "if-modified-since",
            "content-length",
            "accept-encoding",
            "authorization",
            "x-api-key",
            "api-key",
            "cookie",
            "origin",
            "referer",
            "forwarded",
            "via",
            "x-real-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-original-forwarded-for",
            "x-originating-ip",
            "x-remote-ip",
            "x-remote-addr",
            "x-azure-clientip",
            "x-azure-socketip",
            "true-client-ip",
            "fastly-client-ip",
            "fly-client-ip",
            "cf-connecting-ip",
            "cf-connecting-ipv6",
            "cf-pseudo-ipv4",
            "cf-ipcountry",
            "cf-ray",
            "cf-visitor",
            "cdn-loop",
            "openai-organization",
            "openai-project");

    /** Fields of an upstream's answer that stay here: those of the connection, of its edge, and of its account. */
    private static final Set<String> KEPT_FROM_CLIENT = Set.of(
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "www-authenticate",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "content-length",
            "date",
            "server",
            "via",
            "set-cookie",
            "alt-svc",
            "strict-transport-security",
            "x-request-id",
            "openai-organization",
            "openai-project");

    private final ProviderSettings settings;
    private final String basePath;
    private final String extraQuery;

    public Provider(ProviderSettings settings) {
        this.settings = settings;
        String path = settings.baseUrl().getRawPath();
        this.basePath = path == null ? "" : path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
        this.extraQuery = settings.query().entrySet().stream()
                .map(each -> encode(each.getKey()) + "=" + encode(each.getValue()))
                .sorted()
                .collect(Collectors.joining("&"));
    }

    /** Whether it is the simulated one, which costs nothing. */
    public boolean isSimulator() {
        return name().equals(SIMULATOR);
    }

    /** The provider's name. */
    public String name() {
        return settings.name();
    }

    /** What the operator wrote. */
    public ProviderSettings settings() {
        return settings;
    }

    /**
     * The path and query of a call at this provider.
     *
     * @param path the client's path, which starts with {@code /v1}, percent-encoded
     * @param client the client's query, or null; a parameter that the operator has set is left out
     */
    public String target(String path, @Nullable String client) {
        String below = basePath + path.substring("/v1".length());
        String query = client == null || extraQuery.isEmpty() ? client : withoutOurs(client);
        if (query == null || query.isEmpty()) {
            return extraQuery.isEmpty() ? below : below + "?" + extraQuery;
        }
        return extraQuery.isEmpty() ? below + "?" + query : below + "?" + query + "&" + extraQuery;
    }

    private String withoutOurs(String query) {
        return Arrays.stream(query.split("&", -1))
                .filter(pair -> !settings.query().containsKey(decode(pair.split("=", 2)[0])))
                .collect(Collectors.joining("&"));
    }

    /** The fields to send upstream for a client's request: what is the client's to say, and the first key's signature. */
    public Headers request(Headers client) {
        return request(client, "");
    }

    /**
     * The same with another key's signature.
     *
     * @param key its name; empty: the only one, or the first
     */
    public Headers request(Headers client, String key) {
        Headers headers = Headers.empty();
        Set<String> hop = ofTheConnection(client);
        client.forEach((name, value) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            if (!KEPT_FROM_UPSTREAM.contains(lower)
                    && !hop.contains(lower)
                    && !lower.startsWith(":")
                    && !lower.startsWith("x-lockkeeper-")
                    && !lower.startsWith("x-forwarded-")
                    && !lower.startsWith("x-envoy-")
                    && !lower.startsWith("sec-")) {
                headers.add(lower, value);
            }
        });
        return sign(headers, key);
    }

    /** Adds the first key's signature and this provider's extra fields. */
    public Headers sign(Headers headers) {
        return sign(headers, "");
    }

    /**
     * The same with another key's signature.
     *
     * @param key its name; empty: the only one, or the first
     */
    public Headers sign(Headers headers, String key) {
        headers.set("accept-encoding", "identity");
        switch (settings.auth()) {
            case BEARER -> headers.set("authorization", "Bearer " + settings.credential(key));
            case API_KEY -> headers.set("api-key", settings.credential(key));
            case NONE -> {}
        }
        settings.headers().forEach(headers::set);
        return headers;
    }

    /** The fields of an upstream's answer that a client may see. */
    public Headers answer(Headers upstream) {
        Headers headers = Headers.empty();
        Set<String> hop = ofTheConnection(upstream);
        upstream.forEach((name, value) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            if (!KEPT_FROM_CLIENT.contains(lower)
                    && !hop.contains(lower)
                    && !lower.startsWith(":")
                    && !lower.startsWith("cf-")
                    && !lower.startsWith("access-control-")
                    && !lower.startsWith("x-lockkeeper-")) {
                headers.add(lower, value);
            }
        });
        return headers;
    }

    /** The fields that a message names as its connection's own (RFC 9110, section 7.6.1). */
    private static Set<String> ofTheConnection(Headers headers) {
        List<String> named = headers.all("connection");
        if (named.isEmpty()) {
            return Set.of();
        }
        Set<String> fields = new HashSet<>();
        for (String each : named) {
            for (String field : each.split(",", -1)) {
                fields.add(field.strip().toLowerCase(Locale.ROOT));
            }
        }
        fields.remove("content-type"); // says what the body is: nobody's to take away
        return fields;
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notEncoded) {
            return text;
        }
    }
}
