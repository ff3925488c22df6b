package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** {@code limits}: lists, sets and removes limits; asks for others, and decides on wishes. */
@Command(
        name = "limits",
        description =
                "Lists, sets and removes how much may come in, and decides on wishes for more. While a server runs on"
                        + " the data folder this goes through it, so that a change counts at once.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper limits list",
            "  lockkeeper limits set key key_... requests-per-minute 600 --burst 50",
            "  lockkeeper limits set end-user 'proj_.../*' tokens-per-day 200000    each end user of a project",
            "  lockkeeper limits set organization org_... concurrent-calls none",
            "  lockkeeper limits remove key key_... requests-per-minute",
            "  lockkeeper limits request project proj_... tokens-per-minute 1000000 --reason 'a workshop'",
            "  lockkeeper limits approve quota_..."
        })
final class LimitsCommand extends Group {
    private static final String LIMITS = "/admin/v1/limits";
    private static final String REQUESTS = "/admin/v1/quota-requests";

    private LimitsCommand() {}

    static CommandLine line() {
        return new LimitsCommand()
                .with(
                        new ListAll(),
                        // An amount below zero looks like an option: it is told what is wrong with it.
                        new CommandLine(new SetOne()).setUnmatchedOptionsArePositionalParams(true),
                        new Remove(),
                        new CommandLine(new Request()).setUnmatchedOptionsArePositionalParams(true),
                        new Requests(),
                        Decide.line("approve"),
                        Decide.line("refuse"));
    }

    /** On what a limit is set. */
    private static final class On {
        @Parameters(
                index = "0",
                paramLabel = "KIND",
                description = "organization, project, key, end-user, model or provider.")
        private String kind = "";

        @Parameters(
                index = "1",
                paramLabel = "ID",
                description = "An id or name; of an end user PROJECT/USER; * for each that has no limit of its own.")
        private String id = "";
    }

    /** A limit as it is wished for. */
    private static final class Wish {
        @Mixin
        private On on = new On();

        @Parameters(
                index = "2",
                paramLabel = "MEASURE",
                description = "requests-per-second, requests-per-minute, requests-per-day, tokens-per-minute,"
                        + " tokens-per-day or concurrent-calls.")
        private String measure = "";

        @Parameters(index = "3", paramLabel = "AMOUNT", description = "The most; none for no limit.")
        private String amount = "";

        @Option(
                names = "--burst",
                paramLabel = "N",
                description = "The most at once after a rest, per second or minute. Default: the amount.")
        private @Nullable Long burst;

        private Wanted wanted(Asking command) {
            Wanted wanted = new Wanted().with("kind", on.kind).with("id", on.id).with("measure", measure);
            return (amount.equals("none") ? wanted.without("amount") : wanted.with("amount", amount(command)))
                    .with("burst", burst);
        }

        private long amount(Asking command) {
            try {
                return Long.parseLong(amount);
            } catch (NumberFormatException e) {
                throw command.misused("amount: " + amount + " (expected: a whole number, or none)");
            }
        }
    }

    private static String said(JsonNode limit) {
        JsonNode amount = limit.path("amount");
        return (amount.isNull() ? "no limit of" : amount.asString()) + " "
                + limit.path("measure").asString().replace('-', ' ')
                + (limit.path("burst").isNumber()
                        ? " (burst " + limit.path("burst").asString() + ")"
                        : "");
    }

    private static String subject(JsonNode limit) {
        return limit.path("kind").asString() + " " + limit.path("id").asString();
    }

    @Command(name = "list", description = "Lists the limits that are set.")
    private static final class ListAll extends Asking {
        private static final String ROW = "%-12s  %-32s  %-20s  %12s  %12s";

        @Parameters(
                index = "0",
                arity = "0..1",
                paramLabel = "KIND",
                description = "Only those on organization, project, key, end-user, model or provider.")
        private @Nullable String kind;

        @Parameters(index = "1", arity = "0..1", paramLabel = "ID", description = "Only those on this one.")
        private @Nullable String id;

        @Override
        public Integer call() {
            JsonNode limits = all(new Query(LIMITS).with("kind", kind).with("id", id));
            List<String> lines = new ArrayList<>();
            lines.add(ROW.formatted("KIND", "ID", "MEASURE", "AMOUNT", "BURST"));
            for (JsonNode each : limits.path("data")) {
                lines.add(ROW.formatted(
                        each.path("kind").asString(),
                        each.path("id").asString(),
                        each.path("measure").asString(),
                        each.path("amount").isNull()
                                ? "none"
                                : each.path("amount").asString(),
                        each.path("burst").isNull() ? "-" : each.path("burst").asString()));
            }
            return showed(limits, lines);
        }
    }

