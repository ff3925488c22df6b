package dev.lockkeeper.prices;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class PriceBookTest {
    private static final PriceSettings NOTHING = PriceSettings.always(Map.of());

    private static PriceSettings dollars(long input, long from, long until) {
        return new PriceSettings(
                from,
                until,
                Map.of(Rate.INPUT, input * Money.DOLLAR, Rate.OUTPUT, input * Money.DOLLAR),
                Long.MAX_VALUE,
                Map.of(),
                Map.of(),
                "");
    }

    private static PriceSettings dollars(long input) {
        return dollars(input, Long.MIN_VALUE, Long.MAX_VALUE);
    }

    private static PriceList list(String model, PriceSettings... prices) {
        return new PriceList(Map.of(model, Arrays.asList(prices)), Map.of());
    }

    private static PriceBook book(Map<String, PriceList> written, @Nullable PriceSettings unpriced) {
        PriceList vendor = new PriceList(
                Map.of(
                        "gpt-5.5", List.of(dollars(5)),
                        "changing", List.of(dollars(1, 100, Long.MAX_VALUE), dollars(2, 200, Long.MAX_VALUE)),
                        "unknown-price", List.of(NOTHING)),
                Map.of(Rate.WEB_SEARCH, Money.DOLLAR));
        return new PriceBook(new PricesSettings(written, unpriced), List.of(vendor), Set.of("simulator"));
    }

    private static long dollarsOf(PriceBook book, String provider, String model, long millis) {
        Price price = Objects.requireNonNull(book.find(provider, model, millis));
        return price.likely(1_000_000, 0, "") / Money.DOLLAR;
    }

    @Test
    void theCatalogueKnowsAModelWhoeverServesIt() {
        PriceBook book = book(Map.of(), null);
        assertThat(dollarsOf(book, "azure", "gpt-5.5", 0)).isEqualTo(5);
        assertThat(dollarsOf(book, "openrouter", "openai/gpt-5.5", 0)).isEqualTo(5);
        assertThat(dollarsOf(book, "openai", "gpt-5.5-2026-04-23", 0)).isEqualTo(5);
        assertThat(dollarsOf(book, "openai", "gpt-5.5-20260423", 0)).isEqualTo(5);
        assertThat(book.find("openai", "gpt-5.5-mine", 0)).isNull();
        assertThat(book.find("openai", "unknown-price", 0)).isNull();
    }

    @Test
    void whatTheOperatorWroteWinsAndTheNearestOfItFirst() {
        PriceList openai =
                new PriceList(Map.of("gpt-5.5", List.of(dollars(7)), PriceBook.ALL, List.of(dollars(8))), Map.of());
        PriceBook book = book(Map.of("openai", openai), dollars(9));
        assertThat(dollarsOf(book, "openai", "gpt-5.5", 0)).isEqualTo(7);
        assertThat(dollarsOf(book, "openai", "changing", 200)).isEqualTo(8);
        assertThat(dollarsOf(book, "azure", "gpt-5.5", 0)).isEqualTo(5);
        assertThat(dollarsOf(book, "azure", "unknown-price", 0)).isEqualTo(9);
        assertThat(Objects.requireNonNull(book.find("azure", "mine", 0)).origin())
                .isEqualTo(Price.Origin.UNPRICED);
    }

    @Test
    void aPriceHoldsFromItsFirstMomentToBeforeItsLast() {
        PriceBook book = book(
                Map.of(
                        "openai",
                        list("m", dollars(2, 200, 300), dollars(1, 100, Long.MAX_VALUE), dollars(4, 400, 500))),
                null);
        assertThat(book.find("openai", "m", 99)).isNull();
        assertThat(dollarsOf(book, "openai", "m", 100)).isEqualTo(1);
        assertThat(dollarsOf(book, "openai", "m", 199)).isEqualTo(1);
        assertThat(dollarsOf(book, "openai", "m", 200)).isEqualTo(2);
        assertThat(dollarsOf(book, "openai", "m", 299)).isEqualTo(2);
        assertThat(dollarsOf(book, "openai", "m", 300)).isEqualTo(1);
        assertThat(dollarsOf(book, "openai", "m", 499)).isEqualTo(4);
        assertThat(dollarsOf(book, "openai", "m", 500)).isEqualTo(1);
    }

    @Test
    void whenAWrittenPriceHasEndedTheCataloguesHolds() {
        PriceBook book = book(Map.of("openai", list("gpt-5.5", dollars(1, 0, 100))), null);
        assertThat(dollarsOf(book, "openai", "gpt-5.5", 99)).isEqualTo(1);
        assertThat(dollarsOf(book, "openai", "gpt-5.5", 100)).isEqualTo(5);
    }

    @Test
    void theCataloguesFirstPriceAlsoHoldsBeforeItsDay() {
        PriceBook book = book(Map.of(), null);
        assertThat(dollarsOf(book, "openai", "changing", 0)).isEqualTo(1);
        assertThat(dollarsOf(book, "openai", "changing", 200)).isEqualTo(2);
    }

    @Test
    void theSimulatedProviderIsFreeUnlessItsPriceIsWritten() {
        Usage usage = new Usage.Builder()
                .freshInput(1_000_000)
                .hosted(new HostedCalls(5, 0, 0, 0, 0, 0, 0))
                .build();
        Price free = Objects.requireNonNull(book(Map.of(), dollars(9)).find("simulator", "gpt-5.5", 0));
        assertThat(free.cost(usage)).isZero();
        assertThat(free.origin()).isEqualTo(Price.Origin.SIMULATED);
        PriceBook written = book(Map.of("simulator", list("gpt-5.5", dollars(3))), null);
        assertThat(dollarsOf(written, "simulator", "gpt-5.5", 0)).isEqualTo(3);
        assertThat(dollarsOf(written, "simulator", "other", 0)).isZero();
    }

    @Test
    void aProvidersFeesHoldForTheCataloguesPricesToo() {
        Usage search =
                new Usage.Builder().hosted(new HostedCalls(2, 1, 0, 0, 0, 0, 0)).build();
        PriceList fees = new PriceList(Map.of(), Map.of(Rate.FILE_SEARCH, 3 * Money.DOLLAR));
        PriceBook book = book(Map.of("openai", fees), null);
        assertThat(Objects.requireNonNull(book.find("openai", "gpt-5.5", 0)).cost(search))
                .isEqualTo(5 * Money.DOLLAR);
        assertThat(Objects.requireNonNull(book.find("azure", "gpt-5.5", 0)).cost(search))
                .isEqualTo(2 * Money.DOLLAR);
    }
}
