package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import org.jspecify.annotations.Nullable;

/** An exchange with the request of a client's, and another answer than the one that goes straight to it. On its loop. */
abstract class OtherAnswer implements Exchange {
    /** The client's own. */
    final Exchange client;

    // Found out while the client is there: the call may outlive it.
    private final String clientAddress;
    private final boolean secure;

    OtherAnswer(Exchange client) {
        this.client = client;
        this.clientAddress = client.clientAddress();
        this.secure = client.secure();
    }

    @Override
    public final Loop loop() {
        return client.loop();
    }

    @Override
    public final String id() {
        return client.id();
    }

    @Override
    public long startedNanos() {
        return client.startedNanos();
    }

    @Override
    public final String method() {
        return client.method();
    }

    @Override
    public final String path() {
        return client.path();
    }

    @Override
    public final @Nullable String query() {
        return client.query();
    }

    @Override
    public final Headers headers() {
        return client.headers();
    }

    @Override
    public final String clientAddress() {
        return clientAddress;
    }

    @Override
    public final boolean secure() {
        return secure;
    }
}
