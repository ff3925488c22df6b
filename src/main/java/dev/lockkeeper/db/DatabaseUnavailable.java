package dev.lockkeeper.db;

import java.util.OptionalLong;

/** Why a database could not be opened: one sentence that names it, or its folder, and what to do. */
public final class DatabaseUnavailable extends Exception {
    private static final long serialVersionUID = 1L;

    /** What stands in the way. */
    public enum Reason {
        /** Another process (or this one) has the folder open. */
        IN_USE,
        /** The folder or a file in it can't be made, read or written. */
        UNWRITABLE,
        /** A newer version made the database. */
        NEWER,
        /** The file is not a database, or a migration failed. */
        BROKEN,
        /** The server can't be reached, or lets nobody in. */
        UNREACHABLE,
        /** The folder is used with PostgreSQL, and was opened without it. */
        ELSEWHERE
    }

    private final Reason reason;
    private final long holder;

    DatabaseUnavailable(Reason reason, long holder, String message) {
        super(message);
        this.reason = reason;
        this.holder = holder;
    }

    DatabaseUnavailable(Reason reason, String message) {
        this(reason, -1, message);
    }

    DatabaseUnavailable(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
        this.holder = -1;
    }

    /** What stands in the way. */
    public Reason reason() {
        return reason;
    }

    /** The process that has the folder open, where it is known. */
    public OptionalLong holder() {
        return holder < 0 ? OptionalLong.empty() : OptionalLong.of(holder);
    }
}
