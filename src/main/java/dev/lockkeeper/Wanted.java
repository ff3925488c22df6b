package dev.lockkeeper;

import dev.lockkeeper.admin.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What a command wants of the admin API: a request's body. What the command line left out is not in it. */
final class Wanted {
    private final ObjectNode json = Json.object();

    Wanted with(String member, @Nullable String text) {
        if (text != null) {
            json.put(member, text);
        }
        return this;
    }

    Wanted with(String member, @Nullable Long number) {
        if (number != null) {
            json.put(member, number);
        }
        return this;
    }

    Wanted with(String member, boolean flag) {
        json.put(member, flag);
        return this;
    }

    Wanted with(String member, @Nullable List<String> texts) {
        if (texts != null) {
            texts.forEach(json.putArray(member)::add);
        }
        return this;
    }

    Wanted with(String member, @Nullable JsonNode value) {
        if (value != null) {
            json.set(member, value);
        }
        return this;
    }

    /** Says that there shall be none: that is more than to say nothing of it. */
    Wanted without(String member) {
        json.putNull(member);
        return this;
    }

    ObjectNode json() {
        return json;
    }
}
