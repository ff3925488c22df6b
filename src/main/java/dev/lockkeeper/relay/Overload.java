package dev.lockkeeper.relay;

/** Which of this process's bounds was reached when it said no for want of room. Each is counted by itself. */
public enum Overload {
    /** More connections of clients than {@code server.max-connections}. */
    CONNECTIONS,
    /** More calls at once than {@code limits.calls-in-flight}. */
    CALLS,
    /** More bytes held than {@code limits.bytes-in-flight}. */
    BYTES,
    /** More slow work (large bodies, uploads, lists) than may wait for the workers. */
    WORKERS,
    /** More look-ups than may wait for the database, or one that took too long. */
    DATABASE
}
