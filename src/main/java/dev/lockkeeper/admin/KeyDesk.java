package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Project;
import java.util.List;
import java.util.Optional;

/** What an operator does with keys, whoever holds the database: this process, or a server that is asked. Blocks. */
public interface KeyDesk {
    /**
     * Makes a key, and its project where that is new.
     *
     * @throws IllegalArgumentException when a name can't be; the message may be shown
     */
    Created create(String name, String project, KeyKind kind, List<String> models);

    /** All keys, revoked ones too, the oldest first. */
    List<KeyInfo> list();

    /** All projects, the oldest first. */
    List<Project> projects();

    /** Gives a key a new text; empty when there is no such key or it is revoked. */
    Optional<Created> rotate(String id);

    /** Ends a key for good; empty when there is no such key. */
    Optional<KeyInfo> revoke(String id);
}
