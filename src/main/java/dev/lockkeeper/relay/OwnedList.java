package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.Client.Fetched;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.FaultException;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.http.QueryString;
import dev.lockkeeper.objects.ObjectRegistry.Owned;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Provider;
import java.io.ByteArrayOutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A list of a project's own objects. The upstream's list holds every project's, so it is never asked for: the registry tells
 * which objects are this project's, in the order of their making, and each is fetched by its id. Pages are full and their
 * cursors are right however many strangers' objects stand between.
 *
 * <p>Straight code on a virtual thread.
 */
final class OwnedList {
    private static final int DEFAULT_LIMIT = 20;
    private static final int MAX_LIMIT = 100;

    /** Objects fetched at once. */
    private static final int AT_ONCE = 8;

    /** Pages of the registry looked through for objects that pass a filter. */
    private static final int MAX_PAGES = 20;

    private static final int MAX_OBJECT = 1 << 20;

    /** Longer than a clock on the wall that is put right may jump: an object must not be old at once. */
    private static final long YOUNG_MILLIS = 3 * 3_600_000L;

    private static final long FETCH_MILLIS = 30_000;
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final Logger LOG = LoggerFactory.getLogger(OwnedList.class);

    private final Relay relay;
    private final Rules rules;
    private final Exchange exchange;
    private final Caller caller;
    private final Endpoint endpoint;
    private final ObjectKind kind;
    private Loop.@Nullable Subscription ticking;
    private boolean gone;
    private boolean written;

    /** Written by the virtual thread before it hands over to the loop. */
    private long waitedNanos;

    OwnedList(Relay relay, Exchange exchange, Caller caller, Endpoint endpoint) {
        this.relay = relay;
        this.exchange = exchange;
        this.caller = caller;
        this.endpoint = endpoint;
        ObjectKind lists = endpoint.lists();
        if (lists == null) {
            throw new IllegalArgumentException(endpoint.path() + " lists nothing");
        }
        this.kind = lists;
        this.rules = relay.began();
    }

    void answer() {
        exchange.onGone(() -> gone = true);
        ticking = exchange.loop().everyTick(_ -> {
            if (relay.cuttingShort()) {
                write(new Page.Refused(new Refusal.Stopping(true)));
            }
        });
        boolean taken = relay.workers().await(() -> {
            Page page = pageOrFailure();
            exchange.loop().run(() -> write(page));
        });
        if (!taken) {
            write(new Page.Refused(new Refusal.Busy(Overload.WORKERS, "lists")));
        }
    }

    private sealed interface Page {
        record Listed(Bytes body) implements Page {}

        record Refused(Refusal why) implements Page {}
    }

    private void write(Page page) {
        if (written) {
            return;
        }
        written = true;
        if (ticking != null) {
            ticking.close();
        }
        try {
            tell(page);
        } finally {
            relay.ended(rules);
        }
    }

    private void tell(Page page) {
        if (gone || exchange.over()) {
            relay.answered(
                    exchange, caller, endpoint.path(), CallReport.CLIENT_GONE, Outcome.ABANDONED, "", 0, waitedNanos);
            return;
        }
        switch (page) {
            case Page.Listed(Bytes body) -> {
                exchange.answer(200, Headers.empty().set("content-type", "application/json"), body);
                relay.answered(exchange, caller, endpoint.path(), 200, Outcome.SERVED, "", body.length(), waitedNanos);
            }
            case Page.Refused(Refusal why) -> refuse(why);
        }
    }

    private void refuse(Refusal why) {
        relay.refuse(exchange, caller, endpoint.path(), why);
    }

    private Page pageOrFailure() {
        try {
            return page();
        } catch (RuntimeException | Error bug) {
            LOG.error("a list of {} could not be made", endpoint.path(), bug);
            return new Page.Refused(new Refusal.Internal());
        }
    }

    private Page page() {
        Map<String, String> query = QueryString.lastValues(exchange.query());
        int limit = DEFAULT_LIMIT;
        String asked = query.remove("limit");
        if (asked != null) {
            try {
                limit = Math.min(MAX_LIMIT, Integer.parseInt(asked));
            } catch (NumberFormatException notANumber) {
                limit = 0;
            }
            if (limit < 1) {
                return bad("limit", "Invalid 'limit': '" + asked + "'. Expected a number from 1 to " + MAX_LIMIT + ".");
            }
        }
        String order = query.getOrDefault("order", kind == ObjectKind.CHAT_COMPLETION ? "asc" : "desc");
        query.remove("order");
        if (!order.equals("desc") && !order.equals("asc")) {
            return bad("order", "Invalid 'order': '" + order + "'. Expected 'asc' or 'desc'.");
        }
        String after = query.remove("after");
        for (String filter : query.keySet()) {
            if (!filters(filter)) {
                return bad(
                        filter,
                        "Unknown query parameter: '" + filter + "'. Expected after, limit, order"
                                + (kind == ObjectKind.FILE ? ", purpose" : "")
                                + (kind == ObjectKind.CHAT_COMPLETION ? ", model, metadata[key]" : "") + ".");
            }
        }
        try {
            return listed(limit, order.equals("desc"), after, query);
        } catch (Failed failed) {
            return new Page.Refused(failed.why);
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
            return new Page.Refused(new Refusal.Busy(Overload.WORKERS, "shutting down"));
        }
    }

