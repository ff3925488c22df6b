package dev.lockkeeper.observe;

import dev.lockkeeper.http.Loop;
import dev.lockkeeper.relay.CallReport;
import dev.lockkeeper.relay.InFlight;
import dev.lockkeeper.relay.Overload;
import dev.lockkeeper.relay.Watcher;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmInfoMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.ObjIntConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Counts and times of calls, for Prometheus. Any thread. A call finds its meters by a look-up in a map; the map is
 * bounded, and what comes after is counted under {@value #OTHER}, so that no client can make the metrics grow.
 */
public final class Metrics implements Watcher, AutoCloseable {
    /** The content type of {@link #scrape}. */
    public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    /** Label value of what is not known, or came after the bound. */
    static final String OTHER = "other";

    /** Label value of what is not there. */
    static final String NONE = "none";

    /** Distinct sets of labels that calls are counted under. */
    static final int MAX_CALL_SERIES = 5_000;

    private static final double NANOS_OF_A_DOLLAR = 1e9;

    /** Distinct pairs of model and provider that times and tokens are kept of: each is some thirty lines. */
    static final int MAX_TARGET_SERIES = 500;

    /** Series of failed attempts. */
    private static final int MAX_FAILURE_SERIES = 500;

    /** Distinct endpoints: the table has fewer, this only keeps the map bounded by itself. */
    static final int MAX_ENDPOINTS = 300;

    private static final Duration[] OWN = {
        micros(50),
        micros(100),
        micros(200),
        micros(500),
        millis(1),
        millis(2),
        millis(5),
        millis(10),
        millis(50),
        millis(250)
    };
    private static final Duration[] LAG = {millis(1), millis(5), millis(10), millis(50), millis(100), millis(500)};
    private static final Duration[] FIRST_BYTE = {
        millis(50),
        millis(100),
        millis(250),
        millis(500),
        millis(1_000),
        millis(2_500),
        millis(5_000),
        millis(10_000),
        millis(30_000),
        millis(60_000),
        millis(120_000)
    };
    private static final Duration[] TOTAL = {
        millis(100),
        millis(250),
        millis(500),
        millis(1_000),
        millis(2_500),
        millis(5_000),
        millis(10_000),
        millis(30_000),
        millis(60_000),
        millis(120_000),
        millis(300_000),
        millis(600_000)
    };

    private final PrometheusMeterRegistry registry =
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, new PrometheusRegistry(), new Passing());
    private final Predicate<String> knownModel;
    private final ConcurrentHashMap<CallLabels, Counter> calls = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<TargetLabels, TargetMeters> targets = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<FailureLabels, Counter> failedAttempts = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, Timer> own = new ConcurrentHashMap<>();
    private final CopyOnWriteArrayList<LongSupplier> held = new CopyOnWriteArrayList<>();
    private final MultiGauge upstreams;
    private final Map<String, MultiGauge> doing = new TreeMap<>();
    private volatile Consumer<Doing> standings = _ -> {};
    private volatile Consumer<ObjIntConsumer<String>> connections = _ -> {};
    private final Counter bytesIn;
    private final Counter bytesOut;
    private final Counter warnings;
    private final JvmGcMetrics gc = new JvmGcMetrics();

    /**
     * @param knownModel whether a model may be a label of its own; asked once per call, from its loop
     */
    public Metrics(Predicate<String> knownModel) {
        this.knownModel = knownModel;
        bytesIn = Counter.builder("lockkeeper.request.bytes")
                .description("Bytes of request bodies")
                .register(registry);
        bytesOut = Counter.builder("lockkeeper.response.bytes")
                .description("Bytes of answers' bodies")
                .register(registry);
        warnings = Counter.builder("lockkeeper.warnings")
                .description("Changes to requests told in x-lockkeeper-warnings")
                .register(registry);
        upstreams = MultiGauge.builder("lockkeeper.upstream.connections")
                .description("Connections open to a provider")
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new JvmInfoMetrics().bindTo(registry);
        new ClassLoaderMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        gc.bindTo(registry);
    }

    @Override
    public void ended(CallReport call) {
        String endpoint = orNone(call.endpoint());
        String model = modelLabel(call.model());
        String provider = orNone(call.provider());
        bounded(
                        calls,
                        MAX_CALL_SERIES,
                        new CallLabels(endpoint, model, provider, call.outcome(), Labels.statusClass(call.status())),
                        new CallLabels(endpoint, OTHER, OTHER, call.outcome(), Labels.statusClass(call.status())),
                        this::counter)
                .increment();
        bounded(own, MAX_ENDPOINTS, endpoint, OTHER, this::ownTimer).record(call.ownNanos(), TimeUnit.NANOSECONDS);
        bounded(
                        targets,
                        MAX_TARGET_SERIES,
                        new TargetLabels(model, provider),
                        new TargetLabels(OTHER, OTHER),
                        TargetMeters::new)
                .ended(call);
        bytesIn.increment((double) call.bytesIn());
        bytesOut.increment((double) call.bytesOut());
        warnings.increment(call.warnings());
        call.failedAttempts()
                .forEach(each -> bounded(
                                failedAttempts,
                                MAX_FAILURE_SERIES,
                                new FailureLabels(each.provider(), each.failure()),
                                new FailureLabels(OTHER, each.failure()),
                                this::failureCounter)
                        .increment());
    }

    /** Shows how many calls are under way. */
    public void callsInFlight(LongSupplier calls) {
        gauge("lockkeeper.calls.in.flight", "Calls under way", calls);
    }

    /** Shows how many bytes of bodies and queued answers the process holds. */
    public void bytesInFlight(LongSupplier bytes) {
        gauge(
                "lockkeeper.bytes.in.flight",
                "Bytes of request bodies and of full queues towards slow clients held in memory",
                bytes);
    }

    /**
     * Shows how many connections are open to each provider.
     *
     * @param ask tells each provider's name and connections; a name may come several times. Asked at each scrape
     */
    public void upstreamConnections(Consumer<ObjIntConsumer<String>> ask) {
        connections = ask;
    }

    /** Takes one figure of how a provider, or one of its targets, is doing. */
    @FunctionalInterface
    public interface Doing {
        /**
         * Takes it.
         *
         * @param name of the metric, dotted
         * @param labels names and values in turn
         */
        void is(String name, double value, String... labels);
    }

    /**
     * Shows how those who serve are doing.
     *
     * @param ask tells every figure that there is; asked at each scrape
     * @param described what each of them is, by its name
     */
    public void standings(Map<String, String> described, Consumer<Doing> ask) {
        described.forEach((name, description) -> doing.put(
                name, MultiGauge.builder(name).description(description).register(registry)));
        standings = ask;
    }

    /** Shows how often breakers opened, and how often they closed again. */
    public void breakers(LongSupplier opened, LongSupplier closed) {
        counter(
                "lockkeeper.breaker.opened",
                "Times that nobody was sent to a target or a provider any more",
                Tags.empty(),
                opened);
        counter("lockkeeper.breaker.closed", "Times that it was well again", Tags.empty(), closed);
    }

    /** Measures from now on how late the ticks of event loops are: what a loop does for too long delays all its calls. */
    public void watch(List<Loop> loops) {
        for (Loop each : loops) {
            Timer lag = Timer.builder("lockkeeper.loop.lag")
                    .description("How late an event loop's ticks are")
                    .tag("loop", Integer.toString(each.index()))
                    .serviceLevelObjectives(LAG)
                    .register(registry);
            each.run(() -> each.everyTick(new LagMeter(lag)));
        }
    }

    /** Shows how many lines of the call log were lost. */
    public void logLinesLost(LongSupplier lost) {
        counter("lockkeeper.log.lines.lost", "Lines of the call log that were not written", Tags.empty(), lost);
    }

    /**
     * Shows what is kept for repeats of calls with an idempotency key.
     *
     * @param keys idempotency keys in the database
     * @param bytes of answers in it
     * @param notKept whole answers for which there was no room
     */
    public void keptAnswers(LongSupplier keys, LongSupplier bytes, LongSupplier notKept) {
        gauge("lockkeeper.idempotency.keys", "Idempotency keys in the database", keys);
        gauge("lockkeeper.idempotency.bytes", "Bytes of answers that are kept for repeats in the database", bytes);
        counter(
                "lockkeeper.idempotency.not.kept",
                "Whole answers to calls with an idempotency key that were not kept, for want of room",
                Tags.empty(),
                notKept);
    }

    /**
     * Shows what is kept for clients that come back to their streams.
     *
     * @param streams how many
     * @param bytes of them
     * @param notKept those for which there was no room, at their beginning or later
     */
    public void resumableStreams(LongSupplier streams, LongSupplier bytes, LongSupplier notKept) {
        gauge("lockkeeper.resumable.streams", "Streams that clients can come back to", streams);
        gauge("lockkeeper.resumable.bytes", "Bytes of streams that clients can come back to", bytes);
        counter(
                "lockkeeper.resumable.not.kept",
                "Streams that were to be kept for clients that come back, and were not, for want of room",
                Tags.empty(),
                notKept);
    }

    /** Shows how many lines of the process's own messages were lost. */
    public void messagesLost(LongSupplier lost) {
        counter("lockkeeper.messages.lost", "Messages of the process that were not written", Tags.empty(), lost);
    }

    /**
     * Shows how long the certificate is good for.
     *
     * @param notAfter seconds since 1970
     * @param unusable 1 while its files hold what can't be used, so that an older one is shown
     */
    public void certificate(LongSupplier notAfter, LongSupplier unusable) {
        gauge(
                "lockkeeper.tls.certificate.not.after.seconds",
                "When the certificate that clients are shown ends, in seconds since 1970",
                notAfter);
        gauge(
                "lockkeeper.tls.certificate.unusable",
                "1 while the certificate's files hold what can't be used, so that an older one is shown",
                unusable);
    }

    /** Shows how often an event loop was seen held up. */
    public void loopsHeldUp(LongSupplier times) {
        counter(
                "lockkeeper.loop.held.up",
                "Times that an event loop did nothing else for too long",
                Tags.empty(),
                times);
    }

    /** Shows how often this process said no for want of room, for each bound. */
    public void overloads(InFlight inFlight) {
        for (Overload each : Overload.values()) {
            overload(each.name().toLowerCase(Locale.ROOT), () -> inFlight.refused(each));
        }
    }

    /** The same for a bound that stands elsewhere. */
    public void overload(String reason, LongSupplier times) {
        counter(
                "lockkeeper.overload.refused",
                "Calls and connections that this process refused, or broke off, because a bound was reached",
                Tags.of("reason", reason),
                times);
    }

    /**
     * Shows what became of the configuration's last reading.
     *
     * @param successful 1 when it is in effect, 0 when it could not be used
     * @param successSeconds when a reading was put into effect last, or found to be in effect; seconds since 1970
     */
    public void configuration(LongSupplier successful, LongSupplier successSeconds) {
        gauge(
                "lockkeeper.config.last.reload.successful",
                "1 when the configuration that was read last is in effect, 0 when it could not be used",
                successful);
        gauge(
                "lockkeeper.config.last.success.timestamp.seconds",
                "When the configuration in effect was read last, seconds since 1970",
                successSeconds);
    }

    /**
     * Shows how often the configuration was read again, by what came of it.
     *
     * @param result {@code changed}, {@code unchanged}, {@code refused} or {@code failed}
     */
    public void reloads(String result, LongSupplier times) {
        counter(
                "lockkeeper.config.reloads",
                "How often the configuration was read again",
                Tags.of("result", result),
                times);
    }

    /**
     * Shows how the ledger stands.
     *
     * @param openHolds holds that are open
     * @param journalBytes bytes of the journals' files
     * @param lagRecords records that the database has not
     * @param lagMillis for how long it has not had all of them, in milliseconds
     * @param open 1 while new holds are taken, else 0
     */
    public void ledger(
            LongSupplier openHolds,
            LongSupplier journalBytes,
            LongSupplier lagRecords,
            LongSupplier lagMillis,
            LongSupplier open) {
        gauge("lockkeeper.ledger.holds.open", "Attempts that money is set aside for", openHolds);
        gauge("lockkeeper.ledger.journal.bytes", "Bytes of the journals' files", journalBytes);
        gauge("lockkeeper.ledger.lag.records", "Records of the journals that the database does not have", lagRecords);
        gauge(
                "lockkeeper.ledger.lag.milliseconds",
                "For how long the database has not had all records of the journals",
                lagMillis);
        gauge("lockkeeper.ledger.open", "1 while the ledger takes new calls, else 0", open);
    }

    /**
     * Shows what is leased of budgets that several servers share.
     *
     * @param nanos leased and not spent, in nano-dollars, added up over budgets
     * @param freeNanos of that, what no call holds
     * @param failedRounds how often the database was asked in vain since it answered last
     */
    public void leases(LongSupplier nanos, LongSupplier freeNanos, LongSupplier failedRounds) {
        gauge("lockkeeper.leases.nanodollars", "What is leased of budgets and not spent", nanos);
        gauge("lockkeeper.leases.free.nanodollars", "Of that, what no call holds", freeNanos);
        gauge(
                "lockkeeper.leases.failed.rounds",
                "How often the database was asked for leases in vain since it answered last",
                failedRounds);
    }

    /**
     * Shows what a server has of limits that several servers share.
     *
     * @param held of how many limits, each on one subject, it has a share
     * @param left of these, of how many some is left that no server has
     * @param nodes how many servers there are
     * @param failedRounds how often shares could not be moved since the database was last heard
     */
    public void limitShares(LongSupplier held, LongSupplier left, LongSupplier nodes, LongSupplier failedRounds) {
        gauge("lockkeeper.limit.shares.held", "Limits, each on one subject, that this server has a share of", held);
        gauge("lockkeeper.limit.shares.left", "Of those, how many have some left that no server has", left);
        gauge("lockkeeper.limit.shares.nodes", "Servers that share limits", nodes);
        gauge(
                "lockkeeper.limit.shares.failed.rounds",
                "How often shares of limits could not be moved since the database was last heard",
                failedRounds);
    }

    /**
     * Shows what is billed later.
     *
     * @param pending responses in the background and batches that are waited for
     * @param heldNanos what is set aside for them, in nano-dollars
     * @param oldestMillis how long the oldest is waited for, in milliseconds
     * @param known how many were booked at what their provider told
     * @param guessed how many were booked at what was held for them, or by the gateway's own count
     */
    public void later(
            LongSupplier pending,
            LongSupplier heldNanos,
            LongSupplier oldestMillis,
            LongSupplier known,
            LongSupplier guessed) {
        gauge("lockkeeper.later.pending", "Responses in the background and batches that are waited for", pending);
        gauge("lockkeeper.later.held.nanodollars", "Money set aside for what is billed later", heldNanos);
        gauge("lockkeeper.later.oldest.milliseconds", "How long the oldest is waited for", oldestMillis);
        String booked = "Responses in the background and batches that were booked";
        counter("lockkeeper.later.booked", booked, Tags.of("by", "usage"), known);
        counter("lockkeeper.later.booked", booked, Tags.of("by", "estimate"), guessed);
    }

    private void counter(String name, String description, Tags tags, LongSupplier count) {
        FunctionCounter.builder(name, count, LongSupplier::getAsLong)
                .description(description)
                .tags(tags)
                .register(registry);
        // The registry itself holds what it asks only weakly.
        held.add(count);
    }

    /** All metrics in Prometheus' text format, see {@link #CONTENT_TYPE}. Takes milliseconds: not on an event loop. */
    public Bytes scrape() {
        Map<String, Integer> open = new TreeMap<>();
        connections.accept((provider, count) -> open.merge(provider, count, Integer::sum));
        upstreams.register(
                open.entrySet().stream()
                        .map(each -> MultiGauge.Row.of(Tags.of("provider", each.getKey()), each.getValue()))
                        .toList(),
                true);
        Map<String, List<MultiGauge.Row<?>>> rows = new TreeMap<>();
        standings.accept((name, value, labels) ->
                rows.computeIfAbsent(name, _ -> new ArrayList<>()).add(MultiGauge.Row.of(Tags.of(labels), value)));
        doing.forEach((name, gauge) -> gauge.register(rows.getOrDefault(name, List.of()), true));
        return Bytes.utf8(registry.scrape());
    }

    @Override
    public void close() {
        gc.close();
        registry.close();
    }

    private void gauge(String name, String description, LongSupplier value) {
        Gauge.builder(name, value, LongSupplier::getAsLong)
                .description(description)
                .strongReference(true)
                .register(registry);
    }

    private Counter counter(CallLabels labels) {
        return Counter.builder("lockkeeper.calls")
                .description("Calls that ended")
                .tag("endpoint", labels.endpoint)
                .tag("model", labels.model)
                .tag("provider", labels.provider)
                .tag("outcome", Labels.of(labels.outcome))
                .tag("status", labels.statusClass)
                .register(registry);
    }

    private Counter failureCounter(FailureLabels labels) {
        return Counter.builder("lockkeeper.failed.attempts")
                .description("Attempts that came to nothing, of calls that were tried again or could not be")
                .tag("provider", labels.provider)
                .tag("failure", labels.failure)
                .register(registry);
    }

    private Timer ownTimer(String endpoint) {
        return Timer.builder("lockkeeper.own")
                .description("Time of a call that was neither waiting for the upstream nor for the client")
                .tag("endpoint", endpoint)
                .serviceLevelObjectives(OWN)
                .register(registry);
    }

    private String modelLabel(String asked) {
        if (asked.isEmpty()) {
            return NONE;
        }
        return knownModel.test(asked) ? asked : OTHER;
    }

    private static String orNone(String value) {
        return value.isEmpty() ? NONE : value;
    }

    private static Duration micros(long micros) {
        return Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(micros));
    }

    private static Duration millis(long millis) {
        return Duration.ofMillis(millis);
    }

    /** The value of a key, made when there is room; else that of {@code overflow}, which always has room. */
    private static <K, V> V bounded(ConcurrentHashMap<K, V> map, int max, K key, K overflow, Function<K, V> make) {
        @Nullable V found = map.get(key);
        if (found != null) {
            return found;
        }
        return map.computeIfAbsent(map.size() < max ? key : overflow, make);
    }

    private record CallLabels(
            String endpoint, String model, String provider, CallReport.Outcome outcome, String statusClass) {}

    private record FailureLabels(String provider, String failure) {}

    private record TargetLabels(String model, String provider) {}

    /** Hears one loop's ticks. */
    private static final class LagMeter implements Loop.Ticking {
        private final Timer lag;
        private long lastNanos;

        LagMeter(Timer lag) {
            this.lag = lag;
        }

        @Override
        public void tick(long nowNanos) {
            if (lastNanos != 0) {
                long late = nowNanos - lastNanos - TimeUnit.MILLISECONDS.toNanos(Loop.TICK_MILLIS);
                lag.record(Math.max(0, late), TimeUnit.NANOSECONDS);
            }
            lastNanos = nowNanos;
        }
    }

    /** Time that passes, in place of the clock on the wall: that may jump, and the largest values of the last minutes with it. */
    private static final class Passing implements Clock {
        @Override
        public long wallTime() {
            return TimeUnit.NANOSECONDS.toMillis(monotonicTime());
        }

        @Override
        public long monotonicTime() {
            return System.nanoTime();
        }
    }

    /** What is kept of each pair of model and provider. */
    private final class TargetMeters {
        private final Timer firstByte;
        private final Timer total;
        private final Counter input;
        private final Counter cachedInput;
        private final Counter writtenInput;
        private final Counter output;
        private final Counter reasoningOutput;
        private final Counter estimated;
        private final Counter cost;

        TargetMeters(TargetLabels labels) {
            Tags tags = Tags.of("model", labels.model, "provider", labels.provider);
            firstByte =
                    timer("lockkeeper.first.byte", "From a call's start to its answer's first byte", tags, FIRST_BYTE);
            total = timer("lockkeeper.total", "From a call's start to its end", tags, TOTAL);
            input = tokens(tags, "input");
            cachedInput = tokens(tags, "cached_input");
            writtenInput = tokens(tags, "written_input");
            output = tokens(tags, "output");
            reasoningOutput = tokens(tags, "reasoning_output");
            estimated = Counter.builder("lockkeeper.usage.estimated")
                    .description("Calls whose tokens were estimated, since the upstream told none")
                    .tags(tags)
                    .register(registry);
            cost = Counter.builder("lockkeeper.cost.usd")
                    .description("US dollars booked")
                    .tags(tags)
                    .register(registry);
        }

        void ended(CallReport call) {
            if (call.firstByteNanos() >= 0) {
                firstByte.record(call.firstByteNanos(), TimeUnit.NANOSECONDS);
            }
            total.record(call.totalNanos(), TimeUnit.NANOSECONDS);
            if (call.costNanos() != CallReport.NO_COST) {
                cost.increment(call.costNanos() / NANOS_OF_A_DOLLAR);
            }
            Usage usage = call.usage();
            if (usage != null) {
                input.increment((double) usage.input());
                cachedInput.increment((double) usage.cached());
                writtenInput.increment((double) usage.written());
                output.increment((double) usage.output());
                reasoningOutput.increment((double) usage.reasoningOutput());
                estimated.increment(usage.estimated() ? 1 : 0);
            }
        }

        private Timer timer(String name, String description, Tags tags, Duration[] buckets) {
            return Timer.builder(name)
                    .description(description)
                    .tags(tags)
                    .serviceLevelObjectives(buckets)
                    .register(registry);
        }

        private Counter tokens(Tags tags, String kind) {
            return Counter.builder("lockkeeper.tokens")
                    .description(
                            "Tokens by kind: cached_input and written_input are parts of input, reasoning_output of output")
                    .tags(tags)
                    .tag("kind", kind)
                    .register(registry);
        }
    }
}
