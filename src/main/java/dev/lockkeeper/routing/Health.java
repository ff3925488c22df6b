package dev.lockkeeper.routing;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * How those who serve are doing. It lives as long as the process, whatever is configured anew. Any thread; never blocks for
 * longer than another thread counts.
 *
 * <p>One lock for each provider guards its breaker, its limit with its queue, its budget of retries, and all that is
 * known of its candidates. Listeners and those who waited are told after the lock is given back.
 */
public final class Health implements Pulse {
    /** What nobody has used for so long is forgotten: it is no longer configured, most likely. */
    static final long FORGET_NANOS = 3_600_000_000_000L;

    /** The longest rest: who asks for more is asked again after that. */
    static final long LONGEST_REST_MILLIS = 3_600_000;

    private static final long SWEEP_NANOS = 600_000_000_000L;

    private final LongSupplier nanos;
    private final Listener listener;
    private final Map<String, ProviderHealth> providers = new ConcurrentHashMap<>();
    private final Map<Candidate, CandidateHealth> candidates = new ConcurrentHashMap<>();
    private final AtomicLong sweptNanos;
    private volatile Map<String, HealthSettings> settings = Map.of();

    /** Is told when a breaker opens and when it has closed again, once each. Any thread; must be quick and must not throw. */
    public interface Listener {
        /** Hears nothing. */
        Listener NONE = new Listener() {
            @Override
            public void opened(String who, String why, long forMillis) {}

            @Override
            public void closed(String who, long afterMillis) {}
        };

        /**
         * Nobody is sent there for now.
         *
         * @param who a candidate, or a provider as a whole
         * @param forMillis till the next attempt
         */
        void opened(String who, String why, long forMillis);

        /** It is well again, so long after it opened. */
        void closed(String who, long afterMillis);
    }

    /** @param nanos a clock that never jumps, nanoseconds since any time */
    public Health(LongSupplier nanos) {
        this(nanos, Listener.NONE);
    }

    /** The same with somebody who is told of breakers. */
    public Health(LongSupplier nanos, Listener listener) {
        this.nanos = nanos;
        this.listener = listener;
        this.sweptNanos = new AtomicLong(nanos.getAsLong());
    }

    /**
     * Judges by other settings from now on; what is known is kept.
     *
     * @param next by the providers' names; those that aren't there are judged as usual
     */
    public void follow(Map<String, HealthSettings> next) {
        settings = Map.copyOf(next);
        long now = nanos.getAsLong();
        for (ProviderHealth each : providers.values()) {
            List<Runnable> news;
            synchronized (each) {
                each.follow(settingsOf(each.name()), now);
                news = each.news();
            }
            tell(news);
        }
        sweep(now);
    }

    /** Takes a place for an attempt at a candidate, or says why there is none. */
    public Turn enter(Candidate at) {
        return enter(at, 1, false);
    }

    /**
     * The same for a call that thinks.
     *
     * @param stretch by how much its first token may come later than that of one that doesn't, 1 or more
     * @param alone whether the call has nobody else: then neither a breaker nor a rest keeps it out, since a no of ours helps
     *     it no more than one of the provider's
     */
    public Turn enter(Candidate at, int stretch, boolean alone) {
        long now = nanos.getAsLong();
        CandidateHealth candidate = known(at, now);
        ProviderHealth provider = candidate.provider;
        Turn turn;
        List<Runnable> news;
        synchronized (provider) {
            turn = provider.enter(candidate, Math.max(1, stretch), alone, now);
            news = provider.news();
        }
        tell(news);
        return turn;
    }

    /** A candidate is not to be asked for so long, as it said itself; the longer one of two counts, an hour is the most. */
    public void rest(Candidate at, long millis, String why) {
        long now = nanos.getAsLong();
        CandidateHealth candidate = known(at, now);
        synchronized (candidate.provider) {
            candidate.rest.until(now, millis, why);
        }
    }

    /**
     * None of the candidates with this one's key is to be asked for so long: its provider does not take it, or its account
     * is empty.
     */
    public void restKey(Candidate at, long millis, String why) {
        long now = nanos.getAsLong();
        CandidateHealth candidate = known(at, now);
        synchronized (candidate.provider) {
            candidate.keyRest.until(now, millis, why);
        }
    }

    /**
     * Whether one more retry at a provider is within its share of calls; then it is counted. Going to another target is no
     * retry.
     *
     * @param elsewhere whether the call could go to somebody else: then half of the share is all that there is, and the other
     *     half is for calls that can't
     */
    public boolean mayRetry(String provider, boolean elsewhere) {
        long now = nanos.getAsLong();
        ProviderHealth at = provider(provider, now);
        synchronized (at) {
            return at.mayRetry(elsewhere, now);
        }
    }

