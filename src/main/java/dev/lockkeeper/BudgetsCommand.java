package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import dev.lockkeeper.admin.Json;
import dev.lockkeeper.units.Money;
import java.math.BigInteger;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/** {@code budgets}: makes, shows, changes and closes budgets; lists what was told of them, and what is held for later. */
@Command(
        name = "budgets",
        description =
                "Makes, lists, shows, changes and closes budgets: how much may be spent. While a server runs on the data"
                        + " folder this goes through it, so that a change applies at once.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper budgets create project web 250usd --period month --time-zone Europe/Berlin",
            "  lockkeeper budgets create key key_... '$5.00' --period day --alerts 80,100 --fallback-model gpt-4o-mini",
            "  lockkeeper budgets create end-user web/ann 1usd --period total --soft",
            "  lockkeeper budgets list",
            "  lockkeeper budgets change bud_3 --amount 300usd",
            "  lockkeeper budgets alerts --state waiting",
            "  lockkeeper budgets pending",
            "  lockkeeper budgets nodes"
        })
final class BudgetsCommand extends Group {
    private static final Subject BUDGET = new Subject("/admin/v1/budgets", "ID", "Its id, bud_...");

    private static final Subject NODE = new Subject("/admin/v1/nodes", "NODE", "Its id, node_...");

    /** Characters of the picture of a budget in a list, and of one that is shown alone. */
    private static final int NARROW = 20;

    private static final int WIDE = 50;

    private BudgetsCommand() {}

    static CommandLine line() {
        return new BudgetsCommand()
                .with(
                        // An amount below zero looks like an option: it is told what is wrong with it.
                        new CommandLine(new Create()).setUnmatchedOptionsArePositionalParams(true),
                        new ListAll(),
                        new Show(),
                        new Change(),
                        BUDGET.verb(
                                        "close",
                                        "Ends a budget: it bounds nothing any more. What was booked stays in the books.")
                                .exits("Exit codes: 0 closed; 1 there is none; 2 the command line is wrong.")
                                .tells((budget, _) -> said(budget) + ", is closed."),
                        new AlertList(),
                        new PendingList(),
                        new NodeList(),
                        new Fence());
    }

    /**
     * An amount as the admin API takes it. A number alone is refused: of {@code $12.50} without quotes a shell leaves 2.50.
     */
    private static String amount(Asking command, String written) {
        if (written.matches("-?\\d+(\\.\\d+)?(?i:usd)")) {
            return written.substring(0, written.length() - "usd".length()).replaceFirst("^-?", "$0\\$");
        }
        if (written.matches("-?\\d*\\.?\\d*")) {
            throw command.misused(
                    "amount: " + written + " (expected: 12.50usd, or '$12.50' in quotes, since a shell makes"
                            + " 2.50 of $12.50 without them)");
        }
        return written;
    }

    /** What a budget does beside bounding, as far as it was written. */
    private static Wanted terms(
            Wanted wanted, @Nullable String alerts, @Nullable Long surge, @Nullable String fallback) {
        wanted.with("alerts", percentages(alerts)).with("surge_percent", surge);
        return "none".equals(fallback) ? wanted.without("fallback_model") : wanted.with("fallback_model", fallback);
    }

    /** Percentages with commas; what is none stays text, which is refused. */
    private static @Nullable ArrayNode percentages(@Nullable String written) {
        if (written == null) {
            return null;
        }
        ArrayNode alerts = Json.object().arrayNode();
        for (String each : written.isEmpty() ? new String[0] : written.split(",", -1)) {
            if (each.strip().matches("\\d{1,9}")) {
                alerts.add(Integer.parseInt(each.strip()));
            } else {
                alerts.add(each);
            }
        }
        return alerts;
    }

    /** Whose budget it is. */
    private static String scope(JsonNode budget) {
        return budget.path("scope_kind").asString() + " "
                + budget.path("scope_id").asString();
    }

    private static String per(JsonNode budget) {
        String period = budget.path("period").asString();
        return period.equals("total") ? "in all" : "per " + period;
    }

