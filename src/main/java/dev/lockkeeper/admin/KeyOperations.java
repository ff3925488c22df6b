package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Project;
import dev.lockkeeper.access.Right;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with keys. */
public final class KeyOperations {
    private static final Shape.Word KIND = Shape.word(KeyKind.LIVE.word(), KeyKind.TEST.word());
    private static final Shape NAME = new Shape.Text(Keys.MAX_NAME);

    private static final Shape.Struct KEY = key(Shape.struct("Key"));

    private static final Shape.Struct NEW_KEY = key(Shape.struct("CreatedKey")
                    .with("key", Shape.text(), "Its text: told this once, kept nowhere."))
            .with("new_project", new Shape.Flag(), "Whether its project was made along with it.");

    private static final Shape.Struct PROJECT = Shape.struct("Project")
            .with("object", Shape.word("project"), "What this is.")
            .with("id", Shape.text(), "Its id, proj_…")
            .with("name", NAME, "What it is called.")
            .with("organization_id", Shape.text(), "Who pays.")
            .with("keys", new Shape.Whole(0, Long.MAX_VALUE), "How many keys it has that work.")
            .with("created_at", new Shape.Time(), "When it was made.");

    private static final Shape.Struct WANTED = Shape.struct("NewKey")
            .with("name", NAME, "who or what calls with it, such as ci")
            .optional("project", NAME, "The project it belongs to, made if it is new. Default: default.")
            .optional("kind", KIND, "What it is for. Default: live.")
            .optional(
                    "models",
                    new Shape.OrNull(new Shape.ListOf(NAME, Keys.MAX_MODELS)),
                    "Names that it may ask for. Default: all.");

    private KeyOperations() {}

    private static Shape.Struct key(Shape.Struct begun) {
        return begun.with("object", Shape.word("key"), "What this is.")
                .with("id", Shape.text(), "Its id, key_…; stays when the text is replaced.")
                .with("name", NAME, "Who or what calls with it.")
                .with("organization_id", Shape.text(), "Who pays.")
                .with("project_id", Shape.text(), "Its project's id.")
                .with("project", NAME, "Its project's name.")
                .with("kind", KIND, "What it is for.")
                .with("last4", Shape.text(), "The last characters of its text.")
                .with("models", new Shape.ListOf(NAME, Keys.MAX_MODELS), "Names that it may ask for; empty: all.")
                .with("created_at", new Shape.Time(), "When it was made.")
                .with("replaced_at", new Shape.OrNull(new Shape.Time()), "When its text was last replaced.")
                .with("revoked_at", new Shape.OrNull(new Shape.Time()), "When it was revoked.");
    }

    /** The operations on these keys. */
    public static List<Operation> of(Keys keys) {
        return List.of(
                Operation.get(
                                "/admin/v1/keys",
                                "listKeys",
                                "Lists all keys, revoked ones too, the oldest first.",
                                Shape.answerList(KEY),
                                _ -> Reply.json(
                                        200,
                                        Json.list(keys.list().stream()
                                                .map(KeyOperations::json)
                                                .toList())))
                        .needs(Right.KEYS_READ),
                Operation.post(
                                "/admin/v1/keys",
                                "createKey",
                                "Makes a key. Its text is told this once.",
                                WANTED,
                                NEW_KEY,
                                asked -> create(keys, asked))
                        .needs(Right.KEYS_WRITE)
                        .creates(),
                Operation.post(
                                "/admin/v1/keys/{id}/rotate",
                                "rotateKey",
                                "Gives a key a new text; the old one stops working.",
                                null,
                                NEW_KEY,
                                asked -> rotate(keys, asked))
                        .needs(Right.KEYS_WRITE),
                Operation.post(
                                "/admin/v1/keys/{id}/revoke",
                                "revokeKey",
                                "Ends a key for good, at once.",
                                null,
                                KEY,
                                asked -> revoke(keys, asked))
                        .needs(Right.KEYS_WRITE),
                Operation.get(
                                "/admin/v1/projects",
                                "listProjects",
                                "Lists all projects, the oldest first.",
                                Shape.answerList(PROJECT),
                                _ -> Reply.json(
                                        200,
                                        Json.list(keys.projects().stream()
                                                .map(KeyOperations::json)
                                                .toList())))
                        .needs(Right.TENANTS_READ));
    }

    private static Reply create(Keys keys, Inquiry asked) {
        Created created = keys.create(
                asked.text("name"),
                asked.text("project", Keys.DEFAULT_PROJECT),
                asked.text("kind", KeyKind.LIVE.word()).equals(KeyKind.TEST.word()) ? KeyKind.TEST : KeyKind.LIVE,
                asked.texts("models"));
        return Reply.json(201, json(created));
    }

    private static Reply rotate(Keys keys, Inquiry asked) {
        Created renewed = keys.rotate(asked.id());
        if (renewed == null) {
            return Reply.error(
                    404, "There is no key " + asked.id() + " that works. 'lockkeeper keys list' shows them.");
        }
        return Reply.json(200, json(renewed));
    }

    private static Reply revoke(Keys keys, Inquiry asked) {
        KeyInfo revoked = keys.revoke(asked.id()) ? keys.get(asked.id()) : null;
        if (revoked == null) {
            return Reply.error(404, "There is no key " + asked.id() + ". 'lockkeeper keys list' shows them.");
        }
        return Reply.json(200, json(revoked));
    }

    private static ObjectNode json(Created created) {
        ObjectNode json = Json.object().put("key", created.text());
        json.setAll(json(created.key()));
        return json.put("new_project", created.newProject());
    }

    private static ObjectNode json(KeyInfo key) {
        ObjectNode json = Json.object()
                .put("object", "key")
                .put("id", key.id())
                .put("name", key.name())
                .put("organization_id", key.organizationId())
                .put("project_id", key.projectId())
                .put("project", key.project())
                .put("kind", key.kind().word())
                .put("last4", key.last4());
        Json.put(json, "models", key.models());
        return json.put("created_at", Json.time(key.createdMillis()))
                .put("replaced_at", Json.time(key.replacedMillis()))
                .put("revoked_at", Json.time(key.revokedMillis()));
    }

    private static ObjectNode json(Project project) {
        return Json.object()
                .put("object", "project")
                .put("id", project.id())
                .put("name", project.name())
                .put("organization_id", project.organizationId())
                .put("keys", project.keys())
                .put("created_at", Json.time(project.createdMillis()));
    }
}