    @Command(
            name = "set",
            description = "Sets a limit, in place of the one that was there.",
            footer = {"", "Exit codes: 0 set; 1 it could not be; 2 it is refused, or the command line is wrong."})
    private static final class SetOne extends Asking {
        @Mixin
        private Wish wish = new Wish();

        @Override
        public Integer call() {
            JsonNode set = ask("POST", LIMITS, wish.wanted(this));
            return told(set, noted(set, "Limit of " + subject(set) + ": " + said(set) + "."));
        }
    }

    @Command(
            name = "remove",
            description = "Takes a limit away, or all of a subject's.",
            footer = {"", "Exit codes: 0 removed; 1 there is no such limit; 2 the command line is wrong."})
    private static final class Remove extends Asking {
        @Mixin
        private On on = new On();

        @Parameters(index = "2", arity = "0..1", paramLabel = "MEASURE", description = "Only of this.")
        private @Nullable String measure;

        @Override
        public Integer call() {
            Query query =
                    new Query(LIMITS).with("kind", on.kind).with("id", on.id).with("measure", measure);
            JsonNode removed = ask("DELETE", query.toString(), null);
            return told(removed, "Removed from " + subject(removed) + ".");
        }
    }

    @Command(
            name = "request",
            description = "Asks for another limit; the wish waits for a decision.",
            footer = {"", "Exit codes: 0 it waits; 1 it could not be kept; 2 the command line is wrong."})
    private static final class Request extends Asking {
        @Mixin
        private Wish wish = new Wish();

        @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why so much is needed.")
        private String reason = "";

        @Option(names = "--link", paramLabel = "URL", description = "To its papers.")
        private String link = "";

        @Override
        public Integer call() {
            JsonNode asked = ask(
                    "POST", REQUESTS, wish.wanted(this).with("reason", reason).with("link", link));
            return shown(
                    asked,
                    "It waits: " + subject(asked) + ", " + said(asked) + ".",
                    asked.path("request_id").asString());
        }
    }

    @Command(name = "requests", description = "Lists wishes for other limits, the newest first.")
    private static final class Requests extends Asking {
        private static final String ROW = "%-30s  %-8s  %-20s  %-40s  %-40s  %s";

        @Option(
                names = "--state",
                paramLabel = "STATE",
                description = "Only those that are waiting, approved or refused.")
        private @Nullable String state;

        @Override
        public Integer call() {
            JsonNode requests = all(new Query(REQUESTS).with("state", state));
            List<String> lines = new ArrayList<>();
            lines.add(ROW.formatted("ID", "STATE", "ASKED", "FOR", "HOW MUCH", "WHY"));
            for (JsonNode each : requests.path("data")) {
                lines.add(ROW.formatted(
                        each.path("request_id").asString(),
                        each.path("state").asString(),
                        Table.time(each.path("asked_at")),
                        subject(each),
                        said(each),
                        each.path("reason").asString()));
            }
            return showed(requests, lines);
        }
    }

    @Command(
            description = "Decides on a wish: approved, its limit is set at once; refused, nothing changes.",
            footer = {"", "Exit codes: 0 decided; 1 there is no such wish or it was decided before; 2 it is refused."})
    private static final class Decide extends Asking {
        private final String how;

        @Parameters(paramLabel = "ID", description = "Its id, quota_...")
        private String id = "";

        @Option(names = "--note", paramLabel = "TEXT", description = "Why, for whoever asked.")
        private String note = "";

        private Decide(String how) {
            this.how = how;
        }

        static CommandLine line(String how) {
            return new CommandLine(new Decide(how)).setCommandName(how);
        }

        @Override
        public Integer call() {
            JsonNode decided =
                    ask("POST", REQUESTS + "/" + Desk.escaped(id) + "/" + how, new Wanted().with("note", note));
            return told(
                    decided,
                    noted(
                            decided,
                            "Request " + decided.path("request_id").asString() + " is "
                                    + decided.path("state").asString() + ": " + subject(decided) + ", " + said(decided)
                                    + "."));
        }
    }
}
