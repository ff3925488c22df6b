package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import dev.lockkeeper.admin.Invoice;
import dev.lockkeeper.admin.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code usage}: what was used and what it cost; statements, invoices and other prices. */
@Command(
        name = "usage",
        description = "Tells what was used and what it cost, by any groups.",
        synopsisSubcommandLabel = "[COMMAND]",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper usage --by project",
            "  lockkeeper usage --by day,model --project search --from 2026-11-01 --zone Europe/Berlin",
            "  lockkeeper usage --by key,end_user --csv > usage.csv",
            "  lockkeeper usage statement --project search --month 2026-11 --out statement.html",
            "  lockkeeper usage overruns --provider openai",
            "  lockkeeper usage reconcile --provider openai --month 2026-11 --file invoice.csv",
            "  lockkeeper usage reprice --model gpt-5.5 --from 2026-11-01"
        })
final class UsageCommand extends Asking {
    private static final String USAGE = "/admin/v1/usage";

    @Mixin
    private Time time = new Time();

    @Option(
            names = "--by",
            paramLabel = "GROUPS",
            description = "Some of organization, project, key, end_user, model, provider, tag, day, divided by commas."
                    + " Default: one line of all.")
    private @Nullable String by;

    @Option(names = "--organization", paramLabel = "ID", description = "Only this organization, by id or name.")
    private @Nullable String organization;

    @Option(names = "--project", paramLabel = "ID", description = "Only this project, by id or name.")
    private @Nullable String project;

    @Option(names = "--key", paramLabel = "ID", description = "Only this key.")
    private @Nullable String key;

    @Option(names = "--end-user", paramLabel = "NAME", description = "Only this end user.")
    private @Nullable String endUser;

    @Option(names = "--model", paramLabel = "NAME", description = "Only this model, as clients ask for it.")
    private @Nullable String model;

    @Option(names = "--provider", paramLabel = "NAME", description = "Only this provider.")
    private @Nullable String provider;

    @Option(names = "--tag", paramLabel = "TAG", description = "Only this tag.")
    private @Nullable String tag;

    @Option(names = "--csv", description = "Prints lines of CSV, amounts in nano-dollars.")
    private boolean csv;

    private UsageCommand() {}

    static CommandLine line() {
        return new CommandLine(new UsageCommand())
                .addSubcommand(new OfMonth())
                .addSubcommand(new Overruns())
                .addSubcommand(new Reconcile())
                .addSubcommand(new Reprice());
    }

    /** From when to when. */
    static final class Time {
        @Option(
                names = "--from",
                paramLabel = "DAY",
                description =
                        "The first day, or an instant such as 2026-11-01T12:00:00Z. Default: the first of this month.")
        private @Nullable String from;

        @Option(
                names = "--to",
                paramLabel = "DAY",
                description = "The first day, or instant, that is not in it any more. Default: now.")
        private @Nullable String to;

        @Option(
                names = "--zone",
                paramLabel = "ZONE",
                description = "Where days begin, such as Europe/Berlin. Default: UTC.")
        private @Nullable String zone;

        Query into(Query query) {
            return query.with("from", from).with("to", to).with("zone", zone);
        }
    }

    @Override
    public Integer call() {
        if (csv && asJson()) {
            throw misused("--csv and --json (expected: one of them)");
        }
        Query query = time.into(new Query(csv ? USAGE + ".csv" : USAGE).with("by", by))
                .with("organization", organization)
                .with("project", project)
                .with("key", key)
                .with("end_user", endUser)
                .with("model", model)
                .with("provider", provider)
                .with("tag", tag);
        if (csv) {
            out().print(get(query).asString());
            return 0;
        }
        JsonNode answer = get(query);
        if (asJson()) {
            out().println(Json.text(answer));
            return 0;
        }
        List<String> groups = new ArrayList<>();
        answer.path("by").forEach(each -> groups.add(each.asString()));
        List<String> columns = new ArrayList<>();
        groups.forEach(each -> columns.add(each.toUpperCase(Locale.ROOT)));
        columns.addAll(List.of("CALLS", "ESTIMATED", "INPUT", "CACHED", "OUTPUT", "COST"));
        Table table = new Table(columns);
        for (JsonNode each : answer.path("data")) {
            List<String> cells = new ArrayList<>();
            for (String group : groups) {
                String id = each.path("group").path(group).asString();
                cells.add(id.isEmpty() ? "-" : answer.path("names").path(id).asString(id));
            }
            table.add(with(cells, each));
        }
        if (!groups.isEmpty() || answer.path("data").isEmpty()) {
            List<String> all = new ArrayList<>();
            groups.forEach(_ -> all.add(all.isEmpty() ? "all" : ""));
            table.add(with(all, answer.path("total")));
        }
        table.print(out());
        return 0;
    }

