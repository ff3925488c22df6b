package dev.lockkeeper.settings;

import dev.lockkeeper.routing.HealthSettings;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads how a provider's health is judged: {@code breaker}, {@code concurrency}, {@code retry-budget} and {@code probe}. */
final class ProviderHealth {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration TEN_MINUTES = Duration.ofMinutes(10);
    private static final Duration HOUR = Duration.ofHours(1);

    private static final Type<Integer> PERCENT = Type.percent(1, 100);

    private final Reading reading;

    ProviderHealth(Reading reading) {
        this.reading = reading;
    }

    HealthSettings read(Section provider) {
        return new HealthSettings(
                breaker(provider.section("breaker")),
                concurrency(provider.section("concurrency")),
                provider.value("retry-budget", Type.percent(0, 100), HealthSettings.DEFAULT.retryPercent())
                        .value(),
                provider.optional("probe", Type.duration(SECOND, HOUR), "none")
                        .value()
                        .orElse(null));
    }

    private HealthSettings.Breaker breaker(Section breaker) {
        HealthSettings.Breaker usual = HealthSettings.Breaker.DEFAULT;
        Setting<Duration> window = breaker.value("window", Type.duration(SECOND, TEN_MINUTES), usual.window());
        Setting<Long> calls = breaker.value("calls", Type.integer(0, 100_000), (long) usual.calls());
        Setting<Integer> failures = breaker.value("failures", PERCENT, usual.failurePercent());
        Setting<Integer> slow = breaker.value("slow", PERCENT, usual.slowPercent());
        Setting<Duration> slowAfter =
                breaker.value("slow-after", Type.duration(Duration.ofMillis(1), HOUR), usual.slowAfter());
        Setting<Duration> open = breaker.value("open", Type.duration(Duration.ofMillis(10), TEN_MINUTES), usual.open());
        Setting<Long> probes = breaker.value("probes", Type.integer(1, 1_000), (long) usual.probes());
        breaker.end();
        return new HealthSettings.Breaker(
                window.value(),
                Math.toIntExact(calls.value()),
                failures.value(),
                slow.value(),
                slowAfter.value(),
                open.value(),
                Math.toIntExact(probes.value()));
    }

    /** Without a most there is no limit, and nothing for the other keys to say. */
    private HealthSettings.@Nullable Concurrency concurrency(Section section) {
        Setting<Optional<Long>> max = section.optional("max", Type.integer(1, 100_000), "no limit");
        Setting<Optional<Long>> min = section.ifWritten("min", Type.integer(1, 100_000), "4, or max if that is less");
        Setting<Optional<Long>> queue = section.ifWritten("queue", Type.integer(0, 100_000), "100");
        Setting<Optional<Duration>> wait =
                section.ifWritten("wait", Type.duration(Duration.ofMillis(1), TEN_MINUTES), "2s");
        section.end();
        if (max.value().isEmpty()) {
            if (!max.written() && (min.written() || queue.written() || wait.written())) {
                reading.mistake(
                        section.place(),
                        section.key() + ".max",
                        null,
                        "missing; write concurrency: {max: 200}, or take concurrency away",
                        null);
            }
            return null;
        }
        long most = max.value().get();
        if (min.usable() && min.value().isPresent() && min.value().get() > most) {
            reading.mistake(min, "at most concurrency.max, which is " + most);
        }
        return new HealthSettings.Concurrency(
                Math.toIntExact(Math.min(min.value().orElse(4L), most)),
                Math.toIntExact(most),
                Math.toIntExact(queue.value().orElse(100L)),
                wait.value().orElse(Duration.ofSeconds(2)));
    }
}
