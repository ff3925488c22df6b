package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;

/**
 * A kind of thing that commands are about, one of which is named by its id.
 *
 * @param path where the admin API has all of them
 * @param label how help calls the parameter that names one
 * @param description what that parameter takes
 */
record Subject(String path, String label, String description) {
    /** Where the admin API has this one. */
    String at(String id) {
        return path + "/" + Desk.escaped(id);
    }

    /** All of them. */
    Query all() {
        return new Query(path);
    }

    /** A command that does something to one of them. */
    Verb verb(String name, String description) {
        return new Verb(this, name, description);
    }
}