    private static List<String> with(List<String> groups, JsonNode sums) {
        List<String> cells = new ArrayList<>(groups);
        for (String each : List.of("calls", "estimated", "input_tokens", "cached_tokens", "output_tokens")) {
            cells.add(Long.toString(sums.path(each).asLong()));
        }
        cells.add(sums.path("cost").asString());
        return cells;
    }

    @Command(
            name = "statement",
            description = "Writes a project's statement of a month as a page that prints well.",
            footer = {"", "Exit codes: 0 written; 1 no such project, or it could not be written; 2 misused."})
    private static final class OfMonth extends Asking {
        @Option(names = "--project", paramLabel = "ID", required = true, description = "The project, by id or name.")
        private String project = "";

        @Option(
                names = "--month",
                paramLabel = "MONTH",
                description = "Such as 2026-11. Default: the month before this one.")
        private @Nullable String month;

        @Option(names = "--zone", paramLabel = "ZONE", description = "Where days begin. Default: UTC.")
        private @Nullable String zone;

        @Option(
                names = "--cost",
                description = "Shows what the providers cost, and the markup, beside what is charged: for yourself.")
        private boolean cost;

        @Option(names = "--out", paramLabel = "FILE", description = "Where the page goes. Default: standard output.")
        private @Nullable Path file;

        @Override
        public Integer call() {
            JsonNode page = get(new Query(ProjectCommand.PROJECT.at(project) + "/statement")
                    .with("month", month)
                    .with("zone", zone)
                    .with("cost", cost ? "true" : null));
            if (file == null) {
                out().print(page.asString());
                return 0;
            }
            try {
                Files.writeString(file, page.asString());
            } catch (IOException e) {
                throw CommandFailure.failed("--out: " + file.toAbsolutePath() + " can't be written: " + e.getMessage());
            }
            return told(
                    Json.object()
                            .put("object", "statement")
                            .put("file", file.toAbsolutePath().toString()),
                    "Written to " + file + ".");
        }
    }

    @Command(
            name = "overruns",
            description = "Lists what providers billed beyond what they were allowed and budgets could pay.")
    private static final class Overruns extends Asking {
        @Mixin
        private Time time = new Time();

        @Option(names = "--provider", paramLabel = "NAME", description = "Only this provider.")
        private @Nullable String provider;

        @Override
        public Integer call() {
            return listed(
                    get(time.into(new Query(USAGE + "/overruns").with("provider", provider))),
                    "No provider billed more than it was allowed.",
                    Column.time("AT", "at"),
                    Column.of("PROVIDER", "provider"),
                    Column.of("MODEL", "upstream_model"),
                    Column.of("CALL", "call"),
                    Column.of("HELD", "held"),
                    Column.of("COST", "cost"),
                    Column.of("OVERRUN", "overrun"));
        }
    }

    @Command(
            name = "reconcile",
            description = "Holds a provider's invoice against the books: the difference per model and day, and what"
                    + " explains it. The file is CSV; its first line names the columns: date (or day, start_time …), model,"
                    + " cost (or amount …) in dollars, and, if it has them, input_tokens and output_tokens, or tokens.",
            footer = {"", "Exit codes: 0 compared; 1 the file can't be read; 2 misused, or the file has a mistake."})
    private static final class Reconcile extends Asking {
        /** A bound: what a file may have. */
        private static final long MAX_BYTES = 64L << 20;

        @Option(names = "--provider", paramLabel = "NAME", required = true, description = "Whose invoice.")
        private String provider = "";

        @Option(names = "--month", paramLabel = "MONTH", required = true, description = "Such as 2026-11.")
        private String month = "";

        @Option(names = "--file", paramLabel = "FILE", required = true, description = "The invoice.")
        private Path file = Path.of("");

        @Option(names = "--zone", paramLabel = "ZONE", description = "Where the provider's days begin. Default: UTC.")
        private @Nullable String zone;