    /**
     * Somebody has looked whether a provider answers at all. It is no call: it counts only where its breaker as a whole
     * looks for a sign, and three in a row without an answer open it.
     */
    public void probed(String provider, boolean answers) {
        long now = nanos.getAsLong();
        ProviderHealth at = provider(provider, now);
        List<Runnable> news;
        synchronized (at) {
            at.probed(answers, now);
            news = at.news();
        }
        tell(news);
    }

    @Override
    public long restsMillis(Candidate at) {
        CandidateHealth candidate = candidates.get(at);
        if (candidate == null) {
            return 0;
        }
        synchronized (candidate.provider) {
            return candidate.provider.closedMillis(candidate, nanos.getAsLong());
        }
    }

    @Override
    public String whyItRests(Candidate at) {
        CandidateHealth candidate = candidates.get(at);
        if (candidate == null) {
            return "";
        }
        synchronized (candidate.provider) {
            return candidate.provider.whyClosed(candidate, nanos.getAsLong());
        }
    }

    /** Whether a candidate has begun to answer a call since a time. */
    public boolean heardSince(Candidate at, long sinceNanos) {
        CandidateHealth candidate = candidates.get(at);
        if (candidate == null) {
            return false;
        }
        synchronized (candidate.provider) {
            return candidate.heardNanos - sinceNanos > 0;
        }
    }

    @Override
    public long firstTokenNanos(Candidate at) {
        CandidateHealth candidate = candidates.get(at);
        if (candidate == null) {
            return 0;
        }
        synchronized (candidate.provider) {
            return candidate.latency.nanos(nanos.getAsLong());
        }
    }

    @Override
    public int busy(Candidate at) {
        CandidateHealth candidate = candidates.get(at);
        if (candidate == null) {
            return 0;
        }
        synchronized (candidate.provider) {
            return candidate.busy;
        }
    }

    /** How all providers that were asked are doing, by name. */
    public List<Standing> standings() {
        long now = nanos.getAsLong();
        List<CandidateHealth> all = new ArrayList<>(candidates.values());
        all.sort(Comparator.comparing((CandidateHealth each) -> each.candidate.model())
                .thenComparing(each -> each.candidate.key()));
        List<Standing> standings = new ArrayList<>();
        providers.values().stream()
                .sorted(Comparator.comparing(ProviderHealth::name))
                .forEach(each -> {
                    synchronized (each) {
                        standings.add(each.standing(
                                all.stream().filter(of -> of.provider == each).toList(), now));
                    }
                });
        return standings;
    }

    private HealthSettings settingsOf(String provider) {
        return settings.getOrDefault(provider, HealthSettings.DEFAULT);
    }

    private ProviderHealth provider(String name, long nowNanos) {
        ProviderHealth there = providers.get(name);
        return there != null
                ? there
                : providers.computeIfAbsent(
                        name, _ -> new ProviderHealth(name, settingsOf(name), listener, nanos, nowNanos));
    }

    private CandidateHealth known(Candidate at, long nowNanos) {
        CandidateHealth there = candidates.get(at);
        if (there != null) {
            return there;
        }
        long swept = sweptNanos.get();
        if (nowNanos - swept >= SWEEP_NANOS && sweptNanos.compareAndSet(swept, nowNanos)) {
            sweep(nowNanos);
        }
        ProviderHealth provider = provider(at.provider(), nowNanos);
        synchronized (provider) {
            return candidates.computeIfAbsent(at, _ -> provider.candidate(at, nowNanos));
        }
    }

    /** Forgets what nobody has used for long. An attempt that comes back to it all the same begins it anew. */
    private void sweep(long nowNanos) {
        Predicate<CandidateHealth> old = each -> {
            synchronized (each.provider) {
                return each.isOld(nowNanos);
            }
        };
        candidates.values().removeIf(old);
        providers.values().removeIf(each -> {
            synchronized (each) {
                return each.isOld(nowNanos) && candidates.values().stream().noneMatch(of -> of.provider == each);
            }
        });
    }

    private static void tell(List<Runnable> news) {
        for (Runnable each : news) {
            each.run();
        }
    }

    /** Tells what a slot's word has changed. */
    static void done(ProviderHealth provider, Runnable counted) {
        List<Runnable> news;
        synchronized (provider) {
            counted.run();
            news = provider.news();
        }
        tell(news);
    }
}
