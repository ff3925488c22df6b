package dev.lockkeeper.prices;

import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Usage;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/**
 * What calls of one model at one provider cost at one time, in nano-dollars. Sums are exact integers, rounded up once; what
 * can't be is an exception and never a wrong number. Immutable; any thread.
 */
public final class Price {
    /** Tokens of a prompt or of an answer, at most: no usage can tell more. */
    private static final long MOST_TOKENS = 8 * Usage.MOST;

    private static final Tier[] TIERS = Tier.values();

    /** Where a price is from. */
    public enum Origin {
        /** The operator wrote it for this model. */
        WRITTEN,
        /** It is in the catalogue that ships with the gateway. */
        CATALOGUE,
        /** The operator wrote it for all models that have no price. */
        UNPRICED,
        /** The provider is simulated and costs nothing. */
        SIMULATED
    }

    private final PriceSettings written;
    private final Origin origin;
    private final Map<Tier, Rates> usual = new EnumMap<>(Tier.class);
    private final Map<Tier, Rates> longer = new EnumMap<>(Tier.class);

    /**
     * @param feesWritten what the provider takes for its hosted tools, for fees that the price itself does not name
     * @throws IllegalArgumentException a tariff or a long prompt comes to a price beyond all bounds; the message says which
     */
    Price(PriceSettings written, Map<Rate, Long> feesWritten, Origin origin) {
        this.written = written;
        this.origin = origin;
        Rates base = Rates.usual(written.rates(), feesWritten);
        Rates baseLonger = base.longer(written.longRates());
        for (Tier tier : TIERS) {
            PriceSettings.Tariff tariff = written.tiers().get(tier);
            if (tariff == null) {
                tariff = new PriceSettings.Tariff(tier.assumed(), Map.of());
            }
            usual.put(tier, tier == Tier.STANDARD ? base : base.in(tariff, base));
            longer.put(tier, tier == Tier.STANDARD ? baseLonger : baseLonger.in(tariff, base));
        }
    }

    /** The price as it is written. */
    public PriceSettings written() {
        return written;
    }

    /** Where it is from. */
    public Origin origin() {
        return origin;
    }

    private Rates rates(Tier tier, long input) {
        return Objects.requireNonNull((input > written.longOver() ? longer : usual).get(tier));
    }

    /** What the usage is billed at, by the tier that it reports. */
    public long cost(Usage usage) {
        Rates at = rates(Tier.of(usage.tier()), usage.input());
        HostedCalls hosted = usage.hosted();
        return new Sum()
                .million(usage.freshInput(), at.of(Rate.INPUT))
                .million(usage.cachedInput(), at.of(Rate.CACHED_INPUT))
                .million(usage.writtenInput(), at.of(Rate.CACHE_WRITE))
                .million(usage.writtenLongInput(), at.of(Rate.CACHE_WRITE_LONG))
                .million(usage.audioInput(), at.of(Rate.AUDIO_INPUT))
                .million(usage.cachedAudioInput(), at.of(Rate.CACHED_AUDIO_INPUT))
                .million(usage.imageInput(), at.of(Rate.IMAGE_INPUT))
                .million(usage.cachedImageInput(), at.of(Rate.CACHED_IMAGE_INPUT))
                .million(usage.textOutput(), at.of(Rate.OUTPUT))
                .million(usage.acceptedOutput(), at.of(Rate.OUTPUT))
                .million(usage.rejectedOutput(), at.of(Rate.OUTPUT))
                .million(usage.reasoningOutput(), at.of(Rate.REASONING))
                .million(usage.audioOutput(), at.of(Rate.AUDIO_OUTPUT))
                .million(usage.imageOutput(), at.of(Rate.IMAGE_OUTPUT))
                .million(usage.characters(), at.of(Rate.CHARACTERS))
                .minutes(usage.audioMillis(), at.of(Rate.AUDIO_MINUTE))
                .each(usage.images(), at.of(Rate.IMAGE))
                .each(1, at.of(Rate.REQUEST))
                .each(hosted.webSearches(), at.of(Rate.WEB_SEARCH))
                .each(hosted.fileSearches(), at.of(Rate.FILE_SEARCH))
                .each(hosted.containers(), at.of(Rate.CONTAINER))
                .each(hosted.others(), at.of(Rate.OTHER_TOOL))
                .million(hosted.imageInput(), at.of(Rate.TOOL_IMAGE_INPUT))
                .million(hosted.imageOutput(), at.of(Rate.TOOL_IMAGE_OUTPUT))
                .nanos();
    }

