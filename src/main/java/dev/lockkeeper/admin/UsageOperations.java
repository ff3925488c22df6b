package dev.lockkeeper.admin;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Project;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.ledger.Span;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.ledger.Statements.By;
import dev.lockkeeper.ledger.Statements.Line;
import dev.lockkeeper.ledger.Statements.Unusual;
import dev.lockkeeper.ledger.Statements.UnusualSum;
import dev.lockkeeper.ledger.Sums;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Money;
import java.time.Clock;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API tells of the past: sums by any groups, and entries that want to be looked at. */
public final class UsageOperations {
    private static final String USAGE = "/admin/v1/usage";
    private static final int MOST_UNUSUAL = 1_000;
    private static final List<By> GROUPS = List.of(By.values());
    private static final List<By> FILTERS =
            GROUPS.stream().filter(each -> each != By.DAY).toList();
    private static final String WORDS = GROUPS.stream().map(By::word).collect(Collectors.joining(", "));

    private static final Shape COUNT = new Shape.Whole(0, Long.MAX_VALUE);
    private static final Shape.Struct SUMS = sums(Shape.struct("UsageSums"));
    private static final Shape.Struct LINE = sums(Shape.struct("UsageLine")
            .with("group", group(), "What they have in common: a member for each that was asked for."));
    private static final Shape.Struct ANSWER = Shape.struct("Usage")
            .with("object", Shape.word("usage"), "What this is.")
            .with("from", new Shape.Time(), "The first instant.")
            .with("to", new Shape.Time(), "The first instant behind it.")
            .with("zone", Shape.text(), "Where days begin.")
            .with("by", Shape.listOf(Shape.text()), "The groups.")
            .with(
                    "names",
                    new Shape.Anything(),
                    "Names of the organizations, projects and keys that lines have ids of.")
            .with("data", new Shape.ListOf(LINE, Statements.MAX_LINES), "The lines, in the order of their groups.")
            .with("total", SUMS, "All of them together.");

    private static final Shape.Struct OVERRUN = Shape.struct("Overrun")
            .with("object", Shape.word("overrun"), "What this is.")
            .with("at", new Shape.Time(), "When its money was set aside.")
            .with("call", Shape.text(), "The call's id.")
            .with("attempt", COUNT, "Which of its attempts.")
            .with("organization", Shape.text(), "Id.")
            .with("project", Shape.text(), "Id.")
            .with("key", Shape.text(), "Id.")
            .with("provider", Shape.text(), "Who billed it.")
            .with("model", Shape.text(), "The name that the client asked for.")
            .with("upstream_model", Shape.text(), "What the provider calls it.")
            .with("held", Shape.text(), "Dollars that were set aside.")
            .with("cost", Shape.text(), "Dollars that it cost.")
            .with("overrun", Shape.text(), "Of the cost, what neither the hold nor a hard budget could pay.");
    private static final Shape.Struct OVERRUNS = Shape.struct("Overruns")
            .with("object", Shape.word("list"), "What this is.")
            .with("from", new Shape.Time(), "The first instant.")
            .with("to", new Shape.Time(), "The first instant behind it.")
            .with(
                    "providers",
                    Shape.listOf(Shape.struct("")
                            .with("provider", Shape.text(), "Its name.")
                            .with("entries", COUNT, "How many overruns.")
                            .with("cost", Shape.text(), "Dollars that they cost.")
                            .with("overrun", Shape.text(), "Of the cost, what nothing could pay.")),
                    "Sums of all of them, by provider.")
            .with(
                    "data",
                    new Shape.ListOf(OVERRUN, MOST_UNUSUAL),
                    "The newest " + MOST_UNUSUAL + " of them, the newest first.");

    private final Supplier<Statements> books;
    private final Access access;
    private final Clock clock;

    private UsageOperations(Supplier<Statements> books, Access access, Clock clock) {
        this.books = books;
        this.access = access;
        this.clock = clock;
    }

    /**
     * The operations on what was used.
     *
     * @param books asked when an operation reads them
     */
    public static List<Operation> of(Supplier<Statements> books, Access access, Clock clock) {
        UsageOperations desk = new UsageOperations(books, access, clock);
        return List.of(
                asked(Operation.get(
                        USAGE, "usage", "Tells what was used and what it cost, by any groups.", ANSWER, desk::usage)),
                asked(Operation.get(
                        USAGE + ".csv",
                        "usageAsCsv",
                        "Tells the same as lines of CSV, amounts in nano-dollars.",
                        new Shape.Document("text/csv"),
                        desk::csv)),
                Operation.get(
                                USAGE + "/overruns",
                                "listOverruns",
                                "Lists what providers billed beyond what they were allowed and budgets could pay.",
                                OVERRUNS,
                                desk::overruns)
                        .takes("provider", Shape.text(), "Only those of this one.")
                        .takes("from", SpanQuery.MOMENT, SpanQuery.FROM)
                        .takes("to", SpanQuery.MOMENT, SpanQuery.TO)
                        .takes("zone", SpanQuery.ZONE, SpanQuery.ABOUT_ZONE)
                        .needs(Right.MONEY_READ),
                Operation.get(
                                "/admin/v1/projects/{id}/statement",
                                "statement",
                                "Writes a project's statement of a month: a page that prints well.",
                                new Shape.Document("text/html"),
                                desk::statement)
                        .takes("month", SpanQuery.MONTH, "Such as 2026-11. Default: the month before this one.")
                        .takes("zone", SpanQuery.ZONE, SpanQuery.ABOUT_ZONE)
                        .takes("cost", new Shape.Flag(), "Whether it shows cost and markup, too. Default: false.")
                        .needs(Right.MONEY_READ));
    }

