package dev.lockkeeper.relay;

import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.FaultException;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Provider;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Looks now and then whether providers answer at all, where the operator wants it: asks for their lists of models, each look
 * within a few seconds. What it sees is judged as health, and counted nowhere else. On one event loop; {@link #follow} and
 * {@link #close} from any thread.
 */
public final class Probes implements AutoCloseable {
    /** How long a look may take. */
    private static final long PATIENCE_MILLIS = 5_000;

    /** How often is looked whether one is due. */
    private static final long LOOK_MILLIS = 100;

    /** A longer list is a sign of life, too, and not read. */
    private static final int MAX_LIST = 1 << 20;

    private final Relay relay;
    private final Loop loop;
    private final RandomGenerator random;

    /** When each provider's next look is due. On the loop only, as the next one. */
    private final Map<String, Long> dueNanos = new HashMap<>();

    private final Set<String> underWay = new HashSet<>();
    private volatile Map<String, HealthSettings> settings;
    private volatile boolean closed;

    private Probes(Relay relay, Loop loop, RandomGenerator random, Map<String, HealthSettings> settings) {
        this.relay = relay;
        this.loop = loop;
        this.random = random;
        this.settings = settings;
    }

    /**
     * Begins.
     *
     * @param loop where it happens
     * @param random spreads the looks; used on the loop
     * @param settings by the providers' names; only those with a {@link HealthSettings#probe} are asked
     */
    public static Probes begin(Relay relay, Loop loop, RandomGenerator random, Map<String, HealthSettings> settings) {
        Probes probes = new Probes(relay, loop, random, settings);
        loop.run(probes::look);
        return probes;
    }

    /** Goes on by other settings. */
    public void follow(Map<String, HealthSettings> next) {
        settings = next;
    }

    @Override
    public void close() {
        closed = true;
    }

    private void look() {
        if (closed) {
            return;
        }
        Loop.Subscription _ = loop.after(LOOK_MILLIS, this::look);
        Map<String, HealthSettings> wanted = settings;
        dueNanos.keySet().retainAll(wanted.keySet());
        long now = System.nanoTime();
        wanted.forEach((name, health) -> {
            Duration every = health.probe();
            if (every == null) {
                dueNanos.remove(name);
                return;
            }
            Long due = dueNanos.get(name);
            if (due == null || due - now <= 0) {
                dueNanos.put(name, now + spread(every.toNanos()));
                Provider provider = relay.rules().providers().get(name);
                if (provider != null && underWay.add(name)) {
                    ask(provider);
                }
            }
        });
    }

    /** A tenth earlier or later, so that servers that were started together don't ask together. */
    private long spread(long nanos) {
        return (long) (nanos * (0.9 + 0.2 * random.nextDouble()));
    }

    private void ask(Provider provider) {
        CompletionStage<Client.Fetched> answer = relay.clients()
                .on(loop, provider)
                .fetch(
                        "GET",
                        provider.target("/v1/models", null),
                        provider.sign(Headers.empty()),
                        Bytes.EMPTY,
                        MAX_LIST,
                        PATIENCE_MILLIS);
        CompletionStage<?> _ = answer.whenComplete((fetched, failure) -> {
            underWay.remove(provider.name());
            if (!closed && !isOurs(failure)) {
                relay.health().probed(provider.name(), failure == null ? fetched.status() < 500 : isTooLarge(failure));
            }
        });
    }

    /** A full pool says nothing of the provider. */
    private static boolean isOurs(@Nullable Throwable failure) {
        return kind(failure) == Fault.Kind.POOL_FULL;
    }

    private static boolean isTooLarge(Throwable failure) {
        return kind(failure) == Fault.Kind.TOO_LARGE;
    }

    private static Fault.@Nullable Kind kind(@Nullable Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return cause instanceof FaultException fault ? fault.fault().kind() : null;
    }
}
