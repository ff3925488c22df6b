package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

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
final class TokensCommand extends Group {
    private static final Subject TOKEN = new Subject("/admin/v1/tokens", "ID", "Its id, token_...");

    private TokensCommand() {}

    static CommandLine line() {
        return new TokensCommand()
                .with(
                        new Create(),
                        new ListAll(),
                        TOKEN.verb("revoke", "Ends an admin token for good, at once.")
                                .tells((token, id) ->
                                        "Token " + Asking.text(token, "name") + " (" + id + ") is revoked."));
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

        @Override
        public Integer call() {
            JsonNode made = make(
                    TOKEN.path(),
                    new Wanted()
                            .with("name", name)
                            .with("scopes", scopes)
                            .with("person", person)
                            .with("expires_at", expires == null ? null : Written.moment("--expires", expires)));
            return shown(
                    made,
                    "Token " + name + " (" + text(made, "id") + ") for " + Table.list(made.path("scopes"), "nothing")
                            + ". Its text is shown this once:",
                    text(made, "token"));
        }
    }

    @Command(name = "list", description = "Lists all admin tokens but that of the data folder; never their text.")
    private static final class ListAll extends Asking {
        @Override
        public Integer call() {
            return listed(
                    all(TOKEN.all()),
                    "There are no admin tokens but that of the data folder.",
                    Column.of("ID", "id"),
                    Column.of("NAME", "name"),
                    Column.of("PERSON", "person"),
                    new Column("TEXT", each -> "lk-admin-…" + text(each, "last4")),
                    Column.time("EXPIRES", "expires_at"),
                    Column.time("REVOKED", "revoked_at"),
                    Column.list("SCOPES", "scopes", "-"));
        }
    }
}
