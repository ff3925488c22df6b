package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class DivisionTest {
    @Property(tries = 1_000)
    void nobodyHasMoreWhileSomebodyWantsAndHasLess(
            @ForAll @LongRange(max = 1_000) long total,
            @ForAll @Size(min = 1, max = 8) List<@IntRange(max = 400) Integer> asked,
            @ForAll @IntRange(max = 5) int idle,
            @ForAll @IntRange(max = 100) int turn) {
        int count = asked.size();
        long[] wants = asked.stream().mapToLong(Integer::longValue).toArray();
        long[] least = Arrays.stream(wants).map(each -> Math.min(1, each)).toArray();
        long[] parts = Division.of(total, least, wants, count + idle, turn);
        long given = Arrays.stream(parts).sum();
        assertThat(given).isLessThanOrEqualTo(total);
        for (int i = 0; i < count; i++) {
            assertThat(parts[i]).isNotNegative();
            if (parts[i] < wants[i]) {
                assertThat(given).as("nothing is left while somebody wants").isEqualTo(total);
                for (int k = 0; k < count; k++) {
                    assertThat(parts[k]).isLessThanOrEqualTo(parts[i] + 1);
                }
            }
        }
        if (idle == 0 && total - given > 0) {
            assertThat(total - given).isLessThan(count);
        }
    }

    @Test
    void whereNotAllCanHaveWhatIsOfUseEachHasItInTurn() {
        long[] least = {30, 30, 30};
        for (int turn = 0; turn < 3; turn++) {
            assertThat(Division.of(40, least, least, 3, turn)[turn]).isEqualTo(30);
            assertThat(Division.of(1, new long[] {1, 1, 1}, least, 3, turn)[turn])
                    .isEqualTo(1);
        }
    }

    @Test
    void whoDoesNotAskLeavesItsPart() {
        assertThat(Division.of(60, new long[] {1}, new long[] {1}, 3, 0)).containsExactly(20);
        assertThat(Division.of(60, new long[] {1}, new long[] {1}, 1, 0)).containsExactly(60);
        assertThat(Division.of(60, new long[] {1, 1}, new long[] {60, 2}, 3, 0)).containsExactly(58, 2);
    }
}