        @Override
        public Integer call() {
            JsonNode answer = ask(
                    "POST",
                    USAGE + "/reconcile",
                    new Wanted()
                            .with("provider", provider)
                            .with("month", month)
                            .with("csv", compact())
                            .with("zone", zone));
            if (asJson()) {
                out().println(Json.text(answer));
                return 0;
            }
            Table table = new Table(List.of("DAY", "MODEL", "INVOICE", "BOOKED", "DIFFERENCE", "BECAUSE"));
            for (JsonNode each : answer.path("data")) {
                List<String> why = new ArrayList<>();
                each.path("because").forEach(one -> why.add(said(one)));
                table.add(List.of(
                        text(each, "day"),
                        text(each, "model"),
                        text(each, "invoice"),
                        text(each, "booked"),
                        text(each, "difference"),
                        why.isEmpty() ? "" : why.getFirst()));
                why.stream().skip(1).forEach(one -> table.add(List.of("", "", "", "", "", one)));
            }
            table.add(List.of(
                    "all", "", text(answer, "invoice"), text(answer, "booked"), text(answer, "difference"), ""));
            table.print(out());
            return 0;
        }

        private static String said(JsonNode because) {
            return because.path("cost").isString()
                    ? because.path("cost").asString() + ": "
                            + because.path("text").asString()
                    : because.path("text").asString();
        }

        /** The file is read here, so that it may be larger than what the admin port takes: days and models are few. */
        private String compact() {
            try {
                if (Files.size(file) > MAX_BYTES) {
                    throw CommandFailure.failed("--file: " + file + " has more than " + (MAX_BYTES >> 20) + " MiB");
                }
                return Invoice.read(
                                Files.readString(file), YearMonth.parse(month), ZoneId.of(zone == null ? "UTC" : zone))
                        .csv();
            } catch (IOException e) {
                throw CommandFailure.failed("--file: " + file.toAbsolutePath() + " can't be read: " + e.getMessage());
            } catch (DateTimeException e) {
                throw misused("--month " + month + ", --zone " + zone + ": " + e.getMessage()
                        + " (expected: a month such as 2026-11, and a zone such as Europe/Berlin)");
            } catch (IllegalArgumentException e) {
                throw misused(String.valueOf(e.getMessage()));
            }
        }
    }

    @Command(
            name = "reprice",
            description = "Tells what past calls would have cost at another model's prices.",
            footer = {
                "",
                "It assumes as many tokens. Effort changes how many a model thinks; nobody publishes a factor that holds,",
                "so none is assumed: measure your own and state it as --effort high=250, or as --output-percent."
            })
    private static final class Reprice extends Asking {
        @Mixin
        private Time time = new Time();

        @Option(
                names = "--model",
                paramLabel = "NAME",
                required = true,
                description =
                        "The other model: one that clients can ask for, PROVIDER/MODEL, or a name of the catalogue.")
        private String model = "";

        @Option(names = "--of", paramLabel = "NAME", description = "Only calls that asked for this model.")
        private @Nullable String of;

        @Option(names = "--provider", paramLabel = "NAME", description = "Only calls of this provider.")
        private @Nullable String provider;

        @Option(
                names = "--output-percent",
                paramLabel = "N",
                description = "How many tokens the other model generates, in percent of what was. Default: 100.")
        private @Nullable String percent;

        @Option(
                names = "--effort",
                paramLabel = "EFFORT=PERCENT",
                description = "Another reasoning effort and how many tokens it thinks, in percent of what was, such as"
                        + " high=250; none alone is 0.")
        private @Nullable String effort;

        @Override
        public Integer call() {
            Query query = new Query(USAGE + "/reprice")
                    .with("model", model)
                    .with("of", of)
                    .with("provider", provider)
                    .with("output_percent", percent)
                    .with("effort", effort);
            JsonNode answer = get(time.into(query));
            if (asJson()) {
                out().println(Json.text(answer));
                return 0;
            }
            Table table =
                    new Table(List.of("PROVIDER", "MODEL", "CALLS", "ESTIMATED", "COST", "REPRICED", "DIFFERENCE"));
            for (JsonNode each : answer.path("data")) {
                table.add(line(text(each, "provider"), text(each, "model"), each));
            }
            table.add(line("all", "", answer.path("total")));
            table.print(out());
            out().println();
            answer.path("assumes").forEach(each -> out().println(each.asString()));
            return 0;
        }

        private static List<String> line(String provider, String model, JsonNode both) {
            return List.of(
                    provider,
                    model,
                    Long.toString(both.path("calls").asLong()),
                    Long.toString(both.path("estimated").asLong()),
                    both.path("cost").asString(),
                    both.path("repriced").asString(),
                    both.path("difference").asString());
        }
    }
}