    private static Operation asked(Operation operation) {
        Operation taking = operation.takes(
                "by", Shape.text(), "The groups, divided by commas: some of " + WORDS + ". Default: one line of all.");
        for (By each : FILTERS) {
            taking = taking.takes(each.word(), Shape.text(), "Only what has this.");
        }
        return taking.takes("from", SpanQuery.MOMENT, SpanQuery.FROM)
                .takes("to", SpanQuery.MOMENT, SpanQuery.TO)
                .takes("zone", SpanQuery.ZONE, SpanQuery.ABOUT_ZONE)
                .needs(Right.MONEY_READ);
    }

    private static Shape.Struct group() {
        Shape.Struct group = Shape.struct("");
        for (By each : GROUPS) {
            group = group.optional(each.word(), Shape.text(), each == By.DAY ? "Such as 2026-11-21." : "Id or name.");
        }
        return group;
    }

    private static Shape.Struct sums(Shape.Struct into) {
        Shape.Struct counts = Shape.struct("");
        for (String each : Sums.COUNTS) {
            counts = counts.with(each, COUNT, "The sum of this bucket.");
        }
        return into.with("calls", COUNT, "Attempts.")
                .with("estimated", COUNT, "Of these, those whose provider told no usage.")
                .with("cost", Shape.text(), "Dollars, exact.")
                .with("cost_nanos", COUNT, "The same in nano-dollars.")
                .with("overrun", Shape.text(), "Of the cost, what neither holds nor hard budgets could pay.")
                .with("input_tokens", COUNT, "Tokens of prompts.")
                .with("cached_tokens", COUNT, "Of these, those read from caches.")
                .with("output_tokens", COUNT, "Generated tokens.")
                .with("usage", counts, "The buckets that the sums are made of.");
    }

    private Reply usage(Inquiry asked) {
        Span span = SpanQuery.span(asked, clock);
        List<By> by = by(asked);
        List<Line> lines = books.get().usage(span, by, filters(asked));
        ObjectNode json = Json.object()
                .put("object", "usage")
                .put("from", Json.time(span.fromMillis()))
                .put("to", Json.time(span.toMillis()))
                .put("zone", span.zone().getId());
        Json.put(json, "by", by.stream().map(By::word).toList());
        names(json.putObject("names"), by, lines);
        var data = json.putArray("data");
        Sums total = Sums.NONE;
        for (Line each : lines) {
            ObjectNode line = data.addObject();
            ObjectNode group = line.putObject("group");
            by.forEach(one -> group.put(one.word(), each.of(one)));
            put(line, each.sums());
            total = total.plus(each.sums());
        }
        put(json.putObject("total"), total);
        return Reply.json(200, json);
    }

    /** What the ids are called that stand in the lines. */
    private void names(ObjectNode names, List<By> by, List<Line> lines) {
        for (By each : by) {
            Map<String, String> known = lines.isEmpty() ? Map.of() : names(each);
            for (Line line : known.isEmpty() ? List.<Line>of() : lines) {
                String id = line.of(each);
                String name = known.get(id);
                if (name != null) {
                    names.put(id, name);
                }
            }
        }
    }

    private Map<String, String> names(By by) {
        return switch (by) {
            case ORGANIZATION -> access.tenants().organizationNames();
            case PROJECT -> access.tenants().projectNames();
            case KEY -> access.keys().names(null);
            case END_USER, MODEL, PROVIDER, TAG, DAY -> Map.of();
        };
    }

    private static void put(ObjectNode json, Sums sums) {
        json.put("calls", sums.calls())
                .put("estimated", sums.estimated())
                .put("cost", new Money(sums.costNanos()).toString())
                .put("cost_nanos", sums.costNanos())
                .put("overrun", new Money(sums.overrunNanos()).toString())
                .put("input_tokens", sums.input())
                .put("cached_tokens", sums.cached())
                .put("output_tokens", sums.output());
        ObjectNode counts = json.putObject("usage");
        sums.counts().forEach(counts::put);
    }

