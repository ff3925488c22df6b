package dev.lockkeeper.settings;

import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.observe.AlertSettings;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads where alerts are sent: the section {@code alerts}. */
final class AlertTargets {
    /** Characters that a secret should have. */
    private static final int LONG_SECRET = 32;

    private static final Type<URI> URL = new Type<>(
            "URL",
            "an http or https URL, such as https://hooks.example.com/lockkeeper",
            AlertTargets::url,
            URI::toString,
            _ -> null,
            false);

    private final Reading reading;
    private final Proxies proxies;

    /**
     * @param environment variables by name: a proxy may stand there
     * @param folder where relative paths start
     */
    AlertTargets(Reading reading, Map<String, String> environment, Path folder) {
        this.reading = reading;
        this.proxies = new Proxies(reading, environment, new PemFiles(reading, folder));
    }

    AlertSettings read(Section section) {
        Section webhook = section.section("webhook");
        Setting<Optional<URI>> url = webhook.optional("url", URL, "none");
        Setting<Optional<String>> secret = webhook.optional("secret", Type.SECRET, "required with a url");
        Setting<Boolean> privateAddresses = webhook.value("private-addresses", Type.BOOL, false);
        URI to = url.value().orElse(null);
        ClientSettings.Proxy proxy = proxies.read(
                webhook,
                to != null && Providers.isTls(to),
                to == null ? "" : Providers.host(to),
                to == null ? 0 : Providers.port(to));
        webhook.end();
        section.end();
        if (to == null) {
            if (!url.written() && secret.written()) {
                reading.mistake(secret, "alerts.webhook.url beside it: without it nothing is sent");
            }
            return AlertSettings.LOG_ONLY;
        }
        if (!secret.written()) {
            reading.mistake(
                    webhook.place(),
                    webhook.key() + ".secret",
                    null,
                    "missing; write secret: ${SOME_VARIABLE}, by which the receiver knows who sends",
                    null);
        } else if (secret.usable() && secret.value().orElse("").length() < LONG_SECRET) {
            reading.note("alerts.webhook.secret is shorter than " + LONG_SECRET + " characters: by one that can be"
                    + " guessed anybody can send in our name. openssl rand -hex 32 makes a good one.");
        }
        String host = Providers.host(to);
        if (privateAddresses.usable() && !privateAddresses.value() && HostNames.isPrivate(host)) {
            reading.mistake(
                    url, "a public address, or private-addresses: true beside it, since " + host + " is private");
        }
        return new AlertSettings(to, secret.value().orElse(""), privateAddresses.value(), proxy);
    }

    private static @Nullable URI url(String text) {
        try {
            URI uri = new URI(text);
            boolean fits = uri.getHost() != null
                    && uri.getRawUserInfo() == null
                    && uri.getRawFragment() == null
                    && ("http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme()));
            return fits ? uri : null;
        } catch (URISyntaxException e) {
            return null;
        }
    }
}
