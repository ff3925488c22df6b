package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.repeats.KeptAnswers;
import dev.lockkeeper.repeats.Name;
import dev.lockkeeper.units.Bytes;
import java.security.MessageDigest;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Calls that bring an {@code Idempotency-Key}: the first goes its usual way, through {@link Relay#carry}, and is recorded;
 * who comes with the same key and the same request is told the same answer, from its first byte on, while it runs and
 * afterwards. Stands between the door and the relay, which knows nothing of it. Calls are handed in on their exchange's
 * loop.
 *
 * <p>A key belongs to the API key it came with: an answer is told to nobody but who asked for it.
 */
public final class KeyedCalls implements Watcher {
    /** The field that holds a call's key. */
    static final String FIELD = "idempotency-key";

    private final KeptAnswers kept;

    /** Calls under way, or whose end is being written: as many as calls in flight. */
    private final ConcurrentHashMap<Place, KeyedCall> calls = new ConcurrentHashMap<>();

    /** Those of them whose report is to come, by the id of their first client's request. */
    private final ConcurrentHashMap<String, RecordedExchange> recorded = new ConcurrentHashMap<>();

    public KeyedCalls(KeptAnswers kept) {
        this.kept = kept;
    }

    /** Whose key it is, and which. */
    record Place(String keyId, Name name) {}

    /** Whether a request is a call with a key. One that only asks what the call would cost is not: it uses no key up. */
    public static boolean isOne(Exchange exchange) {
        return exchange.headers().get(FIELD) != null
                && exchange.method().equals("POST")
                && !DryRun.asked(exchange.headers());
    }

    /**
     * Carries a call with a key. Its exchange is answered and its end is told to the relay's watcher, whatever happens.
     * What came before for the same key decides whether an upstream is asked.
     */
    public void carry(Relay relay, Exchange exchange, Caller caller, Endpoint endpoint, List<String> pathIds) {
        new KeyedClient(this, relay, exchange, caller, endpoint, pathIds).begin();
    }

    /** Hears how each call ended, on the call's loop. */
    @Override
    public void ended(CallReport report) {
        if (!recorded.isEmpty()) {
            RecordedExchange exchange = recorded.remove(report.requestId());
            if (exchange != null) {
                exchange.reported(report);
            }
        }
    }

    KeptAnswers kept() {
        return kept;
    }

    /** The call of a place; {@code made} where there was none. */
    KeyedCall call(Place place, KeyedCall made) {
        @Nullable KeyedCall before = calls.putIfAbsent(place, made);
        return before == null ? made : before;
    }

    void remove(Place place, KeyedCall call) {
        calls.remove(place, call);
    }

    void recording(RecordedExchange exchange) {
        recorded.put(exchange.id(), exchange);
    }

    /** Digest of all that makes two requests the same: method, path, query and body. */
    static Bytes digest(Exchange exchange, Bytes body) {
        MessageDigest sha256 = Name.sha256();
        String query = exchange.query();
        // None of these can hold a line break.
        String head = exchange.method() + "\n" + exchange.path() + "\n" + (query == null ? "" : "?" + query) + "\n";
        sha256.update(Bytes.utf8(head).toArray());
        sha256.update(body.array(), body.offset(), body.length());
        return Bytes.of(sha256.digest());
    }
}
