package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JointTest {
    private static final String TEXT =
            "First the boats wait. Then the lock opens, and the water begins to fall in the nar";
    private static final String REST = "row chamber. At last the lower gate opens.";

    private static String joined(String text, Way way, String other, int size) {
        Joint joint = new Joint(text, way);
        StringBuilder out = new StringBuilder(text);
        for (int at = 0; at < other.length(); at += size) {
            out.append(joint.take(other.substring(at, Math.min(other.length(), at + size))));
        }
        out.append(joint.end());
        return joint.failure() == null ? out.toString() : "! " + joint.failure();
    }

    @Property(tries = 300)
    void theSameTextJoinsWhereverItWasCutAndHoweverItComes(
            @ForAll @StringLength(min = 1, max = 400) String whole,
            @ForAll @IntRange(max = 400) int cut,
            @ForAll @IntRange(min = 1, max = 50) int size) {
        String text = whole.substring(0, Math.min(cut, whole.length()));
        assertThat(joined(text, Way.AGAIN, whole, size)).isEqualTo(whole);
        if (text.length() < whole.length() && text.length() >= Joint.SHORTEST_PREFILL) {
            assertThat(joined(text, Way.PREFILL, whole, size)).as("an echo").isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 50, 1000})
    void aQuotedTextIsGoneOnWithWhereItsEndIsRepeated(int size) {
        String anchor = Joint.anchor(TEXT);
        assertThat(anchor.length()).isLessThanOrEqualTo(Joint.ANCHOR).isGreaterThan(Joint.SURE);
        assertThat(joined(TEXT, Way.QUOTED, anchor + REST, size)).isEqualTo(TEXT + REST);
        assertThat(joined(TEXT, Way.QUOTED, "fall in the nar" + REST, size)).isEqualTo(TEXT + REST);
        assertThat(joined(TEXT, Way.QUOTED, TEXT + REST, size)).isEqualTo(TEXT + REST);
        assertThat(joined("Go", Way.QUOTED, "Go on.", size)).isEqualTo("Go on.");
        String far = java.util.stream.IntStream.range(0, 200)
                        .mapToObj(i -> "x" + i + " ")
                        .collect(java.util.stream.Collectors.joining())
                + TEXT;
        assertThat(joined(far, Way.QUOTED, far.substring(200) + REST, size)).isEqualTo(far + REST);
    }

    @Test
    void aTextThatGoesOnWithoutRepeatingJoinsWhereWordsArePartedOnly() {
        assertThat(joined("The lock opens.", Way.QUOTED, " The boats go.", 5))
                .isEqualTo("The lock opens. The boats go.");
        assertThat(joined("The lock opens", Way.QUOTED, ", as ever.", 5)).isEqualTo("The lock opens, as ever.");
        assertThat(joined(TEXT, Way.QUOTED, REST, 5))
                .isEqualTo("! it can't be told whether a word goes on or another begins");
        assertThat(joined("The lock opens.", Way.QUOTED, "The boats go.", 5)).startsWith("! ");
    }

    @Test
    void whatTalksAboutTheTextDoesNotJoin() {
        assertThat(joined(TEXT, Way.QUOTED, " I'm sorry for that. Here it is:", 9))
                .isEqualTo("! it begins with a preamble");
        assertThat(joined(TEXT, Way.QUOTED, " As I said: fall in the nar" + REST, 9))
                .isEqualTo("! it repeats what was delivered among other words");
        assertThat(joined(TEXT, Way.QUOTED, "First the boats wait. Then somebody opens the lock and", 9))
                .isEqualTo("! it began anew");
        assertThat(joined(TEXT, Way.QUOTED, "", 9)).isEqualTo("! no text came");
        assertThat(joined(TEXT, Way.QUOTED, "the lock opens, and", 9))
                .isEqualTo("! it only repeated what was delivered");
        assertThat(joined(TEXT + " and the river", Way.QUOTED, " river flows", 9))
                .isEqualTo("! it can't be told whether it repeats what was delivered");
    }

    @Test
    void whatEndsBeforeTheDeliveredTextDoesNotJoin() {
        assertThat(joined(TEXT, Way.AGAIN, "First the boats", 4)).isEqualTo("! it ended before what was delivered");
        assertThat(joined(TEXT, Way.AGAIN, TEXT, 4)).isEqualTo(TEXT);
    }

    @Test
    void anEchoIsNotToldTwiceAndWhatOnlyBeginsLikeOneIsTold() {
        assertThat(joined(TEXT, Way.PREFILL, TEXT + REST, 7)).isEqualTo(TEXT + REST);
        assertThat(joined(TEXT, Way.PREFILL, "First the others", 7)).isEqualTo(TEXT + "First the others");
        assertThat(joined(TEXT, Way.PREFILL, "First", 7)).isEqualTo(TEXT + "First");
        assertThat(joined(TEXT, Way.PREFILL, "", 7)).isEqualTo("! no text came");
    }

    @Test
    void aCharacterCutIntoTwoPiecesGoesOutWhole() {
        Joint joint = new Joint("a", Way.AGAIN);
        assertThat(joint.take("ab\ud83d")).isEqualTo("b");
        assertThat(joint.take("\ude00c")).isEqualTo("\ud83d\ude00c");
    }

    @Test
    void aLongTextInSmallPiecesTakesNoLongerThanItsLength() {
        String whole = "One lock and another. ".repeat(10_000);
        String text = whole.substring(0, 200_000);
        for (Way way : new Way[] {Way.AGAIN, Way.PREFILL}) {
            assertTimeout(
                    Duration.ofSeconds(5),
                    () -> assertThat(joined(text, way, whole, 2)).isEqualTo(whole));
        }
    }
}