    private boolean filters(String name) {
        return switch (kind) {
            case FILE -> name.equals("purpose");
            case CHAT_COMPLETION -> name.equals("model") || name.startsWith("metadata[");
            case UPLOAD,
                    BATCH,
                    RESPONSE,
                    CONVERSATION,
                    VECTOR_STORE,
                    CONTAINER,
                    OUTPUT_ITEM,
                    AUDIO,
                    UPLOAD_PART,
                    VECTOR_STORE_FILE,
                    VECTOR_STORE_FILE_BATCH,
                    ITEM,
                    MODEL -> false;
        };
    }

    private static Page bad(String param, String message) {
        return new Page.Refused(new Refusal.BadBody(message, param, "invalid_value"));
    }

    private Page listed(int limit, boolean newestFirst, @Nullable String after, Map<String, String> filters)
            throws Failed, InterruptedException {
        String provider = exchange.headers().get("x-lockkeeper-provider");
        List<Found> found = new ArrayList<>();
        String cursor = after;
        boolean more = true;
        for (int pages = 0; more && found.size() <= limit && pages < MAX_PAGES; pages++) {
            List<Owned> owned = wait(
                    relay.objects().page(kind.name(), caller.projectId(), provider, cursor, MAX_LIMIT, newestFirst));
            more = owned.size() == MAX_LIMIT;
            for (int from = 0; from < owned.size() && found.size() <= limit; from += AT_ONCE) {
                fetch(owned.subList(from, Math.min(owned.size(), from + AT_ONCE)), filters, found);
            }
            if (!owned.isEmpty()) {
                cursor = owned.getLast().id();
            }
        }
        if (found.isEmpty() && more) {
            // An empty page would be the end for every client, and it isn't.
            throw new Failed(new Refusal.BadBody(
                    "The filter passes none of the " + MAX_PAGES * MAX_LIMIT
                            + " objects that were looked at. Go on with" + " 'after' = '" + cursor
                            + "', or filter by something else.",
                    filters.keySet().stream().findFirst().orElse(null),
                    "invalid_value"));
        }
        boolean hasMore = found.size() > limit || more;
        List<Found> page = found.size() > limit ? found.subList(0, limit) : found;
        return new Page.Listed(body(page, hasMore && !page.isEmpty()));
    }

    private record Found(String id, Bytes json) {}

    /**
     * Forgets an object that its provider does not know any more. Who owns an object can't be learnt twice: so not one
     * that is young (a provider may take a while before what it made can be read), and not on the word of a proxy's page.
     */
    private void forget(Owned owned, Bytes said) {
        if (Errors.isEnvelope(said) && relay.clock().millis() - owned.createdMillis() > YOUNG_MILLIS) {
            relay.objects().gone(owned.id(), owned.kind(), owned.project(), owned.provider());
        }
    }

    private void fetch(List<Owned> some, Map<String, String> filters, List<Found> found)
            throws Failed, InterruptedException {
        List<CompletionStage<Fetched>> asked = new ArrayList<>();
        for (Owned each : some) {
            Provider provider = rules.providers().get(each.provider());
            asked.add(
                    provider == null
                            ? CompletableFuture.failedFuture(new IllegalStateException("no such provider any more"))
                            : ask(provider, each.id()));
        }
        for (int i = 0; i < some.size(); i++) {
            Owned owned = some.get(i);
            if (!rules.providers().containsKey(owned.provider())) {
                continue;
            }
            Fetched answer = wait(asked.get(i), owned.provider());
            if (answer.status() == 404) {
                forget(owned, answer.body());
            } else if (answer.status() == 401 || answer.status() == 403) {
                throw new Failed(new Refusal.BadCredentials(owned.provider(), answer.status()));
            } else if (answer.status() != 200) {
                throw new Failed(
                        new Refusal.Unusable(owned.provider(), answer.status(), "an object that can't be read"));
            } else {
                JsonNode object = parsed(answer.body());
                if (object == null) {
                    throw new Failed(new Refusal.Unusable(owned.provider(), 200, "an object that is not JSON"));
                }
                register(owned, object);
                if (passes(owned, object, filters)) {
                    found.add(new Found(owned.id(), answer.body()));
                }
            }
        }
    }

