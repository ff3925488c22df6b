package dev.lockkeeper.settings;

import dev.lockkeeper.http.ClientSettings;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads which proxy stands before a provider: what its section {@code proxy} says, else what the environment says, as
 * the clients do that speak to providers without a gateway.
 */
final class Proxies {
    private static final String NONE = "none";
    private static final String EXPECTED =
            "the URL of an HTTP proxy, such as http://proxy.example.com:3128 or https://proxy.example.com:3129, or none";

    private static final Type<String> URL =
            new Type<>("URL or none", EXPECTED, text -> text.isBlank() ? null : text, text -> text, _ -> null, false);

    private static final Type<String> USERNAME =
            Type.text("text", "a name without colon and control characters, at most 255 long", "[^:\\p{Cntrl}]{1,255}");

    private final Reading reading;
    private final Map<String, String> environment;
    private final PemFiles pems;

    Proxies(Reading reading, Map<String, String> environment, PemFiles pems) {
        this.reading = reading;
        this.environment = environment;
        this.pems = pems;
    }

    /**
     * The proxy before one server; null for none.
     *
     * @param host name or address, without brackets
     */
    ClientSettings.@Nullable Proxy read(Section provider, boolean tls, String host, int port) {
        Section section = provider.section("proxy");
        Setting<Optional<String>> url = section.optional("url", URL, "what the environment says");
        Setting<Optional<String>> username = section.optional("username", USERNAME, "none");
        Setting<Optional<String>> password = section.optional("password", Type.QUERY_VALUE, "none");
        Setting<List<Setting<NoProxy>>> except = section.list("no-proxy", NoProxy.TYPE, "[]", piece -> piece);
        Setting<Optional<Path>> ca = section.optional("ca", pems.path(), "what the JDK trusts");
        section.end();

        String written = url.value().orElse(NONE);
        if (written.equals(NONE)) {
            if (url.usable()) {
                for (Setting<?> lone : List.of(username, password, except, ca)) {
                    if (lone.written() && !lone.value().equals(List.of())) {
                        reading.mistake(lone, "proxy.url beside it, the URL of a proxy");
                    }
                }
            }
            return url.written() ? null : fromEnvironment(provider.key(), tls, host, port);
        }
        URI proxy = uri(written);
        if (proxy == null || proxy.getRawUserInfo() != null) {
            reading.mistake(
                    url.place(),
                    url.key(),
                    // As it was written: what a variable stands for may be a secret.
                    written.contains("@") ? Shown.MASK : url.shown(),
                    proxy == null
                            ? EXPECTED
                            : "a URL without a user; write proxy.username and proxy.password beside it",
                    null);
            return null;
        }
        boolean overTls = Providers.isTls(proxy);
        if (password.written() && !username.written()) {
            reading.mistake(password, "proxy.username beside it");
        }
        if (ca.written() && !overTls) {
            reading.mistake(ca, "no certificates, since proxy.url is http");
        }
        String authorities = pems.authorities(ca);
        if (except.value().stream().anyMatch(each -> each.value().covers(host, port))) {
            return null;
        }
        return new ClientSettings.Proxy(
                Providers.host(proxy),
                Providers.port(proxy),
                overTls,
                username.value()
                        .map(name -> basic(name, password.value().orElse("")))
                        .orElse(""),
                authorities);
    }

    private ClientSettings.@Nullable Proxy fromEnvironment(String key, boolean tls, String host, int port) {
        String name = tls ? "https_proxy" : "http_proxy";
        String variable = variable(name);
        if (variable == null
                || host.isEmpty()
                || HostNames.isThisMachine(host)
                || exempt(
                        environment.getOrDefault(Objects.requireNonNullElse(variable("no_proxy"), ""), ""),
                        host,
                        port)) {
            return null;
        }
        String text = environment.getOrDefault(variable, "").strip();
        URI proxy = uri(text.contains("://") ? text : "http://" + text);
        String user = proxy == null || proxy.getRawUserInfo() == null ? "" : decoded(proxy.getRawUserInfo());
        if (proxy == null || user.matches(".*\\p{Cntrl}.*")) {
            reading.mistake(Place.outside(variable), key + ".proxy.url", shown(text), EXPECTED, null);
            return null;
        }
        boolean overTls = Providers.isTls(proxy);
        int colon = user.indexOf(':');
        ClientSettings.Proxy found = new ClientSettings.Proxy(
                Providers.host(proxy),
                Providers.port(proxy),
                overTls,
                user.isEmpty()
                        ? ""
                        : basic(
                                colon < 0 ? user : user.substring(0, colon),
                                colon < 0 ? "" : user.substring(colon + 1)),
                "");
        reading.note(key + " is reached through the proxy " + found + ", because " + variable
                + " is set; write proxy: {url: none} to connect directly.");
        return found;
    }

    /** The variable of this name, in small letters or capitals, that is set; null if none is. */
    private @Nullable String variable(String name) {
        return List.of(name, name.toUpperCase(Locale.ROOT)).stream()
                .filter(each -> !environment.getOrDefault(each, "").isBlank())
                .findFirst()
                .orElse(null);
    }

    /** As elsewhere, what can't be understood in that variable is passed over. */
    private static boolean exempt(String list, String host, int port) {
        return Arrays.stream(list.split("[,\\s]+"))
                .map(NoProxy::parse)
                .anyMatch(each -> each != null && each.covers(host, port));
    }

    /** A text as the URL of a proxy; null if it is none. */
    private static @Nullable URI uri(String text) {
        try {
            URI uri = new URI(text.replaceFirst("/+$", ""));
            String scheme = uri.getScheme();
            boolean http = scheme != null && (scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"));
            boolean bare = "".equals(uri.getRawPath()) && uri.getRawQuery() == null && uri.getRawFragment() == null;
            return http && bare && uri.getHost() != null && uri.getPort() != 0 && uri.getPort() <= 65_535 ? uri : null;
        } catch (URISyntaxException e) {
            return null;
        }
    }

    private static String decoded(String userInfo) {
        try {
            // A plus means itself here.
            return URLDecoder.decode(userInfo.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return userInfo;
        }
    }

    /** Whatever stands before an at sign may be a password, however the rest is mangled. */
    private static String shown(String text) {
        return text.contains("@") ? Shown.MASK : Shown.value(text);
    }

    private static String basic(String name, String password) {
        return "Basic " + Base64.getEncoder().encodeToString((name + ":" + password).getBytes(StandardCharsets.UTF_8));
    }
}
