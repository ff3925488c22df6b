package dev.lockkeeper.relay;

import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.Clients;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.upstream.Provider;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ObjIntConsumer;

/**
 * The connections to all providers. A pool belongs to a way of reaching a server, not to a provider's name or key: it
 * outlives a change of those. Any thread.
 */
public final class Pools implements AutoCloseable {
    private final Loops loops;
    private final Map<ClientSettings, Clients> open = new ConcurrentHashMap<>();

    public Pools(Loops loops) {
        this.loops = loops;
    }

    /** This loop's way to a provider. */
    public Client on(Loop loop, Provider provider) {
        return open.computeIfAbsent(provider.settings().connection(), loops::connect)
                .on(loop);
    }

    /** Tells each pool's provider and how many connections it has open. */
    public void connections(ObjIntConsumer<String> each) {
        open.forEach((settings, clients) -> each.accept(settings.name(), clients.open()));
    }

    @Override
    public void close() {
        open.values().forEach(Clients::close);
        open.clear();
    }
}