    private Reply csv(Inquiry asked) {
        List<By> by = by(asked);
        List<Line> lines = books.get().usage(SpanQuery.span(asked, clock), by, filters(asked));
        StringBuilder csv = new StringBuilder();
        by.forEach(each -> csv.append(each.word()).append(','));
        csv.append("calls,estimated,cost_nanos,overrun_nanos,input_tokens,cached_tokens,output_tokens,")
                .append(String.join(",", Sums.COUNTS))
                .append("\r\n");
        for (Line each : lines) {
            Sums sums = each.sums();
            by.forEach(one -> csv.append(cell(each.of(one))).append(','));
            csv.append(sums.calls())
                    .append(',')
                    .append(sums.estimated())
                    .append(',')
                    .append(sums.costNanos())
                    .append(',')
                    .append(sums.overrunNanos())
                    .append(',')
                    .append(sums.input())
                    .append(',')
                    .append(sums.cached())
                    .append(',')
                    .append(sums.output());
            sums.counts().values().forEach(count -> csv.append(',').append(count.longValue()));
            csv.append("\r\n");
        }
        return new Reply(200, "text/csv; charset=utf-8", Bytes.utf8(csv.toString()));
    }

    /**
     * A text as a cell of RFC 4180. End users' names and tags are what clients sent: one that a spreadsheet would take for a
     * formula gets an apostrophe before it.
     */
    static String cell(String text) {
        String safe = !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
        return safe.matches("[^\",\r\n]*") ? safe : '"' + safe.replace("\"", "\"\"") + '"';
    }

    private static List<By> by(Inquiry asked) {
        String written = asked.asked("by");
        if (written == null || written.isEmpty()) {
            return List.of();
        }
        List<By> by = new ArrayList<>();
        for (String word : written.split(",", -1)) {
            By found = GROUPS.stream()
                    .filter(each -> each.word().equals(word.strip().replace('-', '_')))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(
                            "by: " + word + " (expected: some of " + WORDS + ", divided by commas)"));
            if (by.contains(found)) {
                throw new IllegalArgumentException("by: " + word + " twice (expected: once)");
            }
            by.add(found);
        }
        return by;
    }

    private Map<By, String> filters(Inquiry asked) {
        Map<By, String> filters = new EnumMap<>(By.class);
        for (By each : FILTERS) {
            String value = asked.asked(each.word());
            if (value != null) {
                // The books know ids: what is deleted is still asked for by its own.
                filters.put(each, Named.id(access, each.word(), value));
            }
        }
        return filters;
    }

    private Reply overruns(Inquiry asked) {
        Span span = SpanQuery.span(asked, clock);
        String provider = asked.asked("provider");
        ObjectNode json = Json.object()
                .put("object", "list")
                .put("from", Json.time(span.fromMillis()))
                .put("to", Json.time(span.toMillis()));
        var providers = json.putArray("providers");
        for (UnusualSum each : books.get().unusualSums(span, "overrun", provider, null)) {
            providers
                    .addObject()
                    .put("provider", each.provider())
                    .put("entries", each.entries())
                    .put("cost", new Money(each.costNanos()).toString())
                    .put("overrun", new Money(each.overrunNanos()).toString());
        }
        var data = json.putArray("data");
        for (Unusual each : books.get().unusual(span, "overrun", provider, null, MOST_UNUSUAL)) {
            data.addObject()
                    .put("object", "overrun")
                    .put("at", Json.time(each.atMillis()))
                    .put("call", each.callId())
                    .put("attempt", each.attempt())
                    .put("organization", each.organization())
                    .put("project", each.project())
                    .put("key", each.key())
                    .put("provider", each.provider())
                    .put("model", each.model())
                    .put("upstream_model", each.upstreamModel())
                    .put("held", new Money(each.heldNanos()).toString())
                    .put("cost", new Money(each.costNanos()).toString())
                    .put("overrun", new Money(each.overrunNanos()).toString());
        }
        return Reply.json(200, json);
    }

    private Reply statement(Inquiry asked) {
        Project project = access.tenants().project(asked.id());
        if (project == null) {
            return Named.noProject(asked.id());
        }
        var organization = access.tenants().organization(project.organizationId());
        ZoneId zone = SpanQuery.zone(asked.asked("zone"));
        String written = asked.asked("month");
        YearMonth month =
                written == null ? YearMonth.now(clock.withZone(zone)).minusMonths(1) : SpanQuery.month(written);
        Map<String, String> keys = access.keys().names(project.id());
        Statement statement = Statement.of(
                books.get(),
                project,
                organization == null ? project.organizationId() : organization.name(),
                new Markup(organization == null ? 0 : organization.markupBasisPoints()),
                keys,
                month,
                zone,
                clock.instant());
        return new Reply(
                        200,
                        "text/html; charset=utf-8",
                        Bytes.utf8(StatementPage.of(statement, "true".equals(asked.asked("cost")))))
                .with("content-security-policy", AdminPage.policy(StatementPage.STYLE, ""));
    }
}