    private static String said(JsonNode budget) {
        return "Budget " + budget.path("id").asString() + " of " + scope(budget) + ": "
                + budget.path("amount").asString() + " " + per(budget) + ", "
                + (budget.path("hard").asBoolean() ? "hard" : "soft");
    }

    private static BigInteger nanos(JsonNode budget, String member) {
        return BigInteger.valueOf(Money.parse(budget.path(member).asString()).nanos());
    }

    /**
     * A budget as a bar of what was granted: {@code #} spent, {@code +} held or leased elsewhere, {@code .} free; {@code !} behind it where more is
     * spent and held than that.
     */
    static String bar(JsonNode budget, int width) {
        BigInteger granted = nanos(budget, "granted");
        BigInteger spent = nanos(budget, "spent");
        BigInteger used = spent.add(nanos(budget, "held"))
                .add(budget.has("elsewhere") ? nanos(budget, "elsewhere") : BigInteger.ZERO);
        int spentTo = part(spent, granted, width);
        int usedTo = part(used, granted, width);
        return "[" + "#".repeat(spentTo) + "+".repeat(usedTo - spentTo) + ".".repeat(width - usedTo) + "]"
                + (used.compareTo(granted) > 0 ? "!" : "");
    }

    /** How many of so many characters stand for a part; one at least for the least of it, all only for all of it. */
    private static int part(BigInteger part, BigInteger whole, int width) {
        if (part.signum() <= 0) {
            return 0;
        }
        if (part.compareTo(whole) >= 0) {
            return width;
        }
        int characters = part.multiply(BigInteger.valueOf(width)).divide(whole).intValue();
        return Math.clamp(characters, 1, width - 1);
    }

    private static String percent(JsonNode budget) {
        BigInteger granted = nanos(budget, "granted");
        return granted.signum() <= 0
                ? "-"
                : nanos(budget, "spent").multiply(BigInteger.valueOf(100)).divide(granted) + "%";
    }

    @Command(
            name = "create",
            description =
                    "Makes a budget. It applies at once, also to calls under way; what its scope has spent since the"
                            + " period began counts.",
            footer = {"", "Exit codes: 0 made; 1 it could not be; 2 it is refused, or the command line is wrong."})
    private static final class Create extends Asking {
        @Parameters(
                index = "0",
                paramLabel = "KIND",
                description = "organization, project, key, end-user, model or provider.")
        private String kind = "";

        @Parameters(index = "1", paramLabel = "ID", description = "An id or name; of an end user PROJECT/USER.")
        private String id = "";

        @Parameters(index = "2", paramLabel = "AMOUNT", description = "Dollars: 12.50usd, or '$12.50' in quotes.")
        private String amount = "";

        @Option(
                names = "--period",
                required = true,
                paramLabel = "PERIOD",
                description = "hour, day, week, month or total: how often it begins anew.")
        private String period = "";

        @Option(names = "--time-zone", paramLabel = "ZONE", description = "By whose clocks. Default: UTC.")
        private String zone = "UTC";

        @Option(names = "--soft", description = "Refuses no call, only tells. Default: hard.")
        private boolean soft;

        @Option(
                names = "--carry-over",
                description = "Adds what was not spent to the next period, at most one period's amount.")
        private boolean carryOver;

        @Option(
                names = "--alerts",
                paramLabel = "PERCENTS",
                description = "Percentages at which an alert is told. Default: 50,75,90,100.")
        private @Nullable String alerts;

        @Option(
                names = "--surge",
                paramLabel = "PERCENT",
                description =
                        "At how many percent of what the hour usually costs an alert is told; 0: never. Default: 300.")
        private @Nullable Long surge;

        @Option(
                names = "--fallback-model",
                paramLabel = "MODEL",
                description = "Where calls go for which too little is left. Default: they are refused.")
        private @Nullable String fallback;

