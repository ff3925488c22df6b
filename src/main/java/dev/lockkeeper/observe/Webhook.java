package dev.lockkeeper.observe;

import dev.lockkeeper.http.Addresses;
import dev.lockkeeper.ledger.Alert;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Sends alerts, signed as <a href="https://www.standardwebhooks.com">Standard Webhooks</a> has it: {@code webhook-id},
 * {@code webhook-timestamp} in seconds since 1970, and {@code webhook-signature}, which is {@code v1,} and the HMAC-SHA256 of
 * {@code id.timestamp.body} in base 64. Blocks; one thread.
 */
final class Webhook implements AutoCloseable {
    /** How secrets begin whose rest is base 64, in that standard; others are taken as they are written. */
    private static final String ENCODED = "whsec_";

    private final URI url;
    private final byte[] secret;
    private final boolean privateAddresses;
    private final Duration patience;
    private final HttpClient client;

    /** @param patience how long a receiver may take to answer */
    Webhook(URI url, String secret, boolean privateAddresses, Duration patience) {
        this.url = url;
        this.secret = key(secret);
        this.privateAddresses = privateAddresses;
        this.patience = patience;
        this.client = HttpClient.newBuilder()
                .connectTimeout(patience)
                .followRedirects(HttpClient.Redirect.NEVER)
                .version(HttpClient.Version.HTTP_1_1)
                .build();
    }

    private static byte[] key(String secret) {
        if (secret.startsWith(ENCODED)) {
            try {
                return Base64.getDecoder().decode(secret.substring(ENCODED.length()));
            } catch (IllegalArgumentException e) {
                // Not base 64: it only begins so.
            }
        }
        return secret.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Sends an alert once.
     *
     * @return null when the receiver has taken it; else why not
     */
    @Nullable String send(Alert alert, long nowMillis) throws InterruptedException {
        try {
            String refused = refused();
            if (refused != null) {
                return refused;
            }
            String body = body(alert);
            long timestamp = nowMillis / 1000;
            HttpRequest request = HttpRequest.newBuilder(url)
                    .timeout(patience)
                    .header("content-type", "application/json")
                    .header("user-agent", "lockkeeper")
                    .header("webhook-id", alert.id())
                    .header("webhook-timestamp", Long.toString(timestamp))
                    .header("webhook-signature", "v1," + signature(alert.id() + "." + timestamp + "." + body))
                    .POST(BodyPublishers.ofString(body))
                    .build();
            HttpResponse<java.io.InputStream> answer = client.send(request, BodyHandlers.ofInputStream());
            // Its body does not matter, and might never end.
            answer.body().close();
            return answer.statusCode() / 100 == 2
                    ? null
                    : "the receiver answered " + answer.statusCode() + " (expected: 200 to 299)";
        } catch (IOException e) {
            return "the receiver could not be reached or did not answer: " + e;
        }
    }

    private @Nullable String refused() {
        if (privateAddresses) {
            return null;
        }
        try {
            for (InetAddress each : InetAddress.getAllByName(url.getHost())) {
                if (Addresses.isPrivate(each)) {
                    return url.getHost() + " is the private address " + each.getHostAddress()
                            + " (expected: a public one, or alerts.webhook.private-addresses: true)";
                }
            }
            return null;
        } catch (UnknownHostException e) {
            return "the name " + url.getHost() + " is not known";
        }
    }

    private static String body(Alert alert) {
        ObjectNode told = alert.json();
        ObjectNode json = JsonMapper.shared()
                .createObjectNode()
                .put("type", "budget." + alert.kind().text())
                .put("timestamp", told.path("at").asString());
        json.set("data", told);
        return json.toString();
    }

    private String signature(String signed) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return Base64.getEncoder().encodeToString(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has HmacSHA256", e);
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
