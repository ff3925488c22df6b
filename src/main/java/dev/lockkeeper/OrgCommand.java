package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code org}: makes, changes, closes and deletes organizations. */
@Command(
        name = "org",
        description = "Makes, lists, changes, closes, opens, revokes and deletes organizations: who pays.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper org create Acme --markup 2.5     statements add 2.5%%",
            "  lockkeeper org close Acme                   its keys are refused at once, until 'org open Acme'",
            "  lockkeeper org revoke Acme                  the same for good",
            "  lockkeeper org list --json"
        })
final class OrgCommand implements Runnable {
    private static final String AT = "/admin/v1/organizations";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private OrgCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new OrgCommand())
                .addSubcommand(new Create(shell))
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new Change(shell))
                .addSubcommand("close", new Become(shell, "close", "is closed; its keys are refused"))
                .addSubcommand("open", new Become(shell, "open", "is open"))
                .addSubcommand("revoke", new Become(shell, "revoke", "is revoked; its keys are refused for good"))
                .addSubcommand(new Delete(shell));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which of create, list, change, close, open, revoke, delete?");
    }

    private static String at(String organization) {
        return AT + "/" + Desk.escaped(organization);
    }

    /** Percent as written, such as {@code 2.5} or {@code -10}, in hundredths of one. */
    private static void markup(ObjectNode json, String percent) {
        if (percent.matches("-?\\d{1,4}(\\.\\d{1,2})?")) {
            json.put(
                    "markup_basis_points",
                    new java.math.BigDecimal(percent).movePointRight(2).intValueExact());
        } else {
            throw Written.refused("--markup", percent, "percent with at most 2 decimals, such as 2.5 or -10");
        }
    }

    private static String named(JsonNode organization) {
        return "Organization " + organization.path("name").asString() + " ("
                + organization.path("id").asString() + ") ";
    }

    @Command(name = "create", description = "Makes an organization.")
    private static final class Create extends Asking {
        @Parameters(paramLabel = "NAME", description = "What to call it.")
        private String name = "";

        @Option(
                names = "--markup",
                paramLabel = "PERCENT",
                description = "What statements add to the cost; below 0 a discount. Default: 0.")
        private String markup = "0";

        Create(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object().put("name", name);
            markup(wanted, markup);
            JsonNode made = make(AT, wanted);
            return told(made, named(made) + "is made.");
        }
    }

    @Command(name = "list", description = "Lists all organizations, the oldest first.")
    private static final class ListAll extends Asking {
        ListAll(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return listed(
                    all(AT),
                    "There are no organizations.",
                    List.of("ID", "NAME", "STATE", "MARKUP", "PROJECTS", "KEYS", "CREATED"),
                    each -> List.of(
                            text(each, "id"),
                            text(each, "name"),
                            text(each, "state"),
                            java.math.BigDecimal.valueOf(
                                                    each.path("markup_basis_points")
                                                            .asLong(),
                                                    2)
                                            .toPlainString() + "%",
                            text(each, "projects"),
                            text(each, "keys"),
                            Table.time(each.path("created_at"))));
        }
    }

    @Command(name = "change", description = "Renames an organization or changes its markup.")
    private static final class Change extends Asking {
        @Parameters(paramLabel = "ORGANIZATION", description = "Its id or name.")
        private String organization = "";

        @Option(names = "--name", paramLabel = "NAME", description = "What to call it from now on.")
        private @Nullable String name;

        @Option(names = "--markup", paramLabel = "PERCENT", description = "What statements add to the cost.")
        private @Nullable String markup;

        Change(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object();
            if (name != null) {
                wanted.put("name", name);
            }
            if (markup != null) {
                markup(wanted, markup);
            }
            JsonNode changed = ask("PATCH", at(organization), wanted);
            return told(changed, named(changed) + "is changed.");
        }
    }

    @Command(description = "Takes, or refuses, an organization's keys, at once.")
    private static final class Become extends Asking {
        private final String verb;
        private final String done;

        @Parameters(paramLabel = "ORGANIZATION", description = "Its id or name.")
        private String organization = "";

        Become(Shell shell, String verb, String done) {
            super(shell);
            this.verb = verb;
            this.done = done;
        }

        @Override
        public Integer call() {
            JsonNode changed = ask("POST", at(organization) + "/" + verb, null);
            return told(changed, named(changed) + done + ".");
        }
    }

    @Command(name = "delete", description = "Deletes an organization that has no projects and no money on it.")
    private static final class Delete extends Asking {
        @Parameters(paramLabel = "ORGANIZATION", description = "Its id or name.")
        private String organization = "";

        Delete(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return told(ask("DELETE", at(organization), null), "Organization " + organization + " is deleted.");
        }
    }
}
