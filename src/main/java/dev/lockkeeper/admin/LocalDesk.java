package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Project;
import java.util.List;
import java.util.Optional;

/** The keys of this process's own database. Any thread that may block. */
public final class LocalDesk implements KeyDesk {
    private final Keys keys;

    public LocalDesk(Keys keys) {
        this.keys = keys;
    }

    @Override
    public Created create(String name, String project, KeyKind kind, List<String> models) {
        return keys.create(name, project, kind, models);
    }

    @Override
    public List<KeyInfo> list() {
        return keys.list();
    }

    @Override
    public List<Project> projects() {
        return keys.projects();
    }

    @Override
    public Optional<Created> rotate(String id) {
        return Optional.ofNullable(keys.rotate(id));
    }

    @Override
    public Optional<KeyInfo> revoke(String id) {
        return keys.revoke(id) ? Optional.ofNullable(keys.get(id)) : Optional.empty();
    }
}
