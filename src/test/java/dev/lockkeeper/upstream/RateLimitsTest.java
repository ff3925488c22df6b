package dev.lockkeeper.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.http.Headers;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RateLimitsTest {
    /** 2026-11-22T10:00:00Z. */
    private static final long NOW = 1_795_341_600_000L;

    @Test
    void whoHasSomethingLeftOfEachLimitHasSpentNone() {
        assertThat(RateLimits.spent(Headers.empty(), NOW)).isNull();
        assertThat(RateLimits.spent(openai("1", "6m0s", "12", "1s"), NOW)).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "0,1s,500,6m0s,requests,1000",
        "10,1s,0,1m30.951s,tokens,90951",
        "0,12ms,0,6m0s,tokens,360000",
        "0,6m0s,0,12ms,requests,360000",
        "0,48h,9,1s,requests,3600000",
        "-3,2s,9,1s,requests,2000"
    })
    void openAisResetIsASpan(String requests, String reset, String tokens, String tokensReset, String of, long millis) {
        assertThat(RateLimits.spent(openai(requests, reset, tokens, tokensReset), NOW))
                .isEqualTo(new RateLimits.Spent(of, millis));
    }

    @Test
    void anthropicsResetIsATime() {
        Headers headers = Headers.empty()
                .set("anthropic-ratelimit-requests-remaining", "3")
                .set("anthropic-ratelimit-requests-reset", "2026-11-22T10:30:00Z")
                .set("anthropic-ratelimit-input-tokens-remaining", "0")
                .set("anthropic-ratelimit-input-tokens-reset", "2026-11-22T10:00:42.5Z");

        assertThat(RateLimits.spent(headers, NOW)).isEqualTo(new RateLimits.Spent("input tokens", 42_500));
    }

    @Test
    void aTimeIsCountedFromTheAnswersOwnDate() {
        Headers headers = Headers.empty()
                .set("date", "Sun, 22 Nov 2026 10:00:40 GMT")
                .set("anthropic-ratelimit-tokens-remaining", "0")
                .set("anthropic-ratelimit-tokens-reset", "2026-11-22T11:00:50+01:00");

        assertThat(RateLimits.spent(headers, NOW - 999_999)).isEqualTo(new RateLimits.Spent("tokens", 10_000));
    }

    @ParameterizedTest
    @CsvSource({"0,soon", "0,-5s", "0,0s", "0,''", "many,5s", "0x0,5s", "'',5s"})
    void whatCannotBeReadSaysNothing(String remaining, String reset) {
        assertThat(RateLimits.spent(openai(remaining, reset, "5", "1s"), NOW)).isNull();
    }

    @Property(tries = 1_000)
    void noHeadMakesItThrow(
            @ForAll("values") String remaining, @ForAll("values") String reset, @ForAll("values") String date) {
        Headers headers = openai(remaining, reset, "0", date)
                .set("date", date)
                .set("anthropic-ratelimit-tokens-remaining", "0")
                .set("anthropic-ratelimit-tokens-reset", reset);

        RateLimits.Spent spent = RateLimits.spent(headers, NOW);
        if (spent != null) {
            assertThat(spent.millis()).isBetween(1L, 3_600_000L);
        }
    }

    @Provide
    Arbitrary<String> values() {
        return Arbitraries.oneOf(
                Arbitraries.strings().withCharRange(' ', '~').ofMaxLength(80),
                Arbitraries.longs().map(String::valueOf),
                Arbitraries.of(
                        "0",
                        "1h2m",
                        "9999999999999999h",
                        "-999999999-01-01T00:00:00Z",
                        "+999999999-12-31T23:59:59.999999999-18:00",
                        "2026-11-22T10:00:00Z",
                        "Sun, 22 Nov 2026 10:00:40 GMT"));
    }

    private static Headers openai(String requests, String reset, String tokens, String tokensReset) {
        return Headers.empty()
                .set("x-ratelimit-remaining-requests", requests)
                .set("x-ratelimit-reset-requests", reset)
                .set("x-ratelimit-remaining-tokens", tokens)
                .set("x-ratelimit-reset-tokens", tokensReset);
    }
}