        @Override
        public Integer call() {
            Wanted wanted = new Wanted()
                    .with("scope_kind", kind)
                    .with("scope_id", id)
                    .with("amount", amount(this, amount))
                    .with("period", period)
                    .with("time_zone", zone)
                    .with("hard", !soft)
                    .with("carry_over", carryOver);
            JsonNode made = make(BUDGET.path(), terms(wanted, alerts, surge, fallback));
            return shown(
                    made,
                    said(made) + ", " + made.path("free").asString() + " free.",
                    made.path("id").asString());
        }
    }

    @Command(
            name = "list",
            description = "Lists the budgets that stand, the oldest first.",
            footer = {
                "",
                "The bar is what was granted: # spent, + held for calls under way, . free, ! behind it: beyond."
            })
    private static final class ListAll extends Asking {
        @Parameters(
                index = "0",
                arity = "0..1",
                paramLabel = "SCOPE",
                description = "Only those of such scopes: organization, project, key, end-user, model or provider.")
        private @Nullable String kind;

        @Parameters(index = "1", arity = "0..1", paramLabel = "WHICH", description = "Only those of this one.")
        private @Nullable String which;

        @Override
        public Integer call() {
            return listed(
                    all(BUDGET.all().with("scope_kind", kind).with("scope_id", which)),
                    "There are no budgets.",
                    Column.of("ID", "id"),
                    new Column("SCOPE", BudgetsCommand::scope),
                    Column.of("PERIOD", "period"),
                    new Column("", each -> bar(each, NARROW)),
                    new Column("USED", BudgetsCommand::percent),
                    Column.of("SPENT", "spent"),
                    Column.of("HELD", "held"),
                    Column.of("FREE", "free"),
                    Column.of("OF", "granted"),
                    new Column("KIND", each -> each.path("hard").asBoolean() ? "hard" : "soft"),
                    Column.time("ENDS", "period_end"));
        }
    }

    @Command(name = "show", description = "Shows one budget, and how it stands.")
    private static final class Show extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, bud_...")
        private String id = "";

