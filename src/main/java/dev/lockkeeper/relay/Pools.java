package dev.lockkeeper.relay;

import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.Clients;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.upstream.Provider;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ObjIntConsumer;

/**
 * The connections to all providers. A pool belongs to a way of reaching a server, not to a provider's key, timeouts or
 * models: it outlives a change of those. Any thread.
 *
 * <p>A pool that no rules name any more is leaving: it closes each connection as soon as its calls have ended, and is
 * forgotten when it has none. A call that goes by older rules may still come to it, and is served.
 */
public final class Pools implements AutoCloseable {
    private final Loops loops;
    private final Map<ClientSettings, Clients> open = new ConcurrentHashMap<>();

    /** Bounded: each reload forgets those without connections, and connections are bounded by the calls they carry. */
    private final Map<ClientSettings, Clients> leaving = new ConcurrentHashMap<>();

    public Pools(Loops loops) {
        this.loops = loops;
    }

    /** Makes sure that there is a pool for each of these providers. Those that there are keep their connections. */
    public synchronized void open(Collection<Provider> providers) {
        for (Provider each : providers) {
            ClientSettings way = each.settings().connection();
            if (!open.containsKey(way)) {
                Clients back = leaving.get(way);
                if (back != null) {
                    back.reopen();
                }
                // Open before it is not leaving any more: a call of older rules must find it in one of the two.
                open.put(way, back != null ? back : loops.connect(way));
                leaving.remove(way);
            }
        }
    }

    /** Lets all pools leave but those of these providers. To be called when no new call can come to the others. */
    public synchronized void keepOnly(Collection<Provider> providers) {
        leaving.values().removeIf(each -> each.open() == 0);
        Set<ClientSettings> kept = new HashSet<>();
        providers.forEach(each -> kept.add(each.settings().connection()));
        open.forEach((way, clients) -> {
            if (!kept.contains(way)) {
                leaving.put(way, clients);
                open.remove(way);
                clients.close();
            }
        });
    }

    /** This loop's way to a provider. */
    Client on(Loop loop, Provider provider) {
        ClientSettings way = provider.settings().connection();
        Clients clients = open.get(way);
        return (clients != null ? clients : left(way)).on(loop);
    }

    /** The way of a call that goes by older rules. */
    private Clients left(ClientSettings way) {
        return leaving.computeIfAbsent(way, gone -> {
            Clients again = loops.connect(gone);
            again.close();
            return again;
        });
    }

    /** Tells each pool's provider and how many connections it has open; a provider may come several times. */
    public void connections(ObjIntConsumer<String> each) {
        open.forEach((way, clients) -> each.accept(way.name(), clients.open()));
        leaving.forEach((way, clients) -> {
            if (clients.open() > 0) {
                each.accept(way.name(), clients.open());
            }
        });
    }

    /** How many pools there are, those included that are leaving and have connections. */
    public int count() {
        return open.size()
                + (int) leaving.values().stream()
                        .filter(clients -> clients.open() > 0)
                        .count();
    }

    @Override
    public void close() {
        open.values().forEach(Clients::close);
        leaving.values().forEach(Clients::close);
    }
}
