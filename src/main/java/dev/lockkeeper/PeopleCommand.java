package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code people}: invites, lists and removes those who operate the gateway. */
@Command(
        name = "people",
        description = "Invites, lists and removes the people who operate this gateway, and changes their roles.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper people invite Ann ann@example.com --role developer    prints a link that works once",
            "  lockkeeper people role person_... admin",
            "  lockkeeper people remove person_...            their tokens stop at once"
        })
final class PeopleCommand implements Runnable {
    private static final String PEOPLE = "/admin/v1/people";
    private static final String INVITATIONS = "/admin/v1/invitations";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private PeopleCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new PeopleCommand())
                .addSubcommand(new Invite(shell))
                .addSubcommand(new Invitations(shell))
                .addSubcommand(new Uninvite(shell))
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new Role(shell))
                .addSubcommand(new Remove(shell));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which of invite, invitations, uninvite, list, role, remove?");
    }

    @Command(
            name = "invite",
            description = "Invites somebody and prints the link, which works once. Nothing is sent: pass it on.")
    private static final class Invite extends Asking {
        @Parameters(index = "0", paramLabel = "NAME", description = "Who is invited.")
        private String name = "";

        @Parameters(index = "1", paramLabel = "EMAIL", description = "Their address, to know them by.")
        private String email = "";

        @Option(
                names = "--role",
                required = true,
                paramLabel = "ROLE",
                description = "What they become: owner, admin, developer or viewer.")
        private String role = "";

        @Option(
                names = "--valid",
                paramLabel = "TIME",
                description = "How long the link can be used, such as 12h. Default: ${DEFAULT-VALUE}.")
        private String valid = "7d";

        Invite(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted =
                    Json.object().put("name", name).put("email", email).put("role", role);
            Written.putSeconds(wanted, "valid_seconds", "--valid", valid);
            JsonNode invited = make(INVITATIONS, wanted);
            return shown(
                    invited,
                    name + " is invited (" + text(invited, "id") + ") till " + Table.time(invited.path("expires_at"))
                            + ". The link is shown this once; it stands on the admin port:",
                    text(invited, "link"));
        }
    }

    @Command(name = "invitations", description = "Lists all invitations, used ones too.")
    private static final class Invitations extends Asking {
        Invitations(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return listed(
                    all(INVITATIONS),
                    "There are no invitations.",
                    List.of("ID", "NAME", "EMAIL", "ROLE", "EXPIRES", "ACCEPTED", "TAKEN BACK"),
                    each -> List.of(
                            text(each, "id"),
                            text(each, "name"),
                            text(each, "email"),
                            text(each, "role"),
                            Table.time(each.path("expires_at")),
                            Table.time(each.path("accepted_at")),
                            Table.time(each.path("revoked_at"))));
        }
    }

    @Command(name = "uninvite", description = "Takes an invitation back.")
    private static final class Uninvite extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, inv_...")
        private String id = "";

        Uninvite(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return told(
                    ask("POST", INVITATIONS + "/" + Desk.escaped(id) + "/revoke", null),
                    "Invitation " + id + " is taken back.");
        }
    }

    @Command(name = "list", description = "Lists all people, removed ones too.")
    private static final class ListAll extends Asking {
        ListAll(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return listed(
                    all(PEOPLE),
                    "There is nobody yet but whoever may read the data folder. 'lockkeeper people invite' changes that.",
                    List.of("ID", "NAME", "EMAIL", "ROLE", "SINCE", "REMOVED"),
                    each -> List.of(
                            text(each, "id"),
                            text(each, "name"),
                            text(each, "email"),
                            text(each, "role"),
                            Table.time(each.path("created_at")),
                            Table.time(each.path("removed_at"))));
        }
    }

    @Command(name = "role", description = "Gives somebody another role; their tokens follow at once.")
    private static final class Role extends Asking {
        @Parameters(index = "0", paramLabel = "ID", description = "Their id, person_...")
        private String id = "";

        @Parameters(index = "1", paramLabel = "ROLE", description = "owner, admin, developer or viewer.")
        private String role = "";

        Role(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            JsonNode changed =
                    ask("PATCH", PEOPLE + "/" + Desk.escaped(id), Json.object().put("role", role));
            return told(changed, text(changed, "name") + " is " + text(changed, "role") + " now.");
        }
    }

    @Command(name = "remove", description = "Removes somebody for good; their tokens stop at once.")
    private static final class Remove extends Asking {
        @Parameters(paramLabel = "ID", description = "Their id, person_...")
        private String id = "";

        Remove(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            JsonNode removed = ask("POST", PEOPLE + "/" + Desk.escaped(id) + "/remove", null);
            return told(removed, text(removed, "name") + " is removed.");
        }
    }
}
