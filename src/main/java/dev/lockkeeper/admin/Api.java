package dev.lockkeeper.admin;

import dev.lockkeeper.access.Actor;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Storable;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/**
 * The admin API without its port: finds the operation that a method and a path mean, checks what it was sent against what
 * it says it takes, and does it. Blocks; any thread that may.
 */
public final class Api {
    /** Where the document stands. */
    static final String DOCUMENT = Operation.ROOT + "openapi.json";

    private static final Logger LOG = LoggerFactory.getLogger(Api.class);

    /** Parameters behind the question mark. */
    private static final int MAX_PARAMETERS = 32;

    private final List<Operation> operations;
    private final ObjectNode document;

    /**
     * @param parts the operations, room by room
     * @throws IllegalArgumentException when two of them can't be told apart
     */
    public Api(Collection<List<Operation>> parts) {
        List<Operation> all = new ArrayList<>();
        all.add(Operation.get(
                DOCUMENT,
                "describe",
                "Describes these operations as OpenAPI 3.1.",
                new Shape.Anything(),
                _ -> Reply.json(200, document())));
        parts.forEach(all::addAll);
        Set<String> seen = new HashSet<>();
        for (Operation each : all) {
            if (!seen.add(each.method() + " " + each.path().replaceAll("\\{[^}]*}", "{}")) || !seen.add(each.id())) {
                throw new IllegalArgumentException(each.method() + " " + each.path() + " stands twice in the table");
            }
        }
        this.operations = List.copyOf(all);
        this.document = ApiDocument.of(operations);
    }

    private ObjectNode document() {
        return document;
    }

    /** All operations, in the order of the document. */
    List<Operation> operations() {
        return operations;
    }

    /**
     * Answers.
     *
     * @param who {@link Actor#NOBODY} is answered what is open to everybody
     * @param path as it was sent, without the question mark and what follows
     * @param query what follows it; null for none
     */
    Reply answer(Actor who, String method, String path, @Nullable String query, Bytes body) {
        String wanted = method.equals("HEAD") ? "GET" : method;
        String[] segments = path.split("/", -1);
        Set<String> methods = new TreeSet<>();
        Operation best = null;
        Map<String, String> ids = Map.of();
        for (Operation each : operations) {
            Map<String, String> found = match(each.path(), segments);
            if (found != null) {
                methods.add(each.method());
                // Of two that fit, the one with fewer names in braces is meant.
                if (each.method().equals(wanted) && (best == null || found.size() < ids.size())) {
                    best = each;
                    ids = found;
                }
            }
        }
        if (best != null && !ids.values().stream().allMatch(Storable::is)) {
            best = null;
            methods.clear();
        }
        if (best == null) {
            if (who.equals(Actor.NOBODY)) {
                return unknown();
            }
            return methods.isEmpty()
                    ? Reply.error(404, "There is nothing at " + path + ". GET " + DOCUMENT + " describes what is here.")
                    : Reply.wrongMethod(path, method, String.join(", ", methods));
        }
        return answer(who, best, ids, query, body);
    }

    private static Reply answer(
            Actor who, Operation operation, Map<String, String> ids, @Nullable String query, Bytes body) {
        if (who.equals(Actor.NOBODY) && !operation.open()) {
            return unknown();
        }
        if (operation.right() != null && !who.may(operation.right())) {
            return Reply.error(
                    403,
                    who.name() + " may not do this: it needs the scope "
                            + operation.right().word() + ". An owner can give a token or a role that has it.");
        }
        Map<String, String> asked = new HashMap<>();
        Reply refused = query == null || query.isEmpty() ? null : parameters(operation, query, asked);
        if (refused != null) {
            return refused;
        }
        ObjectNode read = Json.object();
        if (body.length() > 0) {
            JsonNode json;
            try {
                json = Json.MAPPER.readTree(body.array(), body.offset(), body.length());
            } catch (JacksonException e) {
                return Reply.error(400, "body: is not JSON: " + said(e));
            }
            if (!(json instanceof ObjectNode object)) {
                return Reply.error(400, "body: is not a JSON object" + expected(operation));
            }
            read = object;
        }
        if (operation.body() == null) {
            if (!read.isEmpty()) {
                return Reply.error(400, "body: is not expected (expected: none)");
            }
        } else {
            Shape.Problem problem = operation.body().check("", read);
            if (problem != null) {
                return Reply.error(400, problem.message(), problem.field());
            }
        }
        try {
            return operation.handler().handle(new Inquiry(who, ids, asked, read));
        } catch (IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            return Reply.error(400, message, field(message));
        } catch (RuntimeException e) {
            if (!Database.isTrouble(e)) {
                throw e;
            }
            LOG.warn(
                    "admin: {} {}: the database is away, busy or full: {}",
                    operation.method(),
                    operation.path(),
                    Database.said(e));
            return Reply.error(
                    503,
                    operation.method().equals("GET")
                            ? "The database is away, busy or full. Try again; GET /readyz tells when it answers."
                            : "The database is away, busy or full. Look whether this was done before you try again; GET"
                                    + " /readyz tells when it answers.");
        }
    }

