package dev.lockkeeper.admin;

import dev.lockkeeper.access.Right;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One operation of the admin API: where it stands, who may use it, what it takes and answers, and what does it. Both the
 * routing and the OpenAPI document are made of these.
 *
 * @param method {@code GET}, {@code POST}, {@code PATCH}, {@code PUT} or {@code DELETE}
 * @param path with {@code {names}} in braces, such as {@code /admin/v1/keys/{id}}
 * @param id its name in the document, unique
 * @param summary one sentence
 * @param right what is needed for it; null: nothing but a token
 * @param open whether it needs no token either
 * @param query the parameters that it takes; others are refused
 * @param body what it takes; null: nothing
 * @param status of the answer when it did what was asked
 * @param answer the answer's body
 * @param refusals further statuses that it may answer, besides those of every operation
 * @param handler what does it
 */
public record Operation(
        String method,
        String path,
        String id,
        String summary,
        @Nullable Right right,
        boolean open,
        List<Parameter> query,
        @Nullable Shape body,
        int status,
        Shape answer,
        List<Integer> refusals,
        Handler handler) {
    /** What every path begins with. */
    static final String ROOT = "/admin/v1/";

    public Operation {
        query = List.copyOf(query);
        refusals = List.copyOf(refusals);
        if (!path.startsWith(ROOT)) {
            throw new IllegalArgumentException("path " + path + " (expected: to begin with " + ROOT + ")");
        }
    }

    /** Does an operation, on a thread that may block. */
    @FunctionalInterface
    interface Handler {
        /** @throws IllegalArgumentException when a value can't be: 400, the message is shown */
        Reply handle(Inquiry inquiry);
    }

    /** A parameter behind the question mark. */
    record Parameter(String name, Shape shape, String description) {}

    static Operation get(String path, String id, String summary, Shape answer, Handler handler) {
        return new Operation("GET", path, id, summary, null, false, List.of(), null, 200, answer, List.of(), handler);
    }

    static Operation post(String path, String id, String summary, @Nullable Shape body, Shape answer, Handler handler) {
        return new Operation("POST", path, id, summary, null, false, List.of(), body, 200, answer, List.of(), handler);
    }

    static Operation patch(String path, String id, String summary, Shape body, Shape answer, Handler handler) {
        return new Operation("PATCH", path, id, summary, null, false, List.of(), body, 200, answer, List.of(), handler);
    }

    static Operation delete(String path, String id, String summary, Shape answer, Handler handler) {
        return new Operation(
                "DELETE", path, id, summary, null, false, List.of(), null, 200, answer, List.of(), handler);
    }

    /** The same with a right that it needs. */
    Operation needs(Right needed) {
        return new Operation(method, path, id, summary, needed, open, query, body, status, answer, refusals, handler);
    }

    /** The same for everybody, token or not. */
    Operation forEverybody() {
        return new Operation(method, path, id, summary, right, true, query, body, status, answer, refusals, handler);
    }

    /** The same, answering with status 201. */
    Operation creates() {
        return new Operation(method, path, id, summary, right, open, query, body, 201, answer, refusals, handler);
    }

    /** The same with one more parameter. */
    Operation takes(String name, Shape shape, String description) {
        List<Parameter> more = new ArrayList<>(query);
        more.add(new Parameter(name, shape, description));
        return new Operation(method, path, id, summary, right, open, more, body, status, answer, refusals, handler);
    }

    /** The same with further statuses. */
    Operation refuses(Integer... statuses) {
        return new Operation(
                method, path, id, summary, right, open, query, body, status, answer, List.of(statuses), handler);
    }
}
