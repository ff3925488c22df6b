package dev.lockkeeper.prices;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import java.math.BigInteger;
import java.util.EnumMap;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class PriceTest {
    /** Prices of gpt-6-astra, as an operator would write them. */
    private static final PriceSettings ASTRA = new PriceSettings(
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            Map.of(
                    Rate.INPUT, nanos("$10"),
                    Rate.CACHED_INPUT, nanos("$1"),
                    Rate.CACHE_WRITE, nanos("$12.50"),
                    Rate.OUTPUT, nanos("$50")),
            272_000,
            Map.of(Rate.INPUT, nanos("$20"), Rate.OUTPUT, nanos("$75")),
            Map.of(
                    Tier.BATCH, new PriceSettings.Tariff(50, Map.of()),
                    Tier.FLEX, new PriceSettings.Tariff(50, Map.of(Rate.OUTPUT, nanos("$20"))),
                    Tier.PRIORITY, new PriceSettings.Tariff(250, Map.of())),
            "");

    private static long nanos(String money) {
        return Money.parse(money).nanos();
    }

    private static Price price(Map<Rate, Long> rates) {
        return new Price(PriceSettings.always(rates), Map.of(), Price.Origin.WRITTEN);
    }

    private final Price astra = new Price(ASTRA, Map.of(), Price.Origin.WRITTEN);

    @Test
    void manyCallsCostWhatEachOfThemDoes() {
        for (String tier : new String[] {"", "batch", "flex", "priority"}) {
            for (long input : new long[] {1_000, 300_000}) {
                Usage usage = new Usage.Builder()
                        .freshInput(input)
                        .cachedInput(7_000)
                        .reasoningOutput(400)
                        .audioMillis(90_000)
                        .images(2)
                        .build()
                        .withTier(tier);
                Map<Rate, Long> counts = Map.of(
                        Rate.INPUT, 1_000 * input,
                        Rate.CACHED_INPUT, 7_000_000L,
                        Rate.REASONING, 400_000L,
                        Rate.AUDIO_MINUTE, 90_000_000L,
                        Rate.IMAGE, 2_000L,
                        Rate.REQUEST, 1_000L);
                assertThat(astra.cost(counts, input > 272_000, tier)).isEqualTo(1_000 * astra.cost(usage));
            }
        }
    }

    @Test
    void eachBucketHasItsPrice() {
        Usage usage = new Usage.Builder()
                .freshInput(1_000)
                .cachedInput(10_000)
                .writtenInput(2_000)
                .textOutput(100)
                .reasoningOutput(300)
                .build();
        assertThat(new Money(astra.cost(usage))).isEqualTo(Money.parse("$0.065"));
    }

    @Test
    void allBucketsThereAreAreCharged() {
        Price price = price(Map.ofEntries(
                Map.entry(Rate.INPUT, 1_000_000L),
                Map.entry(Rate.CACHED_INPUT, 2_000_000L),
                Map.entry(Rate.CACHE_WRITE, 4_000_000L),
                Map.entry(Rate.CACHE_WRITE_LONG, 8_000_000L),
                Map.entry(Rate.AUDIO_INPUT, 16_000_000L),
                Map.entry(Rate.CACHED_AUDIO_INPUT, 32_000_000L),
                Map.entry(Rate.IMAGE_INPUT, 64_000_000L),
                Map.entry(Rate.CACHED_IMAGE_INPUT, 128_000_000L),
                Map.entry(Rate.OUTPUT, 256_000_000L),
                Map.entry(Rate.REASONING, 512_000_000L),
                Map.entry(Rate.AUDIO_OUTPUT, 1_024_000_000L),
                Map.entry(Rate.IMAGE_OUTPUT, 2_048_000_000L),
                Map.entry(Rate.CHARACTERS, 4_096_000_000L),
                Map.entry(Rate.AUDIO_MINUTE, 60_000L * 8_192),
                Map.entry(Rate.IMAGE, 16_384L),
                Map.entry(Rate.REQUEST, 32_768L),
                Map.entry(Rate.WEB_SEARCH, 65_536L),
                Map.entry(Rate.FILE_SEARCH, 131_072L),
                Map.entry(Rate.CONTAINER, 262_144L),
                Map.entry(Rate.OTHER_TOOL, 524_288L),
                Map.entry(Rate.TOOL_IMAGE_INPUT, 1_048_576_000_000L / 2),
                Map.entry(Rate.TOOL_IMAGE_OUTPUT, 1_000_000L)));
        Usage one = new Usage(
                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, new HostedCalls(1, 1, 1, 0, 2, 1, 1), "", false);
        assertThat(price.cost(one)).isEqualTo((1L << 21) - 1 + 1);
        assertThat(price.cost(
                        new Usage.Builder().acceptedOutput(1).rejectedOutput(1).build()))
                .isEqualTo(2 * 256 + 32_768);
    }

    @Test
    void whatHasNoPriceOfItsOwnIsChargedAsWhatItIsAKindOf() {
        Price price = price(Map.of(Rate.INPUT, nanos("$3"), Rate.OUTPUT, nanos("$7")));
        Usage.Builder million = new Usage.Builder();
        assertThat(price.cost(million.cachedInput(1_000_000).build())).isEqualTo(nanos("$3"));
        assertThat(price.cost(million.writtenInput(1_000_000).build())).isEqualTo(nanos("$6"));
        assertThat(price.cost(million.writtenLongInput(1_000_000).build())).isEqualTo(nanos("$9"));
        assertThat(price.cost(million.audioInput(1_000_000).build())).isEqualTo(nanos("$12"));
        assertThat(price.cost(million.reasoningOutput(1_000_000).build())).isEqualTo(nanos("$19"));
        assertThat(price.cost(million.imageOutput(1_000_000).build())).isEqualTo(nanos("$26"));
        Usage cachedPicture = new Usage.Builder().cachedImageInput(1_000_000).build();
        assertThat(price(Map.of(Rate.INPUT, 8L, Rate.CACHED_INPUT, 2L)).cost(cachedPicture))
                .isEqualTo(2);
        assertThat(price(Map.of(Rate.INPUT, 8L, Rate.CACHED_INPUT, 2L, Rate.IMAGE_INPUT, 9L))
                        .cost(cachedPicture))
                .isEqualTo(9);
    }

    @Test
    void aLongPromptMakesTheWholeRequestDearerFromItsFirstTokenOn() {
        assertThat(astra.cost(Usage.of(272_000, 1_000_000))).isEqualTo(nanos("$2.72") + nanos("$50"));
        assertThat(astra.cost(Usage.of(272_001, 1_000_000))).isEqualTo(nanos("$5.44002") + nanos("$75"));
        Usage cached =
                new Usage.Builder().cachedInput(200_000).writtenInput(72_001).build();
        assertThat(astra.cost(cached))
                .as("cached and written tokens make a prompt long, and are twice as dear")
                .isEqualTo(nanos("$0.40") + nanos("$1.800025"));
    }

    @Test
    void theTierIsTheOneThatTheAnswerReports() {
        Usage usage = Usage.of(100_000, 10_000);
        assertThat(astra.cost(usage)).isEqualTo(nanos("$1.50"));
        assertThat(astra.cost(usage.withTier("default"))).isEqualTo(nanos("$1.50"));
        assertThat(astra.cost(usage.withTier("batch"))).isEqualTo(nanos("$0.75"));
        assertThat(astra.cost(usage.withTier("flex"))).isEqualTo(nanos("$0.50") + nanos("$0.20"));
        assertThat(astra.cost(usage.withTier("priority"))).isEqualTo(nanos("$3.75"));
        assertThat(astra.cost(usage.withTier("fast"))).isEqualTo(nanos("$3.75"));
        assertThat(astra.cost(Usage.of(300_000, 0).withTier("batch")))
                .as("half of the long prompt's price")
                .isEqualTo(nanos("$3"));
        assertThat(astra.cost(Usage.of(300_000, 10_000).withTier("flex")))
                .as("its own output price is dearer for a long prompt as the usual one is")
                .isEqualTo(nanos("$3") + nanos("$0.30"));
    }

    @Test
    void whatATariffDoesNotWriteIsCheaperAsItsInputAndOutputAre() {
        Price price = new Price(
                new PriceSettings(
                        Long.MIN_VALUE,
                        Long.MAX_VALUE,
                        Map.of(
                                Rate.INPUT, nanos("$5"),
                                Rate.CACHED_INPUT, nanos("$1"),
                                Rate.OUTPUT, nanos("$30")),
                        Long.MAX_VALUE,
                        Map.of(),
                        Map.of(
                                Tier.BATCH,
                                new PriceSettings.Tariff(
                                        100, Map.of(Rate.INPUT, nanos("$2.50"), Rate.OUTPUT, nanos("$15")))),
                        ""),
                Map.of(),
                Price.Origin.WRITTEN);
        Usage usage = new Usage.Builder()
                .freshInput(1_000_000)
                .cachedInput(1_000_000)
                .textOutput(1_000_000)
                .reasoningOutput(1_000_000)
                .tier("batch")
                .build();
        assertThat(price.cost(usage)).isEqualTo(nanos("$2.50") + nanos("$0.50") + nanos("$15") + nanos("$15"));
        assertThat(price.worstIn(1_000, 1_000, "batch"))
                .isEqualTo(price.cost(Usage.of(1_000, 1_000).withTier("batch")));
    }

    @Test
    void aTierWithoutPriceIsChargedOnTheSafeSide() {
        Price price = price(Map.of(Rate.INPUT, nanos("$1"), Rate.OUTPUT, nanos("$1")));
        Usage usage = Usage.of(1_000_000, 0);
        assertThat(price.cost(usage.withTier("flex"))).isEqualTo(nanos("$1"));
        assertThat(price.cost(usage.withTier("batch"))).isEqualTo(nanos("$1"));
        assertThat(price.cost(usage.withTier("priority"))).isEqualTo(nanos("$2"));
        assertThat(price.cost(usage.withTier("ultrafast"))).isEqualTo(nanos("$6"));
        assertThat(price.cost(usage.withTier("scale"))).isEqualTo(nanos("$1"));
    }

    @Test
    void feesAreTheProvidersAndNoTierChangesThem() {
        Map<Rate, Long> fees = Map.of(Rate.WEB_SEARCH, nanos("$0.01"), Rate.CONTAINER, nanos("$0.03"));
        Price price = new Price(ASTRA, fees, Price.Origin.CATALOGUE);
        Usage usage = new Usage.Builder()
                .hosted(new HostedCalls(3, 5, 1, 0, 0, 0, 0))
                .tier("flex")
                .build();
        assertThat(price.cost(usage)).isEqualTo(nanos("$0.06"));
    }

    @Test
    void aBillIsRoundedUpOnceAndNotForEachBucket() {
        Price price = price(Map.of(Rate.INPUT, 1L, Rate.CACHED_INPUT, 1L, Rate.OUTPUT, 1L));
        assertThat(price.cost(Usage.of(1, 0))).isEqualTo(1);
        assertThat(price.cost(new Usage.Builder()
                        .freshInput(300_000)
                        .cachedInput(300_000)
                        .textOutput(400_000)
                        .build()))
                .isEqualTo(1);
        assertThat(price.cost(new Usage.Builder()
                        .freshInput(300_000)
                        .cachedInput(300_000)
                        .textOutput(400_001)
                        .build()))
                .isEqualTo(2);
        assertThat(price(Map.of(Rate.AUDIO_MINUTE, nanos("$0.006")))
                        .cost(new Usage.Builder().audioMillis(12_000).build()))
                .isEqualTo(nanos("$0.0012"));
    }

    @Test
    void theLargestBillThatCanBeIsExactAndASingleNanoMoreThanWhatFitsIsNoPrice() {
        Map<Rate, Long> most = new EnumMap<>(Rate.class);
        for (Rate rate : Rate.values()) {
            most.put(rate, rate.most());
        }
        Usage usage = new Usage(
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST,
                Usage.MOST_PIECES,
                new HostedCalls(
                        Usage.MOST_PIECES,
                        Usage.MOST_PIECES,
                        Usage.MOST_PIECES,
                        Usage.MOST_PIECES,
                        Usage.MOST,
                        Usage.MOST,
                        Usage.MOST_PIECES),
                "ultrafast",
                false);
        Price dearest = new Price(
                new PriceSettings(
                        Long.MIN_VALUE,
                        Long.MAX_VALUE,
                        most,
                        Long.MAX_VALUE,
                        Map.of(),
                        Map.of(Tier.ULTRAFAST, new PriceSettings.Tariff(800, Map.of())),
                        ""),
                Map.of(),
                Price.Origin.WRITTEN);
        // 15 buckets of a thousand million at $8,000, as much audio at $8,000 a minute, pictures, one call, five fees.
        long million = 1_000_000_000L / 1_000_000;
        long expected = 15 * million * 8 * Rate.MOST
                + minutes(8 * Rate.MOST)
                + (Usage.MOST_PIECES + 1) * 8 * Rate.MOST_EACH
                + 4 * Usage.MOST_PIECES * Rate.MOST_EACH
                + 2 * million * Rate.MOST;
        assertThat(dearest.cost(usage)).isEqualTo(expected);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Price(
                        new PriceSettings(
                                Long.MIN_VALUE,
                                Long.MAX_VALUE,
                                most,
                                Long.MAX_VALUE,
                                Map.of(),
                                Map.of(Tier.ULTRAFAST, new PriceSettings.Tariff(801, Map.of())),
                                ""),
                        Map.of(),
                        Price.Origin.WRITTEN))
                .withMessageContaining("input comes to");
    }

    private static long minutes(long price) {
        return BigInteger.valueOf(price)
                .multiply(BigInteger.valueOf(Usage.MOST))
                .add(BigInteger.valueOf(59_999))
                .divide(BigInteger.valueOf(60_000))
                .longValueExact();
    }

    @Test
    void whatCanNotBeIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> astra.worst(-1, 0, ""));
        assertThat(astra.worst(Long.MAX_VALUE, Long.MAX_VALUE, "priority"))
                .as("more tokens than any usage can tell")
                .isEqualTo(astra.worst(8 * Usage.MOST, 8 * Usage.MOST, "priority"));
    }

    @Property(tries = 2000)
    void noBillIsAboveTheWorst(
            @ForAll("prices") Price price,
            @ForAll("usages") Usage usage,
            @ForAll("tiers") String asked,
            @ForAll boolean asAsked,
            @ForAll @LongRange(min = 0, max = 100_000) long moreInput,
            @ForAll @LongRange(min = 0, max = 100_000) long moreOutput) {
        Usage told = asAsked ? usage.withTier(asked) : usage;
        assertThat(price.cost(told))
                .isLessThanOrEqualTo(price.worst(usage.input() + moreInput, usage.output() + moreOutput, asked));
    }

    @Property(tries = 2000)
    void noBillInATierIsAboveTheWorstInIt(
            @ForAll("prices") Price price, @ForAll("usages") Usage usage, @ForAll("tiers") String tier) {
        long worst = price.worstIn(usage.input(), usage.output(), tier);
        assertThat(price.cost(usage.withTier(tier))).isLessThanOrEqualTo(worst);
        assertThat(worst).isLessThanOrEqualTo(price.worst(usage.input(), usage.output(), tier));
    }

    @Property(tries = 2000)
    void theAffordableOutputIsTheGreatest(
            @ForAll("prices") Price price,
            @ForAll @LongRange(min = 0, max = 100_000_000_000L) long nanos,
            @ForAll @LongRange(min = 0, max = 1_000_000) long input,
            @ForAll("tiers") String asked) {
        long output = price.affordableOutput(nanos, input, asked);
        if (output > 0) {
            assertThat(price.worst(input, output, asked)).isLessThanOrEqualTo(nanos);
        }
        if (output < Usage.MOST) {
            assertThat(price.worst(input, output + 1, asked)).isGreaterThan(nanos);
        }
    }

    @Property
    void aBillGrowsWithEachTokenOrStays(@ForAll("prices") Price price, @ForAll("usages") Usage usage) {
        long cost = price.cost(usage);
        Usage more = usage.toBuilder().textOutput(usage.textOutput() + 1).build();
        assertThat(cost).isNotNegative();
        assertThat(price.cost(more)).isGreaterThanOrEqualTo(cost);
    }

    @Provide
    Arbitrary<String> tiers() {
        return Arbitraries.of("", "auto", "default", "flex", "batch", "priority", "fast", "ultrafast", "scale");
    }

    @Provide
    Arbitrary<Usage> usages() {
        Arbitrary<Long> count = Arbitraries.longs().between(0, 300_000);
        Arbitrary<Usage.Builder> input = Combinators.combine(count, count, count, count, count, count, count, count)
                .as((a, b, c, d, e, f, g, h) -> new Usage.Builder()
                        .freshInput(a)
                        .cachedInput(b)
                        .cachedAudioInput(c)
                        .cachedImageInput(d)
                        .writtenInput(e)
                        .writtenLongInput(f)
                        .audioInput(g)
                        .imageInput(h));
        return Combinators.combine(input, count, count, count, count, count, count)
                .as((builder, a, b, c, d, e, f) -> builder.textOutput(a)
                        .reasoningOutput(b)
                        .audioOutput(c)
                        .imageOutput(d)
                        .acceptedOutput(e)
                        .rejectedOutput(f)
                        .build());
    }

    @Provide
    Arbitrary<Price> prices() {
        Arbitrary<Long> amount = Arbitraries.longs().between(Money.DOLLAR, 10 * Money.DOLLAR);
        Arbitrary<Rate> rates = Arbitraries.of(Rate.values()).filter(rate -> rate.isInput() || rate.isOutput());
        Arbitrary<Map<Rate, Long>> written = Arbitraries.maps(rates, amount).ofMaxSize(12);
        // From $1 to $10, so that no price in a tariff of a long prompt is beyond all bounds.
        Arbitrary<Long> solid = Arbitraries.longs().between(Money.DOLLAR, 10 * Money.DOLLAR);
        Arbitrary<Integer> percent = Arbitraries.integers().between(0, 400);
        Arbitrary<Long> over = Arbitraries.longs().between(1, 600_000);
        Arbitrary<Long> request = Arbitraries.longs().between(0, Money.DOLLAR / 100);
        return Combinators.combine(written, solid, solid, written, over, percent, percent, request)
                .as((rest, in, out, longer, from, flex, priority, each) -> {
                    Map<Rate, Long> all = new EnumMap<>(Rate.class);
                    all.putAll(rest);
                    all.put(Rate.INPUT, in);
                    all.put(Rate.OUTPUT, out);
                    all.put(Rate.REQUEST, each);
                    return new Price(
                            new PriceSettings(
                                    Long.MIN_VALUE,
                                    Long.MAX_VALUE,
                                    all,
                                    from,
                                    longer,
                                    Map.of(
                                            Tier.FLEX, new PriceSettings.Tariff(flex, longer),
                                            Tier.PRIORITY, new PriceSettings.Tariff(priority, Map.of())),
                                    ""),
                            Map.of(),
                            Price.Origin.WRITTEN);
                });
    }
}