    /** What the parser says, with where it saw it, and without the place that it leaves out. */
    private static String said(JacksonException e) {
        String what = e.getOriginalMessage().replaceFirst(" \\(start marker at .*", "");
        return what
                + (e.getLocation() == null
                        ? ""
                        : " (line " + e.getLocation().getLineNr() + ", column "
                                + e.getLocation().getColumnNr() + ")");
    }

    private static Reply unknown() {
        return Reply.error(
                        401,
                        "This needs an admin token that works: Authorization: Bearer <one made with 'lockkeeper tokens"
                                + " create', or the content of " + AdminToken.FILE + " in the data folder>.")
                .with("www-authenticate", "Bearer");
    }

    /** Messages of rooms begin with the field, too. */
    private static @Nullable String field(String message) {
        int colon = Math.max(message.indexOf(": "), 0);
        String field = message.substring(0, colon);
        return field.matches("[a-z0-9_.\\[\\]]+") ? field : null;
    }

    private static String expected(Operation operation) {
        return operation.body() instanceof Shape.Struct struct
                ? " (expected: an object with "
                        + String.join(", ", struct.members().keySet()) + ")"
                : " (expected: none)";
    }

    private static @Nullable Reply parameters(Operation operation, String query, Map<String, String> asked) {
        String[] parts = query.split("&", MAX_PARAMETERS + 1);
        if (parts.length > MAX_PARAMETERS) {
            return Reply.error(400, "query: more than " + MAX_PARAMETERS + " parameters");
        }
        for (String part : parts) {
            int equals = part.indexOf('=');
            String name = decoded(equals < 0 ? part : part.substring(0, equals));
            String value = decoded(equals < 0 ? "" : part.substring(equals + 1));
            Operation.Parameter parameter = operation.query().stream()
                    .filter(each -> each.name().equals(name))
                    .findFirst()
                    .orElse(null);
            if (parameter == null) {
                String known = String.join(
                        ", ",
                        operation.query().stream()
                                .map(Operation.Parameter::name)
                                .toList());
                return Reply.error(
                        400,
                        name + ": is not a parameter of this (expected: " + (known.isEmpty() ? "none" : known) + ")",
                        name);
            }
            Shape.Problem problem = parameter.shape().check(name, node(parameter.shape(), value));
            if (problem != null) {
                return Reply.error(400, problem.message(), name);
            }
            if (asked.put(name, value) != null) {
                return Reply.error(400, name + ": is given twice (expected: once)", name);
            }
        }
        return null;
    }

    /** A parameter's text as the JSON value that it stands for. */
    private static JsonNode node(Shape shape, String value) {
        if (shape instanceof Shape.Whole && value.matches("-?\\d{1,18}")) {
            return Json.MAPPER.getNodeFactory().numberNode(Long.parseLong(value));
        }
        if (shape instanceof Shape.Flag && (value.equals("true") || value.equals("false"))) {
            return Json.MAPPER.getNodeFactory().booleanNode(value.equals("true"));
        }
        return StringNode.valueOf(value);
    }

    private static @Nullable Map<String, String> match(String template, String[] segments) {
        String[] expected = template.split("/", -1);
        if (expected.length != segments.length) {
            return null;
        }
        Map<String, String> ids = new LinkedHashMap<>();
        for (int i = 0; i < expected.length; i++) {
            if (expected[i].startsWith("{")) {
                if (segments[i].isEmpty()) {
                    return null;
                }
                ids.put(expected[i].substring(1, expected[i].length() - 1), decoded(segments[i].replace("+", "%2B")));
            } else if (!expected[i].equals(segments[i])) {
                return null;
            }
        }
        return ids;
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return text; // a lone percent sign stands for itself
        }
    }
}
