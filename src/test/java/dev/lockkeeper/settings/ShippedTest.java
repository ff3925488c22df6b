package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.routing.Skill;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ShippedTest {
    private final Catalog catalog = Shipped.catalog();

    @Test
    void aModelIsKnownByItsName() {
        assertThat(catalog.find("gpt-5.5"))
                .isEqualTo(new Catalog.Known(
                        "openai",
                        "gpt-5.5",
                        Catalog.Kind.CHAT,
                        1_050_000,
                        128_000,
                        List.of("chat", "responses"),
                        Set.of(Skill.TOOLS, Skill.IMAGES, Skill.SCHEMA),
                        Set.of(Skill.AUDIO),
                        List.of("none", "low", "medium", "high", "xhigh")));
        assertThat(catalog.find("text-embedding-3-small"))
                .isEqualTo(new Catalog.Known(
                        "openai",
                        "text-embedding-3-small",
                        Catalog.Kind.EMBEDDING,
                        8191,
                        0,
                        List.of("embeddings"),
                        Set.of(),
                        Set.of(),
                        List.of()));
    }

    @Test
    void neitherReleaseDayNorVendorMatter() {
        assertThat(catalog.find("gpt-4o-2024-11-20")).isEqualTo(catalog.find("gpt-4o"));
        assertThat(catalog.find("claude-haiku-4-5-20251001")).isEqualTo(catalog.find("claude-haiku-4-5"));
        assertThat(catalog.find("openai/gpt-4o")).isEqualTo(catalog.find("gpt-4o"));
        assertThat(catalog.find("gpt-4o")).isNotNull();
    }

    @Test
    void anUnknownModelIsNotGuessed() {
        assertThat(catalog.find("gpt-4o-mine")).isNull();
        assertThat(catalog.find("")).isNull();
    }

    @Test
    void aVendorsModelsAreListed() {
        assertThat(catalog.of("openai"))
                .extracting(Catalog.Known::model)
                .contains("gpt-5.5", "gpt-4o-mini", "whisper-1")
                .doesNotHaveDuplicates();
        assertThat(catalog.of("nobody")).isEmpty();
    }

    @Test
    void everyLineIsPlausible() {
        for (String vendor : List.of("openai", "anthropic", "gemini", "deepseek", "xai")) {
            assertThat(catalog.of(vendor)).isNotEmpty().allSatisfy(known -> {
                assertThat(known.endpoints()).isNotEmpty().doesNotContain("");
                assertThat(known.maxOutput()).isBetween(0L, Math.max(known.context(), 0L));
            });
        }
    }

    private static final PriceBook BOOK =
            new PriceBook(PricesSettings.NONE, Shipped.prices().values(), Set.of());

    private static Price price(String model, String day) {
        return Objects.requireNonNull(
                BOOK.find("any", model, Instant.parse(day + "T00:00:00Z").toEpochMilli()), model);
    }

    @Test
    void aModelsPriceIsAsTheVendorsPageHadIt() {
        assertThat(price("gpt-6-astra", "2026-11-21").written().rates())
                .containsEntry(Rate.INPUT, 10_000_000_000L)
                .containsEntry(Rate.CACHED_INPUT, 1_000_000_000L)
                .containsEntry(Rate.CACHE_WRITE, 12_500_000_000L)
                .containsEntry(Rate.OUTPUT, 50_000_000_000L);
        assertThat(price("deepseek-v4-flash", "2026-11-21").written().rates())
                .containsEntry(Rate.CACHED_INPUT, 2_800_000L)
                .containsEntry(Rate.CACHE_WRITE, 0L);
        assertThat(price("claude-opus-5-5", "2026-11-21").written().rates())
                .containsEntry(Rate.CACHE_WRITE_LONG, 8_000_000_000L);
    }

    @Test
    void aPriceThatChangedHoldsFromItsDayOn() {
        assertThat(price("gpt-5.6-luna", "2026-09-30").likely(1_000_000, 0, "")).isEqualTo(1_000_000_000);
        assertThat(price("gpt-5.6-luna", "2026-10-01").likely(100_000, 0, "")).isEqualTo(20_000_000);
        assertThat(price("gemini-4-argon", "2026-11-30").likely(1_000_000, 0, ""))
                .isEqualTo(2_000_000_000);
        assertThat(price("gemini-4-argon", "2026-12-01").likely(1_000_000, 0, ""))
                .isEqualTo(4_000_000_000L);
        assertThat(price("gpt-4o", "1999-01-01").likely(1_000_000, 0, "")).isEqualTo(2_500_000_000L);
    }

    @Test
    void aKeyWithNothingBehindItIsNoPrice() {
        assertThat(BOOK.find("openai", "gpt-image-1", 0)).isNull();
        assertThat(BOOK.find("openai", "omni-moderation-latest", 0)).isNull();
        assertThat(BOOK.find("openai", "nobody-knows-it", 0)).isNull();
    }

    @Test
    void everyPriceSaysWhereItWasSeenAndInWhichOrder() {
        Shipped.prices()
                .values()
                .forEach(vendor -> vendor.models().forEach((model, prices) -> {
                    assertThat(prices)
                            .as(model)
                            .isNotEmpty()
                            .isSortedAccordingTo((one, other) -> Long.compare(one.fromMillis(), other.fromMillis()));
                    prices.forEach(price -> {
                        if (price.charges()) {
                            assertThat(BOOK.find("any", model, price.fromMillis()))
                                    .as(model)
                                    .isNotNull();
                            assertThat(price.source()).as(model).isNotBlank();
                            assertThat(price.fromMillis())
                                    .as(model)
                                    .isGreaterThan(Instant.parse("2026-01-01T00:00:00Z")
                                            .toEpochMilli());
                        }
                    });
                }));
    }
}
