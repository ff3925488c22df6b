package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

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
final class PeopleCommand extends Group {
    private static final Subject PERSON = new Subject("/admin/v1/people", "ID", "Their id, person_...");
    private static final Subject INVITATION = new Subject("/admin/v1/invitations", "ID", "Its id, inv_...");

    private PeopleCommand() {}

    static CommandLine line() {
        return new PeopleCommand()
                .with(
                        new Invite(),
                        new Invitations(),
                        INVITATION
                                .verb("uninvite", "Takes an invitation back.")
                                .by("POST", "/revoke")
                                .tells((_, id) -> "Invitation " + id + " is taken back."),
                        new ListAll(),
                        new Role(),
                        PERSON.verb("remove", "Removes somebody for good; their tokens stop at once.")
                                .tells((person, _) -> Asking.text(person, "name") + " is removed."));
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

        @Override
        public Integer call() {
            JsonNode invited = make(
                    INVITATION.path(),
                    new Wanted()
                            .with("name", name)
                            .with("email", email)
                            .with("role", role)
                            .with("valid_seconds", Written.seconds("--valid", valid)));
            return shown(
                    invited,
                    name + " is invited (" + text(invited, "id") + ") till " + Table.time(invited.path("expires_at"))
                            + ". The link is shown this once; it stands on the admin port:",
                    text(invited, "link"));
        }
    }

    @Command(name = "invitations", description = "Lists all invitations, used ones too.")
    private static final class Invitations extends Asking {
        @Override
        public Integer call() {
            return listed(
                    all(INVITATION.all()),
                    "There are no invitations.",
                    Column.of("ID", "id"),
                    Column.of("NAME", "name"),
                    Column.of("EMAIL", "email"),
                    Column.of("ROLE", "role"),
                    Column.time("EXPIRES", "expires_at"),
                    Column.time("ACCEPTED", "accepted_at"),
                    Column.time("TAKEN BACK", "revoked_at"));
        }
    }

    @Command(name = "list", description = "Lists all people, removed ones too.")
    private static final class ListAll extends Asking {
        @Override
        public Integer call() {
            return listed(
                    all(PERSON.all()),
                    "There is nobody yet but whoever may read the data folder. 'lockkeeper people invite' changes that.",
                    Column.of("ID", "id"),
                    Column.of("NAME", "name"),
                    Column.of("EMAIL", "email"),
                    Column.of("ROLE", "role"),
                    Column.time("SINCE", "created_at"),
                    Column.time("REMOVED", "removed_at"));
        }
    }

    @Command(name = "role", description = "Gives somebody another role; their tokens follow at once.")
    private static final class Role extends Asking {
        @Parameters(index = "0", paramLabel = "ID", description = "Their id, person_...")
        private String id = "";

        @Parameters(index = "1", paramLabel = "ROLE", description = "owner, admin, developer or viewer.")
        private String role = "";

        @Override
        public Integer call() {
            JsonNode changed = ask("PATCH", PERSON.at(id), new Wanted().with("role", role));
            return told(changed, text(changed, "name") + " is " + text(changed, "role") + " now.");
        }
    }
}
