package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

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
final class LimitsCommand implements Runnable {
    private static final String LIMITS = "/admin/v1/limits";
    private static final String REQUESTS = "/admin/v1/quota-requests";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private LimitsCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new LimitsCommand())
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new SetOne(shell))
                .addSubcommand(new Remove(shell))
                .addSubcommand(new Request(shell))
                .addSubcommand(new Requests(shell))
                .addSubcommand("approve", new Decide(shell, "approve"))
                .addSubcommand("refuse", new Decide(shell, "refuse"));
    }

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(), "Which of list, set, remove, request, requests, approve, refuse?");
    }

    /** What every one of them has. */
    private static final class Common {
        @Mixin
        private DataFolder folder = new DataFolder();

        @Option(names = "--json", description = "Prints the answer as JSON.")
        private boolean json;
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

        private ObjectNode body(CommandSpec spec) {
            ObjectNode body = Json.object()
                    .put("kind", on.kind)
                    .put("id", on.id)
                    .put("measure", measure)
                    .put("amount", amount(spec));
            return burst == null ? body : body.put("burst", burst);
        }

        private @Nullable Long amount(CommandSpec spec) {
            try {
                return amount.equals("none") ? null : (Long) Long.parseLong(amount);
            } catch (NumberFormatException e) {
                throw new ParameterException(
                        spec.commandLine(), "amount: " + amount + " (expected: a whole number, or none)");
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

    private static void notes(Shell shell, JsonNode answer) {
        answer.path("notes").forEach(note -> shell.err().println("Note: " + note.asString() + "."));
    }

    @Command(name = "list", description = "Lists the limits that are set.")
    private static final class ListAll implements Callable<Integer> {
        private static final String ROW = "%-12s  %-32s  %-20s  %12s  %12s%n";

        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Common common = new Common();

        ListAll(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            JsonNode limits = common.folder.atDesk(spec, shell, false, "GET", LIMITS, null);
            if (common.json) {
                shell.out().println(Json.text(limits));
                return 0;
            }
            shell.out().printf(ROW, "KIND", "ID", "MEASURE", "AMOUNT", "BURST");
            for (JsonNode each : limits.path("data")) {
                shell.out()
                        .printf(
                                ROW,
                                each.path("kind").asString(),
                                each.path("id").asString(),
                                each.path("measure").asString(),
                                each.path("amount").isNull()
                                        ? "none"
                                        : each.path("amount").asString(),
                                each.path("burst").isNull()
                                        ? "-"
                                        : each.path("burst").asString());
            }
            return 0;
        }
    }

    @Command(
            name = "set",
            description = "Sets a limit, in place of the one that was there.",
            footer = {"", "Exit codes: 0 set; 1 it could not be; 2 it is refused, or the command line is wrong."})
    private static final class SetOne implements Callable<Integer> {
        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Common common = new Common();

        @Mixin
        private Wish wish = new Wish();

        SetOne(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            JsonNode set = common.folder.atDesk(spec, shell, false, "POST", LIMITS, wish.body(spec));
            if (common.json) {
                shell.out().println(Json.text(set));
            } else {
                shell.err().println("Limit of " + subject(set) + ": " + said(set) + ".");
                notes(shell, set);
            }
            return 0;
        }
    }

    @Command(
            name = "remove",
            description = "Takes a limit away, or all of a subject's.",
            footer = {"", "Exit codes: 0 removed; 1 there is no such limit; 2 the command line is wrong."})
    private static final class Remove implements Callable<Integer> {
        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Common common = new Common();

        @Mixin
        private On on = new On();

        @Parameters(index = "2", arity = "0..1", paramLabel = "MEASURE", description = "Only of this.")
        private @Nullable String measure;

        Remove(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            String path = LIMITS + "?kind=" + Desk.escaped(on.kind) + "&id=" + Desk.escaped(on.id)
                    + (measure == null ? "" : "&measure=" + Desk.escaped(measure));
            JsonNode removed = common.folder.atDesk(spec, shell, false, "DELETE", path, null);
            if (common.json) {
                shell.out().println(Json.text(removed));
            } else {
                shell.err().println("Removed from " + subject(removed) + ".");
            }
            return 0;
        }
    }

    @Command(
            name = "request",
            description = "Asks for another limit; the wish waits for a decision.",
            footer = {"", "Exit codes: 0 it waits; 1 it could not be kept; 2 the command line is wrong."})
    private static final class Request implements Callable<Integer> {
        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Common common = new Common();

        @Mixin
        private Wish wish = new Wish();

        @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why so much is needed.")
        private String reason = "";

        @Option(names = "--link", paramLabel = "URL", description = "To its papers.")
        private String link = "";

        Request(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            ObjectNode body = wish.body(spec).put("reason", reason).put("link", link);
            JsonNode asked = common.folder.atDesk(spec, shell, false, "POST", REQUESTS, body);
            if (common.json) {
                shell.out().println(Json.text(asked));
            } else {
                shell.err().println("It waits: " + subject(asked) + ", " + said(asked) + ".");
                shell.err().flush();
                shell.out().println(asked.path("request_id").asString());
            }
            return 0;
        }
    }

    @Command(name = "requests", description = "Lists wishes for other limits, the newest first.")
    private static final class Requests implements Callable<Integer> {
        private static final String ROW = "%-30s  %-8s  %-20s  %-40s  %-40s  %s%n";

        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Common common = new Common();

        @Option(
                names = "--state",
                paramLabel = "STATE",
                description = "Only those that are waiting, approved or refused.")
        private @Nullable String state;

        Requests(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            String path = state == null ? REQUESTS : REQUESTS + "?state=" + Desk.escaped(state);
            JsonNode requests = common.folder.atDesk(spec, shell, false, "GET", path, null);
            if (common.json) {
                shell.out().println(Json.text(requests));
                return 0;
            }
            shell.out().printf(ROW, "ID", "STATE", "ASKED", "FOR", "HOW MUCH", "WHY");
            for (JsonNode each : requests.path("data")) {
                shell.out()
                        .printf(
                                ROW,
                                each.path("request_id").asString(),
                                each.path("state").asString(),
                                Table.time(each.path("asked_at")),
                                subject(each),
                                said(each),
                                each.path("reason").asString());
            }
            return 0;
        }
    }

    @Command(
            description = "Decides on a wish: approved, its limit is set at once; refused, nothing changes.",
            footer = {"", "Exit codes: 0 decided; 1 there is no such wish or it was decided before; 2 it is refused."})
    private static final class Decide implements Callable<Integer> {
        private final Shell shell;
        private final String how;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Common common = new Common();

        @Parameters(paramLabel = "ID", description = "Its id, quota_...")
        private String id = "";

        @Option(names = "--note", paramLabel = "TEXT", description = "Why, for whoever asked.")
        private String note = "";

        Decide(Shell shell, String how) {
            this.shell = shell;
            this.how = how;
        }

        @Override
        public Integer call() {
            JsonNode decided = common.folder.atDesk(
                    spec,
                    shell,
                    false,
                    "POST",
                    REQUESTS + "/" + Desk.escaped(id) + "/" + how,
                    Json.object().put("note", note));
            if (common.json) {
                shell.out().println(Json.text(decided));
            } else {
                shell.err()
                        .println("Request " + decided.path("request_id").asString() + " is "
                                + decided.path("state").asString() + ": " + subject(decided) + ", " + said(decided)
                                + ".");
                notes(shell, decided);
            }
            return 0;
        }
    }
}
