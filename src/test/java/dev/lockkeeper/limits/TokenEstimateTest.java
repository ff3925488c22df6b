package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import dev.lockkeeper.units.Media;
import dev.lockkeeper.units.Media.Detail;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenEstimateTest {
    private final TokenEstimate estimate = new TokenEstimate();

    @Test
    void anUnknownModelHasFourBytesForAToken() {
        assertThat(estimate.input("new", 4_000, 1, List.of())).isEqualTo(new Tokens(1_008, 4_032));
    }

    @Test
    void whatUpstreamsReportIsLearntForEachModel() {
        for (int i = 0; i < 100; i++) {
            estimate.learn("chinese", 3_000, 1, 2_008);
        }
        assertThat(estimate.input("chinese", 3_000, 1, List.of()).likely()).isEqualTo(2_008);
        assertThat(estimate.input("other", 3_000, 1, List.of()).likely()).isEqualTo(758);
    }

    @Test
    void theFirstReportIsBelievedAndALaterOneMovesALittle() {
        estimate.learn("m", 10_000, 0, 5_004);
        assertThat(estimate.bytesPerToken("m")).isEqualTo(2);
        for (int i = 0; i < 100; i++) {
            estimate.learn("m", 10_000, 0, 5_004);
        }
        estimate.learn("m", 10_000, 0, 2_504);
        assertThat(estimate.bytesPerToken("m")).isCloseTo(2 + 2.0 / 16, within(1e-9));
    }

    @Test
    void shortPromptsTeachNothing() {
        estimate.learn("m", TokenEstimate.LEAST_TEXT - 1, 1, 10_000);
        estimate.learn("m", 10_000, 1, 8);
        estimate.learn("m", 10_000, 1, 0);
        assertThat(estimate.models()).isZero();
    }

    @Test
    void noMoreModelsAreLearntThanTheBound() {
        for (int i = 0; i < TokenEstimate.MAX_MODELS + 10; i++) {
            estimate.learn("m" + i, 1_000, 1, 400);
        }
        assertThat(estimate.models()).isEqualTo(TokenEstimate.MAX_MODELS);
        assertThat(estimate.bytesPerToken("m" + (TokenEstimate.MAX_MODELS + 5))).isEqualTo(4);
    }

    @Property(tries = 500)
    void whateverIsReportedTheEstimateStaysWithinItsBounds(
            @ForAll @Size(max = 40) List<@LongRange(min = -5, max = Long.MAX_VALUE / 2) Long> reports,
            @ForAll @LongRange(max = 1_000_000_000L) long bytes,
            @ForAll @IntRange(max = 10_000) int messages) {
        TokenEstimate learning = new TokenEstimate();
        for (long each : reports) {
            learning.learn("m", 5_000, 3, each);
        }
        assertThat(learning.bytesPerToken("m"))
                .isBetween(TokenEstimate.LEAST_BYTES_PER_TOKEN, TokenEstimate.MOST_BYTES_PER_TOKEN);
        Tokens told = learning.input("m", bytes, messages, List.of());
        assertThat(told.likely() - 4L * (messages + 1)).isBetween(bytes / 8, bytes);
        assertThat(told.atMost()).isEqualTo(bytes + 16L * (messages + 1));
    }

    private static final Encoding COUNTED = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);

    @Property(tries = 300)
    void noTextHasMoreTokensThanBytes(@ForAll @StringLength(max = 200) String text) {
        String valid = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        assertThat(COUNTED.countTokensOrdinary(valid))
                .isLessThanOrEqualTo(valid.getBytes(StandardCharsets.UTF_8).length);
    }

    // The examples are those of OpenAI's guide on images and vision, and of Anthropic's.
    @ParameterizedTest
    @CsvSource({
        "gpt-4o, HIGH, 1024, 1024, 765",
        "gpt-4o, HIGH, 2048, 4096, 1105",
        "gpt-4o, LOW, 4096, 8192, 85",
        "gpt-4o-mini-2024-07-18, AUTO, 512, 512, 8500",
        "gpt-5, HIGH, 1024, 1024, 630",
        "gpt-5.2-2025-12-11, LOW, 9, 9, 70",
        "o3, HIGH, 1024, 1024, 675",
        "gpt-4.1-mini, LOW, 1024, 1024, 1659",
        "openai/gpt-5-nano, HIGH, 4000, 4000, 3779",
        "gpt-6-astra, HIGH, 1024, 1024, 1024",
        "gpt-6-astra, HIGH, 4000, 4000, 2500",
        "gpt-6-astra, ORIGINAL, 9000, 9000, 10000",
        "gpt-6-astra, LOW, 4000, 4000, 256",
        "anthropic.claude-opus-5-5, AUTO, 1000, 1000, 1334",
        "claude-opus-5-5, AUTO, 8000, 8000, 4784",
        "gemini-3-pro, AUTO, 384, 384, 258",
        "gemini-3-pro, AUTO, 1024, 1024, 1032"
    })
    void picturesAreCutByTheModelsRules(String model, Detail detail, int width, int height, long tokens) {
        assertThat(MediaTokens.of(model, new Media.Image(detail, width, height)))
                .isEqualTo(Tokens.exactly(tokens));
    }

    @ParameterizedTest
    @CsvSource({
        "gpt-4o, 480000, 48000, 100, 100",
        "gpt-4o, 80000, 0, 100, 800",
        "gemini-3-pro, 480000, 48000, 320, 320",
        "gpt-4o, 0, 0, 32768, 262144"
    })
    void recordingsAreReckonedByTheirTime(String model, long bytes, long bytesPerSecond, long likely, long atMost) {
        assertThat(MediaTokens.of(model, new Media.Audio(bytes, bytesPerSecond)))
                .isEqualTo(new Tokens(likely, atMost));
    }

    @ParameterizedTest
    @CsvSource({
        "100000, true, 4000, 170000",
        "1, true, 2000, 5000",
        "0, true, 10000, 5000000",
        "4001, false, 1001, 4001",
        "0, false, 10000, 52428800"
    })
    void filesAreReckonedByTheirBytes(long bytes, boolean pages, long likely, long atMost) {
        assertThat(MediaTokens.of("gpt-4o", new Media.File(bytes, pages))).isEqualTo(new Tokens(likely, atMost));
    }

    @Property(tries = 1_000)
    void noPictureHasMoreTokensThanTheDearestOne(
            @ForAll("models") String model,
            @ForAll Detail detail,
            @ForAll @IntRange(min = 1, max = 100_000) int width,
            @ForAll @IntRange(min = 1, max = 100_000) int height) {
        Tokens known = MediaTokens.of(model, new Media.Image(detail, width, height));
        Tokens unknown = MediaTokens.of(model, new Media.Image(detail, 0, 0));
        assertThat(known.likely()).isEqualTo(known.atMost()).isBetween(1L, unknown.atMost());
        assertThat(unknown.likely()).isLessThanOrEqualTo(unknown.atMost());
        assertThat(MediaTokens.of(
                        model, List.of(new Media.Image(detail, width, height), new Media.Image(detail, 0, 0))))
                .isEqualTo(known.plus(unknown));
    }

    @net.jqwik.api.Provide
    net.jqwik.api.Arbitrary<String> models() {
        return net.jqwik.api.Arbitraries.of(
                "gpt-4o",
                "gpt-4o-mini",
                "gpt-4.1-mini",
                "gpt-5",
                "gpt-5-mini",
                "gpt-6-astra",
                "o1",
                "claude-opus-5-5",
                "gemini-3-pro",
                "llama");
    }
}
