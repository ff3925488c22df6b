package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import org.jspecify.annotations.Nullable;

/** A path of the admin API and what stands behind its question mark; what the command line left out does not. */
final class Query {
    private final StringBuilder text;
    private char before = '?';

    Query(String path) {
        this.text = new StringBuilder(path);
    }

    Query with(String name, @Nullable String value) {
        if (value != null) {
            text.append(before).append(name).append('=').append(Desk.escaped(value));
            before = '&';
        }
        return this;
    }

    Query with(String name, @Nullable Number value) {
        return with(name, value == null ? null : value.toString());
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
