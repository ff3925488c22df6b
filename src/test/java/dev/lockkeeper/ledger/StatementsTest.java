package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Statements.By;
import dev.lockkeeper.ledger.Statements.Line;
import dev.lockkeeper.ledger.Statements.Paid;
import dev.lockkeeper.ledger.Statements.Unusual;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Usage;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/** Sums of the past, held against the entries that they are made of. */
@OnBothStores
class StatementsTest {
    private static final long HOUR = 3_600_000;
    private static final List<Entry.Kind> KINDS = List.of(Entry.Kind.values());
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
    private static final Span ALL =
            new Span(0, Instant.parse("2100-01-01T00:00:00Z").toEpochMilli(), ZoneOffset.UTC);

    @Parameter
    Stores kind = Stores.SQLITE;

    @TempDir
    Path temp;

    private final List<Entry> booked = new ArrayList<>();
    private Database database;
    private Store store;
    private Statements statements;

    @BeforeEach
    void open() throws Exception {
        database = kind.open(temp);
        store = new Store(database, 1);
        statements = new Statements(database);
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void sumsByAnyGroupsAreTheSumsOfTheEntries() {
        Random random = new Random(1);
        // Around the night in which Berlin's clocks are set back.
        book(random, 400, Instant.parse("2026-10-24T00:00:00Z").toEpochMilli(), 60);
        for (int subset = 0; subset < 1 << By.values().length; subset += 1 + random.nextInt(4)) {
            List<By> by = subset(subset);
            ZoneId zone = random.nextBoolean() ? BERLIN : ZoneOffset.UTC;
            Span span = random.nextInt(3) > 0
                    ? new Span(ALL.fromMillis(), ALL.toMillis(), zone)
                    : Span.of(LocalDate.of(2026, 10, 25), zone);
            Map<By, String> only = new EnumMap<>(By.class);
            if (random.nextInt(3) == 0) {
                only.put(By.MODEL, "m1");
            }
            assertThat(told(statements.usage(span, by, only)))
                    .as("by %s, of %s, only %s", by, span, only)
                    .isEqualTo(reckoned(
                            span,
                            by,
                            entry -> only.isEmpty() || entry.hold().model.equals("m1")));
        }
    }

    @Test
    void aDayThatLacksWhatAnOlderProgramBookedIsToldByItsHours() {
        Random random = new Random(5);
        book(random, 300, Instant.parse("2026-10-24T00:00:00Z").toEpochMilli(), 60);
        boolean _ = database.write(
                handle -> handle.execute(
                                "DELETE FROM rollup_user_days WHERE model = 'm1' AND day = ?",
                                Instant.parse("2026-10-25T00:00:00Z").toEpochMilli())
                        > 0,
                _ -> {});
        Span span = new Span(ALL.fromMillis(), ALL.toMillis(), ZoneOffset.UTC);
        for (List<By> by : List.of(List.of(By.END_USER), List.of(By.TAG, By.DAY), List.of(By.PROJECT, By.END_USER))) {
            assertThat(told(statements.usage(span, by, Map.of()))).isEqualTo(reckoned(span, by, _ -> true));
            assertThat(told(statements.usage(span, by, Map.of(By.MODEL, "m1"))))
                    .isEqualTo(reckoned(span, by, entry -> entry.hold().model.equals("m1")));
        }
    }

    @Test
    void whatIsPaidAddsUpToTheEntries() {
        Random random = new Random(7);
        book(random, 300, Instant.parse("2026-10-24T00:00:00Z").toEpochMilli(), 60);
        Span span = new Span(
                Instant.parse("2026-10-24T07:31:00Z").toEpochMilli(),
                Instant.parse("2026-10-26T03:07:00Z").toEpochMilli(),
                BERLIN);
        Map<String, List<Long>> expected = new TreeMap<>();
        for (Entry each : booked) {
            OpenHold hold = each.hold();
            Usage usage = each.bill().usage();
            if (hold.atMillis >= span.fromMillis() && hold.atMillis < span.toMillis() && hold.provider.equals("p1")) {
                expected.merge(
                        span.day(hold.atMillis) + " " + hold.upstreamModel + " " + usage.tier() + " " + each.kind().text
                                + " " + (usage.input() > 500),
                        List.of(1L, each.bill().costNanos(), usage.input(), usage.output()),
                        StatementsTest::plus);
            }
        }
        Map<String, List<Long>> found = new TreeMap<>();
        for (Paid each : statements.paid(span, "p1", null, 600_000, 500)) {
            assertThat(each.provider()).isEqualTo("p1");
            found.merge(
                    each.day() + " " + each.upstreamModel() + " " + each.tier() + " " + each.kind() + " "
                            + each.longPrompts(),
                    List.of(
                            each.sums().calls(),
                            each.sums().costNanos(),
                            each.sums().input(),
                            each.sums().output()),
                    StatementsTest::plus);
        }
        assertThat(found).isEqualTo(expected).isNotEmpty();
    }

    @Test
    void whatBeganOrEndedCloseToMidnightIsToldApart() {
        long midnight = Instant.parse("2026-11-02T00:00:00Z").toEpochMilli();
        Batch batch = new Batch();
        for (long[] each :
                new long[][] {{-700_000, 1_000}, {-700_000, 200_000}, {-1_000, 0}, {599_999, 0}, {600_000, 0}}) {
            entry(batch, midnight + each[0], each[1], "m1", "p1", Usage.of(1, 1), 1, 0, Entry.Kind.SETTLED);
        }
        store.write(batch);
        Map<String, Long> calls = new TreeMap<>();
        statements
                .paid(Span.of(YearMonth.of(2026, 11), ZoneOffset.UTC), null, "m1", 600_000, 9)
                .forEach(each -> calls.put(
                        each.day().getDayOfMonth() + (each.nearMidnight() ? " near" : " far"),
                        each.sums().calls()));
        assertThat(calls).isEqualTo(Map.of("1 far", 1L, "1 near", 2L, "2 near", 1L, "2 far", 1L));
    }

    @Test
    void anHourBelongsToTheDayInWhichItBegins() {
        ZoneId kolkata = ZoneId.of("Asia/Kolkata"); // 5 hours and a half ahead
        long midnight = Instant.parse("2026-11-01T18:30:00Z").toEpochMilli();
        Batch batch = new Batch();
        entry(batch, midnight + 60_000, 0, "m", "p", Usage.of(1, 1), 5, 0, Entry.Kind.SETTLED);
        store.write(batch);
        assertThat(statements.usage(Span.of(YearMonth.of(2026, 11), kolkata), List.of(By.DAY), Map.of()))
                .singleElement()
                .extracting(each -> each.of(By.DAY))
                .isEqualTo("2026-11-01");
    }

    @Test
    void overrunsAndRecoveredEntriesAreListedTheNewestFirst() {
        Batch batch = new Batch();
        entry(batch, 1_000, 0, "m", "p1", Usage.of(1, 1), 10, 0, Entry.Kind.SETTLED);
        entry(batch, 2_000, 0, "m", "p1", Usage.of(1, 1), 20, 4, Entry.Kind.OVERRUN);
        entry(batch, 3_000, 0, "m", "p2", Usage.of(1, 1), 30, 6, Entry.Kind.OVERRUN);
        entry(batch, 4_000, 0, "m", "p1", Usage.NONE, 40, 0, Entry.Kind.RECOVERED);
        store.write(batch);

        assertThat(statements.unusual(ALL, null, null, null, 2))
                .extracting(Unusual::costNanos)
                .containsExactly(40L, 30L);
        assertThat(statements.unusual(ALL, "overrun", "p1", "proj1", 9))
                .extracting(Unusual::overrunNanos)
                .containsExactly(4L);
        assertThat(statements.unusualSums(ALL, null, null, null))
                .extracting(each -> each.provider() + " " + each.kind() + " " + each.entries() + " " + each.costNanos()
                        + " " + each.overrunNanos())
                .containsExactly("p1 overrun 1 20 4", "p1 recovered 1 40 0", "p2 overrun 1 30 6");
        assertThat(statements.unusual(ALL, null, null, "proj9", 9)).isEmpty();
    }

    @Test
    void anEmptySpanHasNoLines() {
        assertThat(statements.usage(ALL, List.of(), Map.of())).isEmpty();
        assertThat(statements.usage(new Span(5, 5, BERLIN), List.of(By.DAY), Map.of()))
                .isEmpty();
        assertThatThrownBy(() -> new Span(5, 4, BERLIN)).hasMessageContaining("to: ");
    }

    private static List<By> subset(int bits) {
        List<By> by = new ArrayList<>();
        List<By> all = List.of(By.values());
        for (int i = 0; i < all.size(); i++) {
            if ((bits >> i & 1) == 1) {
                by.add(all.get(i));
            }
        }
        return by;
    }

    private static List<Long> plus(List<Long> one, List<Long> other) {
        List<Long> both = new ArrayList<>();
        for (int i = 0; i < one.size(); i++) {
            both.add(one.get(i) + other.get(i));
        }
        return both;
    }

    private static Map<String, List<Long>> told(List<Line> lines) {
        Map<String, List<Long>> told = new TreeMap<>();
        for (Line each : lines) {
            Sums sums = each.sums();
            List<Long> values = new ArrayList<>(
                    List.of(sums.calls(), sums.estimated(), sums.costNanos(), sums.overrunNanos(), sums.input()));
            values.addAll(List.of(sums.cached(), sums.output()));
            values.addAll(sums.counts().values());
            assertThat(told.put(each.group().values().toString(), values)).isNull();
        }
        return told;
    }

    private Map<String, List<Long>> reckoned(Span span, List<By> by, Predicate<Entry> only) {
        Map<String, List<Long>> sums = new TreeMap<>();
        for (Entry each : booked) {
            long hour = each.hold().atMillis / HOUR * HOUR;
            if (hour < span.fromMillis() || hour >= span.toMillis() || !only.test(each)) {
                continue;
            }
            Payer payer = each.hold().payer;
            String group = by.stream()
                    .map(one -> switch (one) {
                        case ORGANIZATION -> payer.organization();
                        case PROJECT -> payer.project();
                        case KEY -> payer.key();
                        case END_USER -> payer.endUser();
                        case MODEL -> each.hold().model;
                        case PROVIDER -> each.hold().provider;
                        case TAG -> payer.tag();
                        case DAY ->
                            LocalDate.ofInstant(Instant.ofEpochMilli(hour), span.zone())
                                    .toString();
                    })
                    .toList()
                    .toString();
            Usage usage = each.bill().usage();
            List<Long> values = new ArrayList<>(List.of(
                    1L,
                    each.bill().estimated() ? 1L : 0L,
                    each.bill().costNanos(),
                    each.overrunNanos(),
                    usage.input()));
            values.addAll(List.of(usage.cached(), usage.output()));
            for (long count : Counts.of(usage)) {
                values.add(count);
            }
            sums.merge(group, values, StatementsTest::plus);
        }
        return sums;
    }

    private void book(Random random, int entries, long from, int hours) {
        Batch batch = new Batch();
        for (int i = 0; i < entries; i++) {
            Usage usage = new Usage.Builder()
                    .freshInput(random.nextInt(1_000))
                    .cachedInput(random.nextInt(100))
                    .imageInput(random.nextInt(3))
                    .textOutput(random.nextInt(500))
                    .reasoningOutput(random.nextInt(500))
                    .images(random.nextInt(2))
                    .build()
                    .withTier(random.nextBoolean() ? "" : "flex");
            Entry.Kind kind = KINDS.get(random.nextInt(KINDS.size()));
            booked.add(entry(
                    batch,
                    from + random.nextLong(hours * HOUR),
                    random.nextInt(100_000),
                    "m" + random.nextInt(2),
                    "p" + random.nextInt(2),
                    usage,
                    random.nextLong(1_000_000),
                    kind == Entry.Kind.OVERRUN ? random.nextInt(100) : 0,
                    kind,
                    new Payer(
                            "org" + random.nextInt(2),
                            "proj" + random.nextInt(2),
                            "key" + random.nextInt(2),
                            random.nextBoolean() ? "" : "ann",
                            random.nextBoolean() ? "" : "tag")));
        }
        store.write(batch);
    }

    private static void entry(
            Batch batch,
            long at,
            long millis,
            String model,
            String provider,
            Usage usage,
            long cost,
            long overrun,
            Entry.Kind kind) {
        entry(batch, at, millis, model, provider, usage, cost, overrun, kind, new Payer("org", "proj1", "key", "", ""));
    }

    private static Entry entry(
            Batch batch,
            long at,
            long millis,
            String model,
            String provider,
            Usage usage,
            long cost,
            long overrun,
            Entry.Kind kind,
            Payer payer) {
        boolean estimated = kind == Entry.Kind.RECOVERED;
        Entry entry = new Entry(
                new OpenHold(0, 0, at, "call", 1, payer, provider, model, model + "-x", 5),
                new Bill(cost, usage, estimated, "chat.completions", 200, "served", at, millis),
                overrun,
                kind);
        batch.add(entry);
        return entry;
    }
}
