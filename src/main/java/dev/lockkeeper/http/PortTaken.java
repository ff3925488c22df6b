package dev.lockkeeper.http;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Says that a server could not listen on its address, and what to do about it. */
public final class PortTaken extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PortTaken(String address, String why, @Nullable Throwable cause) {
        this("cannot listen on " + address + ": " + why + "; stop what uses that port, or choose another", cause);
    }

    private PortTaken(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** @param why and what to do about it */
    static PortTaken at(Path socket, String why, @Nullable Throwable cause) {
        return new PortTaken("cannot listen on " + socket + ": " + why, cause);
    }

    /** The port may be free, but not what to prove one's identity with. */
    static PortTaken unusable(String address, String why) {
        return new PortTaken("cannot listen on " + address + ": " + why + "; see server.tls", null);
    }
}
