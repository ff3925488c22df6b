package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.time.Clock;
import java.util.ArrayList;
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

/** {@code tokens}: makes, lists and revokes what opens the admin API. */
@Command(
        name = "tokens",
        description = "Makes, lists and revokes admin tokens, which open the admin API as far as their scopes go.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper tokens create terraform --scopes keys:write,tenants:write --expires 90d",
            "  lockkeeper tokens list",
            "  lockkeeper tokens revoke token_..."
        })
final class TokensCommand implements Runnable {
    private static final String AT = "/admin/v1/tokens";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private TokensCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new TokensCommand())
                .addSubcommand(new Create(shell))
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new Revoke(shell));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which of create, list, revoke?");
    }

    @Command(name = "create", description = "Makes an admin token and prints its text, which is shown this once.")
    private static final class Create extends Asking {
        @Parameters(paramLabel = "NAME", description = "Who or what has it.")
        private String name = "";

        @Option(
                names = "--scopes",
                split = ",",
                required = true,
                paramLabel = "SCOPE",
                description = "What it may, divided by commas: tenants, keys, people, money, audit or server, each with"
                        + " :read or :write.")
        private List<String> scopes = new ArrayList<>();

        @Option(names = "--person", paramLabel = "ID", description = "Whose it is, person_... Default: a program's.")
        private @Nullable String person;

        @Option(
                names = "--expires",
                paramLabel = "TIME",
                description = "When it stops working: 2026-12-31, a full time, or 90d from now. Default: never.")
        private @Nullable String expires;

        Create(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object().put("name", name);
            scopes.forEach(wanted.putArray("scopes")::add);
            if (person != null) {
                wanted.put("person", person);
            }
            if (expires != null) {
                wanted.put(
                        "expires_at",
                        Written.moment("--expires", expires, Clock.systemUTC().instant()));
            }
            JsonNode made = make(AT, wanted);
            return shown(
                    made,
                    "Token " + name + " (" + text(made, "id") + ") for " + Table.list(made.path("scopes"), "nothing")
                            + ". Its text is shown this once:",
                    text(made, "token"));
        }
    }

    @Command(name = "list", description = "Lists all admin tokens but that of the data folder; never their text.")
    private static final class ListAll extends Asking {
        ListAll(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return listed(
                    all(AT),
                    "There are no admin tokens but that of the data folder.",
                    List.of("ID", "NAME", "PERSON", "TEXT", "EXPIRES", "REVOKED", "SCOPES"),
                    each -> List.of(
                            text(each, "id"),
                            text(each, "name"),
                            text(each, "person"),
                            "lk-admin-…" + text(each, "last4"),
                            Table.time(each.path("expires_at")),
                            Table.time(each.path("revoked_at")),
                            Table.list(each.path("scopes"), "-")));
        }
    }

    @Command(name = "revoke", description = "Ends an admin token for good, at once.")
    private static final class Revoke extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, token_...")
        private String id = "";

        Revoke(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            JsonNode revoked = ask("POST", AT + "/" + Desk.escaped(id) + "/revoke", null);
            return told(revoked, "Token " + text(revoked, "name") + " (" + id + ") is revoked.");
        }
    }
}
