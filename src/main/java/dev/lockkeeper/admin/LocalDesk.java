package dev.lockkeeper.admin;

import dev.lockkeeper.access.Actor;
import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The admin API of this process's own database, without a port. Any thread that may block. */
public final class LocalDesk implements Desk {
    private final Api api;
    private final Actor actor;

    /** @param actor in whose name */
    public LocalDesk(Api api, Actor actor) {
        this.api = api;
        this.actor = actor;
    }

    @Override
    public Said ask(String method, String path, @Nullable JsonNode body) {
        int question = path.indexOf('?');
        Reply reply = api.answer(
                actor,
                method,
                question < 0 ? path : path.substring(0, question),
                question < 0 ? null : path.substring(question + 1),
                body == null ? Bytes.EMPTY : Bytes.utf8(body.toString()));
        return Said.of(reply.status(), reply.contentType(), reply.body().utf8());
    }
}
