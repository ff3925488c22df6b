package dev.lockkeeper.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

/** Counts of tokens that the gateway makes itself: near the truth, and never long. */
class TokenCounterTest {
    private static final Encoding TRUTH = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);
    private static final Percentage NEAR = Percentage.withPercentage(2);

    private final TokenCounter counter = new TokenCounter();

    private static boolean timeEnough() {
        return false;
    }

    private static String letters(int length) {
        return new Random(1)
                .ints(length, 'a', 'z' + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static Bytes ask(String content) {
        return Bytes.of(("{\"messages\":[{\"role\":\"user\",\"content\":\"" + content + "\"}]}")
                .getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void anOrdinaryTextIsCountedNearlyAsItsEncodingDoes() {
        String text = "The lock opens when the water on both sides stands equally high.\n".repeat(500);

        assertThat(counter.count(text, TokenCounterTest::timeEnough)).isCloseTo(TRUTH.countTokensOrdinary(text), NEAR);
        assertThat(counter.count("The lock opens.", TokenCounterTest::timeEnough))
                .isEqualTo(TRUTH.countTokensOrdinary("The lock opens."));
        assertThat(counter.count("", TokenCounterTest::timeEnough)).isZero();
    }

    @Test
    void aTextWithoutBreaksIsCountedInPieces() {
        String text = letters(8 << 10);
        AtomicInteger asked = new AtomicInteger();

        long tokens = counter.count(text, () -> asked.incrementAndGet() < 0);

        assertThat(tokens).isCloseTo(TRUTH.countTokensOrdinary(text), NEAR);
        assertThat(asked).hasValue((8 << 10) / TokenCounter.PIECE);
    }

    @Test
    void beyondSoManyTokensTheRestIsReckonedAtTheSameRate() {
        String text = "7".repeat(512 << 10);
        AtomicInteger asked = new AtomicInteger();

        long tokens = counter.count(text, () -> asked.incrementAndGet() < 0);

        // A token for three digits: after 192 of the 512 pieces there are as many as are counted.
        assertThat(asked.get()).isBetween(185, 195);
        assertThat(tokens).isCloseTo((512 << 10) / 3, NEAR);
    }

    @Test
    void whoIsInAHurryGetsWhatIsKnownSoFar() {
        String text = letters(8 << 10);
        AtomicInteger asked = new AtomicInteger();

        assertThat(counter.count(text, () -> true)).isEqualTo(2 << 10);
        assertThat(counter.count(text, () -> asked.incrementAndGet() > 4))
                .isCloseTo(counter.count(text, TokenCounterTest::timeEnough), Percentage.withPercentage(5));
    }

    @Test
    void noCharacterIsCutInTwo() {
        String text = "a" + "\uD83D\uDD12".repeat(1_500);

        assertThat(counter.count(text, TokenCounterTest::timeEnough))
                .isCloseTo(TRUTH.countTokensOrdinary(text), within(16L));
    }

    @Test
    void ofAPromptEncodedFilesAreLeftOutAndLongTextsInOtherScriptsAreNot() {
        String chinese = "水闸开启".repeat(1_000);

        assertThat(counter.countPrompt(ask("data:image/png;base64," + letters(8_000)), TokenCounterTest::timeEnough))
                .isLessThan(10);
        assertThat(counter.countPrompt(ask(chinese), TokenCounterTest::timeEnough))
                .isCloseTo(TRUTH.countTokensOrdinary(chinese), NEAR);
    }
}
