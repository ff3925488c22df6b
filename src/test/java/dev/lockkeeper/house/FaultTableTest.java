package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.FaultTable;
import dev.lockkeeper.testing.FaultTable.Got;
import dev.lockkeeper.testing.FaultTable.Outage;
import dev.lockkeeper.testing.FaultTable.Seen;
import dev.lockkeeper.testing.FaultTable.Size;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Each row of the table of faults, with shorter limits and all at once. */
class FaultTableTest {
    /** What the clock of a loaded machine may be late. */
    private static final long LATE_MILLIS = 10_000;

    /** What is told with a status, by row. */
    private static final Map<String, String> REFUSED = Map.of(
            "content filter",
            "400 content_filter",
            "both: context too long",
            "400 context_length_exceeded",
            "both: 503 for ever",
            "503 no_target_available",
            "both: 429, `Retry-After: 40`",
            "503 no_target_available");

    private static FaultTable table;

    @BeforeAll
    static void start() {
        table = new FaultTable(Size.SHORT);
    }

    @AfterAll
    static void stop() {
        table.close();
    }

    @Test
    void aCallerHasTheWholeAnswerWhereAHealthyTargetIsAndElseIsToldSo() throws Exception {
        SoftAssertions all = new SoftAssertions();
        List<Seen> rows = table.together();
        assertThat(rows).hasSizeGreaterThan(60);
        for (Seen seen : rows) {
            String what =
                    seen.row().name() + ": " + seen.asked() + " " + seen.row().remark();
            all.assertThat(seen.got())
                    .as(what + ": " + seen.told())
                    .isEqualTo(seen.row().got());
            all.assertThat(seen.atFirst())
                    .as(what + ", at the first")
                    .isEqualTo(seen.row().atFirst());
            all.assertThat(seen.atSecond())
                    .as(what + ", at the second")
                    .isEqualTo(seen.row().atSecond());
            if (seen.row().got() == Got.REFUSED) {
                all.assertThat(seen.told())
                        .as(what)
                        .isEqualTo(REFUSED.get(seen.row().name()));
            }
            if (seen.row().silent()) {
                long limit = Size.SHORT.firstToken().toMillis();
                all.assertThat(seen.silenceMillis())
                        .as(what + ", how long it was waited for")
                        .isBetween(limit - 100, limit + LATE_MILLIS);
            }
        }
        all.assertAll();
    }

    @Test
    void noCallIsLostInAnOutage() throws Exception {
        Outage seen = table.outage();
        assertThat(seen.wrong()).isEmpty();
        assertThat(seen.whole()).isEqualTo(seen.calls());
        assertThat(seen.atSecond()).isPositive();
        // Without a breaker each call would try thrice.
        assertThat(seen.atFirst()).isBetween(1, 3 * seen.calls());
    }
}
