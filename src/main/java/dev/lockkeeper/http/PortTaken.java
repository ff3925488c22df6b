package dev.lockkeeper.http;

/** Says that a server could not listen on its address, and what to do about it. */
public final class PortTaken extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PortTaken(String message, Throwable cause) {
        super(message, cause);
    }
}