    private CompletionStage<Fetched> ask(Provider provider, String id) {
        Client client = relay.clients().on(exchange.loop(), provider);
        String path = endpoint.path() + "/" + URLEncoder.encode(id, StandardCharsets.UTF_8);
        Headers headers = Headers.empty();
        String beta = exchange.headers().get("openai-beta");
        if (beta != null) {
            headers.set("openai-beta", beta);
        }
        return client.fetch(
                "GET", provider.target(path, null), provider.sign(headers), Bytes.EMPTY, MAX_OBJECT, FETCH_MILLIS);
    }

    /** An answer that is a JSON object; null where it is something else. */
    static @Nullable JsonNode parsed(Bytes json) {
        try {
            JsonNode node = JSON.readTree(json.array(), json.offset(), json.length());
            return node.isObject() ? node : null;
        } catch (JacksonException notJson) {
            return null;
        }
    }

    /** Registers a batch's result files: a client may learn of them here first. */
    private void register(Owned batch, JsonNode object) throws Failed, InterruptedException {
        if (kind != ObjectKind.BATCH) {
            return;
        }
        for (String member : List.of("output_file_id", "error_file_id")) {
            String file = object.path(member).asString("");
            if (!file.isEmpty()) {
                wait(relay.objects()
                        .made(new Owned(
                                file,
                                ObjectKind.FILE.name(),
                                batch.project(),
                                batch.provider(),
                                null,
                                relay.clock().millis()))
                        .thenApply(_ -> List.of()));
            }
        }
    }

    private static boolean passes(Owned owned, JsonNode object, Map<String, String> filters) {
        return filters.entrySet().stream().allMatch(filter -> {
            String name = filter.getKey();
            if (name.equals("model") && filter.getValue().equals(owned.model())) {
                return true; // as this gateway calls it; the provider's own name passes below
            }
            JsonNode value = name.startsWith("metadata[") && name.endsWith("]")
                    ? object.path("metadata").path(name.substring("metadata[".length(), name.length() - 1))
                    : object.path(name);
            return value.isString() && value.stringValue().equals(filter.getValue());
        });
    }

    private static Bytes body(List<Found> page, boolean hasMore) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("{\"object\":\"list\",\"data\":[".getBytes(StandardCharsets.UTF_8));
        for (int i = 0; i < page.size(); i++) {
            if (i > 0) {
                out.write(',');
            }
            Bytes json = page.get(i).json();
            out.write(json.array(), json.offset(), json.length());
        }
        String first = page.isEmpty()
                ? "null"
                : JSON.writeValueAsString(page.getFirst().id());
        String last =
                page.isEmpty() ? "null" : JSON.writeValueAsString(page.getLast().id());
        out.writeBytes(("],\"first_id\":" + first + ",\"last_id\":" + last + ",\"has_more\":" + hasMore + "}")
                .getBytes(StandardCharsets.UTF_8));
        return Bytes.of(out.toByteArray());
    }

    private List<Owned> wait(CompletionStage<List<Owned>> page) throws Failed, InterruptedException {
        long since = System.nanoTime();
        try {
            return page.toCompletableFuture().get(FETCH_MILLIS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException failed) {
            throw new Failed(Ownership.unknown(failed));
        } finally {
            waitedNanos += System.nanoTime() - since;
        }
    }

    private Fetched wait(CompletionStage<Fetched> asked, String provider) throws Failed, InterruptedException {
        long since = System.nanoTime();
        try {
            return asked.toCompletableFuture().get(FETCH_MILLIS * 2, TimeUnit.MILLISECONDS);
        } catch (ExecutionException failed) {
            Throwable cause =
                    failed.getCause() instanceof CompletionException wrapped ? wrapped.getCause() : failed.getCause();
            if (cause instanceof FaultException fault) {
                throw new Failed(new Refusal.Unreached(provider, fault.fault()));
            }
            throw new IllegalStateException(cause);
        } catch (TimeoutException late) {
            throw new Failed(new Refusal.Late(provider, "list", FETCH_MILLIS));
        } finally {
            waitedNanos += System.nanoTime() - since;
        }
    }

    /** Ends the making of a list with a refusal. */
    private static final class Failed extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient Refusal why;

        Failed(Refusal why) {
            super(null, null, false, false);
            this.why = why;
        }
    }
}
