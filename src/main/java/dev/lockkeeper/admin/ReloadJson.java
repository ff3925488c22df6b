package dev.lockkeeper.admin;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A {@link Reloaded} as JSON, both ways. */
final class ReloadJson {
    /** Status where the configuration has mistakes. */
    static final int MISTAKEN = 422;

    private ReloadJson() {}

    static Reply of(Reloaded reloaded) {
        return switch (reloaded) {
            case Reloaded.Followed(List<String> changes, List<String> restart, List<String> notes) -> {
                ObjectNode json = Json.object()
                        .put("object", "reload")
                        .put("result", changes.isEmpty() ? "unchanged" : "changed");
                changes.forEach(json.putArray("changes")::add);
                restart.forEach(json.putArray("needs_restart")::add);
                notes.forEach(json.putArray("notes")::add);
                yield Reply.json(200, json);
            }
            case Reloaded.Refused(List<String> mistakes) -> {
                ObjectNode json = Json.object();
                json.putObject("error")
                        .put(
                                "message",
                                "The configuration can't be used; what was in effect before still is. "
                                        + String.join(" ", mistakes))
                        .put("type", "invalid_request_error")
                        .putNull("param")
                        .put("code", "invalid_configuration");
                mistakes.forEach(json.putArray("mistakes")::add);
                yield Reply.json(MISTAKEN, json);
            }
            case Reloaded.Failed(String why) -> Reply.error(500, why);
        };
    }

    static Reloaded read(int status, JsonNode json) {
        return switch (status) {
            case 200 ->
                new Reloaded.Followed(
                        texts(json.path("changes")), texts(json.path("needs_restart")), texts(json.path("notes")));
            case MISTAKEN -> new Reloaded.Refused(texts(json.path("mistakes")));
            case 404 -> new Reloaded.Failed("The server is of an older version, which can't read it again.");
            default -> new Reloaded.Failed(json.path("error").path("message").asString());
        };
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(each -> texts.add(each.asString()));
        return texts;
    }
}