        @Override
        public Integer call() {
            JsonNode budget = get(BUDGET.at(id));
            return showed(
                    budget,
                    List.of(
                            said(budget) + (budget.path("carry_over").asBoolean() ? ", carried over" : ""),
                            "",
                            "  " + bar(budget, WIDE) + " " + percent(budget),
                            "",
                            "  granted  " + text(budget, "granted"),
                            "  spent    " + text(budget, "spent"),
                            "  held     " + text(budget, "held"),
                            "  leased   " + text(budget, "elsewhere") + " by other servers",
                            "  free     " + text(budget, "free"),
                            "  overrun  " + text(budget, "overrun"),
                            "  from     " + Table.time(budget.path("period_start")) + " to "
                                    + Table.time(budget.path("period_end")) + " (" + text(budget, "time_zone") + ")",
                            "  alerts   at " + Table.list(budget.path("alerts"), "no") + "%; surge at "
                                    + text(budget, "surge_percent") + "%",
                            "  used up  "
                                    + (!budget.path("hard").asBoolean()
                                            ? "nothing is refused"
                                            : budget.path("fallback_model").isNull()
                                                    ? "calls are refused"
                                                    : "calls go to " + text(budget, "fallback_model"))));
        }
    }

    @Command(
            name = "change",
            description = "Gives a budget other terms. They apply at once, also to calls under way.",
            footer = {"", "Exit codes: 0 changed; 1 there is none; 2 it is refused, or the command line is wrong."})
    private static final class Change extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, bud_...")
        private String id = "";

        @Option(names = "--amount", paramLabel = "AMOUNT", description = "Dollars: 12.50usd, or '$12.50' in quotes.")
        private @Nullable String amount;

        @Option(names = "--hard", description = "Refuses calls when it is used up.")
        private boolean hard;

        @Option(names = "--soft", description = "Refuses no call, only tells.")
        private boolean soft;

        @Option(names = "--alerts", paramLabel = "PERCENTS", description = "Percentages at which an alert is told.")
        private @Nullable String alerts;

        @Option(names = "--surge", paramLabel = "PERCENT", description = "Percent of the usual; 0: never.")
        private @Nullable Long surge;

        @Option(names = "--fallback-model", paramLabel = "MODEL", description = "Where calls go then; none: refused.")
        private @Nullable String fallback;

        @Override
        public Integer call() {
            if (hard && soft) {
                throw misused("--hard and --soft (expected: one of them)");
            }
            Wanted change = new Wanted().with("amount", amount == null ? null : amount(this, amount));
            if (hard || soft) {
                change.with("hard", hard);
            }
            terms(change, alerts, surge, fallback);
            if (change.json().isEmpty()) {
                throw misused(
                        "nothing to change (expected: --amount, --hard, --soft, --alerts, --surge or --fallback-model)");
            }
            JsonNode changed = ask("PATCH", BUDGET.at(id), change);
            return told(changed, said(changed) + ", " + changed.path("free").asString() + " free.");
        }
    }

    @Command(name = "alerts", description = "Lists what was told of budgets, the newest first.")
    private static final class AlertList extends Asking {
        @Option(
                names = "--state",
                paramLabel = "STATE",
                description = "Only those that are new, waiting, logged, delivered or given_up.")
        private @Nullable String state;

        @Override
        public Integer call() {
            return listed(
                    all(new Query("/admin/v1/alerts").with("state", state)),
                    "There are no alerts.",
                    Column.time("SEEN", "at"),
                    Column.of("STATE", "state"),
                    Column.of("TRIES", "tries"),
                    Column.of("ALERT", "text"),
                    Column.of("TROUBLE", "trouble"));
        }
    }

    @Command(
            name = "nodes",
            description = "Lists the servers that share budgets on one database, and what they have leased of them.")
    private static final class NodeList extends Asking {
        @Override
        public Integer call() {
            return listed(
                    get("/admin/v1/nodes"),
                    "This server shares its budgets with no other.",
                    Column.of("ID", "id"),
                    Column.of("STATE", "state"),
                    Column.time("HEARD", "heard_at"),
                    Column.of("LEASED", "leased"),
                    new Column(
                            "OF",
                            each -> String.join(
                                    ",",
                                    each.path("leases").findValuesAsString("budget").stream()
                                            .distinct()
                                            .toList())),
                    Column.of("PLACE", "place"));
        }
    }

    @Command(
            name = "fence",
            description =
                    "Takes from a server that won't come back what it has leased of budgets, so that others can have it."
                            + " If it comes back all the same, what it books of then is an overrun.",
            footer = {"", "Exit codes: 0 fenced; 1 there is none, or it runs; 2 the command line is wrong."})
    private static final class Fence extends Asking {
        @Parameters(paramLabel = "NODE", description = "Its id, node_...")
        private String id = "";

        @Option(
                names = "--force",
                description = "Even if it says that it runs: what its calls hold may be spent twice.")
        private boolean force;

        @Override
        public Integer call() {
            JsonNode fenced =
                    ask("POST", NODE.at(id) + "/fence", force ? new Wanted().with("force", true) : new Wanted());
            return told(
                    fenced,
                    "Node " + id + " is fenced: " + fenced.path("leased").asString() + " are free for others.");
        }
    }

    @Command(
            name = "pending",
            description = {
                "Lists what money is set aside for that providers bill later, the oldest first: responses in the"
                        + " background and batches.",
                "Without a server it is what the last one left, and goes on with when it is started again."
            })
    private static final class PendingList extends Asking {
        @Option(names = "--kind", paramLabel = "KIND", description = "Only these: response or batch.")
        private @Nullable String kind;

        @Option(names = "--project", paramLabel = "ID", description = "Only those of the project with this id.")
        private @Nullable String project;

        @Override
        public Integer call() {
            return listed(
                    all(new Query("/admin/v1/pending").with("kind", kind).with("project", project)),
                    "Nothing is waited for.",
                    Column.time("SINCE", "since"),
                    Column.of("KIND", "kind"),
                    Column.of("PROVIDER", "provider"),
                    Column.of("ID", "awaited_id"),
                    Column.of("MODEL", "model"),
                    Column.of("PROJECT", "project"),
                    Column.of("HELD", "held"),
                    Column.time("UNTIL", "until"));
        }
    }
}
