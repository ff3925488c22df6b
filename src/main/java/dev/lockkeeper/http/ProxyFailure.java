package dev.lockkeeper.http;

import java.io.IOException;

/** Why a proxy gave no way to an upstream. */
final class ProxyFailure extends IOException {
    private static final long serialVersionUID = 1;

    /** Whether other addresses of the proxy would say the same. */
    final boolean answered;

    ProxyFailure(String message, boolean answered) {
        super(message);
        this.answered = answered;
    }
}