    /**
     * What many calls together are billed at, rounded up once.
     *
     * @param counts of what has a price, in tokens, milliseconds or pieces; of {@link Rate#REQUEST} the calls
     * @param longPrompts whether each of their prompts is a long one
     * @param tier as the answers report it
     * @throws ArithmeticException when it is too large an amount
     */
    public long cost(Map<Rate, Long> counts, boolean longPrompts, String tier) {
        Rates at = Objects.requireNonNull((longPrompts ? longer : usual).get(Tier.of(tier)));
        Sum sum = new Sum();
        counts.forEach((rate, count) -> {
            switch (rate.unit()) {
                case MILLION -> sum.million(count, at.of(rate));
                case MINUTE -> sum.minutes(count, at.of(rate));
                case EACH -> sum.each(count, at.of(rate));
            }
        });
        return sum.nanos();
    }

    /**
     * An upper bound of any bill for so many tokens, whatever they are: the dearest kind of each side, writing to caches
     * included, by the asked tier and by the usual one, since a provider may answer in that. What hosted tools, pictures by
     * the piece, audio by the minute and characters cost is not in it.
     *
     * @param askedTier as the request names it, empty when it names none
     */
    public long worst(long inputTokens, long outputTokens, String askedTier) {
        return Math.max(worstIn(inputTokens, outputTokens, askedTier), worstIn(inputTokens, outputTokens, ""));
    }

    /** The same where the provider is certain to answer in the tier that was asked for, as in a batch. */
    public long worstIn(long inputTokens, long outputTokens, String tier) {
        long input = bounded(inputTokens);
        long output = bounded(outputTokens);
        Tier asked = Tier.of(tier);
        long worst = worst(usual, asked, input, output);
        // Fewer tokens may be billed than were reckoned with, so that the prompt is not a long one after all.
        return input <= written.longOver() ? worst : Math.max(worst, worst(longer, asked, input, output));
    }

    private static long worst(Map<Tier, Rates> rates, Tier tier, long input, long output) {
        Rates at = Objects.requireNonNull(rates.get(tier));
        return new Sum()
                .million(input, at.dearestInput())
                .million(output, at.dearestOutput())
                .each(1, at.of(Rate.REQUEST))
                .nanos();
    }

    /**
     * What so many tokens of fresh and generated text cost.
     *
     * @param askedTier as the request names it, empty when it names none
     */
    public long likely(long inputTokens, long outputTokens, String askedTier) {
        long input = bounded(inputTokens);
        Rates at = rates(Tier.of(askedTier), input);
        return new Sum()
                .million(input, at.of(Rate.INPUT))
                .million(bounded(outputTokens), at.of(Rate.OUTPUT))
                .each(1, at.of(Rate.REQUEST))
                .nanos();
    }

    /**
     * The most generated tokens, so that {@link #worst} is not above an amount: 0 when there are none, {@link Usage#MOST}
     * when there are that many or more.
     *
     * @param askedTier as the request names it, empty when it names none
     */
    public long affordableOutput(long nanos, long inputTokens, String askedTier) {
        if (worst(inputTokens, Usage.MOST, askedTier) <= nanos) {
            return Usage.MOST;
        }
        long can = 0;
        long cant = Usage.MOST;
        while (cant - can > 1) {
            long middle = (can + cant) >>> 1;
            if (worst(inputTokens, middle, askedTier) <= nanos) {
                can = middle;
            } else {
                cant = middle;
            }
        }
        return can;
    }

    private static long bounded(long tokens) {
        if (tokens < 0) {
            throw new IllegalArgumentException("tokens: " + tokens + " (expected: 0 or more)");
        }
        return Math.min(tokens, MOST_TOKENS);
    }
}
