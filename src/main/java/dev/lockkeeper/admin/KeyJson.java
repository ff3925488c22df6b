package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Project;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Keys and projects as JSON: what the admin API answers and what the commands print with {@code --json}. */
public final class KeyJson {
    static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private KeyJson() {}

    /** A new key; the only JSON with its text, as {@code key}. */
    public static ObjectNode of(Created created) {
        ObjectNode json = MAPPER.createObjectNode().put("key", created.text());
        json.setAll(of(created.key()));
        return json.put("new_project", created.newProject());
    }

    /** A key without its text. Times are RFC 3339, UTC. */
    public static ObjectNode of(KeyInfo key) {
        ObjectNode json = MAPPER.createObjectNode()
                .put("object", "key")
                .put("id", key.id())
                .put("name", key.name())
                .put("organization_id", key.organizationId())
                .put("project_id", key.projectId())
                .put("project", key.project())
                .put("kind", key.kind().word())
                .put("last4", key.last4());
        ArrayNode models = json.putArray("models");
        key.models().forEach(models::add);
        return json.put("created_at", time(key.createdMillis()))
                .put("replaced_at", time(key.replacedMillis()))
                .put("revoked_at", time(key.revokedMillis()));
    }

    /** Keys as a list. */
    public static ObjectNode of(List<KeyInfo> keys) {
        return list(keys.stream().map(KeyJson::of).toList());
    }

    static ObjectNode of(Project project) {
        return MAPPER.createObjectNode()
                .put("object", "project")
                .put("id", project.id())
                .put("name", project.name())
                .put("organization_id", project.organizationId())
                .put("keys", project.keys())
                .put("created_at", time(project.createdMillis()));
    }

    static ObjectNode list(List<ObjectNode> elements) {
        ObjectNode json = MAPPER.createObjectNode().put("object", "list");
        json.putArray("data").addAll(elements);
        return json;
    }

    /** JSON as text for people and programs: indented. */
    public static String text(JsonNode json) {
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json);
    }

    static Created created(JsonNode json) {
        return new Created(
                json.path("key").asString(), key(json), json.path("new_project").asBoolean());
    }

    static KeyInfo key(JsonNode json) {
        List<String> models = new ArrayList<>();
        json.path("models").forEach(model -> models.add(model.asString()));
        Long created = millis(json.path("created_at"));
        return new KeyInfo(
                json.path("id").asString(),
                json.path("name").asString(),
                json.path("project_id").asString(),
                json.path("project").asString(),
                json.path("organization_id").asString(),
                json.path("kind").asString().equals(KeyKind.TEST.word()) ? KeyKind.TEST : KeyKind.LIVE,
                models,
                json.path("last4").asString(),
                created == null ? 0 : created,
                millis(json.path("replaced_at")),
                millis(json.path("revoked_at")));
    }

    static Project project(JsonNode json) {
        Long created = millis(json.path("created_at"));
        return new Project(
                json.path("id").asString(),
                json.path("name").asString(),
                json.path("organization_id").asString(),
                created == null ? 0 : created,
                json.path("keys").asInt());
    }

    private static @Nullable String time(@Nullable Long millis) {
        return millis == null ? null : Instant.ofEpochMilli(millis).toString();
    }

    private static @Nullable Long millis(JsonNode time) {
        return time.isString() ? Instant.parse(time.asString()).toEpochMilli() : null;
    }
}
