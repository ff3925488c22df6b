package dev.lockkeeper.admin;

import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The admin API as an OpenAPI 3.1 document. */
final class ApiDocument {
    private static final Pattern NAME = Pattern.compile("\\{([^}]*)}");

    private static final Shape ERROR = Shape.struct("Error")
            .with(
                    "error",
                    Shape.struct("")
                            .with("message", Shape.text(), "What is wrong: field, value, expectation.")
                            .with("type", Shape.text(), "The kind of mistake.")
                            .with("param", new Shape.OrNull(Shape.text()), "The field that is meant.")
                            .with("code", new Shape.OrNull(Shape.text()), "The mistake's name for programs."),
                    "What went wrong.")
            .optional("mistakes", Shape.listOf(Shape.text()), "All mistakes of a configuration, with line and column.");

    private ApiDocument() {}

    static ObjectNode of(List<Operation> operations) {
        ObjectNode document = Json.object().put("openapi", "3.1.0");
        document.putObject("info")
                .put("title", "Lockkeeper, admin API")
                .put("version", "1")
                .put("description", "What an operator sees and changes. Amounts are exact; times are RFC 3339, UTC.");
        document.putArray("servers").addObject().put("url", "/");
        document.putArray("security").addObject().putArray("token");
        ArrayNode tags = document.putArray("tags");
        operations.stream()
                .map(ApiDocument::tag)
                .distinct()
                .forEach(tag -> tags.addObject().put("name", tag).put("description", "Everything below /" + tag + "."));
        ObjectNode paths = document.putObject("paths");
        ObjectNode components = document.putObject("components");
        components
                .putObject("securitySchemes")
                .putObject("token")
                .put("type", "http")
                .put("scheme", "bearer")
                .put(
                        "description",
                        "An admin token, or the content of the file " + AdminToken.FILE + " in the data folder.");
        ObjectNode named = components.putObject("schemas");
        for (Operation each : operations) {
            ObjectNode path =
                    paths.has(each.path()) ? (ObjectNode) paths.get(each.path()) : paths.putObject(each.path());
            describe(each, path.putObject(each.method().toLowerCase(Locale.ROOT)), named);
        }
        return document;
    }

    /** The first word behind the root. */
    private static String tag(Operation operation) {
        return operation.path().substring(Operation.ROOT.length()).split("[/.]")[0];
    }

    private static void describe(Operation operation, ObjectNode json, ObjectNode named) {
        json.put("operationId", operation.id()).put("summary", operation.summary());
        json.putArray("tags").add(tag(operation));
        if (operation.right() != null) {
            json.put("description", "Needs the scope " + operation.right().word() + ".");
            json.put("x-scope", operation.right().word());
        }
        if (operation.open()) {
            json.putArray("security"); // none
        }
        ArrayNode parameters = json.putArray("parameters");
        Matcher names = NAME.matcher(operation.path());
        while (names.find()) {
            parameters
                    .addObject()
                    .put("name", names.group(1))
                    .put("in", "path")
                    .put("required", true)
                    .set("schema", Shape.text().schema(named));
        }
        operation
                .query()
                .forEach(each -> parameters
                        .addObject()
                        .put("name", each.name())
                        .put("in", "query")
                        .put("required", false)
                        .put("description", each.description())
                        .set("schema", each.shape().schema(named)));
        if (operation.body() != null) {
            json.putObject("requestBody")
                    .put("required", true)
                    .putObject("content")
                    .putObject("application/json")
                    .set("schema", operation.body().schema(named));
        }
        ObjectNode responses = json.putObject("responses");
        response(responses, operation.status(), "Done.", operation.answer(), named);
        TreeSet<Integer> refusals = new TreeSet<>(operation.refusals());
        refusals.addAll(List.of(400, 401, 403, 503));
        if (operation.path().contains("{")) {
            refusals.add(404);
        }
        refusals.forEach(status -> response(responses, status, meaning(status), ERROR, named));
    }

    private static void response(ObjectNode responses, int status, String meaning, Shape shape, ObjectNode named) {
        responses
                .putObject(Integer.toString(status))
                .put("description", meaning)
                .putObject("content")
                .putObject(shape instanceof Shape.Document(String mediaType) ? mediaType : "application/json")
                .set("schema", shape.schema(named));
    }

    private static String meaning(int status) {
        return switch (status) {
            case 400 -> "A field has a value that can't be; the message says which, and what is expected.";
            case 401 -> "No token that is known was sent.";
            case 403 -> "The token may not do this, or the Host is not allowed.";
            case 404 -> "There is no such thing.";
            case 409 -> "It can't be done as things are; the message says what to do first.";
            case 422 -> "What was written has mistakes; all of them are listed.";
            case 500 -> "The server could not do it.";
            case 503 -> "The database is away, busy or full, or the server has as much work as it may take on.";
            default -> "Refused.";
        };
    }
}
