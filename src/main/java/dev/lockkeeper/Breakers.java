package dev.lockkeeper;

import dev.lockkeeper.observe.Metrics;
import dev.lockkeeper.routing.Health;
import dev.lockkeeper.routing.Standing;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says of the health of those who serve what an operator hears: in the log when a breaker opens or closes, and as metrics. */
final class Breakers implements Health.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(Breakers.class);

    private static final Map<String, String> DESCRIBED = Map.of(
            "lockkeeper.provider.state",
            "Whether a provider as a whole is asked: 0 as usual, 1 tried again, 2 not, since it could not be reached",
            "lockkeeper.provider.busy",
            "Attempts under way at a provider",
            "lockkeeper.provider.limit",
            "Attempts at once that a provider does well with, where they are limited",
            "lockkeeper.provider.queued",
            "Calls that wait for a place at a provider",
            "lockkeeper.target.state",
            "Whether a target is asked: 0 as usual, 1 tried again, 2 not, since it is ill, 3 not, since it rests",
            "lockkeeper.target.busy",
            "Attempts under way at a target",
            "lockkeeper.target.first.token.seconds",
            "What a target's first token takes, a moving average; 0 where it is not known");

    private final LongAdder opened = new LongAdder();
    private final LongAdder closed = new LongAdder();

    @Override
    public void opened(String who, String why, long forMillis) {
        opened.increment();
        LOG.warn("breaker of {} opened: {}; it is tried again in {} ms", who, why, forMillis);
    }

    @Override
    public void closed(String who, long afterMillis) {
        closed.increment();
        LOG.info("breaker of {} closed after {} ms", who, afterMillis);
    }

    /** Shows how they are doing. */
    void show(Metrics metrics, Supplier<List<Standing>> standings) {
        metrics.breakers(opened::sum, closed::sum);
        metrics.standings(
                DESCRIBED,
                figures -> standings.get().forEach(each -> {
                    String provider = each.provider();
                    figures.is("lockkeeper.provider.state", number(each.state()), "provider", provider);
                    figures.is("lockkeeper.provider.busy", each.busy(), "provider", provider);
                    figures.is("lockkeeper.provider.queued", each.queued(), "provider", provider);
                    if (each.limit() >= 0) {
                        figures.is("lockkeeper.provider.limit", each.limit(), "provider", provider);
                    }
                    for (Standing.Target target : each.targets()) {
                        String[] labels = {"provider", provider, "model", target.model(), "key", target.key()};
                        figures.is("lockkeeper.target.state", number(target.state()), labels);
                        figures.is("lockkeeper.target.busy", target.busy(), labels);
                        figures.is("lockkeeper.target.first.token.seconds", target.firstTokenMillis() / 1000.0, labels);
                    }
                }));
    }

    private static int number(Standing.State state) {
        return switch (state) {
            case OK -> 0;
            case TRYING -> 1;
            case ILL -> 2;
            case RESTING -> 3;
        };
    }
}
