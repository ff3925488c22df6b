package dev.lockkeeper.relay;

/** Is told how each call ended: exactly once per call, last of all, on the call's event loop. Must be quick and must not throw. */
@FunctionalInterface
public interface Watcher {
    /** A call is over. */
    void ended(CallReport report);
}
