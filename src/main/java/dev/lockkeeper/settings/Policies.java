package dev.lockkeeper.settings;

import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.upstream.ProviderSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads how a model's calls are tried. */
final class Policies {
    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration DAY = Duration.ofHours(24);
    private static final long MOST_ATTEMPTS = 10;
    private static final long MOST_COST = 1_000_000_000_000_000L;
    private static final String PER_DAY = "/day";
    private static final String NONE = "none";
    private static final String UNTIL_COMPLETE = "until-complete";
    private static final String OFF = "off";

    private static final Type<Policy.BrokenStream> BROKEN = Type.choice(
            List.of(Policy.BrokenStream.RESCUE, Policy.BrokenStream.END),
            each -> each.name().toLowerCase(Locale.ROOT));

    private static final Type<Boolean> BUFFER =
            Type.choice(List.of(false, true), whole -> whole ? UNTIL_COMPLETE : NONE);

    private static final Type<Duration> LIMIT = Type.duration(SHORTEST, DAY);

    /** Nothing stands for off. */
    private static final Type<Optional<Duration>> FIRST_TOKEN = new Type<>(
            LIMIT.name() + ", or off",
            LIMIT.expected() + "; or off",
            text -> text.equals(OFF)
                    ? Optional.empty()
                    : Optional.ofNullable(LIMIT.read().apply(text))
                            .map(Optional::of)
                            .orElse(null),
            limit -> limit.map(Type::write).orElse(OFF),
            text -> text.equals("none") || text.equals("false")
                    ? OFF
                    : LIMIT.near().apply(text),
            false);

    private static final Type<Long> DOLLARS = Type.dollars(MOST_COST, "a day");

    private static final Type<Long> COST = new Type<>(
            "dollars a day",
            "dollars a day, such as $1/day or $0.50/day",
            text -> text.endsWith(PER_DAY)
                    ? DOLLARS.read().apply(text.substring(0, text.length() - PER_DAY.length()))
                    : null,
            nanos -> DOLLARS.write().apply(nanos) + PER_DAY,
            text -> text.matches("\\$\\d{1,6}(\\.\\d{1,9})?") ? text + PER_DAY : null,
            false);

    private final Reading reading;
    private final Map<String, Duration> totals = new HashMap<>();

    Policies(Reading reading, List<ProviderSettings> providers) {
        this.reading = reading;
        providers.forEach(
                provider -> totals.put(provider.name(), provider.timeouts().total()));
    }

    /** @param targets all of the model's own */
    Policy read(Section section, List<TargetSettings> targets) {
        Policy usual = Policy.USUAL;
        Section retry = section.section("retry");
        Setting<Long> attempts = retry.value("attempts", Type.integer(1, MOST_ATTEMPTS), (long) usual.attempts());
        Setting<Duration> firstWait = retry.value("first-wait", Type.duration(SHORTEST, DAY), usual.firstWait());
        Setting<Duration> longestWait = retry.value("longest-wait", Type.duration(SHORTEST, DAY), usual.longestWait());
        Setting<Duration> total = retry.value("total", Type.duration(Duration.ZERO, DAY), usual.retryTotal());
        Setting<Boolean> elsewhere = retry.value("content-policy", Type.BOOL, usual.elsewhereOnPolicy());
        retry.end();
        checkAtMost(firstWait, longestWait, "retry.longest-wait");
        Setting<Optional<Duration>> deadline = section.optional("deadline", LIMIT, "the caller's");
        Setting<Optional<Optional<Duration>>> firstToken =
                section.optional("first-token", FIRST_TOKEN, "by effort and tier");
        Duration limit = firstToken.value().orElse(Optional.empty()).orElse(null);
        if (limit != null) {
            checkFirstToken(firstToken, limit, deadline, targets);
        }
        Policy.@Nullable Hedge hedge = hedge(section.section("hedge"), firstToken);
        Setting<Policy.BrokenStream> broken = section.value("broken-stream", BROKEN, usual.brokenStream());
        Setting<Boolean> wholeOnly = section.value("buffer", BUFFER, usual.wholeOnly());
        return new Policy(
                Math.toIntExact(attempts.value()),
                firstWait.value(),
                longestWait.value(),
                total.value(),
                elsewhere.value(),
                deadline.value().orElse(null),
                limit,
                firstToken.value().isPresent() && limit == null,
                hedge,
                broken.value(),
                wholeOnly.value());
    }

    private void checkAtMost(Setting<Duration> part, Setting<Duration> whole, String name) {
        if (part.written() && part.usable() && whole.usable() && part.value().compareTo(whole.value()) > 0) {
            reading.mistake(part, "at most " + name + ", which is " + Type.write(whole.value()));
        }
    }

    private void checkFirstToken(
            Setting<?> written, Duration limit, Setting<Optional<Duration>> deadline, List<TargetSettings> targets) {
        Duration whole = deadline.value().orElse(null);
        if (whole != null && limit.compareTo(whole) > 0) {
            reading.mistake(written, "at most deadline, which is " + Type.write(whole));
            return;
        }
        for (TargetSettings target : targets) {
            Duration total = totals.get(target.provider());
            if (total != null && limit.compareTo(total) > 0) {
                reading.mistake(
                        written,
                        "at most providers." + target.provider() + ".timeouts.total, which is " + Type.write(total));
                return;
            }
        }
    }

    private Policy.@Nullable Hedge hedge(Section section, Setting<Optional<Optional<Duration>>> firstToken) {
        Setting<Optional<Double>> share = section.ifWritten("share", Type.percent(), "no hedging");
        Setting<Optional<Long>> cost = section.ifWritten("cost", COST, "required in hedge");
        section.end();
        if (!section.isWritten() || !section.clean()) {
            return null;
        }
        if (share.value().isEmpty() || cost.value().isEmpty()) {
            reading.mistake(
                    section.place(),
                    section.key(),
                    null,
                    "not whole; write share and cost, such as {share: 5%, cost: $1/day}",
                    null);
            return null;
        }
        if (firstToken.value().isPresent() && firstToken.value().get().isEmpty()) {
            reading.mistake(
                    section.place(),
                    section.key(),
                    null,
                    "hedging begins at the first-token limit, which is off; write one",
                    null);
        }
        return new Policy.Hedge(share.value().get(), cost.value().get());
    }
}
