package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.admin.Invoice.Line;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.NotBlank;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class InvoiceTest {
    private static final YearMonth NOVEMBER = YearMonth.of(2026, 11);

    private static List<Line> read(String csv) {
        return Invoice.read(csv, NOVEMBER, ZoneOffset.UTC).lines();
    }

    @Test
    void columnsAreFoundByTheirNames() {
        assertThat(
                        read(
                                "\uFEFFModel, Amount Value ,Start Time,Currency,Prompt Tokens,note\r\n"
                                        + "\"gpt-5.5, fast\",$1.5,2026-11-01T23:30:00Z,usd,12,\"a \"\"note\"\"\nof two lines\"\r\n\r\n"))
                .containsExactly(new Line(LocalDate.of(2026, 11, 1), "gpt-5.5, fast", 1_500_000_000, 12L));
        assertThat(Invoice.read(
                                "start_time\tline_item\tcost\n1793573400\tm\t1e-3",
                                NOVEMBER,
                                ZoneId.of("Europe/Berlin"))
                        .lines())
                .containsExactly(new Line(LocalDate.of(2026, 11, 1), "m", 1_000_000, null));
    }

    @Test
    void linesOfTheSameDayAndModelAreAddedUp() {
        assertThat(read("day,model,cost,tokens\n2026-11-02,m,1,5\n2026-11-01,m,-0.25,1\n2026-11-02,m,2,6"))
                .containsExactly(
                        new Line(LocalDate.of(2026, 11, 1), "m", -250_000_000, 1L),
                        new Line(LocalDate.of(2026, 11, 2), "m", 3_000_000_000L, 11L));
    }

    @Test
    void aMistakeIsToldWithLineAndColumn() {
        refused("", "csv: is empty");
        refused("date,cost\n", "csv: line 1 names no column of the model (expected: one of model, model_name,");
        refused("date,model,cost\n2026-11-01,m,1\n\nx,m,1", "csv: line 4, column date: 'x' (expected: a day such as");
        refused("date,model,Cost\n2026-11-01,m,\"1,000\"", "csv: line 2, column Cost: '1,000' (expected: dollars");
        refused("date,model,cost\n2026-11-01,m", "csv: line 2 has 2 columns (expected: 3, as the first line)");
        refused("date,model,cost\n2026-10-31,m,1", "column date: '2026-10-31' (expected: a day of 2026-11)");
        refused("date,model,cost,currency\n2026-11-01,m,1,EUR", "column currency: 'EUR' (expected: USD)");
        refused(
                "date,model,cost,tokens\n2026-11-01,m,1,-4",
                "column tokens: '-4' (expected: a whole number of tokens)");
        refused("date,model,cost\n2026-11-01,,1", "column model: '' (expected: the name of a model)");
        refused("date,model,cost\n2026-11-01,\"m,1", "csv: line 2 has a quotation mark that is not closed");
        refused("date,model,cost\n2026-11-01,m,1e50", "column cost: '1e50' (expected: at most $");
    }

    private static void refused(String csv, String message) {
        assertThatThrownBy(() -> read(csv))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Property(tries = 200)
    void whatIsWrittenIsReadAgain(
            @ForAll @Size(min = 1, max = 12) List<@IntRange(min = 1, max = 30) Integer> days,
            @ForAll @NotBlank @StringLength(max = 12) String model,
            @ForAll @LongRange(min = -1_000_000_000_000L, max = 1_000_000_000_000L) long cost) {
        Map<LocalDate, Line> lines = new TreeMap<>();
        for (int day : days) {
            LocalDate on = NOVEMBER.atDay(day);
            lines.put(on, new Line(on, model.strip().replace("\r", ""), cost, (long) day));
        }
        if (lines.values().iterator().next().model().isBlank()) {
            return;
        }
        Invoice invoice = new Invoice(new ArrayList<>(lines.values()));
        assertThat(read(invoice.csv())).isEqualTo(invoice.lines());
    }
}
