package dev.lockkeeper.http;

import org.jspecify.annotations.Nullable;

/** Says that a server could not listen on its address, and what to do about it. */
public final class PortTaken extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PortTaken(String address, String why, @Nullable Throwable cause) {
        super("cannot listen on " + address + ": " + why + "; stop what uses that port, or choose another", cause);
    }
}
