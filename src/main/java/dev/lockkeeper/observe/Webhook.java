package dev.lockkeeper.observe;

import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.Clients;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.FaultException;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.ledger.Alert;
import dev.lockkeeper.units.Bytes;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Sends alerts, signed as <a href="https://www.standardwebhooks.com">Standard Webhooks</a> has it: {@code webhook-id},
 * {@code webhook-timestamp} in seconds since 1970, and {@code webhook-signature}, which is {@code v1,} and the HMAC-SHA256 of
 * {@code id.timestamp.body} in base 64. The receiver is reached as providers are: at no private address unless it may be, and
 * through a proxy where one stands between. Blocks; one thread.
 */
final class Webhook implements AutoCloseable {
    /** How secrets begin whose rest is base 64, in that standard; others are taken as they are written. */
    private static final String ENCODED = "whsec_";

    private static final Duration KEEP_ALIVE = Duration.ofSeconds(10);

    private final String target;
    private final byte[] secret;
    private final Duration patience;
    private final Clients clients;
    private final Loop loop;

    /**
     * @param url where to
     * @param patience how long a receiver may take to answer
     */
    Webhook(URI url, AlertSettings settings, Duration patience, Loops loops) {
        this.secret = key(settings.secret());
        this.patience = patience;
        String path = url.getRawPath() == null || url.getRawPath().isEmpty() ? "/" : url.getRawPath();
        this.target = url.getRawQuery() == null ? path : path + "?" + url.getRawQuery();
        boolean tls = "https".equalsIgnoreCase(url.getScheme());
        this.loop = loops.all().getFirst();
        this.clients = loops.connect(new ClientSettings(
                        "alerts.webhook",
                        url.getHost().replaceAll("[\\[\\]]", ""),
                        url.getPort() >= 0 ? url.getPort() : tls ? 443 : 80,
                        tls,
                        ClientSettings.Version.HTTP_1_1,
                        patience,
                        KEEP_ALIVE,
                        1,
                        patience,
                        1,
                        settings.privateAddresses())
                .through(settings.proxy(), null));
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
        String body = body(alert);
        long timestamp = nowMillis / 1000;
        Headers fields = Headers.empty()
                .set("content-type", "application/json")
                .set("user-agent", "lockkeeper")
                .set("webhook-id", alert.id())
                .set("webhook-timestamp", Long.toString(timestamp))
                .set("webhook-signature", "v1," + signature(alert.id() + "." + timestamp + "." + body));
        Sending sending = new Sending(Bytes.utf8(body));
        loop.run(() -> sending.begin(clients.on(loop), target, fields));
        try {
            int status = sending.answered.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            return status / 100 == 2 ? null : "the receiver answered " + status + " (expected: 200 to 299)";
        } catch (TimeoutException e) {
            return "the receiver did not answer within " + patience.toMillis() + " ms";
        } catch (ExecutionException e) {
            return why(e.getCause());
        } finally {
            loop.run(sending::cancel);
        }
    }

    private static String why(@Nullable Throwable cause) {
        if (!(cause instanceof FaultException failed)) {
            return "it could not be sent: " + cause;
        }
        Fault fault = failed.fault();
        return fault.kind() == Fault.Kind.PRIVATE_ADDRESS
                ? fault.detail() + " (expected: a public one, or alerts.webhook.private-addresses: true)"
                : "the receiver could not be reached or did not answer: " + fault.kind() + ", " + fault.detail();
    }

    /** A request under way. On its loop only, but for what is final. */
    private static final class Sending implements Client.Listener {
        final CompletableFuture<Integer> answered = new CompletableFuture<>();
        private final Bytes body;
        private Client.@Nullable Outgoing outgoing;

        Sending(Bytes body) {
            this.body = body;
        }

        void begin(Client client, String target, Headers fields) {
            try {
                outgoing = client.send("POST", target, fields, body.length(), this);
            } catch (RuntimeException | Error bug) {
                answered.completeExceptionally(bug);
            }
        }

        /** What follows the head does not matter, and might never end. */
        void cancel() {
            Client.Outgoing still = outgoing;
            outgoing = null;
            if (still != null) {
                still.cancel();
            }
        }

        @Override
        public void ready() {
            if (outgoing != null) {
                outgoing.write(body);
                outgoing.end();
            }
        }

        @Override
        public void head(int status, Headers headers) {
            answered.complete(status);
        }

        @Override
        public void piece(Bytes piece) {}

        @Override
        public void end() {
            outgoing = null;
        }

        @Override
        public void fault(Fault fault) {
            outgoing = null;
            answered.completeExceptionally(new FaultException(fault));
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
        clients.close();
    }
}
